package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// history returns what m has as sequences, each of them twice with repeats.
func history(m *data.Matrix, repeats bool) *data.Sequences {
	seq := &data.Sequences{Items: m.Cols, Ptr: []int64{0}}
	for u := range m.Rows {
		col, _ := m.Row(u)
		seq.Item = append(seq.Item, col...)
		if repeats {
			seq.Item = append(seq.Item, col...)
		}
		seq.Ptr = append(seq.Ptr, int64(len(seq.Item)))
	}
	return seq
}

// grown is m with more columns, and with nobody who has one of the gone.
func grown(m *data.Matrix, more int, gone ...int32) *data.Matrix {
	rows := make([][]int32, m.Rows)
	for u := range rows {
		col, _ := m.Row(u)
		for _, i := range col {
			if !slices.Contains(gone, i) {
				rows[u] = append(rows[u], i)
			}
		}
		for j := range more {
			if (u+j)%3 == 0 {
				rows[u] = append(rows[u], int32(m.Cols+j))
			}
		}
	}
	return matrixOf(m.Cols+more, rows...)
}

// TestRefitKeepsIndices: the items of yesterday are where they were, the new ones
// come after them, and of one that nobody has any more nothing is left.
func TestRefitKeepsIndices(t *testing.T) {
	const gone = 3
	m := random(200, 20, .3)
	after := grown(m, 2, gone)
	for _, a := range Algorithms() {
		from := mustTrain(t, m, Config{Algorithm: a, Params: small(a)})
		got := mustTrain(t, after, Config{Algorithm: a, From: from})
		for i, it := range from.Items {
			if got.Items[i].ID != it.ID {
				t.Errorf("%s: item %d is %q, want %q", a, i, got.Items[i].ID, it.ID)
			}
		}
		if len(got.Items) != m.Cols+2 || got.Count[gone] != 0 || got.Count[m.Cols] == 0 {
			t.Errorf("%s: %d items, counts %v", a, len(got.Items), got.Count)
		}
		if diff := cmp.Diff(from.Params, got.Params); diff != "" {
			t.Errorf("%s: parameters: %s", a, diff)
		}
		if a == Imported || a == Content { // its factors are given, or those by content
			continue
		}
		for k := range got.Dim {
			if v := got.Factors[gone*got.Dim+k]; v != 0 {
				t.Errorf("%s: factor %d of an item that nobody has is %v", a, k, v)
			}
		}
		if got.Neighbours != nil {
			if col, _ := got.Neighbours.Row(gone); len(col) > 0 {
				t.Errorf("%s: an item that nobody has has neighbours %v", a, col)
			}
		}
		if got.Pool != nil && got.Pool.Sparse.C > 0 {
			if items, _ := got.Pool.Sparse.Row(nil, gone); len(items) > 0 {
				t.Errorf("%s: an item that nobody has has neighbours %v", a, items)
			}
		}
	}
}

// TestRefitOfIALSGoesOn: two epochs after two are four. The factors stand in
// other axes, so that products are compared.
func TestRefitOfIALSGoesOn(t *testing.T) {
	const tol = 1e-5 // float32 in other axes; products are up to 1
	m := random(120, 60, .1)
	four := mustTrain(t, m, Config{Algorithm: IALS, Params: Params{"dim": 6, "epochs": 4}})
	two := mustTrain(t, m, Config{Algorithm: IALS, Params: Params{"dim": 6, "epochs": 2}})
	got := mustTrain(t, m, Config{Algorithm: IALS, From: two})
	if n := got.Params["epochs"]; n != 2 {
		t.Errorf("%v epochs, want 2", n)
	}
	product := func(m *Model, i, j int) float64 {
		var sum float64
		for k := range m.Dim {
			sum += float64(m.Factors[i*m.Dim+k]) * float64(m.Factors[j*m.Dim+k])
		}
		return sum
	}
	for i := range m.Cols {
		for j := range i + 1 {
			if a, b := product(got, i, j), product(four, i, j); math.Abs(a-b) > tol {
				t.Fatalf("items %d and %d: got %v, want %v", i, j, a, b)
			}
		}
	}
}

// TestRefitOfAutoKeepsWeights: on the same log all of the pool is as it was.
func TestRefitOfAutoKeepsWeights(t *testing.T) {
	m := random(400, 60, .15)
	for _, repeats := range []bool{false, true} {
		for name, in := range map[string]Input{
			"lists":     {Pairs: m, Items: input(m).Items},
			"sequences": {Pairs: m, Items: input(m).Items, Sequences: history(m, repeats)},
		} {
			cfg := Config{Algorithm: Auto, Params: Params{"dim": 4, "neighbours": 9}}
			from, err := Train(context.Background(), in, cfg)
			if err != nil {
				t.Fatal(err)
			}
			for _, workers := range []int{1, 3} {
				got, err := Train(context.Background(), in, Config{Algorithm: Auto, From: from, Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				want := *from
				want.Gains = nil
				if diff := cmp.Diff(&want, got, cmp.AllowUnexported(quant.Sparse{})); diff != "" {
					t.Errorf("%s, repeats %t, %d workers: %s", name, repeats, workers, diff)
				}
			}
		}
	}
}

// TestRefitOfAutoLearnsTheNetAlone: the weights are yesterday's, and the net is
// judged anew, with the same outcome for any number of workers.
func TestRefitOfAutoLearnsTheNetAlone(t *testing.T) {
	seq := walks(2500, 100, false)
	in := Input{Pairs: pairsOf(seq), Items: input(pairsOf(seq)).Items, Sequences: seq}
	from, err := Train(context.Background(), in, Config{
		Algorithm: Auto, Params: Params{"dim": 8, "neighbours": 3, "holdout": .3, "examples": 20000},
	})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	from.Pool.Net = newNet(choices(rng, 50, bundle.NetInputs(sequenceColumns)), rng).quantise() // whether or not it had one
	var want *Model
	for _, workers := range []int{1, 2, 5} {
		got := risen(t, "a refit", in, Config{Algorithm: Auto, From: from, Workers: workers})
		if len(got.Gains) != 3 || got.Gains[2].Part != "net" || !slices.Equal(got.Pool.Weights, from.Pool.Weights) {
			t.Errorf("%d workers: gains %+v", workers, got.Gains)
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(quant.Sparse{})); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

// TestRefitOfANetBeginsAtIt: with few examples it stays as good as it was, which a
// new one does not become.
func TestRefitOfANetBeginsAtIt(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	examples := choices(rng, 300, 9)
	fit := func(shown float64, from *bundle.Net) *bundle.Net {
		a := &auto{rng: rand.New(rand.NewPCG(5, 6)), training: &training{
			meter: &meter{}, cfg: Config{Workers: 2, Params: Params{"examples": shown}},
		}}
		if from != nil {
			a.cfg.From = &Model{Pool: &bundle.Pool{Net: from}}
		}
		got, err := a.fitNet(context.Background(), examples)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	loss := func(b *bundle.Net) (sum float64) {
		for _, e := range examples {
			e.x = slices.Clone(e.x)
			n := netOf(b)
			for k := range e.x {
				e.x[k] = (e.x[k] - n.mean[k/e.m]) * n.scale[k/e.m]
			}
			sum += lossOf(n, e) / float64(len(examples))
		}
		return sum
	}
	full := fit(12000, nil)
	was, again, anew := loss(full), loss(fit(2400, full)), loss(fit(2400, nil))
	if again > was*1.02 || anew < was*1.2 {
		t.Errorf("loss %v: of a refit %v, of a new net with as many examples %v", was, again, anew)
	}
}

// choices are examples in which the target is the candidate with the most of
// feature 0 among those with little of feature 1.
func choices(rng *rand.Rand, count, features int) []netExample {
	const m = 12
	list := make([]netExample, count)
	for k := range list {
		e := netExample{x: make([]float32, features*m), m: m}
		for at := range e.x {
			e.x[at] = float32(rng.NormFloat64())
		}
		value := func(c int) float32 { return e.x[c] - 3*max(0, e.x[m+c]) }
		for c := range m {
			if value(c) > value(e.target) {
				e.target = c
			}
		}
		list[k] = e
	}
	return list
}

func TestRefitGivesTheSameBytesForAnyNumberOfWorkers(t *testing.T) {
	m := random(300, 90, .1)
	from := mustTrain(t, m, Config{Algorithm: IALS, Params: Params{"dim": 9, "epochs": 3}})
	after := grown(m, 5, 7)
	want := mustTrain(t, after, Config{Algorithm: IALS, From: from, Workers: 1})
	for _, workers := range []int{2, 3, 8} {
		got := mustTrain(t, after, Config{Algorithm: IALS, From: from, Workers: workers})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

// TestWhatIsNoModelToGoOnFromIsRefused says why.
func TestWhatIsNoModelToGoOnFromIsRefused(t *testing.T) {
	m := random(60, 20, .3)
	ials := mustTrain(t, m, Config{Algorithm: IALS, Params: small(IALS)})
	shipped := mustTrain(t, m, Config{Algorithm: IALS, Params: Params{"dim": 6, "ship": 3, "epochs": 2}})
	lists := mustTrain(t, m, Config{Algorithm: Auto, Params: small(Auto)})
	in := input(m)
	plain, repeated := in, in
	plain.Sequences, repeated.Sequences = history(m, false), history(m, true)
	sequences, err := Train(context.Background(), plain, Config{Algorithm: Auto, Params: small(Auto)})
	if err != nil {
		t.Fatal(err)
	}
	wider, pool, inputs := *sequences, *sequences.Pool, bundle.NetInputs(sequenceColumns)
	layer := func(units, inputs int) bundle.Layer {
		return quantiseLayer(make([]float32, units*inputs), make([]float32, units))
	}
	wider.Pool, pool.Net = &pool, &bundle.Net{
		In: inputs, H1: 32, H2: 17, Mean: make([]float32, inputs), Scale: make([]float32, inputs),
		L1: layer(32, inputs), L2: layer(17, 32), Out: layer(1, 17+inputs),
	}
	fewer, other, unnamed := input(matrixOf(19, []int32{0, 1}, []int32{1, 2})), input(m), Input{Pairs: m}
	other.Items[4].ID = "another"
	broken := *ials
	broken.Factors = broken.Factors[1:]
	for _, c := range []struct {
		want string
		in   Input
		cfg  Config
	}{
		{"it is of ials: want ease", in, Config{Algorithm: EASE, From: ials}},
		{"it has 3 factors per item: want dim, 5", in, Config{Algorithm: IALS, From: ials, Params: Params{"dim": 5}}},
		{"it has 20 items, and there are 19", fewer, Config{Algorithm: IALS, From: ials}},
		{"it has 20 items, and there are 0", unnamed, Config{Algorithm: IALS, From: ials}},
		{`its item 4 is "i4": want "another"`, other, Config{Algorithm: IALS, From: ials}},
		{"it has 3 factors per item: want dim, 6", in, Config{Algorithm: IALS, From: shipped}},
		{"dim 3 with 59 factors", in, Config{Algorithm: IALS, From: &broken}},
		{"its weights are for dim=3: want 4", in, Config{Algorithm: Auto, From: lists, Params: Params{"dim": 4}}},
		{"its pool has 1 columns, 1 positions", plain, Config{Algorithm: Auto, From: lists}},
		{"its pool has 5 columns, 8 positions", in, Config{Algorithm: Auto, From: sequences}},
		{"its net has layers of 32 and 17 units: want 32 and 16", plain, Config{Algorithm: Auto, From: &wider}},
		{"without repeats, and these have some", repeated, Config{Algorithm: Auto, From: sequences}},
	} {
		_, err := Train(context.Background(), c.in, c.cfg)
		if !errors.Is(err, ErrFrom) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
