package train

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// anyPool lets models with pools be compared.
var anyPool = cmp.AllowUnexported(quant.Sparse{})

// elsaLoss is the loss of all people, less 2 for each and halved, straight from
// its definition and in float64: w is n × d, scaled to rows of length 1 here.
func elsaLoss(m *data.Matrix, w []float64, d int) (loss float64) {
	a := make([]float64, len(w))
	for i := 0; i < len(w); i += d {
		var square float64
		for _, v := range w[i : i+d] {
			square += v * v
		}
		for f, v := range w[i : i+d] {
			a[i+f] = v / math.Sqrt(square)
		}
	}
	for u := range m.Rows {
		x := make([]float64, m.Cols)
		col, val := m.Row(u)
		for k, i := range col {
			x[i] = float64(valueAt(val, k))
		}
		var xx, xy, yy float64
		for j := range x {
			y := -x[j]
			for i := range x {
				for f := range d {
					y += x[i] * a[i*d+f] * a[j*d+f]
				}
			}
			xx, xy, yy = xx+x[j]*x[j], xy+x[j]*y, yy+y*y
		}
		if xx > 0 && yy > 1e-9*xx {
			loss -= xy / math.Sqrt(xx*yy)
		}
	}
	return loss
}

// TestELSAStepsAreThoseOfItsGradient, by finite differences in float64: Adam's
// mean of the gradient is a tenth of it after the first step.
func TestELSAStepsAreThoseOfItsGradient(t *testing.T) {
	const d, h, tol = 3, 1e-5, 2e-5 // float32: the gradient is up to 3
	zeros := random(30, 12, .4)
	zeros.Val = make([]float32, len(zeros.Col))
	for e := range zeros.Val[20:] {
		zeros.Val[20+e] = float32(e % 3)
	}
	for name, m := range map[string]*data.Matrix{
		"weights of 0":    zeros,
		"ones":            random(30, 12, .4),
		"weights":         weighted(random(30, 12, .4)),
		"one item each":   matrixOf(4, []int32{0}, []int32{1}, []int32{2}, []int32{3}),
		"some have none":  matrixOf(4, []int32{0, 1}, nil, []int32{1, 2, 3}, nil),
		"more than a sum": random(300, 12, .3),
	} {
		e := newELSA(begin(t, m, Config{Algorithm: ELSA, Workers: 1, Params: Params{"dim": d, "batch": 1000}}))
		w := make([]float64, m.Cols*d)
		for k := range w {
			w[k] = float64(e.weights[k/d*e.stride+k%d])
		}
		if err := e.epoch(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		for k, v := range w {
			w[k] = v + h
			more := elsaLoss(m, w, d)
			w[k] = v - h
			less := elsaLoss(m, w, d)
			w[k] = v
			got, want := float64(e.first[k/d*e.stride+k%d])/(1-adamFirst), (more-less)/(2*h)
			if math.Abs(got-want) > tol*math.Sqrt(float64(m.Rows)) {
				t.Errorf("%s: number %d: gradient %v, want %v", name, k, got, want)
			}
		}
	}
}

// TestELSACountsItsSteps over all epochs: where each has one batch, epoch k makes
// step k.
func TestELSACountsItsSteps(t *testing.T) {
	const tol = 1e-6 // an epoch has its own order of people
	m := random(9, 5, .5)
	cfg := Config{Algorithm: ELSA, Workers: 1, Params: Params{"dim": 4, "batch": 9}}
	e, same := newELSA(begin(t, m, cfg)), newELSA(begin(t, m, cfg))
	same.normalise()
	for k := 1; k <= 4; k++ {
		if err := e.epoch(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		if err := same.step(t.Context(), []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, k); err != nil {
			t.Fatal(err)
		}
		for f, want := range same.weights {
			if got := e.weights[f]; math.Abs(float64(got-want)) > tol {
				t.Errorf("epoch %d: number %d is %v, want %v", k, f, got, want)
			}
		}
	}
}

// TestELSAOfColours: an item's own colour is all that it speaks for, and every
// row has length 1.
func TestELSAOfColours(t *testing.T) {
	const n, tol = 20, 1e-5
	model := mustTrain(t, checkerboard(n), Config{Algorithm: ELSA, Params: Params{"dim": 4, "epochs": 300}})
	row := func(i int) []float32 { return model.Factors[i*model.Dim : (i+1)*model.Dim] }
	for i := range n {
		if length := inner(row(i), row(i)); math.Abs(length-1) > tol {
			t.Errorf("item %d: length² %v, want 1", i, length)
		}
		for j := range n {
			if got := inner(row(i), row(j)); (i%2 == j%2) != (got > .5) {
				t.Errorf("items %d and %d: %v", i, j, got)
			}
		}
	}
}

// TestELSAIsTheSameForAnyNumberOfWorkers, and with more items and people than
// are summed at a time.
func TestELSAIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	m := weighted(random(400, 300, .05))
	cfg := Config{Algorithm: ELSA, Workers: 1, Seed: 3, Params: Params{"dim": 20, "epochs": 3, "batch": 150}}
	want := mustTrain(t, m, cfg)
	for _, workers := range []int{2, 3, 8} {
		cfg.Workers = workers
		if diff := cmp.Diff(want, mustTrain(t, m, cfg), anyPool); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

// TestELSAGoesOnAsIfNeverInterrupted stops in each epoch but the first.
func TestELSAGoesOnAsIfNeverInterrupted(t *testing.T) {
	m := weighted(random(50, 40, .2))
	cfg := Config{Algorithm: ELSA, Workers: 2, Seed: 5, Params: Params{"dim": 5, "epochs": 4, "batch": 20}}
	want := mustTrain(t, m, cfg)
	for stop := 1; stop <= 3; stop++ {
		ctx, cancel := context.WithCancel(context.Background())
		c := cfg
		c.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
		c.Progress = func(p Progress) {
			if p.Epoch > stop {
				cancel()
			}
		}
		if _, err := Train(ctx, Input{Pairs: m}, c); !errors.Is(err, context.Canceled) {
			t.Fatalf("after epoch %d: got error %v, want one that wraps %v", stop, err, context.Canceled)
		}
		c.Resume, c.Progress, c.Workers = true, nil, 1
		if diff := cmp.Diff(want, mustTrain(t, m, c), anyPool); diff != "" {
			t.Errorf("resumed after epoch %d: %s", stop, diff)
		}
	}
}

// TestELSAKnowsNothingOfUnmetItems, whatever the others are.
func TestELSAKnowsNothingOfUnmetItems(t *testing.T) {
	model := mustTrain(t, matrixOf(4, []int32{0, 2}, []int32{0, 2, 3}, []int32{2, 3}), Config{Algorithm: ELSA, Params: Params{"dim": 5}})
	for f, v := range model.Factors[5:10] {
		if v != 0 {
			t.Errorf("factor %d of an item that nobody has is %v", f, v)
		}
	}
}

// TestELSAOfHugeNumbers: the loss has no unit, so that weights of any size give
// the factors of others, also with the largest rate.
func TestELSAOfHugeNumbers(t *testing.T) {
	m := weighted(random(30, 20, .3))
	huge := *m
	huge.Val = nil
	for _, v := range m.Val {
		huge.Val = append(huge.Val, v*0x1p120)
	}
	cfg := Config{Algorithm: ELSA, Params: Params{"dim": 4, "rate": 10}}
	if diff := cmp.Diff(mustTrain(t, m, cfg), mustTrain(t, &huge, cfg), anyPool); diff != "" {
		t.Errorf("weights times 2^120: %s", diff)
	}
}

// TestELSARefusesNumbersThatAreNone: a rate beyond its bounds, and what a step
// makes of a row that a rate has brought to 0.
func TestELSARefusesNumbersThatAreNone(t *testing.T) {
	m := random(30, 20, .3)
	_, err := Train(t.Context(), Input{Pairs: m}, Config{Algorithm: ELSA, Params: Params{"rate": 1e30}})
	if err == nil || !strings.Contains(err.Error(), "rate 1e+30") {
		t.Errorf("got error %v, want one that refuses the rate", err)
	}
	e := newELSA(begin(t, m, Config{Algorithm: ELSA, Workers: 1, Params: Params{"dim": 4}}))
	clear(e.weights[:e.stride])
	if err := e.epoch(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "item 0: weight NaN: use a smaller rate") {
		t.Errorf("got error %v, want one that asks for a smaller rate", err)
	}
}

// TestELSAIsAPoolOfFactors alone.
func TestELSAIsAPoolOfFactors(t *testing.T) {
	model := mustTrain(t, random(30, 20, .3), Config{Algorithm: ELSA, Params: Params{"dim": 4}})
	p := model.Pool
	if model.Scorer() != bundle.ScorerPool || p.Sparse.C != 0 || p.Net != nil || p.Weight(0, p.Dense(), 0) != 1 {
		t.Errorf("got a %v, %+v", model.Scorer(), p)
	}
}
