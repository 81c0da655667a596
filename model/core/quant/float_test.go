package quant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// floatSizes has the edges of every vector width, tile and panel.
var floatSizes = []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 19, 20, 31, 32, 33, 63, 64, 65, 127, 128, 129}

func randomFloats(rng *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = 2*rng.Float32() - 1
	}
	return s
}

// sameBits fails the test when got and want differ in one bit.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d: got %v (%#x), want %v (%#x)", what, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// plainOuters and plainCholesky are the definitions: one element after the
// other.

func plainOuters(a, y, w []float32, d int) {
	for i := range d {
		for j := range i + 1 {
			for r, wr := range w {
				a[i*d+j] += float32(float32(wr*y[r*d+i]) * y[r*d+j])
			}
		}
	}
}

func plainCholesky(a []float32, d int) {
	for j := range d {
		for k := range j {
			a[j*d+j] -= float32(a[j*d+k] * a[j*d+k])
		}
		a[j*d+j] = float32(math.Sqrt(float64(a[j*d+j])))
		inverse := 1 / a[j*d+j]
		for i := j + 1; i < d; i++ {
			for k := range j {
				a[i*d+j] -= float32(a[i*d+k] * a[j*d+k])
			}
			a[i*d+j] *= inverse
			a[j*d+i] = a[i*d+j]
		}
	}
}

// ridge returns XᵀX + I for random X with 2d rows, the lower triangle only;
// what stands above is noise that nobody may read.
func ridge(rng *rand.Rand, d int) []float32 {
	a := randomFloats(rng, d*d)
	for i := range d {
		for j := range i + 1 {
			a[i*d+j] = 0
		}
		a[i*d+i] = 1
	}
	w := make([]float32, 2*d)
	for r := range w {
		w[r] = 1
	}
	plainOuters(a, randomFloats(rng, 2*d*d), w, d)
	return a
}

func TestAxpyGivesTheBitsOfItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range floatSizes {
		dst, x, a := randomFloats(rng, n), randomFloats(rng, n+3), 2*rng.Float32()-1
		want := make([]float32, n)
		for i := range want {
			want[i] = dst[i] + float32(a*x[i])
		}
		scalar := append([]float32(nil), dst...)
		axpyScalar(scalar, x[:n], a)
		Axpy(dst, x, a)
		sameBits(t, fmt.Sprintf("Axpy n=%d", n), dst, want)
		sameBits(t, fmt.Sprintf("axpyScalar n=%d", n), scalar, want)
	}
}

func TestAddOuterGivesTheBitsOfItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for _, d := range floatSizes {
		for _, m := range []int{0, 1, 2, 3, 17} {
			a, y, w := randomFloats(rng, d*d), randomFloats(rng, m*d), randomFloats(rng, m)
			want := append([]float32(nil), a...)
			plainOuters(want, y, w, d)
			single := append([]float32(nil), a...)
			for r := range w {
				AddOuter(single, y[r*d:r*d+d], w[r])
			}
			AddOuters(a, y, w, d)
			sameBits(t, fmt.Sprintf("AddOuter d=%d m=%d", d, m), single, want)
			sameBits(t, fmt.Sprintf("AddOuters d=%d m=%d", d, m), a, want)
		}
	}
}

func TestCholeskyGivesTheBitsOfItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for _, d := range floatSizes {
		a := ridge(rng, d)
		want := append([]float32(nil), a...)
		plainCholesky(want, d)
		if !Cholesky(a, d) {
			t.Fatalf("Cholesky d=%d: got false for a positive definite matrix", d)
		}
		sameBits(t, fmt.Sprintf("Cholesky d=%d", d), a, want)

		b := randomFloats(rng, d)
		x := append([]float32(nil), b...)
		for k := range d {
			x[k] /= want[k*d+k]
			for i := k + 1; i < d; i++ {
				x[i] -= float32(x[k] * want[i*d+k])
			}
		}
		for k := d - 1; k >= 0; k-- {
			x[k] /= want[k*d+k]
			for i := range k {
				x[i] -= float32(x[k] * want[k*d+i])
			}
		}
		CholeskySolve(a, d, b)
		sameBits(t, fmt.Sprintf("CholeskySolve d=%d", d), b, x)
	}
}

func TestCholeskyAgreesWithGonum(t *testing.T) {
	// The condition number of a ridge matrix with 2d random rows is below 40
	// at these sizes, and float32 rounds at 6e-8.
	const tol = 2e-5
	rng := rand.New(rand.NewPCG(4, 1))
	for _, d := range floatSizes[1:] {
		a, b := ridge(rng, d), randomFloats(rng, d)
		sym, rhs := mat.NewSymDense(d, nil), mat.NewVecDense(d, nil)
		for i := range d {
			for j := range i + 1 {
				sym.SetSym(i, j, float64(a[i*d+j]))
			}
			rhs.SetVec(i, float64(b[i]))
		}
		var chol mat.Cholesky
		if !chol.Factorize(sym) {
			t.Fatalf("gonum d=%d: not positive definite", d)
		}
		var want mat.VecDense
		if err := chol.SolveVecTo(&want, rhs); err != nil {
			t.Fatal(err)
		}
		if !Cholesky(a, d) {
			t.Fatalf("Cholesky d=%d: got false", d)
		}
		CholeskySolve(a, d, b)
		norm := mat.Norm(&want, 2)
		for i := range d {
			if diff := math.Abs(float64(b[i]) - want.AtVec(i)); diff > tol*norm {
				t.Fatalf("d=%d: x[%d]: got %v, want %v", d, i, b[i], want.AtVec(i))
			}
		}
	}
}

func TestCholeskyRefusesWhatIsNotPositiveDefinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, test := range []struct {
		name string
		d    int
		a    []float32
	}{
		{"zero", 1, []float32{0}},
		{"negative", 1, []float32{-1}},
		{"NaN", 1, []float32{nan}},
		{"infinity", 1, []float32{inf}},
		{"indefinite", 2, []float32{1, 0, 2, 1}},
		{"singular", 2, []float32{1, 0, 1, 1}},
		{"NaN below the diagonal", 2, []float32{1, 0, nan, 1}},
	} {
		if Cholesky(test.a, test.d) {
			t.Errorf("%s: got true, want false", test.name)
		}
	}
}

func TestAddOutersPanicsOnShortSlices(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("got no panic, want one")
		}
	}()
	AddOuters(make([]float32, 16), make([]float32, 7), make([]float32, 2), 4)
}

// TestFloatKernelsGiveTheSameBitsEverywhere pins a fold-in's bits: the numbers
// were printed by the scalar code on amd64 and must not depend on where or how
// the test is built.
func TestFloatKernelsGiveTheSameBitsEverywhere(t *testing.T) {
	const d, m = 67, 90
	rng := rand.New(rand.NewPCG(5, 1))
	a, y, w, x := make([]float32, d*d), randomFloats(rng, m*d), make([]float32, m), make([]float32, d)
	for r := range w {
		w[r] = rng.Float32() + .5
		Axpy(x, y[r*d:r*d+d], w[r])
	}
	AddOuters(a, y, w, d)
	for i := range d {
		a[i*d+i] += .25
	}
	if !Cholesky(a, d) {
		t.Fatal("got false, want true")
	}
	CholeskySolve(a, d, x)
	got := uint64(14695981039346656037) // FNV-1a over the bits
	for _, v := range x {
		got = (got ^ uint64(math.Float32bits(v))) * 1099511628211
	}
	if want := uint64(0xd01da8f99751b356); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

func BenchmarkAxpy(b *testing.B) {
	for _, n := range []int{16, 64, 192} {
		dst, x := make([]float32, n), make([]float32, n)
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			for b.Loop() {
				Axpy(dst, x, .5)
			}
		})
	}
}

func BenchmarkAddOuters(b *testing.B) {
	rng := rand.New(rand.NewPCG(6, 1))
	for _, d := range []int{16, 64, 192} {
		for _, m := range []int{4, 16, 128} {
			a, y, w := make([]float32, d*d), randomFloats(rng, m*d), randomFloats(rng, m)
			b.Run(fmt.Sprintf("d=%d/rows=%d", d, m), func(b *testing.B) {
				for b.Loop() {
					AddOuters(a, y, w, d)
				}
				products := float64(m*d*(d+1)/2) * float64(b.N)
				b.ReportMetric(products/b.Elapsed().Seconds()/1e9, "Gproducts/s")
			})
		}
	}
}

func BenchmarkCholesky(b *testing.B) {
	for _, d := range []int{16, 32, 64, 128, 192, 256} {
		from := ridge(rand.New(rand.NewPCG(7, 1)), d)
		a := make([]float32, d*d)
		b.Run(fmt.Sprintf("d=%d", d), func(b *testing.B) {
			for b.Loop() {
				copy(a, from)
				Cholesky(a, d)
			}
		})
	}
}
