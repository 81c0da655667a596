package slate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// TestDiversityByHand: relevances are 1, .875, .75, .5, 0 and 0. To a, b is as alike
// as can be and c half; d is unlike all others, and e and f are but to each other.
func TestDiversityByHand(t *testing.T) {
	m := &train.Model{Algorithm: train.Popular}
	for _, it := range []struct {
		id, author, tags string
		count            uint32
	}{
		{"a", "", "x y", 100}, {"b", "", "y x", 90}, {"c", "", "x", 80}, {"d", "ann", "z", 60}, {"e", "", "", 20}, {"f", "", "", 20},
	} {
		m.Items = append(m.Items, data.Item{ID: it.id, Author: it.author, Tags: strings.Fields(it.tags)})
		m.Count = append(m.Count, it.count)
	}
	r := openModel(t, m, pack.Quant{})
	for _, test := range []struct {
		diversity uint32
		k         int
		want      string
	}{
		{0, 4, "abcd"},
		// .75·.75 - .25·.5 = .4375 for c, .40625 for b, .375 for d.
		{profile.One / 4, 4, "acbd"},
		// .25 for d, .125 for c; then c; then 0 for e and -.0625 for b.
		{profile.One / 2, 4, "adce"},
		{profile.One, 4, "adec"},
		{profile.One, 1, "a"},
		{profile.One, 9, "adecbf"},
	} {
		s, err := r.Recommend(slate.Request{K: test.k, Diversity: test.diversity})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, it := range s.Items {
			got += it.ID
			if want := int64(m.Count[it.Index]); it.Score != want {
				t.Errorf("diversity %d: %s has the score %d, want %d", test.diversity, it.ID, it.Score, want)
			}
		}
		if got != test.want {
			t.Errorf("diversity %d, k %d: got %s, want %s", test.diversity, test.k, got, test.want)
		}
	}
	s, err := r.Recommend(slate.Request{K: 3, Diversity: profile.One, NoTags: []string{"z"}, Exclude: []string{"a"}})
	if err != nil || len(s.Items) != 3 || s.Items[0].ID != "b" || s.Items[1].ID != "e" || s.Items[2].ID != "c" {
		t.Errorf("filtered: %+v, %v, want b, e and c", s.Items, err)
	}
}

// TestAnAuthorIsALabel: as a tag is, and an empty one is none.
func TestAnAuthorIsALabel(t *testing.T) {
	m := &train.Model{Algorithm: train.Popular, Count: []uint32{9, 8, 7, 6}}
	for i, author := range []string{"ann", "ann", "", "bob"} {
		m.Items = append(m.Items, data.Item{ID: fmt.Sprint(i), Author: author, Tags: []string{"t"}})
	}
	// To 0 they are alike by 1, 1/2 and 1/3. Then 2 is by 1/2, and 1 by 1.
	s, err := openModel(t, m, pack.Quant{}).Recommend(slate.Request{K: 4, Diversity: profile.One})
	if err != nil {
		t.Fatal(err)
	}
	var got []uint32
	for _, it := range s.Items {
		got = append(got, it.Index)
	}
	if want := []uint32{0, 3, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestATagCountsAsOftenAsItIsThere: no format forbids that. To 0 the others are
// alike by 1/2, 1/3, 2/3 and 1, and 2 is to 1 as 0 is.
func TestATagCountsAsOftenAsItIsThere(t *testing.T) {
	m := &train.Model{Algorithm: train.Popular, Count: []uint32{9, 8, 7, 5, 6}}
	for i, tags := range []string{"x x", "x", "x y", "x x x", "x x"} {
		m.Items = append(m.Items, data.Item{ID: fmt.Sprint(i), Tags: strings.Fields(tags)})
	}
	s, err := openModel(t, m, pack.Quant{}).Recommend(slate.Request{K: 5, Diversity: profile.One})
	if err != nil {
		t.Fatal(err)
	}
	var got []uint32
	for _, it := range s.Items {
		got = append(got, it.Index)
	}
	if want := []uint32{0, 2, 1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestWithoutLabelsTheOrderIsPlain, and with scores that are all the same.
func TestWithoutLabelsTheOrderIsPlain(t *testing.T) {
	for _, counts := range [][]uint32{{9, 8, 7}, {5, 5, 5}} {
		m := &train.Model{Algorithm: train.Popular, Count: counts}
		for i := range counts {
			m.Items = append(m.Items, data.Item{ID: fmt.Sprint(i)})
		}
		r := openModel(t, m, pack.Quant{})
		for _, diversity := range []uint32{1, profile.One / 2, profile.One} {
			s, err := r.Recommend(slate.Request{K: 3, Diversity: diversity})
			if err != nil || len(s.Items) != 3 {
				t.Fatalf("%+v, %v", s, err)
			}
			for at, it := range s.Items {
				if int(it.Index) != at {
					t.Errorf("counts %v, diversity %d: item %d in place %d", counts, diversity, it.Index, at)
				}
			}
		}
		none, err := r.Recommend(slate.Request{K: 3, Diversity: profile.One, Unavailable: []byte{7}})
		if err != nil || len(none.Items) != 0 {
			t.Errorf("nothing is available: %+v, %v", none.Items, err)
		}
	}
}
