package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/data"
)

// weighted gives m weights between 0.5 and 2.5.
func weighted(m *data.Matrix) *data.Matrix {
	rnd := rand.New(rand.NewPCG(7, 8))
	m.Val = make([]float32, len(m.Col))
	for e := range m.Val {
		m.Val[e] = .5 + 2*rnd.Float32()
	}
	return m
}

// TestSolvedRowsMakeTheGradientVanish checks the normal equations, in float64
// and straight from the loss: half its gradient for user u is
// Σ_S w(ŷ-1)y_i + α Σ_all ŷ·y_i + reg·x_u.
func TestSolvedRowsMakeTheGradientVanish(t *testing.T) {
	m := weighted(random(50, 200, .9)) // more pairs in a row than gatherRows
	for _, test := range []struct {
		steps int
		tol   float64 // of the gradient at x = 0
	}{
		{0, 2e-5},  // float32 rounds at 6e-8
		{60, 2e-5}, // more than there are factors
		{3, 2e-2},
	} {
		for _, d := range []int{1, 7, 16, 33} {
			for _, exponent := range []float64{.5, 1} {
				s := newIALS(begin(t, m, Config{Algorithm: IALS, Params: Params{
					"dim": float64(d), "exponent": exponent, "steps": float64(test.steps)}}))
				if err := s.solve(context.Background(), &s.users, &s.items, s.steps); err != nil {
					t.Fatal(err)
				}
				for u := range m.Rows {
					gradient, terms := gradientOfUser(s, u, exponent)
					if got, scale := norm(gradient), norm(terms); got > test.tol*scale {
						t.Fatalf("d=%d, %d steps, exponent %v, user %d: the gradient has norm %v, its terms %v",
							d, test.steps, exponent, u, got, scale)
					}
				}
			}
		}
	}
}

func gradientOfUser(s *ials, u int, exponent float64) (gradient, terms []float64) {
	x := s.users.factors[u*s.stride : (u+1)*s.stride]
	col, val := s.users.pairs.Row(u)
	weight := make(map[int]float64)
	for e, i := range col {
		weight[int(i)] = float64(val[e])
	}
	items := s.users.pairs.Cols
	reg := float64(s.reg) * math.Pow(float64(len(col))+float64(s.alpha)*float64(items), exponent)
	gradient, terms = make([]float64, s.stride), make([]float64, s.stride)
	for k := range x {
		gradient[k] = reg * float64(x[k])
	}
	for i := range items {
		y := s.items.factors[i*s.stride : (i+1)*s.stride]
		var score float64
		for k := range x {
			score += float64(x[k]) * float64(y[k])
		}
		w := weight[i]
		for k := range x {
			gradient[k] += (w*(score-1) + float64(s.alpha)*score) * float64(y[k])
			terms[k] += w * math.Abs(float64(y[k]))
		}
	}
	return gradient, terms
}

// TestStepsLowerTheObjectiveLikeTheExactSolver: with three steps a row an epoch
// is as good as with a factorisation, within a per cent of what it gains.
func TestStepsLowerTheObjectiveLikeTheExactSolver(t *testing.T) {
	m := clusters(400, 150, 5)
	after := func(steps, epochs float64) float64 {
		return objective(m, mustTrain(t, m, Config{Algorithm: IALS, Params: Params{"dim": 12, "steps": steps, "epochs": epochs}}))
	}
	start := after(0, 1)
	for epochs := 2.; epochs <= 8; epochs += 3 {
		want, got := after(0, epochs), after(3, epochs)
		t.Logf("after %v epochs: %.2f exactly, %.2f in three steps", epochs, want, got)
		if got > want+.01*(start-want) {
			t.Errorf("after %v epochs the objective is %v, with the exact solver %v, which began at %v", epochs, got, want, start)
		}
	}
}

// clusters is people of kinds who meet a third of their kind's items and a
// fiftieth of the others.
func clusters(rows, cols, kinds int) *data.Matrix {
	rng := rand.New(rand.NewPCG(5, 6))
	list := make([][]int32, rows)
	for u := range list {
		for i := range cols {
			p := .02
			if i%kinds == u%kinds {
				p = .33
			}
			if rng.Float64() < p {
				list[u] = append(list[u], int32(i))
			}
		}
	}
	return matrixOf(cols, list...)
}

func norm(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// TestCheckerboardIALS: with one factor for each colour, an item is nearer to
// all items of its colour than to any of the other.
func TestCheckerboardIALS(t *testing.T) {
	const n = 20
	model := mustTrain(t, checkerboard(n), Config{Algorithm: IALS, Params: Params{"dim": 2, "epochs": 20}})
	for h := range n {
		same, other := math.Inf(1), math.Inf(-1)
		for i := range n {
			var score float64
			for k := range model.Dim {
				score += float64(model.Factors[h*model.Dim+k]) * float64(model.Factors[i*model.Dim+k])
			}
			if i%2 == h%2 {
				same = min(same, score)
			} else {
				other = max(other, score)
			}
		}
		if same <= other {
			t.Errorf("item %d: an item of its colour has %v, one of the other %v", h, same, other)
		}
	}
}

// TestCancelledAtTheEndOfAnyEpochLeavesThatEpoch cancels when the last row of
// each epoch is done, with weights and several workers.
func TestCancelledAtTheEndOfAnyEpochLeavesThatEpoch(t *testing.T) {
	m := weighted(random(90, 70, .1))
	cfg := Config{Algorithm: IALS, Workers: 3, Seed: 9, Params: Params{"dim": 17, "epochs": 4}}
	want := mustTrain(t, m, cfg)
	for stop := range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		c := cfg
		c.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
		c.Progress = func(p Progress) {
			if p.Done >= int64(stop)*int64(m.Rows+m.Cols) {
				cancel()
			}
		}
		_, err := Train(ctx, Input{Pairs: m}, c)
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after epoch %d: got error %v, want one that wraps %v", stop, err, context.Canceled)
		}
		entries, err := os.ReadDir(filepath.Dir(c.Checkpoint))
		if err != nil {
			t.Fatal(err)
		}
		if files := min(stop, 1); len(entries) != files {
			t.Errorf("stopped after epoch %d: %d files, want %d", stop, len(entries), files)
		}
		first := int64(-1)
		c.Resume = true
		c.Progress = func(p Progress) {
			if first < 0 {
				first = p.Done
			}
		}
		if diff := cmp.Diff(want, mustTrain(t, m, c)); diff != "" {
			t.Errorf("resumed after epoch %d: %s", stop, diff)
		}
		if from := int64(stop * (m.Rows + m.Cols)); first <= from || first > from+solveBlock {
			t.Errorf("resumed after epoch %d: the first rows done are %d, want the %d of before and a block", stop, first, from)
		}
	}
}

func TestDamagedCheckpointsAreRefused(t *testing.T) {
	m := random(40, 30, .2)
	cfg := Config{Algorithm: IALS, Checkpoint: filepath.Join(t.TempDir(), "checkpoint"), Resume: true, Params: Params{"dim": 3, "epochs": 2}}
	cp := newCheckpoint(begin(t, m, cfg), m)
	factors := make([]float32, 30*padded(3))
	if err := cp.save(1, factors); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(cfg.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(doc) {
		if _, err := cp.parse(doc[:n], factors); err == nil {
			t.Fatalf("the first %d of %d bytes are accepted", n, len(doc))
		}
	}
	if _, err := cp.parse(append(doc, 0), factors); err == nil {
		t.Error("a byte after the end is accepted")
	}
	if err := cp.save(3, factors); err != nil {
		t.Fatal(err)
	}
	if _, err := Train(context.Background(), Input{Pairs: m}, cfg); err == nil || !strings.Contains(err.Error(), "3 epochs") {
		t.Errorf("more epochs than wanted: got error %v", err)
	}
}

// TestEASEAcrossPanels inverts a matrix of several panels with a rest and
// checks A·P = I through B: for every j, Σ_i A_ki·B_ij = A_kj - δ_kj/P_jj, so
// for k ≠ j it is A_kj.
func TestEASEAcrossPanels(t *testing.T) {
	const n, lambda, tol = 2*sweepPanel + 37, 2, 3e-4 // float32; rows of A sum to about 1000
	m := weighted(random(120, n, .2))
	b := mustTrain(t, m, Config{Algorithm: EASE, Workers: 2, Params: Params{"lambda": lambda, "neighbours": 0}}).Neighbours
	a := make([]float64, n*n)
	for u := range m.Rows {
		col, val := m.Row(u)
		for e, i := range col {
			for f, j := range col {
				a[int(i)*n+int(j)] += float64(val[e]) * float64(val[f])
			}
		}
	}
	product := make([]float64, n*n)
	for k := range n {
		a[k*n+k] += lambda
		for i := range n {
			col, val := b.Row(i)
			for e, j := range col {
				product[k*n+int(j)] += a[k*n+i] * float64(val[e])
			}
		}
	}
	for k := range n {
		for j := range n {
			if got, want := product[k*n+j], a[k*n+j]; k != j && math.Abs(got-want) > tol {
				t.Fatalf("(A·B)[%d,%d]: got %v, want %v", k, j, got, want)
			}
		}
	}
}

func TestEASEKeepsTheSameForAnyNumberOfWorkers(t *testing.T) {
	m := weighted(random(60, 150, .2))
	want := mustTrain(t, m, Config{Algorithm: EASE, Workers: 1, Params: Params{"neighbours": 20}})
	for _, workers := range []int{2, 3, 8} {
		if diff := cmp.Diff(want, mustTrain(t, m, Config{Algorithm: EASE, Workers: workers, Params: Params{"neighbours": 20}})); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
}

func TestEASEStopsInEveryStage(t *testing.T) {
	m := random(200, 300, .1)
	for _, stage := range []string{"products", "inverse", "neighbours"} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := Train(ctx, Input{Pairs: m}, Config{Algorithm: EASE, Workers: 1, Progress: func(p Progress) {
			if p.Stage == stage {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v, want one that wraps %v", stage, err, context.Canceled)
		}
	}
}

// TestEASEOfLargeCatalogues: where nobody has more than easeSupport other items
// to share, the approximation is exact.
func TestEASEOfLargeCatalogues(t *testing.T) {
	const tol = 2e-6 // weights are up to .3
	m := weighted(random(80, 40, .3))
	params := Params{"lambda": 3, "neighbours": 10}
	want := mustTrain(t, m, Config{Algorithm: EASE, Params: params}).Neighbours
	large := *m
	large.Cols = maxEASEItems + 1
	got := mustTrain(t, &large, Config{Algorithm: EASE, Params: params}).Neighbours
	if diff := cmp.Diff(want.Col, got.Col); diff != "" {
		t.Fatal(diff)
	}
	for e := range want.Val {
		if math.Abs(float64(got.Val[e]-want.Val[e])) > tol {
			t.Errorf("weight %d: got %v, want %v", e, got.Val[e], want.Val[e])
		}
	}
}

func TestModelsThatReadWouldRefuseAreNotWritten(t *testing.T) {
	world := random(30, 2, .7)
	items := []data.Item{{ID: "a"}, {ID: "b"}}
	for name, spoil := range map[string]func(ials, ease *Model) *Model{
		"no items":             func(m, _ *Model) *Model { m.Items = nil; return m },
		"an item too many":     func(m, _ *Model) *Model { m.Items = append(m.Items, data.Item{}); return m },
		"not UTF-8":            func(m, _ *Model) *Model { m.Items[1].Title = "\xff"; return m },
		"NaN factor":           func(m, _ *Model) *Model { m.Factors[1] = float32(math.NaN()); return m },
		"infinite alpha":       func(m, _ *Model) *Model { m.Alpha = float32(math.Inf(1)); return m },
		"wrong moment":         func(m, _ *Model) *Model { m.Moment = m.Moment[1:]; return m },
		"NaN moment":           func(m, _ *Model) *Model { m.Moment[1] = float32(math.NaN()); return m },
		"wrong dim":            func(m, _ *Model) *Model { m.Dim++; return m },
		"no neighbours":        func(_, m *Model) *Model { m.Neighbours = nil; return m },
		"repeated neighbour":   func(_, m *Model) *Model { m.Neighbours = matrixOf(2, []int32{1, 1}, nil); return m },
		"neighbour too far":    func(_, m *Model) *Model { m.Neighbours.Col[0] = 2; return m },
		"infinite weight":      func(_, m *Model) *Model { m.Neighbours.Val[0] = float32(math.Inf(-1)); return m },
		"an unknown algorithm": func(m, _ *Model) *Model { m.Algorithm = "magic"; return m },
	} {
		ials := mustTrain(t, world, Config{Algorithm: IALS, Params: Params{"dim": 2, "epochs": 1}})
		ease := mustTrain(t, world, Config{Algorithm: EASE})
		ials.Items, ease.Items = append([]data.Item(nil), items...), items
		path := filepath.Join(t.TempDir(), "model.nsm")
		if err := spoil(ials, ease).Save(path); err == nil {
			t.Errorf("%s is written", name)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s leaves a file", name)
		}
	}
}
