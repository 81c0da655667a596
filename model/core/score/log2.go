package score

import "math"

// log2 returns the binary logarithm of x, a normal number above 0, within
// 10⁻⁵. It uses what every engine computes alike: the exponent's bits and the
// series of ln m = 2·artanh((m-1)/(m+1)).
func log2(x float32) float32 {
	b := math.Float32bits(x)
	exponent := float32(int(b>>23) - 127)
	m := math.Float32frombits(b&(1<<23-1) | 127<<23)
	t := float32(m-1) / float32(m+1)
	square := float32(t * t)
	sum := float32(1.0 / 9)
	for _, c := range [...]float32{1.0 / 7, 1.0 / 5, 1.0 / 3, 1} {
		sum = float32(sum*square) + c
	}
	const twoOverLn2 = 2.8853901
	return exponent + float32(float32(t*sum)*twoOverLn2)
}
