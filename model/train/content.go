package train

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// Items that nobody has met get factors from what the catalogue says of them,
// by ridge regression from that to the factors of those that people have met:
// Gantner, Drumond, Freudenthaler, Rendle and Schmidt-Thieme, "Learning
// attribute-to-feature mappings for cold-start recommendations", ICDM 2010,
// section IV.C. With F the features and Y the factors it minimises, over the
// items that people have met,
//
//	Σ_i |F_i W - Y_i|² + λ|W|²
//
// and F W are the factors by content, C. A new item's are C_i, as short as the
// regression makes them where it knows little: nothing else keeps lists from
// filling with items that nobody is known to like. Why do items of many people
// not count more? Weights of n^.5 and n make new items' factors longer, as if
// they were to become favourites, and rank them no better among themselves.
//
// Where there are no people at all the factors are the leading singular vectors
// of the features, times the square roots of their values: a person is folded
// in by what the items of their history are about.
var contentLearner = learner{
	name: Content, help: "ials, and factors for new items from what the catalogue says of them; can do without events",
	params: slices.Concat(ialsLearner.params, []Param{
		{Name: "ridge", Help: "lambda of the regression from content to factors", Default: 1, Min: 1e-9, Max: 1e9, Low: .1, High: 3, Log: true},
		{Name: "boost", Help: "scales a new item's factors: above 1 finds it more often, at the cost of others", Default: 1, Min: 0, Max: 100, Low: 1, High: 1.5},
		{Name: "alone", Help: "1 learns from the catalogue alone, as where there are no events", Default: 0, Min: 0, Max: 1, Whole: true},
		{Name: "shrink", Help: "an item of n people has shrink/(n+shrink) of its factors from content", Default: 0, Min: 0, Max: 1e9},
	}),
	scorer: bundle.ScorerFoldIn, alone: true, learn: learnContent,
}

// How terms are weighed. Products of two items have idf twice: the regression
// learns what each term is worth and wants no more than one in all, without
// people nothing else tells a rare word from a common one. Recall at 20 of new
// items among themselves, on validation cuts, with idf to the powers of 0, .5
// and 1: the regression .279, .268, .256 on MovieLens latest-small, .294, .296,
// .290 on 1M and .342, .341, .339 on citeulike-a; plain products of features
// .104, .127, .139 on 1M and .308, .328, .341 on citeulike-a.
const (
	idfRegression = .5
	idfAlone      = 1
)

func learnContent(ctx context.Context, t *training) error {
	if t.model.Label.Users == 0 || t.whole("alone") == 1 {
		return learnAlone(ctx, t)
	}
	f, err := t.features(ctx, idfRegression)
	if err != nil {
		return err
	}
	if err := learnIALS(ctx, t); err != nil {
		return err
	}
	m := t.model
	t.meter.enter("content", 0)
	r := mapping{features: f, dim: m.Dim, ridge: t.float("ridge"), workers: t.cfg.Workers, met: met(m.Count)}
	c, err := r.predict(ctx, m.Factors)
	if err != nil {
		return err
	}
	blend(m.Factors, c, m.Count, t.float("shrink"), t.float("boost"))
	return t.meet(ctx)
}

// features returns those of the items. It is an error when there are none.
func (t *training) features(ctx context.Context, idf float64) (*data.Matrix, error) {
	t.meter.enter("content", 0)
	f, err := features(ctx, t.Items, t.Vectors, idf, t.cfg.Workers)
	if err == nil && len(f.Col) == 0 {
		err = errors.New("nothing is known of any item: want a catalogue with titles, tags or text, or item vectors")
	}
	return f, err
}

// learnAlone fills the model from the catalogue.
func learnAlone(ctx context.Context, t *training) error {
	f, err := t.features(ctx, idfAlone)
	if err != nil {
		return err
	}
	d := t.whole("dim")
	if ship := t.whole("ship"); ship > 0 && ship < d {
		d = ship
	}
	factors, values, err := singular(ctx, f.Transpose(), d, powers{seed: t.cfg.Seed, workers: t.cfg.Workers})
	if err != nil {
		return err
	}
	var sum float64
	for k, s := range factors {
		factors[k] = float32(float64(s) * math.Sqrt(values[k%d]))
		sum += float64(factors[k]) * float64(factors[k])
	}
	// Rows of length about 1, as those that iALS learns, for its alpha and reg.
	scale := float32(math.Sqrt(float64(f.Rows) / sum))
	for k := range factors {
		factors[k] *= scale
	}
	m := t.model
	m.Dim, m.Factors = d, factors
	m.Alpha, m.Reg, m.Exponent = t.float("alpha"), t.float("reg"), t.float("exponent")
	if t.Pairs.Rows == 0 {
		return nil
	}
	return t.meet(ctx)
}

// met says which items have people.
func met(count []uint32) []bool {
	list := make([]bool, len(count))
	for i, n := range count {
		list[i] = n > 0
	}
	return list
}

// blend moves factors, n×d, towards those by content, c.
func blend(factors, c []float32, count []uint32, shrink, boost float32) {
	d := len(factors) / len(count)
	for i, n := range count {
		own := float32(0)
		if n > 0 {
			own = float32(n) / (float32(n) + shrink)
		}
		for k := i * d; k < (i+1)*d; k++ {
			if n == 0 {
				factors[k] = boost * c[k]
			} else {
				factors[k] = own*factors[k] + (1-own)*c[k]
			}
		}
	}
}

// mapping is a ridge regression with several right sides, solved for all of
// them at once by conjugate gradients on the normal equations.
type mapping struct {
	features *data.Matrix // n×h
	met      []bool       // n: its target counts
	dim      int          // d, right sides
	ridge    float32
	workers  int

	transposed *data.Matrix
	middle     []float32 // n×d
}

const (
	// mappingSteps are many: 20 give the same recall as 80, 10 lose 2 % on
	// MovieLens latest-small.
	mappingSteps = 30
	// mappingTol ends them early: of every right side, what is left of the
	// residual's length.
	mappingTol = 1e-4
)

// predict returns F W for targets y; both n×d.
func (r *mapping) predict(ctx context.Context, y []float32) ([]float32, error) {
	r.transposed = r.features.Transpose()
	r.middle = make([]float32, len(y))
	w, err := r.solve(ctx, y)
	if err != nil {
		return nil, err
	}
	err = multiply(ctx, r.workers, r.middle, r.features, w, r.dim)
	return r.middle, err
}

// solve returns W, h×d, of (FᵀF + λI) W = Fᵀy over the items that are met.
func (r *mapping) solve(ctx context.Context, y []float32) ([]float32, error) {
	h := r.features.Cols
	w, left := make([]float32, h*r.dim), make([]float32, h*r.dim)
	copy(r.middle, y)
	if err := r.back(ctx, left); err != nil {
		return nil, err
	}
	step, image := slices.Clone(left), make([]float32, h*r.dim)
	size := products(left, left, r.dim)
	first := slices.Clone(size)
	for range mappingSteps {
		if err := multiply(ctx, r.workers, r.middle, r.features, step, r.dim); err != nil {
			return nil, err
		}
		if err := r.back(ctx, image); err != nil {
			return nil, err
		}
		quant.Axpy(image, step, r.ridge)
		along := quotients(size, products(step, image, r.dim))
		addColumns(w, step, along, 1)
		addColumns(left, image, along, -1)
		now := products(left, left, r.dim)
		if converged(now, first) {
			break
		}
		again := quotients(now, size)
		for at := 0; at < len(step); at += r.dim {
			for c := range again {
				step[at+c] = left[at+c] + again[c]*step[at+c]
			}
		}
		size = now
	}
	return w, nil
}

// back sets dst to Fᵀ times the middle, of which only the rows that are met
// count; the others become 0.
func (r *mapping) back(ctx context.Context, dst []float32) error {
	for i, met := range r.met {
		if !met {
			clear(r.middle[i*r.dim : (i+1)*r.dim])
		}
	}
	return multiply(ctx, r.workers, dst, r.transposed, r.middle, r.dim)
}

// multiply sets dst to m·v; v has d columns.
func multiply(ctx context.Context, workers int, dst []float32, m *data.Matrix, v []float32, d int) error {
	s := subspace{m: m, k: d, workers: workers}
	return s.times(ctx, dst, m, v)
}

// products returns the product of each column of a with that of b; d columns.
func products(a, b []float32, d int) []float64 {
	sum := make([]float64, d)
	for at := 0; at < len(a); at += d {
		for c := range sum {
			sum[c] += float64(a[at+c]) * float64(b[at+c])
		}
	}
	return sum
}

// quotients returns a/b, 0 where b is.
func quotients(a, b []float64) []float32 {
	q := make([]float32, len(a))
	for c := range q {
		if b[c] != 0 {
			q[c] = float32(a[c] / b[c])
		}
	}
	return q
}

// addColumns adds sign times a scale of its own of each column of x to dst.
func addColumns(dst, x, scale []float32, sign float32) {
	for at := 0; at < len(x); at += len(scale) {
		for c, s := range scale {
			dst[at+c] += sign * s * x[at+c]
		}
	}
}

// converged says whether every square length is small beside the first.
func converged(now, first []float64) bool {
	for c := range now {
		if now[c] > mappingTol*mappingTol*first[c] {
			return false
		}
	}
	return true
}
