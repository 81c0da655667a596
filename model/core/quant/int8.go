package quant

import (
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

// stepExp returns the least exp, from MinExp on, for which
// max ≤ 127 · 65535 · 2^exp.
func stepExp(largest float32) int {
	if largest == 0 {
		return 0
	}
	frac, exp := math.Frexp(float64(largest) / (127 * 65535))
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

// EncodeQuery quantises u to int16 in dst. The largest factor takes the largest
// code under which no dot product with d int8 codes overflows int32. The scale
// is forgotten: it is the same for every row, so it changes no order.
func EncodeQuery(dst []int16, u []float32) {
	m := maxAbs(u)
	if m == 0 {
		clear(dst)
		return
	}
	top := float32(min(math.MaxInt16, math.MaxInt32/(127*len(u))))
	for f, x := range u {
		// Divided first: x/m is at most 1, so that no product overflows.
		q := float32(float32(x/m) * top)
		if q < 0 {
			dst[f] = int16(q - 0.5)
		} else {
			dst[f] = int16(q + 0.5)
		}
	}
}

// ScoresTo writes to dst, for each row, its dot product with the query times
// its scale: exact integers, |score| < 2⁴⁷.
func (r Rows) ScoresTo(dst []int64, query []int16) {
	for i := range r.N {
		dst[i] = int64(dot(r.Codes[i*r.D:(i+1)*r.D], query)) * int64(r.Scales.At(i))
	}
}

// dot returns the sum of codes[f]·query[f].
func dot(codes []int8, query []int16) (sum int32) {
	query = query[:len(codes)]
	for f, c := range codes {
		sum += int32(c) * int32(query[f])
	}
	return sum
}
