package train

import (
	"cmp"
	"context"
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
// history has the same weight.

// listBlends are the weights of the factors that are tried, in units in which
// both parts are as large, and listParts the parts of the factors.
var (
	listBlends = []float64{.1, .2, .35, .5, .75, 1, 1.5}
	listParts  = []int{4, 2, 1}
)

// blendCases is how many cases the number and the weight of the factors are
// chosen by.
const blendCases = 3000

// stackLists learns weights and a net on a share of each person's items, hidden
// from the tables.
func (a *auto) stackLists(ctx context.Context) (*bundle.Pool, error) {
	rest, cases := hide(a.Pairs, a.value("holdout"), a.rng)
	pool, factors, err := a.listTables(ctx, rest)
	if err != nil {
		return nil, err
	}
	learn, judge := judged(cases[:min(len(cases), maxPoolCases)])
	count := wire.AppendUint32s(nil, counts(rest.Col, rest.Cols))
	parts := withFactors(score.Parts{Pool: pool, Popularity: count}, factors)
	was, err := a.reportTables(ctx, parts, judge)
	if err != nil {
		return nil, err
	}
	if len(learn) >= fewestCases {
		if parts, err = a.fitBlend(ctx, parts, factors, learn[:min(len(learn), blendCases)]); err != nil {
			return nil, err
		}
		a.dim = parts.Dim
		if was, err = a.report(ctx, "factors", parts, judge); err != nil {
			return nil, err
		}
	}
	if err := a.addNet(ctx, parts, learn, judge, was); err != nil {
		return nil, err
	}
	return pool, nil
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

// listTables makes the item-side numbers from m: a pool of the ridge alone, and
// the factors.
func (a *auto) listTables(ctx context.Context, m *data.Matrix) (*bundle.Pool, []float32, error) {
	d := cmp.Or(a.dim, a.sized("dim", 256))
	k := a.sized("neighbours", fitting(m.Cols, d))
	w, err := ridge(ctx, m, ridgeOptions{
		support: max(200, k), keep: k, lambda: a.value("lambda"), people: .4, chosen: .5, penalty: .5,
		popular: a.value("popular"), workers: a.cfg.Workers,
	}, a.meter)
	if err != nil {
		return nil, nil, err
	}
	rows := make([]quant.SparseRow, m.Cols)
	for i := range rows {
		rows[i].Items, rows[i].Weights = w.Row(i)
	}
	a.meter.enter("factors", 0)
	factors, gain, err := spectral(ctx, m, spectralOptions{
		dim: d, people: .4, items: .4, given: .5, popular: -.25,
		seed: a.cfg.Seed, workers: a.cfg.Workers,
	})
	if err != nil {
		return nil, nil, err
	}
	p := &bundle.Pool{
		Positions: 1, Candidates: poolCandidates, Nearest: poolCandidates, Decays: [2]float32{1, 1}, Weights: []float32{1, 0, 0},
		Sparse: quant.EncodeSparse(rows, 1), Gains: make([]byte, m.Cols),
	}
	for i, g := range gain {
		p.Gains[i] = quant.SparseScaleFor(g)
	}
	return p, factors, nil
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

// fitBlend chooses by the cases' NDCG how many of the factors there are, of which
// the first say most, and their weight. It returns the parts with so many.
func (a *auto) fitBlend(ctx context.Context, parts score.Parts, factors []float32, cases []poolCase) (score.Parts, error) {
	p := parts.Pool
	p.Weights = []float32{1, 0, 0}
	sparse, err := a.typical(ctx, parts, cases)
	if err != nil {
		return parts, err
	}
	best, bestWeight := parts, float32(nearWeight)
	g, _, err := a.judge(ctx, parts, cases)
	if err != nil {
		return parts, err
	}
	most := g.NDCG
	for _, part := range listParts {
		d := max(1, parts.Dim/part)
		some := withFactors(parts, columns(factors, parts.Dim, d))
		p.Weights = []float32{0, 0, 1}
		dense, err := a.typical(ctx, some, cases)
		if err != nil {
			return parts, err
		}
		if dense <= 0 {
			continue
		}
		for _, blend := range listBlends {
			w := float32(blend) * sparse / dense
			p.Weights = []float32{1, 0, w}
			g, _, err := a.judge(ctx, some, cases)
			if err != nil {
				return parts, err
			}
			if g.NDCG > most {
				best, bestWeight, most = some, w, g.NDCG
			}
		}
	}
	p.Weights = []float32{1, 0, bestWeight}
	return best, nil
}

// columns returns the first keep of the d columns of rows.
func columns(rows []float32, d, keep int) []float32 {
	out := make([]float32, 0, len(rows)/d*keep)
	for at := 0; at < len(rows); at += d {
		out = append(out, rows[at:at+keep]...)
	}
	return out
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
