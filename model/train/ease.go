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
	"github.com/nearside/nearside/model/data"
)

// Embarrassingly shallow autoencoders: Steck, "Embarrassingly shallow
// autoencoders for sparse data", WWW 2019, equation 8. With P = (XᵀX + λI)⁻¹,
//
//	B_ij = -P_ij / P_jj, B_ii = 0
//
// and a history x scores item j with Σ_i x_i·B_ij. Row i of B is what an item
// of the history gives to the others.

const (
	// maxEASEItems bounds the items × items matrix of float64 at 7.2 GB.
	maxEASEItems = 30000
	// sweepPanel is how many columns the inversion takes at a time, and
	// sweepStrip how many rows it updates between two looks at the context. 128
	// was as fast as 256 and faster than 64.
	sweepPanel = 128
	sweepStrip = 512
	// easeBlock is how many rows of B a worker takes at a time.
	easeBlock = 32
)

var easeLearner = learner{
	name: EASE, help: "linear item-item weights in closed form, for catalogues of up to 30,000 items",
	params: []Param{
		{Name: "lambda", Help: "added to the diagonal of XᵀX", Default: 500, Min: 1e-9, Max: 1e12, Low: 10, High: 5000, Log: true},
		{Name: "neighbours", Help: "weights kept per item, largest magnitudes first; 0 keeps all", Default: 200, Min: 0, Max: maxEASEItems, Whole: true},
	},
	scorer: bundle.ScorerNeighbours, learn: learnEASE,
}

// ease is a training in progress.
type ease struct {
	lambda        float64
	keep, workers int
	n             int       // items
	a             []float64 // n×n, row-major, symmetric: only the lower triangle is kept up to date
	meter         *meter
}

// learnEASE keeps of each row of B the largest magnitudes, equal ones by index.
// Weights that are 0 are left out.
func learnEASE(ctx context.Context, t *training) (err error) {
	n := t.Pairs.Cols
	if n > maxEASEItems {
		return fmt.Errorf("%d items need a matrix of %d bytes: want at most %d items: "+
			"ask for more people per item, or use %q", n, 8*int64(n)*int64(n), maxEASEItems, IALS)
	}
	e := &ease{
		lambda: t.value("lambda"), keep: t.whole("neighbours"), workers: t.cfg.Workers,
		n: n, a: make([]float64, n*n), meter: t.meter,
	}
	e.meter.state.Total = 3 * int64(n)
	e.meter.enter("products", 0)
	if err := e.products(ctx, t.Pairs); err != nil {
		return err
	}
	e.meter.enter("inverse", 0)
	if err := e.invert(ctx); err != nil {
		return err
	}
	e.meter.enter("neighbours", 0)
	t.model.Neighbours, err = e.neighbours(ctx)
	return err
}

// products sets a to XᵀX + λI.
func (t *ease) products(ctx context.Context, users *data.Matrix) error {
	items := users.Transpose()
	return blocks(ctx, t.workers, t.n, easeBlock, func() func(from, to int) error {
		return func(from, to int) error {
			for i := from; i < to; i++ {
				row := t.a[i*t.n : i*t.n+i+1]
				row[i] = t.lambda
				who, weight := items.Row(i)
				for e, u := range who {
					x := 1.0
					if weight != nil {
						x = float64(weight[e])
					}
					addUpTo(row, users, int(u), x)
				}
			}
			t.meter.add(to - from)
			return nil
		}
	})
}

// addUpTo adds x times user u's weights to the elements of row that exist.
func addUpTo(row []float64, users *data.Matrix, u int, x float64) {
	col, val := users.Row(u)
	for e, j := range col {
		if int(j) >= len(row) {
			return
		}
		if val == nil {
			row[j] += x
		} else {
			row[j] += float64(x * float64(val[e]))
		}
	}
}

// invert replaces a by -a⁻¹, sweeping one panel of columns K after the other.
// With P the inverse of a's block KK and R all other rows:
//
//	a_RR -= a_RK·P·a_KR,  a_RK = a_RK·P,  a_KK = -P
//
// (Goodnight, "A tutorial on the SWEEP operator", The American Statistician
// 33(3), 1979, in blocks.) All blocks P are positive definite when a is.
//
// Why not one Cholesky factorisation and its inverse? It needs as many products
// and twice the memory, a training on 3,706 items took 12.5 s with gonum's on
// 2 cores against 6.4 s, and once begun it neither stops nor says how far it is.
func (t *ease) invert(ctx context.Context) error {
	n := t.n
	vData, wData := make([]float64, n*sweepPanel), make([]float64, n*sweepPanel)
	for p := 0; p < n; p += sweepPanel {
		q := min(p+sweepPanel, n)
		k := q - p
		pivot, err := t.invertPivot(p, q)
		if err != nil {
			return err
		}
		v := blas64.General{Rows: n, Cols: k, Stride: k, Data: vData[:n*k]}
		t.panelTo(v.Data, p, q)
		w := blas64.General{Rows: n, Cols: k, Stride: k, Data: wData[:n*k]}
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, v, pivot, 0, w)
		for from := 0; from < n; from += sweepStrip {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			to := min(from+sweepStrip, n)
			blas64.Gemm(blas.NoTrans, blas.Trans, -1,
				blas64.General{Rows: to - from, Cols: k, Stride: k, Data: w.Data[from*k : to*k]},
				blas64.General{Rows: to, Cols: k, Stride: k, Data: v.Data[:to*k]}, 1,
				blas64.General{Rows: to - from, Cols: to, Stride: n, Data: t.a[from*n : (to-1)*n+to]})
		}
		t.setPanel(p, q, w.Data, pivot.Data)
		t.meter.add(k)
	}
	return nil
}

// panelTo copies the columns p … q-1 of a to v, n×(q-p), with zeros in the rows
// p … q-1: those stay as they are while the panel is swept.
func (t *ease) panelTo(v []float64, p, q int) {
	k := q - p
	for i := range t.n {
		row := v[i*k : i*k+k]
		switch {
		case i < p:
			for c := range row {
				row[c] = t.a[(p+c)*t.n+i]
			}
		case i < q:
			clear(row)
		default:
			copy(row, t.a[i*t.n+p:])
		}
	}
}

// setPanel sets the columns p … q-1 of a to w, and their own rows to -pivot.
func (t *ease) setPanel(p, q int, w, pivot []float64) {
	k := q - p
	for i := range t.n {
		row := w[i*k : i*k+k]
		switch {
		case i < p:
			for c, x := range row {
				t.a[(p+c)*t.n+i] = x
			}
		case i < q:
			for c := range i - p + 1 {
				t.a[i*t.n+p+c] = -pivot[(i-p)*k+c]
			}
		default:
			copy(t.a[i*t.n+p:], row)
		}
	}
}

// invertPivot returns the inverse of the block of a with rows and columns p …
// q-1, both triangles.
func (t *ease) invertPivot(p, q int) (blas64.General, error) {
	k := q - p
	block := make([]float64, k*k)
	for r := range k {
		copy(block[r*k:r*k+r+1], t.a[(p+r)*t.n+p:])
	}
	factor, ok := lapack64.Potrf(blas64.Symmetric{N: k, Stride: k, Data: block, Uplo: blas.Lower})
	if ok {
		_, ok = lapack64.Potri(factor)
	}
	if !ok {
		return blas64.General{}, errors.New("the item-item matrix is not positive definite: use a larger lambda or smaller weights")
	}
	for r := range k {
		for c := range r {
			block[c*k+r] = block[r*k+c]
		}
	}
	return blas64.General{Rows: k, Cols: k, Stride: k, Data: block}, nil
}

// neighbours returns B from a = -P.
func (t *ease) neighbours(ctx context.Context) (*data.Matrix, error) {
	n := t.n
	col, val := make([][]int32, n), make([][]float32, n)
	err := blocks(ctx, t.workers, n, easeBlock, func() func(from, to int) error {
		rows := make([]float32, easeBlock*n)
		keys := make([]uint64, n)
		return func(from, to int) error {
			t.weights(rows, from, to)
			for i := from; i < to; i++ {
				row := rows[(i-from)*n : (i-from+1)*n]
				col[i] = t.largest(row, keys)
				val[i] = make([]float32, len(col[i]))
				for e, j := range col[i] {
					if val[i][e] = row[j]; !finite(row[j]) {
						return fmt.Errorf("item %d: weight %v of neighbour %d: use smaller weights", i, row[j], j)
					}
				}
			}
			t.meter.add(to - from)
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	b := &data.Matrix{Rows: n, Cols: n, Ptr: make([]int64, n+1), Col: slices.Concat(col...), Val: slices.Concat(val...)}
	for i := range n {
		b.Ptr[i+1] = b.Ptr[i] + int64(len(col[i]))
	}
	return b, nil
}

// weights sets rows to the rows from … to-1 of B. It walks down a once for all
// of them, because half of each row is a column there.
func (t *ease) weights(rows []float32, from, to int) {
	n := t.n
	for j := range n {
		diagonal := t.a[j*n+j]
		for i := from; i < to; i++ {
			p := t.a[max(i, j)*n+min(i, j)]
			rows[(i-from)*n+j] = float32(-p / diagonal)
			if i == j {
				rows[(i-from)*n+j] = 0
			}
		}
	}
}

// largest returns the columns of row's largest magnitudes, ascending. keys is
// scratch as long as row.
func (t *ease) largest(row []float32, keys []uint64) []int32 {
	keys = keys[:0]
	for j, v := range row {
		if v != 0 {
			// Greater magnitudes come first, then smaller indices: the bits of
			// a positive float32 ascend with it.
			magnitude := math.Float32bits(float32(math.Abs(float64(v))))
			keys = append(keys, uint64(^magnitude)<<32|uint64(j))
		}
	}
	if keep := t.keep; keep > 0 && keep < len(keys) {
		slices.Sort(keys)
		keys = keys[:keep]
	}
	cols := make([]int32, len(keys))
	for e, key := range keys {
		cols[e] = int32(uint32(key))
	}
	slices.Sort(cols)
	return cols
}
