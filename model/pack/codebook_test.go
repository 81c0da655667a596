package pack

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/quant"
)

// normal returns n rows of d factors that lie near a few directions.
func normal(seed uint64, n, d int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	rows := make([]float32, n*d)
	for k := range rows {
		rows[k] = float32(rng.NormFloat64() / float64(1+k%d))
	}
	return rows
}

func mustCodebook(t *testing.T, rows []float32, d, m int, opt codebookOptions) codebook {
	t.Helper()
	c, err := trainCodebook(rows, d, m, opt)
	if err != nil {
		t.Fatalf("d=%d m=%d n=%d: %v", d, m, len(rows)/d, err)
	}
	return c
}

// decodeTo sets dst, d long, to the row with these codes and this scale.
func (c *codebook) decodeTo(dst []float32, codes []byte, scale byte) {
	clear(dst)
	row := make([]float32, c.d)
	for t, code := range codes {
		c.centroids.DecodeTo(row, t*codebookSize+int(code))
		quant.Axpy(dst, row, 1)
	}
	for f := range dst {
		dst[f] *= float32(scale) / codebookOne
	}
}

// worst returns the largest error of a factor, scales included.
func worst(c *codebook, rows []float32, codes, scales []byte) float64 {
	row, most := make([]float32, c.d), 0.
	for i, scale := range scales {
		c.decodeTo(row, codes[i*c.m:(i+1)*c.m], scale)
		for f, v := range row {
			most = max(most, math.Abs(float64(v-rows[i*c.d+f])))
		}
	}
	return most
}

// loss returns the weighted mean of the squared errors.
func (l *learner) loss() float64 {
	s := newSearcher(l.white, l.d, l.m, l.seed)
	var sum float64
	rest := make([]float32, l.d)
	for i, w := range l.weights {
		copy(rest, l.z[i*l.d:])
		for t, code := range l.codes[i*l.m : (i+1)*l.m] {
			quant.Axpy(rest, s.centroid(t, code), -1)
		}
		sum += w * float64(dot(rest, rest))
	}
	return sum / float64(l.n)
}

// relativeError returns Σ|y-ŷ|²/Σ|y|², without scales.
func relativeError(c *codebook, rows []float32, codes []byte) float64 {
	row := make([]float32, c.d)
	var lost, all float64
	for i := range len(rows) / c.d {
		c.decodeTo(row, codes[i*c.m:(i+1)*c.m], codebookOne)
		for f, v := range row {
			y := float64(rows[i*c.d+f])
			lost, all = lost+(y-float64(v))*(y-float64(v)), all+y*y
		}
	}
	return lost / all
}

// TestSixteenPointsAGroupDecodeExactly: in a world where each pair of factors
// takes 16 values, 4 bits a pair say everything but the rounding to int8.
func TestSixteenPointsAGroupDecodeExactly(t *testing.T) {
	const n, d, m = 4000, 4, 2
	const tol = .03 // half a step of two centroids of at most 2.3, and of a scale
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([]float32, n*d)
	for i := range n {
		for g := range m {
			v := rng.IntN(16)
			rows[i*d+2*g] = float32(v%4) - 1.5
			rows[i*d+2*g+1] = (float32(v/4) - 1.5) * 1.2
		}
	}
	// The moment keeps the eigenbasis where the pairs are.
	moment := []float32{9, 0, 0, 0, 0, 8, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1}
	c := mustCodebook(t, rows, d, m, codebookOptions{Moment: moment})
	codes, scales := c.encode(rows)
	if got := worst(&c, rows, codes, scales); got > tol {
		t.Errorf("got an error of %v, want at most %v", got, tol)
	}
}

// TestFewRowsDecodeExactly: one sub-quantiser has room for 16 rows.
func TestFewRowsDecodeExactly(t *testing.T) {
	for _, n := range []int{1, 2, 15, 16} {
		for _, m := range []int{1, 3, 5} {
			rows := normal(3, n, 5)
			c := mustCodebook(t, rows, 5, m, codebookOptions{})
			codes, scales := c.encode(rows)
			// A centroid's step is a 127th of its largest factor, rows are
			// below 4, and m centroids round m times. The proximal term leaves
			// them a thousandth short.
			tol := .02 * float64(m)
			if got := worst(&c, rows, codes, scales); got > tol {
				t.Errorf("n=%d m=%d: got an error of %v, want at most %v", n, m, got, tol)
			}
		}
	}
}

func TestNeitherStepOfLearningRaisesTheLoss(t *testing.T) {
	const tol = 1e-4 // float32 centroids and dot products
	rows := normal(4, 700, 12)
	weights := make([]uint32, 700)
	for i := range weights {
		weights[i] = uint32(i % 30)
	}
	c := codebook{d: 12, m: 5, workers: 2}
	if err := c.whiten(momentOf(rows, 12)); err != nil {
		t.Fatal(err)
	}
	l := newLearner(&c, rows, weights)
	l.start()
	first := l.loss()
	last := first
	for epoch := range codebookEpochs {
		if err := l.refit(); err != nil {
			t.Fatal(err)
		}
		refit := l.loss()
		if refit > last*(1+tol) {
			t.Errorf("epoch %d: centroids: loss %v after %v", epoch, refit, last)
		}
		l.search(epoch)
		if last = l.loss(); last > refit*(1+tol) {
			t.Errorf("epoch %d: codes: loss %v after %v", epoch, last, refit)
		}
	}
	if last > .8*first {
		t.Errorf("got a loss of %v, want less than 80 %% of the product quantiser's %v", last, first)
	}
}

// TestEncodeFindsCodesAsGoodAsTheLearners: the rows that centroids are learnt
// from have no advantage.
func TestEncodeFindsCodesAsGoodAsTheLearners(t *testing.T) {
	rows := normal(5, 900, 16)
	c := codebook{d: 16, m: 8, workers: 2}
	if err := c.whiten(momentOf(rows, 16)); err != nil {
		t.Fatal(err)
	}
	l := newLearner(&c, rows, nil)
	l.start()
	for epoch := range codebookEpochs {
		if err := l.refit(); err != nil {
			t.Fatal(err)
		}
		l.search(epoch)
	}
	learnt := l.loss()
	c = mustCodebook(t, rows, 16, 8, codebookOptions{})
	codes, _ := c.encode(rows)
	l.white, l.codes = c.stages[len(c.stages)-1], codes
	if got := l.loss(); got > 1.02*learnt {
		t.Errorf("got a loss of %v, want at most 2 %% more than the learner's %v", got, learnt)
	}
}

func TestSameCodebookForAnyNumberOfWorkers(t *testing.T) {
	rows := normal(6, 1000, 10)
	want := mustCodebook(t, rows, 10, 7, codebookOptions{Seed: 9, Workers: 1})
	wantCodes, wantScales := want.encode(rows)
	for _, workers := range []int{2, 3, 8} {
		got := mustCodebook(t, rows, 10, 7, codebookOptions{Seed: 9, Workers: workers})
		if diff := cmp.Diff(want.centroids, got.centroids); diff != "" {
			t.Errorf("%d workers: centroids: %s", workers, diff)
		}
		codes, scales := got.encode(rows)
		if !slices.Equal(codes, wantCodes) || !slices.Equal(scales, wantScales) {
			t.Errorf("%d workers: other codes or scales", workers)
		}
	}
}

func TestScalesGiveRowsTheirLengthBack(t *testing.T) {
	const tol = .02 // a scale near 1 is rounded by up to half a 128th
	rows := normal(7, 300, 8)
	c := mustCodebook(t, rows, 8, 2, codebookOptions{})
	codes, scales := c.encode(rows)
	row, z := make([]float32, 8), make([]float32, 8)
	for i, scale := range scales {
		c.decodeTo(row, codes[i*2:(i+1)*2], scale)
		transform(z, c.root, row)
		got := dot(z, z)
		transform(z, c.root, rows[i*8:(i+1)*8])
		if scale < 100 || scale == math.MaxUint8 {
			continue // coarser, or cut
		}
		if want := dot(z, z); math.Abs(float64(got/want)-1) > tol {
			t.Errorf("row %d: got a squared length of %v, want %v", i, got, want)
		}
	}
}

// TestMomentDecidesWhatIsKept: nobody looks along the second factor.
func TestMomentDecidesWhatIsKept(t *testing.T) {
	rows := normal(8, 500, 2)
	for i := range 500 {
		rows[2*i+1] *= 100
	}
	c := mustCodebook(t, rows, 2, 1, codebookOptions{Moment: []float32{1, 0, 0, 0}})
	codes, _ := c.encode(rows)
	row := make([]float32, 2)
	var lost, all float64
	for i, code := range codes {
		c.decodeTo(row, []byte{code}, codebookOne)
		e, y := float64(row[0]-rows[2*i]), float64(rows[2*i])
		lost, all = lost+e*e, all+y*y
	}
	// 16 levels for a normal variable lose 1.2 %.
	if lost > .03*all {
		t.Errorf("got %.3f of the first factor lost, want at most .03", lost/all)
	}
}

// TestHeavyRowsAreKeptBest: rows that count 1000 have less error than the others.
func TestHeavyRowsAreKeptBest(t *testing.T) {
	rows, weights := normal(9, 2000, 8), make([]uint32, 2000)
	for i := range 40 {
		weights[i] = 1000
	}
	c := mustCodebook(t, rows, 8, 2, codebookOptions{Weights: weights})
	codes, _ := c.encode(rows)
	heavy, light := relativeError(&c, rows[:40*8], codes[:40*2]), relativeError(&c, rows[40*8:], codes[40*2:])
	if heavy > light/2 {
		t.Errorf("got errors of %v for heavy rows and %v for light, want less than half", heavy, light)
	}
}

func TestOddShapesOfCodebooks(t *testing.T) {
	constant := make([]float32, 50*6)
	for i := range 50 {
		copy(constant[i*6:], []float32{1, 0, 0, -3, float32(i), 0})
	}
	for name, rows := range map[string][]float32{
		"normal": normal(10, 50, 6), "zeros": make([]float32, 50*6), "constant columns": constant, "one row": normal(11, 1, 6),
		"large": slices.Repeat([]float32{1e15, -2e15, 0, 1, 0, 3}, 5), "tiny": slices.Repeat([]float32{1e-15, -2e-15, 0, 0, 0, 3e-15}, 5),
	} {
		for _, m := range []int{1, 4, 5, 6} { // 4 and 5 do not divide 6
			c := mustCodebook(t, rows, 6, m, codebookOptions{})
			codes, scales := c.encode(rows)
			if n := len(rows) / 6; len(codes) != n*m || len(scales) != n || c.centroids.N != 16*m {
				t.Fatalf("%s m=%d: got %d codes, %d scales and %d centroids", name, m, len(codes), len(scales), c.centroids.N)
			}
			for _, code := range codes {
				if code >= codebookSize {
					t.Fatalf("%s m=%d: code %d", name, m, code)
				}
			}
			var size float64
			for _, v := range rows {
				size = max(size, math.Abs(float64(v)))
			}
			if got := worst(&c, rows, codes, scales); !(got <= 2*size) {
				t.Errorf("%s m=%d: got an error of %v in factors up to %v", name, m, got, size)
			}
		}
	}
}

func TestMoreBytesLoseLess(t *testing.T) {
	rows, before := normal(12, 2000, 16), 1.
	for _, m := range []int{1, 2, 4, 8, 16} {
		c := mustCodebook(t, rows, 16, m, codebookOptions{})
		codes, _ := c.encode(rows)
		got := relativeError(&c, rows, codes)
		if got > .8*before {
			t.Errorf("m=%d: got a loss of %v after %v", m, got, before)
		}
		before = got
	}
}

func TestSampleIsInProportionToWeight(t *testing.T) {
	const n = 3 * codebookSample
	weights := make([]uint32, n)
	var total float64
	for i := range weights {
		weights[i] = 1
		if i%10 == 0 {
			weights[i] = 100 // sure to be picked
		}
		total += float64(weights[i])
	}
	rows, each := sample(n, weights, 3)
	if d := len(rows) - codebookSample; d < -1 || d > 1 || !slices.IsSorted(rows) {
		t.Fatalf("got %d rows, sorted %v; want %d in order", len(rows), slices.IsSorted(rows), codebookSample)
	}
	var heavy int
	var share, sum float64
	for k, i := range rows {
		if weights[i] == 100 {
			heavy++
			share += each[k]
		}
		sum += each[k]
	}
	if want := float64(n/10*100) / total; heavy != n/10 || math.Abs(share/sum-want) > .01*want {
		t.Errorf("got %d heavy rows that stand for %v, want %d for %v", heavy, share/sum, n/10, want)
	}
	if rows, each = sample(5, []uint32{0, 1, 1, 2, 1}, 3); len(rows) != 5 || each[3] != 2*each[0] {
		t.Errorf("few rows: got %v of weights %v, want all", rows, each)
	}
}

func TestCodebooksThatCannotBeLearntAreRefused(t *testing.T) {
	rows := normal(13, 20, 4)
	for name, f := range map[string]func() (codebook, error){
		"no rows":      func() (codebook, error) { return trainCodebook(nil, 4, 2, codebookOptions{}) },
		"half a row":   func() (codebook, error) { return trainCodebook(rows[:6], 4, 2, codebookOptions{}) },
		"no factors":   func() (codebook, error) { return trainCodebook(rows, 0, 0, codebookOptions{}) },
		"m=0":          func() (codebook, error) { return trainCodebook(rows, 4, 0, codebookOptions{}) },
		"m>d":          func() (codebook, error) { return trainCodebook(rows, 4, 5, codebookOptions{}) },
		"short moment": func() (codebook, error) { return trainCodebook(rows, 4, 2, codebookOptions{Moment: rows[:15]}) },
		"infinite moment": func() (codebook, error) {
			return trainCodebook(rows, 4, 2, codebookOptions{Moment: slices.Repeat([]float32{float32(math.Inf(1))}, 16)})
		},
		"short weights": func() (codebook, error) {
			return trainCodebook(rows, 4, 2, codebookOptions{Weights: make([]uint32, 3)})
		},
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func BenchmarkCodebook(b *testing.B) {
	for _, m := range []int{16, 32} {
		rows := normal(14, 20000, 64)
		b.Run(fmt.Sprintf("train/n=20000/d=64/m=%d", m), func(b *testing.B) {
			for b.Loop() {
				if _, err := trainCodebook(rows, 64, m, codebookOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		c, err := trainCodebook(rows[:64*2000], 64, m, codebookOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("encode/n=20000/d=64/m=%d", m), func(b *testing.B) {
			for b.Loop() {
				c.encode(rows)
			}
		})
	}
}
