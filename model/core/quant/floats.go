package quant

import "github.com/nearside/nearside/model/core/wire"

// Floats holds n rows of d factors as they are: what the codes are measured
// against. Sums are float32, in an order that every engine can keep: four at a
// time, see dotFloat.
type Floats struct {
	N, D   int
	Values wire.Float32s // n×d, row-major, finite
	Exp    int           // no value is larger than 2^Exp
}

// FloatsExp returns the Exp of rows.
func FloatsExp(rows []float32) int { return fitExp(maxAbs(rows), 1) }

// DecodeTo implements [Table].
func (r Floats) DecodeTo(dst []float32, i int) {
	r.Values[4*i*r.D:].DecodeTo(dst[:r.D])
}

// Prepare implements [Table].
func (r Floats) Prepare(*Query) {}

// Coarse says false.
func (r Floats) Coarse() bool { return false }

// Scan implements [Table].
func (r Floats) Scan(top *Top, q *Query) {
	for i := range r.N {
		top.Offer(i, r.score(i, q))
	}
}

// Score implements [Table].
func (r Floats) Score(list []Candidate, q *Query) {
	for k := range list {
		list[k].Score = r.score(list[k].Item, q)
	}
}

// score returns the dot product in units of 2^(Exp-30): below 2⁴⁰ in size.
func (r Floats) score(i int, q *Query) int64 {
	sum := dotFloat(r.Values[4*i*r.D:4*(i+1)*r.D], q.x)
	return int64(float64(sum) * float64(Pow2(-r.Exp)) * (1 << 30))
}

// dotFloatScalar returns (s0+s2)+(s1+s3), where each s adds up every fourth
// product in ascending order, all in float32.
func dotFloatScalar(row wire.Float32s, x []float32) float32 {
	var s [4]float32
	for f, v := range x {
		s[f%4] += float32(row.At(f) * v)
	}
	return float32(s[0]+s[2]) + float32(s[1]+s[3])
}
