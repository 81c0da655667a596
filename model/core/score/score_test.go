package score

import (
	"slices"
	"testing"
)

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
