package score

import (
	"errors"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
)

// ErrGram says that the fold-in's system is not positive definite: the
// publisher's gram section is wrong.
var ErrGram = errors.New("score: the gram section is not positive semidefinite")

// Taste is what a history says about one item of the catalogue.
type Taste struct {
	Item   int
	Weight uint32 // in units of 1/65536, above 0
	Event  int    // position in the history of the event that carries the weight
}

// History is a person's events as a bundle sees them.
type History struct {
	Tastes  []Taste // one per item with a weight, in order of first appearance
	Seen    []int   // items of the history, hidden ones included
	Unknown int     // events on items that the catalogue does not have
}

// Read matches events with the catalogue. Several events on one item count
// once, with the largest weight, because training knows a pair only once too.
func Read(b *bundle.Bundle, events []profile.Event, now int64) History {
	var h History
	at := make(map[int]int, len(events)) // item → place in Tastes, or -1
	for e, event := range events {
		item, ok := b.Lookup(event.Item)
		if !ok {
			h.Unknown++
			continue
		}
		w := b.Manifest.Scoring.Weights.Of(event, now)
		place, seen := at[item]
		if !seen {
			h.Seen = append(h.Seen, item)
			place = -1
			at[item] = -1
		}
		switch {
		case w == 0:
		case place < 0:
			at[item] = len(h.Tastes)
			h.Tastes = append(h.Tastes, Taste{Item: item, Weight: w, Event: e})
		case w > h.Tastes[place].Weight:
			h.Tastes[place].Weight, h.Tastes[place].Event = w, e
		}
	}
	return h
}

// Scorer computes scores over one bundle. It keeps its buffers between calls
// and is not safe for concurrent use.
type Scorer struct {
	b      *bundle.Bundle
	scores []int64 // n

	// For fold-in.
	system []float32 // d×d, lower triangle: the Cholesky factor after Scores
	person []float32 // d
	row    []float32 // d
	query  []int16   // d
}

// New returns a scorer over b.
func New(b *bundle.Bundle) *Scorer {
	d := b.Rows.D
	return &Scorer{
		b: b, scores: make([]int64, b.Manifest.Limits.Items),
		system: make([]float32, d*d), person: make([]float32, d), row: make([]float32, d), query: make([]int16, d),
	}
}

// Scores returns a score for each item; higher is better. cold is true when
// the history says nothing and the scores are the items' popularity. The slice
// belongs to the scorer and holds until the next call.
func (s *Scorer) Scores(tastes []Taste) (scores []int64, cold bool, err error) {
	scorer := s.b.Manifest.Scoring.Scorer
	switch {
	case len(tastes) == 0 || scorer == bundle.ScorerPopular:
		for i := range s.scores {
			s.scores[i] = int64(s.b.Popularity.At(i))
		}
		return s.scores, len(tastes) == 0, nil
	case scorer == bundle.ScorerNeighbours:
		s.sumNeighbours(tastes)
	default:
		if err := s.foldIn(tastes); err != nil {
			return nil, false, err
		}
		quant.EncodeQuery(s.query, s.person)
		s.b.Rows.ScoresTo(s.scores, s.query)
	}
	return s.scores, false, nil
}

// foldIn solves for the person's factors x, with the item factors y fixed
// (Hu, Koren, Volinsky 2008, eq. 4, with the regularisation of Rendle et al.
// 2021): (Σ w·y·yᵀ + gram + ridge[n]·I) x = Σ w·y over the n tastes.
func (s *Scorer) foldIn(tastes []Taste) error {
	d := s.b.Rows.D
	for i := range s.system {
		s.system[i] = s.b.Gram.At(i)
	}
	ridge := s.b.Ridge.At(len(tastes))
	for f := range d {
		s.system[f*d+f] += ridge
	}
	clear(s.person)
	for _, t := range tastes {
		s.b.Rows.DecodeTo(s.row, t.Item)
		quant.AddOuter(s.system, s.row, t.weight())
		quant.Axpy(s.person, s.row, t.weight())
	}
	if !quant.Cholesky(s.system, d) {
		return ErrGram
	}
	quant.CholeskySolve(s.system, d, s.person)
	return nil
}

// weight returns t.Weight in units of 1; exact, for it has at most 24 bits.
func (t Taste) weight() float32 { return float32(t.Weight) / profile.One }

// sumNeighbours adds up the rows of the tastes' items: score_j = Σ w_i·B_ij.
func (s *Scorer) sumNeighbours(tastes []Taste) {
	clear(s.scores)
	for _, t := range tastes {
		scale := int64(t.Weight) * int64(s.b.Neighbours.Scales.At(t.Item))
		items, weights := s.b.Neighbours.Row(t.Item)
		for k, w := range weights {
			s.scores[items.At(k)] += int64(w) * scale
		}
	}
}

// Reason is a taste's part in an item's score.
type Reason struct {
	Event int // position in the history
	Share int // ten-thousandths of the sum of all parts' sizes; may be negative
}

// Reasons returns the at most max strongest parts of item's score, after a
// call of Scores with the same tastes. Parts that round to 0 are left out.
//
// For fold-in a taste's part is w·yᵀA⁻¹y_i (Hu, Koren, Volinsky 2008, section
// 5): their sum is the score. For neighbours it is the weight's product.
func (s *Scorer) Reasons(item int, tastes []Taste, max int) []Reason {
	var parts []float32
	switch s.b.Manifest.Scoring.Scorer {
	case bundle.ScorerFoldIn:
		parts = s.foldInParts(item, tastes)
	case bundle.ScorerNeighbours:
		parts = s.neighbourParts(item, tastes)
	default:
		return nil
	}
	var sum float32
	for _, p := range parts {
		sum += max32(p, -p)
	}
	if sum == 0 {
		return nil
	}
	var reasons []Reason
	for i, p := range parts {
		share := float32(float32(p/sum) * 10000)
		r := Reason{Event: tastes[i].Event, Share: int(share)}
		if r.Share == 0 {
			continue
		}
		reasons = insert(reasons, r, max)
	}
	return reasons
}

func max32(a, b float32) float32 {
	if a > b {
		return a
	}
	return b
}

// insert puts r in its place, larger shares first and equal ones by event, and
// keeps the first max.
func insert(list []Reason, r Reason, max int) []Reason {
	at := len(list)
	for at > 0 && (list[at-1].Share < r.Share || list[at-1].Share == r.Share && list[at-1].Event > r.Event) {
		at--
	}
	if at >= max {
		return list
	}
	if len(list) < max {
		list = append(list, Reason{})
	}
	copy(list[at+1:], list[at:])
	list[at] = r
	return list
}

func (s *Scorer) foldInParts(item int, tastes []Taste) []float32 {
	d := s.b.Rows.D
	z := make([]float32, d)
	s.b.Rows.DecodeTo(z, item)
	quant.CholeskySolve(s.system, d, z)
	parts := make([]float32, len(tastes))
	for i, t := range tastes {
		s.b.Rows.DecodeTo(s.row, t.Item)
		var sum float32
		for f, y := range s.row {
			sum += float32(y * z[f])
		}
		parts[i] = float32(t.weight() * sum)
	}
	return parts
}

func (s *Scorer) neighbourParts(item int, tastes []Taste) []float32 {
	parts := make([]float32, len(tastes))
	for i, t := range tastes {
		items, weights := s.b.Neighbours.Row(t.Item)
		lo, hi := 0, items.Len()
		for lo < hi {
			if mid := (lo + hi) / 2; int(items.At(mid)) < item {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		if lo < items.Len() && int(items.At(lo)) == item {
			parts[i] = float32(int64(weights[lo]) * int64(t.Weight) * int64(s.b.Neighbours.Scales.At(t.Item)))
		}
	}
	return parts
}

// Candidate is an item and its score.
type Candidate struct {
	Item  int
	Score int64
}

// better says whether a stands before b: by score, then by index.
func better(a, b Candidate) bool {
	return a.Score > b.Score || a.Score == b.Score && a.Item < b.Item
}

// Top returns the k best items that are not excluded, best first, equal scores
// by index. excluded may be nil.
func Top(scores []int64, excluded []bool, k int) []Candidate {
	heap := make([]Candidate, 0, min(k, len(scores))) // the worst kept stands first
	for i, score := range scores {
		c := Candidate{i, score}
		if len(heap) == k && !better(c, heap[0]) || excluded != nil && excluded[i] {
			continue
		}
		if len(heap) < k {
			heap = append(heap, c)
			for at := len(heap) - 1; at > 0; {
				up := (at - 1) / 2
				if !better(heap[up], heap[at]) {
					break
				}
				heap[up], heap[at] = heap[at], heap[up]
				at = up
			}
			continue
		}
		heap[0] = c
		sink(heap)
	}
	for end := len(heap) - 1; end > 0; end-- { // heap sort: the worst goes last
		heap[0], heap[end] = heap[end], heap[0]
		sink(heap[:end])
	}
	return heap
}

// sink moves the first element down to its place.
func sink(heap []Candidate) {
	for at := 0; ; {
		worst := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(heap); child++ {
			if better(heap[worst], heap[child]) {
				worst = child
			}
		}
		if worst == at {
			return
		}
		heap[at], heap[worst] = heap[worst], heap[at]
		at = worst
	}
}
