package train

import (
	"context"
	"math"

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
// Why not a softer filter, V s^p Vᵀ? It was worse or no better with p from -.5
// to 1 on Gowalla, Yelp2018 and MovieLens-1M. Scores have the size of ridge's, so
// that the two can be added.

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
