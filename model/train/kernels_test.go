package train

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

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
			t.Fatalf("%s: number %d: got %v (%#x), want %v (%#x)", what, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// TestRowKernelsGiveTheBitsOfTheScalarCode: without the experiment there is
// nothing else, and the test only sees that it runs.
func TestRowKernelsGiveTheBitsOfTheScalarCode(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, stride := range []int{16, 32, 48, 64, 80, 112, 128, 1024} {
		y := randomFloats(rng, 20*stride)
		for _, n := range []int{0, 1, 2, 3, 4, 5, 8, 19} {
			what := fmt.Sprintf("stride %d, %d rows: ", stride, n)
			rows, w := make([]int32, n), randomFloats(rng, n+1)
			for r := range rows {
				rows[r] = rng.Int32N(20)
			}
			x := randomFloats(rng, stride)
			got, want := make([]float32, n), make([]float32, n)
			dotRows(got, y, rows, x)
			for r, at := range rows {
				want[r] = dotScalar(y[int(at)*stride:], x)
			}
			sameBits(t, what+"dotRows", got, want)
			got, want = append([]float32(nil), x...), append([]float32(nil), x...)
			addRows(got, y, rows, w)
			addRowsScalar(want, y, rows, w)
			sameBits(t, what+"addRows", got, want)
		}
		a, b, s := y[:stride], randomFloats(rng, stride), rng.Float32()
		got, want := make([]float32, stride), make([]float32, stride)
		mul(got, a, b)
		mulScalar(want, a, b)
		sameBits(t, "mul", got, want)
		addScaled(got, a, b, s)
		addScaledScalar(want, a, b, s)
		sameBits(t, "addScaled", got, want)
		invert(got, a, b, s)
		invertScalar(want, a, b, s)
		sameBits(t, "invert", got, want)
		copy(got, b)
		copy(want, b)
		a2 := append([]float32(nil), a...)
		rotate(a, got, .8, .6)
		rotateScalar(a2, want, .8, .6)
		sameBits(t, "rotate, first row", a, a2)
		sameBits(t, "rotate, second row", got, want)
	}
}

// TestTheSameBitsWithAndWithoutVectors pins a small model: the bytes are those
// of the scalar code, AVX2 and AVX-512.
func TestTheSameBitsWithAndWithoutVectors(t *testing.T) {
	const want = "5b61ed522aee7254"
	model := mustTrain(t, weighted(random(60, 50, .2)), Config{Algorithm: IALS, Params: Params{"dim": 37, "ship": 20, "epochs": 3}})
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, model.Factors)
	binary.Write(h, binary.LittleEndian, model.Moment)
	if got := fmt.Sprintf("%x", h.Sum(nil)[:8]); got != want {
		t.Errorf("got a model with the digest %s, want %s", got, want)
	}
}

// BenchmarkRows: one operation is 64 rows of some 3,000.
func BenchmarkRows(b *testing.B) {
	const n, all = 64, 3000
	for _, d := range []int{64, 128, 1024} {
		rng := rand.New(rand.NewPCG(1, 2))
		y, x, w, rows := randomFloats(rng, all*d), make([]float32, d), make([]float32, n), make([]int32, n)
		for r := range rows {
			rows[r] = rng.Int32N(all)
		}
		b.Run(fmt.Sprintf("dot/d=%d", d), func(b *testing.B) {
			for b.Loop() {
				dotRows(w, y, rows, x)
			}
		})
		b.Run(fmt.Sprintf("add/d=%d", d), func(b *testing.B) {
			for b.Loop() {
				addRows(x, y, rows, w)
			}
		})
	}
}

func TestSubProductsGivesTheBitsOfTheScalarCode(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for _, k := range []int{0, 1, 32, 96} {
		for _, stride := range []int{tileCols, 100} {
			x, y := randomFloats(rng, k*tileCols+tileRows), randomFloats(rng, k*tileCols)
			want := randomFloats(rng, tileRows*stride)
			got := append([]float32(nil), want...)
			subProducts(got, stride, x[tileRows:], y, k)
			subProductsScalar(want, stride, x[tileRows:], y, k)
			sameBits(t, fmt.Sprintf("k %d, stride %d", k, stride), got, want)
		}
	}
}
