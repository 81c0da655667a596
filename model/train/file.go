package train

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
)

// A model file is a document in the subset of core/wire; n items, d factors:
//
//	0  str   "nearside model"
//	1  uint  1, the version
//	2  str   algorithm
//	3  array of n items, each a map: 0 id, 1 title, 2 tags, 3 text, 4 author,
//	         5 published, 6 url, 7 image
//	4  bin   count, uint32[n]
//	5  map   label: 0 users, 1 events, 2 dropped, 3 min item users, 4 digest
//	6  uint  d
//	7  bin   factors, float32[n×d]
//	8  bin   alpha, reg, exponent: float32[3]
//	9  bin   neighbours: row ends, uint32[n]
//	10 bin   neighbours: items, uint32[m]
//	11 bin   neighbours: weights, float32[m]
const (
	modelKind    = "nearside model"
	modelVersion = 1
	maxModelFile = 4 << 30
	maxString    = 1 << 20
)

// Write writes the model's file. The same model gives the same bytes.
func (m *Model) Write(w io.Writer) error {
	doc := appendDocument(nil, 12, modelKind, modelVersion)
	doc = wire.AppendString(append(doc, 2), string(m.Algorithm))
	doc = wire.AppendArray(append(doc, 3), len(m.Items))
	for _, it := range m.Items {
		doc = wire.AppendMap(doc, 8)
		doc = wire.AppendString(append(doc, 0), it.ID)
		doc = wire.AppendString(append(doc, 1), it.Title)
		doc = wire.AppendArray(append(doc, 2), len(it.Tags))
		for _, t := range it.Tags {
			doc = wire.AppendString(doc, t)
		}
		doc = wire.AppendString(append(doc, 3), it.Text)
		doc = wire.AppendString(append(doc, 4), it.Author)
		doc = wire.AppendInt(append(doc, 5), it.Published)
		doc = wire.AppendString(append(doc, 6), it.URL)
		doc = wire.AppendString(append(doc, 7), it.Image)
	}
	doc = wire.AppendBin(append(doc, 4), wire.AppendUint32s(nil, m.Count))
	doc = wire.AppendMap(append(doc, 5), 5)
	doc = wire.AppendUint(append(doc, 0), m.Label.Users)
	doc = wire.AppendUint(append(doc, 1), m.Label.Events)
	doc = wire.AppendUint(append(doc, 2), m.Label.Dropped)
	doc = wire.AppendUint(append(doc, 3), uint64(m.Label.MinItemUsers))
	doc = wire.AppendBin(append(doc, 4), m.Label.Digest[:])
	doc = wire.AppendUint(append(doc, 6), uint64(m.Dim))
	doc = wire.AppendFloat32s(wire.AppendBinHead(append(doc, 7), 4*len(m.Factors)), m.Factors)
	doc = wire.AppendBin(append(doc, 8), wire.AppendFloat32s(nil, []float32{m.Alpha, m.Reg, m.Exponent}))
	nb := m.Neighbours
	if nb == nil {
		nb = &data.Matrix{Ptr: []int64{0}}
	}
	doc = wire.AppendBinHead(append(doc, 9), 4*(len(nb.Ptr)-1))
	for _, p := range nb.Ptr[1:] {
		doc = binary.LittleEndian.AppendUint32(doc, uint32(p))
	}
	doc = wire.AppendBinHead(append(doc, 10), 4*len(nb.Col))
	for _, c := range nb.Col {
		doc = binary.LittleEndian.AppendUint32(doc, uint32(c))
	}
	doc = wire.AppendFloat32s(wire.AppendBinHead(append(doc, 11), 4*len(nb.Val)), nb.Val)
	_, err := io.Copy(w, bytes.NewReader(doc))
	return err
}

// Save replaces the file at path with the model's: a crash leaves the old one
// or the new one.
func (m *Model) Save(path string) error {
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		return err
	}
	if err := replaceFile(path, b.Bytes()); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// Read reads a model file. It refuses any other file, and a damaged one.
func Read(path string) (*Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if info.Size() > maxModelFile {
		return nil, fmt.Errorf("train: %s: %d bytes, want at most %d", path, info.Size(), int64(maxModelFile))
	}
	doc, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	m, err := parseModel(doc)
	if err != nil {
		return nil, fmt.Errorf("train: %s: not a model file: %w", path, err)
	}
	return m, nil
}

// openDocument checks which document d stands at, so that the wrong kind of
// file is named before a strange field is. It reads nothing from d itself.
func openDocument(d *wire.Decoder, kind string, version uint64) error {
	peek := *d
	m := peek.Map(64)
	if m.Next() && m.Key == 0 {
		if got := peek.String(64); peek.Err() == nil && got != kind {
			return fmt.Errorf("it is a %q, want a %q", got, kind)
		}
	}
	if m.Next() && m.Key == 1 {
		if got := peek.Uint(math.MaxUint64); peek.Err() == nil && got != version {
			return fmt.Errorf("version %d, want %d", got, version)
		}
	}
	return peek.Err()
}

func parseModel(doc []byte) (*Model, error) {
	var (
		m                        Model
		factors, params, weights wire.Float32s
		counts, ends, columns    wire.Uint32s
		d                        = wire.NewDecoder(doc)
	)
	if err := openDocument(d, modelKind, modelVersion); err != nil {
		return nil, err
	}
	top := d.Map(12)
	for top.Next() {
		switch top.Key {
		case 0:
			d.String(len(modelKind))
		case 1:
			d.Uint(modelVersion)
		case 2:
			m.Algorithm = Algorithm(d.String(64))
		case 3:
			n := d.Array(math.MaxInt32)
			for range n {
				m.Items = append(m.Items, readItem(d))
				if d.Err() != nil {
					break
				}
			}
		case 4:
			counts = d.Bin(math.MaxUint32)
		case 5:
			m.Label = readLabel(d)
		case 6:
			m.Dim = int(d.Uint(MaxDim))
		case 7:
			factors = d.Bin(math.MaxUint32)
		case 8:
			params = d.Bin(12)
		case 9:
			ends = d.Bin(math.MaxUint32)
		case 10:
			columns = d.Bin(math.MaxUint32)
		case 11:
			weights = d.Bin(math.MaxUint32)
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	if err := d.End(); err != nil {
		return nil, err
	}
	n := len(m.Items)
	if len(counts) != 4*n || len(params) != 12 || len(factors)%4 != 0 || len(ends)%4 != 0 || len(columns) != len(weights) || len(columns)%4 != 0 {
		return nil, fmt.Errorf("%d items and tensors of other lengths", n)
	}
	for i := range n {
		m.Count = append(m.Count, counts.At(i))
	}
	m.Alpha, m.Reg, m.Exponent = params.At(0), params.At(1), params.At(2)
	switch m.Algorithm {
	case IALS:
		if m.Dim < 1 || factors.Len() != n*m.Dim {
			return nil, fmt.Errorf("%d factors for %d items of %d", factors.Len(), n, m.Dim)
		}
		m.Factors = make([]float32, factors.Len())
		for k := range m.Factors {
			m.Factors[k] = factors.At(k)
		}
	case EASE:
		return &m, m.readNeighbours(ends, columns, weights)
	case Popular:
	default:
		return nil, fmt.Errorf("algorithm %q: want %q, %q or %q", m.Algorithm, IALS, EASE, Popular)
	}
	return &m, nil
}

// readNeighbours checks that every index is in range and ascending.
func (m *Model) readNeighbours(ends, columns wire.Uint32s, weights wire.Float32s) error {
	n := len(m.Items)
	if ends.Len() != n {
		return fmt.Errorf("%d rows of neighbours for %d items", ends.Len(), n)
	}
	nb := &data.Matrix{Rows: n, Cols: n, Ptr: make([]int64, 1, n+1)}
	for i := range n {
		from, to := nb.Ptr[i], int64(ends.At(i))
		if to < from || to > int64(columns.Len()) {
			return fmt.Errorf("neighbours of item %d end at %d of %d", i, to, columns.Len())
		}
		for k := from; k < to; k++ {
			nb.Col, nb.Val = append(nb.Col, int32(columns.At(int(k)))), append(nb.Val, weights.At(int(k)))
		}
		row := nb.Col[from:]
		if !slices.IsSorted(row) || len(row) > 0 && (row[0] < 0 || int(row[len(row)-1]) >= n) {
			return fmt.Errorf("neighbours of item %d are not ascending items", i)
		}
		nb.Ptr = append(nb.Ptr, to)
	}
	if int(nb.Ptr[n]) != columns.Len() {
		return fmt.Errorf("%d neighbours belong to no row", columns.Len()-int(nb.Ptr[n]))
	}
	m.Neighbours = nb
	return nil
}

func readItem(d *wire.Decoder) (it data.Item) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			it.ID = d.String(maxString)
		case 1:
			it.Title = d.String(maxString)
		case 2:
			n := d.Array(math.MaxUint16)
			for range n {
				it.Tags = append(it.Tags, d.String(maxString))
			}
		case 3:
			it.Text = d.String(maxString)
		case 4:
			it.Author = d.String(maxString)
		case 5:
			it.Published = d.Int()
		case 6:
			it.URL = d.String(maxString)
		case 7:
			it.Image = d.String(maxString)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3, 4, 5, 6, 7)
	return it
}

func readLabel(d *wire.Decoder) (l Label) {
	m := d.Map(5)
	for m.Next() {
		switch m.Key {
		case 0:
			l.Users = d.Uint(math.MaxUint64)
		case 1:
			l.Events = d.Uint(math.MaxUint64)
		case 2:
			l.Dropped = d.Uint(math.MaxUint64)
		case 3:
			l.MinItemUsers = uint32(d.Uint(math.MaxUint32))
		case 4:
			d.BinExact(l.Digest[:])
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3, 4)
	return l
}

// appendDocument starts a document of n pairs with its kind and version.
func appendDocument(dst []byte, n int, kind string, version uint64) []byte {
	dst = wire.AppendMap(dst, n)
	dst = wire.AppendString(append(dst, 0), kind)
	return wire.AppendUint(append(dst, 1), version)
}
