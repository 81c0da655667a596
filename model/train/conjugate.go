package train

import (
	"context"
	"math"
	"slices"
)

// Conjugate gradients instead of a factorisation: Takács, Pilászy and Tikk,
// "Applications of the conjugate gradient method for implicit feedback
// collaborative filtering", RecSys 2011. A few steps are enough, because the
// next half of an epoch changes the systems anyway.
//
// Here they are taken in the principal axes of the other side's factors, where
// the system of a row is
//
//	diag(α·spread + ridge) + Σ w y yᵀ
//
// so that a step reads the row's pairs and no d×d matrix. And in these axes
// the diagonal of the system that an average row of the same mass would have,
//
//	α·spread + ridge + mass·square, square = Σ w y∘y / Σ w over all pairs,
//
// is so good a preconditioner that three steps from zero end nearer to the
// exact solution than three plain ones from the last epoch's. That is why the
// users' factors need not be kept from one epoch to the next. The model is
// indifferent to the axes: only products of a user and an item are used.

// chunkRows is how many pairs' rows are read, and read again while they are in
// the first-level cache.
const chunkRows = 64

// solvedSize is the share of the first residual's square, measured with the
// preconditioner, at which float32 knows no better.
const solvedSize = 1e-14

// conjugates turns y, and x where it is kept, to the principal axes of y, whose
// Gram matrix times α is gram, and returns what makes a worker's solver.
func (t *ials) conjugates(ctx context.Context, gram []float32, x, y *side, steps int) (func() rowSolver, error) {
	axes, err := principalAxes(ctx, t.workers, gram, t.stride)
	if err != nil {
		return nil, err
	}
	if err := t.turn(ctx, y.factors, axes); err != nil {
		return nil, err
	}
	if x.kept {
		if err := t.turn(ctx, x.factors, axes); err != nil {
			return nil, err
		}
	}
	square, err := t.meanSquare(ctx, y)
	if err != nil {
		return nil, err
	}
	return func() rowSolver {
		return newConjugate(steps, !x.kept, axes.spread, square, y.factors)
	}, nil
}

// turn writes rows in other axes.
func (t *ials) turn(ctx context.Context, rows []float32, axes *axes) error {
	d := t.stride
	all := indices(d)
	return blocks(ctx, t.workers, len(rows)/d, solveBlock, func() func(from, to int) error {
		turned := make([]float32, solveBlock*d)
		return func(from, to int) error {
			for f := 0; f < d; f += axesBlock { // these axes stay in the first-level cache
				for r := from; r < to; r++ {
					at := (r-from)*d + f
					dotRows(turned[at:at+axesBlock], axes.turned, all[f:f+axesBlock], rows[r*d:r*d+d])
				}
			}
			copy(rows[from*d:to*d], turned)
			return nil
		}
	})
}

// indices returns 0 … n-1.
func indices(n int) []int32 {
	all := make([]int32, n)
	for k := range all {
		all[k] = int32(k)
	}
	return all
}

// meanSquare returns the mean of y∘y over all pairs.
func (t *ials) meanSquare(ctx context.Context, y *side) ([]float32, error) {
	var total float64
	for _, w := range y.mass {
		total += float64(w)
	}
	return sumOfParts(ctx, t.workers, len(y.mass), t.stride, func(sum []float32, from, to int) {
		square := make([]float32, t.stride)
		for r := from; r < to; r++ {
			row := y.factors[r*t.stride : (r+1)*t.stride]
			mul(square, row, row)
			addScaled(sum, sum, square, float32(float64(y.mass[r])/total))
		}
	})
}

// conjugate is a worker's scratch memory.
type conjugate struct {
	steps                 int
	cold                  bool      // whether to start from zero, and not from what x is
	base, square          []float32 // stride: α·spread, and see above
	y                     []float32 // rows × stride
	diagonal, inverse     []float32 // stride: of the row's system, and of the preconditioner
	residual, search      []float32 // stride
	image, preconditioned []float32 // stride
	one                   []float32 // stride or chunkRows: ones
	products              []float32 // chunkRows
}

func newConjugate(steps int, cold bool, base, square, y []float32) rowSolver {
	stride := len(base)
	next := func() []float32 { return make([]float32, stride) }
	c := &conjugate{
		steps: steps, cold: cold, base: base, square: square, y: y,
		diagonal: next(), inverse: next(), residual: next(), search: next(), image: next(), preconditioned: next(),
		one: slices.Repeat([]float32{1}, max(stride, chunkRows)), products: make([]float32, chunkRows),
	}
	return c.solve
}

func (c *conjugate) solve(x []float32, col []int32, val []float32, mass, ridge float32) bool {
	addScaled(c.diagonal, c.base, c.one, ridge)
	invert(c.inverse, c.diagonal, c.square, mass)
	c.start(x, col, val)
	mul(c.search, c.residual, c.inverse)
	size := dot(c.residual, c.search)
	for step, enough := 1, size*solvedSize; size > enough; step++ {
		c.apply(c.search, col, val)
		length := size / dot(c.search, c.image)
		if !(length > 0 && length <= math.MaxFloat32) {
			return false
		}
		addScaled(x, x, c.search, length)
		if step == c.steps {
			break
		}
		addScaled(c.residual, c.residual, c.image, -length)
		mul(c.preconditioned, c.residual, c.inverse)
		before := size
		size = dot(c.residual, c.preconditioned)
		addScaled(c.search, c.preconditioned, c.search, size/before)
	}
	return size <= math.MaxFloat32 && mass <= math.MaxFloat32
}

// start sets residual to what is missing at the first x.
func (c *conjugate) start(x []float32, col []int32, val []float32) {
	clear(c.residual)
	for from := 0; from < len(col); from += chunkRows {
		to := min(from+chunkRows, len(col))
		weights := c.one
		if val != nil {
			weights = val[from:to]
		}
		addRows(c.residual, c.y, col[from:to], weights)
	}
	if c.cold {
		clear(x)
		return
	}
	c.apply(x, col, val)
	addScaled(c.residual, c.residual, c.image, -1)
}

// apply sets image to the row's system times v.
func (c *conjugate) apply(v []float32, col []int32, val []float32) {
	mul(c.image, c.diagonal, v)
	for from := 0; from < len(col); from += chunkRows {
		to := min(from+chunkRows, len(col))
		products := c.products[:to-from]
		dotRows(products, c.y, col[from:to], v)
		if val != nil {
			for k, w := range val[from:to] {
				products[k] *= w
			}
		}
		addRows(c.image, c.y, col[from:to], products)
	}
}

// dot returns a·b.
func dot(a, b []float32) float32 {
	var dst [1]float32
	dotRows(dst[:], a, []int32{0}, b)
	return dst[0]
}
