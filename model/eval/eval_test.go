package eval

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// tol is for means of the same values summed in another order.
const tol = 1e-12

// rankFunc is a Ranker made of a function.
type rankFunc func(history []data.Event, k int) []int32

func (f rankFunc) Rank(dst []int32, q Question) ([]int32, error) {
	return append(dst, f(q.History, q.K)...), nil
}

func (f rankFunc) new() (Ranker, error) { return f, nil }

// fixed is a ranker that gives everybody the same list.
func fixed(list ...int32) rankFunc {
	return func(_ []data.Event, k int) []int32 { return list[:min(k, len(list))] }
}

// met is a history of views.
func met(items ...int32) []data.Event {
	events := make([]data.Event, len(items))
	for e, i := range items {
		events[e] = data.Event{Item: i, Kind: profile.KindView, Weight: 1}
	}
	return events
}

func mustEvaluate(t *testing.T, cases []data.Case, r rankFunc, opt Options) Result {
	t.Helper()
	result, err := Evaluate(t.Context(), cases, r.new, opt)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestMeasuresOfOneCase(t *testing.T) {
	log2 := math.Log2
	for _, test := range []struct {
		name   string
		list   []int32
		target []int32
		k      int
		want   measures // recall, recall capped, precision, ndcg, map, mrr, hit
	}{
		{"one of one, first", []int32{5}, []int32{5}, 1, measures{1, 1, 1, 1, 1, 1, 1}},
		{"one of one, third", []int32{1, 2, 5}, []int32{5}, 3, measures{1, 1, 1. / 3, 1 / log2(4), 1. / 3, 1. / 3, 1}},
		{"none", []int32{1, 2, 3}, []int32{5}, 3, measures{}},
		{"an empty list", nil, []int32{5}, 3, measures{}},
		{"all of two", []int32{2, 1}, []int32{1, 2}, 2, measures{1, 1, 1, 1, 1, 1, 1}},
		{"one of two, second", []int32{9, 2}, []int32{1, 2}, 2, measures{.5, .5, .5, (1 / log2(3)) / (1 + 1/log2(3)), .25, .5, 1}},
		{"a target longer than the list", []int32{1, 9}, []int32{1, 2, 3, 4}, 2, measures{.25, .5, .5, 1 / (1 + 1/log2(3)), .5, 1, 1}},
		{"a target longer than the list, all hit", []int32{4, 1}, []int32{1, 2, 3, 4}, 2, measures{.5, 1, 1, 1, 1, 1, 1}},
		{"first and fourth of three", []int32{7, 0, 2, 9}, []int32{7, 8, 9}, 5,
			measures{2. / 3, 2. / 3, 2. / 5, (1 + 1/log2(5)) / (1 + 1/log2(3) + 1/log2(4)), (1. + 2./4) / 3, 1, 1}},
		{"fewer items than k", []int32{7}, []int32{7, 8}, 10, measures{.5, .5, .1, 1 / (1 + 1/log2(3)), .5, 1, 1}},
	} {
		if got := measure(test.list, test.target, test.k); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestAPerfectRankerScoresOneAndItsReverseNone(t *testing.T) {
	const n = 50
	var cases []data.Case
	for c := range int32(20) {
		cases = append(cases, data.Case{History: met(n-1-c, c), Target: []int32{c + 2, c + 5}})
	}
	// The history's second item tells a clairvoyant what the target is.
	perfect := rankFunc(func(history []data.Event, k int) []int32 {
		c := history[1].Item
		ranking := []int32{c + 2, c + 5}
		for i := range int32(n) {
			if i != c && i != n-1-c && i != c+2 && i != c+5 {
				ranking = append(ranking, i)
			}
		}
		return ranking[:min(k, len(ranking))]
	})
	reversed := rankFunc(func(history []data.Event, k int) []int32 {
		ranking := perfect(history, n)
		slices.Reverse(ranking)
		return ranking[:min(k, len(ranking))]
	})
	for _, test := range []struct {
		name string
		r    rankFunc
		want float64
	}{{"perfect", perfect, 1}, {"reversed", reversed, 0}} {
		result := mustEvaluate(t, cases, test.r, Options{Ks: []int{2}, Count: make([]uint32, n)})
		for _, m := range result.At {
			for which, e := range m.estimates() {
				if e.Mean != test.want || e.CI != 0 {
					t.Errorf("%s: measure %d at %d: got %v, want %v without spread", test.name, which, m.K, e, test.want)
				}
			}
		}
	}
}

func TestConfidenceIsThatOfTheMean(t *testing.T) {
	// Hits 1, 0, 0, 1: mean .5, variance 1/3, standard error sqrt(1/12).
	got := EstimateOf([]float64{1, 0, 0, 1})
	if want := 1.959963984540054 * math.Sqrt(1./12); got.Mean != .5 || math.Abs(got.CI-want) > tol {
		t.Errorf("got %v, want .5 ±%v", got, want)
	}
	if got := EstimateOf([]float64{.25}); got != (Estimate{Mean: .25}) {
		t.Errorf("one case: got %+v, want .25 and no interval", got)
	}
}

func TestCoverageAndPopularity(t *testing.T) {
	// Four items; the percentiles are those of counts 10, 5, 5, 0.
	count := []uint32{10, 5, 5, 0}
	position := []float64{7. / 8, 4. / 8, 4. / 8, 1. / 8}
	if got := percentiles(count); !slices.Equal(got, position) {
		t.Fatalf("percentiles of %v: got %v, want %v", count, got, position)
	}
	cases := []data.Case{
		{History: met(3), Target: []int32{1}},
		{History: met(3, 1), Target: []int32{0}},
	}
	result := mustEvaluate(t, cases, fixed(0, 2), Options{Ks: []int{1, 2}, Count: count})
	for at, want := range []struct{ coverage, popularity float64 }{{1. / 4, 7. / 8}, {2. / 4, 11. / 16}} {
		if m := result.At[at]; m.Coverage != want.coverage || m.Popularity != want.popularity {
			t.Errorf("at %d: got coverage %v and popularity %v, want %v", m.K, m.Coverage, m.Popularity, want)
		}
	}
	if want := (1./8 + 1./8 + 4./8) / 3; result.HistoryPopularity != want {
		t.Errorf("histories: got %v, want %v", result.HistoryPopularity, want)
	}
}

func TestATargetOutsideTheCatalogueIsMissed(t *testing.T) {
	cases := []data.Case{{Target: []int32{1, 99}}}
	m := mustEvaluate(t, cases, fixed(1, 0), Options{Ks: []int{2}, Count: make([]uint32, 2)}).At[0]
	if m.Recall.Mean != .5 || m.Hit.Mean != 1 {
		t.Errorf("got recall %v and hit %v, want .5 and 1", m.Recall, m.Hit)
	}
}

func TestKBeyondTheCatalogueJudgesWhatThereIs(t *testing.T) {
	cases := []data.Case{{Target: []int32{2}}}
	m := mustEvaluate(t, cases, fixed(0, 1, 2), Options{Ks: []int{1000}, Count: make([]uint32, 3)}).At[0]
	if want := 1 / math.Log2(4); m.NDCG.Mean != want || m.Coverage != 1 {
		t.Errorf("got ndcg %v and coverage %v, want %v and 1", m.NDCG, m.Coverage, want)
	}
}

// shuffled is a ranker that gives every history its own order of n items.
func shuffled(n int) rankFunc {
	return func(history []data.Event, k int) []int32 {
		var ranking []int32
		for _, i := range rand.New(rand.NewPCG(uint64(history[0].Item), 1)).Perm(n) {
			if int32(i) != history[0].Item && len(ranking) < k {
				ranking = append(ranking, int32(i))
			}
		}
		return ranking
	}
}

// shuffledCases returns n cases, each with its own history of one item.
func shuffledCases(n int) []data.Case {
	r := rand.New(rand.NewPCG(2, 2))
	cases := make([]data.Case, n)
	for c := range cases {
		for range 1 + r.IntN(4) {
			if i := r.Int32N(int32(n)); int(i) != c {
				cases[c].Target = append(cases[c].Target, i)
			}
		}
		cases[c].Target = append(cases[c].Target, int32((c+1)%n))
		slices.Sort(cases[c].Target)
		cases[c].Target = slices.Compact(cases[c].Target)
		cases[c].History = met(int32(c))
	}
	return cases
}

func TestTheNumberOfWorkersChangesNothing(t *testing.T) {
	const n = 200
	cases, count := shuffledCases(n), make([]uint32, n)
	for i := range count {
		count[i] = uint32(i * i % 17)
	}
	want := mustEvaluate(t, cases, shuffled(n), Options{Workers: 1, Count: count})
	for _, workers := range []int{2, 3, 16, 1000} {
		got := mustEvaluate(t, cases, shuffled(n), Options{Workers: workers, Count: count})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers (-1 +%d):\n%s", workers, workers, diff)
		}
	}
}

func TestTheOrderOfCasesChangesNothing(t *testing.T) {
	const n = 200
	cases, count := shuffledCases(n), make([]uint32, n)
	want := mustEvaluate(t, cases, shuffled(n), Options{Count: count})
	slices.Reverse(cases)
	got := mustEvaluate(t, cases, shuffled(n), Options{Count: count})
	for at := range want.At {
		for which, e := range got.At[at].estimates() {
			w := want.At[at].estimates()[which]
			if math.Abs(e.Mean-w.Mean) > tol || math.Abs(e.CI-w.CI) > tol {
				t.Errorf("measure %d at %d: got %v, want %v", which, want.At[at].K, e, w)
			}
		}
	}
}

func TestEvaluateRefuses(t *testing.T) {
	good := []data.Case{{History: met(1), Target: []int32{0}}}
	catalogue := Options{Count: make([]uint32, 3)}
	broken := errors.New("broken")
	for _, test := range []struct {
		name      string
		cases     []data.Case
		newRanker func() (Ranker, error)
		opt       Options
		want      string
	}{
		{"no catalogue", good, fixed(0).new, Options{}, "eval: Options.Count is empty: no catalogue"},
		{"k 0", good, fixed(0).new, Options{Count: catalogue.Count, Ks: []int{10, 0}}, "eval: ks [10 0]: want numbers of at least 1"},
		{"no ks", good, fixed(0).new, Options{Count: catalogue.Count, Ks: []int{}}, "eval: ks []: want numbers of at least 1"},
		{"no cases", nil, fixed(0).new, catalogue, "eval: no cases"},
		{"no target", append(good, data.Case{}), fixed(0).new, catalogue, "eval: case 1: no target"},
		{"history outside", []data.Case{{History: met(3), Target: []int32{0}}}, fixed(0).new, catalogue,
			"eval: case 0: item 3 in the history, but the catalogue has 3 items"},
		{"a repeat asked for", []data.Case{{History: met(1), Target: []int32{1}}}, fixed(0).new, catalogue,
			"eval: case 0: item 1 is asked for and in the history, and the rankers are not made for repeats"},
		{"no candidate", []data.Case{{Target: []int32{0}, Among: []int32{0, 2}}}, fixed(0, 1).new, catalogue,
			"eval: case 0: the ranker gave item 1, which is no candidate"},
		{"candidates out of order", []data.Case{{Target: []int32{0}, Among: []int32{2, 0}}}, fixed(0).new, catalogue,
			"eval: case 0: candidate 0 after 2: want ascending items of 3"},
		{"a candidate outside", []data.Case{{Target: []int32{0}, Among: []int32{0, 3}}}, fixed(0).new, catalogue,
			"eval: case 0: candidate 3 after 0: want ascending items of 3"},
		{"asked for and no candidate", []data.Case{{Target: []int32{0}, Among: []int32{1}}}, fixed(0).new, catalogue,
			"eval: case 0: item 0 is asked for and no candidate"},
		{"twice", good, fixed(0, 0).new, catalogue, "eval: case 0: the ranker gave item 0 twice"},
		{"from the history", good, fixed(0, 1).new, catalogue, "eval: case 0: the ranker gave item 1, which is in the history"},
		{"outside", good, fixed(3).new, catalogue, "eval: case 0: the ranker gave item 3 of 3"},
		{"too many", good, rankFunc(func([]data.Event, int) []int32 { return []int32{0, 2} }).new,
			Options{Count: catalogue.Count, Ks: []int{1}}, "eval: case 0: asked for 1 items, the ranker gave 2"},
		{"no ranker", good, func() (Ranker, error) { return nil, broken }, catalogue, "eval: broken"},
	} {
		result, err := Evaluate(t.Context(), test.cases, test.newRanker, test.opt)
		if err == nil || err.Error() != test.want || result.At != nil {
			t.Errorf("%s: got error %v and %v, want %q", test.name, err, result, test.want)
		}
	}
}

func TestEvaluateStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ranker := rankFunc(func([]data.Event, int) []int32 { cancel(); return nil })
	_, err := Evaluate(ctx, shuffledCases(1000), ranker.new, Options{Count: make([]uint32, 1000), Workers: 2})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestACaseRanksAmongItsCandidates(t *testing.T) {
	m := &train.Model{Algorithm: train.Popular, Count: []uint32{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}}
	r := mustFloat(t, m)
	for _, test := range []struct {
		name   string
		target int32
		among  []int32
		rank   int // 0: missed
	}{
		{"third", 5, []int32{2, 4, 5, 6}, 3},
		{"first", 0, []int32{0, 2, 4, 6}, 1},
		{"last", 9, []int32{2, 4, 6, 9}, 4},
		{"alone", 9, []int32{9}, 1},
		{"outside the catalogue", data.NoItem, []int32{1}, 0},
	} {
		cases := []data.Case{{Target: []int32{test.target}, Among: test.among}}
		result, err := Evaluate(t.Context(), cases, func() (Ranker, error) { return r, nil }, Options{Ks: []int{4}, Count: m.Count})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := result.At[0]
		var hit, ndcg float64
		if test.rank > 0 {
			hit, ndcg = 1, discount(test.rank-1)
		}
		if got.Hit.Mean != hit || got.NDCG.Mean != ndcg || got.Coverage != 0 || got.Popularity != 0 {
			t.Errorf("%s: got %+v, want hit %v and NDCG %v", test.name, got, hit, ndcg)
		}
	}
}

func TestRepeatsMayBeRankedAndAskedFor(t *testing.T) {
	cases := []data.Case{{History: met(1, 2), Target: []int32{1}}}
	result := mustEvaluate(t, cases, fixed(1, 0), Options{Ks: []int{2}, Count: make([]uint32, 3), Repeats: true})
	if got := result.At[0].MRR.Mean; got != 1 {
		t.Errorf("got MRR %v, want 1", got)
	}
}

func TestResultPrintsAsTableAndJSON(t *testing.T) {
	cases := []data.Case{{History: met(2), Target: []int32{1}}, {History: met(2), Target: []int32{0}}}
	result := mustEvaluate(t, cases, fixed(0, 1), Options{Ks: []int{1}, Count: []uint32{3, 2, 1}, People: 4})
	want := `2 cases, mean ±95 % confidence
  K          recall  recall/min(K,T)       precision            ndcg             map             mrr        hit rate
  1  0.5000 ±0.9800   0.5000 ±0.9800  0.5000 ±0.9800  0.5000 ±0.9800  0.5000 ±0.9800  0.5000 ±0.9800  0.5000 ±0.9800
the lists; popularity of the histories 0.167
  K  coverage   gini  popularity  novelty  diversity  tags
  1     0.333  0.667       0.833    0.415      0.000   0.0
`
	if got := result.String(); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.String() != want || !strings.Contains(string(text), `"recall":{"mean":0.5,`) {
		t.Errorf("JSON does not come back: %s", text)
	}
}
