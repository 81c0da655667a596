package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/quant"
)

// gramOf returns YᵀY of n random rows of which the first rank numbers are not
// 0, the lower triangle. All rows have something in common, as popular items
// have.
func gramOf(n, rank, stride int) []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	y := make([]float32, n*stride)
	for r := range n {
		for f := range rank {
			y[r*stride+f] = float32(1 + rng.NormFloat64()/math.Sqrt(float64(f+1)))
		}
	}
	a := make([]float32, stride*stride)
	quant.AddOuters(a, y, slices.Repeat([]float32{1}, n), stride)
	return a
}

// TestPrincipalAxes: QᵀQ = I and QᵀaQ is diagonal.
func TestPrincipalAxes(t *testing.T) {
	one := make([]float32, 32*32)
	for k := range 32 {
		one[k*32+k] = 3
	}
	for _, test := range []struct {
		name   string
		a      []float32
		stride int
	}{
		{"nothing", make([]float32, 16*16), 16},
		{"equal spreads", one, 32},
		{"a single row", gramOf(1, 16, 16), 16},
		{"fewer rows than axes", gramOf(20, 48, 48), 48},
		{"padding", gramOf(400, 37, 48), 48},
		{"two blocks", gramOf(300, 16, 16), 16},
		{"as many workers as there are", gramOf(900, 272, 272), 272},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := test.stride
			x, err := principalAxes(context.Background(), 2, test.a, d)
			if err != nil {
				t.Fatal(err)
			}
			a := make([]float64, d*d)
			var trace float64
			for i := range d {
				for j := range i + 1 {
					a[i*d+j], a[j*d+i] = float64(test.a[i*d+j]), float64(test.a[i*d+j])
				}
				trace += a[i*d+i]
			}
			for i := range d {
				image := make([]float64, d)
				for j := range d {
					for k := range d {
						image[k] += float64(x.turned[i*d+j]) * a[j*d+k]
					}
				}
				for j := range i + 1 {
					var product, between float64
					for k := range d {
						product += float64(x.turned[i*d+k]) * float64(x.turned[j*d+k])
						between += image[k] * float64(x.turned[j*d+k])
					}
					var want, spread float64
					if i == j {
						want, spread = 1, float64(x.spread[i])
					}
					// A cosine of 1e-5 counts as none, a row is turned some
					// thousand times by angles that float32 rounds at 6e-8, and
					// a spread below the shift may be rounding.
					scale := math.Sqrt(float64(x.spread[i])*float64(x.spread[j])) + axesShift*trace
					if math.Abs(product-want) > 1e-5 || math.Abs(between-spread) > 1e-4*scale+1e-6*trace {
						t.Fatalf("axes %d and %d: product %v, want %v; spread between them %v, want %v", i, j, product, want, between, spread)
					}
				}
			}
		})
	}
}

func TestPrincipalAxesAreTheSameForAnyNumberOfWorkers(t *testing.T) {
	a := gramOf(500, 256, 256)
	want, err := principalAxes(context.Background(), 1, a, 256)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{2, 3, 8} {
		got, err := principalAxes(context.Background(), workers, a, 256)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.turned, got.turned); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

// BenchmarkPrincipalAxes: from chance, and once more from what that gave, as
// after an epoch.
func BenchmarkPrincipalAxes(b *testing.B) {
	for _, d := range []int{64, 256, 1024} {
		a := gramOf(3000, d, d)
		b.Run(fmt.Sprintf("d=%d", d), func(b *testing.B) {
			for b.Loop() {
				if _, err := principalAxes(context.Background(), 1, a, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
