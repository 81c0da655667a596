package train

import (
	"context"
	"fmt"
	"math"

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

func learnRidge(ctx context.Context, t *training) error {
	n, keep, lambda := t.Pairs.Cols, t.whole("neighbours"), t.value("lambda")
	t.meter.state.Total = int64(n)
	if keep > 0 {
		t.meter.state.Total *= 2
	}
	r, err := newRidge(ctx, t.Pairs, ridgeOptions{
		support: t.whole("support"), people: t.value("people"), chosen: t.value("chosen"),
		penalty: t.value("penalty"), popular: t.value("popular"), workers: t.cfg.Workers,
	}, t.meter)
	if err != nil {
		return err
	}
	w, err := r.weights(ctx, lambda)
	if err == nil && keep > 0 {
		w, err = r.refit(ctx, lambda, strongest(w, keep))
	}
	t.model.Neighbours = w
	return err
}

type ridgeOptions struct {
	support, workers                 int     // K
	people, chosen, penalty, popular float64 // a, s, r, g
}

// ridge is the regressions of all items, with any l.
type ridge struct {
	regression
	unit  []float32 // n: λ of l = 1
	scale []float32 // n: d^(-g)
}

func newRidge(ctx context.Context, m *data.Matrix, opt ridgeOptions, meter *meter) (*ridge, error) {
	g, err := newGram(ctx, scaled(m, -opt.people/2, 0), opt.workers)
	if err != nil {
		return nil, err
	}
	var trace float64
	for _, v := range g.diagonal {
		trace += float64(v)
	}
	n := m.Cols
	r := &ridge{
		regression: regression{gram: g, support: opt.support, prefer: make([]float32, n), workers: opt.workers, meter: meter},
		unit:       make([]float32, n), scale: make([]float32, n),
	}
	count, mean := columnCounts(m)
	for i, d := range count {
		if d == 0 {
			continue // in no support
		}
		r.prefer[i] = float32(math.Pow(d, -opt.chosen))
		r.unit[i] = float32(trace / float64(n) * math.Pow(d/mean, opt.penalty))
		r.scale[i] = float32(math.Pow(d, -opt.popular))
	}
	return r, nil
}

// weights returns w, n×n: row i is what item i of a history gives to the others.
func (r *ridge) weights(ctx context.Context, l float64) (*data.Matrix, error) {
	r.meter.enter("systems", 0)
	lambda := r.lambda(l)
	return r.solve(ctx, func(s *support, j int) error {
		s.choose(j)
		return s.ridge(j, lambda, r.scale[j])
	})
}

// refit returns the weights again, for targets that are explained by those items
// alone that have a weight in kept.
func (r *ridge) refit(ctx context.Context, l float64, kept *data.Matrix) (*data.Matrix, error) {
	r.meter.enter("refit", 0)
	lambda, items := r.lambda(l), kept.Transpose()
	return r.solve(ctx, func(s *support, j int) error {
		row, _ := items.Row(j)
		s.take(j, row)
		return s.ridge(j, lambda, r.scale[j])
	})
}

func (r *ridge) lambda(l float64) []float32 {
	lambda := make([]float32, len(r.unit))
	quant.Axpy(lambda, r.unit, float32(l))
	return lambda
}

// ridge makes of cross the weights of target j, times scale.
func (s *support) ridge(j int, lambda []float32, scale float32) error {
	s.fill()
	k := len(s.items)
	for a, i := range s.items {
		s.block[a*k+a] += lambda[i]
	}
	ok := quant.Cholesky(s.block, k)
	if ok {
		quant.CholeskySolve(s.block, k, s.cross)
	}
	for a := range s.cross {
		s.cross[a] *= scale
		ok = ok && finite(s.cross[a])
	}
	if !ok {
		return fmt.Errorf("item %d: the system of its %d neighbours is not positive definite in float32: "+
			"use a larger lambda or smaller weights", j, k)
	}
	return nil
}
