package train

import "github.com/nearside/nearside/model/core/quant"

// newExact returns a solver that factors each row's system. A step more exact
// than conjugate gradients, it takes eight times as long at 64 factors and
// fifteen times at 128.
func newExact(gram, y []float32, stride int) rowSolver {
	s := &exact{d: stride, gram: gram, others: y, a: make([]float32, stride*stride),
		y: make([]float32, gatherRows*stride), w: make([]float32, gatherRows)}
	for r := range s.w {
		s.w[r] = 1
	}
	return s.solve
}

// exact is a worker's scratch memory.
type exact struct {
	d      int
	gram   []float32 // d×d
	others []float32 // rows × d
	a      []float32 // d×d: the system, and then its factor
	y      []float32 // gatherRows × d
	w      []float32 // gatherRows
}

func (s *exact) solve(x []float32, col []int32, val []float32, _, ridge float32) bool {
	d := s.d
	copy(s.a, s.gram)
	clear(x)
	for len(col) > 0 {
		n := min(len(col), gatherRows)
		for k, c := range col[:n] {
			copy(s.y[k*d:k*d+d], s.others[int(c)*d:])
		}
		if val != nil {
			copy(s.w, val[:n])
			val = val[n:]
		}
		quant.AddOuters(s.a, s.y[:n*d], s.w[:n], d)
		for k, w := range s.w[:n] {
			quant.Axpy(x, s.y[k*d:], w)
		}
		col = col[n:]
	}
	for k := range d {
		s.a[k*d+k] += ridge
	}
	if !quant.Cholesky(s.a, d) {
		return false
	}
	quant.CholeskySolve(s.a, d, x)
	return true
}
