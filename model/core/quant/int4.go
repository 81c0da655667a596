package quant

import (
	"math"

	"github.com/nearside/nearside/model/core/wire"
)

// Rows4 holds n rows of d factors as int4 codes with a scale per row. Factor f
// of row i is its code, −7 … 7, times Scales[i] · 2^Exp, exact in float32. In
// memory a code is 8 more than that, in half a byte:
//
//	byte b of the 16 that hold factors 32g … 32g+31 of a row:
//	low half: factor 32g+b    high half: factor 32g+16+b
//
// Factors beyond d have code 0, which is stored as 8.
type Rows4 struct {
	N, D   int
	Codes  []byte       // n rows of [Stride4] bytes
	Scales wire.Uint16s // n, each at least 1
	Exp    int
}

// Stride4 returns how many bytes a row of d int4 codes takes.
func Stride4(d int) int { return (d + 31) / 32 * 16 }

// EncodeRows4 quantises rows, n×d row-major and finite. The error of a factor
// is at most half of scale·2^exp, a 14th of the row's largest or a little more.
// PackRows4 lays the codes out.
func EncodeRows4(rows []float32, d int) (codes []int8, scales []uint16, exp int) {
	n := len(rows) / d
	codes, scales = make([]int8, n*d), make([]uint16, n)
	exp = fitExp(maxAbs(rows), 7*math.MaxUint16)
	unit := math.Ldexp(1, exp)
	for i := range n {
		row, out := rows[i*d:(i+1)*d], codes[i*d:(i+1)*d]
		scales[i] = uint16(max(1, math.Ceil(float64(maxAbs(row))/(7*unit))))
		for f, x := range row {
			out[f] = int8(math.RoundToEven(float64(x) / (float64(scales[i]) * unit)))
		}
	}
	return codes, scales, exp
}

// PackRows4 lays out codes from -7 to 7, n×d row-major.
func PackRows4(codes []int8, d int) []byte {
	n, stride := len(codes)/d, Stride4(d)
	rows := make([]byte, n*stride)
	for b := range rows {
		rows[b] = 0x88
	}
	for i := range n {
		out := rows[i*stride : (i+1)*stride]
		for f, c := range codes[i*d : (i+1)*d] {
			c := byte(8 + c)
			if b, high := place4(f); high {
				out[b] = out[b]&0x0f | c<<4
			} else {
				out[b] = out[b]&0xf0 | c
			}
		}
	}
	return rows
}

// place4 returns where factor f of a row stands.
func place4(f int) (b int, high bool) { return f/32*16 + f%16, f%32 >= 16 }

// code returns the code of factor f of row i.
func (r Rows4) code(i, f int) int32 {
	b, high := place4(f)
	c := r.Codes[i*Stride4(r.D)+b]
	if high {
		c >>= 4
	}
	return int32(c&15) - 8
}

// DecodeTo implements [Table].
func (r Rows4) DecodeTo(dst []float32, i int) {
	scale, unit := int32(r.Scales.At(i)), Pow2(r.Exp)
	for f := range r.D {
		dst[f] = float32(r.code(i, f)*scale) * unit
	}
}

// Prepare implements [Table].
func (r Rows4) Prepare(*Query) {}

// Coarse says false: see [Rows.Coarse].
func (r Rows4) Coarse() bool { return false }

// Scan implements [Table].
func (r Rows4) Scan(top *Top, q *Query) {
	var dots [4]int32
	stride := Stride4(r.D)
	for i := 0; i+4 <= r.N; i += 4 {
		i += 4 * int4Scan(r.Codes[i*stride:], stride, q, r.Scales[2*i:], top.least, &dots)
		if i+4 > r.N {
			break
		}
		for k, dot := range dots {
			top.Offer(i+k, int64(dot)*int64(r.Scales.At(i+k)))
		}
	}
	for i := r.N / 4 * 4; i < r.N; i++ {
		top.Offer(i, int64(dot4(r.Codes[i*stride:(i+1)*stride], q))*int64(r.Scales.At(i)))
	}
}

// Score implements [Table].
func (r Rows4) Score(list []Candidate, q *Query) {
	if len(list) == 0 {
		return
	}
	items, dots := q.fours(list)
	int4Rows(r.Codes, Stride4(r.D), q, items, dots)
	for k := range list {
		list[k].Score = int64(dots[k]) * int64(r.Scales.At(list[k].Item))
	}
}

// dot4 returns the product of a row with the query.
func dot4(row []byte, q *Query) (sum int32) {
	for b, x := range row {
		f := b/16*32 + b%16
		sum += int32(x&15)*int32(q.codes[f]) + int32(x>>4)*int32(q.codes[f+16])
	}
	return sum - q.bias
}

// int4ScanScalar is int8ScanScalar for rows of stride bytes.
func int4ScanScalar(codes []byte, stride int, q *Query, scales []byte, least int64, dots *[4]int32) int {
	groups := min(len(codes)/(4*stride), len(scales)/8)
	for g := range groups {
		found := false
		for k := range dots {
			i := 4*g + k
			dots[k] = dot4(codes[i*stride:(i+1)*stride], q)
			found = found || int64(dots[k])*int64(wire.Uint16s(scales).At(i)) >= least
		}
		if found {
			return g
		}
	}
	return groups
}

// int4RowsScalar is int8RowsScalar for rows of stride bytes.
func int4RowsScalar(codes []byte, stride int, q *Query, items, dots []int32) {
	for k, i := range items {
		dots[k] = dot4(codes[int(i)*stride:(int(i)+1)*stride], q)
	}
}
