package train

import (
	"context"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"
)

// TestSingularVectors compares with a dense decomposition: the values, and the
// projector on the leading vectors, which unlike the vectors is unique.
func TestSingularVectors(t *testing.T) {
	const d, tol = 5, 1e-5 // float32; the values fall like those of real data
	m := scaled(random(120, 60, .2), -.4, -.3)
	for e, i := range m.Col {
		m.Val[e] /= 1 + float32(i)/4
	}
	vectors, values, err := singular(context.Background(), m, d, powers{seed: 1, workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	x := mat.NewDense(m.Rows, m.Cols, nil)
	for at, v := range dense(m) {
		x.Set(at/m.Cols, at%m.Cols, float64(v))
	}
	var svd mat.SVD
	if !svd.Factorize(x, mat.SVDThin) {
		t.Fatal("no decomposition")
	}
	want := svd.Values(nil)
	var v mat.Dense
	svd.VTo(&v)
	for c := range d {
		if math.Abs(values[c]-want[c]) > tol {
			t.Errorf("value %d: got %v, want %v", c, values[c], want[c])
		}
	}
	for i := range m.Cols {
		for j := range m.Cols {
			var got, sum float64
			for c := range d {
				got += float64(vectors[i*d+c]) * float64(vectors[j*d+c])
				sum += v.At(i, c) * v.At(j, c)
			}
			if math.Abs(got-sum) > tol {
				t.Fatalf("projector at %d, %d: got %v, want %v", i, j, got, sum)
			}
		}
	}
}

// TestSingularVectorsBeyondTheRank: two kinds of people give two vectors, and
// nothing where a third is asked for.
func TestSingularVectorsBeyondTheRank(t *testing.T) {
	m := matrixOf(4, []int32{0, 1}, []int32{0, 1}, []int32{0, 1}, []int32{2, 3})
	vectors, values, err := singular(context.Background(), m, 3, powers{seed: 1, workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	const tol = 1e-5
	for c, want := range []float64{math.Sqrt(6), math.Sqrt(2), 0} {
		if math.Abs(values[c]-want) > tol {
			t.Errorf("value %d: got %v, want %v", c, values[c], want)
		}
	}
	for i := range 4 {
		for c := range 3 {
			want := 0.
			if c == i/2 {
				want = math.Sqrt(.5)
			}
			if got := math.Abs(float64(vectors[i*3+c])); math.Abs(got-want) > tol {
				t.Errorf("item %d, vector %d: got %v, want %v", i, c, got, want)
			}
		}
	}
}

// TestSpectralIsTheFilter compares the factors and gains with the formula.
func TestSpectralIsTheFilter(t *testing.T) {
	const k, tol = 4, 1e-4
	m := random(100, 30, .2)
	opt := spectralOptions{dim: k, people: .5, items: .4, given: .6, popular: -.2, powers: powers{seed: 1, workers: 1}}
	factors, gain, err := spectral(context.Background(), m, opt)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := singular(context.Background(), scaled(m, -.5, -.4), k, powers{seed: 1, workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	count, mean := columnCounts(m)
	for i := range m.Cols {
		for j := range m.Cols {
			var got, want float64
			for c := range k {
				got += float64(factors[i*k+c]) * float64(factors[j*k+c])
				want += float64(v[i*k+c]) * float64(v[j*k+c])
			}
			got *= float64(gain[i])
			want *= math.Pow(count[i]/mean, -.6) * math.Pow(count[j]/mean, .2)
			if math.Abs(got-want) > tol {
				t.Fatalf("what item %d gives to %d: got %v, want %v", i, j, got, want)
			}
		}
	}
}

func TestSpectralIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	m := random(700, 300, .05)
	opt := spectralOptions{dim: 20, people: .5, items: .5, powers: powers{seed: 3, workers: 1}}
	want, _, err := spectral(context.Background(), m, opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, opt.workers = range []int{2, 5} {
		got, _, err := spectral(context.Background(), m, opt)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers: %s", opt.workers, diff)
		}
	}
}
