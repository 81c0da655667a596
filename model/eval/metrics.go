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
	// one target it is the hit rate, and what papers on sessions call P@K.
	Recall Estimate `json:"recall"`

	// RecallCapped is hits / min(K, |T|), the Recall@R of Liang et al.,
	// Variational Autoencoders for Collaborative Filtering (WWW 2018), section
	// 4.2, which a perfect ranker brings to 1 even where |T| > K. Use it for
	// strong generalisation (held-out people, folded in).
	RecallCapped Estimate `json:"recall_capped"`

	Precision Estimate `json:"precision"` // hits / K, also where the list is shorter

	// NDCG is the sum of 1/log2(rank+1) over the hits, ranks from 1, divided
	// by what it is when the first min(K, |T|) places are hits.
	NDCG Estimate `json:"ndcg"`

	// MAP is the mean of the average precision: the sum over the hits of hits
	// so far / rank, divided by min(K, |T|).
	MAP Estimate `json:"map"`

	MRR Estimate `json:"mrr"` // 1 / rank of the first hit, 0 without one
	Hit Estimate `json:"hit"` // 1 with at least one hit, else 0

	// What follows looks at the lists alone.

	// Coverage is the part of the catalogue that was in at least one list, and
	// Gini how unevenly it was shown: 0 when every item is in as many lists, near
	// 1 when all lists have the same few items.
	Coverage float64 `json:"coverage,omitempty"`
	Gini     float64 `json:"gini,omitempty"`

	// Popularity is the mean popularity percentile of the listed items, in 0
	// … 1: lists drawn evenly from the catalogue have 0.5.
	Popularity float64 `json:"popularity,omitempty"`

	// Novelty is the mean self-information of the listed items in bits: an item
	// that one in 2^b people had in training has b, and one that nobody had
	// counts as had by one (Zhou et al., Solving the apparent diversity-accuracy
	// dilemma of recommender systems, PNAS 2010).
	Novelty float64 `json:"novelty,omitempty"`

	// Diversity is the mean over all pairs of a list of 1 - the Jaccard
	// similarity of their tags, of items that have tags (intra-list distance,
	// Ziegler et al., WWW 2005). Why not factors? A model would be measured with
	// its own idea of what is alike.
	Diversity float64 `json:"diversity,omitempty"`

	Tags float64 `json:"tags,omitempty"` // mean number of different tags in a list

	Groups []Group `json:"groups,omitempty"`
	Gaps   []Gap   `json:"gaps,omitempty"` // one for each grouping of people with two large groups
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
type measures [7]float64

// Places in measures.
const (
	measureRecall = 0
	measureNDCG   = 3
	measureMRR    = 5
)

func (m measures) ndcg() float64 { return m[measureNDCG] }

func (m *Metrics) estimates() [7]*Estimate {
	return [7]*Estimate{&m.Recall, &m.RecallCapped, &m.Precision, &m.NDCG, &m.MAP, &m.MRR, &m.Hit}
}

// measure judges the list of the k best items, or of fewer where there were no
// more, against an ascending target.
func measure(list, target []int32, k int) measures {
	hits, first := 0, 0
	var dcg, ideal, precisions float64
	for at, i := range list {
		if _, hit := slices.BinarySearch(target, i); !hit {
			continue
		}
		if hits++; hits == 1 {
			first = at + 1
		}
		dcg += discount(at)
		precisions += float64(hits) / float64(at+1)
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
		float64(hits) / float64(k),
		dcg / ideal,
		precisions / float64(reachable),
		1 / float64(first),
		1,
	}
}

// discount is the gain of a hit with at items before it.
func discount(at int) float64 { return 1 / math.Log2(float64(at+2)) }

// String gives the result as tables for a terminal.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cases, mean ±95 %% confidence\n", r.Cases)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "K\trecall\trecall/min(K,T)\tprecision\tndcg\tmap\tmrr\thit rate\t")
	for _, m := range r.At {
		fmt.Fprintf(w, "%d\t", m.K)
		for _, e := range m.estimates() {
			fmt.Fprintf(w, "%v\t", *e)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	if r.HistoryPopularity == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "the lists; popularity of the histories %.3f\n", r.HistoryPopularity)
	fmt.Fprintln(w, "K\tcoverage\tgini\tpopularity\tnovelty\tdiversity\ttags\t")
	for _, m := range r.At {
		fmt.Fprintf(w, "%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.1f\t\n", m.K, m.Coverage, m.Gini, m.Popularity, m.Novelty, m.Diversity, m.Tags)
	}
	w.Flush()
	return b.String()
}

// normal975 is what 97.5 % of a standard normal lies below.
const normal975 = 1.959963984540054

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
	return Estimate{Mean: mean, CI: normal975 * math.Sqrt(squares/(n-1)/n)}
}
