package train

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/data"
)

// The sequence encoder of score.SequenceWeights learns to tell each item of a
// history from those before it: Kang and McAuley, "Self-attentive sequential
// recommendation", ICDM 2018, with the softmax of sequenceloss.go instead of one
// sampled negative. Item factors go in and come out, so what ships are the
// factors and the encoder's weights.
//
// The gradients are written by hand; TestSequenceGradients holds them against
// finite differences. Why not gomlx? A step of 128 histories of 50 items, two
// blocks, d = 64 and a softmax over 1,000 items takes gomlx 0.26 with its pure Go
// backend 9.3 s of processor time on an EPYC 9005, and this package 0.13 s
// (BenchmarkSequenceStep): gomlx has no vectors.

// SequenceConfig says how to learn an encoder. The zero value has the defaults.
type SequenceConfig struct {
	Dim      int     // factors per item; 0: 64
	Blocks   int     // 1 … score.MaxSequenceBlocks; 0: 1
	Length   int     // items of a history that count, the last ones; 0: 50
	Epochs   int     // at most so many passes over the sequences; 0: 40
	Patience int     // stop when so many passes bring nothing; 0: 3
	Batch    int     // histories of at most Length items per step; 0: 128
	Draws    int     // candidates beside a step's targets; where the catalogue has no more items, all; 0: 2000
	Rate     float32 // of Adam; 0: 0.001
	Dropout  float32 // 0 … 0.9; 0: 0.3, below 0: none
	HoldOut  float32 // share of the sequences whose last item judges the passes, 0 … 1; 0: 0.1
	Seed     uint64
	Workers  int // goroutines; 0: one per processor. Never changes the result

	// Checkpoint and Resume are those of Config.
	Checkpoint string
	Resume     bool
	Progress   func(Progress) // its Stage is "positions"; called by one goroutine at a time; nil: nobody looks
}

const (
	// initStd is the deviation of the first parameters: that of BERT.
	initStd = .02
	// tapeHistories is how many histories go through the encoder together. It
	// decides in which order gradients are summed, so it is not for tuning.
	tapeHistories = 8
	// The moments of Adam (Kingma and Ba, ICLR 2015).
	adamFirst, adamSecond, adamEpsilon = .9, .98, 1e-8
)

// sequenceTraining is a training in progress.
type sequenceTraining struct {
	cfg     SequenceConfig
	rows    [][]int32 // what is learnt from
	judge   *sequenceJudge
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
	meter    meter
}

// trainSequence learns from the sequences of at least two people who have two
// events. It returns item factors, seq.Items×cfg.Dim, and the encoder's weights:
// those of the epoch that ranked the held-out items best.
func trainSequence(ctx context.Context, seq *data.Sequences, cfg SequenceConfig) (factors []float32, weights *score.SequenceWeights, err error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, nil, err
	}
	t, err := newSequenceTraining(seq, cfg)
	if err != nil {
		return nil, nil, err
	}
	cp := newSequenceCheckpoint(cfg, seq)
	done, err := cp.resume(t.state)
	if err != nil {
		return nil, nil, err
	}
	if done > cfg.Epochs {
		return nil, nil, fmt.Errorf("checkpoint %q has %d epochs: want at most %d", cfg.Checkpoint, done, cfg.Epochs)
	}
	for epoch := done + 1; epoch <= cfg.Epochs && epoch <= int(*t.bestEpoch)+cfg.Patience; epoch++ {
		if err := t.epoch(ctx, epoch); err != nil {
			return nil, nil, fmt.Errorf("epoch %d of %d: %w", epoch, cfg.Epochs, err)
		}
		if err := cp.save(epoch, t.state); err != nil {
			return nil, nil, err
		}
	}
	if err := cp.remove(); err != nil {
		return nil, nil, err
	}
	n := seq.Items * cfg.Dim
	return t.best[:n:n], &newSequenceNet(cfg, t.best[n:]).SequenceWeights, nil
}

func (c SequenceConfig) withDefaults() SequenceConfig {
	c.Dim = cmp.Or(c.Dim, 64)
	c.Blocks = cmp.Or(c.Blocks, 1)
	c.Length = cmp.Or(c.Length, 50)
	c.Epochs = cmp.Or(c.Epochs, 40)
	c.Patience = cmp.Or(c.Patience, 3)
	c.Batch = cmp.Or(c.Batch, 128)
	c.Draws = cmp.Or(c.Draws, 2000)
	c.Rate = cmp.Or(c.Rate, .001)
	c.Dropout = max(0, cmp.Or(c.Dropout, .3))
	c.HoldOut = cmp.Or(c.HoldOut, .1)
	c.Workers = cmp.Or(c.Workers, runtime.GOMAXPROCS(0))
	return c
}

func (c SequenceConfig) check() error {
	for _, f := range []struct {
		name          string
		value         int
		least, atMost int
	}{
		{"dim", c.Dim, 1, MaxDim},
		{"blocks", c.Blocks, 1, score.MaxSequenceBlocks},
		{"length", c.Length, 1, score.MaxSequenceLength},
		{"epochs", c.Epochs, 1, math.MaxInt32},
		{"patience", c.Patience, 1, math.MaxInt32},
		{"batch", c.Batch, 1, math.MaxInt32},
		{"draws", c.Draws, 1, math.MaxInt32},
		{"workers", c.Workers, 1, math.MaxInt32},
	} {
		if f.value < f.least || f.value > f.atMost {
			return fmt.Errorf("%s %d: want %d … %d", f.name, f.value, f.least, f.atMost)
		}
	}
	switch {
	case !(c.Rate > 0 && c.Rate <= 1):
		return fmt.Errorf("rate %v: want a number above 0, at most 1", c.Rate)
	case !(c.Dropout <= .9):
		return fmt.Errorf("dropout %v: want at most 0.9", c.Dropout)
	case !(c.HoldOut > 0 && c.HoldOut <= 1):
		return fmt.Errorf("hold out %v: want a number above 0, at most 1", c.HoldOut)
	case c.Resume && c.Checkpoint == "":
		return errors.New("resume: no checkpoint file is named")
	}
	return nil
}

func newSequenceTraining(seq *data.Sequences, cfg SequenceConfig) (*sequenceTraining, error) {
	t := &sequenceTraining{cfg: cfg}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0x3243f6a8885a308d))
	t.rows, t.judge = holdOut(seq, float64(cfg.HoldOut), rng)
	if len(t.rows) < 2 || len(t.judge.cases) == 0 {
		return nil, fmt.Errorf("%d sequences of two items to learn from, %d held out: want at least 2 and 1", len(t.rows), len(t.judge.cases))
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

	t.meter.report = cfg.Progress
	for _, row := range t.rows {
		t.meter.state.Total += int64(len(row)-1) * int64(cfg.Epochs)
	}
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
	ndcg, err := t.judge.ndcg(ctx, t.cfg.Workers, t.factors, &t.net.SequenceWeights)
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
	steps := float64(*t.steps)
	rate := t.cfg.Rate / float32(1-math.Pow(adamFirst, steps))
	correct := 1 / float32(1-math.Pow(adamSecond, steps))
	x, g, m, v := t.params[from:to], t.gradient[from:to], t.first[from:to], t.second[from:to]
	for k, dx := range g {
		m[k] = adamFirst*m[k] + (1-adamFirst)*dx
		v[k] = adamSecond*v[k] + (1-adamSecond)*dx*dx
		x[k] -= rate * m[k] / (float32(math.Sqrt(float64(v[k]*correct))) + adamEpsilon)
		g[k] = 0
	}
}

// newSequenceCheckpoint is newCheckpoint for an encoder.
func newSequenceCheckpoint(cfg SequenceConfig, seq *data.Sequences) *checkpoint {
	if cfg.Checkpoint == "" {
		return &checkpoint{}
	}
	config := sha256.Sum256(fmt.Appendf(nil, "sequence seed=%d dim=%d blocks=%d length=%d patience=%d batch=%d draws=%d rate=%b dropout=%b holdout=%b",
		cfg.Seed, cfg.Dim, cfg.Blocks, cfg.Length, cfg.Patience, cfg.Batch, cfg.Draws, cfg.Rate, cfg.Dropout, cfg.HoldOut))
	h := sha256.New()
	row := binary.LittleEndian.AppendUint64(nil, uint64(seq.Items))
	for u := range seq.Users() {
		row = binary.LittleEndian.AppendUint64(row, uint64(len(seq.Row(u))))
		for _, i := range seq.Row(u) {
			row = binary.LittleEndian.AppendUint32(row, uint32(i))
		}
		h.Write(row) // a hash never fails
		row = row[:0]
	}
	return &checkpoint{path: cfg.Checkpoint, wanted: cfg.Resume, config: config, matrix: [sha256.Size]byte(h.Sum(nil))}
}
