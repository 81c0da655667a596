package score

import (
	"errors"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
)

// ErrGram says that the fold-in's system is not positive definite, or has no
// solution in float32: the publisher's gram section is wrong.
var ErrGram = errors.New("score: the gram section is not positive semidefinite")

// Taste is what a history says about one item of the catalogue.
type Taste struct {
	Item   int
	Weight uint32 // in units of 1/65536, above 0
	Event  int    // position in the history of the event that carries the weight
	Times  int    // events on the item that have a weight
	Since  int    // events with a weight after its last one, where the newest come first
}

// History is a person's events as a bundle sees them.
type History struct {
	Tastes  []Taste // one per item with a weight, in order of appearance; for pools and sequences the newest first
	Seen    []int   // items of the history, hidden ones included
	Hidden  []int   // those that the person does not want to see
	Unknown int     // events on items that the catalogue does not have
}

// Scorer ranks over one bundle. It keeps its buffers between calls, so that
// they do not allocate, and is not safe for concurrent use.
type Scorer struct {
	b       *bundle.Bundle
	history History
	places  places
	top     quant.Top
	floats  bool // the scores of the last list are those of a pool

	// For neighbours.
	scores []int64 // n

	pooler   *Pooler   // for pools, else nil
	sequence *Sequence // for sequences, else nil

	// For fold-in; query, person and rows for sequences, and query for pools with
	// factors, too.
	query  *quant.Query
	system []float32 // d×d, lower triangle: the Cholesky factor after Rank
	person []float32 // d
	rows   []float32 // tastes×d: the history's item factors; for pools those of the list's items
	pull   []float32 // tastes: their weights
	across []float32 // d×tastes: rows, transposed, once reasons are asked for; for pools see explain, for sequences see sequenceParts
	has    bool      // across is that of the last Rank
	z      []float32 // d
	rest   []float32 // for sequences: tastes×d, the rows without one

	parts   []float32 // tastes
	reasons []Reason
}

// New returns a scorer over b.
func New(b *bundle.Bundle) *Scorer {
	s := &Scorer{b: b, places: newPlaces(b.Manifest.Limits.History)}
	d := b.Manifest.Limits.Dim
	if d > 0 {
		s.query = quant.NewQuery(d)
	}
	switch b.Manifest.Scoring.Scorer {
	case bundle.ScorerNeighbours:
		s.scores = make([]int64, b.Manifest.Limits.Items)
	case bundle.ScorerFoldIn:
		s.system, s.person, s.z = make([]float32, d*d), make([]float32, d), make([]float32, d)
	case bundle.ScorerSequence:
		s.sequence, s.person, s.z = NewSequence(*b.Encoder), make([]float32, d), make([]float32, d)
	case bundle.ScorerPool:
		s.pooler = NewPooler(Parts{
			Pool: b.Pool, Popularity: b.Popularity, Table: b.Table, Fine: s.fine(), Dim: d,
		})
	}
	return s
}

// fine returns the rows that give candidates their score.
func (s *Scorer) fine() quant.Table {
	if s.b.Rescore != nil {
		return s.b.Rescore
	}
	return s.b.Table
}

// Read matches events, oldest first, with the catalogue. Several events on one
// item count once, with the largest weight, because training knows a pair only
// once too; it is that of the first event that has it. The history belongs to
// the scorer and holds until the next call.
func (s *Scorer) Read(events []profile.Event, now int64) History {
	h := &s.history
	*h = History{Tastes: h.Tastes[:0], Seen: h.Seen[:0], Hidden: h.Hidden[:0]}
	s.places.clear()
	counted := 0
	for step := range events {
		e := step
		if s.pooler != nil || s.sequence != nil { // the newest first
			e = len(events) - 1 - step
		}
		item, ok := s.b.Lookup(events[e].Item)
		if !ok {
			h.Unknown++
			continue
		}
		w := s.b.Manifest.Scoring.Weights.Of(events[e], now)
		place, seen := s.places.of(item)
		if !seen {
			h.Seen = append(h.Seen, item)
		}
		if events[e].Kind == profile.KindHide {
			h.Hidden = append(h.Hidden, item)
		}
		if w == 0 {
			continue
		}
		if *place < 0 {
			*place = int32(len(h.Tastes))
			h.Tastes = append(h.Tastes, Taste{Item: item, Weight: w, Event: e, Since: counted})
		}
		t := &h.Tastes[*place]
		t.Times++
		counted++
		if w > t.Weight || w == t.Weight && e < t.Event {
			t.Weight, t.Event = w, e
		}
	}
	return *h
}

// places maps the items of a history to their places among the tastes: a hash
// table at most half full.
type places struct {
	items, at []int32 // item+1, or 0; place, or -1
}

func newPlaces(history int) places {
	size := 2
	for size < 2*history {
		size *= 2
	}
	return places{make([]int32, size), make([]int32, size)}
}

func (p places) clear() { clear(p.items) }

// of returns where item's place is kept, and whether item was asked for before;
// a new one has place -1. More than half the table's size of items must not be
// asked for.
func (p places) of(item int) (place *int32, seen bool) {
	mask := uint32(len(p.items) - 1)
	// 2³²/φ spreads consecutive numbers (Knuth, TAOCP 6.4).
	slot := uint32(item) * 2654435769 >> 7 & mask
	for ; p.items[slot] != 0; slot = (slot + 1) & mask {
		if p.items[slot] == int32(item)+1 {
			return &p.at[slot], true
		}
	}
	p.items[slot], p.at[slot] = int32(item)+1, -1
	return &p.at[slot], false
}

// Rank returns the k best items that blocked leaves, best first, equal scores
// by index; see [quant.Top.Reset] for blocked. cold is true when the tastes say
// nothing and the order is the items' popularity. The list belongs to the
// scorer and holds until the next call.
func (s *Scorer) Rank(tastes []Taste, k int, blocked []byte) (best []quant.Candidate, cold bool, err error) {
	s.has, s.floats = false, false
	scorer := s.b.Manifest.Scoring.Scorer
	switch {
	case len(tastes) == 0 || scorer == bundle.ScorerPopular:
		s.top.Reset(k, blocked)
		for i := range s.b.Manifest.Limits.Items {
			s.top.Offer(i, int64(s.b.Popularity.At(i)))
		}
		return s.top.Best(), len(tastes) == 0, nil
	case scorer == bundle.ScorerNeighbours:
		s.sumNeighbours(tastes)
		s.top.Reset(k, blocked)
		for i, score := range s.scores {
			s.top.Offer(i, score)
		}
		return s.top.Best(), false, nil
	case scorer == bundle.ScorerPool:
		events := 0
		for _, t := range tastes {
			events += t.Times
		}
		s.pooler.Fine, s.floats = s.fine(), true // the rows that rescore may have come
		return s.pooler.Rank(tastes, events, k, blocked), false, nil
	}
	if s.sequence != nil {
		err = s.encode(tastes)
	} else {
		err = s.foldIn(tastes)
	}
	if err != nil {
		return nil, false, err
	}
	return s.Near(s.person, k, blocked), false, nil
}

// Near is Rank for a person who is given as d factors: all rows are scanned, and
// where that is coarse, or there are finer rows, the best of them get their
// score again.
func (s *Scorer) Near(person []float32, k int, blocked []byte) []quant.Candidate {
	s.floats = false
	s.query.Set(person)
	table, fine := s.b.Table, s.b.Rescore
	table.Prepare(s.query)
	if fine == nil && table.Coarse() {
		fine = table
	}
	if fine == nil {
		s.top.Reset(k, blocked)
		table.Scan(&s.top, s.query)
		return s.top.Best()
	}
	s.top.Reset(min(s.b.Manifest.Retrieval.CandidatesFor(k), s.b.Manifest.Limits.Items), blocked)
	table.Scan(&s.top, s.query)
	list := s.top.Kept()
	fine.Score(list, s.query)
	return quant.Best(list, k)
}

// Value returns what a score of the last list stands for: a pool's are integers
// that order as its numbers do, and do not lie as far apart.
func (s *Scorer) Value(score int64) float64 {
	if s.floats {
		return float64(unsortable(score))
	}
	return float64(score)
}

// rowsAtOnce bounds the rows that meet the system in one call of AddOuters.
const rowsAtOnce = 64

// foldIn solves for the person's factors x, with the item factors y fixed
// (Hu, Koren, Volinsky 2008, eq. 4, with the regularisation of Rendle et al.
// 2021): (Σ w·y·yᵀ + gram + ridge[n]·I) x = Σ w·y over the n tastes.
func (s *Scorer) foldIn(tastes []Taste) error {
	d := len(s.person)
	s.b.Gram.DecodeTo(s.system)
	ridge := s.b.Ridge.At(len(tastes))
	for f := range d {
		s.system[f*d+f] += ridge
	}
	clear(s.person)
	table := s.fine()
	s.rows, s.pull = grow(s.rows, len(tastes)*d), grow(s.pull, len(tastes))
	for t, taste := range tastes {
		row := s.rows[t*d : (t+1)*d]
		table.DecodeTo(row, taste.Item)
		s.pull[t] = taste.weight()
		quant.Axpy(s.person, row, s.pull[t])
	}
	for t := 0; t < len(tastes); t += rowsAtOnce {
		n := min(rowsAtOnce, len(tastes)-t)
		quant.AddOuters(s.system, s.rows[t*d:(t+n)*d], s.pull[t:t+n], d)
	}
	if !quant.Cholesky(s.system, d) {
		return ErrGram
	}
	quant.CholeskySolve(s.system, d, s.person)
	for _, x := range s.person {
		if !finite(x) { // what it is as an integer is the engine's choice
			return ErrGram
		}
	}
	return nil
}

func finite(x float32) bool { return x >= -math.MaxFloat32 && x <= math.MaxFloat32 }

// grow returns a slice of n values, of v's memory where that suffices.
func grow(v []float32, n int) []float32 {
	if cap(v) < n {
		return make([]float32, n)
	}
	return v[:n]
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
// call of Rank with the same tastes. Parts that round to 0 are left out, and all
// of them when one is beyond float32. The
// list belongs to the scorer and holds until the next call.
//
// For fold-in a taste's part is w·yᵀA⁻¹y_i (Hu, Koren, Volinsky 2008, section
// 5): their sum is the score. For neighbours it is the weight's product, for
// pools what it adds to the pool's sum; a net says nothing of its reasons. For
// sequences it is what the score loses when the history has been without it.
func (s *Scorer) Reasons(item int, tastes []Taste, max int) []Reason {
	s.parts = grow(s.parts, len(tastes))
	parts := s.parts
	switch s.b.Manifest.Scoring.Scorer {
	case bundle.ScorerFoldIn:
		s.foldInParts(item, tastes)
	case bundle.ScorerNeighbours:
		s.neighbourParts(item, tastes)
	case bundle.ScorerPool:
		parts = s.poolParts(item)
	case bundle.ScorerSequence:
		s.sequenceParts(item)
	default:
		return nil
	}
	var sum float32
	for _, p := range parts {
		sum += max32(p, -p)
	}
	if sum == 0 || !finite(sum) {
		return nil
	}
	s.reasons = s.reasons[:0]
	for i, p := range parts {
		share := float32(float32(p/sum) * 10000)
		r := Reason{Event: tastes[i].Event, Share: int(share)}
		if r.Share == 0 {
			continue
		}
		s.reasons = insert(s.reasons, r, max)
	}
	return s.reasons
}

func sqrt(v float32) float32 { return float32(math.Sqrt(float64(v))) }

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

// foldInParts sets parts to w·yᵀz with z = A⁻¹y_i. The rows stand transposed,
// so that a vector of tastes meets one factor at a time: each sum still runs
// over the factors in their order.
func (s *Scorer) foldInParts(item int, tastes []Taste) {
	d, n := len(s.person), len(tastes)
	if !s.has {
		s.across = grow(s.across, d*n)
		for t := range n {
			for f, y := range s.rows[t*d : (t+1)*d] {
				s.across[f*n+t] = y
			}
		}
		s.has = true
	}
	s.fine().DecodeTo(s.z, item)
	quant.CholeskySolve(s.system, d, s.z)
	clear(s.parts)
	for f, z := range s.z {
		quant.Axpy(s.parts, s.across[f*n:(f+1)*n], z)
	}
	for t := range s.parts {
		s.parts[t] = float32(s.pull[t] * s.parts[t])
	}
}

func (s *Scorer) neighbourParts(item int, tastes []Taste) {
	for i, t := range tastes {
		s.parts[i] = 0
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
			s.parts[i] = float32(int64(weights[lo]) * int64(t.Weight) * int64(s.b.Neighbours.Scales.At(t.Item)))
		}
	}
}
