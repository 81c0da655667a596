package pack

import (
	"math"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/train"
)

// TestSequenceScoresAndReasons: the person is the encoder's of the items that
// still stand at their last places, the last five of them, and a reason's share
// is what the score loses without its item.
func TestSequenceScoresAndReasons(t *testing.T) {
	const n, d = 30, 8
	m := testModel(train.Sequence, n, d)
	file, err := Pack(m, testKeys(t, 1), Options{Created: created, Expires: expires, Quant: Quant{Codec: bundle.CodecFloat}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(testRoot(t, testKeys(t, 1)), file, created)
	if err != nil {
		t.Fatal(err)
	}
	var events []profile.Event
	for _, i := range []int{9, 4, 1, 2, 4, 3, 5, 7} {
		events = append(events, profile.Event{Item: m.Items[i].ID, Kind: profile.KindView, Weight: profile.One})
	}
	events[7].Kind = profile.KindHide // it has no weight
	s, err := slate.New(b).Recommend(slate.Request{K: n, History: events, Reasons: 5})
	if err != nil {
		t.Fatal(err)
	}
	encoder := score.NewSequence(*b.Encoder)
	person := func(items ...int) []float32 {
		var rows []float32
		for _, i := range items {
			rows = append(rows, m.Factors[i*d:(i+1)*d]...)
		}
		p := make([]float32, d)
		if err := encoder.PersonTo(p, rows); err != nil {
			t.Fatal(err)
		}
		return p
	}
	scoreOf := func(p []float32, item int) (sum float64) {
		for f, v := range m.Factors[item*d : (item+1)*d] {
			sum += float64(v) * float64(p[f])
		}
		return sum
	}
	kept, event := []int{1, 2, 4, 3, 5}, []int{2, 3, 1, 5, 6} // the first of two events on item 4 is named
	want := person(kept...)
	if len(s.Items) != n-7 {
		t.Fatalf("got %d items, want %d", len(s.Items), n-7)
	}
	for k, it := range s.Items {
		at := scoreOf(want, int(it.Index))
		if k > 0 {
			if above := scoreOf(want, int(s.Items[k-1].Index)); above < at-1e-4 {
				t.Errorf("item %d with %v comes before item %d with %v", s.Items[k-1].Index, above, it.Index, at)
			}
		}
		parts, sum := make([]float64, len(kept)), 0.
		for e := range kept {
			parts[e] = at - scoreOf(person(slices.Delete(slices.Clone(kept), e, e+1)...), int(it.Index))
			sum += math.Abs(parts[e])
		}
		for _, r := range it.Reasons {
			e := slices.Index(event, r.Event)
			if e < 0 || math.Abs(float64(r.Share)-1e4*parts[e]/sum) > 2 {
				t.Errorf("item %d: reason %+v, parts %v of %v", it.Index, r, parts, sum)
			}
		}
	}
}

func TestSequenceContradictionsAreRefused(t *testing.T) {
	const n, d = 12, 3
	base := func() forged {
		m := testModel(train.Sequence, n, d)
		opt := Options{Quant: Quant{}.withDefaults(m), History: 4}
		list, err := layOut(m, opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := opt.Quant.retrieval(m)
		return forged{format: 3, abi: 3, scorer: bundle.ScorerSequence, items: n, dim: d, history: 4, sections: list, retrieval: &r}
	}
	var list []refusal
	add := func(name string, want error, change func(f *forged)) {
		f := base()
		change(&f)
		list = append(list, refusal{name, f, want, false})
	}
	doc := base().sections[slices.IndexFunc(base().sections, func(s section) bool { return s.kind == bundle.KindEncoder })].body
	add("no encoder", bundle.ErrLayout, func(f *forged) { f.drop(bundle.KindEncoder) })
	add("no rows", bundle.ErrLayout, func(f *forged) { f.drop(bundle.KindRows) })
	add("half an encoder", bundle.ErrLayout, func(f *forged) { f.set(bundle.KindEncoder, doc[:len(doc)/2]) })
	add("bytes behind the encoder", bundle.ErrLayout, func(f *forged) { f.set(bundle.KindEncoder, append(slices.Clone(doc), 0)) })
	add("an encoder of other items", bundle.ErrLayout, func(f *forged) {
		f.set(bundle.KindEncoder, testModel(train.Sequence, n, d+1).Encoder)
	})
	add("a gram", bundle.ErrLayout, func(f *forged) {
		f.sections = slices.Insert(f.sections, len(f.sections), section{kind: bundle.KindGram, body: make([]byte, 4*d*d)})
	})
	add("without factors", bundle.ErrLayout, func(f *forged) { f.dim = 0 })
	add("without a retrieval", nil, func(f *forged) { f.retrieval = nil })
	add("in format 2", nil, func(f *forged) { f.format, f.abi = 2, 2 })
	refuse(t, list)
}
