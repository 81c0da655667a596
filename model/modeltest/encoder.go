package modeltest

import (
	"math/rand/v2"

	"github.com/nearside/nearside/model/core/bundle"
)

// Encoder returns an encoder of random numbers for histories of length items;
// those of its matrices have the deviation std, for which .1 to .2 is what training
// leaves.
func Encoder(rng *rand.Rand, d, hidden, length, blocks int, std float64) bundle.Encoder {
	normal := func(n int, std float64) []float32 {
		v := make([]float32, n)
		for k := range v {
			v[k] = float32(rng.NormFloat64() * std)
		}
		return v
	}
	w := bundle.Encoder{Dim: d, Hidden: hidden, Length: length, Gain: normal(d, 1), Bias: normal(d, .3)}
	for range blocks {
		w.Blocks = append(w.Blocks, bundle.EncoderBlock{
			Query: normal(d*d, std), Value: normal(d*d, std), Near: normal(length, 1),
			In: normal(d*hidden, std), InBias: normal(hidden, std), Out: normal(hidden*d, std), OutBias: normal(d, std),
		})
	}
	return w
}
