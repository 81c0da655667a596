package eval

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/data"
)

// hitsOnShort is a ranker that finds item 0 for histories of up to two events.
func hitsOnShort(history []data.Event, _ int) []int32 {
	if len(history) <= 2 {
		return []int32{0}
	}
	return []int32{9}
}

func TestGroupsOfPeople(t *testing.T) {
	var cases []data.Case
	for range 40 { // histories of 1 event, of 4 that are 2 items, and of 5
		for _, history := range [][]data.Event{met(1), met(1, 2, 1, 2), met(1, 2, 3, 4, 5)} {
			cases = append(cases, data.Case{History: history, Target: []int32{0}})
		}
	}
	m := mustEvaluate(t, cases, hitsOnShort, Options{Ks: []int{1}, Count: make([]uint32, 10)}).At[0]
	one, none := Estimate{Mean: 1}, Estimate{}
	want := []Group{
		{By: "history", Name: "1", Cases: 40, Recall: one, NDCG: one, MRR: one},
		{By: "history", Name: "4–5", Cases: 80, Recall: none, NDCG: none, MRR: none},
		{By: "activity", Name: "0–1", Cases: 40, Recall: one, NDCG: one, MRR: one},
		{By: "activity", Name: "2", Cases: 40, Recall: none, NDCG: none, MRR: none},
		{By: "activity", Name: "3–5", Cases: 40, Recall: none, NDCG: none, MRR: none},
	}
	if diff := cmp.Diff(want, m.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	gaps := []Gap{{"history", "1", "4–5", 1}, {"activity", "0–1", "2", 1}}
	if diff := cmp.Diff(gaps, m.Gaps); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

func TestRepeatsAndNewItemsAreToldApart(t *testing.T) {
	cases := []data.Case{
		{History: met(0), Target: []int32{0}},
		{History: met(1), Target: []int32{0}},
		{History: met(1, 2, 3), Target: []int32{0}},
	}
	m := mustEvaluate(t, cases, hitsOnShort, Options{Ks: []int{1}, Count: make([]uint32, 10), Repeats: true}).At[0]
	var got []string
	for _, g := range m.Groups {
		if g.By == "target" {
			got = append(got, g.Name+" "+g.Recall.String())
		}
	}
	if want := []string{"new 0.5000 ±0.9800", "repeat 1.0000 ±0.0000"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(m.Gaps) != 0 {
		t.Errorf("got gaps %v between groups of fewer than %d", m.Gaps, minGroup)
	}
}

func TestQuartersKeepEqualsTogether(t *testing.T) {
	for _, test := range []struct{ values, want []int }{
		{[]int{4, 3, 2, 1}, []int{1, 2, 3}},
		{[]int{7}, []int{7}},
		{[]int{1, 1, 1, 1, 1, 1, 1, 9}, []int{1}},
		{[]int{1, 2, 3, 4, 5, 6, 7, 8}, []int{2, 4, 6}},
	} {
		if got := quarters(test.values); !slices.Equal(got, test.want) {
			t.Errorf("%v: got %v, want %v", test.values, got, test.want)
		}
	}
}

func TestRecencyGivesTheHistoryBackwards(t *testing.T) {
	for _, test := range []struct {
		q    Question
		want []int32
	}{
		{Question{History: met(3, 1, 3, 2), K: 5}, []int32{2, 3, 1}},
		{Question{History: met(3, 1, 3, 2), K: 2}, []int32{2, 3}},
		{Question{History: met(3, 1, 3, 2), K: 5, Among: []int32{0, 1, 2}}, []int32{2, 1}},
		{Question{K: 5}, nil},
	} {
		got, err := Recency().Rank(nil, test.q)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%+v: got %v and error %v, want %v", test.q, got, err, test.want)
		}
	}
}

func TestCasesThatAskForOtherThingsAreToldApart(t *testing.T) {
	cases := []data.Case{
		{History: met(1), Target: []int32{0}, Asks: "b"},
		{History: met(1, 2, 3), Target: []int32{0}, Asks: "a"},
		{History: met(1, 2, 3), Target: []int32{0}, Asks: "b"},
	}
	m := mustEvaluate(t, cases, hitsOnShort, Options{Ks: []int{1}, Count: make([]uint32, 10)}).At[0]
	var got []string
	for _, g := range m.Groups {
		if g.By == "target" {
			got = append(got, g.Name+" "+g.Recall.String())
		}
	}
	if want := []string{"b 0.5000 ±0.9800", "a 0.0000 ±0.0000"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
