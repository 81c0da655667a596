package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/data"
)

func sequencesOf(items int, rows ...[]int32) *data.Sequences {
	s := &data.Sequences{Items: items, Ptr: []int64{0}}
	for _, row := range rows {
		s.Item = append(s.Item, row...)
		s.Ptr = append(s.Ptr, int64(len(s.Item)))
	}
	return s
}

// chains returns sequences of 2 to 12 items in which mostly i+1 follows i.
func chains(users, items int, seed uint64) *data.Sequences {
	rng := rand.New(rand.NewPCG(seed, 1))
	rows := make([][]int32, users)
	for u := range rows {
		i := rng.IntN(items)
		for range 2 + rng.IntN(11) {
			rows[u] = append(rows[u], int32(i))
			if i = (i + 1) % items; rng.IntN(10) == 0 {
				i = rng.IntN(items)
			}
		}
	}
	return sequencesOf(items, rows...)
}

var smallSequence = sequenceConfig{
	Dim: 8, Blocks: 2, Length: 6, Epochs: 4, Patience: 3, Batch: 20, Draws: 10, Rate: .01, Dropout: .3, HoldOut: .2, Seed: 3, Workers: 1,
}

// smallParams are the same for Train.
var smallParams = Params{"dim": 8, "blocks": 2, "length": 6, "epochs": 4, "batch": 20, "draws": 10, "rate": .01, "holdout": .2}

// newSmallTraining has random parameters, of the size that training leaves.
func newSmallTraining(t *testing.T, seq *data.Sequences) *sequenceTraining {
	tr, err := newSequenceTraining(seq, smallSequence, &meter{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 1))
	for k := range tr.params {
		tr.params[k] += float32(rng.NormFloat64() * .3)
	}
	return tr
}

// TestSequenceGradients compares each parameter's gradient with what the loss
// does when the parameter moves a little.
func TestSequenceGradients(t *testing.T) {
	const step, tol = 1e-3, 2e-3 // of the largest gradient; float32 rounds the loss at 1e-6
	rows := [][]int32{{1, 2, 3, 1}, {4, 5}, {2, 6, 0, 3, 5, 1, 8}}
	for _, draws := range []int{0, 3} {
		tr := newSmallTraining(t, sequencesOf(9, append(rows, rows...)...))
		tr.chances = newChances(rows, 9, draws)
		tr.lay(rows, rand.New(rand.NewPCG(2, 2)))
		tape, l := tr.tapes[0], &tr.loss
		loss := func() float64 {
			tape.forward(tr.factors, .2, rand.New(rand.NewPCG(3, 3)))
			l.persons = tape.persons
			l.candidates = tr.chances.candidatesFor(l.target, rand.New(rand.NewPCG(4, 4)))
			l.gather(tr.factors, tr.cfg.Dim)
			sum, err := l.compute(context.Background(), 1)
			if err != nil {
				t.Fatal(err)
			}
			return sum / float64(len(l.target))
		}
		loss()
		tape.dx = zeros(tape.dx, len(tape.items), tr.cfg.Dim)
		copy(tape.dx.Data, l.dpersons.Data)
		tape.backward()
		tr.addGradients(1)
		got := tr.gradient
		largest := slices.Max(got)
		for k := range tr.params {
			was := tr.params[k]
			tr.params[k] = was + step
			up := loss()
			tr.params[k] = was - step
			down := loss()
			tr.params[k] = was
			if want := (up - down) / (2 * step); math.Abs(float64(got[k])-want) > tol*float64(largest) {
				t.Errorf("%d draws: parameter %d of %d: gradient %v, want %v", draws, k, len(got), got[k], want)
			}
		}
	}
}

// TestSequenceTapeIsTheDevices holds the encoder that learns against the one
// that ships, and that against its weights and items at 8 bits.
func TestSequenceTapeIsTheDevices(t *testing.T) {
	const tol = 1e-5
	tr := newSmallTraining(t, chains(30, 20, 1))
	batch := tr.pieces(rand.New(rand.NewPCG(1, 1)))[:tapeHistories]
	tr.lay(batch, rand.New(rand.NewPCG(1, 1)))
	d, tape := tr.cfg.Dim, tr.tapes[0]
	tape.forward(tr.factors, 0, nil)
	encoder, person := score.NewSequence(tr.net.Encoder), make([]float32, d)
	for h := range batch {
		var rows []float32
		for k := tape.ptr[h]; k < tape.ptr[h+1]; k++ {
			i := int(tape.items[k])
			rows = append(rows, tr.factors[i*d:(i+1)*d]...)
			if err := encoder.PersonTo(person, rows); err != nil {
				t.Fatal(err)
			}
			for f, v := range tape.persons.Row(k) {
				if math.Abs(float64(person[f]-v)) > tol {
					t.Fatalf("history %v up to %d: factor %d: got %v on the device, %v in training", batch[h], k-tape.ptr[h], f, person[f], v)
				}
			}
		}
	}
}

func TestSequenceLearnsWhatFollows(t *testing.T) {
	const items = 30
	cfg := smallSequence
	cfg.Epochs, cfg.Blocks, cfg.Dropout = 30, 1, .1
	tr, err := newSequenceTraining(lastPlaces(chains(400, items, 2)), cfg, &meter{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.run(context.Background(), &checkpoint{}); err != nil {
		t.Fatal(err)
	}
	var judge sequenceJudge
	for i := range int32(items) {
		judge = append(judge, sequenceCase{[]int32{(i + items - 2) % items, (i + items - 1) % items}, i})
	}
	n := items * cfg.Dim
	ranks, err := judge.ranks(context.Background(), 1, tr.best[:n], &newSequenceNet(cfg, tr.best[n:]).Encoder)
	if err != nil {
		t.Fatal(err)
	}
	first := 0
	for _, r := range ranks {
		if r == 1 {
			first++
		}
	}
	if want := items * 9 / 10; first < want {
		t.Errorf("what follows is the first choice for %d of %d histories, want %d or more; ranks %v", first, items, want, ranks)
	}
}

func TestSequenceIsTheSameForAnyWorkersAndOnResume(t *testing.T) {
	seq := chains(120, 40, 3)
	in, cfg := Input{Pairs: pairsOf(seq), Sequences: seq}, Config{Algorithm: Sequence, Params: smallParams, Seed: 3, Workers: 1}
	want, err := Train(context.Background(), in, cfg)
	if err != nil {
		t.Fatal(err)
	}
	same := func(name string, cfg Config) {
		t.Helper()
		got, err := Train(context.Background(), in, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(got, want) {
			t.Errorf("%s: not what one worker learns in one go", name)
		}
	}
	cfg.Workers = 3
	same("three workers", cfg)

	cfg.Checkpoint, cfg.Resume = filepath.Join(t.TempDir(), "checkpoint"), true
	stop, cancel := context.WithCancel(context.Background())
	cfg.Progress = func(p Progress) {
		if p.Epoch == 3 {
			cancel()
		}
	}
	if _, err := Train(stop, in, cfg); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want %v", err, context.Canceled)
	}
	cfg.Progress = nil
	same("resumed", cfg)
	if _, err := os.Stat(cfg.Checkpoint); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the checkpoint of a finished training: got %v, want none", err)
	}
}

func TestSequenceRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		seq  *data.Sequences
		want string
	}{
		{"no order", nil, "the order of the events is not known"},
		{"one of two items", sequencesOf(3, []int32{0, 1, 2}, []int32{1}), "1 sequences"},
		{"nobody with two items", sequencesOf(3, []int32{0}, []int32{1}, nil), "0 sequences"},
		{"the same item only", sequencesOf(3, []int32{0, 0, 0}, []int32{1, 1, 1}), "0 sequences"},
	} {
		pairs := matrixOf(3, []int32{0}, []int32{1})
		if test.seq != nil {
			pairs = pairsOf(test.seq)
		}
		_, err := Train(context.Background(), Input{Pairs: pairs, Sequences: test.seq}, Config{Algorithm: Sequence, Params: smallParams})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.name, err, test.want)
		}
	}
}

func TestLastPlaces(t *testing.T) {
	got := lastPlaces(sequencesOf(4, []int32{0, 1, 0, 2, 2}, nil, []int32{0, 3}))
	if diff := cmp.Diff(sequencesOf(4, []int32{1, 0, 2}, nil, []int32{0, 3}), got); diff != "" {
		t.Error(diff)
	}
}

func TestPiecesHaveEachTargetOnce(t *testing.T) {
	row := make([]int32, 100)
	for k := range row {
		row[k] = int32(k)
	}
	for seed := range uint64(20) {
		for _, n := range []int{2, 6, 7, 8, 12, 13, 14, 100} {
			tr := &sequenceTraining{cfg: sequenceConfig{Length: 6}, rows: [][]int32{row[:n]}}
			met := make([]int, n)
			for _, piece := range tr.pieces(rand.New(rand.NewPCG(seed, 1))) {
				if len(piece) < 2 || len(piece) > 7 {
					t.Fatalf("%d items: a piece has %d", n, len(piece))
				}
				for k, i := range piece[1:] {
					met[i]++
					if piece[k] != i-1 {
						t.Fatalf("%d items: %v is no piece", n, piece)
					}
				}
			}
			if met[0] != 0 || slices.ContainsFunc(met[1:], func(m int) bool { return m != 1 }) {
				t.Fatalf("%d items: targets %v, want each but the first once", n, met)
			}
		}
	}
}

func TestChancesAreThoseOfTheDraws(t *testing.T) {
	const tol = .03 // five standard errors of 5,000 trials
	rows := [][]int32{{0, 1, 2}, {3, 1}, {1, 2, 1}}
	c := newChances(rows, 6, 3)
	var targets []int32
	for _, row := range rows {
		targets = append(targets, row[1:]...)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	const trials = 5000
	met, said := make([]float64, 6), make([]float64, 6)
	for range trials {
		batch := []int32{targets[rng.IntN(5)], targets[rng.IntN(5)]}
		s := c.candidatesFor(batch, rng)
		for at, i := range s.items {
			met[i]++
			said[i] = math.Exp(-float64(s.bias[at]))
		}
	}
	for i := range met {
		if math.Abs(met[i]/trials-said[i]) > tol {
			t.Errorf("item %d: a candidate in %v of the batches, its chance is said to be %v", i, met[i]/trials, said[i])
		}
	}
}
