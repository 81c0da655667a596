package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/data"
)

// TestAlign brings a model back that has been turned: its factors, and the
// moment of its people, whose numbers for items stay what they were.
func TestAlign(t *testing.T) {
	const n, d, tol = 70, 9, 1e-4
	rng := rand.New(rand.NewPCG(1, 2))
	normal := func(n int) []float32 {
		v := make([]float32, n)
		for k := range v {
			v[k] = float32(rng.NormFloat64())
		}
		return v
	}
	var qr mat.QR
	qr.Factorize(doubles(normal(d*d), d))
	var Q mat.Dense
	qr.QTo(&Q)

	from := &Model{Algorithm: IALS, Dim: d, Items: make([]data.Item, n), Factors: normal(n * d)}
	people := normal(40 * d)
	moment := mat.NewDense(d, d, nil)
	for p := range 40 {
		x := doubles(slices.Repeat(people[p*d:p*d+d], d), d).RowView(0)
		var outer mat.Dense
		outer.Mul(x, x.T())
		moment.Add(moment, &outer)
	}
	var turned, turnedMoment mat.Dense
	turned.Mul(mat.NewDense(n, d, float64s(from.Factors)), &Q)
	turnedMoment.Mul(Q.T(), moment)
	turnedMoment.Mul(&turnedMoment, &Q)
	m := &Model{Algorithm: IALS, Dim: d, Factors: append(float32s(&turned), normal(3*d)...), Moment: float32s(&turnedMoment)}

	other := *m // of more workers
	other.Factors, other.Moment = slices.Clone(m.Factors), slices.Clone(m.Moment)
	for workers, m := range map[int]*Model{1: m, 3: &other} {
		tr := &training{cfg: Config{Workers: workers}, model: m}
		if err := tr.align(context.Background(), from); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(m.Factors, other.Factors) || !slices.Equal(m.Moment, other.Moment) {
		t.Error("three workers turn by something else")
	}
	for k, want := range from.Factors {
		if got := m.Factors[k]; math.Abs(float64(got-want)) > tol {
			t.Fatalf("factor %d: got %v, want %v", k, got, want)
		}
	}
	for k, got := range m.Moment {
		if want := moment.At(k/d, k%d); math.Abs(float64(got)-want) > tol*40 {
			t.Fatalf("moment %d: got %v, want %v", k, got, want)
		}
	}

	// What stands in these axes stays to the bit.
	before := slices.Clone(from.Factors)
	if err := (&training{cfg: Config{Workers: 2}, model: from}).align(context.Background(), from); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(from.Factors, before) {
		t.Error("what stood in its axes has been turned")
	}
}

// TestAlignLeavesOtherAxes: those that came from outside, an encoder's, and those
// of a model of another size.
func TestAlignLeavesOtherAxes(t *testing.T) {
	factors := []float32{1, 2, 3, 4}
	from := &Model{Algorithm: IALS, Dim: 2, Items: make([]data.Item, 2), Factors: []float32{2, -1, 4, -3}}
	for name, m := range map[string]*Model{
		"imported": {Algorithm: Imported, Dim: 2}, "sequence": {Algorithm: Sequence, Dim: 2, Encoder: []byte{1}}, "another size": {Algorithm: IALS, Dim: 4},
	} {
		m.Factors = slices.Clone(factors)
		if err := (&training{cfg: Config{Workers: 1}, model: m}).align(context.Background(), from); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.Factors, factors) {
			t.Errorf("%s: turned to %v", name, m.Factors)
		}
	}
}

func float64s(v []float32) []float64 {
	out := make([]float64, len(v))
	for k, x := range v {
		out[k] = float64(x)
	}
	return out
}

func float32s(m *mat.Dense) (v []float32) {
	for _, x := range m.RawMatrix().Data {
		v = append(v, float32(x))
	}
	return v
}
