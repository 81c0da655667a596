package train

import (
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

// Where nothing is known of the order of events a pool has one column, the local
// ridge, and the factors of the spectral filter, and every item of a history has
// the same weight.

// listBuckets are the lengths of history that have weights of their own.
var listBuckets = []int{}

// listBlends are the weights of the factors that are tried, in units in which
// both parts are as large.
var listBlends = []float64{0, .1, .2, .35, .5, .75, 1, 1.5}

// blendCases is how many cases the weight of the factors is chosen by.
const blendCases = 5000

// learnLists stacks as learnAuto does, with a tenth of each person's items
// hidden from the tables.
func (a *auto) learnLists(ctx context.Context) error {
	rng := rand.New(rand.NewPCG(a.cfg.Seed, 0x243f6a8885a308d3))
	rest, cases := hide(a.Pairs, a.value("holdout"), rng)
	pool, err := a.listTables(ctx, rest)
	if err != nil {
		return err
	}
	parts := a.listParts(pool, rest)
	if err := a.fitBlend(ctx, parts, cases); err != nil {
		return err
	}
	var learnt *bundle.Net
	if len(cases) >= fewestNetCases {
		examples, err := netExamples(ctx, parts, cases[:min(len(cases), maxPoolCases)], a.cfg.Workers)
		if err != nil {
			return err
		}
		if learnt, err = fitNet(ctx, examples, score.FeatureCount(pool.Sparse.C), a.cfg.Workers, rng); err != nil {
			return err
		}
	}
	all, err := a.listTables(ctx, a.Pairs)
	if err != nil {
		return err
	}
	all.Weights, all.Net = pool.Weights, learnt
	a.model.Pool = all
	return nil
}

// hide takes a share of each person's items away, at random, and asks for them:
// a case for each person, in random order.
func hide(m *data.Matrix, share float64, rng *rand.Rand) (rest *data.Matrix, cases []poolCase) {
	rest = &data.Matrix{Rows: m.Rows, Cols: m.Cols, Ptr: []int64{0}}
	for u := range m.Rows {
		col, _ := m.Row(u)
		var kept, hidden []int32
		for _, i := range col {
			if rng.Float64() < share {
				hidden = append(hidden, i)
			} else {
				kept = append(kept, i)
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

func (a *auto) listTables(ctx context.Context, m *data.Matrix) (*bundle.Pool, error) {
	w, err := ridge(ctx, m, ridgeOptions{support: 200, lambda: a.value("l"), people: .5, chosen: .5, penalty: .5, popular: a.value("g"), workers: a.cfg.Workers}, a.meter)
	if err != nil {
		return nil, err
	}
	rows := make([]quant.SparseRow, m.Cols)
	row := newSparse(m.Cols, 1)
	for i := range rows {
		row.clear()
		col, val := w.Row(i)
		for k, j := range col {
			row.add(j, 0, float64(val[k]))
		}
		rows[i] = row.keep(a.whole("neighbours"))
	}
	p := &bundle.Pool{Positions: 1, Buckets: listBuckets, Candidates: 100, Decays: [2]float32{1, 1}, Sparse: quant.EncodeSparse(rows, 1)}
	p.Weights = []float32{1, 0, 1}
	if d := a.whole("dim"); d > 0 {
		factors, gain, err := spectral(ctx, m, spectralOptions{dim: d, people: .5, items: .5, power: a.value("p"), given: a.value("c"), popular: a.value("gg"), seed: a.cfg.Seed, workers: a.cfg.Workers}, a.meter)
		if err != nil {
			return nil, err
		}
		a.model.Factors, a.model.Dim = factors, d
		p.Gains = make([]byte, m.Cols)
		for i, g := range gain {
			p.Gains[i] = quant.SparseScaleFor(g)
		}
	}
	return p, nil
}

func (a *auto) listParts(p *bundle.Pool, m *data.Matrix) score.Parts {
	count := make([]uint32, m.Cols)
	for _, i := range m.Col {
		count[i]++
	}
	return a.partsOf(p, wire.AppendUint32s(nil, count))
}

// fitBlend chooses the weight of the factors by the cases' NDCG@20.
func (a *auto) fitBlend(ctx context.Context, parts score.Parts, cases []poolCase) error {
	p := parts.Pool
	if parts.Table == nil {
		return nil
	}
	cases = cases[:min(len(cases), blendCases)]
	// The unit: the median over cases of the 20th best of each part.
	unit := func(sparse, dense float32) (float32, error) {
		p.Weights = []float32{sparse, 0, dense}
		scores := make([]float32, min(len(cases), 2000))
		err := a.each(ctx, parts, cases[:len(scores)], func(k int, s *score.Pooler) {
			if c := s.Candidates(); c > 0 {
				scores[k] = s.Score(min(19, c-1))
			}
		})
		slices.Sort(scores)
		return scores[len(scores)/2], err
	}
	sparse, err := unit(1, 0)
	if err != nil {
		return err
	}
	dense, err := unit(0, 1)
	if err != nil {
		return err
	}
	best, bestValue := float32(0), -1.0
	for _, blend := range listBlends {
		w := float32(blend) * sparse / dense
		p.Weights = []float32{1, 0, w}
		value := make([]float64, len(cases))
		err := a.each(ctx, parts, cases, func(k int, s *score.Pooler) {
			var ideal float64
			for at := range min(20, s.Candidates()) {
				gain := 1 / math.Log2(float64(at+2))
				if at < len(cases[k].targets) {
					ideal += gain
				}
				if slices.Contains(cases[k].targets, int32(s.Candidate(at))) {
					value[k] += gain
				}
			}
			value[k] /= max(ideal, 1)
		})
		if err != nil {
			return err
		}
		var sum float64
		for _, v := range value {
			sum += v
		}
		debugf("blend %v: NDCG@20 of cases %.5f", blend, sum/float64(len(cases)))
		if sum > bestValue {
			best, bestValue = w, sum
		}
	}
	p.Weights = []float32{1, 0, best}
	return nil
}

// each collects the candidates of each case and calls do.
func (a *auto) each(ctx context.Context, parts score.Parts, cases []poolCase, do func(k int, s *score.Pooler)) error {
	n := parts.Popularity.Len()
	return blocks(ctx, a.cfg.Workers, len(cases), countBlock, func() func(from, to int) error {
		s, t := score.NewPooler(parts), newTaster(n)
		blocked := newBlocker(n)
		return func(from, to int) error {
			for k := from; k < to; k++ {
				tastes := t.of(cases[k].history)
				s.Collect(tastes, len(cases[k].history), 20, blocked.of(parts.Pool, cases[k].history))
				do(k, s)
			}
			return nil
		}
	})
}
