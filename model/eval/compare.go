package eval

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Comparison says how two rankers differ that answered the same cases.
type Comparison struct {
	Difference Estimate `json:"difference"` // mean of a - b over the cases
	P          float64  `json:"p"`          // see Compare
}

// Compare tests whether a and b, which have one value for each of the same
// cases, differ by more than chance: P is the two-sided p-value of Student's
// paired t-test. Smucker, Allan and Carterette, A Comparison of Statistical
// Significance Tests for Information Retrieval Evaluation (CIKM 2007), find it
// to agree with the randomisation test and the bootstrap; it needs no seed. It
// takes the cases for independent, and says nothing about another seed of a
// model. P is 1 where nothing differs, and for a single case.
//
// Who makes several comparisons at once passes their P through Holm.
func Compare(a, b []float64) Comparison {
	differences := make([]float64, len(a))
	for c := range a {
		differences[c] = a[c] - b[c]
	}
	d := EstimateOf(differences)
	p := 1.0
	switch n := float64(len(differences)); {
	case d.Mean == 0 || n < 2:
	case d.CI == 0: // the same difference everywhere
		p = 0
	default:
		t := d.Mean / (d.CI / normal975)
		p = 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.CDF(-math.Abs(t))
	}
	return Comparison{Difference: d, P: p}
}

// Holm adjusts the p-values of several tests so that the chance of a single
// false finding among all of them stays below the level at which they are read
// (Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979).
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted := make([]float64, len(p))
	largest := 0.0
	for rank, i := range order {
		largest = max(largest, min(1, float64(len(p)-rank)*p[i]))
		adjusted[i] = largest
	}
	return adjusted
}
