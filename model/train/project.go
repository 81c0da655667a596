package train

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Fewer factors are shipped than learnt. With G = YᵀY of the items and M the
// mean of x·xᵀ over the people, the scores lose least, over all people and
// items, where
//
//	E|Yx - Ŷx|² = |(Y - Ŷ)M^½|²
//
// is smallest among the Ŷ of rank k. By Eckart and Young Ŷ = Y M^½ V Vᵀ M^-½, V
// being the k first right singular vectors of Y M^½. So a person's x matters
// only in the span of M^½V, which is the span of the k first eigenvectors of
// M·G. With Z an orthonormal basis of it, the items become YZ.
//
// A device that folds a person into YZ, with the same α, λ and ν, minimises the
// person's own objective over the x = Zz: the scores are YZz, and |Zz| = |z|. So
// it needs to know nothing of the projection.

// project replaces the items' dim factors by YZ, of ship factors. moment is M.
func (t *ials) project(ctx context.Context, moment []float32) error {
	d := t.stride
	gram, err := t.gram(ctx, t.items.factors, 1)
	if err != nil {
		return err
	}
	basis, err := t.basis(ctx, gram, moment)
	if err != nil {
		return err
	}
	stride := padded(t.ship)
	all, items := indices(t.ship), make([]float32, len(t.items.mass)*stride)
	err = blocks(ctx, t.workers, len(t.items.mass), solveBlock, func() func(from, to int) error {
		return func(from, to int) error {
			for i := from; i < to; i++ {
				dotRows(items[i*stride:], basis, all, t.items.factors[i*d:i*d+d])
			}
			return nil
		}
	})
	if err != nil {
		return err
	}
	t.dim, t.stride = t.ship, stride
	t.items.factors, t.users.factors = items, t.users.factors[:t.users.pairs.Rows*stride]
	return nil
}

// basis returns Zᵀ, ship × stride. With G = CCᵀ and u an eigenvector of CᵀMC,
// MCu is one of MG.
func (t *ials) basis(ctx context.Context, gram, moment []float32) ([]float32, error) {
	d, ship := t.stride, t.ship
	factor, _ := shiftedCholesky(gram, d)
	C, M := doubles(factor, d), doubles(moment, d)
	var MC, K mat.Dense
	MC.Mul(M, C)
	K.Mul(C.T(), &MC)
	system := make([]float32, 0, d*d)
	for _, v := range K.RawMatrix().Data {
		system = append(system, float32(v))
	}
	axes, err := principalAxes(ctx, t.workers, system, d)
	if err != nil {
		return nil, err
	}
	order := indices(d)
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(axes.spread[b], axes.spread[a]) })
	U := mat.NewDense(d, ship, nil)
	for k, axis := range order[:ship] {
		for f, v := range axes.turned[int(axis)*d : int(axis)*d+d] {
			U.Set(f, k, float64(v))
		}
	}
	var W mat.Dense
	W.Mul(&MC, U)
	var qr mat.QR
	qr.Factorize(&W)
	var Q mat.Dense
	qr.QTo(&Q)
	basis := make([]float32, ship*d)
	for k := range ship {
		for f := range d {
			v := float32(Q.At(f, k))
			if !finite(v) {
				return nil, fmt.Errorf("factor %d: %v: want a finite number", k, v)
			}
			basis[k*d+f] = v
		}
	}
	return basis, nil
}

func doubles(a []float32, d int) *mat.Dense {
	m := mat.NewDense(d, d, nil)
	for k, v := range a {
		m.Set(k/d, k%d, float64(v))
	}
	return m
}
