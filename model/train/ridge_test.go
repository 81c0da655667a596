package train

import (
	"context"
	"errors"
	"math"
	"slices"
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

func mustRidge(t *testing.T, m *data.Matrix, opt ridgeOptions) *ridge {
	t.Helper()
	r, err := newRidge(context.Background(), m, opt, &meter{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRidgeSolvesItsSystems checks the normal equations in float64, straight
// from the formula.
func TestRidgeSolvesItsSystems(t *testing.T) {
	const n, l, tol = 60, 2, 1e-5 // of numbers around 1
	m := random(90, n, .15)
	opt := ridgeOptions{support: 12, workers: 2, people: .4, chosen: .3, penalty: .7, popular: -.1}
	w, err := mustRidge(t, m, opt).weights(context.Background(), l)
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
			lambda := l * trace / n * math.Pow(count[i]/mean, opt.penalty)
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

// TestRidgeRefitsWhatItKeeps: the strongest weights of each row stay, and are
// those of a regression on the items that still know the target.
func TestRidgeRefitsWhatItKeeps(t *testing.T) {
	const n, keep, tol = 30, 5, 1e-6
	m := random(90, n, .2)
	r := mustRidge(t, m, ridgeOptions{support: 20, workers: 1})
	all, err := r.weights(context.Background(), 2)
	if err != nil {
		t.Fatal(err)
	}
	some, err := r.refit(context.Background(), 2, strongest(all, keep))
	if err != nil {
		t.Fatal(err)
	}
	count, _ := columnCounts(m)
	together := make([]float64, n*n)
	for u := range m.Rows {
		col, _ := m.Row(u)
		for _, i := range col {
			for _, j := range col {
				together[int(i)*n+int(j)]++
			}
		}
	}
	lambda := 2 * float64(len(m.Col)) / n
	weights, targets := dense(some), some.Transpose()
	for i := range n {
		if diff := cmp.Diff(strongest(all, keep).Col[keep*i:keep*i+keep], some.Col[keep*i:keep*i+keep]); diff != "" {
			t.Errorf("item %d: neighbours: %s", i, diff)
		}
		sources, _ := targets.Row(i)
		for _, a := range sources {
			sum := (count[a] + lambda) * float64(weights[int(a)*n+i])
			for _, b := range sources {
				if a != b {
					sum += together[int(a)*n+int(b)] * float64(weights[int(b)*n+i])
				}
			}
			if want := together[int(a)*n+i]; math.Abs(sum-want) > tol*lambda {
				t.Errorf("item %d, equation of %d: got %v, want %v", i, a, sum, want)
			}
		}
	}
}

func TestStrongest(t *testing.T) {
	m := matrixOf(6, []int32{0, 1, 2, 4, 5}, nil, []int32{3})
	m.Val = []float32{1, -1, .5, 2, 1, 7}
	want := matrixOf(6, []int32{0, 1, 4}, nil, []int32{3})
	want.Val = []float32{1, -1, 2, 7}
	if diff := cmp.Diff(want, strongest(m, 3)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(m, strongest(m, 0)); diff != "" {
		t.Error(diff)
	}
}

// TestRidgeKeepsNoMoreThanAsked: an item may give to more targets than a target
// is regressed on.
func TestRidgeKeepsNoMoreThanAsked(t *testing.T) {
	const keep = 4
	var rows [][]int32
	for j := range int32(20) {
		rows = append(rows, []int32{0, j + 1}, []int32{0, j + 1})
	}
	w := mustTrain(t, matrixOf(21, rows...), Config{Algorithm: Ridge, Params: Params{"support": keep, "neighbours": keep}}).Neighbours
	for i := range w.Rows {
		if col, _ := w.Row(i); len(col) > keep {
			t.Errorf("item %d has %d neighbours, want at most %d", i, len(col), keep)
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
		if p.Total != 2*int64(m.Cols) || p.Done > gramBlock {
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
	same := matrixOf(3, slices.Repeat([][]int32{{0, 1, 2}}, 4)...) // products of 4, whose root is exact
	for name, test := range map[string]struct {
		m      *data.Matrix
		lambda float64
	}{"overflow": {huge, 1}, "equal items": {same, 1e-9}} {
		_, err := Train(context.Background(), Input{Pairs: test.m}, Config{Algorithm: Ridge, Params: Params{"lambda": test.lambda, "people": 0}})
		if err == nil || !strings.Contains(err.Error(), "larger lambda") {
			t.Errorf("%s: got error %v, want one that asks for a larger lambda", name, err)
		}
	}
}
