package train

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/data"
)

// shelves is a world of two shelves: even users have even items, odd ones odd
// items, and titles say which. The last two items are new.
func shelves(n int) Input {
	in := input(checkerboard(n))
	in.Pairs.Cols += 2
	in.Items = append(in.Items, data.Item{ID: "new even"}, data.Item{ID: "new odd"})
	in.Vectors = nil
	for i := range in.Items {
		in.Items[i].Title, in.Items[i].Tags = []string{"even words", "odd letters"}[i%2], nil
	}
	return in
}

// TestNewItemsStandWithTheirKind: the factors of a new item agree with those of
// items that are like it, also where nobody has met anything.
func TestNewItemsStandWithTheirKind(t *testing.T) {
	const n = 20
	in := shelves(n)
	alone := in
	alone.Pairs = nil
	for name, in := range map[string]Input{"with people": in, "alone": alone} {
		m, err := Train(t.Context(), in, Config{Algorithm: Content, Params: Params{"dim": 4, "epochs": 5}})
		if err != nil {
			t.Fatal(err)
		}
		if (m.Moment != nil) != (in.Pairs != nil) {
			t.Errorf("%s: a moment of %d numbers", name, len(m.Moment))
		}
		for i := range n {
			like, other := product(m, i, n+i%2), product(m, i, n+1-i%2)
			if !(like > .03) || !(like > 4*math.Abs(other)) {
				t.Errorf("%s: item %d: %v with the new one of its kind, %v with the other", name, i, like, other)
			}
		}
	}
}

func product(m *Model, a, b int) (sum float64) {
	for f := range m.Dim {
		sum += float64(m.Factors[a*m.Dim+f]) * float64(m.Factors[b*m.Dim+f])
	}
	return sum
}

// TestItemsThatPeopleMetKeepTheirFactors: content does not touch them, unless
// it is asked to, and boost scales the others.
func TestItemsThatPeopleMetKeepTheirFactors(t *testing.T) {
	const n, d = 20, 4
	in := shelves(n)
	learn := func(a Algorithm, more Params) *Model {
		p := Params{"dim": d, "epochs": 3}
		for name, v := range more {
			p[name] = v
		}
		m, err := Train(t.Context(), in, Config{Algorithm: a, Params: p})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	ials, content := learn(IALS, nil), learn(Content, nil)
	if diff := cmp.Diff(ials.Factors[:n*d], content.Factors[:n*d]); diff != "" {
		t.Errorf("factors of what people met (-ials +content):\n%s", diff)
	}
	boosted := learn(Content, Params{"boost": 2})
	for k := n * d; k < (n+2)*d; k++ {
		if got, want := boosted.Factors[k], 2*content.Factors[k]; got != want {
			t.Errorf("boost 2, number %d: got %v, want %v", k, got, want)
		}
	}
	shrunk := learn(Content, Params{"shrink": 1e9})
	if near(shrunk.Factors[0], content.Factors[0]) {
		t.Errorf("shrink: factor %v as without", shrunk.Factors[0])
	}
}

// TestMappingIsTheRidgeRegression compares with gonum's solution.
func TestMappingIsTheRidgeRegression(t *testing.T) {
	const n, d, lambda, tol = 30, 3, .7, 2e-4
	in := input(random(40, n, .2))
	f := mustFeatures(t, in.Items, in.Vectors, .5)
	y := make([]float32, n*d)
	for k := range y {
		y[k] = float32(math.Sin(float64(k)))
	}
	known := make([]bool, n)
	for i := range known {
		known[i] = i%5 != 0
	}
	F, Y := mat.NewDense(n, f.Cols, nil), mat.NewDense(n, d, nil)
	K := mat.NewDense(n, f.Cols, nil) // without the rows that are not known
	for i := range n {
		col, val := f.Row(i)
		for e, c := range col {
			F.Set(i, int(c), float64(val[e]))
			if known[i] {
				K.Set(i, int(c), float64(val[e]))
			}
		}
		for c := range d {
			Y.Set(i, c, float64(y[i*d+c]))
		}
	}
	var A, b, W, want mat.Dense
	A.Mul(K.T(), K)
	for c := range f.Cols {
		A.Set(c, c, A.At(c, c)+lambda)
	}
	b.Mul(K.T(), Y)
	if err := W.Solve(&A, &b); err != nil {
		t.Fatal(err)
	}
	want.Mul(F, &W)
	for _, workers := range []int{1, 3} {
		r := mapping{features: f, met: known, dim: d, ridge: lambda, workers: workers}
		got, err := r.predict(t.Context(), y)
		if err != nil {
			t.Fatal(err)
		}
		for k, g := range got {
			if w := want.At(k/d, k%d); math.Abs(float64(g)-w) > tol {
				t.Fatalf("%d workers: item %d, number %d: got %v, want %v", workers, k/d, k%d, g, w)
			}
		}
	}
}

func TestContentWithoutContentIsRefused(t *testing.T) {
	in := shelves(10)
	for i := range in.Items {
		in.Items[i].Title = ""
	}
	for _, pairs := range []*data.Matrix{in.Pairs, nil} {
		in.Pairs = pairs
		if _, err := Train(context.Background(), in, Config{Algorithm: Content}); err == nil || !strings.Contains(err.Error(), "nothing is known") {
			t.Errorf("got %v", err)
		}
	}
}

func TestContentIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	in := input(random(300, 90, .1))
	for _, alone := range []float64{0, 1} {
		p := Params{"dim": 9, "epochs": 2, "alone": alone}
		want, err := Train(t.Context(), in, Config{Algorithm: Content, Workers: 1, Params: p})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Train(t.Context(), in, Config{Algorithm: Content, Workers: 3, Params: p})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("alone %v (-1 worker +3):\n%s", alone, diff)
		}
	}
}
