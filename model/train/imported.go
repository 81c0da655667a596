package train

import (
	"context"
	"errors"
	"fmt"

	"github.com/nearside/nearside/model/core/bundle"
)

// Item factors that another trainer has learnt. These numbers make the fold-in
// solve for a person as that trainer would, with pairs of weight 1:
//
//	learnt with                            alpha     reg       exponent  unobserved
//	ials                                   its own   its own   its own   1
//	Spark's ALS, implicitPrefs             1/α       λ/α       1         0
//	Spark's ALS of ratings                 0         λ         1         0
//	AlternatingLeastSquares of implicit    1/(α-1)   λ/(α-1)   0         0
//
// with α = alpha and λ = regParam or regularization over there. For a person
// with n items Spark solves (YᵀY + α Σ y yᵀ + nλ I) x = (1 + α) Σ y, and
// implicit (YᵀY + (α-1) Σ y yᵀ + λ I) x = α Σ y: divided by what stands before
// Σ y yᵀ this is the fold-in here but for the length of x, which changes no order.
var importedLearner = learner{
	name: Imported, help: "item factors that were learnt elsewhere: the person is folded in",
	params: []Param{
		{Name: "alpha", Help: "weight of an unobserved pair, an observed one having 1; 1/alpha of Spark's", Default: 1, Min: 0, Max: 1e9, Low: .003, High: 1, Log: true},
		{Name: "reg", Help: "lambda, the regularisation; regParam/alpha of Spark's", Default: .1, Min: 1e-9, Max: 1e9, Low: .001, High: 1, Log: true},
		{Name: "exponent", Help: "nu: 1 scales lambda with a person's items, 0 not at all", Default: 1, Min: 0, Max: 10},
		{Name: "unobserved", Help: "1 scales lambda with unobserved pairs, too, as ials does", Default: 0, Min: 0, Max: 1, Whole: true},
	},
	scorer: bundle.ScorerFoldIn, alone: true, learn: learnImported,
}

// learnImported gives each item its vector; one without has zeros, and no
// history speaks for it. With people it computes their moment, for packing.
func learnImported(ctx context.Context, t *training) error {
	switch {
	case t.Vectors == nil:
		return errors.New("no item vectors: want the factors to import")
	case t.Vectors.Dim > MaxDim:
		return fmt.Errorf("vectors of %d numbers: want at most %d", t.Vectors.Dim, MaxDim)
	}
	m := t.model
	m.Dim, m.Factors = t.Vectors.Dim, make([]float32, len(m.Count)*t.Vectors.Dim)
	m.Alpha, m.Reg, m.Exponent, m.Observed = t.float("alpha"), t.float("reg"), t.float("exponent"), t.whole("unobserved") == 0
	rows, _ := t.Vectors.Match(t.Items)
	for i, r := range rows {
		if r >= 0 {
			copy(m.Factors[i*m.Dim:], t.Vectors.Row(r))
		}
	}
	if t.Pairs.Rows == 0 {
		return nil
	}
	t.meter.state.Total = int64(t.Pairs.Rows)
	return t.meet(ctx)
}

// meet sets the model's moment to that of the people folded into its factors.
func (t *training) meet(ctx context.Context) error {
	fold := t.foldIn()
	moment, err := fold.moment(ctx)
	if err != nil {
		return err
	}
	t.model.Moment = unpad(moment, fold.stride, fold.dim)[:fold.dim*fold.dim]
	return nil
}

// foldIn is how the model's fold-in solves for the people in the pairs: exactly,
// and in the axes in which the factors came.
func (t *training) foldIn() *ials {
	m := t.model
	fold := &ials{
		dim: m.Dim, stride: padded(m.Dim), workers: t.cfg.Workers,
		reg: m.Reg, alpha: m.Alpha, exponent: m.Exponent, meter: t.meter,
	}
	fold.users = newSide("users", t.Pairs, fold.stride)
	fold.items = side{name: "items", factors: pad(m.Factors, m.Dim, fold.stride)}
	if !m.Observed {
		fold.scale = m.Alpha
	}
	return fold
}
