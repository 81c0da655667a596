package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/data"
)

// maxEASEItems bounds n: the inverse is dense, two n×n matrices of float64.
const maxEASEItems = 30000

// trainEASE solves the linear item-item model in closed form (Steck 2019,
// "Embarrassingly shallow autoencoders for sparse data", eq. 8):
// B = I - P·diag(1/diag P) with P = (XᵀX + lambda·I)⁻¹. Row i of the result
// holds what a history with item i gives to each target j.
func trainEASE(ctx context.Context, m *data.Matrix, cfg Config) (*data.Matrix, error) {
	n := m.Cols
	if n > maxEASEItems {
		return nil, fmt.Errorf("%d items need %.1f GB for the dense inverse: want at most %d items, or algorithm %q",
			n, 16*float64(n)*float64(n)/1e9, maxEASEItems, IALS)
	}
	progress := &meter{report: cfg.Progress, state: Progress{Total: int64(m.Rows + 2*n)}}

	progress.enter("products", 0)
	gram := mat.NewSymDense(n, nil)
	raw := gram.RawSymmetric()
	for r := range m.Rows {
		if r%256 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			progress.add(min(256, m.Rows-r))
		}
		col, val := m.Row(r)
		for a, i := range col {
			wa := 1.0
			if val != nil {
				wa = float64(val[a])
			}
			row := raw.Data[int(i)*raw.Stride:]
			for b := a; b < len(col); b++ {
				w := wa
				if val != nil {
					w *= float64(val[b])
				}
				row[col[b]] += w
			}
		}
	}
	for i := range n {
		raw.Data[i*raw.Stride+i] += cfg.Lambda
	}

	progress.enter("inverse", 0)
	var chol mat.Cholesky
	if !chol.Factorize(gram) {
		return nil, fmt.Errorf("lambda %v: the system is not positive definite, want a larger lambda", cfg.Lambda)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := chol.InverseTo(gram); err != nil {
		return nil, fmt.Errorf("lambda %v: the system is singular, want a larger lambda: %w", cfg.Lambda, err)
	}
	progress.add(n)

	progress.enter("neighbours", 0)
	keep := n - 1
	if cfg.Neighbours > 0 {
		keep = min(keep, cfg.Neighbours)
	}
	b := &data.Matrix{Rows: n, Cols: n, Ptr: make([]int64, 1, n+1)}
	order := make([]int32, 0, n)
	row := make([]float32, n)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		order = order[:0]
		for j := range n {
			if row[j] = float32(-gram.At(i, j) / gram.At(j, j)); j != i && row[j] != 0 {
				order = append(order, int32(j))
			}
		}
		if len(order) > keep {
			slices.SortStableFunc(order, func(x, y int32) int {
				return cmp.Compare(math.Abs(float64(row[y])), math.Abs(float64(row[x])))
			})
			order = order[:keep]
			slices.Sort(order)
		}
		for _, j := range order {
			b.Col, b.Val = append(b.Col, j), append(b.Val, row[j])
		}
		b.Ptr = append(b.Ptr, int64(len(b.Col)))
		progress.add(1)
	}
	return b, nil
}
