package eval

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// Float returns a ranker that uses the trained numbers as they are, before
// anything is quantised: what packing and the module lose is measured against
// it. It may be used by several goroutines at the same time. It reads the
// model and keeps no copy, so the model must not change.
//
// iALS folds the history in: it solves the person's ridge system exactly
// (Rendle et al., Revisiting the Performance of iALS on Item Recommendation
// Benchmarks, RecSys 2022, section 3.1) and scores by dot product. EASE adds
// the rows of the history's items. An encoder turns the history into a person's
// factors as devices do. A popular model, and any model for a person
// of whom nothing usable is known, ranks by number of people. Equal scores are
// ordered by index.
//
// A pool is ranked by the code that devices run, over its factors as they are:
// its tables, weights and net are codes already, and packing loses nothing of
// them.
//
// The items of a history are left out unless repeats says that they may come
// again.
//
// An event counts its weight times what profile.DefaultKinds says of its kind;
// age does not matter. Of several events on one item the one that counts most
// is taken.
func Float(m *train.Model, repeats bool) (Ranker, error) {
	f := &float{model: m, repeats: repeats, popular: make([]int32, len(m.Count))}
	n := len(m.Count)
	switch m.Scorer() {
	case bundle.ScorerPool:
		return newPooled(m, repeats)
	case bundle.ScorerSequence:
		if err := checkFactors(m); err != nil {
			return nil, err
		}
		e, err := bundle.ReadEncoder(m.Encoder)
		if err != nil {
			return nil, fmt.Errorf("eval: model: encoder: %w", err)
		}
		f.encoder = e
	case bundle.ScorerFoldIn:
		if err := checkFactors(m); err != nil {
			return nil, err
		}
		f.prior = make([]float32, m.Dim*m.Dim)
		quant.AddOuters(f.prior, m.Factors, slices.Repeat([]float32{m.Alpha}, n), m.Dim)
	case bundle.ScorerNeighbours:
		if w := m.Neighbours; w == nil || w.Rows != n || w.Cols != n {
			return nil, fmt.Errorf("eval: model: neighbours are not %d × %d", n, n)
		}
	}
	for i := range f.popular {
		f.popular[i] = int32(i)
	}
	slices.SortStableFunc(f.popular, func(a, b int32) int { return cmp.Compare(m.Count[b], m.Count[a]) })
	f.tables.New = func() any { return f.newTable() }
	return f, nil
}

type float struct {
	model   *train.Model
	repeats bool
	popular []int32   // items, most people first
	prior   []float32 // iALS: alpha·YᵀY, d×d, lower triangle
	encoder *bundle.Encoder
	tables  sync.Pool // of *table
}

// table is where one Rank works.
type table struct {
	skip    []bool    // n: not to be given
	weights []float32 // n: what the history's items count for
	items   []int32   // with a weight, in order of first appearance
	scores  []float32 // n
	best    []int32

	rows, w, system, person []float32 // iALS: a history's rows of Y, weights, d×d, d
	sequence                *score.Sequence
}

func (f *float) newTable() *table {
	n, d := len(f.popular), f.model.Dim
	t := &table{
		skip: make([]bool, n), weights: make([]float32, n), scores: make([]float32, n),
		system: make([]float32, d*d), person: make([]float32, d),
	}
	if f.encoder != nil {
		t.sequence = score.NewSequence(*f.encoder)
	}
	return t
}

func checkFactors(m *train.Model) error {
	if n := len(m.Count); m.Dim < 1 || len(m.Factors) != n*m.Dim {
		return fmt.Errorf("eval: model: %d factors, want %d items × %d", len(m.Factors), n, m.Dim)
	}
	return nil
}

func (f *float) Rank(dst []int32, q Question) ([]int32, error) {
	n, k := len(f.popular), q.K
	if k < 1 {
		return nil, fmt.Errorf("rank: k %d: want at least 1", k)
	}
	for _, e := range q.History {
		if e.Item < 0 || int(e.Item) >= n {
			return nil, fmt.Errorf("rank: item %d in the history, but the model has %d items", e.Item, n)
		}
	}
	t := f.tables.Get().(*table)
	defer f.tables.Put(t)
	t.take(q, f.repeats)

	if f.model.Scorer() == bundle.ScorerPopular || len(t.items) == 0 {
		for _, i := range f.popular {
			if k > 0 && !t.skip[i] {
				dst = append(dst, i)
				k--
			}
		}
		return dst, nil
	}
	var err error
	switch f.model.Scorer() {
	case bundle.ScorerNeighbours:
		f.addNeighbours(t)
	case bundle.ScorerSequence:
		err = f.encode(t, q.History)
	default:
		err = f.foldIn(t)
	}
	if err != nil {
		return nil, err
	}
	return t.appendBest(dst, k), nil
}

// take fills in skip, weights and items.
func (t *table) take(q Question, repeats bool) {
	for i := range t.skip {
		t.skip[i] = q.Among != nil
	}
	for _, i := range q.Among {
		t.skip[i] = false
	}
	clear(t.weights)
	t.items = t.items[:0]
	for _, e := range q.History {
		if !repeats {
			t.skip[e.Item] = true
		}
		w := e.Weight * float32(profile.DefaultKinds[e.Kind]) / profile.One
		if w <= 0 {
			continue
		}
		if t.weights[e.Item] == 0 {
			t.items = append(t.items, e.Item)
		}
		t.weights[e.Item] = max(t.weights[e.Item], w)
	}
}

// addNeighbours sets scores to the weighted sum of the history's rows.
func (f *float) addNeighbours(t *table) {
	clear(t.scores)
	for _, i := range t.items {
		w := t.weights[i]
		col, val := f.model.Neighbours.Row(int(i))
		for at, j := range col {
			t.scores[j] += w * val[at]
		}
	}
}

// foldIn solves (alpha·YᵀY + Σ w·y·yᵀ + lambda·(|S| + alpha·n)^nu·I)·u = Σ w·y
// over the history's items S and sets scores to Y·u.
func (f *float) foldIn(t *table) error {
	m := f.model
	d := m.Dim
	copy(t.system, f.prior)
	t.rows, t.w = t.rows[:0], t.w[:0]
	clear(t.person)
	for _, i := range t.items {
		y, w := m.Factors[int(i)*d:int(i+1)*d], t.weights[i]
		t.rows, t.w = append(t.rows, y...), append(t.w, w)
		quant.Axpy(t.person, y, w)
	}
	quant.AddOuters(t.system, t.rows, t.w, d)
	ridge := m.Ridge(len(t.items))
	for at := range d {
		t.system[at*d+at] += ridge
	}
	if !quant.Cholesky(t.system, d) {
		return fmt.Errorf("rank: fold-in of %d items: the system is singular: increase the regularisation", len(t.items))
	}
	quant.CholeskySolve(t.system, d, t.person)
	f.scorePerson(t)
	return nil
}

// scorePerson sets scores to the products of the person's factors and the items'.
func (f *float) scorePerson(t *table) {
	n, d := len(f.popular), f.model.Dim
	items := blas32.General{Rows: n, Cols: d, Stride: d, Data: f.model.Factors}
	blas32.Gemv(blas.NoTrans, 1, items, blas32.Vector{N: d, Inc: 1, Data: t.person}, 0,
		blas32.Vector{N: n, Inc: 1, Data: t.scores})
}

// encode sets scores by the encoder: an item stands where it was met last, and
// what it weighs does not matter.
func (f *float) encode(t *table, history []data.Event) error {
	d := f.model.Dim
	t.items = t.items[:0]
	for _, e := range slices.Backward(history) {
		if t.weights[e.Item] > 0 && len(t.items) < f.encoder.Length {
			t.weights[e.Item] = 0 // it stands already
			t.items = append(t.items, e.Item)
		}
	}
	t.rows = t.rows[:0]
	for _, i := range slices.Backward(t.items) {
		t.rows = append(t.rows, f.model.Factors[int(i)*d:int(i+1)*d]...)
	}
	if err := t.sequence.PersonTo(t.person, t.rows); err != nil {
		return fmt.Errorf("rank: %w", err)
	}
	f.scorePerson(t)
	return nil
}

// appendBest appends the k items with the highest scores that are not to be skipped.
func (t *table) appendBest(dst []int32, k int) []int32 {
	better := func(a, b int32) int {
		if c := cmp.Compare(t.scores[b], t.scores[a]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	}
	// Up to 2k items wait; then the best k stay and the last of them is the
	// bar. k items are sorted a few times instead of n once.
	t.best = t.best[:0]
	bar := int32(-1)
	for i := range int32(len(t.scores)) {
		if t.skip[i] || bar >= 0 && better(bar, i) < 0 {
			continue
		}
		if t.best = append(t.best, i); len(t.best) == 2*k {
			slices.SortFunc(t.best, better)
			t.best = t.best[:k]
			bar = t.best[k-1]
		}
	}
	slices.SortFunc(t.best, better)
	return append(dst, t.best[:min(k, len(t.best))]...)
}
