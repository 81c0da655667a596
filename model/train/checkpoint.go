package train

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"

	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
)

// A checkpoint is a document in the subset of core/wire:
//
//	0 str  "nearside checkpoint"
//	1 uint 1, the version
//	2 bin  SHA-256 of the configuration
//	3 bin  SHA-256 of the matrix
//	4 uint epochs done
//	5 bin  what the next epoch needs, float32 little-endian: of iALS the item
//	       factors, each row padded to a multiple of 16
const (
	checkpointKind    = "nearside checkpoint"
	checkpointVersion = 1
)

// checkpoint is the file that keeps a training's last finished epoch. With an
// empty path its methods do nothing.
type checkpoint struct {
	path           string
	wanted         bool // resume from it
	config, matrix [sha256.Size]byte
}

// newCheckpoint is for a training from m.
func newCheckpoint(t *training, m *data.Matrix) *checkpoint {
	if t.cfg.Checkpoint == "" {
		return &checkpoint{}
	}
	return &checkpoint{path: t.cfg.Checkpoint, wanted: t.cfg.Resume, config: digestConfig(t.cfg), matrix: digestMatrix(m)}
}

// digestConfig covers what the factors after a given epoch depend on. The
// number of epochs is not among it: a training may be resumed to go further.
// Nor is what is shipped, which is made at the end.
func digestConfig(c Config) [sha256.Size]byte {
	p := maps.Clone(c.Params)
	delete(p, "epochs")
	delete(p, "ship")
	text := fmt.Appendf(nil, "%s seed=%d %v", c.Algorithm, c.Seed, p)
	if c.From != nil {
		text = wire.AppendFloat32s(append(text, " from "...), c.From.Factors)
	}
	return sha256.Sum256(text)
}

func digestMatrix(m *data.Matrix) [sha256.Size]byte {
	h := sha256.New()
	var row []byte
	row = binary.LittleEndian.AppendUint64(row, uint64(m.Rows))
	row = binary.LittleEndian.AppendUint64(row, uint64(m.Cols))
	for r := range m.Rows {
		col, val := m.Row(r)
		row = binary.LittleEndian.AppendUint64(row, uint64(len(col)))
		for e, c := range col {
			weight := float32(1)
			if val != nil {
				weight = val[e]
			}
			row = binary.LittleEndian.AppendUint32(row, uint32(c))
			row = binary.LittleEndian.AppendUint32(row, math.Float32bits(weight))
		}
		h.Write(row) // a hash never fails
		row = row[:0]
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// epochs has every epoch done that is not, from 1, each in so many steps. state
// is all that one leaves to the next. The checkpoint that it returns is to be
// removed when the model is finished.
func (t *training) epochs(epochs, steps int, state []float32, epoch func(epoch int) error) (*checkpoint, error) {
	c := newCheckpoint(t, t.Pairs)
	return c, c.run(epochs, steps, state, t.meter, epoch, func(int) bool { return false })
}

// run is what training.epochs does with a checkpoint, until the epochs that are
// done are enough.
func (c *checkpoint) run(epochs, steps int, state []float32, m *meter, epoch func(epoch int) error, enough func(done int) bool) error {
	done, err := c.resume(state)
	if err != nil {
		return err
	}
	if done > epochs {
		return fmt.Errorf("checkpoint %q has %d epochs: want at most %d", c.path, done, epochs)
	}
	m.state.Done = int64(done) * int64(steps)
	for done < epochs && !enough(done) {
		done++
		if err := epoch(done); err != nil {
			return fmt.Errorf("epoch %d of %d: %w", done, epochs, err)
		}
		if err := c.save(done, state); err != nil {
			return err
		}
	}
	return nil
}

// resume reads the file into factors and returns how many epochs are done: 0,
// with factors as they were, when nobody asked to resume or there is no file.
func (c *checkpoint) resume(factors []float32) (done int, err error) {
	if !c.wanted {
		return 0, nil
	}
	doc, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	done, err = c.parse(doc, factors)
	if err != nil {
		return 0, fmt.Errorf("checkpoint %q: %w", c.path, err)
	}
	return done, nil
}

func (c *checkpoint) parse(doc []byte, factors []float32) (done int, err error) {
	d := wire.NewDecoder(doc)
	m, err := openDocument(d, checkpointKind, checkpointVersion)
	if err != nil {
		return 0, err
	}
	var config, matrix [sha256.Size]byte
	var floats wire.Float32s
	for m.Next() {
		switch m.Key {
		case 2:
			d.BinExact(config[:])
		case 3:
			d.BinExact(matrix[:])
		case 4:
			done = int(d.Uint(math.MaxInt32))
		case 5:
			floats = wire.Float32s(d.Bin(math.MaxUint32))
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3, 4, 5)
	if err := d.End(); err != nil {
		return 0, err
	}
	switch {
	case config != c.config:
		return 0, errors.New("learnt with another configuration: remove it, or do not resume")
	case matrix != c.matrix:
		return 0, errors.New("learnt from other data: remove it, or do not resume")
	case len(floats) != 4*len(factors):
		return 0, fmt.Errorf("%d bytes of factors: want %d", len(floats), 4*len(factors))
	}
	for k := range factors {
		factors[k] = floats.At(k)
	}
	return done, nil
}

// save replaces the file: a crash leaves the old one or the new one.
func (c *checkpoint) save(done int, factors []float32) error {
	if c.path == "" {
		return nil
	}
	doc := appendDocument(nil, 6, checkpointKind, checkpointVersion)
	doc = wire.AppendBin(wire.AppendUint(doc, 2), c.config[:])
	doc = wire.AppendBin(wire.AppendUint(doc, 3), c.matrix[:])
	doc = wire.AppendUint(wire.AppendUint(doc, 4), uint64(done))
	doc = wire.AppendBinHead(wire.AppendUint(doc, 5), 4*len(factors))
	doc = wire.AppendFloat32s(doc, factors)
	if err := replaceFile(c.path, doc); err != nil {
		return fmt.Errorf("checkpoint after epoch %d: %w", done, err)
	}
	return nil
}

// remove deletes the file of a training that is finished.
func (c *checkpoint) remove() error {
	if c.path == "" {
		return nil
	}
	return os.Remove(c.path)
}

// replaceFile writes a temporary file beside path, forces it to the disk and
// renames it.
func replaceFile(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
