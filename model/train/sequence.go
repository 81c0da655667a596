package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// The encoder of bundle.Encoder learns to tell each item of a history from those
// before it: Kang and McAuley, "Self-attentive sequential recommendation", ICDM
// 2018, with the softmax of sequenceloss.go instead of one sampled negative. Item
// factors go in and come out, so what ships are the factors and the encoder. An
// item that a person has met again stands at its last place alone, as on a
// device.
//
// The gradients are written by hand; TestSequenceGradients holds them against
// finite differences. Why not gomlx? A step of 128 histories of 50 items, two
// blocks, d = 64 and a softmax over 1,000 items takes gomlx 0.26 with its pure Go
// backend 9.3 s of processor time on an EPYC 9005, and this package 0.13 s
// (BenchmarkSequenceStep): gomlx has no vectors.
var sequenceLearner = learner{
	name: Sequence, help: "item factors, and self-attention that makes the person's of the history: what comes next",
	params: []Param{
		{Name: "dim", Help: "factors per item", Default: 64, Min: 1, Max: MaxDim, Whole: true, Low: 32, High: 128, Log: true},
		{Name: "blocks", Help: "of attention", Default: 1, Min: 1, Max: bundle.MaxEncoderBlocks, Whole: true},
		{Name: "length", Help: "items of a history that count, the last ones", Default: 50, Min: 1, Max: bundle.MaxEncoderLength, Whole: true},
		{Name: "epochs", Help: "passes over the histories, at most", Default: 40, Min: 1, Max: 10000, Whole: true},
		{Name: "patience", Help: "passes without a better one after which it ends", Default: 3, Min: 1, Max: 10000, Whole: true},
		{Name: "batch", Help: "histories of a step", Default: 128, Min: 1, Max: 1 << 20, Whole: true},
		{Name: "draws", Help: "items beside a step's targets that the softmax is over", Default: 2000, Min: 1, Max: maxItems, Whole: true},
		{Name: "rate", Help: "of Adam", Default: .001, Min: 1e-9, Max: 1, Low: .0003, High: .003, Log: true},
		{Name: "dropout", Help: "share of the units that a step does without", Default: .3, Min: 0, Max: .9, Low: .1, High: .6},
		{Name: "holdout", Help: "share of the histories whose last item judges the passes", Default: .1, Min: .001, Max: 1},
	},
	scorer: bundle.ScorerSequence, learn: learnSequence,
}

func learnSequence(ctx context.Context, t *training) error {
	if t.Sequences == nil {
		return errors.New("the order of the events is not known: want events with times, or lists in order")
	}
	seq := lastPlaces(t.Sequences)
	s, err := newSequenceTraining(seq, sequenceConfig{
		Dim: t.whole("dim"), Blocks: t.whole("blocks"), Length: t.whole("length"), Epochs: t.whole("epochs"),
		Patience: t.whole("patience"), Batch: t.whole("batch"), Draws: t.whole("draws"), Rate: t.float("rate"),
		Dropout: t.float("dropout"), HoldOut: t.float("holdout"), Seed: t.cfg.Seed, Workers: t.cfg.Workers,
	}, t.meter)
	if err != nil {
		return err
	}
	cp := newCheckpoint(t, &data.Matrix{Rows: seq.Users(), Cols: seq.Items, Ptr: seq.Ptr, Col: seq.Item})
	if err := s.run(ctx, cp); err != nil {
		return err
	}
	m, d := t.model, s.cfg.Dim
	m.Dim, m.Factors = d, ofPeople(s.best[:seq.Items*d], d, m.Count)
	if m.Encoder, err = AppendEncoder(nil, &newSequenceNet(s.cfg, s.best[seq.Items*d:]).Encoder); err != nil {
		return err
	}
	return cp.remove()
}

// lastPlaces returns the histories without the items that come again later.
func lastPlaces(seq *data.Sequences) *data.Sequences {
	out := &data.Sequences{Items: seq.Items, Ptr: []int64{0}}
	next := make([]int, seq.Items) // of the user: 1 + the user who has the item later
	for u := range seq.Users() {
		row := seq.Row(u)
		from := len(out.Item)
		for e := len(row) - 1; e >= 0; e-- {
			if next[row[e]] != u+1 {
				next[row[e]] = u + 1
				out.Item = append(out.Item, row[e])
			}
		}
		slices.Reverse(out.Item[from:])
		out.Ptr = append(out.Ptr, int64(len(out.Item)))
	}
	return out
}

// sequenceConfig is the learner's parameters.
type sequenceConfig struct {
	Dim, Blocks, Length, Epochs, Patience, Batch, Draws int
	Rate, Dropout, HoldOut                              float32
	Seed                                                uint64
	Workers                                             int
}

const (
	// initStd is the deviation of the first parameters: that of BERT.
	initStd = .02
	// tapeHistories is how many histories go through the encoder together. It
	// decides in which order gradients are summed, so it is not for tuning.
	tapeHistories = 8
)

// sequenceTraining is a training in progress.
type sequenceTraining struct {
	cfg     sequenceConfig
	rows    [][]int32 // what is learnt from
	judge   sequenceJudge
	chances chances

	// state is all that a later epoch depends on, and what a checkpoint keeps:
	// the seven that follow lie in it. Counts are exact in it up to 2²⁴.
	state                      []float32
	params                     []float32 // items×Dim factors, then the weights
	first, second              []float32 // Adam's moments of each of params
	best                       []float32 // the params that were judged best
	steps, bestEpoch, bestNDCG *float32

	factors  []float32    // of params
	net      *sequenceNet // of params
	gradient []float32    // of params; 0 between steps
	tapes    []*sequenceTape
	loss     batchLoss
	meter    *meter
}

// run has the epochs done that the checkpoint does not have, until some bring
// nothing.
func (t *sequenceTraining) run(ctx context.Context, cp *checkpoint) error {
	return cp.run(t.cfg.Epochs, t.positions(), t.state, t.meter,
		func(epoch int) error { return t.epoch(ctx, epoch) },
		func(done int) bool { return done >= int(*t.bestEpoch)+t.cfg.Patience })
}

// positions returns how many targets an epoch has.
func (t *sequenceTraining) positions() (sum int) {
	for _, row := range t.rows {
		sum += len(row) - 1
	}
	return sum
}

// newSequenceTraining is for histories without repeats, of which two people at
// least have two items, and one three.
func newSequenceTraining(seq *data.Sequences, cfg sequenceConfig, meter *meter) (*sequenceTraining, error) {
	t := &sequenceTraining{cfg: cfg, meter: meter}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0x3243f6a8885a308d))
	t.rows, t.judge = holdOut(seq, float64(cfg.HoldOut), rng)
	if len(t.rows) < 2 || len(t.judge) == 0 {
		return nil, fmt.Errorf("%d sequences of two items to learn from, %d held out: want at least 2 and 1", len(t.rows), len(t.judge))
	}
	draws := cfg.Draws
	if draws >= seq.Items {
		draws = 0
	}
	t.chances = newChances(t.rows, seq.Items, draws)

	n := seq.Items * cfg.Dim
	size := n + sequenceFloats(cfg)
	t.state = make([]float32, 4*size+3)
	t.params, t.first, t.second, t.best = t.state[:size], t.state[size:2*size], t.state[2*size:3*size], t.state[3*size:4*size]
	t.steps, t.bestEpoch, t.bestNDCG = &t.state[4*size], &t.state[4*size+1], &t.state[4*size+2]
	t.factors, t.net = t.params[:n], newSequenceNet(cfg, t.params[n:])
	t.gradient = make([]float32, size)
	for k := range t.factors {
		t.factors[k] = float32(rng.NormFloat64() * initStd)
	}
	t.net.init(rng, initStd)
	copy(t.best, t.params)

	t.meter.state.Total = int64(t.positions()) * int64(cfg.Epochs)
	return t, nil
}

// epoch goes once over all positions and judges what that brought.
func (t *sequenceTraining) epoch(ctx context.Context, epoch int) error {
	t.meter.enter("positions", epoch)
	rng := rand.New(rand.NewPCG(t.cfg.Seed, uint64(epoch)))
	for batch := range slices.Chunk(t.pieces(rng), t.cfg.Batch) {
		if err := t.step(ctx, batch, rng); err != nil {
			return err
		}
	}
	ndcg, err := t.judge.ndcg(ctx, t.cfg.Workers, t.factors, &t.net.Encoder)
	if err != nil {
		return err
	}
	if epoch == 1 || float32(ndcg) > *t.bestNDCG {
		*t.bestEpoch, *t.bestNDCG = float32(epoch), float32(ndcg)
		copy(t.best, t.params)
	}
	return nil
}

// pieces cuts the sequences, in random order, into pieces of at most Length+1
// items of which the last of one is the first of the next: each item but the
// first of all is a target once. Where a long sequence is cut is random too.
func (t *sequenceTraining) pieces(rng *rand.Rand) [][]int32 {
	var list [][]int32
	for _, row := range t.rows {
		to := len(row)
		if to > t.cfg.Length+1 {
			to -= rng.IntN(t.cfg.Length)
			list = append(list, row[to-1:])
		}
		for ; to > 1; to -= t.cfg.Length {
			list = append(list, row[max(0, to-t.cfg.Length-1):to])
		}
	}
	list = slices.DeleteFunc(list, func(piece []int32) bool { return len(piece) < 2 })
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// step learns from the pieces of a batch.
func (t *sequenceTraining) step(ctx context.Context, batch [][]int32, rng *rand.Rand) error {
	d := t.cfg.Dim
	from, seeds := t.lay(batch, rng)
	r := from[len(from)-1]
	l := &t.loss
	l.persons = zeros(l.persons, r, d)
	err := blocks(ctx, t.cfg.Workers, len(seeds), 1, func() func(from, to int) error {
		return func(k, _ int) error {
			tape := t.tapes[k]
			tape.forward(t.factors, t.cfg.Dropout, rand.New(rand.NewPCG(seeds[k], 0)))
			copy(l.persons.Data[from[k]*d:], tape.persons.Data)
			return nil
		}
	})
	if err != nil {
		return err
	}
	l.candidates = t.chances.candidatesFor(l.target, rng)
	l.gather(t.factors, d)
	sum, err := l.compute(ctx, t.cfg.Workers)
	if err != nil {
		return err
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return fmt.Errorf("the loss is %v: use a smaller rate", sum)
	}
	err = blocks(ctx, t.cfg.Workers, len(seeds), 1, func() func(from, to int) error {
		return func(k, _ int) error {
			tape := t.tapes[k]
			tape.dx = zeros(tape.dx, len(tape.items), d)
			copy(tape.dx.Data, l.dpersons.Data[from[k]*d:])
			tape.backward()
			return nil
		}
	})
	if err != nil {
		return err
	}
	t.addGradients(len(seeds))
	*t.steps++
	t.meter.add(r)
	return t.update(ctx)
}

// lay puts the pieces on tapes, tapeHistories on each: without their last items,
// which with all others but the first are the targets. It returns where each
// tape's positions begin, and at last where they end, and a seed for each.
func (t *sequenceTraining) lay(batch [][]int32, rng *rand.Rand) (from []int, seeds []uint64) {
	t.loss.target = t.loss.target[:0]
	from = []int{0}
	for pieces := range slices.Chunk(batch, tapeHistories) {
		if len(seeds) == len(t.tapes) {
			t.tapes = append(t.tapes, newSequenceTape(t.cfg, t.net))
		}
		tape := t.tapes[len(seeds)]
		tape.ptr, tape.items = append(tape.ptr[:0], 0), tape.items[:0]
		for _, piece := range pieces {
			tape.items = append(tape.items, piece[:len(piece)-1]...)
			tape.ptr = append(tape.ptr, len(tape.items))
			t.loss.target = append(t.loss.target, piece[1:]...)
		}
		from = append(from, len(t.loss.target))
		seeds = append(seeds, rng.Uint64())
	}
	return from, seeds
}

// addGradients adds up the gradients of the loss and of the first tapes, and
// makes their items the candidates that update moves.
func (t *sequenceTraining) addGradients(tapes int) {
	d := t.cfg.Dim
	for c, i := range t.loss.items {
		copy(t.gradient[int(i)*d:int(i)*d+d], t.loss.ditems.Row(c))
	}
	weights := t.gradient[len(t.factors):]
	for _, tape := range t.tapes[:tapes] {
		quant.Axpy(weights, tape.gradient.flat, 1)
		for k, i := range tape.items {
			quant.Axpy(t.gradient[int(i)*d:int(i)*d+d], tape.dx.Row(k), 1)
			t.loss.take(i)
		}
	}
}

// update moves the weights and the factors that have a gradient. Those that
// have none keep their moments, too.
func (t *sequenceTraining) update(ctx context.Context) error {
	d := t.cfg.Dim
	t.adam(len(t.factors), len(t.params))
	return blocks(ctx, t.cfg.Workers, len(t.loss.items), lossItems, func() func(from, to int) error {
		return func(from, to int) error {
			for _, i := range t.loss.items[from:to] {
				t.adam(int(i)*d, int(i)*d+d)
			}
			return nil
		}
	})
}

// adam moves the parameters from … to-1 and clears their gradient.
func (t *sequenceTraining) adam(from, to int) {
	x, g, m, v := t.params[from:to], t.gradient[from:to], t.first[from:to], t.second[from:to]
	newAdam(t.cfg.Rate, int(*t.steps)).move(x, g, m, v)
	clear(g)
}
