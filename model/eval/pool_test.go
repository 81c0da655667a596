package eval

import (
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/train"
)

// TestFloatOfAPool: what comes again, what never does, and what is refused. That
// it ranks as a device does is tested where there is a device.
func TestFloatOfAPool(t *testing.T) {
	const n = 30
	m := &train.Model{Algorithm: train.Auto, Count: make([]uint32, n), Pool: modeltest.Pool(1, modeltest.PoolShape{Items: n, Columns: 2, Repeats: true})}
	view := func(i int32) data.Event { return data.Event{Item: i, Kind: profile.KindView, Weight: 1} }
	history := []data.Event{view(3), {Item: 5, Kind: profile.KindHide, Weight: 1}, view(9)}
	for _, repeats := range []bool{false, true} {
		r, err := Float(m, repeats)
		if err != nil {
			t.Fatal(err)
		}
		got := mustRank(t, r, history, n)
		for i, want := range map[int32]bool{3: repeats, 9: repeats, 5: false, 4: true} {
			if slices.Contains(got, i) != want {
				t.Errorf("repeats %v: item %d is given: %v, want %v", repeats, i, !want, want)
			}
		}
		among := []int32{0, 5, 9, 29}
		got, err = r.Rank(nil, Question{History: history, Among: among, K: n})
		slices.Sort(got)
		want := []int32{0, 29}
		if repeats {
			want = []int32{0, 9, 29}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("repeats %v: among %v: %v, %v, want %v", repeats, among, got, err, want)
		}
		if _, err := r.Rank(nil, Question{History: []data.Event{view(n)}, K: 1}); err == nil {
			t.Error("an item beyond the catalogue is accepted")
		}
		if _, err := r.Rank(nil, Question{}); err == nil {
			t.Error("k of 0 is accepted")
		}
	}
	m.Count = append(m.Count, 1)
	if _, err := Float(m, false); err == nil {
		t.Error("a pool of another catalogue is accepted")
	}
	m.Pool.Sparse = quant.Sparse{}
	m.Dim, m.Factors = 2, make([]float32, 2*n)
	if _, err := Float(m, false); err == nil {
		t.Error("factors of another catalogue are accepted")
	}
}
