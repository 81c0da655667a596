package score

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/modeltest"
)

func randomRows(rng *rand.Rand, n int) []float32 {
	rows := make([]float32, n)
	for k := range rows {
		rows[k] = float32(rng.NormFloat64())
	}
	return rows
}

// plainPerson is bundle.Encoder's definition, all rows of all blocks, in
// float64.
func plainPerson(w bundle.Encoder, rows []float32) []float64 {
	d := w.Dim
	x := make([][]float64, len(rows)/d)
	for i := range x {
		for _, v := range rows[i*d : i*d+d] {
			x[i] = append(x[i], math.Sqrt(float64(d))*float64(v))
		}
	}
	norm := func(x []float64) []float64 {
		var mean, variance float64
		for _, v := range x {
			mean += v / float64(d)
		}
		for _, v := range x {
			variance += (v - mean) * (v - mean) / float64(d)
		}
		n := make([]float64, d)
		for k, v := range x {
			n[k] = (v - mean) / math.Sqrt(variance+1e-6)
		}
		return n
	}
	times := func(x []float64, m []float32, cols int) []float64 {
		y := make([]float64, cols)
		for k, v := range x {
			for j := range y {
				y[j] += v * float64(m[k*cols+j])
			}
		}
		return y
	}
	for _, b := range w.Blocks {
		mixes := make([][]float64, len(x))
		for i := range x {
			q, mix, sum := times(norm(x[i]), b.Query, d), make([]float64, d), 0.0
			for j := range i + 1 {
				n, a := norm(x[j]), 0.0
				for k := range n {
					a += q[k] * n[k]
				}
				a = math.Exp(a/math.Sqrt(float64(d)) + float64(b.Near[i-j]))
				sum += a
				for k := range n {
					mix[k] += a * n[k]
				}
			}
			for k := range mix {
				mix[k] /= sum
			}
			mixes[i] = times(mix, b.Value, d)
		}
		for i := range x {
			for k := range x[i] {
				x[i][k] += mixes[i][k]
			}
			h := times(norm(x[i]), b.In, w.Hidden)
			for k := range h {
				h[k] = max(0, h[k]+float64(b.InBias[k]))
			}
			for k, v := range times(h, b.Out, d) {
				x[i][k] += v + float64(b.OutBias[k])
			}
		}
	}
	person := make([]float64, d)
	for k := range person {
		person[k] = float64(w.Bias[k])
		if len(x) > 0 {
			person[k] += norm(x[len(x)-1])[k] * float64(w.Gain[k])
		}
	}
	return person
}

func TestSequenceIsItsDefinition(t *testing.T) {
	const tol = 2e-4 // of a norm's deviation: two blocks of float32
	rng := rand.New(rand.NewPCG(1, 1))
	for _, d := range []int{1, 3, 16, 64} {
		for blocks := 1; blocks <= 2; blocks++ {
			s := NewSequence(modeltest.Encoder(rng, d, d+1, 7, blocks, .2))
			for _, l := range []int{0, 1, 2, 6, 7, 9} {
				rows, person := randomRows(rng, l*d), make([]float32, d)
				if err := s.PersonTo(person, rows); err != nil {
					t.Fatal(err)
				}
				want := plainPerson(s.Encoder, rows[max(0, l-7)*d:])
				for k := range want {
					if math.Abs(float64(person[k])-want[k]) > tol {
						t.Fatalf("d=%d, %d blocks, %d items: factor %d: got %v, want %v", d, blocks, l, k, person[k], want[k])
					}
				}
			}
		}
	}
}

// TestSequenceGivesTheSameBitsEverywhere runs on every engine: see make
// test-wasm and make test-scalar.
func TestSequenceGivesTheSameBitsEverywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	w := modeltest.Encoder(rng, 19, 21, 11, 2, .2)
	person := make([]float32, w.Dim)
	if err := NewSequence(w).PersonTo(person, randomRows(rng, 11*w.Dim)); err != nil {
		t.Fatal(err)
	}
	got := uint64(14695981039346656037) // FNV-1a over the bits
	for _, v := range person {
		got = (got ^ uint64(math.Float32bits(v))) * 1099511628211
	}
	if want := uint64(0x7f8765d26e8db9fd); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

// A document has no infinities, but numbers from which they come.
func TestSequenceRefusesWhatIsNotFinite(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for name, part := range map[string]func(w *bundle.Encoder, rows []float32) []float32{
		"rows":  func(_ *bundle.Encoder, rows []float32) []float32 { return rows },
		"query": func(w *bundle.Encoder, _ []float32) []float32 { return w.Blocks[0].Query },
		"value": func(w *bundle.Encoder, _ []float32) []float32 { return w.Blocks[0].Value },
		"near":  func(w *bundle.Encoder, _ []float32) []float32 { return w.Blocks[0].Near },
		"in":    func(w *bundle.Encoder, _ []float32) []float32 { return w.Blocks[0].In },
		"out":   func(w *bundle.Encoder, _ []float32) []float32 { return w.Blocks[0].Out },
		"gain":  func(w *bundle.Encoder, _ []float32) []float32 { return w.Gain },
	} {
		w, rows := modeltest.Encoder(rng, 8, 8, 5, 1, .2), randomRows(rng, 5*8)
		for k, v := range part(&w, rows) {
			part(&w, rows)[k] = float32(math.Copysign(math.Inf(1), float64(v)))
		}
		if err := NewSequence(w).PersonTo(make([]float32, 8), rows); !errors.Is(err, ErrSequence) {
			t.Errorf("%s: got %v, want ErrSequence", name, err)
		}
	}
}

func TestSequenceDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	s := NewSequence(modeltest.Encoder(rng, 16, 16, 10, 2, .2))
	rows, person := randomRows(rng, 10*16), make([]float32, 16)
	allocs := testing.AllocsPerRun(10, func() {
		if err := s.PersonTo(person, rows); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}

// BenchmarkSequence encodes a history of 50 items.
func BenchmarkSequence(b *testing.B) {
	for _, size := range []struct{ d, hidden, blocks int }{{64, 64, 1}, {64, 64, 2}, {128, 128, 2}} {
		rng := rand.New(rand.NewPCG(5, 1))
		s := NewSequence(modeltest.Encoder(rng, size.d, size.hidden, 50, size.blocks, .2))
		rows, person := randomRows(rng, 50*size.d), make([]float32, size.d)
		b.Run(fmt.Sprintf("d=%d/blocks=%d", size.d, size.blocks), func(b *testing.B) {
			for b.Loop() {
				if err := s.PersonTo(person, rows); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
