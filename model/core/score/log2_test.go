package score

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestLog2IsClose within 10⁻⁵ over all normal numbers.
func TestLog2IsClose(t *testing.T) {
	check := func(t rapid.TB, x float32) {
		if got, want := float64(log2(x)), math.Log2(float64(x)); math.Abs(got-want) > 1e-5 {
			t.Fatalf("log2(%v) = %v, want %v", x, got, want)
		}
	}
	for exponent := -126; exponent <= 127; exponent++ {
		x := float32(math.Ldexp(1, exponent))
		check(t, x)
		check(t, math.Nextafter32(2*x, 0))
		if log2(x) != float32(exponent) {
			t.Errorf("log2(2^%d) = %v", exponent, log2(x))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		exponent, mantissa := rapid.Uint32Range(1, 254).Draw(t, "exponent"), rapid.Uint32Range(0, 1<<23-1).Draw(t, "mantissa")
		check(t, math.Float32frombits(exponent<<23|mantissa))
	})
}
