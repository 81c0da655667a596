package train

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/data"
)

// TestRidgeOnEverythingIsEASE: with all others as its support and one lambda for
// all, an item's weights are those of the dense inverse.
func TestRidgeOnEverythingIsEASE(t *testing.T) {
	const lambda, tol = 3, 2e-6 // weights are up to .3
	m := weighted(random(80, 40, .3))
	var diagonal float64
	for _, v := range m.Val {
		diagonal += float64(v) * float64(v)
	}
	ease := dense(mustTrain(t, m, Config{Algorithm: EASE, Params: Params{"lambda": lambda, "neighbours": 0}}).Neighbours)
	got := dense(mustTrain(t, m, Config{Algorithm: Ridge, Params: Params{
		"support": 40, "lambda": lambda / (diagonal / 40), "people": 0, "penalty": 0, "neighbours": 0}}).Neighbours)
	for at, want := range ease {
		if math.Abs(float64(got[at]-want)) > tol {
			t.Errorf("weight of %d for %d: got %v, want %v", at/40, at%40, got[at], want)
		}
	}
}

// TestRidgeSolvesItsSystems checks the normal equations in float64, straight
// from the formula.
func TestRidgeSolvesItsSystems(t *testing.T) {
	const n, tol = 60, 1e-5 // of numbers around 1
	m := random(90, n, .15)
	opt := ridgeOptions{support: 12, workers: 2, lambda: 2, people: .4, chosen: .3, penalty: .7, popular: -.1}
	w, err := ridge(context.Background(), m, opt, &meter{})
	if err != nil {
		t.Fatal(err)
	}
	count, mean := columnCounts(m)
	g := make([]float64, n*n)
	var trace float64
	for u := range m.Rows {
		col, _ := m.Row(u)
		for _, i := range col {
			trace += math.Pow(float64(len(col)), -opt.people)
			for _, j := range col {
				g[int(i)*n+int(j)] += math.Pow(float64(len(col)), -opt.people)
			}
		}
	}
	weights, targets := dense(w), w.Transpose()
	for j := range n {
		support, _ := targets.Row(j)
		if len(support) != opt.support {
			t.Fatalf("item %d has %d in its support, want %d", j, len(support), opt.support)
		}
		for _, i := range support {
			lambda := opt.lambda * trace / n * math.Pow(count[i]/mean, opt.penalty)
			sum := lambda * float64(weights[int(i)*n+j])
			for _, k := range support {
				sum += g[int(i)*n+int(k)] * float64(weights[int(k)*n+j])
			}
			want := g[int(i)*n+j] * math.Pow(count[j], -opt.popular)
			if math.Abs(sum-want) > tol {
				t.Errorf("item %d, equation of %d: got %v, want %v", j, i, sum, want)
			}
		}
	}
}

func TestRidgeKeepsTheStrongest(t *testing.T) {
	m := random(90, 30, .2)
	all := mustTrain(t, m, Config{Algorithm: Ridge, Params: Params{"support": 20, "neighbours": 0}}).Neighbours
	some := mustTrain(t, m, Config{Algorithm: Ridge, Params: Params{"support": 20, "neighbours": 5}}).Neighbours
	for i := range m.Cols {
		weights := make(map[int32]float32)
		col, val := all.Row(i)
		for e, j := range col {
			weights[j] = val[e]
		}
		least := math.Inf(1)
		col, val = some.Row(i)
		if len(col) != 5 {
			t.Fatalf("item %d has %d neighbours, want 5", i, len(col))
		}
		for e, j := range col {
			if weights[j] != val[e] {
				t.Errorf("item %d, neighbour %d: got %v, want %v", i, j, val[e], weights[j])
			}
			least = min(least, math.Abs(float64(val[e])))
			delete(weights, j)
		}
		for j, v := range weights {
			if math.Abs(float64(v)) > least {
				t.Errorf("item %d: %v of neighbour %d is dropped, %v kept", i, v, j, least)
			}
		}
	}
}

// TestRidgeOfOddItems: an item of nobody, one of everybody, two of the same
// people.
func TestRidgeOfOddItems(t *testing.T) {
	m := matrixOf(5, []int32{0, 1, 2}, []int32{0}, []int32{0, 1, 2}, []int32{0, 4})
	w := mustTrain(t, m, Config{Algorithm: Ridge}).Neighbours
	for i, want := range []int{3, 2, 2, 0, 1} {
		if col, _ := w.Row(i); len(col) != want {
			t.Errorf("item %d: got the neighbours %v, want %d of them", i, col, want)
		}
	}
}

func TestRidgeIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	m := weighted(random(90, 200, .1))
	want := mustTrain(t, m, Config{Algorithm: Ridge, Workers: 1, Params: Params{"support": 30}})
	for _, workers := range []int{2, 3, 8} {
		if diff := cmp.Diff(want, mustTrain(t, m, Config{Algorithm: Ridge, Workers: workers, Params: Params{"support": 30}})); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

func TestRidgeStops(t *testing.T) {
	m := random(90, 200, .1)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Train(ctx, Input{Pairs: m}, Config{Algorithm: Ridge, Workers: 1, Progress: func(p Progress) {
		if p.Total != int64(m.Cols) || p.Done > gramBlock {
			t.Errorf("got %+v, want steps of %d among %d", p, gramBlock, m.Cols)
		}
		cancel()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want one that wraps %v", err, context.Canceled)
	}
}

// TestRidgeRefusesWhatFloat32CannotSolve: products that overflow, and items
// that are the same when hardly anything is added to the diagonal.
func TestRidgeRefusesWhatFloat32CannotSolve(t *testing.T) {
	huge := random(20, 10, .5)
	huge.Val = make([]float32, len(huge.Col))
	for e := range huge.Val {
		huge.Val[e] = 1e30
	}
	same := matrixOf(3, []int32{0, 1, 2}, []int32{0, 1, 2})
	for name, test := range map[string]struct {
		m      *data.Matrix
		lambda float64
	}{"overflow": {huge, 1}, "equal items": {same, 1e-9}} {
		_, err := Train(context.Background(), Input{Pairs: test.m}, Config{Algorithm: Ridge, Params: Params{"lambda": test.lambda}})
		if err == nil || !strings.Contains(err.Error(), "larger lambda") {
			t.Errorf("%s: got error %v, want one that asks for a larger lambda", name, err)
		}
	}
}
