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
// and s the k leading right singular vectors and values of D_u^(-a) X D_i^(-b),
// a history x scores item j with
//
//	Σ_i x_i·d_i^(-c)·(V s^(2p) Vᵀ)_ij · d_j^(-g)
//
// which is one vector for an item, F_j = d_j^(-g)·V_j s^p, and one gain for what
// it counts for in a history, h_i = d_i^(g-c):
//
//	Σ_i x_i·h_i·F_i · F_j

type spectralOptions struct {
	dim     int     // k
	people  float64 // a: how much less a person counts that has more items
	items   float64 // b: the same of an item, for the singular vectors
	power   float64 // p: 0 is the ideal filter, more lets less of the small ones pass
	given   float64 // c: how much less a popular item of the history counts
	popular float64 // g: how much less a popular target scores
	seed    uint64
	workers int
}

// spectral returns F, n×k and row-major, and h, n.
func spectral(ctx context.Context, m *data.Matrix, opt spectralOptions, meter *meter) (factors, gain []float32, err error) {
	k := opt.dim
	factors, values, err := singular(ctx, scaled(m, -opt.people, -opt.items), k, opt.workers, opt.seed)
	if err != nil {
		return nil, nil, err
	}
	count, _ := columnCounts(m)
	gain = make([]float32, m.Cols)
	for i, d := range count {
		if d == 0 {
			continue
		}
		gain[i] = float32(math.Pow(d, opt.popular-opt.given))
		scale := math.Pow(d, -opt.popular)
		row := factors[i*k : i*k+k]
		for c, s := range values {
			row[c] = float32(float64(row[c]) * math.Pow(s, opt.power) * scale)
		}
	}
	return factors, gain, nil
}
