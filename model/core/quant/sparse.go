package quant

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

// Sparse holds n rows of neighbours, each with one weight in every column: what
// several item-item matrices have in common. Its memory belongs to the bundle.
//
// A row's items ascend. They are Rice codes (Rice and Plaunt, Adaptive
// Variable-Length Coding, IEEE Trans. Comm. 1971) of the gaps between them, the
// first gap counted from -1 and each less 1: the quotient by 2^Rice as so many 1
// bits and a 0, then Rice bits of the rest, from the lowest bit of each byte on.
// A row begins with a byte of its own.
//
// A weight is a code c from -127 to 127 under a square law, which gives the many
// small weights of a row the codes that the few large ones do not need:
//
//	c·|c|/127² · scale
//
// with a scale for each row and column, see [SparseScale].
type Sparse struct {
	N, C   int    // rows, columns
	Rice   int    // at most MaxRice
	Counts []byte // n: neighbours in each row
	Items  []byte // Rice codes
	Codes  []int8 // C for each neighbour
	Scales []byte // C for each row

	codes, items []uint32 // n+1: where rows start
}

// Bounds of a [Sparse].
const (
	MaxColumns = 8
	MaxRice    = 24
)

// maxQuotient is how many 1 bits begin a gap at most: with the rest of it they
// fit the word that a gap is read from.
const maxQuotient = 31

// Errors of [Sparse.Open].
var (
	ErrSparseShape = errors.New("rows, codes and scales as its shape says")
	ErrSparseItems = errors.New("ascending items of the catalogue in each row")
)

// Open checks s and finds where its rows start. It must be called before any
// row is read.
func (s *Sparse) Open() error {
	if s.C < 1 || s.C > MaxColumns || s.Rice < 0 || s.Rice > MaxRice || len(s.Counts) != s.N || len(s.Scales) != s.N*s.C {
		return ErrSparseShape
	}
	s.codes, s.items = make([]uint32, s.N+1), make([]uint32, s.N+1)
	at := 0
	for i, count := range s.Counts {
		codes := int(s.codes[i]) + int(count)*s.C
		if codes > len(s.Codes) { // before the sum leaves 32 bits
			return ErrSparseShape
		}
		s.codes[i+1] = uint32(codes)
		bit, last := 8*at, -1
		for range count {
			gap, size := s.gap(bit)
			if size == 0 || gap >= s.N-1-last {
				return ErrSparseItems
			}
			last += 1 + gap
			bit += size
		}
		at = (bit + 7) / 8
		if at > len(s.Items) || bit%8 != 0 && s.Items[at-1]>>(bit%8) != 0 {
			return ErrSparseItems
		}
		s.items[i+1] = uint32(at)
	}
	if at != len(s.Items) || int(s.codes[s.N]) != len(s.Codes) {
		return ErrSparseShape
	}
	return nil
}

// gap reads the gap at a bit of Items, and how many bits it takes: 0 when there
// is none.
func (s *Sparse) gap(bit int) (gap, size int) {
	word := s.word(bit)
	quotient := bits.TrailingZeros64(^word)
	size = quotient + 1 + s.Rice
	if quotient > maxQuotient || bit+size > 8*len(s.Items) {
		return 0, 0
	}
	return quotient<<s.Rice | int(word>>(quotient+1)&(1<<s.Rice-1)), size
}

// word returns 57 bits of Items or more, from bit on; beyond the end they are 0.
func (s *Sparse) word(bit int) uint64 {
	b := s.Items[min(bit/8, len(s.Items)):]
	if len(b) >= 8 {
		return binary.LittleEndian.Uint64(b) >> (bit % 8)
	}
	var last [8]byte
	copy(last[:], b)
	return binary.LittleEndian.Uint64(last[:]) >> (bit % 8)
}

// Row appends the neighbours of row i to items, and returns their codes, C for
// each.
func (s *Sparse) Row(items []int32, i int) ([]int32, []int8) {
	bit, last := 8*int(s.items[i]), -1
	for range s.Counts[i] {
		gap, size := s.gap(bit)
		last += 1 + gap
		bit += size
		items = append(items, int32(last))
	}
	return items, s.Codes[s.codes[i]:s.codes[i+1]]
}

// Scale returns what 127 stands for in a column of row i.
func (s *Sparse) Scale(i, column int) float32 { return SparseScale(s.Scales[i*s.C+column]) }

// SquareLaw returns the weight of a code under scale 1.
func SquareLaw(code int8) float32 { return squareLaw[int(code)+128] }

var squareLaw = func() (t [256]float32) {
	for i := range t {
		c := i - 128
		if c < 0 {
			t[i] = -float32(c*c) / (127 * 127)
		} else {
			t[i] = float32(c*c) / (127 * 127)
		}
	}
	return t
}()

// SparseScale returns 2^((b-160)/4), or 0 for b = 0: from 2^-40 to 2^24 in steps
// of a fifth.
func SparseScale(b byte) float32 {
	if b == 0 {
		return 0
	}
	return float32(Pow2(int(b)/4-40) * quarters[b%4])
}

// quarters are 2^(i/4).
var quarters = [4]float32{1, 1.1892071, 1.4142135, 1.6817929}

// SparseScaleFor returns the least b whose scale is v or more; v is at least 0.
// Above 2^23 it is the largest.
func SparseScaleFor(v float32) byte {
	if v == 0 {
		return 0
	}
	lo, hi := 1, 255
	for lo < hi {
		if mid := (lo + hi) / 2; SparseScale(byte(mid)) < v {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return byte(lo)
}

// SquareLawCode returns the code that is nearest to v under scale 1; v is from
// -1 to 1.
func SquareLawCode(v float32) int8 {
	a := abs32(v)
	c := min(int(math.Sqrt(float64(a))*127), 126)
	if a-SquareLaw(int8(c)) > SquareLaw(int8(c+1))-a {
		c++
	}
	if v < 0 {
		c = -c
	}
	return int8(c)
}

// SparseCode returns the code of a weight that is x times its scale. One that is
// not 0 keeps a code that is not 0.
func SparseCode(x float32) int8 {
	code := SquareLawCode(min(max(x, -1), 1))
	switch {
	case code == 0 && x > 0:
		return 1
	case code == 0 && x < 0:
		return -1
	}
	return code
}

// SparseRow is a row before it is coded.
type SparseRow struct {
	Items   []int32   // ascending
	Weights []float32 // C for each item, finite
}

// EncodeSparse codes rows of c columns; there is one for each item, with at most
// 255 neighbours.
func EncodeSparse(rows []SparseRow, c int) Sparse {
	s := Sparse{N: len(rows), C: c, Rice: riceOf(rows), Counts: make([]byte, len(rows)), Scales: make([]byte, len(rows)*c)}
	for i, row := range rows {
		s.Counts[i] = byte(len(row.Items))
		s.appendItems(row.Items)
		var inverse [MaxColumns]float32
		for t := range c {
			var most float32
			for k := range row.Items {
				most = max(most, abs32(row.Weights[k*c+t]))
			}
			b := SparseScaleFor(most)
			if s.Scales[i*c+t] = b; b > 0 {
				inverse[t] = 1 / SparseScale(b)
			}
		}
		for k, w := range row.Weights {
			x := w * inverse[k%c]
			if x == 0 && w != 0 && inverse[k%c] != 0 { // too small for a float32, and not to be lost
				x = float32(math.Copysign(math.SmallestNonzeroFloat32, float64(w)))
			}
			s.Codes = append(s.Codes, SparseCode(x))
		}
	}
	if err := s.Open(); err != nil {
		panic("quant: internal error: EncodeSparse: " + err.Error())
	}
	return s
}

// CodedRow is a row of a [Sparse].
type CodedRow struct {
	Items  []int32 // ascending, at most 255
	Codes  []int8  // C for each of them
	Scales []byte  // C
}

// Coded returns row i. Its codes and scales are those of s, not a copy.
func (s *Sparse) Coded(i int) CodedRow {
	items, codes := s.Row(nil, i)
	return CodedRow{items, codes, s.Scales[i*s.C : (i+1)*s.C]}
}

// JoinSparse returns the Sparse of coded rows of c columns. Its Rice parameter is
// rice where no gap is too long for that, and else the best; -1: the best.
func JoinSparse(rows []CodedRow, c, rice int) Sparse {
	s := Sparse{N: len(rows), C: c, Rice: rice, Counts: make([]byte, len(rows))}
	list := make([]SparseRow, len(rows))
	var longest int32
	for i, row := range rows {
		s.Counts[i] = byte(len(row.Items))
		s.Codes = append(s.Codes, row.Codes...)
		s.Scales = append(s.Scales, row.Scales...)
		list[i].Items = row.Items
		last := int32(-1)
		for _, j := range row.Items {
			longest, last = max(longest, j-last-1), j
		}
	}
	if rice < 0 || longest>>rice > maxQuotient {
		s.Rice = riceOf(list)
	}
	for _, row := range rows {
		s.appendItems(row.Items)
	}
	if err := s.Open(); err != nil {
		panic("quant: internal error: JoinSparse: " + err.Error())
	}
	return s
}

// appendItems adds the codes of a row's items.
func (s *Sparse) appendItems(items []int32) {
	var w bitWriter
	last := int32(-1)
	for _, j := range items {
		w.gap(int(j-last-1), s.Rice)
		last = j
	}
	s.Items = append(s.Items, w.bytes...)
}

func abs32(v float32) float32 {
	if v < 0 {
		return -v
	}
	return v
}

// riceOf returns the parameter under which the gaps take the fewest bits, and no
// quotient is too long.
func riceOf(rows []SparseRow) int {
	var size [MaxRice + 1]int
	var most int
	for _, row := range rows {
		last := int32(-1)
		for _, j := range row.Items {
			gap := int(j - last - 1)
			last, most = j, max(most, gap)
			for k := range size {
				size[k] += gap>>k + 1 + k
			}
		}
	}
	best := -1
	for k := range size {
		if most>>k <= maxQuotient && (best < 0 || size[k] < size[best]) {
			best = k
		}
	}
	return best
}

// bitWriter writes Rice codes.
type bitWriter struct {
	bytes []byte
	bits  int
}

func (w *bitWriter) bit(b int) {
	if w.bits%8 == 0 {
		w.bytes = append(w.bytes, 0)
	}
	w.bytes[len(w.bytes)-1] |= byte(b << (w.bits % 8))
	w.bits++
}

func (w *bitWriter) gap(gap, rice int) {
	for range gap >> rice {
		w.bit(1)
	}
	w.bit(0)
	for k := range rice {
		w.bit(gap >> k & 1)
	}
}
