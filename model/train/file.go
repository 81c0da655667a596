package train

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
)

// A model file (.nsm) is a document in the subset of core/wire. Tables are bin
// values of little-endian numbers; a single float32 stands as its bits, a uint:
//
//	0 str   "nearside model"
//	1 uint  1, the version
//	2 str   algorithm
//	3 array of n items, each an array: id, title, tags (array of str), text,
//	        author, published (int), url, image
//	4 bin   n uint32: people per item
//	5 map   label: 0 users, 1 events, 2 dropped, 3 fewest people behind an
//	        item, 4 digest (bin of 32)
//	6 map   item factors: 0 d, 1 n×d float32: factors, 2 alpha, 3 reg, 4 nu,
//	        5 d×d float32: the people's second moment, left out when not known,
//	        6 uint 1: only observed pairs scale the ridge, else left out
//	7 map   item-item weights: 0 n uint32: neighbours per row, 1 uint32: their
//	        columns, 2 float32: their weights
//	8 array of what it was learnt with, each an array: name, 8 bytes of float64,
//	        left out when not known
//	9 map   pool, see poolfile.go
//	10 bin  encoder of the history, as a bundle has it
//	11 uint seed, left out when 0
//
// A model has the parts that its algorithm learns.
const (
	modelKind    = "nearside model"
	modelVersion = 1
)

// Bounds of a model file.
const (
	maxText  = 1 << 20        // bytes of one text of an item
	maxTags  = math.MaxUint16 // tags of one item
	maxItems = math.MaxInt32  // an item's index is an int32
	maxTable = math.MaxUint32 // bytes of a table: what a msgpack bin value holds
)

// Write writes the model file: the same model, the same bytes. It refuses a
// model that [Read] would refuse.
func (m *Model) Write(w io.Writer) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("train: model: %w", err)
	}
	pairs := 6
	for _, has := range []bool{m.Factors != nil, m.Neighbours != nil, m.Params != nil, m.Pool != nil, m.Encoder != nil, m.Seed != 0} {
		if has {
			pairs++
		}
	}
	doc := appendDocument(nil, pairs, modelKind, modelVersion)
	doc = wire.AppendString(wire.AppendUint(doc, 2), string(m.Algorithm))
	doc = wire.AppendArray(wire.AppendUint(doc, 3), len(m.Items))
	for _, it := range m.Items {
		doc = appendItem(doc, it)
	}
	doc = appendUint32s(doc, 4, m.Count)
	doc = appendLabel(wire.AppendUint(doc, 5), m.Label)
	if m.Factors != nil {
		doc = appendFactors(wire.AppendUint(doc, 6), m)
	}
	if m.Neighbours != nil {
		doc = appendNeighbours(wire.AppendUint(doc, 7), m.Neighbours)
	}
	if m.Params != nil {
		doc = appendParams(wire.AppendUint(doc, 8), m.Params)
	}
	if m.Pool != nil {
		doc = appendPool(wire.AppendUint(doc, 9), m.Pool)
	}
	if m.Encoder != nil {
		doc = wire.AppendBin(wire.AppendUint(doc, 10), m.Encoder)
	}
	if m.Seed != 0 {
		doc = wire.AppendUint(wire.AppendUint(doc, 11), m.Seed)
	}
	if _, err := w.Write(doc); err != nil {
		return fmt.Errorf("train: model: %w", err)
	}
	return nil
}

// Save replaces the file at path with the model's: a crash leaves the old one
// or the new one.
func (m *Model) Save(path string) error {
	var doc bytes.Buffer
	if err := m.Write(&doc); err != nil {
		return err
	}
	if err := replaceFile(path, doc.Bytes()); err != nil {
		return fmt.Errorf("train: model: %w", err)
	}
	return nil
}

// Read reads the model file that [Model.Write] wrote at path. It refuses
// anything else: another kind of file, one that is cut off, bytes after the
// end, numbers that are not finite, indices out of range.
func Read(path string) (*Model, error) {
	doc, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("train: model: %w", err)
	}
	m, err := parseModel(doc)
	if err != nil {
		return nil, fmt.Errorf("train: model %q: %w", path, err)
	}
	return m, nil
}

func parseModel(doc []byte) (*Model, error) {
	d := wire.NewDecoder(doc)
	keys, err := openDocument(d, modelKind, modelVersion)
	if err != nil {
		return nil, err
	}
	m := &Model{}
	for keys.Next() {
		switch {
		case keys.Key == 2:
			m.Algorithm = Algorithm(d.String(maxText))
		case keys.Key == 3:
			m.Items = make([]data.Item, d.Array(maxItems))
			for i := 0; i < len(m.Items) && d.Err() == nil; i++ {
				readItem(d, &m.Items[i])
			}
		case keys.Key == 4:
			m.Count = readUint32s(d)
		case keys.Key == 5:
			readLabel(d, &m.Label)
		case keys.Key == 6:
			readFactors(d, m)
		case keys.Key == 7:
			m.Neighbours = readNeighbours(d, len(m.Items))
		case keys.Key == 8:
			m.Params = readParams(d)
		case keys.Key == 9:
			m.Pool = readPool(d, len(m.Items))
		case keys.Key == 10:
			m.Encoder = slices.Clone(d.Bin(bundle.MaxEncoder))
		case keys.Key == 11:
			m.Seed = d.Uint(math.MaxUint64)
		default:
			keys.Unknown()
		}
	}
	keys.Require(2, 3, 4, 5)
	if err := d.End(); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// check says what keeps m from being a model that a file can hold.
func (m *Model) check() error {
	n := len(m.Items)
	if n == 0 || len(m.Count) != n {
		return fmt.Errorf("%d items with %d counts: want at least one, and as many", n, len(m.Count))
	}
	for i, it := range m.Items {
		if len(it.Tags) > maxTags {
			return fmt.Errorf("item %d: %d tags: want at most %d", i, len(it.Tags), maxTags)
		}
		for _, text := range append([]string{it.ID, it.Title, it.Text, it.Author, it.URL, it.Image}, it.Tags...) {
			if len(text) > maxText || !utf8.ValidString(text) {
				return fmt.Errorf("item %d: %.40q: want UTF-8 of at most %d bytes", i, text, maxText)
			}
		}
	}
	learner := learnerOf(m.Algorithm)
	switch {
	case learner == nil:
		return fmt.Errorf("algorithm %q: want one of %v", m.Algorithm, Algorithms())
	case m.Scorer() != learner.scorer:
		return fmt.Errorf("%s without what it learns", m.Algorithm)
	case m.Neighbours != nil && (m.Factors != nil || m.Pool != nil):
		return errors.New("neighbours besides factors or a pool: want one of them")
	}
	if m.Factors != nil {
		if err := m.checkFactors(n); err != nil {
			return err
		}
	}
	switch {
	case m.Encoder != nil:
		return m.checkEncoder()
	case m.Pool != nil:
		return checkPool(m.Pool, n, m.Factors != nil)
	case m.Neighbours != nil:
		return m.checkNeighbours(n)
	}
	return nil
}

func (m *Model) checkFactors(n int) error {
	if m.Dim < 1 || m.Dim > MaxDim || len(m.Factors) != n*m.Dim {
		return fmt.Errorf("dim %d with %d factors: want 1 … %d, and one for each of %d items",
			m.Dim, len(m.Factors), MaxDim, n)
	}
	if len(m.Factors) > maxTable/4 {
		return fmt.Errorf("factors of %d bytes: want at most %d: use fewer items or a smaller dim", 4*len(m.Factors), maxTable)
	}
	for k, v := range m.Factors {
		if !finite(v) {
			return fmt.Errorf("item %d: factor %v: want a finite number", k/m.Dim, v)
		}
	}
	if m.Moment != nil && len(m.Moment) != m.Dim*m.Dim {
		return fmt.Errorf("a moment of %d numbers: want %d×%d", len(m.Moment), m.Dim, m.Dim)
	}
	for _, v := range m.Moment {
		if !finite(v) {
			return fmt.Errorf("moment %v: want finite numbers", v)
		}
	}
	for _, v := range []float32{m.Alpha, m.Reg, m.Exponent} {
		if !finite(v) || v < 0 {
			return fmt.Errorf("alpha %v, reg %v, exponent %v: want finite numbers of at least 0", m.Alpha, m.Reg, m.Exponent)
		}
	}
	return nil
}

func (m *Model) checkEncoder() error {
	e, err := bundle.ReadEncoder(m.Encoder)
	if err != nil {
		return fmt.Errorf("encoder: %w", err)
	}
	if m.Pool != nil || m.Factors == nil || e.Dim != m.Dim {
		return fmt.Errorf("an encoder of %d factors: want items with as many, and no pool", e.Dim)
	}
	return nil
}

func (m *Model) checkNeighbours(n int) error {
	w := m.Neighbours
	if w == nil || w.Rows != n || w.Cols != n || len(w.Ptr) != n+1 || len(w.Val) != len(w.Col) ||
		w.Ptr[0] != 0 || w.Ptr[n] != int64(len(w.Col)) {
		return fmt.Errorf("neighbours are not a matrix of %d × %d weights", n, n)
	}
	if len(w.Col) > maxTable/4 {
		return fmt.Errorf("neighbours of %d bytes: want at most %d: keep fewer per row", 4*len(w.Col), maxTable)
	}
	for i := range n {
		from, to := w.Ptr[i], w.Ptr[i+1]
		if from > to || to > int64(len(w.Col)) {
			return fmt.Errorf("item %d: its neighbours end before they begin", i)
		}
		before := int32(-1)
		for e := from; e < to; e++ {
			if w.Col[e] <= before || int(w.Col[e]) >= n {
				return fmt.Errorf("item %d: neighbour %d: want ascending indices below %d", i, w.Col[e], n)
			}
			if !finite(w.Val[e]) {
				return fmt.Errorf("item %d: neighbour %d: weight %v: want a finite number", i, w.Col[e], w.Val[e])
			}
			before = w.Col[e]
		}
	}
	return nil
}

func finite(v float32) bool { return v-v == 0 }

func appendItem(doc []byte, it data.Item) []byte {
	doc = wire.AppendArray(doc, 8)
	doc = wire.AppendString(doc, it.ID)
	doc = wire.AppendString(doc, it.Title)
	doc = wire.AppendArray(doc, len(it.Tags))
	for _, tag := range it.Tags {
		doc = wire.AppendString(doc, tag)
	}
	doc = wire.AppendString(doc, it.Text)
	doc = wire.AppendString(doc, it.Author)
	doc = wire.AppendInt(doc, it.Published)
	doc = wire.AppendString(doc, it.URL)
	return wire.AppendString(doc, it.Image)
}

func readItem(d *wire.Decoder, it *data.Item) {
	if d.Array(8) != 8 {
		d.Fail("an item of 8 elements")
	}
	it.ID, it.Title = d.String(maxText), d.String(maxText)
	if n := d.Array(maxTags); n > 0 {
		it.Tags = make([]string, n)
		for t := range it.Tags {
			it.Tags[t] = d.String(maxText)
		}
	}
	it.Text, it.Author, it.Published = d.String(maxText), d.String(maxText), d.Int()
	it.URL, it.Image = d.String(maxText), d.String(maxText)
}

func appendLabel(doc []byte, l Label) []byte {
	doc = wire.AppendMap(doc, 5)
	doc = wire.AppendUint(wire.AppendUint(doc, 0), l.Users)
	doc = wire.AppendUint(wire.AppendUint(doc, 1), l.Events)
	doc = wire.AppendUint(wire.AppendUint(doc, 2), l.Dropped)
	doc = wire.AppendUint(wire.AppendUint(doc, 3), uint64(l.MinItemUsers))
	return wire.AppendBin(wire.AppendUint(doc, 4), l.Digest[:])
}

func readLabel(d *wire.Decoder, l *Label) {
	keys := d.Map(5)
	for keys.Next() {
		switch keys.Key {
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
			keys.Unknown()
		}
	}
	keys.Require(0, 1, 2, 3, 4)
}

func readFactors(d *wire.Decoder, m *Model) {
	keys := d.Map(7)
	for keys.Next() {
		switch keys.Key {
		case 0:
			m.Dim = int(d.Uint(MaxDim))
		case 1:
			m.Factors = readFloat32s(d)
		case 2:
			m.Alpha = math.Float32frombits(uint32(d.Uint(math.MaxUint32)))
		case 3:
			m.Reg = math.Float32frombits(uint32(d.Uint(math.MaxUint32)))
		case 4:
			m.Exponent = math.Float32frombits(uint32(d.Uint(math.MaxUint32)))
		case 5:
			m.Moment = readFloat32s(d)
		case 6:
			m.Observed = d.Uint(1) == 1
		default:
			keys.Unknown()
		}
	}
	keys.Require(0, 1, 2, 3, 4)
}

func readNeighbours(d *wire.Decoder, n int) *data.Matrix {
	m := &data.Matrix{Rows: n, Cols: n, Ptr: make([]int64, 1, n+1)}
	keys := d.Map(3)
	for keys.Next() {
		switch keys.Key {
		case 0:
			for _, size := range readUint32s(d) {
				m.Ptr = append(m.Ptr, m.Ptr[len(m.Ptr)-1]+int64(size))
			}
		case 1:
			col := readUint32s(d)
			m.Col = make([]int32, len(col))
			for e, c := range col {
				m.Col[e] = int32(c) // one above 2³¹ becomes negative, which check refuses
			}
		case 2:
			m.Val = readFloat32s(d)
		default:
			keys.Unknown()
		}
	}
	keys.Require(0, 1, 2)
	return m
}

func appendUint32s(doc []byte, key uint64, v []uint32) []byte {
	return wire.AppendUint32s(wire.AppendBinHead(wire.AppendUint(doc, key), 4*len(v)), v)
}

func appendFloat32s(doc []byte, key uint64, v []float32) []byte {
	return wire.AppendFloat32s(wire.AppendBinHead(wire.AppendUint(doc, key), 4*len(v)), v)
}

func readUint32s(d *wire.Decoder) []uint32 {
	b := wire.Uint32s(readTable(d))
	v := make([]uint32, b.Len())
	for i := range v {
		v[i] = b.At(i)
	}
	return v
}

func readFloat32s(d *wire.Decoder) []float32 {
	b := wire.Float32s(readTable(d))
	v := make([]float32, b.Len())
	for i := range v {
		v[i] = b.At(i)
	}
	return v
}

// readTable reads a bin of whole 4-byte numbers.
func readTable(d *wire.Decoder) []byte {
	b := d.Bin(maxTable)
	if len(b)%4 != 0 {
		d.Fail("a table of 4-byte numbers to end here")
		return nil
	}
	return b
}

func appendFactors(doc []byte, m *Model) []byte {
	size := 5
	for _, has := range []bool{m.Moment != nil, m.Observed} {
		if has {
			size++
		}
	}
	doc = wire.AppendMap(doc, size)
	doc = wire.AppendUint(wire.AppendUint(doc, 0), uint64(m.Dim))
	doc = appendFloat32s(doc, 1, m.Factors)
	for k, v := range []float32{m.Alpha, m.Reg, m.Exponent} {
		doc = wire.AppendUint(wire.AppendUint(doc, uint64(2+k)), uint64(math.Float32bits(v)))
	}
	if m.Moment != nil {
		doc = appendFloat32s(doc, 5, m.Moment)
	}
	if m.Observed {
		doc = wire.AppendUint(wire.AppendUint(doc, 6), 1)
	}
	return doc
}

func appendNeighbours(doc []byte, w *data.Matrix) []byte {
	size, col := make([]uint32, w.Rows), make([]uint32, len(w.Col))
	for i := range size {
		size[i] = uint32(w.Ptr[i+1] - w.Ptr[i])
	}
	for e, c := range w.Col {
		col[e] = uint32(c)
	}
	doc = wire.AppendMap(doc, 3)
	doc = appendUint32s(doc, 0, size)
	doc = appendUint32s(doc, 1, col)
	return appendFloat32s(doc, 2, w.Val)
}

func appendParams(doc []byte, p Params) []byte {
	doc = wire.AppendArray(doc, len(p))
	for _, name := range slices.Sorted(maps.Keys(p)) {
		doc = wire.AppendString(wire.AppendArray(doc, 2), name)
		doc = wire.AppendBin(doc, binary.LittleEndian.AppendUint64(nil, math.Float64bits(p[name])))
	}
	return doc
}

func readParams(d *wire.Decoder) Params {
	p := Params{}
	for range d.Array(maxTags) {
		if d.Array(2) != 2 {
			d.Fail("a name and a number")
		}
		name := d.String(maxText)
		var bits [8]byte
		d.BinExact(bits[:])
		if d.Err() != nil {
			return nil
		}
		p[name] = math.Float64frombits(binary.LittleEndian.Uint64(bits[:]))
	}
	return p
}

// appendDocument begins a document of this package: a map whose first two
// pairs say what it is.
func appendDocument(doc []byte, pairs int, kind string, version uint64) []byte {
	doc = wire.AppendMap(doc, pairs)
	doc = wire.AppendString(wire.AppendUint(doc, 0), kind)
	return wire.AppendUint(wire.AppendUint(doc, 1), version)
}

// openDocument reads what appendDocument wrote; the rest of the map is to be
// read next.
func openDocument(d *wire.Decoder, kind string, version uint64) (wire.MapReader, error) {
	keys := d.Map(math.MaxUint16)
	if !keys.Next() || keys.Key != 0 {
		return keys, fmt.Errorf("not a %s", kind)
	}
	if got := d.String(maxText); got != kind {
		return keys, fmt.Errorf("it is a %.40q, want a %q", got, kind)
	}
	if !keys.Next() || keys.Key != 1 {
		return keys, fmt.Errorf("a %s without a version", kind)
	}
	if got := d.Uint(math.MaxUint64); got != version {
		return keys, fmt.Errorf("version %d, want %d", got, version)
	}
	return keys, nil
}
