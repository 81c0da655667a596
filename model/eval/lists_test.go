package eval

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/data"
)

func TestNoveltyAndDiversity(t *testing.T) {
	opt := Options{
		Ks: []int{1, 3}, Count: []uint32{8, 1, 0, 2}, People: 8,
		Tags: [][]int32{{1, 2}, {2, 3, 4}, nil, {5}},
	}
	result := mustEvaluate(t, []data.Case{{Target: []int32{0}}}, fixed(0, 1, 2), opt)
	// Bits: 0 for what all of 8 had, 3 for what one had, and as much for none.
	for at, want := range []struct{ novelty, diversity, tags float64 }{{0, 0, 2}, {2, .75, 4}} {
		if m := result.At[at]; m.Novelty != want.novelty || m.Diversity != want.diversity || m.Tags != want.tags {
			t.Errorf("at %d: got novelty %v, diversity %v and tags %v, want %v", m.K, m.Novelty, m.Diversity, m.Tags, want)
		}
	}
}

func TestGini(t *testing.T) {
	for _, test := range []struct {
		values []uint32
		want   float64
	}{
		{[]uint32{3, 3, 3, 3}, 0},
		{[]uint32{0, 0, 0, 0}, 0},
		{[]uint32{5}, 0},
		{[]uint32{0, 9, 0, 0}, .75}, // (n-1)/n: all is one item's
		{[]uint32{1, 3}, .25},
	} {
		if got := gini(append([]uint32(nil), test.values...)); got != test.want {
			t.Errorf("%v: got %v, want %v", test.values, got, test.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Uint32Range(0, 100), 1, 20).Draw(t, "values")
		var difference, sum float64
		for _, a := range values {
			sum += float64(a)
			for _, b := range values {
				difference += math.Abs(float64(a) - float64(b))
			}
		}
		want := 0.0
		if sum > 0 {
			want = difference / (2 * float64(len(values)) * sum)
		}
		if got := gini(values); math.Abs(got-want) > tol {
			t.Errorf("%v: got %v, want %v", values, got, want)
		}
	})
}

func TestTagsAreNumbered(t *testing.T) {
	items := []data.Item{{Tags: []string{"b", "a", "b"}}, {}, {Tags: []string{"c", "a"}}}
	if diff := cmp.Diff([][]int32{{0, 1}, nil, {1, 2}}, Tags(items)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := Tags(make([]data.Item, 3)); got != nil {
		t.Errorf("without tags: got %v, want nil", got)
	}
}

func TestJaccard(t *testing.T) {
	for _, test := range []struct {
		a, b []int32
		want float64
	}{
		{[]int32{1}, []int32{1}, 1},
		{[]int32{1}, []int32{2}, 0},
		{[]int32{1, 2, 3}, []int32{2, 3, 4}, .5},
		{nil, []int32{2}, 0},
	} {
		if got := jaccard(test.a, test.b); got != test.want {
			t.Errorf("%v and %v: got %v, want %v", test.a, test.b, got, test.want)
		}
	}
}
