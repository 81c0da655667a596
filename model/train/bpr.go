package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
)

// Bayesian personalised ranking: Rendle, Freudenthaler, Gantner and
// Schmidt-Thieme, "BPR: Bayesian personalized ranking from implicit feedback",
// UAI 2009, section 4.3 (matrix factorisation) by its algorithm LearnBPR. A
// step draws a pair (u, i) and an item j that u does not have, and climbs
//
//	ln σ(x_u·y_i - x_u·y_j) - λ/2·(|x_u|² + |y_i|² + |y_j|²)
//
// with a step that the pair's weight scales. Only the items' factors are kept; a
// person is folded in with the alpha, reg and exponent of iALS, see there. An
// epoch has as many steps as there are pairs. They depend on each other, so one
// goroutine does them.
var bprLearner = learner{
	name: BPR, help: "item factors from pairwise ranking: the person is folded in",
	params: []Param{
		{Name: "dim", Help: "factors per item", Default: 64, Min: 1, Max: MaxDim, Whole: true, Low: 32, High: 128, Log: true},
		{Name: "epochs", Help: "passes over the pairs", Default: 50, Min: 1, Max: 10000, Whole: true, Low: 20, High: 200, Log: true},
		{Name: "rate", Help: "length of a step", Default: .02, Min: 1e-9, Max: 10, Low: .01, High: .2, Log: true},
		{Name: "decay", Help: "lambda, the regularisation while learning", Default: .001, Min: 0, Max: 10, Low: .0002, High: .02, Log: true},
		{Name: "alpha", Help: "of the fold-in: weight of an unobserved pair, an observed one having 1", Default: .05, Min: 1e-9, Max: 1e9, Low: .001, High: 1, Log: true},
		{Name: "reg", Help: "of the fold-in: the regularisation", Default: .5, Min: 1e-9, Max: 1e9, Low: .03, High: 10, Log: true},
	},
	scorer: bundle.ScorerFoldIn, learn: learnBPR,
}

const (
	bprStd = .1 // of a first vector's length
	// bprLook is how many steps are made between two looks at the context.
	bprLook = 1024
	// bprTries is how many items are drawn for one that the person does not have.
	bprTries = 20
)

// bpr is a training in progress.
type bpr struct {
	*training
	dim          int
	rate, decay  float32
	owner        []int32   // pairs: whose each is
	state        []float32 // of users and then items, each dim numbers
	users, items []float32 // its parts
}

func learnBPR(ctx context.Context, t *training) error {
	b := &bpr{training: t, dim: t.whole("dim"), rate: t.float("rate"), decay: t.float("decay"), owner: make([]int32, len(t.Pairs.Col))}
	for u := range t.Pairs.Rows {
		for e := t.Pairs.Ptr[u]; e < t.Pairs.Ptr[u+1]; e++ {
			b.owner[e] = int32(u)
		}
	}
	b.state = make([]float32, (t.Pairs.Rows+t.Pairs.Cols)*b.dim)
	b.users, b.items = b.state[:t.Pairs.Rows*b.dim], b.state[t.Pairs.Rows*b.dim:]
	rng := b.rng(0)
	for f := range b.state {
		b.state[f] = float32(rng.NormFloat64() * bprStd / math.Sqrt(float64(b.dim)))
	}
	epochs := t.whole("epochs")
	t.meter.state.Total = int64(epochs)*int64(len(b.owner)) + int64(t.Pairs.Rows)
	cp, err := t.epochs(epochs, len(b.owner), b.state, func(epoch int) error { return b.epoch(ctx, epoch) })
	if err != nil {
		return err
	}
	m := t.model
	m.Dim, m.Factors = b.dim, ofPeople(b.items, b.dim, m.Count)
	m.Alpha, m.Reg, m.Exponent = t.float("alpha"), t.float("reg"), 1
	if err := t.meet(ctx); err != nil {
		return err
	}
	return cp.remove()
}

// rng is for one epoch, so that a training goes on as if never interrupted.
func (b *bpr) rng(epoch int) *rand.Rand {
	return rand.New(rand.NewPCG(b.cfg.Seed, 0x082efa98ec4e6c89+uint64(epoch))) // digits of pi
}

// epoch makes as many steps as there are pairs.
func (b *bpr) epoch(ctx context.Context, epoch int) error {
	b.meter.enter("pairs", epoch)
	rng, m := b.rng(epoch), b.Pairs
	for done := 0; done < len(b.owner); done += bprLook {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		steps := min(bprLook, len(b.owner)-done)
		for range steps {
			e := rng.IntN(len(b.owner))
			u := b.owner[e]
			col, val := m.Row(int(u))
			j, ok := another(rng, col, m.Cols)
			if !ok {
				continue
			}
			b.step(int(u), int(m.Col[e]), j, valueAt(val, e-int(m.Ptr[u])))
		}
		b.meter.add(steps)
	}
	for f, v := range b.state {
		if !finite(v) {
			return fmt.Errorf("factor %d is %v: use a smaller rate or smaller weights", f, v)
		}
	}
	return nil
}

// another draws an item that is not among col; false when it finds none.
func another(rng *rand.Rand, col []int32, n int) (int, bool) {
	for range bprTries {
		j := rng.IntN(n)
		if _, has := slices.BinarySearch(col, int32(j)); !has {
			return j, true
		}
	}
	return 0, false
}

// step climbs for person u, item i and not item j.
func (b *bpr) step(u, i, j int, weight float32) {
	d := b.dim
	x, y, z := b.users[u*d:u*d+d], b.items[i*d:i*d+d], b.items[j*d:j*d+d]
	var score float32
	for f := range x {
		score += float32(x[f] * (y[f] - z[f]))
	}
	slope := float32(weight / float32(1+math.Exp(float64(score)))) // of ln σ
	for f := range x {
		xf, yf, zf := x[f], y[f], z[f]
		x[f] += float32(b.rate * (float32(slope*(yf-zf)) - float32(b.decay*xf)))
		y[f] += float32(b.rate * (float32(slope*xf) - float32(b.decay*yf)))
		z[f] += float32(b.rate * (float32(-slope*xf) - float32(b.decay*zf)))
	}
}
