package train

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSLIMIsOptimal checks the conditions of Karush, Kuhn and Tucker: the
// gradient is 0 where a weight is above 0, and not below 0 elsewhere.
func TestSLIMIsOptimal(t *testing.T) {
	const n, l1, l2 = 40, 2, 5
	const tol = .01 // of a product: the descent ends early
	m := weighted(random(120, n, .2))
	w := mustTrain(t, m, Config{Algorithm: SLIM, Params: Params{"l1": l1, "l2": l2, "neighbours": 0}}).Neighbours
	x, weights := dense(m), dense(w)
	products := make([]float64, n*n)
	for u := range m.Rows {
		for i := range n {
			for j := range n {
				products[i*n+j] += float64(x[u*n+i]) * float64(x[u*n+j])
			}
		}
	}
	zeros := 0
	for j := range n {
		for i := range n {
			if i == j {
				continue
			}
			v := float64(weights[i*n+j])
			gradient := l1 + l2*v - products[i*n+j]
			for b := range n {
				gradient += products[i*n+b] * float64(weights[b*n+j])
			}
			switch {
			case v > 0 && math.Abs(gradient) > tol, v == 0 && gradient < -tol, v < 0:
				t.Errorf("what %d gives to %d: weight %v, gradient %v", i, j, v, gradient)
			case v == 0:
				zeros++
			}
		}
	}
	if zeros == 0 {
		t.Error("l1 makes no weight 0")
	}
}

func TestSLIMIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	m := weighted(random(90, 200, .1))
	want := mustTrain(t, m, Config{Algorithm: SLIM, Workers: 1, Params: Params{"support": 30}})
	for _, workers := range []int{2, 3, 8} {
		if diff := cmp.Diff(want, mustTrain(t, m, Config{Algorithm: SLIM, Workers: workers, Params: Params{"support": 30}})); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

func TestSLIMStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Train(ctx, Input{Pairs: random(90, 200, .1)}, Config{Algorithm: SLIM, Workers: 1, Progress: func(Progress) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want one that wraps %v", err, context.Canceled)
	}
}

func TestSLIMRefusesProductsThatOverflow(t *testing.T) {
	m := random(20, 10, .5)
	m.Val = make([]float32, len(m.Col))
	for e := range m.Val {
		m.Val[e] = 1e30
	}
	_, err := Train(context.Background(), Input{Pairs: m}, Config{Algorithm: SLIM})
	if err == nil || !strings.Contains(err.Error(), "smaller weights") {
		t.Errorf("got error %v, want one that asks for smaller weights", err)
	}
}
