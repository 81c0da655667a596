package quant

import "math"

const (
	// expLeast and expMost are where e^x leaves the normal float32s.
	expLeast, expMost = -87, 88
	// Adding expRound to a number below 2²² leaves its nearest integer in the
	// low bits (round half to even, as all float32 arithmetic).
	expRound = 3 << 22
	log2E    = math.Log2E
	// ln2Hi has so few bits that its product with the integer is exact.
	ln2Hi, ln2Lo = 0.693359375, math.Ln2 - 0.693359375
)

// expSeries are the coefficients of r², r³ … r⁷ in e^r for |r| ≤ ln(2)/2:
// those of expf in Moshier's Cephes library, highest power first.
var expSeries = [6]float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}

// Exp replaces each value by its exponential, with a relative error below
// 2⁻²². Numbers below -87 count as -87, those above 88 as 88; NaN is not
// allowed. The steps are multiplications and additions, each rounded, so every
// engine gives the same bits.
func Exp(x []float32) {
	n := expSIMD(x)
	expScalar(x[n:])
}

func expScalar(x []float32) {
	for i, v := range x {
		v = min(max(v, expLeast), expMost)
		t := float32(v*log2E) + expRound
		k := t - expRound
		r := v - float32(k*ln2Hi)
		r -= float32(k * ln2Lo)
		p := expSeries[0]
		for _, c := range expSeries[1:] {
			p = float32(p*r) + c
		}
		p = float32(float32(r*r)*p) + r + 1
		// k is in the low bits of t: move it to the exponent of p.
		x[i] = math.Float32frombits(math.Float32bits(p) + math.Float32bits(t)<<23)
	}
}

// Softmax replaces each of one or more finite values by its exponential over the
// sum of all of them.
func Softmax(x []float32) {
	most := x[0]
	for _, v := range x {
		if v > most {
			most = v
		}
	}
	for k := range x {
		x[k] -= most
	}
	Exp(x)
	var sum float32
	for _, v := range x {
		sum += v
	}
	for k := range x {
		x[k] /= sum
	}
}

// normEpsilon keeps values without deviation finite.
const normEpsilon = 1e-6

// Normalise sets dst to x less its mean, times the number it returns: 1 over x's
// deviation (Ba, Kiros and Hinton, "Layer normalization", arXiv 1607.06450). x
// has one value or more.
func Normalise(dst, x []float32) (inverse float32) {
	dst = dst[:len(x)]
	var mean, variance float32
	for _, v := range x {
		mean += v
	}
	mean /= float32(len(x))
	for k, v := range x {
		dst[k] = v - mean
		variance += float32(dst[k] * dst[k])
	}
	inverse = 1 / float32(math.Sqrt(float64(variance/float32(len(x))+normEpsilon)))
	for k, v := range dst {
		dst[k] = float32(v * inverse)
	}
	return inverse
}
