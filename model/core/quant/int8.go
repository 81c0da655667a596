package quant

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/nearside/nearside/model/core/wire"
)

// MaxDim is the largest number of factors d. Up to it a dot product of int8
// codes with an int16 query of at least 11 bits fits int32.
const MaxDim = 1024

// Rows holds n rows of d factors as int8 codes with a scale per row. Factor f
// of row i is Codes[i·d+f] · Scales[i] · 2^Exp, and that product is exact in
// float32. Codes and Scales alias the bundle.
type Rows struct {
	N, D   int
	Codes  []int8       // n×d, row-major
	Scales wire.Uint16s // n, each at least 1
	Exp    int
}

// Int8s returns b as int8 without a copy.
func Int8s(b []byte) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(b))), len(b))
}

// Bytes is the inverse of Int8s.
func Bytes(v []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// EncodeRows quantises rows, n×d row-major and finite. The scale of a row is
// the least one under which its largest factor still fits 127 steps, so the
// error of a factor is at most half of scale·2^exp; exp is the least one under
// which the largest row's scale fits 16 bits.
func EncodeRows(rows []float32, d int) (codes []int8, scales []uint16, exp int) {
	n := len(rows) / d
	codes, scales = make([]int8, n*d), make([]uint16, n)
	exp = stepExp(maxAbs(rows))
	for i := range n {
		scales[i] = encodeRow(codes[i*d:(i+1)*d], rows[i*d:(i+1)*d], exp)
	}
	return codes, scales, exp
}

// EncodeRagged quantises rows of different lengths in the same way: row i is
// values[ptr[i]:ptr[i+1]].
func EncodeRagged(values []float32, ptr []int64) (codes []int8, scales []uint16, exp int) {
	codes, scales = make([]int8, len(values)), make([]uint16, len(ptr)-1)
	exp = stepExp(maxAbs(values))
	for i := range scales {
		scales[i] = encodeRow(codes[ptr[i]:ptr[i+1]], values[ptr[i]:ptr[i+1]], exp)
	}
	return codes, scales, exp
}

// MinExp is the least exponent that rows may have: under it code · scale ·
// 2^exp would no longer be a normal float32, and so no longer exact.
const MinExp = -120

// stepExp returns the exponent of int8 rows whose largest factor is largest.
func stepExp(largest float32) int { return fitExp(largest, 127*math.MaxUint16) }

// fitExp returns the least exp, from MinExp on, for which
// largest ≤ steps · 2^exp.
func fitExp(largest float32, steps float64) int {
	if largest == 0 {
		return 0
	}
	frac, exp := math.Frexp(float64(largest) / steps)
	if frac == 0.5 { // a power of two itself
		exp--
	}
	return max(exp, MinExp)
}

func encodeRow(codes []int8, row []float32, exp int) (scale uint16) {
	unit := math.Ldexp(1, exp)
	scale = uint16(max(1, math.Ceil(float64(maxAbs(row))/(127*unit))))
	for f, x := range row {
		codes[f] = int8(math.RoundToEven(float64(x) / (float64(scale) * unit)))
	}
	return scale
}

func maxAbs(v []float32) (m float32) {
	for _, x := range v {
		m = max(m, x, -x)
	}
	return m
}

// DecodeTo writes the d factors of row i to dst.
func (r Rows) DecodeTo(dst []float32, i int) {
	scale := int32(r.Scales.At(i))
	unit := Pow2(r.Exp)
	for f, c := range r.Codes[i*r.D : (i+1)*r.D] {
		dst[f] = float32(int32(c)*scale) * unit
	}
}

// Pow2 returns 2^exp for exp in [-126, 127].
func Pow2(exp int) float32 { return math.Float32frombits(uint32(exp+127) << 23) }

// Prepare does nothing: the query's codes are all that Rows needs.
func (r Rows) Prepare(*Query) {}

// Coarse says false: a score is the integer dot product with the query times
// the row's scale, exact, below 2⁴⁷ in size.
func (r Rows) Coarse() bool { return false }

// Scan implements [Table].
func (r Rows) Scan(top *Top, q *Query) {
	var dots [4]int32
	for i := 0; i+4 <= r.N; i += 4 {
		i += 4 * int8Scan(r.Codes[i*r.D:], r.D, q, r.Scales[2*i:], top.least, &dots)
		if i+4 > r.N {
			break
		}
		for k, dot := range dots {
			top.Offer(i+k, int64(dot)*int64(r.Scales.At(i+k)))
		}
	}
	for i := r.N / 4 * 4; i < r.N; i++ {
		top.Offer(i, int64(dot(r.Codes[i*r.D:(i+1)*r.D], q.codes))*int64(r.Scales.At(i)))
	}
}

// Score implements [Table].
func (r Rows) Score(list []Candidate, q *Query) {
	if len(list) == 0 {
		return
	}
	items, dots := q.fours(list)
	int8Rows(r.Codes, r.D, q, items, dots)
	for k := range list {
		list[k].Score = int64(dots[k]) * int64(r.Scales.At(list[k].Item))
	}
}

// Symmetric says that no code is -128. Without it a dot product cannot
// overflow.
func Symmetric(codes []int8) bool { return without(Bytes(codes), highBits) }

// highBits has bit 7 of each byte.
const highBits = 0x8080808080808080

// without says that no byte of b, at its place in a word of 8, is that of
// sought.
func without(b []byte, sought uint64) bool {
	// In x ^ sought what is sought is 0, and only below a 0 does subtracting 1
	// from each byte borrow (Warren, Hacker's Delight, 6-1). 32 bytes at a time,
	// because an engine runs this once, before it has optimised anything.
	const ones = highBits >> 7
	for ; len(b) >= 32; b = b[32:] {
		w, x := binary.LittleEndian.Uint64(b)^sought, binary.LittleEndian.Uint64(b[8:])^sought
		y, z := binary.LittleEndian.Uint64(b[16:])^sought, binary.LittleEndian.Uint64(b[24:])^sought
		if ((w-ones)&^w|(x-ones)&^x|(y-ones)&^y|(z-ones)&^z)&highBits != 0 {
			return false
		}
	}
	for i, c := range b {
		if c == byte(sought>>(8*(i%8))) {
			return false
		}
	}
	return true
}

// dot returns the sum of codes[f]·query[f].
func dot(codes []int8, query []int16) (sum int32) {
	query = query[:len(codes)]
	for f, c := range codes {
		sum += int32(c) * int32(query[f])
	}
	return sum
}

// int8ScanScalar returns the number of the first four rows of which one has a
// score of at least least, and their products; what whole fours there are when
// none has.
func int8ScanScalar(codes []int8, d int, q *Query, scales []byte, least int64, dots *[4]int32) int {
	groups := min(len(codes)/(4*d), len(scales)/8)
	for g := range groups {
		found := false
		for k := range dots {
			i := 4*g + k
			dots[k] = dot(codes[i*d:(i+1)*d], q.codes)
			found = found || int64(dots[k])*int64(wire.Uint16s(scales).At(i)) >= least
		}
		if found {
			return g
		}
	}
	return groups
}

// int8RowsScalar sets dots to the products of the rows named by items.
func int8RowsScalar(codes []int8, d int, q *Query, items, dots []int32) {
	for k, i := range items {
		dots[k] = dot(codes[int(i)*d:(int(i)+1)*d], q.codes)
	}
}
