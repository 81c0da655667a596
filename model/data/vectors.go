package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Vectors are rows of numbers, each under an id: item factors that were learnt
// elsewhere, or what a model of pictures or texts says of each item.
type Vectors struct {
	IDs    IDs
	Dim    int       // d, the numbers in a row
	Values []float32 // n×d, row-major, finite
	Source string    // what was read from where, for people
}

// Len returns the number of rows, n.
func (v *Vectors) Len() int { return v.IDs.Len() }

// Row returns row i, which belongs to v.
func (v *Vectors) Row(i int32) []float32 { return v.Values[int(i)*v.Dim : (int(i)+1)*v.Dim] }

// Match finds the vectors of items: rows has the row of each item, -1 where
// there is none, and unknown is how many rows belong to none of them.
func (v *Vectors) Match(items []Item) (rows []int32, unknown int) {
	rows = make([]int32, len(items))
	used := make([]bool, v.Len())
	unknown = v.Len()
	for i := range items {
		r, ok := v.IDs.Index(items[i].ID)
		if !ok {
			rows[i] = -1
			continue
		}
		if rows[i] = r; !used[r] {
			used[r] = true
			unknown--
		}
	}
	return rows, unknown
}

// VectorOptions say how to read vectors. The zero value reads whatever
// [ReadVectors] can read by itself.
type VectorOptions struct {
	// IDs names a text file with an id in every line, in the order of the rows.
	// Without it the ids are the file's own; where it has none, as in .npy and
	// safetensors, a row's id is its number, counted from 0.
	IDs string

	// Tensor names the matrix in a file that holds several: safetensors, .npz.
	Tensor string

	// Columns says where a Parquet file has its columns id and vector, as
	// [Options.Columns] does.
	Columns map[string]string
}

// Bounds of vectors. More numbers are more than 16 GiB.
const (
	maxVectorDim = 1 << 16
	maxNumbers   = 1 << 32
)

// ReadVectors reads a matrix with an id for every row. Its first bytes decide
// what a file is:
//
//	.npy         NumPy, versions 1 to 3: float16, float32 or float64 in either
//	             byte order, by rows or by columns
//	.npz         NumPy: one such matrix or that called item_factors, and whole
//	             numbers or text in the array "ids" if there is one
//	safetensors  F16, BF16, F32 or F64
//	Parquet      an id, and a list of float or double, called vector, features,
//	             embedding or factors
//
// A folder is read as Spark writes one: all its files *.parquet in the order
// of their names, and of a saved ALS model the item factors. User factors are
// refused: they are about people.
//
// An error names the file and, where there is one, the row, counted from 1. It is
// an error when the rows have different lengths, two have the same id, a
// number is not finite as a float32, or a file is longer or shorter than it says.
// Memory is allocated for the bytes that a file has, and for at most 50 times as
// many where it is compressed.
func ReadVectors(path string, opt VectorOptions) (*Vectors, error) {
	c, err := vectorSchema.choose(opt.Columns)
	if err != nil {
		return nil, err
	}
	files, err := vectorFiles(path)
	if err != nil {
		return nil, err
	}
	v := &Vectors{}
	what := ""
	for _, file := range files {
		if what, err = v.readFile(file, opt.Tensor, c); err != nil {
			return nil, err
		}
	}
	if len(v.Values) == 0 {
		return nil, fmt.Errorf("data: %s: %w", path, errNoRows)
	}
	n := len(v.Values) / v.Dim
	from := "with their own ids"
	switch {
	case opt.IDs != "":
		from = "ids from " + opt.IDs
		if err := v.readIDs(opt.IDs, n); err != nil {
			return nil, err
		}
	case v.IDs.Len() == 0:
		from = "row numbers as ids"
		for i := range n {
			v.IDs.Add(strconv.Itoa(i))
		}
	}
	v.Source = fmt.Sprintf("%s: %s, %s vectors of %d numbers, %s", path, what, grouped(n), v.Dim, from)
	return v, nil
}

// errNoRows is a matrix without rows.
var errNoRows = errors.New("no rows")

// vectorFiles lists the files to read for path.
func vectorFiles(path string) ([]string, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	whole = filepath.ToSlash(whole) + "/"
	// Where Spark keeps an ALSModel, and the older MatrixFactorizationModel.
	for _, people := range []string{"/userFactors/", "/data/user/"} {
		if strings.Contains(whole, people) {
			return nil, fmt.Errorf("data: %s: factors of people, which no model may hold: want those of items, which stand beside them", path)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	for _, items := range []string{"itemFactors", "data/product"} {
		if info, err := os.Stat(filepath.Join(path, items)); err == nil && info.IsDir() {
			path = filepath.Join(path, items)
			break
		}
	}
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	var files []string
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".parquet") && name[0] != '.' && name[0] != '_' {
			files = append(files, filepath.Join(path, name))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("data: %s: no *.parquet in this folder", path)
	}
	return files, nil
}

// readFile appends the rows of one file and says what it is.
func (v *Vectors) readFile(path, tensor string, c choice) (what string, err error) {
	s, err := openSource(path, nil)
	if err != nil {
		return "", err
	}
	defer func() {
		if e := s.close(); e != nil && err == nil {
			err = fmt.Errorf("data: %w", e)
		}
	}()
	start, err := s.r.Peek(len(npyMagic) + 8)
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("data: %s: %w", path, err)
	}
	switch {
	case bytes.HasPrefix(start, parquetMagic):
		return "parquet", v.readParquet(s, c)
	case len(v.Values) > 0:
		err = fmt.Errorf("begins with %q: want parquet, as the files before it", start)
	case bytes.HasPrefix(start, []byte(npyMagic)):
		what, err = "npy", v.readNPY(s)
	case bytes.HasPrefix(start, []byte("PK")):
		what, err = "npz", v.readNPZ(s, tensor)
	case isSafetensors(start):
		what, err = "safetensors", v.readSafetensors(s, tensor)
	default:
		err = fmt.Errorf("begins with %q: want npy, npz, safetensors or parquet", start)
	}
	if err != nil {
		return "", fmt.Errorf("data: %s: %w", path, err)
	}
	return what, nil
}

// readIDs reads the ids of n rows, one a line.
func (v *Vectors) readIDs(path string, n int) (err error) {
	s, err := openSource(path, nil)
	if err != nil {
		return err
	}
	defer func() {
		if e := s.close(); e != nil && err == nil {
			err = fmt.Errorf("data: %w", e)
		}
	}()
	v.IDs = IDs{}
	in := lines{name: path, r: s.r}
	for {
		line, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := v.addID(line); err != nil {
			return fmt.Errorf("data: %s:%d: %w", path, in.at, err)
		}
	}
	if v.IDs.Len() != n {
		return fmt.Errorf("data: %s: %d ids for %d vectors", path, v.IDs.Len(), n)
	}
	return nil
}

// addID gives the next row its id.
func (v *Vectors) addID(id []byte) error {
	if !validID(id) {
		return fmt.Errorf("id %q: want %s", quotable(id), wantID)
	}
	if at, ok := v.IDs.Index(string(id)); ok {
		return fmt.Errorf("id %q: vector %d has it, too", quotable(id), at+1)
	}
	v.IDs.Add(string(id))
	return nil
}

// number says how a number is written. The zero value is not a number.
type number struct {
	kind numberKind
	big  bool // the first byte is the highest
}

type numberKind uint8

const (
	half  numberKind = iota + 1 // IEEE 754 binary16
	brain                       // the upper half of a single
	single
	double
)

// size returns the bytes of a number.
func (n number) size() int {
	switch n.kind {
	case double:
		return 8
	case single:
		return 4
	}
	return 2
}

// at reads the number that b begins with.
func (n number) at(b []byte) float64 {
	switch n.kind {
	case double:
		u := binary.LittleEndian.Uint64(b)
		if n.big {
			u = bits.ReverseBytes64(u)
		}
		return math.Float64frombits(u)
	case single:
		u := binary.LittleEndian.Uint32(b)
		if n.big {
			u = bits.ReverseBytes32(u)
		}
		return float64(math.Float32frombits(u))
	}
	u := binary.LittleEndian.Uint16(b)
	if n.big {
		u = bits.ReverseBytes16(u)
	}
	if n.kind == brain {
		return float64(math.Float32frombits(uint32(u) << 16))
	}
	return halfToFloat(u)
}

// halfToFloat gives the value of an IEEE 754 binary16.
func halfToFloat(h uint16) float64 {
	fraction := float64(h & 1023)
	v := math.Ldexp(fraction, -24) // subnormal
	switch exponent := int(h >> 10 & 31); {
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		v = math.Inf(1)
	case exponent > 0:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	if h>>15 == 1 {
		return -v
	}
	return v
}

// matrix says how the numbers of a matrix stand in a file.
type matrix struct {
	number
	shape    []int64 // rows, columns
	byColumn bool    // one column after the other
	size     int64   // bytes that there are; 0: not known
	packed   bool    // they are compressed, and size is what is left of them
}

// maxRatio is how much smaller than its numbers a compressed matrix may be.
// Why a bound? Memory is wanted for what a file says that it unpacks to, and
// deflate packs zeros 1,000 to 1; no vectors that say anything are packed so well.
const maxRatio = 50

// check says whether the matrix can be read, and how many bytes it has.
func (m matrix) check() (bytes int64, err error) {
	if len(m.shape) != 2 {
		return 0, fmt.Errorf("shape %v: want rows and columns", m.shape)
	}
	rows, cols := m.shape[0], m.shape[1]
	if rows == 0 {
		return 0, errNoRows
	}
	if rows < 0 || rows >= maxRows || cols < 1 || cols > maxVectorDim || rows*cols > maxNumbers {
		return 0, fmt.Errorf("shape %v: want at most %d rows of 1 to %d numbers, %d in all", m.shape, maxRows-1, maxVectorDim, int64(maxNumbers))
	}
	bytes = rows * cols * int64(m.number.size())
	switch {
	case m.size == 0:
	case m.packed && bytes/maxRatio > m.size:
		return 0, fmt.Errorf("shape %v: %d bytes packed into %d: unpack it first", m.shape, bytes, m.size)
	case !m.packed && bytes != m.size:
		return 0, fmt.Errorf("shape %v: wants %d bytes of numbers, and there are %d", m.shape, bytes, m.size)
	}
	return bytes, nil
}

// readMatrix reads the numbers of m, to the end of r.
func (v *Vectors) readMatrix(r io.Reader, m matrix) error {
	left, err := m.check()
	if err != nil {
		return err
	}
	rows, cols, size := int(m.shape[0]), int(m.shape[1]), m.number.size()
	room := rows * cols
	if m.size == 0 {
		room = min(room, 1<<20)
	}
	values := make([]float32, 0, room)
	buffer := make([]byte, 64<<10)
	for left > 0 {
		b := buffer[:min(int64(len(buffer)), left)]
		if _, err := io.ReadFull(r, b); err != nil {
			return fmt.Errorf("breaks off after %d of %d numbers: %w", len(values), rows*cols, err)
		}
		left -= int64(len(b))
		for ; len(b) > 0; b = b[size:] {
			x := m.at(b)
			if f := float32(x); f-f == 0 {
				values = append(values, f)
				continue
			}
			row, col := len(values)/cols, len(values)%cols
			if m.byColumn {
				row, col = len(values)%rows, len(values)/rows
			}
			return fmt.Errorf("row %d: %w", row+1, notFinite(col, x))
		}
	}
	if _, err := io.ReadFull(r, buffer[:1]); err != io.EOF {
		return errors.Join(fmt.Errorf("goes on after the %d numbers of shape %v", rows*cols, m.shape), err)
	}
	if m.byColumn {
		values = transposed(values, cols, rows)
	}
	v.Dim, v.Values = cols, values
	return nil
}

// notFinite is the error of number x at col, counted from 0.
func notFinite(col int, x float64) error {
	return fmt.Errorf("number %d is %v: want one that is finite as a float32", col+1, x)
}

// transposed returns the cols × rows numbers of a rows × cols matrix.
func transposed(values []float32, rows, cols int) []float32 {
	t := make([]float32, len(values))
	for r := range rows {
		for c, x := range values[r*cols : (r+1)*cols] {
			t[c*rows+r] = x
		}
	}
	return t
}
