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
	slisSweeps  = 20
	slisTol     = 1e-4 // of the largest weight: smaller steps end the descent
)

// slis returns the weights, n×n: row i is what item i of a history gives to the
// others.
func slis(ctx context.Context, seq *data.Sequences, workers int) (*data.Matrix, error) {
	g, err := newGram(ctx, recentPairs(seq), workers)
	if err != nil {
		return nil, err
	}
	n := seq.Items
	prefer := make([]float32, n)
	for i := range prefer {
		prefer[i] = 1
	}
	col, val := make([][]int32, n), make([][]float32, n)
	err = blocks(ctx, workers, n, gramBlock, func() func(from, to int) error {
		s := g.newSupport(slisSupport, prefer)
		return func(from, to int) error {
			for j := from; j < to; j++ {
				s.choose(j)
				s.fill()
				for a, w := range s.descend(slisLambda) {
					if w > 0 {
						col[j], val[j] = append(col[j], s.items[a]), append(val[j], w)
					}
				}
			}
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	return fromRows(n, col, val).Transpose(), nil
}

// descend solves by coordinate descent.
func (s *support) descend(lambda float32) []float32 {
	k := len(s.items)
	for a := range k {
		for b := range a {
			s.block[b*k+a] = s.block[a*k+b]
		}
	}
	w := make([]float32, k)
	rest := append([]float32(nil), s.cross...) // cross - block·w
	for range slisSweeps {
		var step, most float32
		for a := range k {
			row := s.block[a*k : a*k+k]
			next := max(0, w[a]+(rest[a]-lambda*w[a])/(row[a]+lambda))
			if d := next - w[a]; d != 0 {
				for b, v := range row {
					rest[b] -= d * v
				}
				w[a] = next
				step = max(step, d, -d)
			}
			most = max(most, w[a])
		}
		if step <= slisTol*most {
			break
		}
	}
	return w
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
