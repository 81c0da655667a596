package quant

import (
	"math"
	"testing"
)

func TestExpIsCloseAndTheSameInAllKernels(t *testing.T) {
	const tol = 1.0 / (1 << 22)
	var x []float32
	for v := float32(-87); v <= 88; v += 1.0 / 512 {
		x = append(x, v)
	}
	x = append(x, 0, -1e-30, 1e-30, -1e6, 1e6, float32(math.Inf(-1)), float32(math.Inf(1)))
	got, scalar := append([]float32(nil), x...), append([]float32(nil), x...)
	Exp(got)
	expScalar(scalar)
	sameBits(t, "Exp", got, scalar)
	worst := 0.0
	for i, v := range x {
		want := math.Exp(min(max(float64(v), expLeast), expMost))
		e := math.Abs(float64(got[i])-want) / want
		worst = max(worst, e)
		if e > tol {
			t.Fatalf("Exp(%v): got %v, want %v", v, got[i], want)
		}
	}
	t.Logf("worst relative error %.3g", worst)
}

func BenchmarkExp(b *testing.B) {
	x := make([]float32, 1024)
	for b.Loop() {
		for i := range x {
			x[i] = -float32(i) / 64
		}
		Exp(x)
	}
}

func TestSoftmaxAndNormalise(t *testing.T) {
	const tol = 1e-6
	for _, x := range [][]float32{{3}, {1, 1}, {-2, 0, 5, .5}, {-1e4, 1e4}, {7, 7, 7}} {
		var mean, variance float64
		for _, v := range x {
			mean += float64(v) / float64(len(x))
		}
		for _, v := range x {
			variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
		}
		shares, normal := append([]float32(nil), x...), make([]float32, len(x))
		Softmax(shares)
		inverse := Normalise(normal, x)
		for k, v := range x {
			share := 0.0
			for _, other := range x {
				share += math.Exp(float64(other) - float64(v))
			}
			share = 1 / share
			if math.Abs(float64(shares[k])-share) > tol {
				t.Errorf("Softmax(%v)[%d]: got %v, want %v", x, k, shares[k], share)
			}
			want := (float64(v) - mean) / math.Sqrt(variance+normEpsilon)
			if math.Abs(float64(normal[k])-want) > tol {
				t.Errorf("Normalise(%v)[%d]: got %v, want %v", x, k, normal[k], want)
			}
		}
		if want := 1 / math.Sqrt(variance+normEpsilon); math.Abs(float64(inverse)/want-1) > tol {
			t.Errorf("Normalise(%v): got %v, want %v", x, inverse, want)
		}
	}
}
