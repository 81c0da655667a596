package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// matrixOf builds a matrix from rows of columns.
func matrixOf(cols int, rows ...[]int32) *data.Matrix {
	m := &data.Matrix{Rows: len(rows), Cols: cols, Ptr: []int64{0}}
	for _, r := range rows {
		m.Col = append(m.Col, r...)
		m.Ptr = append(m.Ptr, int64(len(m.Col)))
	}
	return m
}

// random is a matrix with density p.
func random(rows, cols int, p float64) *data.Matrix {
	rnd := rand.New(rand.NewPCG(3, 4))
	list := make([][]int32, rows)
	for r := range list {
		for c := range cols {
			if rnd.Float64() < p {
				list[r] = append(list[r], int32(c))
			}
		}
	}
	return matrixOf(cols, list...)
}

// checkerboard: even users have the even items but one, odd users the odd.
func checkerboard(n int) *data.Matrix {
	list := make([][]int32, n)
	for u := range n {
		for i := range n {
			if i%2 == u%2 && i != u {
				list[u] = append(list[u], int32(i))
			}
		}
	}
	return matrixOf(n, list...)
}

func mustTrain(t *testing.T, m *data.Matrix, cfg Config) *Model {
	t.Helper()
	in := input(m)
	if cfg.Algorithm == Sequence {
		in.Sequences = &data.Sequences{Items: m.Cols, Ptr: m.Ptr, Item: m.Col}
	}
	model, err := Train(context.Background(), in, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// input adds to pairs what any algorithm may need.
func input(m *data.Matrix) Input {
	const d = 3
	in := Input{Pairs: m, Items: make([]data.Item, m.Cols), Vectors: &data.Vectors{Dim: d}}
	rnd := rand.New(rand.NewPCG(5, 6))
	for i := range in.Items {
		in.Items[i] = data.Item{ID: "i" + strconv.Itoa(i), Title: "item " + strconv.Itoa(i), Tags: []string{"x", strconv.Itoa(i % 3)}, Published: -5}
		in.Vectors.IDs.Add(in.Items[i].ID)
		for range d {
			in.Vectors.Values = append(in.Vectors.Values, float32(rnd.NormFloat64()))
		}
	}
	return in
}

// begin is a training that has not begun to learn.
func begin(t testing.TB, m *data.Matrix, cfg Config) *training {
	t.Helper()
	training, err := newTraining(Input{Pairs: m}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return training
}

// small are parameters with which a learns tiny worlds fast.
func small(a Algorithm) Params {
	p := Params{}
	for _, d := range a.Parameters() {
		if v, ok := map[string]float64{"dim": 3, "epochs": 2}[d.Name]; ok {
			p[d.Name] = v
		}
	}
	return p
}

// TestCheckerboard: items of one colour speak for each other, and for none of
// the other colour.
func TestCheckerboard(t *testing.T) {
	const n = 20
	m := checkerboard(n)
	ease := mustTrain(t, m, Config{Algorithm: EASE, Params: Params{"lambda": 1}})
	for i := range n {
		col, val := ease.Neighbours.Row(i)
		for k, j := range col {
			if same := i%2 == int(j)%2; same != (val[k] > .01) && math.Abs(float64(val[k])) > 1e-6 {
				t.Errorf("ease: weight of %d for %d is %v", i, j, val[k])
			}
		}
	}
	popular := mustTrain(t, m, Config{Algorithm: Popular})
	for i, c := range popular.Count {
		if c != n/2-1 {
			t.Errorf("popular: item %d has %d people, want %d", i, c, n/2-1)
		}
	}
}

// objective is the loss that iALS lowers, with each user's factors at their
// best for the model's item factors.
func objective(m *data.Matrix, model *Model) float64 {
	n, d := m.Cols, model.Dim
	alpha, reg := float64(model.Alpha), float64(model.Reg)
	Y := mat.NewDense(n, d, nil)
	for i, x := range model.Factors {
		Y.Set(i/d, i%d, float64(x))
	}
	var gram mat.Dense
	gram.Mul(Y.T(), Y)
	people := make([]float64, n)
	var loss float64
	for u := range m.Rows {
		col, _ := m.Row(u)
		A := mat.NewDense(d, d, nil)
		A.Scale(alpha, &gram)
		b := mat.NewVecDense(d, nil)
		for _, i := range col {
			people[i]++
			y := Y.RowView(int(i))
			var outer mat.Dense
			outer.Outer(1, y, y)
			A.Add(A, &outer)
			b.AddVec(b, y)
		}
		ridge := reg * (float64(len(col)) + alpha*float64(n))
		for f := range d {
			A.Set(f, f, A.At(f, f)+ridge)
		}
		var x mat.VecDense
		if err := x.SolveVec(A, b); err != nil {
			panic(err)
		}
		loss += ridge * mat.Dot(&x, &x)
		for i := range n {
			p := mat.Dot(&x, Y.RowView(i))
			loss += alpha * p * p
		}
		for _, i := range col {
			p := mat.Dot(&x, Y.RowView(int(i)))
			loss += (p - 1) * (p - 1)
		}
	}
	for i := range n {
		y := Y.RowView(i)
		loss += reg * (people[i] + alpha*float64(m.Rows)) * mat.Dot(y, y)
	}
	return loss
}

func TestEveryEpochLowersTheObjective(t *testing.T) {
	m := random(80, 40, .15)
	last := math.Inf(1)
	for epochs := 1; epochs <= 8; epochs++ {
		got := objective(m, mustTrain(t, m, Config{Algorithm: IALS, Params: Params{"dim": 5, "epochs": float64(epochs)}}))
		if got >= last {
			t.Errorf("after epoch %d the objective is %v, before it %v", epochs, got, last)
		}
		last = got
	}
}

// TestEASEIsTheClosedForm computes eq. 8 of the paper densely.
func TestEASEIsTheClosedForm(t *testing.T) {
	const lambda = 3
	m := random(40, 12, .3)
	X := mat.NewDense(40, 12, nil)
	for r := range 40 {
		col, _ := m.Row(r)
		for _, c := range col {
			X.Set(r, int(c), 1)
		}
	}
	var P mat.Dense
	P.Mul(X.T(), X)
	for i := range 12 {
		P.Set(i, i, P.At(i, i)+lambda)
	}
	if err := P.Inverse(&P); err != nil {
		t.Fatal(err)
	}
	got := mustTrain(t, m, Config{Algorithm: EASE, Params: Params{"lambda": lambda, "neighbours": 0}}).Neighbours
	for i := range 12 {
		col, val := got.Row(i)
		if len(col) != 11 {
			t.Fatalf("row %d has %d weights, want 11", i, len(col))
		}
		for k, j := range col {
			if want := -P.At(i, int(j)) / P.At(int(j), int(j)); math.Abs(float64(val[k])-want) > 1e-6 {
				t.Errorf("B[%d,%d] = %v, want %v", i, j, val[k], want)
			}
		}
	}
	pruned := mustTrain(t, m, Config{Algorithm: EASE, Params: Params{"lambda": lambda, "neighbours": 3}}).Neighbours
	for i := range 12 {
		_, all := got.Row(i)
		_, kept := pruned.Row(i)
		var least float32 = math.MaxFloat32
		for _, v := range kept {
			least = min(least, float32(math.Abs(float64(v))))
		}
		larger := 0
		for _, v := range all {
			if float32(math.Abs(float64(v))) > least {
				larger++
			}
		}
		if len(kept) != 3 || larger > 2 {
			t.Errorf("row %d keeps %d weights while %d are larger than the least", i, len(kept), larger)
		}
	}
}

func TestSameBytesForAnyNumberOfWorkers(t *testing.T) {
	m := random(300, 90, .1)
	want := mustTrain(t, m, Config{Algorithm: IALS, Workers: 1, Seed: 5, Params: Params{"dim": 9, "epochs": 3}})
	for _, workers := range []int{2, 3, 8} {
		got := mustTrain(t, m, Config{Algorithm: IALS, Workers: workers, Seed: 5, Params: Params{"dim": 9, "epochs": 3}})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

// TestResumeIsAsIfNeverInterrupted cancels after each epoch in turn.
func TestResumeIsAsIfNeverInterrupted(t *testing.T) {
	m := random(120, 60, .1)
	cfg := Config{Algorithm: IALS, Workers: 2, Params: Params{"dim": 6, "epochs": 4}}
	want := mustTrain(t, m, cfg)
	for stop := 1; stop < 4; stop++ {
		ctx, cancel := context.WithCancel(context.Background())
		c := cfg
		c.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
		c.Progress = func(p Progress) {
			if p.Epoch > stop {
				cancel()
			}
		}
		if _, err := Train(ctx, Input{Pairs: m}, c); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled in epoch %d: %v", stop+1, err)
		}
		c.Resume, c.Progress = true, nil
		got := mustTrain(t, m, c)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("resumed after epoch %d: %s", stop, diff)
		}
		if _, err := os.Stat(c.Checkpoint); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the checkpoint is left behind: %v", err)
		}
	}
}

func TestACheckpointOfAnotherTrainingIsRefused(t *testing.T) {
	m := random(120, 60, .1)
	ctx, cancel := context.WithCancel(context.Background())
	c := Config{Algorithm: IALS, Checkpoint: filepath.Join(t.TempDir(), "checkpoint"), Params: Params{"dim": 6, "epochs": 4}}
	c.Progress = func(p Progress) {
		if p.Epoch > 1 {
			cancel()
		}
	}
	if _, err := Train(ctx, Input{Pairs: m}, c); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	c.Progress, c.Resume = nil, true
	other := c
	other.Seed++
	if _, err := Train(context.Background(), Input{Pairs: m}, other); err == nil || !strings.Contains(err.Error(), "configuration") {
		t.Errorf("another seed: %v", err)
	}
	if _, err := Train(context.Background(), Input{Pairs: random(120, 60, .2)}, c); err == nil || !strings.Contains(err.Error(), "data") {
		t.Errorf("other data: %v", err)
	}
}

// TestMomentIsTheMeanOverThePeople folds everyone in with gonum.
func TestMomentIsTheMeanOverThePeople(t *testing.T) {
	const tol = 5e-5 // float32 sums of 80 people, in axes known to 1e-5
	m := random(80, 40, .2)
	model := mustTrain(t, m, Config{Algorithm: IALS, Params: Params{"dim": 5, "epochs": 2}})
	d := model.Dim
	items := mat.NewDense(m.Cols, d, nil)
	for k, v := range model.Factors {
		items.Set(k/d, k%d, float64(v))
	}
	want := mat.NewDense(d, d, nil)
	for u := range m.Rows {
		system, right := mat.NewDense(d, d, nil), mat.NewVecDense(d, nil)
		system.Mul(items.T(), items)
		system.Scale(float64(model.Alpha), system)
		col, _ := m.Row(u)
		for _, i := range col {
			y := items.RowView(int(i))
			system.RankOne(system, 1, y, y)
			right.AddVec(right, y)
		}
		ridge := float64(model.Reg) * (float64(len(col)) + float64(model.Alpha)*float64(m.Cols))
		for k := range d {
			system.Set(k, k, system.At(k, k)+ridge)
		}
		var x mat.VecDense
		if err := x.SolveVec(system, right); err != nil {
			t.Fatal(err)
		}
		want.RankOne(want, 1/float64(m.Rows), &x, &x)
	}
	for k, got := range model.Moment {
		if w := want.At(k/d, k%d); math.Abs(float64(got)-w) > tol {
			t.Errorf("moment[%d,%d]: got %v, want %v", k/d, k%d, got, w)
		}
	}
}

// TestModelsWithoutAMomentAreRead: files of before the moment have none.
func TestModelsWithoutAMomentAreRead(t *testing.T) {
	want := mustTrain(t, random(30, 2, .7), Config{Algorithm: IALS, Params: Params{"dim": 2, "epochs": 1}, Seed: 7})
	want.Items, want.Moment = []data.Item{{ID: "a"}, {ID: "b"}}, nil
	var doc bytes.Buffer
	if err := want.Write(&doc); err != nil {
		t.Fatal(err)
	}
	got, err := parseModel(doc.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeLearntIsRefused(t *testing.T) {
	nan := matrixOf(3, []int32{0, 1}, []int32{1, 2})
	nan.Val = []float32{1, 1, float32(math.NaN()), 1}
	for name, c := range map[string]struct {
		m   *data.Matrix
		cfg Config
	}{
		"no algorithm":                 {random(9, 9, .5), Config{}},
		"empty":                        {matrixOf(0), Config{Algorithm: IALS}},
		"one user":                     {matrixOf(3, []int32{0, 1}), Config{Algorithm: EASE}},
		"NaN weight":                   {nan, Config{Algorithm: IALS}},
		"dim":                          {random(9, 9, .5), Config{Algorithm: IALS, Params: Params{"dim": MaxDim + 1}}},
		"negative reg":                 {random(9, 9, .5), Config{Algorithm: IALS, Params: Params{"reg": -1}}},
		"half a dim":                   {random(9, 9, .5), Config{Algorithm: IALS, Params: Params{"dim": 1.5}}},
		"NaN":                          {random(9, 9, .5), Config{Algorithm: IALS, Params: Params{"reg": math.NaN()}}},
		"no vectors":                   {random(9, 9, .5), Config{Algorithm: Imported}},
		"a parameter of another model": {random(9, 9, .5), Config{Algorithm: EASE, Params: Params{"dim": 2}}},
	} {
		if _, err := Train(context.Background(), Input{Pairs: c.m}, c.cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	all := matrixOf(4, []int32{0, 1, 2, 3}, []int32{0, 1, 2, 3}, []int32{0, 1, 2, 3})
	for _, a := range Algorithms() {
		mustTrain(t, all, Config{Algorithm: a, Params: small(a)})
	}
}

func TestModelFilesRoundTripAndDamagedOnesAreRefused(t *testing.T) {
	m := random(30, 8, .4)
	for _, a := range Algorithms() {
		want := mustTrain(t, m, Config{Algorithm: a, Params: small(a)})
		path := filepath.Join(t.TempDir(), "model.nsm")
		if err := want.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		want.Gains = nil
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(quant.Sparse{})); diff != "" {
			t.Errorf("%s: %s", a, diff)
		}
		var doc bytes.Buffer
		if err := want.Write(&doc); err != nil {
			t.Fatal(err)
		}
		for n := range doc.Len() {
			if _, err := parseModel(doc.Bytes()[:n]); err == nil {
				t.Fatalf("%s: the first %d of %d bytes are accepted", a, n, doc.Len())
			}
		}
	}
	if _, err := parseModel([]byte{0x81, 0, 0xa4, 'm', 'a', 'n', 'i'}); err == nil || !strings.Contains(err.Error(), "mani") {
		t.Errorf("another document: %v, want its name", err)
	}
}
