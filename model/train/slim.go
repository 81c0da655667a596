package train

import (
	"context"
	"fmt"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
)

// Sparse linear methods: Ning and Karypis, "SLIM: sparse linear methods for
// top-N recommender systems", ICDM 2011, equation 3, on the support C of the
// items that co-occur with target j most (fsSLIM, section 4.3):
//
//	min ½‖x_j - X_C w‖² + ½β‖w‖² + λ‖w‖₁,  w ≥ 0
//
// by coordinate descent on the products (Friedman, Hastie and Tibshirani,
// "Regularization paths for generalized linear models via coordinate descent",
// Journal of Statistical Software 33(1), 2010, section 2.2).

const (
	// descentSweeps bounds how often the descent goes over the weights, and
	// descentTol is the part of the largest weight below which a sweep's largest
	// step ends it.
	descentSweeps = 20
	descentTol    = 1e-4
)

var slimLearner = learner{
	name: SLIM, help: "sparse linear item-item weights of at least 0, each item from its strongest neighbours",
	params: []Param{
		{Name: "support", Help: "items that each item is regressed on", Default: 128, Min: 1, Max: maxSupport, Whole: true, Low: 64, High: 256, Log: true},
		{Name: "l1", Help: "lambda, which makes small weights 0", Default: 1, Min: 0, Max: 1e9, Low: .1, High: 20, Log: true},
		{Name: "l2", Help: "beta, added to the diagonal of XᵀX", Default: 100, Min: 0, Max: 1e9, Low: 10, High: 1000, Log: true},
		{Name: "neighbours", Help: "weights kept per item, the largest first; 0 keeps all", Default: 128, Min: 0, Max: maxSupport, Whole: true},
	},
	scorer: bundle.ScorerNeighbours, learn: learnSLIM,
}

func learnSLIM(ctx context.Context, t *training) error {
	g, err := newGram(ctx, t.Pairs, t.cfg.Workers)
	if err != nil {
		return err
	}
	n := t.Pairs.Cols
	r := &regression{gram: g, support: t.whole("support"), prefer: make([]float32, n), workers: t.cfg.Workers, meter: t.meter}
	for i, v := range g.diagonal {
		if !finite(v) {
			return fmt.Errorf("item %d: the squares of its weights sum to %v: use smaller weights", i, v)
		}
		if v > 0 {
			r.prefer[i] = float32(1 / math.Sqrt(float64(v)))
		}
	}
	l1, l2 := t.float("l1"), t.float("l2")
	t.meter.state.Total = int64(n)
	t.meter.enter("systems", 0)
	w, err := r.solve(ctx, func(s *support, j int) error {
		s.choose(j)
		s.descend(l1, l2)
		return nil
	})
	if err != nil {
		return err
	}
	t.model.Neighbours = strongest(w, t.whole("neighbours"))
	return nil
}

// descend makes of cross the weights w ≥ 0 that minimise
// ½w·block·w - cross·w + ½l2·w·w + l1·Σw.
func (s *support) descend(l1, l2 float32) {
	s.fill()
	k := len(s.items)
	for a := range k {
		for b := range a {
			s.block[b*k+a] = s.block[a*k+b]
		}
	}
	w := make([]float32, k)
	rest := s.cross // cross - block·w
	for range descentSweeps {
		var step, most float32
		for a := range k {
			row := s.block[a*k : a*k+k]
			next := max(0, w[a]+(rest[a]-l1-l2*w[a])/(row[a]+l2))
			if d := next - w[a]; d != 0 {
				quant.Axpy(rest, row, -d)
				w[a] = next
				step = max(step, d, -d)
			}
			most = max(most, w[a])
		}
		if step <= descentTol*most {
			break
		}
	}
	copy(s.cross, w)
}
