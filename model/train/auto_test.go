package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/data"
)

// walks are histories in which item i is mostly followed by item 3i+1 (mod n),
// sometimes by itself.
func walks(users, n int, repeats bool) *data.Sequences {
	rnd := rand.New(rand.NewPCG(5, 6))
	seq := &data.Sequences{Items: n, Ptr: []int64{0}}
	for range users {
		met := map[int]bool{}
		at := rnd.IntN(n)
		for range 3 + rnd.IntN(6) {
			if repeats || !met[at] {
				seq.Item = append(seq.Item, int32(at))
			}
			met[at] = true
			switch rnd.IntN(8) {
			case 0:
				at = rnd.IntN(n)
			case 1:
			default:
				at = (3*at + 1) % n
			}
		}
		seq.Ptr = append(seq.Ptr, int64(len(seq.Item)))
	}
	return seq
}

// groups is a matrix in which people have items of their own group.
func groups(users, n int) *data.Matrix {
	rnd := rand.New(rand.NewPCG(7, 9))
	list := make([][]int32, users)
	for u := range list {
		for i := range n {
			p := .02
			if i%10 == u%10 {
				p = .5
			}
			if rnd.Float64() < p {
				list[u] = append(list[u], int32(i))
			}
		}
	}
	return matrixOf(n, list...)
}

func learnt(t *testing.T, in Input, workers int, examples float64) *Model {
	t.Helper()
	m, err := Train(context.Background(), in, Config{
		Algorithm: Auto, Workers: workers, Params: Params{"dim": 8, "neighbours": 20, "holdout": .3, "examples": examples},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestAutoLearnsWhatFollows: the item that follows is nearly always found. The
// tables know all that there is to this world, so the net may stay or go.
func TestAutoLearnsWhatFollows(t *testing.T) {
	seq := walks(2500, 100, true)
	m := learnt(t, Input{Pairs: pairsOf(seq), Sequences: seq}, 0, 40000)
	if !m.Pool.Repeats || len(m.Gains) != 3 || m.Gains[1].Hit < 4*m.Gains[0].Hit || m.Gains[1].Hit < .8 || m.Gains[2].Hit < .8 {
		t.Errorf("got %+v", m.Gains)
	}
}

func TestANetMustBeSurelyBetter(t *testing.T) {
	was := []float64{.1, .2, .3, .4}
	for _, c := range []struct {
		is   []float64
		want bool
	}{
		{was, false},
		{[]float64{.2, .3, .4, .5}, true},
		{[]float64{.9, .2, .3, .3}, false}, // on one case
		{[]float64{.1, .2, .3, .3}, false},
	} {
		if got := better(c.is, was); got != c.want {
			t.Errorf("%v after %v: got %v", c.is, was, got)
		}
	}
}

func TestAutoLearnsWhatBelongsTogether(t *testing.T) {
	m := learnt(t, Input{Pairs: groups(3000, 200)}, 0, 5000)
	if m.Pool.Repeats || len(m.Gains) != 3 || m.Gains[1].NDCG < 3*m.Gains[0].NDCG {
		t.Errorf("got %+v", m.Gains)
	}
}

func TestAutoIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	seq := walks(1500, 60, false)
	for name, in := range map[string]Input{
		"sequences": {Pairs: pairsOf(seq), Sequences: seq},
		"lists":     {Pairs: groups(2600, 60)},
	} {
		want := learnt(t, in, 1, 5000)
		for _, workers := range []int{2, 5} {
			if diff := cmp.Diff(want, learnt(t, in, workers, 5000), cmp.AllowUnexported(quant.Sparse{})); diff != "" {
				t.Errorf("%s, %d workers: %s", name, workers, diff)
			}
		}
	}
}

// TestTastesAreNewestFirst, each with how often and how long ago, and nothing of
// the history before.
func TestTastesAreNewestFirst(t *testing.T) {
	taster := newTaster(10)
	taster.of([]int32{9, 9, 1})
	got := taster.of([]int32{4, 2, 4, 4, 9, 2})
	want := []score.Taste{
		{Item: 2, Weight: profile.One, Event: 5, Times: 2, Since: 0},
		{Item: 9, Weight: profile.One, Event: 4, Times: 1, Since: 1},
		{Item: 4, Weight: profile.One, Event: 3, Times: 3, Since: 2},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestCountsAreWhatTheySay: a history a b c, and one c a.
func TestCountsAreWhatTheySay(t *testing.T) {
	seq := &data.Sequences{Items: 3, Ptr: []int64{0, 3, 5}, Item: []int32{0, 1, 2, 2, 0}}
	rows, err := countRows(context.Background(), seq, 1, sequenceColumns, 9, nil)
	if err != nil {
		t.Fatal(err)
	}
	// a is followed by b at once and by c two steps later; c by a at once.
	want := []quant.SparseRow{
		{Items: []int32{1, 2}, Weights: []float32{
			1, 2. / 3, 0, (1. / 3) / (1./3 + 1./3 + 1./2), 0,
			0, 1. / 3, 1, (1./3 + 1./2) / (1./3 + 1./3 + 1./2), 0,
		}},
		{Items: []int32{0, 2}, Weights: []float32{0, 0, 1, .5, 0, 1, 1, 0, .5, 0}},
		{Items: []int32{0, 1}, Weights: []float32{
			1, 1, 1. / 3, (1./3 + 1./2) / (1./3 + 1./3 + 1./2), 0,
			0, 0, 2. / 3, (1. / 3) / (1./3 + 1./3 + 1./2), 0,
		}},
	}
	near := cmp.Comparer(func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 })
	if diff := cmp.Diff(want, rows, near); diff != "" {
		t.Error(diff)
	}
}

// TestSLISIsOptimal checks the conditions of Karush, Kuhn and Tucker: the
// gradient is 0 where a weight is above 0, and not below 0 elsewhere.
func TestSLISIsOptimal(t *testing.T) {
	seq := walks(400, 30, false) // fewer items than the support
	w, err := slis(context.Background(), seq, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGram(context.Background(), recentPairs(seq), 1)
	if err != nil {
		t.Fatal(err)
	}
	n := seq.Items
	full := make([][]float32, n)
	for i := range full {
		full[i] = make([]float32, n)
		g.addRow(full[i], i, nil)
	}
	weights := make([][]float64, n) // by target
	for j := range weights {
		weights[j] = make([]float64, n)
	}
	for i := range n {
		col, val := w.Row(i)
		for k, j := range col {
			weights[j][i] = float64(val[k])
		}
	}
	const tol = .02 // of a count: the descent ends early
	for j := range n {
		for i := range n {
			if i == j || full[j][i] == 0 {
				continue
			}
			gradient := slisLambda*weights[j][i] - float64(full[j][i])
			for b := range n {
				gradient += float64(full[i][b]) * weights[j][b]
			}
			if weights[j][i] > 0 && math.Abs(gradient) > tol || gradient < -tol {
				t.Fatalf("target %d, item %d: weight %v, gradient %v", j, i, weights[j][i], gradient)
			}
		}
	}
}

func TestNetGradientIsThatOfItsLoss(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const in, m = 7, 9
	n := &net{in: in, mean: make([]float32, in), scale: slices.Repeat([]float32{1}, in)}
	n.w = make([]float32, n.size())
	for k := range n.w {
		n.w[k] = float32(rnd.NormFloat64() * .4)
	}
	e := netExample{x: make([]float32, in*m), m: m, target: 2}
	for k := range e.x {
		e.x[k] = float32(rnd.NormFloat64())
	}
	got := make([]float32, n.size())
	newNetPass(n).back(got, &e)
	const step, tol = 1e-3, 1e-2 // of float32 weights; a unit may turn on in between
	for k := range n.w {
		at := n.w[k]
		n.w[k] = at + step
		above := lossOf(n, e)
		n.w[k] = at - step
		below := lossOf(n, e)
		n.w[k] = at
		if want := (above - below) / (2 * step); math.Abs(float64(got[k])-want) > tol*(1+math.Abs(want)) {
			t.Errorf("parameter %d: got %v, want %v", k, got[k], want)
		}
	}
}

// lossOf is the loss of one example, in float64.
func lossOf(n *net, e netExample) float64 {
	l1, b1, l2, b2, out, bias := n.parts(n.w)
	z := make([]float64, e.m)
	for k := range z {
		x := make([]float64, n.in)
		for f := range x {
			x[f] = float64(e.x[f*e.m+k])
		}
		unit := func(x []float64, w, b []float32) []float64 {
			y := make([]float64, len(b))
			for u := range y {
				y[u] = float64(b[u])
				for f, v := range x {
					y[u] += float64(w[u*len(x)+f]) * v
				}
				y[u] = max(y[u], 0)
			}
			return y
		}
		b := unit(unit(x, l1, b1), l2, b2)
		z[k] = float64(bias[0])
		for h, v := range append(b, x...) {
			z[k] += float64(out[h]) * v
		}
	}
	var sum float64
	for _, v := range z {
		sum += math.Exp(v)
	}
	return math.Log(sum) - z[e.target]
}

// TestNetKeepsItsOrderInEightBits compares what ships with what was learnt.
func TestNetKeepsItsOrderInEightBits(t *testing.T) {
	l := quantiseLayer([]float32{.5, -1, .25, 0, 0, 0}, []float32{1, 2})
	if diff := cmp.Diff([]int8{64, -127, 32, 0, 0, 0}, l.Codes); diff != "" {
		t.Error(diff)
	}
	if l.Scales[1] != 0 {
		t.Errorf("a unit without weights has scale %v", l.Scales[1])
	}
}

func TestEmbeddedNeighboursAreNear(t *testing.T) {
	seq := walks(2000, 100, false)
	const d = 16
	v, err := embed(context.Background(), seq, d, powers{seed: 1, workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	product := func(i, j int) (sum float64) {
		for f := range d {
			sum += float64(v[i*d+f]) * float64(v[j*d+f])
		}
		return sum
	}
	var next, other float64
	for i := range 100 {
		if p := product(i, i); math.Abs(p-1) > 1e-4 {
			t.Fatalf("item %d has length² %v", i, p)
		}
		next += product(i, (3*i+1)%100) / 100
		other += product(i, (i+50)%100) / 100
	}
	if next < other+.3 {
		t.Errorf("items that follow each other have a product of %.2f, others of %.2f", next, other)
	}
}

// TestFewCasesGetPlainWeights: a log too small to learn weights from still has a
// pool that says what follows.
func TestFewCasesGetPlainWeights(t *testing.T) {
	seq := &data.Sequences{Items: 3, Ptr: []int64{0, 2, 4, 6}, Item: []int32{0, 1, 0, 1, 2, 0}}
	m := learnt(t, Input{Pairs: pairsOf(seq), Sequences: seq}, 1, 5000)
	p := m.Pool
	if p.Net != nil || p.Weight(0, columnForward, 0) != 1 || p.Weight(0, p.Self(), 1) != float32(math.Exp(-.5))/2 {
		t.Errorf("got weights %v", p.Weights)
	}
}

// TestFewListsAreAModel: one that a file can hold, without factors unless they
// are asked for.
func TestFewListsAreAModel(t *testing.T) {
	m := mustTrain(t, groups(8, 60), Config{Algorithm: Auto})
	if err := m.check(); err != nil || m.Dim != 0 || len(m.Pool.Sparse.Counts) == 0 {
		t.Errorf("%d factors, error %v", m.Dim, err)
	}
}

func TestWeightsFindTheColumnThatIsRight(t *testing.T) {
	// One column says what follows, the other one nonsense.
	rows := make([]quant.SparseRow, 10)
	for i := range rows {
		a, b := int32((i+1)%10), int32((i+5)%10)
		rows[i] = quant.SparseRow{Items: []int32{a, b}, Weights: []float32{1, 0, 0, 1}}
		if a > b {
			rows[i] = quant.SparseRow{Items: []int32{b, a}, Weights: []float32{0, 1, 1, 0}}
		}
	}
	p := &bundle.Pool{Positions: 2, Buckets: []int{1}, Sparse: quant.EncodeSparse(rows, 2), Weights: make([]float32, 2*4*2)}
	var cases []poolCase
	for k := range 400 {
		i := int32(k % 10)
		target := (i + 1) % 10
		if k%8 == 0 {
			target = (i + 5) % 10
		}
		cases = append(cases, poolCase{history: []int32{(i + 3) % 10, i}, targets: []int32{target}})
	}
	if err := fitWeights(context.Background(), p, cases, 2, nil); err != nil {
		t.Fatal(err)
	}
	right, wrong := p.Weight(1, 0, 0), p.Weight(1, 1, 0)
	if ratio := right / wrong; ratio < 5 || ratio > 9 {
		t.Errorf("weights %v and %v: want them as 7 to 1", right, wrong)
	}
}
