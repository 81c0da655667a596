package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// Embarrassingly shallow autoencoders: Steck, "Embarrassingly shallow
// autoencoders for sparse data", WWW 2019, equation 8. With P = (XᵀX + λI)⁻¹,
//
//	B_ij = -P_ij / P_jj, B_ii = 0
//
// and a history x scores item j with Σ_i x_i·B_ij. Row i of B is what an item
// of the history gives to the others.
//
// Column j of B is also the ridge regression of item j on all others. For
// catalogues whose inverse would be too large it is regressed on those only that
// it shares most people with, see ridge.go.

const (
	// maxEASEItems bounds the items × items matrix of float32 at 3.6 GB.
	maxEASEItems = 30000
	// easeSupport is how many items one is regressed on in larger catalogues.
	easeSupport = 200
	// sweepPanel is how many columns the inversion takes at a time, a multiple of
	// tileCols. At 128 a group of a panel has 16 KB; 64 was
	// 8 % slower and 256 5 % faster.
	sweepPanel = 128
	// easeBlock is how many rows of B a worker takes at a time.
	easeBlock = 32
)

var easeLearner = learner{
	name: EASE, help: "linear item-item weights in closed form, approximately beyond 30,000 items",
	params: []Param{
		{Name: "lambda", Help: "added to the diagonal of XᵀX", Default: 500, Min: 1e-9, Max: 1e12, Low: 10, High: 5000, Log: true},
		{Name: "neighbours", Help: "weights kept per item, largest magnitudes first; 0 keeps all", Default: 200, Min: 0, Max: maxEASEItems, Whole: true},
	},
	scorer: bundle.ScorerNeighbours, learn: learnEASE,
}

// learnEASE keeps of each row of B the largest magnitudes, equal ones by index.
// Weights that are 0 are left out.
func learnEASE(ctx context.Context, t *training) (err error) {
	learn := invertedEASE
	if t.Pairs.Cols > maxEASEItems {
		learn = localEASE
	}
	t.model.Neighbours, err = learn(ctx, t)
	return err
}

// localEASE is EASE on each item's support.
func localEASE(ctx context.Context, t *training) (*data.Matrix, error) {
	g, err := newGram(ctx, t.Pairs, t.cfg.Workers)
	if err != nil {
		return nil, err
	}
	n := t.Pairs.Cols
	r := &regression{gram: g, support: easeSupport, prefer: make([]float32, n), workers: t.cfg.Workers, meter: t.meter}
	count, _ := columnCounts(t.Pairs)
	for i, d := range count {
		if d > 0 {
			r.prefer[i] = float32(1 / math.Sqrt(d))
		}
	}
	lambda := slices.Repeat([]float32{t.float("lambda")}, n)
	t.meter.state.Total = int64(n)
	t.meter.enter("systems", 0)
	w, err := r.solve(ctx, func(s *support, j int) error {
		s.choose(j)
		return s.ridge(j, lambda, 1)
	})
	if err != nil {
		return nil, err
	}
	return strongest(w, t.whole("neighbours")), nil
}

// ease is an inversion in progress. Its matrix is in tiles of the kernel, so
// there are a few items more than there are, which have nothing in common with
// any.
type ease struct {
	workers int
	n       int       // items, a multiple of tileCols
	a       []float32 // n×n, row-major, symmetric: only the lower triangle is kept up to date
	meter   *meter

	// Of the panel that is being swept, K, a multiple of tileCols wide:
	k       int
	v, y, w []float32 // n/tileCols × k × tileCols: a_KR, L⁻¹·a_KR, P·a_KR
}

// invertedEASE is EASE by the inverse of all of XᵀX + λI.
func invertedEASE(ctx context.Context, t *training) (*data.Matrix, error) {
	items := t.Pairs.Cols
	n := (items + tileCols - 1) / tileCols * tileCols
	e := &ease{workers: t.cfg.Workers, n: n, a: make([]float32, n*n), meter: t.meter,
		v: make([]float32, n*sweepPanel), y: make([]float32, n*sweepPanel), w: make([]float32, n*sweepPanel)}
	e.meter.state.Total = int64(items + n + items)
	e.meter.enter("products", 0)
	if err := e.products(ctx, t.Pairs, t.float("lambda")); err != nil {
		return nil, err
	}
	e.meter.enter("inverse", 0)
	for p := 0; p < n; p += sweepPanel {
		if err := e.sweep(ctx, p, min(p+sweepPanel, n)); err != nil {
			return nil, err
		}
	}
	e.meter.enter("neighbours", 0)
	return e.neighbours(ctx, items, t.whole("neighbours"))
}

// products sets a to XᵀX + λI.
func (e *ease) products(ctx context.Context, users *data.Matrix, lambda float32) error {
	for i := range e.n {
		e.a[i*e.n+i] = lambda
	}
	items := users.Transpose()
	return blocks(ctx, e.workers, items.Rows, easeBlock, func() func(from, to int) error {
		return func(from, to int) error {
			for i := from; i < to; i++ {
				row := e.a[i*e.n : i*e.n+i+1]
				who, weight := items.Row(i)
				for at, u := range who {
					addUpTo(row, users, int(u), valueAt(weight, at))
				}
			}
			e.meter.add(to - from)
			return nil
		}
	})
}

// addUpTo adds x times user u's weights to the elements of row that exist.
func addUpTo(row []float32, users *data.Matrix, u int, x float32) {
	col, val := users.Row(u)
	for e, j := range col {
		if int(j) >= len(row) {
			return
		}
		row[j] += float32(x * valueAt(val, e))
	}
}

// sweep takes the panel of columns K from p to q-1. All panels make of a -a⁻¹.
// With P = L⁻ᵀ·L⁻¹ the inverse of a's block KK and R all other rows:
//
//	a_RR -= (L⁻¹·a_KR)ᵀ·(L⁻¹·a_KR),  a_KR = P·a_KR,  a_KK = -P
//
// (Goodnight, "A tutorial on the SWEEP operator", The American Statistician
// 33(3), 1979, in blocks.) All blocks P are positive definite when a is.
//
// Why not one Cholesky factorisation and its inverse? It needs as many products
// and twice the memory, and once begun it neither stops nor says how far it is.
// Why float32? It takes half the memory, and 3,706 items 1.1 s where float64 and
// gonum's products took 6.4 s; the weights have 8 bits where they go.
func (e *ease) sweep(ctx context.Context, p, q int) error {
	e.k = q - p
	inverse, factor, err := e.invertPivot(p)
	if err != nil {
		return err
	}
	groups := e.n / tileCols
	err = blocks(ctx, e.workers, groups, 1, func() func(from, to int) error {
		return func(g, _ int) error {
			e.gather(g, p)
			e.multiply(e.y, factor, g)
			e.multiply(e.w, inverse, g)
			return nil
		}
	})
	if err != nil {
		return err
	}
	err = blocks(ctx, e.workers, groups, 1, func() func(from, to int) error {
		return func(g, _ int) error {
			g = groups - 1 - g // the longest rows first
			e.update(g, p)
			e.scatter(g, p)
			return nil
		}
	})
	if err != nil {
		return err
	}
	for r := range e.k {
		for c := range r + 1 {
			e.a[(p+r)*e.n+p+c] = inverse[e.at(r, c)]
		}
	}
	e.meter.add(e.k)
	return nil
}

// at is where the kernel wants row r and column c of what has k rows.
func (e *ease) at(r, c int) int { return (c/tileCols*e.k+r)*tileCols + c%tileCols }

// swept says whether the items of group g are in the panel that begins at p.
func (e *ease) swept(g, p int) bool { return g*tileCols >= p && g*tileCols < p+e.k }

// invertPivot returns -P and -L⁻ᵀ of the panel that begins at p.
func (e *ease) invertPivot(p int) (inverse, factor []float32, err error) {
	k := e.k
	lower := make([]float64, k*k)
	for r := range k {
		for c := range r + 1 {
			lower[r*k+c] = float64(e.a[(p+r)*e.n+p+c])
		}
	}
	chol, ok := lapack64.Potrf(blas64.Symmetric{N: k, Stride: k, Data: lower, Uplo: blas.Lower})
	if !ok {
		return nil, nil, errors.New("the item-item matrix is not positive definite in float32: use a larger lambda or smaller weights")
	}
	root := slices.Clone(lower)
	lapack64.Trtri(blas64.Triangular{N: k, Stride: k, Data: root, Uplo: blas.Lower, Diag: blas.NonUnit})
	lapack64.Potri(chol)
	inverse, factor = make([]float32, k*k), make([]float32, k*k)
	for r := range k {
		for c := range r + 1 {
			inverse[e.at(r, c)], inverse[e.at(c, r)] = float32(-lower[r*k+c]), float32(-lower[r*k+c])
			factor[e.at(c, r)] = float32(-root[r*k+c])
		}
	}
	return inverse, factor, nil
}

// gather sets group g of v to the rows of a's panel, and to 0 where that meets
// itself: what is there stays as it is while the panel is swept.
func (e *ease) gather(g, p int) {
	k, n := e.k, e.n
	v := e.v[g*k*tileCols : (g+1)*k*tileCols]
	switch first := g * tileCols; {
	case e.swept(g, p):
		clear(v)
	case first < p:
		for r := range k {
			copy(v[r*tileCols:(r+1)*tileCols], e.a[(p+r)*n+first:])
		}
	default:
		for c := range tileCols {
			for r, x := range e.a[(first+c)*n+p : (first+c)*n+p+k] {
				v[r*tileCols+c] = x
			}
		}
	}
}

// multiply sets group g of dst to minus by's transpose times v.
func (e *ease) multiply(dst, by []float32, g int) {
	group := e.k * tileCols
	d, v := dst[g*group:(g+1)*group], e.v[g*group:(g+1)*group]
	clear(d)
	for r := 0; r < e.k; r += tileRows {
		subProducts(d[r*tileCols:], tileCols, by[r/tileCols*group+r%tileCols:], v, e.k)
	}
}

// update subtracts yᵀy from the rows of group g, but for the panel's columns.
func (e *ease) update(g, p int) {
	if e.swept(g, p) {
		return
	}
	group := e.k * tileCols
	x := e.y[g*group : (g+1)*group]
	for h := range g + 1 {
		if e.swept(h, p) {
			continue
		}
		y := e.y[h*group : (h+1)*group]
		for r := 0; r < tileCols; r += tileRows {
			subProducts(e.a[(g*tileCols+r)*e.n+h*tileCols:], e.n, x[r:], y, e.k)
		}
	}
}

// scatter returns group g of w to a's panel.
func (e *ease) scatter(g, p int) {
	k, n := e.k, e.n
	w := e.w[g*k*tileCols : (g+1)*k*tileCols]
	switch first := g * tileCols; {
	case e.swept(g, p):
	case first < p:
		for r := range k {
			copy(e.a[(p+r)*n+first:(p+r)*n+first+tileCols], w[r*tileCols:])
		}
	default:
		for c := range tileCols {
			row := e.a[(first+c)*n+p : (first+c)*n+p+k]
			for r := range row {
				row[r] = w[r*tileCols+c]
			}
		}
	}
}

// neighbours returns B from a = -P, without what is beyond the items.
func (e *ease) neighbours(ctx context.Context, items, keep int) (*data.Matrix, error) {
	col, val := make([][]int32, items), make([][]float32, items)
	err := blocks(ctx, e.workers, items, easeBlock, func() func(from, to int) error {
		rows := make([]float32, easeBlock*items)
		var list []quant.Candidate
		return func(from, to int) error {
			e.weights(rows, from, to, items)
			for i := from; i < to; i++ {
				row := rows[(i-from)*items : (i-from+1)*items]
				list = list[:0]
				for j, v := range row {
					if !finite(v) {
						return fmt.Errorf("item %d: weight %v of neighbour %d: use smaller weights", i, v, j)
					}
					if v != 0 {
						list = append(list, quant.Candidate{Item: j, Score: magnitude(v)})
					}
				}
				for _, c := range largest(list, keep) {
					col[i], val[i] = append(col[i], int32(c.Item)), append(val[i], row[c.Item])
				}
			}
			e.meter.add(to - from)
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	return fromRows(items, col, val), nil
}

// weights sets rows to the rows from … to-1 of B. It walks down a once for all
// of them, because half of each row is a column there.
func (e *ease) weights(rows []float32, from, to, items int) {
	for j := range items {
		diagonal := e.a[j*e.n+j]
		for i := from; i < to; i++ {
			p := e.a[max(i, j)*e.n+min(i, j)]
			rows[(i-from)*items+j] = -p / diagonal
			if i == j {
				rows[(i-from)*items+j] = 0
			}
		}
	}
}
