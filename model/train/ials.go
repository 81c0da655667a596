package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// Implicit alternating least squares: Hu, Koren and Volinsky, "Collaborative
// filtering for implicit feedback datasets", ICDM 2008, with the loss and the
// frequency-scaled regularisation of Rendle, Krichene, Zhang and Koren,
// "Revisiting the performance of iALS on item recommendation benchmarks",
// arXiv 2110.14037, equations 1 and 4. With ŷ = x_u·y_i, S the observed pairs
// and w their weights, it minimises
//
//	Σ_S w(ŷ-1)² + α Σ_all ŷ² + λ Σ_u (|S_u| + α·items)^ν |x_u|²
//	                         + λ Σ_i (|S_i| + α·users)^ν |y_i|²
//
// An epoch solves every user given the items and then every item given the
// users, each exactly:
//
//	(α YᵀY + Σ w y_i y_iᵀ + λ(|S_u| + α·items)^ν I) x_u = Σ w y_i
//
// which is also the fold-in of a person on the device.

const (
	// solveBlock is how many rows a worker takes at a time.
	solveBlock = 32
	// gatherRows is how many rows of the other side are added to a system at
	// a time: at 64 factors they are 32 KB, the size of a first-level cache.
	gatherRows = 128
	// gramParts bounds how many partial sums of the Gram matrix there are.
	// Their number depends on the data only, or the workers would change the
	// rounding.
	gramParts = 32
)

var ialsLearner = learner{
	name: IALS, help: "implicit alternating least squares: item factors, the person is folded in",
	params: []Param{
		{Name: "dim", Help: "factors per item", Default: 64, Min: 1, Max: MaxDim, Whole: true, Low: 32, High: 128, Log: true},
		{Name: "epochs", Help: "passes over users and items", Default: 15, Min: 1, Max: 1000, Whole: true},
		{Name: "reg", Help: "lambda, the regularisation", Default: .003, Min: 1e-9, Max: 1e9, Low: .0003, High: .1, Log: true},
		{Name: "alpha", Help: "weight of an unobserved pair, an observed one having 1", Default: .1, Min: 1e-9, Max: 1e9, Low: .003, High: 1, Log: true},
		{Name: "exponent", Help: "nu: 1 scales lambda with a row's pairs, near 0 not at all", Default: 1, Min: 1e-9, Max: 10, Low: .5, High: 1},
		{Name: "std", Help: "the first item factors are N(0, std²/dim)", Default: .1, Min: 1e-9, Max: 1e3},
	},
	scorer: bundle.ScorerFoldIn, learn: learnIALS,
}

// MaxDim is the greatest number of factors: a bundle's reader stops there too.
const MaxDim = quant.MaxDim

// ials is a training in progress. The users' factors are computed from the
// items' at the start of each epoch, so the items' are all of its state.
type ials struct {
	dim, epochs, workers      int
	reg, alpha, exponent, std float32
	scale                     float32 // alpha in the regularisation

	byUser, byItem *data.Matrix
	users, items   []float32 // rows × Dim, row-major
	meter          *meter
}

func learnIALS(ctx context.Context, t *training) error {
	s := newIALS(t)
	cp := newCheckpoint(t)
	done, err := cp.resume(s.items)
	if err != nil {
		return err
	}
	if done > s.epochs {
		return fmt.Errorf("checkpoint %q has %d epochs: want at most %d", cp.path, done, s.epochs)
	}
	s.meter.state.Done = int64(done) * int64(t.Pairs.Rows+t.Pairs.Cols)
	for epoch := done + 1; epoch <= s.epochs; epoch++ {
		if err := s.epoch(ctx, epoch); err != nil {
			return fmt.Errorf("epoch %d of %d: %w", epoch, s.epochs, err)
		}
		if err := cp.save(epoch, s.items); err != nil {
			return err
		}
	}
	moment, err := s.moment(ctx)
	if err != nil {
		return fmt.Errorf("moment: %w", err)
	}
	t.model.Dim, t.model.Factors, t.model.Moment = s.dim, s.items, moment
	t.model.Alpha, t.model.Reg, t.model.Exponent = s.alpha, s.reg, s.exponent
	return cp.remove()
}

func newIALS(t *training) *ials {
	m := t.Pairs
	s := &ials{
		dim: t.whole("dim"), epochs: t.whole("epochs"), workers: t.cfg.Workers,
		reg: t.float("reg"), alpha: t.float("alpha"), exponent: t.float("exponent"), std: t.float("std"),
		scale: t.float("alpha"), byUser: m, byItem: m.Transpose(), meter: t.meter,
	}
	s.users, s.items = make([]float32, m.Rows*s.dim), make([]float32, m.Cols*s.dim)
	s.meter.state.Total = int64(s.epochs)*int64(m.Rows+m.Cols) + int64(m.Rows)
	// The second word of the generator's seed is the digits of pi.
	rng := rand.New(rand.NewPCG(t.cfg.Seed, 0x3243f6a8885a308d))
	std := float64(s.std) / math.Sqrt(float64(s.dim))
	for k := range s.items {
		s.items[k] = float32(rng.NormFloat64() * std)
	}
	return s
}

// epoch solves all users and then all items.
func (t *ials) epoch(ctx context.Context, epoch int) error {
	t.meter.enter("users", epoch)
	if err := t.solve(ctx, t.byUser, t.users, t.items); err != nil {
		return err
	}
	t.meter.enter("items", epoch)
	return t.solve(ctx, t.byItem, t.items, t.users)
}

// moment returns XᵀX/users, d×d, of the people folded into the final items, as
// devices fold in theirs.
//
// Why solve the users once more? Those of the last epoch belong to items that
// are gone, and a training that is resumed after its last epoch has none. It
// costs half an epoch.
func (t *ials) moment(ctx context.Context) ([]float32, error) {
	t.meter.enter("moment", t.epochs)
	if err := t.solve(ctx, t.byUser, t.users, t.items); err != nil {
		return nil, err
	}
	d := t.dim
	moment, err := t.gram(ctx, t.users, 1/float32(t.byUser.Rows))
	if err != nil {
		return nil, err
	}
	for i := range d {
		for j := range i {
			moment[j*d+i] = moment[i*d+j]
		}
	}
	return moment, nil
}

// solve computes each row of x from the rows of y that pairs gives it.
func (t *ials) solve(ctx context.Context, pairs *data.Matrix, x, y []float32) error {
	d := t.dim
	gram, err := t.gram(ctx, y, t.alpha)
	if err != nil {
		return err
	}
	return blocks(ctx, t.workers, pairs.Rows, solveBlock, func() func(from, to int) error {
		s := newSystem(d)
		return func(from, to int) error {
			for r := from; r < to; r++ {
				col, val := pairs.Row(r)
				copy(s.a, gram)
				if !s.solve(x[r*d:r*d+d], y, col, val, scaledReg(t.reg, t.scale, t.exponent, len(col), pairs.Cols)) {
					return fmt.Errorf("%s: row %d with %d pairs: its system is not positive definite in float32: "+
						"use a larger reg or smaller weights", t.meter.state.Stage, r, len(col))
				}
			}
			t.meter.add(to - from)
			return nil
		}
	})
}

// gram returns the lower triangle of w·YᵀY. Partial sums over fixed ranges of
// rows are added in order.
func (t *ials) gram(ctx context.Context, y []float32, w float32) ([]float32, error) {
	d := t.dim
	n := len(y) / d
	size := max(gatherRows, (n+gramParts-1)/gramParts)
	parts := make([][]float32, (n+size-1)/size)
	weights := slices.Repeat([]float32{w}, size)
	err := blocks(ctx, t.workers, n, size, func() func(from, to int) error {
		return func(from, to int) error {
			part := make([]float32, d*d)
			for ; from < to; from += gatherRows {
				rows := min(gatherRows, to-from)
				quant.AddOuters(part, y[from*d:(from+rows)*d], weights[:rows], d)
			}
			parts[(to-1)/size] = part
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	for _, part := range parts[1:] {
		quant.Axpy(parts[0], part, 1)
	}
	return parts[0], nil
}

// system is a worker's scratch memory.
type system struct {
	d int
	a []float32 // d×d: the Gram matrix before solve, its factor after
	y []float32 // gatherRows×d
	w []float32 // gatherRows
}

func newSystem(d int) *system {
	s := &system{d: d, a: make([]float32, d*d), y: make([]float32, gatherRows*d), w: make([]float32, gatherRows)}
	for r := range s.w {
		s.w[r] = 1
	}
	return s
}

// solve adds the rows col of y, weighted by val, and reg on the diagonal, to
// s.a and solves for x. It returns false when the system is not positive
// definite.
func (s *system) solve(x, y []float32, col []int32, val []float32, reg float32) bool {
	d := s.d
	clear(x)
	if len(col) == 0 {
		return true
	}
	for len(col) > 0 {
		n := min(len(col), gatherRows)
		for k, c := range col[:n] {
			copy(s.y[k*d:k*d+d], y[int(c)*d:])
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
		s.a[k*d+k] += reg
	}
	if !quant.Cholesky(s.a, d) {
		return false
	}
	quant.CholeskySolve(s.a, d, x)
	return true
}
