//go:build goexperiment.simd

package train

import (
	"math/rand/v2"
	"simd/archsimd"
	"testing"
)

// TestDotOnAVX2 is for processors that would take AVX-512.
func TestDotOnAVX2(t *testing.T) {
	if !archsimd.X86.AVX2() {
		t.Skip("this processor has no AVX2")
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, stride := range []int{16, 32, 64, 1024} {
		x, y := randomFloats(rng, stride), randomFloats(rng, stride)
		sameBits(t, "dotAVX2", []float32{dotAVX2(x, y)}, []float32{dotScalar(y, x)})
	}
}
