package pack

import (
	"bytes"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/train"
)

// alike is the Jaccard similarity of what two items are labelled with, in units
// of 2⁻³⁰.
func alike(m *train.Model, i, j uint32) int64 {
	labels := func(i uint32) map[string]bool {
		all := map[string]bool{}
		for _, tag := range m.Items[i].Tags {
			all["tag "+tag] = true
		}
		if author := m.Items[i].Author; author != "" {
			all["author "+author] = true
		}
		return all
	}
	a, b := labels(i), labels(j)
	both, either := 0, maps.Clone(a)
	for label := range b {
		if a[label] {
			both++
		}
		either[label] = true
	}
	if len(either) == 0 {
		return 1 << 30
	}
	return int64(both) << 30 / int64(len(either))
}

// valueOf is what a score stands for: of pools the float32 with such bits.
func valueOf(w world, req slate.Request, s slate.Slate, score int64) float64 {
	if w.m.Pool == nil || len(req.Vector) > 0 || s.Receipt.Cold {
		return float64(score)
	}
	if score < 0 {
		return -float64(math.Float32frombits(uint32(-score)))
	}
	return float64(math.Float32frombits(uint32(score)))
}

// diverse chooses a list by the text of ABI.md, out of the candidates in plain.
func diverse(w world, req slate.Request, plain slate.Slate) (list []slate.Item) {
	rest := slices.Clone(plain.Items)
	if len(rest) == 0 {
		return nil
	}
	high := valueOf(w, req, plain, rest[0].Score)
	low := valueOf(w, req, plain, rest[len(rest)-1].Score)
	for len(list) < req.K && len(rest) > 0 {
		var best *big.Int
		at := 0
		for i, it := range rest {
			var near int64
			for _, other := range list {
				near = max(near, alike(w.m, it.Index, other.Index))
			}
			var relevance int64
			if high > low {
				relevance = int64(math.Floor((valueOf(w, req, plain, it.Score) - low) / (high - low) * (1 << 30)))
			}
			worth := new(big.Int).Mul(big.NewInt(int64(65536-req.Diversity)), big.NewInt(relevance))
			worth.Sub(worth, new(big.Int).Mul(big.NewInt(int64(req.Diversity)), big.NewInt(near)))
			if best == nil || worth.Cmp(best) > 0 {
				best, at = worth, i
			}
		}
		list = append(list, rest[at])
		rest = slices.Delete(rest, at, at+1)
	}
	return list
}

// labelled gives some of the items of a model authors. The tags of some are the
// same, and some have neither.
func labelled(m *train.Model) {
	for i := range m.Items {
		m.Items[i].Author = []string{"", "", "ada", "bob", ""}[i%5]
	}
}

// TestDiversityIsWhatTheTextSays: for every scorer and codec the list is the one
// that a slow reading of ABI.md gives, of the scorer's own candidates, with their
// scores and reasons.
func TestDiversityIsWhatTheTextSays(t *testing.T) {
	all := worldsOf(t, labelled)
	names := slices.Sorted(maps.Keys(all))
	rapid.Check(t, func(t *rapid.T) {
		w := all[rapid.SampledFrom(names).Draw(t, "world")]
		req := drawRequest(t, w.b.Table != nil, w.b.Pool != nil)
		req.Diversity = rapid.SampledFrom([]uint32{0, 1, 1 << 12, 1 << 15, 50_000, profile.One - 1, profile.One}).Draw(t, "diversity")
		got, err := slate.New(w.b).Respond(nil, req.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		s, err := slate.ParseSlate(got)
		if err != nil {
			t.Fatal(err)
		}
		wide := req
		wide.Diversity = 0
		if req.Diversity == 0 {
			if want, err := slate.New(w.b).Respond(nil, wide.Append(nil)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v, %x, want %x", err, got, want)
			}
			return
		}
		wide.K = max(req.K, min(max(64, 8*req.K), 1024))
		plain, err := slate.New(w.b).Recommend(wide)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(plain.Receipt, s.Receipt); diff != "" {
			t.Fatalf("receipt (-want +got):\n%s", diff)
		}
		if diff := gocmp.Diff(diverse(w, req, plain), s.Items, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if len(s.Items) > 0 && s.Items[0].Index != plain.Items[0].Index {
			t.Fatalf("item %d comes first, and %d is the best", s.Items[0].Index, plain.Items[0].Index)
		}
		if req.Diversity < profile.One {
			return
		}
		left := plain.Items
		for at, it := range s.Items {
			near := func(i uint32) (most int64) {
				for _, other := range s.Items[:at] {
					most = max(most, alike(w.m, i, other.Index))
				}
				return most
			}
			for _, other := range left {
				if near(other.Index) < near(it.Index) {
					t.Fatalf("place %d: item %d is more alike to those before it than item %d", at, it.Index, other.Index)
				}
			}
			left = slices.DeleteFunc(slices.Clone(left), func(other slate.Item) bool { return other.Index == it.Index })
		}
	})
}

// TestMoreDiversityIsMoreDiverse on every world: the mean similarity within lists
// of ten falls from step to step.
func TestMoreDiversityIsMoreDiverse(t *testing.T) {
	for name, w := range worldsOf(t, labelled) {
		r := slate.New(w.b)
		last, first := math.Inf(1), 0.0
		for _, diversity := range []uint32{0, profile.One / 4, profile.One / 2, 3 * profile.One / 4, profile.One} {
			rng := rand.New(rand.NewPCG(1, 2))
			var sum float64
			for range 50 {
				req := slate.Request{K: 10, Diversity: diversity}
				for range 1 + rng.IntN(5) {
					req.History = append(req.History, profile.Event{
						Item: w.m.Items[rng.IntN(worldItems)].ID, Kind: profile.KindLike, Weight: profile.One,
					})
				}
				s, err := r.Recommend(req)
				if err != nil {
					t.Fatal(err)
				}
				for a, it := range s.Items {
					for _, other := range s.Items[:a] {
						sum += float64(alike(w.m, it.Index, other.Index)) / (1 << 30)
					}
				}
			}
			if diversity == 0 {
				first = sum
			}
			const slack = 1.03 // a greedy choice bounds the largest similarity, not the mean, and a longer list has other candidates
			if sum > last*slack {
				t.Errorf("%s: a diversity of %d gives a similarity of %.1f, after %.1f for less", name, diversity, sum, last)
			}
			last = sum
		}
		if last > .7*first {
			t.Errorf("%s: similarity falls from %.1f to %.1f, want by a third at least", name, first, last)
		}
	}
}
