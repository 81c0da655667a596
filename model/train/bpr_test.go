package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/quant"
)

// TestBPRStepClimbs: a step is the gradient of its objective, by finite
// differences in float64, times rate.
func TestBPRStepClimbs(t *testing.T) {
	const d, h, tol = 3, 1e-5, 1e-5
	const weight, decay, rate = 1.5, .2, .01
	rnd := rand.New(rand.NewPCG(1, 2))
	before := randomFloats(rnd, 3*d) // the user, the item, the other item
	b := &bpr{dim: d, rate: rate, decay: decay, users: slices.Clone(before[:d]), items: slices.Clone(before[d:])}
	b.step(0, 0, 1, weight)
	after := append(slices.Clone(b.users), b.items...)
	objective := func(v []float64) float64 {
		var score, square float64
		for f := range d {
			score += v[f] * (v[d+f] - v[2*d+f])
		}
		for _, x := range v {
			square += x * x
		}
		return -weight*math.Log1p(math.Exp(-score)) - decay/2*square
	}
	v := make([]float64, len(before))
	for f, x := range before {
		v[f] = float64(x)
	}
	for f := range v {
		x := v[f]
		v[f] = x + h
		more := objective(v)
		v[f] = x - h
		less := objective(v)
		v[f] = x
		if got, want := float64(after[f]-before[f])/rate, (more-less)/(2*h); math.Abs(got-want) > tol/rate {
			t.Errorf("number %d: got %v, want %v", f, got, want)
		}
	}
}

// TestBPROfColours: who has all items of a colour but one has that before any of
// the other colour.
func TestBPROfColours(t *testing.T) {
	const n = 20
	m := checkerboard(n)
	for _, a := range []Algorithm{BPR} {
		model := mustTrain(t, m, Config{Algorithm: a, Params: Params{"dim": 4, "epochs": 200}})
		y := func(i int) []float32 { return model.Factors[i*model.Dim : (i+1)*model.Dim] }
		for u := range n {
			person := make([]float32, model.Dim)
			history, _ := m.Row(u)
			for _, i := range history {
				quant.Axpy(person, y(int(i)), 1)
			}
			for other := 1 - u%2; other < n; other += 2 {
				if got, least := inner(person, y(u)), inner(person, y(other)); got <= least {
					t.Errorf("%s: user %d: the item of its colour has %v, item %d of the other %v", a, u, got, other, least)
				}
			}
		}
	}
}

// TestBPRGoesOnAsIfNeverInterrupted stops after each epoch.
func TestBPRGoesOnAsIfNeverInterrupted(t *testing.T) {
	m := weighted(random(50, 40, .2))
	for _, a := range []Algorithm{BPR} {
		cfg := Config{Algorithm: a, Workers: 2, Seed: 5, Params: Params{"dim": 5, "epochs": 3}}
		want := mustTrain(t, m, cfg)
		for stop := 1; stop <= 3; stop++ {
			ctx, cancel := context.WithCancel(context.Background())
			c := cfg
			c.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
			c.Progress = func(p Progress) {
				if p.Epoch > stop || p.Stage == "moment" {
					cancel()
				}
			}
			if _, err := Train(ctx, Input{Pairs: m}, c); !errors.Is(err, context.Canceled) {
				t.Fatalf("%s, after epoch %d: got error %v, want one that wraps %v", a, stop, err, context.Canceled)
			}
			c.Resume, c.Progress, c.Workers = true, nil, 1
			if diff := cmp.Diff(want, mustTrain(t, m, c)); diff != "" {
				t.Errorf("%s, resumed after epoch %d: %s", a, stop, diff)
			}
		}
	}
}

func inner(x, y []float32) (sum float64) {
	for f, v := range x {
		sum += float64(v) * float64(y[f])
	}
	return sum
}

func TestTooLongStepsAreRefused(t *testing.T) {
	m := random(30, 20, .3)
	m.Val = make([]float32, len(m.Col))
	for e := range m.Val {
		m.Val[e] = 1e25
	}
	_, err := Train(context.Background(), Input{Pairs: m}, Config{Algorithm: BPR, Params: Params{"dim": 4, "rate": 10}})
	if err == nil || !strings.Contains(err.Error(), "smaller rate") {
		t.Errorf("got error %v, want one that asks for a smaller rate", err)
	}
}
