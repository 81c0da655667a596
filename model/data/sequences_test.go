package data

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/profile"
)

func TestSequencesAreInTimeOrderWithRepeats(t *testing.T) {
	l := &Log{
		User: []int32{1, 0, 1, 0, 1}, Item: []int32{0, 1, 2, 1, 0}, Time: []int64{9, 5, 3, 5, 4},
		Kind: []profile.Kind{profile.KindView, profile.KindView, profile.KindHide, profile.KindBuy, profile.KindView},
	}
	for _, id := range []string{"u", "v"} {
		l.Users.Add(id)
	}
	for _, id := range []string{"a", "b", "c"} {
		l.Items.Add(id)
	}
	want := &Sequences{Items: 3, Ptr: []int64{0, 2, 4}, Item: []int32{1, 1, 0, 0}, Time: []int64{5, 5, 4, 9}}
	if diff := cmp.Diff(want, l.Sequences()); diff != "" {
		t.Error(diff)
	}
}
