package train

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestProjectionKeepsThePeople: where all people lie in a space of as many
// factors as are shipped, no score changes, however the items lie.
func TestProjectionKeepsThePeople(t *testing.T) {
	const n, d, ship, tol = 60, 16, 5, 1e-4 // of scores of about 1, in axes known to 1e-5
	rng := rand.New(rand.NewPCG(1, 2))
	people := randomFloats(rng, ship*d)
	s := newIALS(begin(t, random(30, n, .2), Config{Algorithm: IALS, Params: Params{"dim": d, "ship": ship}}))
	copy(s.items.factors, randomFloats(rng, n*d))
	items := append([]float32(nil), s.items.factors...)

	moment := make([]float32, d*d)
	plainOuters(moment, people, d)
	gram, err := s.gram(context.Background(), items, 1)
	if err != nil {
		t.Fatal(err)
	}
	basis, err := s.basis(context.Background(), gram, moment)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.project(context.Background(), moment); err != nil {
		t.Fatal(err)
	}
	if s.dim != ship {
		t.Fatalf("got %d factors, want %d", s.dim, ship)
	}
	for p := range ship {
		x := people[p*d : p*d+d]
		z := make([]float32, s.stride)
		for k := range ship {
			z[k] = dot(x, basis[k*d:k*d+d])
		}
		for i := range n {
			got, want := dot(z, s.items.factors[i*s.stride:(i+1)*s.stride]), dot(x, items[i*d:i*d+d])
			if math.Abs(float64(got-want)) > tol {
				t.Errorf("person %d, item %d: score %v, before it %v", p, i, got, want)
			}
		}
	}
}

// plainOuters adds y·yᵀ for each row of y to the d×d matrix a.
func plainOuters(a, y []float32, d int) {
	for r := range len(y) / d {
		for i := range d {
			for j := range d {
				a[i*d+j] += y[r*d+i] * y[r*d+j]
			}
		}
	}
}

// TestShippedFactorsAreAModelOfTheirOwn: the projected model has everything of
// its size, the same for any number of workers, and not of more factors than
// were learnt.
func TestShippedFactorsAreAModelOfTheirOwn(t *testing.T) {
	m := clusters(200, 60, 4)
	params := Params{"dim": 20, "ship": 6, "epochs": 4}
	want := mustTrain(t, m, Config{Algorithm: IALS, Params: params, Workers: 1})
	if want.Dim != 6 || len(want.Factors) != 60*6 || len(want.Moment) != 6*6 {
		t.Fatalf("got dim %d, %d factors, a moment of %d numbers, want 6, 360 and 36", want.Dim, len(want.Factors), len(want.Moment))
	}
	got := mustTrain(t, m, Config{Algorithm: IALS, Params: params, Workers: 3})
	sameBits(t, "factors with 3 workers", got.Factors, want.Factors)
	sameBits(t, "moment with 3 workers", got.Moment, want.Moment)

	params["ship"] = 21
	_, err := Train(t.Context(), input(m), Config{Algorithm: IALS, Params: params})
	if err == nil || !strings.Contains(err.Error(), "ship 21: want at most dim, 20") {
		t.Errorf("ship above dim: got error %v", err)
	}
}
