package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// Local ridge regression on co-occurrence. Steck's EASE ("Embarrassingly
// shallow autoencoders for sparse data", WWW 2019) regresses each item on all
// others; here each target j is regressed on a support C of the items that
// co-occur with it most, in the manner of Ning and Karypis, "SLIM: sparse linear
// methods for top-N recommender systems", ICDM 2011, section 4.3 (fsSLIM), but
// in closed form. With X the users × items matrix, d its row and column counts,
// R = D_u^(-a/2) X and G = RᵀR,
//
//	C   = the K items i ≠ j with the largest G_ij·d_i^(-s)
//	w_j = d_j^(-g)·(G_CC + diag λ_C)⁻¹ G_Cj
//	λ_i = l·mean(diag G)·(d_i/mean d)^r
//
// and a history x scores item j with Σ_i x_i·w_ij. It is as good as the dense
// inverse of EASE at a hundredth of its time, and grows with the items, not
// with their cube.
//
// A device gets few weights of each row. When those are chosen, each target is
// regressed once more on the items that still know it, which wins back a part
// of what the others carried.

var ridgeLearner = learner{
	name: Ridge, help: "linear item-item weights in closed form, each item from its strongest neighbours only",
	params: []Param{
		{Name: "support", Help: "items that each item is regressed on", Default: 128, Min: 1, Max: maxSupport, Whole: true, Low: 64, High: 256, Log: true},
		{Name: "lambda", Help: "regularisation, in mean diagonals of the matrix", Default: 4, Min: 1e-9, Max: 1e9, Low: 1, High: 20, Log: true},
		{Name: "people", Help: "a person with d items weighs d^-people in each product of two items", Default: .4, Min: 0, Max: 2, Low: 0, High: 1},
		{Name: "chosen", Help: "an item of d people is chosen by its product times d^-chosen", Default: .5, Min: 0, Max: 2, Low: .2, High: 1},
		{Name: "penalty", Help: "lambda is scaled by (d/mean d)^penalty", Default: .5, Min: 0, Max: 2, Low: .2, High: .8},
		{Name: "popular", Help: "an item of d people scores times d^-popular", Default: 0, Min: -2, Max: 2, Low: -.2, High: .2},
		{Name: "neighbours", Help: "weights kept per item, largest magnitudes first; 0 keeps all", Default: 128, Min: 0, Max: maxSupport, Whole: true},
	},
	scorer: bundle.ScorerNeighbours, learn: learnRidge,
}

// maxSupport bounds a worker's system at 16 MB.
const maxSupport = 2048

func learnRidge(ctx context.Context, t *training) (err error) {
	t.model.Neighbours, err = ridge(ctx, t.Pairs, ridgeOptions{
		support: t.whole("support"), keep: t.whole("neighbours"), workers: t.cfg.Workers,
		lambda: t.value("lambda"), people: t.value("people"), chosen: t.value("chosen"),
		penalty: t.value("penalty"), popular: t.value("popular"),
	}, t.meter)
	return err
}

type ridgeOptions struct {
	support, keep, workers           int     // K; weights kept per row, 0 for all
	lambda                           float64 // l
	people, chosen, penalty, popular float64 // a, s, r, g
}

// ridge returns the weights w, n×n: row i is what item i of a history gives to
// the others.
func ridge(ctx context.Context, m *data.Matrix, opt ridgeOptions, meter *meter) (*data.Matrix, error) {
	g, err := newGram(ctx, scaled(m, -opt.people/2, 0), opt.workers)
	if err != nil {
		return nil, err
	}
	var trace float64
	for _, v := range g.diagonal {
		trace += float64(v)
	}
	n := m.Cols
	r := &regression{gram: g, support: opt.support, prefer: make([]float32, n), lambda: make([]float32, n), scale: make([]float32, n)}
	count, mean := columnCounts(m)
	for i, d := range count {
		if d == 0 {
			continue // in no support
		}
		r.prefer[i] = float32(math.Pow(d, -opt.chosen))
		r.lambda[i] = float32(opt.lambda * trace / float64(n) * math.Pow(d/mean, opt.penalty))
		r.scale[i] = float32(math.Pow(d, -opt.popular))
	}
	meter.state.Total = int64(n)
	refit := opt.keep > 0 && opt.keep < opt.support
	if refit {
		meter.state.Total *= 2
	}
	meter.enter("systems", 0)
	w, err := r.solve(ctx, (*support).choose, opt.workers, meter)
	if err != nil || !refit {
		return w, err
	}
	meter.enter("refit", 0)
	kept := strongest(w, opt.keep).Transpose()
	return r.solve(ctx, func(s *support, j int) {
		items, _ := kept.Row(j)
		s.take(j, items)
	}, opt.workers, meter)
}

// regression is a ridge regression of each item on a support.
type regression struct {
	*gram
	support int       // K
	prefer  []float32 // n: G_ij·prefer_i chooses the support
	lambda  []float32 // n
	scale   []float32 // n: what the weights of a target are multiplied by
}

// solve returns the weights, n×n, row i for what item i gives. choose sets the
// support of a target.
func (r *regression) solve(ctx context.Context, choose func(s *support, j int), workers int, meter *meter) (*data.Matrix, error) {
	n := len(r.diagonal)
	col, val := make([][]int32, n), make([][]float32, n)
	err := blocks(ctx, workers, n, gramBlock, func() func(from, to int) error {
		s := r.newSupport(r.support, r.prefer)
		return func(from, to int) error {
			for j := from; j < to; j++ {
				choose(s, j)
				s.fill()
				if !s.ridge(r.lambda) {
					return fmt.Errorf("item %d: the system of its %d neighbours is not positive definite in float32: "+
						"use a larger lambda or smaller weights", j, len(s.items))
				}
				col[j], val[j] = slices.Clone(s.items), make([]float32, len(s.items))
				quant.Axpy(val[j], s.cross, r.scale[j])
			}
			meter.add(to - from)
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	return fromRows(n, col, val).Transpose(), nil
}

// ridge replaces cross by the solution of (block + diag λ)·w = cross, and
// returns false when there is none in float32.
func (s *support) ridge(lambda []float32) bool {
	k := len(s.items)
	for a, i := range s.items {
		s.block[a*k+a] += lambda[i]
	}
	if !quant.Cholesky(s.block, k) {
		return false
	}
	quant.CholeskySolve(s.block, k, s.cross)
	for _, w := range s.cross {
		if !finite(w) {
			return false
		}
	}
	return true
}
