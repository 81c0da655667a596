package train

import (
	"context"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
)

// sequenceBuckets are the lengths of history that have weights of their own, and
// sequencePositions how many of the newest items have.
var sequenceBuckets = []int{1, 2, 3, 5, 9}

const sequencePositions = 8

const sequenceDim = 64

// nearWeight makes the person's factors say only who else is a candidate, and
// nearDecay is how much less an item counts in them than the next newer one.
const (
	nearWeight = 1e-6
	nearDecay  = .8
)

// sequenceDecays are e^(-1/2) and e^(-1/8).
var sequenceDecays = [2]float32{.60653066, .8824969}

// A refit keeps yesterday's weights, which hardly change, and goes on with
// yesterday's net, at a lower rate. It has no net where yesterday had none.
const (
	refitCases    = 2     // one in so many is learnt from
	refitExamples = 50000 // that the net sees at most
	refitRate     = netRate / 3
)

// sequences makes the pool of a log whose order is known, and its factors: the
// tables from everything, the weights and the net from what is learnt on a part.
func (a *auto) sequences(ctx context.Context) error {
	var learnt *bundle.Pool
	var err error
	if from := a.cfg.From; from != nil && from.Pool.Net == nil {
		learnt = from.Pool
		a.meter.follow(a.tablesPlan(a.Sequences))
	} else if learnt, err = a.stack(ctx); err != nil {
		return err
	}
	pool, factors, err := a.sequenceTables(ctx, a.Sequences)
	if err != nil {
		return err
	}
	pool.Weights, pool.Net = learnt.Weights, learnt.Net
	a.model.Pool, a.model.Factors, a.model.Dim = pool, factors, len(factors)/pool.Sparse.N
	return nil
}

// stack learns weights and a net on the newest histories, over tables
// of the older ones. A refit has the weights and learns the net alone.
func (a *auto) stack(ctx context.Context) (*bundle.Pool, error) {
	older, newer := newest(a.Sequences, a.value("holdout"))
	count := counts(older.Item, older.Items)
	known := make([]bool, older.Items)
	for i, c := range count {
		known[i] = c > 0
	}
	cases := poolCases(newer, known, a.repeats, maxPoolCases, a.rng)
	if a.cfg.From != nil {
		cases = cases[:len(cases)/refitCases]
	}
	learn, judge := judged(cases)
	a.meter.follow(a.stackPlan(older, len(learn), len(judge)))
	pool, factors, err := a.sequenceTables(ctx, older)
	if err != nil {
		return nil, err
	}
	if err := a.setWeights(ctx, pool, learn); err != nil {
		return nil, err
	}
	parts := withFactors(score.Parts{Pool: pool, Popularity: wire.AppendUint32s(nil, count)}, factors)
	was, err := a.reportTables(ctx, parts, judge)
	if err != nil {
		return nil, err
	}
	if err := a.addNet(ctx, parts, learn, judge, was); err != nil {
		return nil, err
	}
	return pool, nil
}

// setWeights sets the weights of p, which has those of nothing but factors.
func (a *auto) setWeights(ctx context.Context, p *bundle.Pool, cases []poolCase) error {
	if from := a.cfg.From; from != nil {
		copy(p.Weights, from.Pool.Weights)
		return nil
	}
	if len(cases) < fewestCases {
		plainWeights(p)
		return nil
	}
	a.meter.enter("weights", 0)
	return fitWeights(ctx, p, cases, a.cfg.Workers, a.meter)
}

// sequenceTables makes the item-side numbers from seq.
func (a *auto) sequenceTables(ctx context.Context, seq *data.Sequences) (*bundle.Pool, []float32, error) {
	a.meter.enter("linear", 0)
	linear, err := slis(ctx, seq, a.cfg.Workers, a.meter)
	if err != nil {
		return nil, nil, err
	}
	a.meter.enter("tables", 0)
	rows, err := countRows(ctx, seq, a.cfg.Workers, sequenceColumns, a.sized("neighbours", 50), func(i int, row *sparse) {
		col, val := linear.Row(i)
		for k, j := range col {
			row.add(j, columnLinear, float64(val[k]))
		}
		a.meter.add(1)
	})
	if err != nil {
		return nil, nil, err
	}
	a.meter.enter("factors", 0)
	factors, err := embed(ctx, seq, a.sized("dim", sequenceDim), a.powers())
	if err != nil {
		return nil, nil, err
	}
	p := &bundle.Pool{
		Positions: sequencePositions, Buckets: sequenceBuckets, Decays: sequenceDecays,
		Repeats: a.repeats, Candidates: poolCandidates, Nearest: poolNear,
		Sparse: quant.EncodeSparse(rows, sequenceColumns), Trend: trend(seq),
	}
	p.Weights = make([]float32, (len(p.Buckets)+1)*(p.Sparse.C+2)*p.Positions)
	for b := range len(p.Buckets) + 1 {
		for pos := range p.Positions {
			p.Weights[(b*(p.Sparse.C+2)+p.Dense())*p.Positions+pos] = float32(nearWeight * math.Pow(nearDecay, float64(pos)))
		}
	}
	return p, factors, nil
}

// plainWeights are those for too few cases to learn from.
func plainWeights(p *bundle.Pool) {
	for b := range len(p.Buckets) + 1 {
		for pos := range p.Positions {
			w := float32(math.Exp(-float64(pos) / 2))
			at := b*(p.Sparse.C+2)*p.Positions + pos
			p.Weights[at+columnForward*p.Positions] = w
			p.Weights[at+columnTogether*p.Positions] = w
			p.Weights[at+p.Self()*p.Positions] = w / 2
		}
	}
}

// trend returns, in sixteenths of a power of two, how much more each item was
// met lately than its count says. An event counts exp(-age/(histories/20)), its
// age being how many histories ended later.
func trend(seq *data.Sequences) []int8 {
	count, recent := make([]float64, seq.Items), make([]float64, seq.Items)
	users := seq.Users()
	var all, late float64
	for age, u := range byEnd(seq) {
		w := math.Exp(-20 * float64(users-1-age) / float64(users))
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
