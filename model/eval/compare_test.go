package eval

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestComparePairs(t *testing.T) {
	// Differences 1, 0, 2, 1: t is 1 / sqrt(2/3/4), and with 3 degrees of freedom
	// Student's distribution has a closed form.
	got := Compare([]float64{1, 2, 4, 3}, []float64{0, 2, 2, 2})
	x := 1 / math.Sqrt(2./3/4) / math.Sqrt(3)
	want := 1 - 2/math.Pi*(math.Atan(x)+x/(1+x*x))
	if got.Difference.Mean != 1 || math.Abs(got.P-want) > 1e-9 {
		t.Errorf("got %+v, want difference 1 and p %v", got, want)
	}
	for _, test := range []struct {
		name string
		a, b []float64
		p    float64
	}{
		{"equal", []float64{1, 2, 3}, []float64{1, 2, 3}, 1},
		{"one case", []float64{1}, []float64{0}, 1},
		{"the same difference everywhere", []float64{2, 3, 4}, []float64{1, 2, 3}, 0},
	} {
		if got := Compare(test.a, test.b); got.P != test.p {
			t.Errorf("%s: got p %v, want %v", test.name, got.P, test.p)
		}
	}
}

// TestCompareFindsAsOftenAsItSays: of comparisons between rankers that do not
// differ, about one in twenty has p below .05.
func TestCompareFindsAsOftenAsItSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	found := 0
	const trials = 2000
	for range trials {
		a, b := make([]float64, 50), make([]float64, 50)
		for c := range a {
			a[c], b[c] = r.Float64(), r.Float64()
		}
		if Compare(a, b).P < .05 {
			found++
		}
	}
	if share := float64(found) / trials; share < .035 || share > .065 { // 3 standard errors
		t.Errorf("%.3f of comparisons of equals have p < .05", share)
	}
}

func TestHolm(t *testing.T) {
	// The smallest times 4, the next times 3, and none below the one before.
	got := Holm([]float64{.01, .04, .03, .005})
	for i, want := range []float64{.03, .06, .06, .02} {
		if math.Abs(got[i]-want) > tol {
			t.Errorf("test %d: got %v, want %v", i, got[i], want)
		}
	}
	if got := Holm([]float64{.5, .9}); got[0] != 1 || got[1] != 1 {
		t.Errorf("got %v, want 1 and 1", got)
	}
}
