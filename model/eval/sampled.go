package eval

import (
	"context"
	"slices"

	"github.com/nearside/nearside/model/data"
)

// SampledCase is a case whose target is ranked among Negatives only.
type SampledCase struct {
	data.Case
	Negatives []int32 // none is in Target; an item drawn twice counts once
}

// Sampled ranks each case's target among its negatives, by the order in which
// a ranker gives them when it is asked for the whole catalogue. This is the
// protocol of He et al., Neural Collaborative Filtering (WWW 2017), section
// 4.1: one target, 99 negatives; their HR@10 is Hit and their NDCG@10 is NDCG
// at K = 10. Coverage and popularity are left out, for a sample has none.
//
// Krichene and Rendle, On Sampled Metrics for Item Recommendation (KDD 2020),
// show that a sample may put the better recommender second: use Evaluate to
// choose, and this to compare with a paper.
//
// A ranking has no ties: the ranker has broken them, by index where it is one
// of ours. Counting ties for or against the target instead moves a model whose
// scores are counts by a few cases in a thousand. What a ranker does not give
// comes after everything that it gives.
func Sampled(ctx context.Context, cases []SampledCase, newRanker func() (Ranker, error), opt Options) (Result, error) {
	t := trial{newRanker: newRanker, opt: opt, negatives: make([][]int32, 0, len(cases))}
	for _, c := range cases {
		t.cases = append(t.cases, c.Case)
		t.negatives = append(t.negatives, c.Negatives)
	}
	return t.run(ctx)
}

// among returns what of the ranking is target or negative, in its order.
func (w *worker) among(target, negatives []int32) []int32 {
	candidates := slices.Concat(target, negatives)
	slices.Sort(candidates)
	w.sample = w.sample[:0]
	for _, i := range w.ranking {
		if _, ok := slices.BinarySearch(candidates, i); ok {
			w.sample = append(w.sample, i)
		}
	}
	return w.sample
}
