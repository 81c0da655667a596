package train

import (
	"cmp"
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
)

// Where nothing is known of the order of events the pool has one column, the
// local ridge, and the factors of the spectral filter, and every item of a
// history has the same weight. How strongly the ridge is regularised, how many
// factors there are and what they weigh is chosen on a share of each person's
// items, hidden from the tables.
//
// There is no net. On MovieLens 1M one that had learnt from hidden items, of up to
// ten draws, was worth nothing on those of another.

// What is tried: lambda of the ridge, the number of factors, the largest first,
// and their weight in units in which both parts are as large.
var (
	listLambdas = []float64{2, 4, 8}
	listDims    = []int{512, 256, 128, 64, 0}
	listBlends  = []float64{.2, .35, .5, .75, 1, 1.5, 2}
)

const (
	listLambda  = 4    // where there is too little to choose by
	listSupport = 200  // items that one is regressed on
	listCases   = 4000 // that the shape is chosen by
)

// listShape is what is chosen.
type listShape struct {
	lambda          float64
	dim, neighbours int
	weight          float32 // of the factors
}

// lists makes the pool of an unordered log, and its factors.
func (a *auto) lists(ctx context.Context) error {
	shape := listShape{lambda: a.value("lambda"), dim: a.whole("dim"), neighbours: a.whole("neighbours")}
	if from := a.cfg.From; from != nil {
		shape.dim, shape.weight = from.Dim, from.Pool.Weights[2]
		a.meter.follow(a.listPlan(shape.dim))
	} else if err := a.chooseShape(ctx, &shape); err != nil {
		return err
	}
	a.model.Params = maps.Clone(a.model.Params)
	maps.Copy(a.model.Params, Params{"lambda": shape.lambda, "dim": float64(shape.dim), "neighbours": float64(shape.neighbours)})
	t, err := a.newListTables(ctx, a.Pairs, shape.dim)
	if err != nil {
		return err
	}
	w, err := t.weights(ctx, shape.lambda)
	if err != nil {
		return err
	}
	parts, err := t.parts(ctx, w, shape)
	a.model.Pool = parts.Pool
	if shape.dim > 0 {
		a.model.Factors, a.model.Dim = t.first(shape.dim), shape.dim
	}
	return err
}

// chooseShape fills in what shape leaves open, by items hidden from the tables.
func (a *auto) chooseShape(ctx context.Context, shape *listShape) error {
	rest, cases := hide(a.Pairs, a.value("holdout"), a.rng)
	learn, judge := judged(cases[:min(len(cases), maxPoolCases)])
	learn = learn[:min(len(learn), listCases)]
	dims := dimsFor(shape.dim, rest.Cols)
	if len(learn) < fewestCases {
		shape.lambda = cmp.Or(shape.lambda, listLambda)
		shape.neighbours = cmp.Or(shape.neighbours, fitting(rest.Cols, shape.dim))
		shape.weight = nearWeight
		a.meter.follow(a.listPlan(shape.dim))
		return nil
	}
	a.meter.follow(a.shapePlan(dims, len(learn), len(judge)))
	t, err := a.newListTables(ctx, rest, dims[0])
	if err != nil {
		return err
	}
	w, err := t.chooseLambda(ctx, shape, learn)
	if err != nil {
		return err
	}
	best, err := t.chooseFactors(ctx, w, shape, dims, learn)
	if err != nil {
		return err
	}
	alone := best
	alone.Pool = withWeight(best.Pool, 0)
	if _, err := a.reportTables(ctx, alone, judge); err != nil || shape.dim == 0 {
		return err
	}
	_, err = a.report(ctx, "factors", best, judge)
	return err
}

// dimsFor returns the numbers of factors to try, the largest first, in a catalogue
// of n items; asked is what somebody wants, or 0.
func dimsFor(asked, n int) []int {
	if asked > 0 {
		return []int{asked}
	}
	return slices.DeleteFunc(slices.Clone(listDims), func(d int) bool { return d > n })
}

// listTables are what pools of an unordered log are made of.
type listTables struct {
	*auto
	*ridge
	popularity wire.Uint32s
	dim        int
	factors    []float32 // n×dim
	gain       []float32 // n
}

// newListTables prepares for pools of m with up to dim factors.
func (a *auto) newListTables(ctx context.Context, m *data.Matrix, dim int) (*listTables, error) {
	t := &listTables{auto: a, dim: dim, popularity: wire.AppendUint32s(nil, counts(m.Col, m.Cols))}
	var err error
	if dim > 0 {
		a.meter.enter("factors", 0)
		if t.factors, t.gain, err = spectral(ctx, m, spectralOptions{
			dim: dim, people: .4, items: .4, given: .5, popular: -.25, powers: a.powers(),
		}); err != nil {
			return nil, err
		}
	}
	t.ridge, err = newRidge(ctx, m, ridgeOptions{
		support: max(listSupport, a.whole("neighbours")), people: .4, chosen: .5, penalty: .5,
		popular: a.value("popular"), workers: a.cfg.Workers,
	}, a.meter)
	return t, err
}

// parts returns the pool of a shape; w is what the ridge with its lambda gives.
func (t *listTables) parts(ctx context.Context, w *data.Matrix, shape listShape) (score.Parts, error) {
	w, err := t.refit(ctx, shape.lambda, strongest(w, shape.neighbours))
	if err != nil {
		return score.Parts{}, err
	}
	rows := make([]quant.SparseRow, w.Rows)
	for i := range rows {
		rows[i].Items, rows[i].Weights = w.Row(i)
	}
	p := &bundle.Pool{
		Positions: 1, Candidates: poolCandidates, Decays: [2]float32{1, 1}, Weights: []float32{1, 0, shape.weight},
		Sparse: quant.EncodeSparse(rows, 1),
	}
	parts := score.Parts{Pool: p, Popularity: t.popularity}
	if shape.dim == 0 {
		return parts, nil
	}
	p.Nearest, p.Gains = poolCandidates, encodeGains(t.gain)
	return withFactors(parts, t.first(shape.dim)), nil
}

// first returns the first d factors, n×d.
func (t *listTables) first(d int) []float32 {
	out := make([]float32, 0, len(t.gain)*d)
	for at := 0; at < len(t.factors); at += t.dim {
		out = append(out, t.factors[at:at+d]...)
	}
	return out
}

// chooseLambda sets shape.lambda to the best for the ridge alone, unless it is
// set, and returns what that ridge gives.
func (t *listTables) chooseLambda(ctx context.Context, shape *listShape, cases []poolCase) (best *data.Matrix, err error) {
	try := listLambdas
	if shape.lambda > 0 {
		try = []float64{shape.lambda}
	}
	most := -1.
	for _, lambda := range try {
		w, err := t.weights(ctx, lambda)
		if err != nil {
			return nil, err
		}
		one := listShape{lambda: lambda, neighbours: listSupport}
		parts, err := t.parts(ctx, w, one)
		if err != nil {
			return nil, err
		}
		t.auto.meter.enter("judging", 0)
		g, _, err := t.judge(ctx, parts, cases)
		if err != nil {
			return nil, err
		}
		if g.NDCG > most {
			best, shape.lambda, most = w, lambda, g.NDCG
		}
	}
	return best, nil
}

// chooseFactors sets how many of dims factors the shape has, with as many
// neighbours as fit beside them unless that is set, and their weight. It returns
// the pool.
func (t *listTables) chooseFactors(ctx context.Context, w *data.Matrix, shape *listShape, dims []int, cases []poolCase) (best score.Parts, err error) {
	most := -1.
	for _, d := range dims {
		one := listShape{lambda: shape.lambda, dim: d, neighbours: cmp.Or(t.whole("neighbours"), fitting(t.popularity.Len(), d))}
		parts, err := t.parts(ctx, w, one)
		if err != nil {
			return best, err
		}
		unit, blends := float32(0), []float64{0}
		if d > 0 {
			blends = listBlends
			if unit, err = t.sameSize(ctx, parts, cases); err != nil {
				return best, err
			}
		}
		t.auto.meter.enter("judging", 0)
		fell, last := 0, -1.
		for _, blend := range blends {
			one.weight = float32(blend) * unit
			parts.Pool = withWeight(parts.Pool, one.weight)
			g, _, err := t.judge(ctx, parts, cases)
			if err != nil {
				return best, err
			}
			if g.NDCG > most {
				best, *shape, most = parts, one, g.NDCG
			}
			if fell++; g.NDCG >= last {
				fell = 0
			}
			if last = g.NDCG; fell == 2 {
				break
			}
		}
	}
	return best, nil
}

// withWeight returns the pool with another weight of its factors.
func withWeight(p *bundle.Pool, w float32) *bundle.Pool {
	other := *p
	other.Weights = []float32{1, 0, w}
	return &other
}

// sameSize returns the weight with which the factors alone would give the 20th
// best item the same score as the ridge does; 0 when they give it none.
func (t *listTables) sameSize(ctx context.Context, parts score.Parts, cases []poolCase) (float32, error) {
	p := *parts.Pool
	parts.Pool = &p
	p.Weights = []float32{1, 0, 0}
	sparse, err := t.typical(ctx, parts, cases)
	if err != nil {
		return 0, err
	}
	p.Weights = []float32{0, 0, 1}
	dense, err := t.typical(ctx, parts, cases)
	if err != nil || dense <= 0 {
		return 0, err
	}
	return sparse / dense, nil
}

// hide takes a share of each person's items away, at random, and asks for them:
// a case for each person, in random order.
func hide(m *data.Matrix, share float64, rng *rand.Rand) (rest *data.Matrix, cases []poolCase) {
	rest = &data.Matrix{Rows: m.Rows, Cols: m.Cols, Ptr: []int64{0}}
	for u := range m.Rows {
		col, val := m.Row(u)
		var kept, hidden []int32
		for e, i := range col {
			if rng.Float64() < share {
				hidden = append(hidden, i)
				continue
			}
			kept = append(kept, i)
			if val != nil {
				rest.Val = append(rest.Val, val[e])
			}
		}
		rest.Col = append(rest.Col, kept...)
		rest.Ptr = append(rest.Ptr, int64(len(rest.Col)))
		if len(kept) > 0 && len(hidden) > 0 {
			cases = append(cases, poolCase{history: kept, targets: hidden})
		}
	}
	rng.Shuffle(len(cases), func(x, y int) { cases[x], cases[y] = cases[y], cases[x] })
	return rest, cases
}

// listBytes is what the rows of an item may take, with neighbours and factors.
const listBytes = 430

// fitting returns how many neighbours fit beside d factors of 4 bits: one takes
// a byte and its place, about log2(n/k) + 1.6 bits.
func fitting(n, d int) int {
	room := listBytes - float64(d)/2 - 20
	k := 255
	for k > 1 && float64(k)*(1+(math.Log2(float64(n)/float64(k))+1.6)/8) > room {
		k--
	}
	return k
}

// typical returns the median over some cases of the score of the 20th best.
func (a *auto) typical(ctx context.Context, parts score.Parts, cases []poolCase) (float32, error) {
	n := parts.Popularity.Len()
	scores := make([]float32, min(len(cases), 2000))
	err := blocks(ctx, a.cfg.Workers, len(scores), countBlock, func() func(from, to int) error {
		s, t, blocked := score.NewPooler(parts), newTaster(n), newBlocker(n)
		return func(from, to int) error {
			for k := from; k < to; k++ {
				history := cases[k].history
				s.Collect(t.of(history), len(history), reportAt, blocked.of(parts.Pool, history))
				if c := s.Candidates(); c > 0 {
					scores[k] = s.Score(min(reportAt, c) - 1)
				}
			}
			return nil
		}
	})
	slices.Sort(scores)
	return scores[len(scores)/2], err
}
