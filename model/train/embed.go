package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// Item vectors from what is met together: the leading eigenvectors of
//
//	D^(-1/2)·C·D^(-1/2),  C_ij = Σ over histories of L^(-1/2) for i ≠ j, D = row sums + 5
//
// each times the root of its eigenvalue, rows brought to length 1: the spectral
// embedding of a graph (Ng, Jordan, Weiss, "On spectral clustering", NIPS 2001).
const (
	embedExtra = 16 // columns that are iterated and not kept
	embedSteps = 5
	embedFloor = 5
)

type embedder struct {
	byHistory, byItem *data.Matrix
	history, item     []float64 // L^(-1/2); D^(-1/2)
	own               []float64 // C_ii if it counted
	workers           int
}

// embed returns n×d.
func embed(ctx context.Context, seq *data.Sequences, d, workers int, seed uint64) ([]float32, error) {
	m := pairsOf(seq)
	e := &embedder{byHistory: m, byItem: m.Transpose(), workers: workers,
		history: make([]float64, m.Rows), item: make([]float64, m.Cols), own: make([]float64, m.Cols)}
	for u := range m.Rows {
		col, _ := m.Row(u)
		w := 1 / math.Sqrt(float64(max(len(col), 1)))
		e.history[u] = w
		for _, i := range col {
			e.own[i] += w
			e.item[i] += w * float64(len(col)-1)
		}
	}
	for i, sum := range e.item {
		e.item[i] = 1 / math.Sqrt(sum+embedFloor)
	}
	k := min(d+embedExtra, m.Cols)
	v := make([]float32, m.Cols*k)
	rng := rand.New(rand.NewPCG(seed, 0x13198a2e03707344))
	for at := range v {
		v[at] = float32(rng.NormFloat64())
	}
	next := make([]float32, len(v))
	for range embedSteps {
		if err := orthonormal(v, k); err != nil {
			return nil, err
		}
		if err := e.times(ctx, next, v, k); err != nil {
			return nil, err
		}
		v, next = next, v
	}
	if err := orthonormal(v, k); err != nil {
		return nil, err
	}
	if err := e.times(ctx, next, v, k); err != nil {
		return nil, err
	}
	return ritz(v, next, k, min(d, k), d), nil
}

// times sets dst to the matrix times v, n×k.
func (e *embedder) times(ctx context.Context, dst, v []float32, k int) error {
	people := make([]float32, e.byHistory.Rows*k)
	err := blocks(ctx, e.workers, e.byHistory.Rows, 256, func() func(from, to int) error {
		return func(from, to int) error {
			for u := from; u < to; u++ {
				col, _ := e.byHistory.Row(u)
				for _, i := range col {
					quant.Axpy(people[u*k:(u+1)*k], v[int(i)*k:int(i+1)*k], float32(e.history[u]*e.item[i]))
				}
			}
			return nil
		}
	})
	if err != nil {
		return err
	}
	return blocks(ctx, e.workers, e.byItem.Rows, 256, func() func(from, to int) error {
		return func(from, to int) error {
			for i := from; i < to; i++ {
				row := dst[i*k : (i+1)*k]
				clear(row)
				who, _ := e.byItem.Row(i)
				for _, u := range who {
					quant.Axpy(row, people[int(u)*k:int(u+1)*k], float32(e.item[i]))
				}
				quant.Axpy(row, v[i*k:(i+1)*k], float32(-e.own[i]*e.item[i]*e.item[i]))
			}
			return nil
		}
	})
}

// orthonormal makes the columns of v, n×k, orthonormal: v·L⁻ᵀ with vᵀv = L·Lᵀ,
// twice, because once leaves what float32 loses.
func orthonormal(v []float32, k int) error {
	for range 2 {
		g := products(v, v, k)
		var chol mat.Cholesky
		if !chol.Factorize(g) {
			return errors.New("the items' vectors are not independent: ask for fewer")
		}
		var l mat.TriDense
		chol.LTo(&l)
		row := make([]float64, k)
		for at := 0; at < len(v); at += k {
			for c := range k {
				x := float64(v[at+c])
				for b := range c {
					x -= row[b] * l.At(c, b)
				}
				row[c] = x / l.At(c, c)
			}
			for c, x := range row {
				v[at+c] = float32(x)
			}
		}
	}
	return nil
}

// products returns (aᵀb + bᵀa)/2, k×k.
func products(a, b []float32, k int) *mat.SymDense {
	sum := make([]float64, k*k)
	for at := 0; at < len(a); at += k {
		for r := range k {
			x := float64(a[at+r])
			for c := range k {
				sum[r*k+c] += x * float64(b[at+c])
			}
		}
	}
	g := mat.NewSymDense(k, nil)
	for r := range k {
		for c := r; c < k; c++ {
			g.SetSym(r, c, (sum[r*k+c]+sum[c*k+r])/2)
		}
	}
	return g
}

// ritz returns the vectors of the largest eigenvalues within the span of v, times
// their roots, rows of length 1: n×d, of which keep columns are not 0. product is
// the matrix times v.
func ritz(v, product []float32, k, keep, d int) []float32 {
	var eigen mat.EigenSym
	if !eigen.Factorize(products(v, product, k), true) {
		panic("train: internal error: ritz: no eigenvectors")
	}
	values := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	out := make([]float32, len(v)/k*d)
	row := make([]float64, keep)
	for at := 0; at < len(v); at += k {
		var square float64
		for c := range keep {
			which := k - 1 - c // ascending
			var x float64
			for b := range k {
				x += float64(v[at+b]) * vectors.At(b, which)
			}
			row[c] = x * math.Sqrt(math.Max(values[which], 0))
			square += row[c] * row[c]
		}
		if square == 0 {
			continue
		}
		for c, x := range row {
			out[at/k*d+c] = float32(x / math.Sqrt(square))
		}
	}
	return out
}
