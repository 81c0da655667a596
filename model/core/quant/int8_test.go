package quant

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/wire"
)

func rowsOf(values []float32, d int) Rows {
	codes, scales, exp := EncodeRows(values, d)
	return Rows{N: len(values) / d, D: d, Codes: codes, Scales: wire.AppendUint16s(nil, scales), Exp: exp}
}

func tilesOf(values []float32, d int) Tiles {
	r := rowsOf(values, d)
	return Tiles{N: r.N, D: d, Codes: PackTiles(r.Codes, d), Scales: r.Scales, Exp: r.Exp}
}

// TestRowsComeBackWithinHalfAStep is the promise of EncodeRows, over values
// from 1e-20 to 1e20.
func TestRowsComeBackWithinHalfAStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom([]int{1, 2, 7, 8, 64, 65}).Draw(t, "d")
		n := rapid.IntRange(1, 5).Draw(t, "n")
		size := float32(math.Pow(10, float64(rapid.IntRange(-20, 20).Draw(t, "magnitude"))))
		values := rapid.SliceOfN(rapid.Float32Range(-size, size), n*d, n*d).Draw(t, "values")
		r := rowsOf(values, d)
		got := make([]float32, d)
		for i := range n {
			r.DecodeTo(got, i)
			step := float64(r.Scales.At(i)) * math.Ldexp(1, r.Exp)
			for f, x := range got {
				if want := values[i*d+f]; math.Abs(float64(x-want)) > step/2 {
					t.Fatalf("row %d factor %d: %v came back as %v, step %v", i, f, want, x, step)
				}
			}
		}
	})
}

func TestTheLargestRowUsesTheWholeScale(t *testing.T) {
	for _, m := range []float32{1e-6, .3, .5, 1, 127 * 65535, 3e9} {
		r := rowsOf([]float32{m, -m / 3, 0, m / 1000}, 2)
		if s := r.Scales.At(0); s < 32768 {
			t.Errorf("largest value %v: scale %d wastes a bit", m, s)
		}
	}
}

// TestTinyRowsDecode has values for which 2^exp would not be a normal float32.
func TestTinyRowsDecode(t *testing.T) {
	for _, x := range []float32{math.SmallestNonzeroFloat32, 1e-40, 2.4651903e-32, 1e-30} {
		r := rowsOf([]float32{x}, 1)
		got := []float32{1}
		r.DecodeTo(got, 0)
		if step := float64(r.Scales.At(0)) * math.Ldexp(1, r.Exp); math.Abs(float64(got[0]-x)) > step/2 || r.Exp < MinExp {
			t.Errorf("%v came back as %v, exponent %d", x, got[0], r.Exp)
		}
	}
}

func TestTheWorstQueryDoesNotOverflow(t *testing.T) {
	for _, d := range []int{1, 64, 512, 516, 517, MaxDim} {
		codes, u, q := make([]int8, d), make([]float32, d), NewQuery(d)
		for f := range d {
			codes[f], u[f] = -127, 3e38
		}
		q.Set(u)
		if got, want := int64(dot(codes, q.codes)), -127*int64(q.codes[0])*int64(d); got != want {
			t.Errorf("d = %d: dot is %d, want %d", d, got, want)
		}
	}
}

func TestAZeroQueryIsZero(t *testing.T) {
	q := NewQuery(2)
	q.Set([]float32{5, 6})
	q.Set([]float32{0, 0})
	if q.codes[0] != 0 || q.codes[1] != 0 || q.bias != 0 {
		t.Errorf("got %v and %d, want zeros", q.codes, q.bias)
	}
}

// TestTiledFindsMinus128 at each place of a tile, and nothing else.
func TestTiledFindsMinus128(t *testing.T) {
	const n, d = 17, 6
	codes := make([]int8, n*d)
	for i := range codes {
		codes[i] = int8(i*37%255 - 127)
	}
	if !Tiled(PackTiles(codes, d)) {
		t.Error("got false without -128, want true")
	}
	for i, c := range codes {
		codes[i] = -128
		if Tiled(PackTiles(codes, d)) {
			t.Errorf("code %d is -128: got true, want false", i)
		}
		codes[i] = c
	}
}
