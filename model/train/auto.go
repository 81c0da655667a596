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

// The default: candidates from a weighted pool of item-item tables and factors,
// ranked again by a small net, all of it item-side. See [bundle.Pool] for what a
// device computes. Where the order of events is known the tables say what comes
// next, see autosequences.go; where it is not, what belongs together, see
// autolists.go.
//
// It is stacked (Wolpert, "Stacked generalization", Neural Networks 5(2), 1992):
// the weights and the net are learnt on events that the tables have not seen, and
// then the tables are made anew from everything. Weights that have seen their own
// cases in the tables would trust them too much. A refit keeps the weights of the
// model that it goes on from, goes on with its net, and makes the tables anew.
var autoLearner = learner{
	name: Auto, help: "a pool of item-item tables and factors, ranked again by a small net",
	params: []Param{
		{Name: "neighbours", Help: "neighbours kept per item; 0: 50, or as many as fit 430 bytes where the order of events is not known", Default: 0, Min: 0, Max: 255, Whole: true},
		{Name: "dim", Help: "factors per item; 0: 64, or the best of 64 to 512 where the order of events is not known", Default: 0, Min: 0, Max: MaxDim, Whole: true},
		{Name: "holdout", Help: "share of the events, the newest if that is known, that weights are learnt on", Default: .1, Min: .001, Max: .5},
		{Name: "lambda", Help: "regularisation of the ridge, where the order of events is not known; 0: the best of 2, 4 and 8", Default: 0, Min: 0, Max: 1e9, Low: 1, High: 20, Log: true},
		{Name: "popular", Help: "an item of d people scores times d^-popular, where the order of events is not known", Default: 0, Min: -2, Max: 2, Low: -.1, High: .2},
		{Name: "examples", Help: "examples that the net sees where the order of events is known, an example more than once; 0: no net", Default: 250000, Min: 0, Max: 1e8, Whole: true},
	},
	scorer: bundle.ScorerPool, learn: learnAuto,
}

const (
	poolCandidates = 100 // that the net ranks again; 200 were no better
	poolNear       = 30  // and as many by their factors; 100 were no better
	maxPoolCases   = 45000
	fewestCases    = 50   // with fewer the weights are not learnt
	fewestNetCases = 2000 // with fewer there is no net
	judgedShare    = .15  // of the cases: what they say of the parts is not learnt from
	reportAt       = 20   // the length of the lists that the report is about
)

// Gain says how good a pool is with its parts up to one.
type Gain struct {
	Part  string
	NDCG  float64 // at 20
	Hit   float64 // share of the right answers that are among the first 20
	Cases int     // held-out cases, on which nothing was learnt
}

// auto is a training in progress.
type auto struct {
	*training
	repeats bool
	rng     *rand.Rand
}

func learnAuto(ctx context.Context, t *training) error {
	a := &auto{training: t, rng: rand.New(rand.NewPCG(t.cfg.Seed, 0x243f6a8885a308d3))} // digits of pi
	a.repeats = t.Sequences != nil && hasRepeats(t.Sequences)
	if t.cfg.From != nil {
		if err := a.checkFrom(t.cfg.From); err != nil {
			return err
		}
	}
	if t.Sequences == nil {
		return a.lists(ctx)
	}
	return a.sequences(ctx)
}

// powers says how the factors are made.
func (a *auto) powers() powers {
	return powers{seed: a.cfg.Seed, workers: a.cfg.Workers, meter: a.meter}
}

// sized returns the parameter, or for 0 its default.
func (a *auto) sized(name string, fallback int) int {
	if v := a.whole(name); v > 0 {
		return v
	}
	return fallback
}

// judged splits off the cases on which nothing is learnt.
func judged(cases []poolCase) (learn, judge []poolCase) {
	cut := int(judgedShare * float64(len(cases)))
	return cases[cut:], cases[:cut]
}

// report judges the pool with its parts up to one, adds that to the model's
// gains, and returns the NDCG of each case.
func (a *auto) report(ctx context.Context, part string, parts score.Parts, judge []poolCase) ([]float64, error) {
	a.meter.enter("judging", 0)
	g, ndcg, err := a.judge(ctx, parts, judge)
	if err != nil {
		return nil, err
	}
	g.Part = part
	a.model.Gains = append(a.model.Gains, g)
	return ndcg, nil
}

// reportTables reports on popularity and on the tables.
func (a *auto) reportTables(ctx context.Context, parts score.Parts, judge []poolCase) ([]float64, error) {
	popular := parts
	popular.Pool, popular.Table = popularFirst(parts.Pool), nil
	if _, err := a.report(ctx, "popularity", popular, judge); err != nil {
		return nil, err
	}
	return a.report(ctx, "tables", parts, judge)
}

// netFor says whether there is a net for so many cases to learn from.
func (a *auto) netFor(cases int) bool {
	if a.cfg.From != nil {
		cases *= refitCases
	}
	return a.whole("examples") > 0 && cases >= fewestNetCases
}

// addNet learns a net for the pool of parts, and keeps it if it is better on the
// judge's cases than the pool was without.
func (a *auto) addNet(ctx context.Context, parts score.Parts, learn, judge []poolCase, was []float64) error {
	if !a.netFor(len(learn)) {
		return nil
	}
	examples, err := a.netExamples(ctx, parts, learn)
	if err != nil || len(examples) == 0 {
		return err
	}
	if parts.Pool.Net, err = a.fitNet(ctx, examples); err != nil {
		return err
	}
	is, err := a.report(ctx, "net", parts, judge)
	if err != nil {
		return err
	}
	if !better(is, was) {
		parts.Pool.Net = nil
	}
	return nil
}

// better says whether a is above b by more than a standard error of the mean
// difference.
func better(a, b []float64) bool {
	var sum, square float64
	for k := range a {
		d := a[k] - b[k]
		sum += d
		square += d * d
	}
	n := float64(len(a))
	mean := sum / n
	return mean > math.Sqrt(max(square/n-mean*mean, 0)/n)
}

// judge says how good the pool is on cases, and its NDCG on each.
func (a *auto) judge(ctx context.Context, parts score.Parts, cases []poolCase) (Gain, []float64, error) {
	n := parts.Popularity.Len()
	ndcg, hit := make([]float64, len(cases)), make([]float64, len(cases))
	err := blocks(ctx, a.cfg.Workers, len(cases), countBlock, func() func(from, to int) error {
		s, t, blocked := score.NewPooler(parts), newTaster(n), newBlocker(n)
		return func(from, to int) error {
			for k := from; k < to; k++ {
				c := cases[k]
				list := s.Rank(t.of(c.history), len(c.history), reportAt, blocked.of(parts.Pool, c.history))
				var ideal float64
				for at := range min(reportAt, len(c.targets)) {
					ideal += 1 / math.Log2(float64(at+2))
				}
				for at, got := range list {
					if slices.Contains(c.targets, int32(got.Item)) {
						ndcg[k] += 1 / math.Log2(float64(at+2)) / ideal
						hit[k] += 1 / float64(len(c.targets))
					}
				}
			}
			a.meter.add(to - from)
			return nil
		}
	})
	g := Gain{Cases: len(cases)}
	for k := range cases {
		g.NDCG += ndcg[k] / float64(len(cases))
		g.Hit += hit[k] / float64(len(cases))
	}
	return g, ndcg, err
}

// withFactors returns parts with these factors, as they are coded by default.
func withFactors(parts score.Parts, factors []float32) score.Parts {
	n := parts.Popularity.Len()
	d := len(factors) / n
	if d >= manyFactors {
		codes, scales, exp := quant.EncodeRows4(factors, d)
		parts.Table = quant.Rows4{N: n, D: d, Codes: quant.PackRows4(codes, d), Scales: wire.AppendUint16s(nil, scales), Exp: exp}
	} else {
		codes, scales, exp := quant.EncodeRows(factors, d)
		parts.Table = quant.Rows{N: n, D: d, Codes: codes, Scales: wire.AppendUint16s(nil, scales), Exp: exp}
	}
	parts.Fine, parts.Dim = parts.Table, d
	return parts
}

// counts returns how often each of n items is in items.
func counts(items []int32, n int) []uint32 {
	count := make([]uint32, n)
	for _, i := range items {
		count[i]++
	}
	return count
}

// popularFirst is a pool that knows nothing of anyone: what the others are held
// against.
func popularFirst(p *bundle.Pool) *bundle.Pool {
	return &bundle.Pool{Positions: 1, Weights: make([]float32, 2), Repeats: p.Repeats, Candidates: poolCandidates, Nearest: p.Nearest}
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
