package score

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/bundle"
)

// randomNet has in inputs and weights around 1/√inputs.
func randomNet(rng *rand.Rand, in, h1, h2 int) *bundle.Net {
	layer := func(units, inputs int) bundle.Layer {
		l := bundle.Layer{Codes: make([]int8, units*inputs), Scales: make([]float32, units), Bias: make([]float32, units)}
		for k := range l.Codes {
			l.Codes[k] = int8(rng.IntN(255) - 127)
		}
		for u := range l.Scales {
			l.Scales[u] = rng.Float32() / 64 / float32(math.Sqrt(float64(inputs)))
			l.Bias[u] = rng.Float32() - .5
		}
		return l
	}
	net := &bundle.Net{In: in, H1: h1, H2: h2, L1: layer(h1, in), L2: layer(h2, h1), Out: layer(1, h2+in)}
	for range in {
		net.Mean, net.Scale = append(net.Mean, 4*rng.Float32()-2), append(net.Scale, 2*rng.Float32())
	}
	return net
}

// twin computes a net for one candidate in float64, as SPEC.md has it. size is
// the same with the sizes of all terms: what rounding errors are relative to.
func twin(net *bundle.Net, x []float64) (y, size float64) {
	in, sizes := make([]float64, net.In), make([]float64, net.In)
	for f, v := range x {
		in[f] = (v - float64(net.Mean[f])) * float64(net.Scale[f])
		sizes[f] = (math.Abs(v) + math.Abs(float64(net.Mean[f]))) * math.Abs(float64(net.Scale[f]))
	}
	dense := func(l bundle.Layer, x, sizes []float64) (y, size []float64) {
		for u, b := range l.Bias {
			sum, all := float64(b), math.Abs(float64(b))
			for f, v := range x {
				w := float64(l.Codes[u*len(x)+f]) * float64(l.Scales[u])
				sum += w * v
				all += math.Abs(w) * sizes[f]
			}
			y, size = append(y, sum), append(size, all)
		}
		return y, size
	}
	relu := func(v []float64) []float64 {
		for k := range v {
			v[k] = max(v[k], 0)
		}
		return v
	}
	a, sizeA := dense(net.L1, in, sizes)
	b, sizeB := dense(net.L2, relu(a), sizeA)
	out, all := dense(net.Out, append(relu(b), in...), append(sizeB, sizes...))
	return out[0], all[0]
}

// TestNetIsItsTwin in float64, for any number of candidates at a time.
func TestNetIsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		in := rapid.IntRange(1, 40).Draw(t, "inputs")
		net := randomNet(rng, in, rapid.IntRange(1, bundle.MaxHidden).Draw(t, "first"), rapid.IntRange(1, bundle.MaxHidden).Draw(t, "second"))
		run := newNetRun(net)
		for range 2 { // with the buffers of the first
			n := rapid.IntRange(1, 70).Draw(t, "candidates")
			x, want, size := make([]float32, in*n), make([]float64, n), make([]float64, n)
			for k := range n {
				column := make([]float64, in)
				for f := range column {
					x[f*n+k] = 20*rng.Float32() - 10
					column[f] = float64(x[f*n+k])
				}
				want[k], size[k] = twin(net, column)
			}
			got := make([]float32, n)
			run.run(got, x, n)
			for k := range got {
				const tol = 200 * 0x1p-24 // roundings, each of half a unit
				if math.Abs(float64(got[k])-want[k]) > tol*size[k] {
					t.Fatalf("candidate %d of %d: %v, want %v", k, n, got[k], want[k])
				}
			}
		}
	})
}

// TestNetOfTheLargestNumbers is finite: see the bounds in package bundle.
func TestNetOfTheLargestNumbers(t *testing.T) {
	const in = 64 // above what MaxColumns columns give
	if FeatureCount(8) > in {
		t.Fatalf("%d features: the proof in bundle.MaxNetValue is for %d", FeatureCount(8), in)
	}
	largest := func(units, inputs int) bundle.Layer {
		l := bundle.Layer{Codes: make([]int8, units*inputs), Scales: make([]float32, units), Bias: make([]float32, units)}
		for k := range l.Codes {
			l.Codes[k] = 127
		}
		for u := range l.Scales {
			l.Scales[u], l.Bias[u] = bundle.MaxNetValue/128, bundle.MaxNetValue
		}
		return l
	}
	net := &bundle.Net{In: in, H1: bundle.MaxHidden, H2: bundle.MaxHidden,
		L1: largest(bundle.MaxHidden, in), L2: largest(bundle.MaxHidden, bundle.MaxHidden), Out: largest(1, bundle.MaxHidden+in)}
	x := make([]float32, in)
	for f := range in {
		net.Mean, net.Scale = append(net.Mean, -bundle.MaxNetValue), append(net.Scale, bundle.MaxNetValue)
		x[f] = 64
	}
	got := make([]float32, 1)
	newNetRun(net).run(got, x, 1)
	if !finite(got[0]) || got[0] < 0x1p100 {
		t.Errorf("got %v, want a large finite number", got[0])
	}
}
