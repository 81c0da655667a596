package train

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/nearside/nearside/model/core/quant"
)

const (
	// axesBlock is how many rows are turned against as many others while both
	// are in the first-level cache.
	axesBlock = 8
	// axesTol is the cosine from which on two rows count as orthogonal. Float32
	// knows it to some 1e-7.
	axesTol = 1e-5
	// axesSweeps bounds the passes. From any start seven or eight are enough,
	// and from last epoch's axes three.
	axesSweeps = 20
	// axesShift, as a share of the trace, is added to the diagonal so that a
	// matrix without full rank has a Cholesky factor.
	axesShift = 1e-6
)

// axes are the principal axes of a symmetric positive semidefinite matrix a:
// turned is Qᵀ, one axis per row, and QᵀaQ has spread on its diagonal and
// nothing beside it.
type axes struct {
	stride int
	turned []float32 // stride×stride
	spread []float32 // stride
	factor []float32 // stride×stride: QᵀL with a = LLᵀ, whose rows become orthogonal
	norms  []float64 // stride: their squared lengths
}

// principalAxes finds the axes of a, of which the lower triangle is read.
//
// One-sided Jacobi on the Cholesky factor: Veselić and Hari, "A note on a
// one-sided Jacobi algorithm", Numerische Mathematik 56, 1989. Pairs of rows
// are turned until all are orthogonal. It is used because a matrix that is
// almost diagonal, as that of the factors is after an epoch, needs few passes,
// because it is dot products and sums of rows, and because disjoint pairs can
// be turned at the same time and give the same bits in any order.
func principalAxes(ctx context.Context, workers int, a []float32, stride int) (*axes, error) {
	x := &axes{stride: stride, turned: make([]float32, stride*stride), spread: make([]float32, stride),
		norms: make([]float64, stride)}
	for k := range stride {
		x.turned[k*stride+k] = 1
	}
	var shift float64
	x.factor, shift = shiftedCholesky(a, stride)
	for range axesSweeps {
		turned, err := x.sweep(ctx, workers)
		if err != nil {
			return nil, err
		}
		if !turned {
			break
		}
	}
	for k := range stride {
		x.spread[k] = float32(max(0, x.norms[k]-shift))
	}
	return x, nil
}

// shiftedCholesky returns the Cholesky factor of the d×d matrix a plus a shift
// on its diagonal. A sum of many rows may be further from positive than
// axesShift; then ten times as much is tried.
func shiftedCholesky(a []float32, d int) (factor []float32, shift float64) {
	var trace float64
	for k := range d {
		trace += float64(a[k*d+k])
	}
	factor = make([]float32, d*d)
	for shift = axesShift * trace; ; shift *= 10 {
		copy(factor, a)
		for k := range d {
			factor[k*d+k] += float32(shift)
		}
		if trace == 0 || !(shift < trace) || quant.Cholesky(factor, d) {
			break
		}
	}
	for k := range d {
		clear(factor[k*d+k+1 : k*d+d])
	}
	return factor, shift
}

// sweep turns every pair of rows once and says whether any was not orthogonal.
// In a round all blocks are paired, as in a tournament; the pairs of a round
// are disjoint.
func (x *axes) sweep(ctx context.Context, workers int) (turned bool, err error) {
	if x.stride < 256 {
		workers = 1 // a round is then shorter than starting it
	}
	players := x.stride / axesBlock // an even number: a stride is a multiple of 16
	var any atomic.Bool
	for round := -1; round < players-1; round++ {
		err := blocks(ctx, workers, players/2, 1, func() func(from, to int) error {
			return func(k, _ int) error {
				if round < 0 { // within blocks
					first, second := x.turnWithin(2*k), x.turnWithin(2*k+1)
					if first || second {
						any.Store(true)
					}
					return nil
				}
				p, q := (round+k)%(players-1), (round-k+players-1)%(players-1)
				if k == 0 {
					q = players - 1
				}
				if x.turnAcross(min(p, q), max(p, q)) {
					any.Store(true)
				}
				return nil
			}
		})
		if err != nil {
			return false, err
		}
	}
	return any.Load(), nil
}

// turnWithin turns the pairs of rows of a block.
func (x *axes) turnWithin(block int) (turned bool) {
	from, to := block*axesBlock, (block+1)*axesBlock
	for i := from; i < to; i++ {
		x.norms[i] = x.dot(i, i) // exact again, once a sweep
	}
	for i := from; i < to; i++ {
		for j := i + 1; j < to; j++ {
			turned = x.turn(i, j) || turned
		}
	}
	return turned
}

// turnAcross turns each row of block p with each of q. Neighbouring pairs have
// no row in common, so that the processor can work on several.
func (x *axes) turnAcross(p, q int) (turned bool) {
	for shift := range axesBlock {
		for k := range axesBlock {
			turned = x.turn(p*axesBlock+k, q*axesBlock+(k+shift)%axesBlock) || turned
		}
	}
	return turned
}

// turn makes rows i and j orthogonal by the smaller of the two angles that do.
// It returns false when they already are.
func (x *axes) turn(i, j int) bool {
	a, b, c := x.norms[i], x.norms[j], x.dot(i, j)
	if math.Abs(c) <= axesTol*math.Sqrt(a*b) {
		return false
	}
	zeta := (b - a) / (2 * c)
	t := math.Copysign(1/(math.Abs(zeta)+math.Sqrt(1+zeta*zeta)), zeta)
	cos := 1 / math.Sqrt(1+t*t)
	x.norms[i], x.norms[j] = a-t*c, b+t*c
	d := x.stride
	rotate(x.factor[i*d:i*d+d], x.factor[j*d:j*d+d], float32(cos), float32(cos*t))
	rotate(x.turned[i*d:i*d+d], x.turned[j*d:j*d+d], float32(cos), float32(cos*t))
	x.renew(i, a)
	x.renew(j, b)
	return true
}

// renew computes the norm of row i again when most of what it was before is
// gone, and with it the accuracy.
func (x *axes) renew(i int, before float64) {
	if x.norms[i] < before/8 {
		x.norms[i] = x.dot(i, i)
	}
}

func (x *axes) dot(i, j int) float64 {
	var dst [1]float32
	d := x.stride
	dotRows(dst[:], x.factor, []int32{int32(j)}, x.factor[i*d:i*d+d])
	return float64(dst[0])
}
