package train

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
)

var autoLearner = learner{
	name: Auto, help: "pool of item-item tables and factors, ranked again by a small net: what comes next",
	params: []Param{
		{Name: "neighbours", Help: "neighbours kept per item", Default: 50, Min: 1, Max: 255, Whole: true},
		{Name: "dim", Help: "factors per item; 0: none", Default: 64, Min: 0, Max: MaxDim, Whole: true},
		{Name: "dense", Help: "candidates by factors", Default: 0, Min: 0, Max: 1000, Whole: true},
		{Name: "l", Default: 4, Max: 1e9},
		{Name: "g", Default: 0, Min: -10, Max: 10},
		{Name: "gg", Default: 0, Min: -10, Max: 10},
		{Name: "p", Default: .5, Min: -10, Max: 10},
		{Name: "c", Default: .5, Min: -10, Max: 10},
		{Name: "holdout", Help: "share of the newest histories that weights are learnt on", Default: .1, Min: .001, Max: .9},
	},
	scorer: bundle.ScorerPool, learn: learnAuto,
}

// poolBuckets are the lengths of history that have weights of their own.
var poolBuckets = []int{1, 2, 3, 5, 9}

const poolPositions = 8

// auto is a training in progress.
type auto struct {
	*training
	repeats bool
	count   wire.Uint32s
}

// learnAuto stacks: the weights are learnt on the newest histories over tables
// of the older ones, and then the tables are made anew from all. Weights that
// have seen their own cases in the tables would trust them too much.
func learnAuto(ctx context.Context, t *training) error {
	a := &auto{training: t}
	if t.Sequences == nil {
		return a.learnLists(ctx)
	}
	a.repeats = hasRepeats(t.Sequences)
	rng := rand.New(rand.NewPCG(t.cfg.Seed, 0x243f6a8885a308d3))
	older, newer := newest(t.Sequences, t.value("holdout"))
	pool, err := a.tables(ctx, older)
	if err != nil {
		return err
	}
	known := make([]bool, older.Items)
	for _, i := range older.Item {
		known[i] = true
	}
	cases := poolCases(newer, known, a.repeats, maxPoolCases, rng)
	if err := fitWeights(ctx, pool, cases, t.cfg.Workers); err != nil {
		return err
	}
	var learnt *bundle.Net
	if len(cases) >= fewestNetCases {
		examples, err := netExamples(ctx, a.parts(pool, older), cases, t.cfg.Workers)
		if err != nil {
			return err
		}
		if learnt, err = fitNet(ctx, examples, score.FeatureCount(pool.Sparse.C), t.cfg.Workers, rng); err != nil {
			return err
		}
	}
	all, err := a.tables(ctx, t.Sequences)
	if err != nil {
		return err
	}
	all.Weights, all.Net = pool.Weights, learnt
	t.model.Pool = all
	return nil
}

// hasRepeats says whether some history has an item twice.
func hasRepeats(seq *data.Sequences) bool {
	met := make([]int32, seq.Items)
	for u := range seq.Users() {
		for _, i := range seq.Row(u) {
			if met[i] == int32(u+1) {
				return true
			}
			met[i] = int32(u + 1)
		}
	}
	return false
}

// tables makes the pool's item-side numbers from seq.
func (a *auto) tables(ctx context.Context, seq *data.Sequences) (*bundle.Pool, error) {
	linear, err := slis(ctx, seq, a.cfg.Workers)
	if err != nil {
		return nil, err
	}
	rows, err := countRows(ctx, seq, a.cfg.Workers, countColumns, a.whole("neighbours"), func(i int, row *sparse) {
		col, val := linear.Row(i)
		for k, j := range col {
			row.add(j, columnSLIS, float64(val[k]))
		}
	})
	if err != nil {
		return nil, err
	}
	if d := a.whole("dim"); d > 0 {
		if a.model.Factors, err = embed(ctx, seq, d, a.cfg.Workers, a.cfg.Seed); err != nil {
			return nil, err
		}
		a.model.Dim = d
	}
	p := &bundle.Pool{
		Positions: poolPositions, Buckets: poolBuckets, Repeats: a.repeats, Candidates: 100, Decays: [2]float32{.60653066, .8824969},
		Sparse: quant.EncodeSparse(rows, countColumns), Trend: trend(seq),
	}
	p.Weights = make([]float32, (len(p.Buckets)+1)*(p.Sparse.C+2)*p.Positions)
	for b := range len(p.Buckets) + 1 {
		w := float32(1e-6)
		for pos := range p.Positions {
			p.Weights[(b*(p.Sparse.C+2)+p.Dense())*p.Positions+pos] = w
			w *= .8
		}
	}
	return p, nil
}

// parts are the pool with the popularity that seq says.
func (a *auto) parts(p *bundle.Pool, seq *data.Sequences) score.Parts {
	count := make([]uint32, seq.Items)
	for _, i := range seq.Item {
		count[i]++
	}
	return a.partsOf(p, wire.AppendUint32s(nil, count))
}

func (a *auto) partsOf(p *bundle.Pool, count wire.Uint32s) score.Parts {
	parts := score.Parts{Pool: p, Popularity: count}
	if a.model.Factors != nil {
		codes, scales, exp := quant.EncodeRows(a.model.Factors, a.model.Dim)
		rows := quant.Rows{N: count.Len(), D: a.model.Dim, Codes: codes, Scales: wire.AppendUint16s(nil, scales), Exp: exp}
		parts.Table, parts.Fine, parts.Dim, parts.Dense = rows, rows, a.model.Dim, a.whole("dense")
	}
	return parts
}

// trend returns, in sixteenths of a power of two, how much more each item was
// met lately than its count says. An event counts exp(-age/(histories/20)), its
// age being how many histories came later.
func trend(seq *data.Sequences) []int8 {
	count, recent := make([]float64, seq.Items), make([]float64, seq.Items)
	users := seq.Users()
	var all, late float64
	for u := range users {
		w := math.Exp(-20 * float64(users-1-u) / float64(users))
		for _, i := range seq.Row(u) {
			count[i]++
			recent[i] += w
			all++
			late += w
		}
	}
	t := make([]int8, seq.Items)
	for i := range t {
		v := math.Log2((recent[i]*all/late + .5) / (count[i] + .5))
		t[i] = int8(max(-127, min(127, math.Round(16*v))))
	}
	return t
}
