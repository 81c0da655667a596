package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// store is a folder in which a device keeps what it knows of a channel:
//
//	lock                 held by the process that follows the channel
//	state.0, state.1     the state, twice: no damage to one of them takes the device back
//	bundles/<digest>.nsb the last good bundle, by its manifest; the next one before it is in use
//	parts/<leaf>         pieces of the next one, so that an interrupted update goes on
//
// States and bundles appear under their names as a whole or not at all, whenever
// the power fails. One goroutine at a time.
type store struct {
	dir     string
	disk    disk
	lock    *os.File
	counter uint64 // of the newest slot
}

var (
	// ErrLocked says that a folder is in use. Two processes that follow a
	// channel need a folder each.
	ErrLocked = errors.New("host: another process follows a channel in this folder")

	// ErrState says that a device does not know any more what it has seen, which
	// must not look as if it had seen nothing. Whoever removes the whole folder
	// begins anew with the root, and can then be given old bundles again, as on
	// the first day.
	ErrState = errors.New("host: no copy of the state is whole")
)

// Folders of a store.
const (
	bundlesDir = "bundles"
	partsDir   = "parts"
)

// unfinished ends the names of files that are being written.
const unfinished = ".tmp"

// openStore makes dir if it is not there, and locks it.
func openStore(dir string, d disk) (*store, error) {
	s := &store{dir: dir, disk: d}
	for _, folder := range []string{dir, filepath.Join(dir, bundlesDir), filepath.Join(dir, partsDir)} {
		if err := s.mkdir(folder); err != nil {
			return nil, fmt.Errorf("host: %w", err)
		}
	}
	var err error
	if s.lock, err = lock(filepath.Join(dir, "lock")); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return s, nil
}

// mkdir makes a folder and those it lies in, durably: a store whose folder is
// forgotten forgets its state.
func (s *store) mkdir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := s.mkdir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.disk.syncDir(parent)
}

func (s *store) close() error { return s.lock.Close() }

func (s *store) slot(i int) string { return filepath.Join(s.dir, "state."+strconv.Itoa(i)) }

// maxSlot bounds the file of a slot: a state, and 64 bytes around it at most.
const maxSlot = trust.MaxState + 64

// maxCounter bounds the counter of a slot.
const maxCounter = 1 << 53

// appendSlot appends the document of a slot, a map: 0 "slot", 1 counter, 2 state
// (bin), 3 SHA-256 of all that stands before key 3 (bin).
func appendSlot(dst []byte, counter uint64, state []byte) []byte {
	at := len(dst)
	dst = wire.AppendString(wire.AppendUint(wire.AppendMap(dst, 4), 0), "slot")
	dst = wire.AppendUint(wire.AppendUint(dst, 1), counter)
	dst = wire.AppendBin(wire.AppendUint(dst, 2), state)
	sum := sha256.Sum256(dst[at:])
	return wire.AppendBin(wire.AppendUint(dst, 3), sum[:])
}

// parseSlot reads what appendSlot has written; ok is false when a byte is not as
// it was. The state aliases doc.
func parseSlot(doc []byte) (counter uint64, state []byte, ok bool) {
	var sum [sha256.Size]byte
	d := wire.NewDecoder(doc)
	top := d.Map(4)
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(len("slot")) != "slot" {
				d.Fail(`"slot"`)
			}
		case 1:
			counter = d.Uint(maxCounter)
		case 2:
			state = d.Bin(trust.MaxState)
		case 3:
			d.BinExact(sum[:])
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1, 2, 3)
	const last = 1 + 2 + sha256.Size // key 3 and its value
	if d.End() != nil || sha256.Sum256(doc[:len(doc)-last]) != sum {
		return 0, nil, false
	}
	return counter, state, true
}

// newest returns the state of the slot with the highest counter, or nil when no
// slot is as it was written. whole says whether all slots have that state.
func newest(slots [2][]byte) (counter uint64, state []byte, whole bool) {
	var counters [2]uint64
	whole = true
	for i, doc := range slots {
		n, s, ok := parseSlot(doc)
		if !ok {
			whole = false
			continue
		}
		if counters[i] = n; state == nil || n > counter {
			counter, state = n, s
		}
	}
	return counter, state, whole && counters[0] == counters[1]
}

// load returns the newest state, or nil when the folder has not been used yet.
// whole is false when a copy of it is missing, damaged or older: see mend.
func (s *store) load() (state []byte, whole bool, err error) {
	var slots [2][]byte
	used := false
	for i := range slots {
		b, readErr := readFile(s.slot(i), maxSlot)
		if !errors.Is(readErr, fs.ErrNotExist) {
			used = true
			err = errors.Join(err, readErr) // which does not matter when the other copy is whole
		}
		slots[i] = b
	}
	if s.counter, state, whole = newest(slots); state != nil {
		return state, whole, nil
	}
	// The state is written before any bundle: without it there is none.
	bundles, readErr := os.ReadDir(filepath.Join(s.dir, bundlesDir))
	if !errors.Is(readErr, fs.ErrNotExist) {
		err = errors.Join(err, readErr)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w: %w", s.dir, ErrState, err)
	}
	if used || len(bundles) > 0 {
		return nil, false, fmt.Errorf("%s: %w", s.dir, ErrState)
	}
	return nil, true, nil
}

// mend makes both copies of the state the newest one.
func (s *store) mend(state []byte) error { return s.writeSlots(s.counter, state) }

// put stores a state. When it fails the state may be either: load tells which.
func (s *store) put(state []byte) error {
	if err := s.writeSlots(s.counter+1, state); err != nil {
		return err
	}
	s.counter++
	return nil
}

// writeSlots writes one copy after the other, so that one of them is whole at
// any time, and both are when it returns.
func (s *store) writeSlots(counter uint64, state []byte) error {
	doc := appendSlot(nil, counter, state)
	for i := range 2 {
		if err := s.write(s.slot(i), doc); err != nil {
			return err
		}
	}
	return nil
}

// write replaces a file, durably, as a whole or not at all.
func (s *store) write(name string, b []byte) error {
	f, err := s.disk.create(name + unfinished)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if err := s.disk.rename(name+unfinished, name); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if err := s.disk.syncDir(filepath.Dir(name)); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

func (s *store) bundlePath(manifest [32]byte) string {
	return filepath.Join(s.dir, bundlesDir, hex.EncodeToString(manifest[:])+".nsb")
}

// bundle returns the file of a bundle, which nobody has checked.
func (s *store) bundle(manifest [32]byte) ([]byte, error) {
	b, err := readFile(s.bundlePath(manifest), bundle.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	return b, nil
}

func (s *store) putBundle(manifest [32]byte, file []byte) error {
	return s.write(s.bundlePath(manifest), file)
}

func (s *store) partPath(leaf [32]byte) string {
	return filepath.Join(s.dir, partsDir, hex.EncodeToString(leaf[:]))
}

// part returns a piece, which nobody has checked, or nil.
func (s *store) part(leaf [32]byte) []byte {
	b, err := readFile(s.partPath(leaf), digest.LeafSize)
	if err != nil {
		return nil // it is fetched again
	}
	return b
}

// putPart keeps a piece for a later try. Why not durably? It is checked again
// before it is used, and a sync for each would cost more than the few that a
// failure of the power loses.
func (s *store) putPart(leaf [32]byte, b []byte) error {
	f, err := s.disk.create(s.partPath(leaf))
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

// keepBundles removes all bundles but some.
func (s *store) keepBundles(manifests ...[32]byte) error {
	return s.clean(bundlesDir, func(name string) bool {
		for _, m := range manifests {
			if name == filepath.Base(s.bundlePath(m)) {
				return true
			}
		}
		return false
	})
}

// keepParts removes all pieces that wanted does not name.
func (s *store) keepParts(wanted func(leaf [32]byte) bool) error {
	return s.clean(partsDir, func(name string) bool {
		b, err := hex.DecodeString(name)
		return err == nil && len(b) == 32 && wanted([32]byte(b))
	})
}

// clean removes the files of a folder that keep does not want.
func (s *store) clean(folder string, keep func(name string) bool) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, folder))
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	for _, e := range entries {
		if keep(e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, folder, e.Name())); err != nil {
			return fmt.Errorf("host: %w", err)
		}
	}
	return nil
}

// readFile reads a file of at most max bytes.
func readFile(name string, max int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := readAtMost(f, max)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// disk is what a durable write asks of a file system. Tests have one that fails,
// and one that forgets what was not synced.
type disk interface {
	create(name string) (file, error) // empty, also when it is there
	rename(from, to string) error
	syncDir(name string) error
}

type file interface {
	io.WriteCloser
	Sync() error
}

// osDisk is the machine's own.
type osDisk struct{}

func (osDisk) create(name string) (file, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
