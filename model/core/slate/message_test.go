package slate

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
)

var limits = bundle.Limits{Items: 100, K: 50, History: 10}

var good = Request{K: 5, Now: 1_800_000_000, Reasons: 3, Exclude: []string{"x"}, History: []profile.Event{
	{Item: "a", Kind: profile.KindLike, Time: 1_700_000_000, Weight: profile.One},
}}

func TestRequestsRoundTrip(t *testing.T) {
	for seen := range SeenShow + 1 {
		want := good
		want.Seen, want.Diversity = seen, profile.One*uint32(seen)/2
		got, err := ParseRequest(want.Append(nil), limits)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRequestsBeyondTheLimitsAreToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Request)
		limit  bool
	}{
		"k of 0":              {func(r *Request) { r.K = 0 }, false},
		"k above the limit":   {func(r *Request) { r.K = 51 }, true},
		"reasons above 16":    {func(r *Request) { r.Reasons = 17 }, true},
		"history too long":    {func(r *Request) { r.History = make([]profile.Event, 11) }, true},
		"history without ids": {func(r *Request) { r.History = []profile.Event{{Kind: profile.KindView}} }, false},
		"now in the far":      {func(r *Request) { r.Now = profile.MaxTime + 1 }, true},
		"no wish to see":      {func(r *Request) { r.Seen = SeenShow + 1 }, true},
		"diversity above 1":   {func(r *Request) { r.Diversity = profile.One + 1 }, false},
		"diversity far above": {func(r *Request) { r.Diversity = math.MaxUint32 }, false},
	} {
		r := good
		c.change(&r)
		_, err := ParseRequest(r.Append(nil), limits)
		var bad *RequestError
		if !errors.As(err, &bad) || bad.Limit != c.limit {
			t.Errorf("%s: %v, want a request error with limit = %v", name, err, c.limit)
		}
	}
	zero := good.Append(nil)
	zero[0]++ // one pair more
	if r, err := ParseRequest(append(zero, 11, 0), limits); err != nil || r.Diversity != 0 {
		t.Errorf("a diversity of 0: %+v, %v", r, err)
	}
	for _, bad := range [][]byte{{0xff}, {0xc3}, {0xca, 0, 0, 0, 0}, {0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		if _, err := ParseRequest(append(append(zero[:len(zero):len(zero)], 11), bad...), limits); err == nil {
			t.Errorf("%x is accepted as a diversity", bad)
		}
	}
	doc := good.Append(nil)
	for n := range doc {
		if _, err := ParseRequest(doc[:n], limits); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(doc))
		}
	}
}

func TestSlatesAndEntriesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Slate{
			Items: []Item{{Index: rapid.Uint32Max(bundle.MaxItems).Draw(t, "index"), ID: "a", Title: rapid.StringN(0, 20, 200).Draw(t, "title"),
				Score: rapid.Int64().Draw(t, "score"), Reasons: []Reason{{Event: 2, Share: -17}, {Event: 0, Share: 9000}}}},
			Receipt: Receipt{Channel: "c", Version: rapid.Uint64().Draw(t, "version"), Ranked: 99, Used: 1, Unknown: 2, Cold: rapid.Bool().Draw(t, "cold")},
		}
		doc := want.Append(nil)
		got, err := ParseSlate(doc)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		if !bytes.Equal(got.Append(nil), doc) {
			t.Fatal("re-encoding changes bytes")
		}
	})
	want := []Entry{{Index: 3, ID: "a", Title: "A", Tags: []string{"x", "y"}, Author: "b", Published: 5, URL: "u", Image: "i", Popularity: 9}}
	total, got, err := ParseItems(AppendEntries(nil, 10, want))
	if err != nil || total != 10 {
		t.Fatalf("ParseItems: %d, %v", total, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	indices, err := ParseItemsRequest(AppendItemsRequest(nil, []uint32{1, 70000}))
	if err != nil || len(indices) != 2 || indices[1] != 70000 {
		t.Errorf("ParseItemsRequest: %v, %v", indices, err)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(good.Append(nil))
	f.Add(Request{K: 1, Seen: SeenShow}.Append(nil))
	f.Add(Request{K: 1, Diversity: profile.One}.Append(nil))
	f.Add(AppendItemsRequest(nil, []uint32{1, 2}))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if r, err := ParseRequest(doc, limits); err == nil {
			if r.Diversity > profile.One {
				t.Fatalf("a diversity of %d is accepted", r.Diversity)
			}
			if _, err := ParseRequest(r.Append(nil), limits); err != nil {
				t.Fatalf("what was accepted is refused after re-encoding: %v", err)
			}
		}
		_, _ = ParseItemsRequest(doc)
		_, _ = ParseSlate(doc)
		_, _, _ = ParseItems(doc)
	})
}
