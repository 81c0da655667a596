package train

import (
	"context"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// mix turns the items' factors, and with them the moment, to axes of chance.
//
// Why not leave the principal axes? Codes have one scale for all numbers of a
// row, and there the first numbers of a row are many times the last. On
// MovieLens-1M, split m1, int4 lost 3.3 % of NDCG@10 there and 1.6 % in axes of
// chance, signs rescored by int8 3.2 % and .5 %.
func (t *ials) mix(ctx context.Context, seed uint64, moment []float32) error {
	d := t.stride
	rng := rand.New(rand.NewPCG(seed, 0xa4093822299f31d0)) // more digits of pi
	square := mat.NewDense(t.dim, t.dim, nil)
	for i := range t.dim {
		for j := range t.dim {
			square.Set(i, j, rng.NormFloat64())
		}
	}
	var qr mat.QR
	qr.Factorize(square)
	var Q mat.Dense
	qr.QTo(&Q)
	chance := &axes{stride: d, turned: make([]float32, d*d)}
	for i := range t.dim {
		for j := range t.dim {
			chance.turned[i*d+j] = float32(Q.At(i, j))
		}
	}
	if err := t.turn(ctx, t.items.factors, chance); err != nil {
		return err
	}
	for range 2 { // QᵀM, and that times Q, because M is symmetric
		if err := t.turn(ctx, moment, chance); err != nil {
			return err
		}
		transpose(moment, d)
	}
	return nil
}

// transpose swaps the rows and columns of the d×d matrix a.
func transpose(a []float32, d int) {
	for i := range d {
		for j := range i {
			a[i*d+j], a[j*d+i] = a[j*d+i], a[i*d+j]
		}
	}
}
