package slate

import (
	"math"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// A list of k that is to be diverse is chosen among perPlace·k candidates, at
// least fewest and at most most of them. What half and twice as many do is in
// model/eval/RESULTS.md: the less alike, the further from the best.
const (
	perPlace = 8
	fewest   = 64
	most     = 1024 // what one list may cost: k·1024 comparisons
)

// choiceOf returns how many candidates a list of k is chosen among.
func choiceOf(k int) int { return max(k, min(max(perPlace*k, fewest), most)) }

// choice is a candidate for a place in a list that is to be diverse.
type choice struct {
	quant.Candidate
	relevance int64 // 0 … whole
	alike     int64 // 0 … whole: how alike it is to the item that it is most alike to, of those that have a place
	placed    bool

	// What alike compares.
	tags   wire.Uint16s
	author string
}

// whole is 1 in relevance and alike. Times profile.One it fits 47 bits.
const whole = 1 << 30

// diversify chooses req.K of list, which is sorted, one place after the other:
// each time the candidate with the largest
//
//	(1-diversity) · relevance - diversity · alike
//
// and of several the first in list (maximal marginal relevance: Carbonell and
// Goldstein, SIGIR 1998, with their λ = 1-diversity). Relevance is where the score
// lies between the lowest and the highest of list, so that the same diversity
// means the same for every scorer. The result holds until the next call.
//
// Why tags and not factors? A person tells by topics whether a list is all the
// same, every scorer has them, and factors lose more accuracy for fewer topics: see
// model/eval/RESULTS.md. The price is that without tags and authors nothing changes.
func (r *Recommender) diversify(list []quant.Candidate, req Request) []quant.Candidate {
	r.choices, r.chosen = r.choices[:0], r.chosen[:0]
	for _, c := range list {
		r.choices = append(r.choices, choice{
			Candidate: c, relevance: r.relevance(c, list), tags: r.b.TagsOf(c.Item), author: r.b.Author(c.Item),
		})
	}
	diversity := int64(req.Diversity)
	for len(r.chosen) < min(req.K, len(list)) {
		at, best := 0, int64(math.MinInt64)
		for i := range r.choices {
			c := &r.choices[i]
			if value := (profile.One-diversity)*c.relevance - diversity*c.alike; !c.placed && value > best {
				at, best = i, value
			}
		}
		r.choices[at].placed = true
		r.chosen = append(r.chosen, r.choices[at].Candidate)
		r.compare(&r.choices[at])
	}
	return r.chosen
}

// relevance returns where the score of c lies in list.
func (r *Recommender) relevance(c quant.Candidate, list []quant.Candidate) int64 {
	low := r.scorer.Value(list[len(list)-1].Score)
	size := r.scorer.Value(list[0].Score) - low
	if !(size > 0 && size <= math.MaxFloat64) { // what a NaN is as an integer is the engine's choice
		return 0
	}
	return int64((r.scorer.Value(c.Score) - low) / size * whole)
}

// compare tells all choices that last has a place.
func (r *Recommender) compare(last *choice) {
	r.mark(last.tags, tagLast)
	for i := range r.choices {
		if c := &r.choices[i]; !c.placed && c.alike < whole {
			c.alike = max(c.alike, r.alike(c, last))
		}
	}
	r.mark(last.tags, 0)
}

// mark sets whether tags are those of the item that was placed last.
func (r *Recommender) mark(tags wire.Uint16s, bit byte) {
	for ; len(tags) > 0; tags = tags[2:] {
		t := &r.tags[tags.At(0)]
		*t = *t&^tagLast | bit
	}
}

// alike returns the Jaccard similarity of two items, of which last is marked: the
// part of what they are labelled with, tags and author, that both have. Items
// without any label are alike, so that a list does not fill up with what nobody
// has described. No format forbids a tag that an item has twice: it counts twice,
// and both is at most what last has.
func (r *Recommender) alike(c, last *choice) int64 {
	both, mine, others := 0, c.tags.Len(), last.tags.Len()
	for tags := c.tags; len(tags) > 0; tags = tags[2:] {
		if r.tags[tags.At(0)]&tagLast != 0 {
			both++
		}
	}
	if last.author != "" {
		others++
	}
	if c.author != "" {
		mine++
		if c.author == last.author {
			both++
		}
	}
	if mine+others == 0 {
		return whole
	}
	both = min(both, others)
	return int64(both) * whole / int64(mine+others-both)
}
