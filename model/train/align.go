package train

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
)

// alignTol is the distance from no rotation, in any number of the matrix, within
// which the axes are the same: float32 knows them to some 1e-6.
const alignTol = 1e-5

// align turns the factors to the axes of from's, where both have as many: the
// rotation Q with the least Σ |Qᵀy - y of from|² over the items that both have
// (Schönemann, "A generalized solution of the orthogonal Procrustes problem",
// Psychometrika 1966).
//
// Scores do not depend on the axes, but codes do: without this all of them are
// new every day, and so is what a vector in a request means. On MovieLens 1M a
// row of iALS moves by half of the largest code otherwise, and by 2 % so.
//
// Factors from outside stay in the axes that they came in, and those of an
// encoder in its own.
func (t *training) align(ctx context.Context, from *Model) error {
	m := t.model
	d := m.Dim
	if m.Algorithm == Imported || m.Scorer() == bundle.ScorerSequence || m.Factors == nil || from.Factors == nil || from.Dim != d {
		return nil
	}
	cross, err := sumOfParts(ctx, t.cfg.Workers, len(from.Items), d*d, func(sum []float32, i, to int) {
		for ; i < to; i++ {
			for a, v := range m.Factors[i*d : i*d+d] {
				quant.Axpy(sum[a*d:a*d+d], from.Factors[i*d:i*d+d], v)
			}
		}
	})
	if err != nil {
		return err
	}
	var svd mat.SVD
	if !svd.Factorize(doubles(cross, d), mat.SVDFull) {
		return fmt.Errorf("%w: its axes are not found", ErrFrom)
	}
	var U, V, Q mat.Dense
	svd.UTo(&U)
	svd.VTo(&V)
	Q.Mul(&U, V.T())
	turned, same := make([]float32, d*d), true
	for k := range turned {
		v := Q.At(k/d, k%d)
		turned[k] = float32(v)
		if k/d == k%d {
			v--
		}
		same = same && math.Abs(v) <= alignTol
	}
	if same {
		return nil
	}
	if err := t.turnRows(ctx, m.Factors, turned); err != nil {
		return err
	}
	for range 2 { // MQ, and of the transpose of that again, because M is symmetric
		if err := t.turnRows(ctx, m.Moment, turned); err != nil {
			return err
		}
		if m.Moment != nil {
			transpose(m.Moment, d)
		}
	}
	return nil
}

// turnRows replaces each row y of d numbers by Qᵀy.
func (t *training) turnRows(ctx context.Context, rows, Q []float32) error {
	d := t.model.Dim
	return blocks(ctx, t.cfg.Workers, len(rows)/d, solveBlock, func() func(from, to int) error {
		y := make([]float32, d)
		return func(from, to int) error {
			for i := from; i < to; i++ {
				row := rows[i*d : i*d+d]
				copy(y, row)
				clear(row)
				for a, v := range y {
					quant.Axpy(row, Q[a*d:a*d+d], v)
				}
			}
			return nil
		}
	})
}
