package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

func mustFloat(t *testing.T, m *train.Model) Ranker {
	t.Helper()
	r, err := Float(m, false)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustRank(t *testing.T, r Ranker, history []data.Event, k int) []int32 {
	t.Helper()
	ranking, err := r.Rank(nil, Question{History: history, K: k})
	if err != nil {
		t.Fatal(err)
	}
	return ranking
}

// randomIALS returns a model of n items with d factors.
func randomIALS(n, d int) *train.Model {
	r := rand.New(rand.NewPCG(1, 1))
	m := &train.Model{Algorithm: train.IALS, Count: make([]uint32, n), Dim: d, Factors: make([]float32, n*d),
		Alpha: .3, Reg: .007, Exponent: 1}
	for f := range m.Factors {
		m.Factors[f] = float32(r.NormFloat64())
	}
	for i := range m.Count {
		m.Count[i] = r.Uint32N(50)
	}
	return m
}

// TestFloatFoldsInAsTheFormulaSays solves the system of Rendle et al. (RecSys
// 2022), section 3.1, in float64 and with gonum.
func TestFloatFoldsInAsTheFormulaSays(t *testing.T) {
	const n, d = 40, 6
	m := randomIALS(n, d)
	history := []data.Event{
		{Item: 7, Kind: profile.KindView, Weight: 1},
		{Item: 9, Kind: profile.KindHide, Weight: 1},
		{Item: 3, Kind: profile.KindView, Weight: .5},
		{Item: 7, Kind: profile.KindLike, Weight: 1},
	}
	weights := map[int]float64{7: 2, 3: .5}

	y := mat.NewDense(n, d, nil)
	for i := range n {
		for f := range d {
			y.Set(i, f, float64(m.Factors[i*d+f]))
		}
	}
	a, b := mat.NewDense(d, d, nil), mat.NewVecDense(d, nil)
	a.Mul(y.T(), y)
	a.Scale(float64(m.Alpha), a)
	for i, w := range weights {
		var outer mat.Dense
		outer.Outer(w, y.RowView(i), y.RowView(i))
		a.Add(a, &outer)
		b.AddScaledVec(b, w, y.RowView(i))
	}
	for f := range d {
		a.Set(f, f, a.At(f, f)+float64(m.Reg)*(float64(len(weights))+float64(m.Alpha)*n))
	}
	var u, scores mat.VecDense
	if err := u.SolveVec(a, b); err != nil {
		t.Fatal(err)
	}
	scores.MulVec(y, &u)
	var want []int32
	for i := range int32(n) {
		if i != 7 && i != 9 && i != 3 {
			want = append(want, i)
		}
	}
	slices.SortFunc(want, func(a, b int32) int {
		if scores.AtVec(int(a)) > scores.AtVec(int(b)) {
			return -1
		}
		return 1
	})
	for _, k := range []int{1, 2, 10, n - 3, n, math.MaxInt} {
		got := mustRank(t, mustFloat(t, m), history, k)
		if !slices.Equal(got, want[:min(k, len(want))]) {
			t.Errorf("k %d: got %v, want %v", k, got, want[:min(k, len(want))])
		}
	}
}

func TestFloatAddsTheRowsOfEASE(t *testing.T) {
	m := &train.Model{
		Algorithm: train.EASE,
		Count:     []uint32{0, 1, 2, 3, 4},
		Neighbours: &data.Matrix{
			Rows: 5, Cols: 5,
			Ptr: []int64{0, 3, 5, 5, 5, 5},
			Col: []int32{2, 3, 4, 3, 4},
			Val: []float32{.5, .25, -1, .5, .125},
		},
	}
	r := mustFloat(t, m)
	for _, test := range []struct {
		name    string
		history []data.Event
		k       int
		want    []int32
	}{
		{"one row", met(0), 5, []int32{2, 3, 1, 4}},
		{"two rows", met(0, 1), 5, []int32{3, 2, 4}},
		{"repeats count once", met(0, 0, 0, 1), 5, []int32{3, 2, 4}},
		{"the weight counts", []data.Event{{Item: 0, Kind: profile.KindView, Weight: 4}, {Item: 1, Kind: profile.KindView, Weight: 1}}, 2, []int32{2, 3}},
		{"a tie goes to the lower index", met(2), 2, []int32{0, 1}},
		{"nobody known: popularity", nil, 3, []int32{4, 3, 2}},
		{"all is hidden: popularity of the rest", []data.Event{{Item: 4, Kind: profile.KindHide, Weight: 1}}, 2, []int32{3, 2}},
	} {
		if got := mustRank(t, r, test.history, test.k); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestFloatPopularBreaksTiesByIndex(t *testing.T) {
	m := &train.Model{Algorithm: train.Popular, Count: []uint32{1, 7, 3, 7, 3}}
	if got, want := mustRank(t, mustFloat(t, m), met(3), 3), []int32{1, 2, 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFloatRanksCandidatesAndRepeats(t *testing.T) {
	for _, m := range []*train.Model{randomIALS(9, 2), {Algorithm: train.Popular, Count: []uint32{1, 7, 3, 7, 3, 0, 2, 5, 4}}} {
		all := Question{History: met(3, 1), K: 9}
		among := Question{History: met(3, 1), Among: []int32{0, 1, 4, 8}, K: 3}
		for _, repeats := range []bool{false, true} {
			r, err := Float(m, repeats)
			if err != nil {
				t.Fatal(err)
			}
			ranking, err := r.Rank(nil, all)
			if err != nil {
				t.Fatal(err)
			}
			if want := 7; !repeats && len(ranking) != want || repeats && len(ranking) != want+2 {
				t.Errorf("%s, repeats %t: got %d items", m.Algorithm, repeats, len(ranking))
			}
			want := slices.DeleteFunc(ranking, func(i int32) bool { return !slices.Contains(among.Among, i) })
			got, err := r.Rank(nil, among)
			if err != nil || !slices.Equal(got, want[:3]) {
				t.Errorf("%s, repeats %t: got %v and error %v, want %v", m.Algorithm, repeats, got, err, want[:3])
			}
		}
	}
}

func TestFloatHasNothingForWhoHasEverything(t *testing.T) {
	neighbours := &train.Model{Algorithm: train.EASE, Count: make([]uint32, 3), Neighbours: &data.Matrix{
		Rows: 3, Cols: 3, Ptr: []int64{0, 1, 2, 3}, Col: []int32{1, 2, 0}, Val: []float32{1, 1, 1}}}
	for _, m := range []*train.Model{randomIALS(3, 2), neighbours, {Algorithm: train.Popular, Count: make([]uint32, 3)}} {
		if got := mustRank(t, mustFloat(t, m), met(0, 1, 2), 2); len(got) != 0 {
			t.Errorf("%s: got %v, want nothing", m.Algorithm, got)
		}
	}
}

func TestFloatAppends(t *testing.T) {
	for _, m := range []*train.Model{randomIALS(5, 2), {Algorithm: train.Popular, Count: make([]uint32, 5)}} {
		got, err := mustFloat(t, m).Rank([]int32{77}, Question{History: met(1), K: 2})
		if err != nil || len(got) != 3 || got[0] != 77 {
			t.Errorf("%s: got %v and error %v, want 77 and two items", m.Algorithm, got, err)
		}
	}
}

func TestFloatServesManyAtOnce(t *testing.T) {
	r := mustFloat(t, randomIALS(30, 4))
	want := make([][]int32, 30)
	for i := range want {
		want[i] = mustRank(t, r, met(int32(i)), 5)
	}
	var wg sync.WaitGroup
	for i := range want {
		wg.Go(func() {
			got, err := r.Rank(nil, Question{History: met(int32(i)), K: 5})
			if err != nil || !slices.Equal(got, want[i]) {
				t.Errorf("history %d: got %v and error %v, want %v", i, got, err, want[i])
			}
		})
	}
	wg.Wait()
}

func TestFloatRefuses(t *testing.T) {
	for _, test := range []struct {
		m    *train.Model
		want string
	}{
		{&train.Model{Algorithm: train.IALS, Count: make([]uint32, 2), Dim: 2, Factors: make([]float32, 3)},
			"eval: model: 3 factors, want 2 items × 2"},
		{&train.Model{Algorithm: train.EASE, Count: make([]uint32, 2), Neighbours: &data.Matrix{Rows: 2, Cols: 1}}, "eval: model: neighbours are not 2 × 2"},
	} {
		if _, err := Float(test.m, false); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
	r := mustFloat(t, randomIALS(3, 2))
	if _, err := r.Rank(nil, Question{History: met(3), K: 1}); err == nil || err.Error() != "rank: item 3 in the history, but the model has 3 items" {
		t.Errorf("a foreign item: got %v", err)
	}
	if _, err := r.Rank(nil, Question{}); err == nil || err.Error() != "rank: k 0: want at least 1" {
		t.Errorf("k 0: got %v", err)
	}
	singular := &train.Model{Algorithm: train.IALS, Count: make([]uint32, 2), Dim: 1, Factors: make([]float32, 2)}
	if _, err := mustFloat(t, singular).Rank(nil, Question{History: met(0), K: 1}); err == nil || !strings.Contains(err.Error(), "increase the reg") {
		t.Errorf("a singular system: got %v", err)
	}
}
