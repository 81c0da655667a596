package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

const (
	// singularExtra columns are iterated beside those that are wanted, so that
	// the wanted ones converge faster.
	singularExtra = 16
	singularSteps = 6
	// rankTol is the part of the largest eigenvalue of vᵀv below which another
	// is taken for rounding: v is float32.
	rankTol = 1e-10
	// tallBlock is how many rows of a tall matrix a worker takes at a time.
	tallBlock = 256
)

// singular returns the d leading right singular vectors of m, m.Cols × d and
// row-major, the largest first, and their singular values. Vectors beyond the
// rank of m are 0. They come from a few power steps on random vectors (Halko,
// Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53(2),
// 2011, algorithm 4.4).
func singular(ctx context.Context, m *data.Matrix, d int, opt powers) ([]float32, []float64, error) {
	s := newSubspace(m, d, opt)
	v, err := s.converge(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := s.times(ctx, s.u, s.m, v); err != nil {
		return nil, nil, err
	}
	values, vectors, err := spectrum(s.u, s.k)
	if err != nil {
		return nil, nil, err
	}
	for c := range values {
		values[c] = math.Sqrt(values[c])
	}
	v, err = s.turn(ctx, v, vectors, d)
	return v, values[:d], err
}

// powers says how power steps are made.
type powers struct {
	seed    uint64
	workers int
	meter   *meter // nil: nobody looks
}

// subspace is an iteration for the leading eigenvectors of MᵀM or, with less, of
// MᵀM - diag(less).
type subspace struct {
	powers
	m, t *data.Matrix // M and its transpose
	less []float32    // m.Cols; nil: nothing
	k    int
	u    []float32 // m.Rows × k
}

// newSubspace is for the d leading ones of mᵀm.
func newSubspace(m *data.Matrix, d int, opt powers) *subspace {
	k := d + singularExtra
	return &subspace{powers: opt, m: m, t: m.Transpose(), k: k, u: make([]float32, m.Rows*k)}
}

// converge returns m.Cols × k: the columns span what the leading eigenvectors do.
func (s *subspace) converge(ctx context.Context) ([]float32, error) {
	v := make([]float32, s.m.Cols*s.k)
	rng := rand.New(rand.NewPCG(s.seed, 0x13198a2e03707344)) // more digits of pi
	for at := range v {
		v[at] = float32(rng.NormFloat64())
	}
	var err error
	for range singularSteps {
		if v, err = s.orthonormal(ctx, v); err != nil {
			return nil, err
		}
		if v, err = s.step(ctx, v); err != nil {
			return nil, err
		}
		s.meter.add(1)
	}
	// Twice, because the first time leaves what float32 loses.
	for range 2 {
		if v, err = s.orthonormal(ctx, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// step returns the matrix times v.
func (s *subspace) step(ctx context.Context, v []float32) ([]float32, error) {
	if err := s.times(ctx, s.u, s.m, v); err != nil {
		return nil, err
	}
	next := make([]float32, len(v))
	if err := s.times(ctx, next, s.t, s.u); err != nil {
		return nil, err
	}
	for i, c := range s.less {
		quant.Axpy(next[i*s.k:(i+1)*s.k], v[i*s.k:], -c)
	}
	return next, nil
}

// times sets dst to m·v; v has k columns.
func (s *subspace) times(ctx context.Context, dst []float32, m *data.Matrix, v []float32) error {
	k := s.k
	return blocks(ctx, s.workers, m.Rows, tallBlock, func() func(from, to int) error {
		return func(from, to int) error {
			clear(dst[from*k : to*k])
			for r := from; r < to; r++ {
				col, val := m.Row(r)
				for e, c := range col {
					quant.Axpy(dst[r*k:r*k+k], v[int(c)*k:], valueAt(val, e))
				}
			}
			return nil
		}
	})
}

// orthonormal returns an orthonormal basis of what v's k columns span, with
// columns of 0 where they span less.
func (s *subspace) orthonormal(ctx context.Context, v []float32) ([]float32, error) {
	values, vectors, err := spectrum(v, s.k)
	if err != nil {
		return nil, err
	}
	for c, x := range values {
		scale := 0.
		if x > rankTol*values[0] {
			scale = 1 / math.Sqrt(x)
		}
		for r := range s.k {
			vectors[r*s.k+c] *= scale
		}
	}
	return s.turn(ctx, v, vectors, s.k)
}

// turn returns the first d columns of v·by; by is k×k.
func (s *subspace) turn(ctx context.Context, v []float32, by []float64, d int) ([]float32, error) {
	k := s.k
	rows := make([]float32, k*d)
	for r := range k {
		for c := range d {
			rows[r*d+c] = float32(by[r*k+c])
		}
	}
	n := len(v) / k
	out := make([]float32, n*d)
	err := blocks(ctx, s.workers, n, tallBlock, func() func(from, to int) error {
		return func(from, to int) error {
			for i := from; i < to; i++ {
				for r, x := range v[i*k : i*k+k] {
					quant.Axpy(out[i*d:i*d+d], rows[r*d:], x)
				}
			}
			return nil
		}
	})
	return out, err
}

// spectrum returns the eigenvalues of aᵀa, the largest first and none below 0,
// and the eigenvectors as columns, k×k. a has k columns.
func spectrum(a []float32, k int) (values, vectors []float64, err error) {
	sum := blas64.General{Rows: k, Cols: k, Stride: k, Data: make([]float64, k*k)}
	strip := make([]float64, tallBlock*k)
	for len(a) > 0 {
		part := a[:min(len(a), len(strip))]
		for e, x := range part {
			strip[e] = float64(x)
		}
		rows := blas64.General{Rows: len(part) / k, Cols: k, Stride: k, Data: strip[:len(part)]}
		blas64.Gemm(blas.Trans, blas.NoTrans, 1, rows, rows, 1, sum)
		a = a[len(part):]
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(k, sum.Data), true) {
		return nil, nil, errors.New("the matrix has no singular values in float64: use smaller weights")
	}
	var ascending mat.Dense
	eigen.VectorsTo(&ascending)
	values, vectors = eigen.Values(nil), make([]float64, k*k)
	for c := range k / 2 {
		values[c], values[k-1-c] = values[k-1-c], values[c]
	}
	for c := range k {
		values[c] = max(values[c], 0)
		for r := range k {
			vectors[r*k+c] = ascending.At(r, k-1-c)
		}
	}
	return values, vectors, nil
}
