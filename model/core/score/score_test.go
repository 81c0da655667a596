package score

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTopIsTheSortedList compares with a full sort, ties and exclusions
// included.
func TestTopIsTheSortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		scores := rapid.SliceOfN(rapid.Int64Range(-3, 3), n, n).Draw(t, "scores")
		excluded := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "excluded")
		k := rapid.IntRange(1, 45).Draw(t, "k")
		var want []Candidate
		for i, s := range scores {
			if !excluded[i] {
				want = append(want, Candidate{i, s})
			}
		}
		slices.SortFunc(want, func(a, b Candidate) int {
			if better(a, b) {
				return -1
			}
			return 1
		})
		want = want[:min(k, len(want))]
		if got := Top(scores, excluded, k); !slices.Equal(got, want) {
			t.Fatalf("Top = %v, want %v", got, want)
		}
	})
}

func TestReasonsAreOrderedAndCut(t *testing.T) {
	var list []Reason
	for e, share := range []int{10, 50, 50, -20, 70, 10} {
		list = insert(list, Reason{Event: e, Share: share}, 4)
	}
	want := []Reason{{4, 70}, {1, 50}, {2, 50}, {0, 10}}
	if !slices.Equal(list, want) {
		t.Errorf("got %v, want %v", list, want)
	}
}
