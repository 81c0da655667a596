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
// users:
//
//	(α YᵀY + Σ w y_i y_iᵀ + λ(|S_u| + α·items)^ν I) x_u = Σ w y_i
//
// which is also the fold-in of a person on the device: with a few steps of
// conjugate gradients (conjugate.go) or, when no steps are asked for, exactly
// (exact.go). Factors of which fewer are shipped than learnt are projected at
// the end (project.go).

const (
	// solveBlock is how many rows a worker takes at a time.
	solveBlock = 32
	// gatherRows is how many rows are added to a matrix of products at a time:
	// at 64 factors they are 32 KB, the size of a first-level cache.
	gatherRows = 128
	// momentSteps is how many steps at least people are given for their moment.
	// Ten leave .02 % of MovieLens-1M's at 128 factors and the defaults.
	momentSteps = 10
)

var ialsLearner = learner{
	name: IALS, help: "implicit alternating least squares: item factors, the person is folded in",
	params: []Param{
		{Name: "dim", Help: "factors per item", Default: 64, Min: 1, Max: MaxDim, Whole: true, Low: 32, High: 128, Log: true},
		{Name: "epochs", Help: "passes over users and items; to go on from a model: 2", Default: 15, Min: 1, Max: 1000, Whole: true, Refit: 2},
		{Name: "reg", Help: "lambda, the regularisation", Default: .003, Min: 1e-9, Max: 1e9, Low: .0003, High: .1, Log: true},
		{Name: "alpha", Help: "weight of an unobserved pair, an observed one having 1", Default: .1, Min: 1e-9, Max: 1e9, Low: .003, High: 1, Log: true},
		{Name: "exponent", Help: "nu: 1 scales lambda with a row's pairs, near 0 not at all", Default: 1, Min: 1e-9, Max: 10, Low: .5, High: 1},
		{Name: "steps", Help: "conjugate-gradient steps a row is given in an epoch; 0: solved exactly", Default: 3, Min: 0, Max: 1000, Whole: true},
		{Name: "ship", Help: "factors per item in the model, at most dim; 0: all", Default: 0, Min: 0, Max: MaxDim, Whole: true},
		{Name: "std", Help: "the first item factors are N(0, std²/dim)", Default: .1, Min: 1e-9, Max: 1e3},
	},
	scorer: bundle.ScorerFoldIn, learn: learnIALS,
}

// MaxDim is the greatest number of factors: a bundle's reader stops there too.
const MaxDim = quant.MaxDim

// ials is a training in progress. The users' factors are computed from the
// items' at the start of each epoch, so the items' are all of its state.
type ials struct {
	dim, ship, epochs, steps, workers int
	reg, alpha, exponent, std         float32
	scale                             float32 // alpha in the regularisation

	stride       int // of the factors: dim padded
	users, items side
	meter        *meter
}

// side is the users or the items.
type side struct {
	name    string
	pairs   *data.Matrix // its rows × the other side's
	mass    []float32    // rows: what the pairs of a row weigh together
	factors []float32    // rows × stride, row-major
	kept    bool         // whether the factors are where the next epoch starts
}

func learnIALS(ctx context.Context, t *training) error {
	if from := t.cfg.From; from != nil && from.Dim != t.whole("dim") {
		return fmt.Errorf("%w: it has %d factors per item: want dim, %d", ErrFrom, from.Dim, t.whole("dim"))
	}
	s := newIALS(t)
	if s.ship > s.dim {
		return fmt.Errorf("ship %d: want at most dim, %d", s.ship, s.dim)
	}
	cp, err := t.epochs(s.epochs, t.Pairs.Rows+t.Pairs.Cols, s.items.factors, func(epoch int) error { return s.epoch(ctx, epoch) })
	if err != nil {
		return err
	}
	moment, err := s.moment(ctx)
	if err != nil {
		return err
	}
	if s.ship < s.dim {
		if err := s.project(ctx, moment); err != nil {
			return fmt.Errorf("ship: %w", err)
		}
		if moment, err = s.moment(ctx); err != nil {
			return err
		}
	}
	if err := s.mix(ctx, t.cfg.Seed, moment); err != nil {
		return err
	}
	moment = unpad(moment, s.stride, s.dim)[:s.dim*s.dim]
	t.model.Dim, t.model.Factors, t.model.Moment = s.dim, unpad(s.items.factors, s.stride, s.dim), moment
	t.model.Alpha, t.model.Reg, t.model.Exponent = s.alpha, s.reg, s.exponent
	return cp.remove()
}

func newIALS(t *training) *ials {
	m := t.Pairs
	s := &ials{
		dim: t.whole("dim"), ship: t.whole("ship"), epochs: t.whole("epochs"), steps: t.whole("steps"), workers: t.cfg.Workers,
		reg: t.float("reg"), alpha: t.float("alpha"), exponent: t.float("exponent"), std: t.float("std"),
		scale: t.float("alpha"), meter: t.meter,
	}
	if s.ship == 0 {
		s.ship = s.dim
	}
	s.stride = padded(s.dim)
	s.users = newSide("users", m, s.stride)
	s.items = newSide("items", m.Transpose(), s.stride)
	s.items.kept = true
	s.meter.state.Total = int64(s.epochs)*int64(m.Rows+m.Cols) + int64(m.Rows)
	if s.ship < s.dim {
		s.meter.state.Total += int64(m.Rows)
	}
	// The second word of the generator's seed is the digits of pi.
	rng := rand.New(rand.NewPCG(t.cfg.Seed, 0x3243f6a8885a308d))
	std := float64(s.std) / math.Sqrt(float64(s.dim))
	for i := range m.Cols {
		for f := range s.dim {
			s.items.factors[i*s.stride+f] = float32(rng.NormFloat64() * std)
		}
	}
	if from := t.cfg.From; from != nil {
		s.warmStart(from, t.model.Count)
	}
	return s
}

func newSide(name string, pairs *data.Matrix, stride int) side {
	s := side{name: name, pairs: pairs, mass: make([]float32, pairs.Rows), factors: make([]float32, pairs.Rows*stride)}
	for r := range s.mass {
		col, val := pairs.Row(r)
		s.mass[r] = float32(len(col))
		if val != nil {
			s.mass[r] = 0
			for _, w := range val {
				s.mass[r] += w
			}
		}
	}
	return s
}

// epoch solves all users and then all items.
func (t *ials) epoch(ctx context.Context, epoch int) error {
	t.meter.enter("users", epoch)
	if err := t.solve(ctx, &t.users, &t.items, t.steps); err != nil {
		return err
	}
	t.meter.enter("items", epoch)
	return t.solve(ctx, &t.items, &t.users, t.steps)
}

// moment returns XᵀX/users, stride × stride, of the people folded into the
// final items.
//
// Why solve the users once more? Those of the last epoch belong to items that
// are gone, and a training that is resumed after its last epoch has none. It
// costs half an epoch.
func (t *ials) moment(ctx context.Context) ([]float32, error) {
	t.meter.enter("moment", t.epochs)
	steps := t.steps
	if steps > 0 {
		steps = max(steps, momentSteps)
	}
	if err := t.solve(ctx, &t.users, &t.items, steps); err != nil {
		return nil, fmt.Errorf("moment: %w", err)
	}
	moment, err := t.gram(ctx, t.users.factors, 1/float32(t.users.pairs.Rows))
	if err != nil {
		return nil, fmt.Errorf("moment: %w", err)
	}
	for i := range t.stride {
		for j := range i {
			moment[j*t.stride+i] = moment[i*t.stride+j]
		}
	}
	return moment, nil
}

// rowSolver computes the factors x of a row from those of the other side's rows
// col with the weights val, all 1 when nil. It returns false when the row's
// system is not positive definite in float32.
type rowSolver func(x []float32, col []int32, val []float32, mass, ridge float32) bool

// solve computes the factors of x from those of y, with so many steps of
// conjugate gradients a row, or exactly with 0.
func (t *ials) solve(ctx context.Context, x, y *side, steps int) error {
	gram, err := t.gram(ctx, y.factors, t.alpha)
	if err != nil {
		return err
	}
	newSolver := func() rowSolver { return newExact(gram, y.factors, t.stride) }
	if steps > 0 {
		if newSolver, err = t.conjugates(ctx, gram, x, y, steps); err != nil {
			return err
		}
	}
	return blocks(ctx, t.workers, x.pairs.Rows, solveBlock, func() func(from, to int) error {
		solve := newSolver()
		return func(from, to int) error {
			for r := from; r < to; r++ {
				col, val := x.pairs.Row(r)
				row := x.factors[r*t.stride : (r+1)*t.stride]
				if len(col) == 0 {
					clear(row)
					continue
				}
				if !solve(row, col, val, x.mass[r], scaledReg(t.reg, t.scale, t.exponent, len(col), x.pairs.Cols)) {
					return fmt.Errorf("%s: row %d with %d pairs: its system is not positive definite in float32: "+
						"use a larger reg or smaller weights", x.name, r, len(col))
				}
			}
			t.meter.add(to - from)
			return nil
		}
	})
}

// gram returns the lower triangle of w·YᵀY.
func (t *ials) gram(ctx context.Context, y []float32, w float32) ([]float32, error) {
	d := t.stride
	weights := slices.Repeat([]float32{w}, gatherRows)
	return sumOfParts(ctx, t.workers, len(y)/d, d*d, func(sum []float32, from, to int) {
		for ; from < to; from += gatherRows {
			rows := min(gatherRows, to-from)
			quant.AddOuters(sum, y[from*d:(from+rows)*d], weights[:rows], d)
		}
	})
}

// pad returns rows of d numbers with zeros behind each, up to the stride.
func pad(rows []float32, d, stride int) []float32 {
	if d == stride {
		return rows
	}
	all := make([]float32, len(rows)/d*stride)
	for r := range len(rows) / d {
		copy(all[r*stride:], rows[r*d:r*d+d])
	}
	return all
}

// unpad returns rows of stride numbers with the first d of each.
func unpad(rows []float32, stride, d int) []float32 {
	if d == stride {
		return rows
	}
	all := make([]float32, 0, len(rows)/stride*d)
	for r := 0; r < len(rows); r += stride {
		all = append(all, rows[r:r+d]...)
	}
	return all
}
