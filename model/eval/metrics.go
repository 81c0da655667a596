package eval

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// Result is what an evaluation found.
type Result struct {
	Cases int       `json:"cases"`
	At    []Metrics `json:"at"` // in the order of Options.Ks

	// HistoryPopularity is the mean popularity percentile of the items in the
	// histories, to hold Metrics.Popularity against: a recommender with a
	// higher one pushes people to what is popular.
	HistoryPopularity float64 `json:"history_popularity,omitempty"`
}

// Metrics are the means over all cases at one K. For a case, let T be its
// target and hits the number of items of T among the K best; the gain of an
// item is 1 in T and 0 elsewhere.
type Metrics struct {
	K int `json:"k"`

	// Recall is hits / |T|, as in NGCF, LightGCN and their descendants. With
	// one target it is the hit rate.
	Recall Estimate `json:"recall"`

	// RecallCapped is hits / min(K, |T|), the Recall@R of Liang et al.,
	// Variational Autoencoders for Collaborative Filtering (WWW 2018), section
	// 4.2, which a perfect ranker brings to 1 even where |T| > K. Use it for
	// strong generalisation (held-out people, folded in).
	RecallCapped Estimate `json:"recall_capped"`

	// NDCG is the sum of 1/log2(rank+1) over the hits, ranks from 1, divided
	// by what it is when the first min(K, |T|) places are hits.
	NDCG Estimate `json:"ndcg"`

	MRR Estimate `json:"mrr"` // 1 / rank of the first hit, 0 without one
	Hit Estimate `json:"hit"` // 1 with at least one hit, else 0

	// Coverage is the part of the catalogue that was in at least one list.
	Coverage float64 `json:"coverage,omitempty"`

	// Popularity is the mean popularity percentile of the listed items, in 0
	// … 1: lists drawn evenly from the catalogue have 0.5.
	Popularity float64 `json:"popularity,omitempty"`
}

// Estimate is a mean over cases. CI is half the width of its 95 % confidence
// interval, 1.96 standard errors of the mean: it takes the cases for
// independent and the mean for normal, and says nothing about another seed or
// another split. It is 0 for a single case.
type Estimate struct {
	Mean float64 `json:"mean"`
	CI   float64 `json:"ci"`
}

// String writes an estimate as 0.1234 ±0.0010.
func (e Estimate) String() string { return fmt.Sprintf("%.4f ±%.4f", e.Mean, e.CI) }

// measures are one case's values, in the order of Metrics.estimates.
type measures [5]float64

// measureNDCG is the place of the NDCG in measures.
const measureNDCG = 2

func (m *Metrics) estimates() [5]*Estimate {
	return [5]*Estimate{&m.Recall, &m.RecallCapped, &m.NDCG, &m.MRR, &m.Hit}
}

// measure judges the list of the k best items, or of fewer where there were no
// more, against an ascending target.
func measure(list, target []int32, k int) measures {
	hits, first := 0, 0
	var dcg, ideal float64
	for at, i := range list {
		if _, hit := slices.BinarySearch(target, i); !hit {
			continue
		}
		if hits++; hits == 1 {
			first = at + 1
		}
		dcg += discount(at)
	}
	if hits == 0 {
		return measures{}
	}
	reachable := min(k, len(target))
	for at := range reachable {
		ideal += discount(at)
	}
	return measures{
		float64(hits) / float64(len(target)),
		float64(hits) / float64(reachable),
		dcg / ideal,
		1 / float64(first),
		1,
	}
}

// discount is the gain of a hit with at items before it.
func discount(at int) float64 { return 1 / math.Log2(float64(at+2)) }

// String gives the result as a table for a terminal.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cases, mean ±95 %% confidence\n", r.Cases)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "K\trecall\trecall/min(K,T)\tndcg\tmrr\thit rate\t")
	known := len(r.At) > 0 && r.At[0].Coverage > 0
	if known {
		fmt.Fprint(w, "coverage\tpopularity\t")
	}
	fmt.Fprintln(w)
	for _, m := range r.At {
		fmt.Fprintf(w, "%d\t", m.K)
		for _, e := range m.estimates() {
			fmt.Fprintf(w, "%v\t", *e)
		}
		if known {
			fmt.Fprintf(w, "%.3f\t%.3f\t", m.Coverage, m.Popularity)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	if r.HistoryPopularity > 0 {
		fmt.Fprintf(&b, "popularity of the histories: %.3f\n", r.HistoryPopularity)
	}
	return b.String()
}

// EstimateOf returns the mean of values and how sure it is. There must be one
// value or more.
func EstimateOf(values []float64) Estimate {
	n := float64(len(values))
	var sum, squares float64
	for _, v := range values {
		sum += v
	}
	mean := sum / n
	if n < 2 {
		return Estimate{Mean: mean}
	}
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	const z = 1.959963984540054 // 97.5 % of a standard normal lies below
	return Estimate{Mean: mean, CI: z * math.Sqrt(squares/(n-1)/n)}
}
