package train

import (
	"context"
	"math"
	"slices"

	"github.com/nearside/nearside/model/data"
)

// Sequence-aware linear models use the consistency part of SLIST (Choi et al.,
// "Session-aware linear item-item models for session-based recommendation",
// WWW 2021), solved here for each target j on the support C of the items that
// are met with it most, and with weights of at least 0:
//
//	min ‖x_j - X_C w‖² + λ‖w‖²,  w ≥ 0
//
// a newer history counting more than an older one. In the pool it is as good as
// the dense inverse at a hundredth of its time.
const (
	slisSupport = 100
	slisLambda  = 10
)

// slis returns the weights, n×n: row i is what item i of a history gives to the
// others.
func slis(ctx context.Context, seq *data.Sequences, workers int, meter *meter) (*data.Matrix, error) {
	g, err := newGram(ctx, recentPairs(seq), workers)
	if err != nil {
		return nil, err
	}
	r := &regression{gram: g, support: slisSupport, prefer: slices.Repeat([]float32{1}, seq.Items), workers: workers, meter: meter}
	return r.solve(ctx, func(s *support, j int) error {
		s.choose(j)
		s.descend(0, slisLambda)
		return nil
	})
}

// recentPairs returns histories × items, in which a history weighs
// exp(-age/(histories/4)), its age being how many came later; the value is the
// square root of that, so that products weigh as much.
func recentPairs(seq *data.Sequences) *data.Matrix {
	m := pairsOf(seq)
	m.Val = make([]float32, len(m.Col))
	for age, u := range byEnd(seq) {
		w := float32(math.Exp(-2 * float64(m.Rows-1-age) / float64(m.Rows)))
		for e := m.Ptr[u]; e < m.Ptr[u+1]; e++ {
			m.Val[e] = w
		}
	}
	return m
}

// pairsOf returns histories × items.
func pairsOf(seq *data.Sequences) *data.Matrix {
	m := &data.Matrix{Rows: seq.Users(), Cols: seq.Items, Ptr: []int64{0}}
	for u := range seq.Users() {
		row := append([]int32(nil), seq.Row(u)...)
		slices.Sort(row)
		for k, i := range row {
			if k == 0 || i != row[k-1] {
				m.Col = append(m.Col, i)
			}
		}
		m.Ptr = append(m.Ptr, int64(len(m.Col)))
	}
	return m
}
