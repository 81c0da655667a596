package train

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAdamMovesAsInItsPaper: algorithm 1 in float64, for gradients of any size.
func TestAdamMovesAsInItsPaper(t *testing.T) {
	const n, rate, tol = 40, .1, 1e-5
	rng := rand.New(rand.NewPCG(1, 2))
	x, g, m, v := randomFloats(rng, n), make([]float32, n), make([]float32, n), make([]float32, n)
	want, first, second := make([]float64, n), make([]float64, n), make([]float64, n)
	for k := range want {
		want[k] = float64(x[k])
	}
	for step := 1; step <= 20; step++ {
		for k, gk := range randomFloats(rng, n) {
			g[k] = gk * float32(math.Pow(10, float64(k%9-4)))
			first[k] = .9*first[k] + .1*float64(g[k])
			second[k] = .98*second[k] + .02*float64(g[k])*float64(g[k])
			mean, square := first[k]/(1-math.Pow(.9, float64(step))), second[k]/(1-math.Pow(.98, float64(step)))
			want[k] -= rate * mean / (math.Sqrt(square) + 1e-8)
		}
		newAdam(rate, step).move(x, g, m, v)
		for k, got := range x {
			if math.Abs(float64(got)-want[k]) > tol {
				t.Fatalf("step %d: number %d is %v, want %v", step, k, got, want[k])
			}
		}
	}
}
