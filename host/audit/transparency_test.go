package audit

import (
	"errors"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// everything has a world for each scorer and codec.
var everything = map[string]world{
	"popular":     popular,
	"ease":        {algorithm: train.EASE, halfLife: 86400 * 30},
	"int8":        ials,
	"int4":        {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecInt4}},
	"float":       {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecFloat}},
	"binary":      {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecBinary, Candidates: 20}},
	"pq":          {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecPQ, Bytes: 4, Candidates: 20}},
	"pq-int8":     early,
	"binary-int4": {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecBinary, Rescore: bundle.CodecInt4, Candidates: 20}},
	"sequence":    {algorithm: train.Sequence},

	"pool":              {algorithm: train.Popular, pool: &modeltest.PoolShape{Items: 40, Columns: 3, Net: true, Repeats: true}},
	"pool-sums":         {algorithm: train.Popular, pool: &modeltest.PoolShape{Items: 40, Columns: 5}},
	"pool-factors":      pooled,
	"pool-factors-sums": {algorithm: train.IALS, pool: &modeltest.PoolShape{Items: 40, Columns: 1, Factors: true, Repeats: true}},
	"pool-pq-int8": {
		algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecPQ, Bytes: 3, Rescore: bundle.CodecInt8, Candidates: 20},
		pool: &modeltest.PoolShape{Items: 40, Columns: 3, Net: true, Factors: true, Repeats: true},
	},
}

func TestScoresAreWhatTheNumbersGive(t *testing.T) {
	for name, w := range everything {
		t.Run(name, func(t *testing.T) {
			f := subjectOf(t, w.options(t)).want(t, "A16", Pass, "")
			if f.value("module and core") != "40 of 40 lists the same" || f.value("rounding decides") != "" ||
				f.value("diverse lists") != "40 are what ABI.md makes of their candidates" {
				t.Errorf("got\n%s", f.text())
			}
		})
	}
}

// TestHiddenTermsAreFound: an item is pushed up by more than rounding, one is
// kept out, one gets in that must not, one stands in another's place.
func TestHiddenTermsAreFound(t *testing.T) {
	for name, w := range everything {
		s := subjectOf(t, w.options(t))
		slow, err := s.newSlow()
		if err != nil {
			t.Fatal(err)
		}
		coarse := s.manifest.Retrieval.Codec.Coarse() || s.manifest.Retrieval.Rescore != bundle.CodecNone
		for n := 1; n < 9; n++ {
			req := s.openRequest(n)
			req.K = 20
			req.History = req.History[:min(len(req.History), 6)]
			honest := func(k int) slate.Slate {
				req := req
				req.K = k
				got, err := s.native().Recommend(req)
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			if _, err := slow.check(req, honest(20)); err != nil && !errors.Is(err, errUnclear) {
				t.Fatalf("%s, list %d: %v", name, n, err)
			} else if err != nil {
				continue
			}
			for _, lie := range []struct {
				name string
				tell func(got slate.Slate) []slate.Item
			}{
				{"pushed up", func(got slate.Slate) []slate.Item {
					up := got.Items[7]
					up.Score = got.Items[0].Score + 1 + (got.Items[0].Score-got.Items[19].Score)/50
					return append([]slate.Item{up}, slices.Delete(got.Items, 7, 8)...)
				}},
				{"kept out", func(got slate.Slate) []slate.Item { return slices.Delete(honest(21).Items, 0, 1) }},
				{"twice", func(got slate.Slate) []slate.Item { got.Items[3] = got.Items[2]; return got.Items }},
				{"in another's place", func(got slate.Slate) []slate.Item {
					got.Items[3].Index, got.Items[9].Index = got.Items[9].Index, got.Items[3].Index
					return got.Items
				}},
				{"one too few", func(got slate.Slate) []slate.Item { return got.Items[:19] }},
				{"beyond the catalogue", func(got slate.Slate) []slate.Item { got.Items[19].Index = 40; return got.Items }},
			} {
				if coarse && lie.name == "kept out" || s.manifest.Scoring.Scorer == bundle.ScorerPopular && lie.name == "in another's place" {
					continue // the codes may have kept it out; equal counts may stand in any place
				}
				got := honest(20)
				got.Items = lie.tell(got)
				if _, err := slow.check(req, got); err == nil || errors.Is(err, errUnclear) {
					t.Errorf("%s, list %d: an item is %s, and is not found: %v", name, n, lie.name, err)
				}
			}
		}
	}
}

// TestTheModuleAndTheCoreMustAgree: to the last byte.
func TestTheModuleAndTheCoreMustAgree(t *testing.T) {
	s := subjectOf(t, ials.options(t))
	s.lies(t, func(int) liar {
		return liar{answered: func(g guest, _ uint64, _ []byte) {
			r := result(g)
			r[len(r)-1] ^= 1 // cold, or not
		}}
	})
	s.want(t, "A16", Fail, "the module and the core answer differently")
}
