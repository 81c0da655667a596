package train

import (
	"context"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// A linear low-pass filter on the graph of users and items, the low-rank part of
// GF-CF: Shen, Wu, Zhang, Shan, Zhang, Letaief and Li, "How powerful is graph
// convolution for recommendation?", CIKM 2021, equation 12, as item-side
// parameters. With X the users × items matrix, d its row and column counts, V
// the k leading right singular vectors of D_u^(-a) X D_i^(-b), and e = d_i/mean
// d_i, a history x scores item j with
//
//	Σ_i x_i·e_i^(-c)·(V Vᵀ)_ij·e_j^(-g)
//
// which is one vector for an item, F_j = e_j^(-g)·V_j, and one gain for what it
// counts for in a history, h_i = e_i^(g-c):
//
//	Σ_i x_i·h_i·F_i · F_j
//
// The model is a pool of factors alone. In auto they are added to the ridge, whose
// scores have the same size.
//
// Why not a softer filter, V s^p Vᵀ? It was worse or no better with p from -.5
// to 1 on Gowalla, Yelp2018 and MovieLens-1M.
var spectralLearner = learner{
	name: Spectral, help: "graph filter: item factors in closed form that let pass what many people share",
	params: []Param{
		{Name: "dim", Help: "factors per item", Default: 128, Min: 1, Max: MaxDim, Whole: true, Low: 32, High: 512, Log: true},
		{Name: "people", Help: "a person with d items is divided by d^people", Default: .4, Min: 0, Max: 2, Low: 0, High: 1},
		{Name: "items", Help: "an item of d people is divided by d^items", Default: .4, Min: 0, Max: 2, Low: 0, High: 1},
		{Name: "given", Help: "an item of d people in a history counts d^-given", Default: .5, Min: -2, Max: 2, Low: 0, High: 1},
		{Name: "popular", Help: "an item of d people scores times d^-popular", Default: -.25, Min: -2, Max: 2, Low: -.5, High: .2},
	},
	scorer: bundle.ScorerPool, learn: learnSpectral,
}

func learnSpectral(ctx context.Context, t *training) error {
	t.meter.state.Total = singularSteps
	d := t.whole("dim")
	factors, gain, err := spectral(ctx, t.Pairs, spectralOptions{
		dim: d, people: t.value("people"), items: t.value("items"), given: t.value("given"), popular: t.value("popular"),
		powers: powers{seed: t.cfg.Seed, workers: t.cfg.Workers, meter: t.meter},
	})
	if err != nil {
		return err
	}
	t.model.Dim, t.model.Factors = d, factors
	t.model.Pool = factorsAlone()
	t.model.Pool.Gains = encodeGains(gain)
	return nil
}

type spectralOptions struct {
	dim                           int
	people, items, given, popular float64 // a, b, c, g
	powers
}

// spectral returns F, n×k and row-major, and h, n.
func spectral(ctx context.Context, m *data.Matrix, opt spectralOptions) (factors, gain []float32, err error) {
	k := opt.dim
	factors, _, err = singular(ctx, scaled(m, -opt.people, -opt.items), k, opt.powers)
	if err != nil {
		return nil, nil, err
	}
	count, mean := columnCounts(m)
	gain = make([]float32, m.Cols)
	for i, d := range count {
		if d == 0 {
			continue
		}
		gain[i] = float32(math.Pow(d/mean, opt.popular-opt.given))
		scale := float32(math.Pow(d/mean, -opt.popular))
		for c := range k {
			factors[i*k+c] *= scale
		}
	}
	return factors, gain, nil
}

// encodeGains returns the gains as a pool has them.
func encodeGains(gain []float32) []byte {
	codes := make([]byte, len(gain))
	for i, g := range gain {
		codes[i] = quant.SparseScaleFor(g)
	}
	return codes
}
