package score

import (
	"math"
	"math/bits"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// Parts are what a [Pooler] scores with.
type Parts struct {
	Pool       *bundle.Pool
	Popularity wire.Uint32s // n

	// The dense rows: what is scanned, and what gives candidates their score;
	// nil: none.
	Table, Fine quant.Table
	Dim         int
}

// Pooler ranks with a pool: candidates from what the history's items give to
// others, the best of them ranked again by the net. It keeps its buffers between
// calls, and is not safe for concurrent use.
type Pooler struct {
	Parts
	n       int
	net     *netRun
	tastes  []Taste // newest first
	events  int     // of the history
	blocked []byte

	sums    []float32 // n: what the sparse rows give
	touched []uint64  // n bits: items with a sum
	items   []int32   // a row's neighbours

	person []float32 // d
	query  *quant.Query
	row    []float32 // d
	top    quant.Top

	list   []poolCandidate // best first
	slots  []uint16        // n: 1 + place in list of what is ranked again
	x      []float32       // features × candidates
	scores []float32
	best   []quant.Candidate
	dense  denseFeatures
}

// poolCandidate is an item that may be recommended.
type poolCandidate struct {
	item          int32
	score, factor float32 // all, and the part of it that is the factors' product
}

// NewPooler returns a pooler over p.
func NewPooler(p Parts) *Pooler {
	n := p.Popularity.Len()
	s := &Pooler{Parts: p, n: n, sums: make([]float32, n), touched: make([]uint64, (n+63)/64), slots: make([]uint16, n)}
	if p.Table != nil {
		s.person, s.row, s.query = make([]float32, p.Dim), make([]float32, p.Dim), quant.NewQuery(p.Dim)
	}
	if p.Pool.Net != nil {
		s.net = newNetRun(p.Pool.Net)
	}
	return s
}

// Rank returns the k best items that blocked leaves, best first, for tastes,
// newest first, from a history of so many events. It belongs to the pooler and
// holds until the next call.
func (s *Pooler) Rank(tastes []Taste, events, k int, blocked []byte) []quant.Candidate {
	s.Collect(tastes, events, k, blocked)
	again := s.Candidates()
	s.best = s.best[:0]
	if s.net == nil {
		again = 0
	} else if again > 0 {
		s.x = grow(s.x, FeatureCount(s.Pool.Sparse.C)*again)
		s.scores = grow(s.scores, again)
		s.Features(s.x)
		s.net.run(s.scores, s.x, again)
		for k, v := range s.scores {
			s.best = append(s.best, quant.Candidate{Item: int(s.list[k].item), Score: sortable(v)})
		}
		quant.Best(s.best, again)
	}
	// The others follow in the pool's order, below the least of those.
	for _, c := range s.list[again:] {
		score := sortable(c.score)
		if again > 0 {
			score = s.best[len(s.best)-1].Score - 1
		}
		s.best = append(s.best, quant.Candidate{Item: int(c.item), Score: score})
	}
	s.best = s.best[:min(k, len(s.best))]
	if len(s.best) < k {
		s.fill(k)
	}
	return s.best
}

// fill appends the most popular of the items that are no candidates.
func (s *Pooler) fill(k int) {
	s.top.Reset(k, s.blocked)
	for i := range s.n {
		s.top.Offer(i, int64(s.Popularity.At(i)))
	}
	clear(s.touched)
	for _, c := range s.best {
		s.touched[c.Item/64] |= 1 << (c.Item % 64)
	}
	least := int64(0)
	if len(s.best) > 0 {
		least = s.best[len(s.best)-1].Score
	}
	for _, c := range s.top.Best() {
		if len(s.best) < k && s.touched[c.Item/64]>>(c.Item%64)&1 == 0 {
			least--
			s.best = append(s.best, quant.Candidate{Item: c.Item, Score: least})
		}
	}
	clear(s.touched)
}

// Collect finds the candidates for a list of k: what [Pooler.Rank] begins with.
func (s *Pooler) Collect(tastes []Taste, events, k int, blocked []byte) {
	s.tastes, s.events, s.blocked = tastes, events, blocked
	b := s.Pool.Bucket(events)
	s.list = s.list[:0]
	s.sumSparse(b)
	most := max(k, s.Pool.Candidates)
	s.top.Reset(most, blocked)
	for w, word := range s.touched {
		for ; word != 0; word &= word - 1 {
			i := 64*w + bits.TrailingZeros64(word)
			s.top.Offer(i, sortable(s.sums[i]))
		}
	}
	for _, c := range s.top.Kept() {
		s.list = append(s.list, poolCandidate{item: int32(c.Item), score: s.sums[c.Item]})
	}
	if s.Table != nil && s.sumDense(b) {
		s.addDense(k)
	}
	for w := range s.touched {
		for ; s.touched[w] != 0; s.touched[w] &= s.touched[w] - 1 {
			s.sums[64*w+bits.TrailingZeros64(s.touched[w])] = 0
		}
	}
	sortCandidates(s.list)
	s.list = s.list[:min(len(s.list), most+s.Pool.Nearest)]
}

// sumSparse adds up what the history's rows give.
func (s *Pooler) sumSparse(b int) {
	p := s.Pool
	c := p.Sparse.C
	var scale [quant.MaxColumns]float32
	for at, t := range s.tastes {
		w := t.weight()
		if p.Repeats {
			s.add(t.Item, float32(w*p.Weight(b, p.Self(), at)))
		}
		if !s.columnScales(&scale, b, at, t) {
			continue
		}
		var codes []int8
		s.items, codes = p.Sparse.Row(s.items[:0], t.Item)
		for k, j := range s.items {
			var sum float32
			for col, code := range codes[k*c : (k+1)*c] {
				sum += float32(scale[col] * quant.SquareLaw(code))
			}
			s.add(int(j), sum)
		}
	}
}

// columnScales sets what the weights of taste t, the at-th newest, are multiplied
// by in each column, and says whether any is.
func (s *Pooler) columnScales(scale *[quant.MaxColumns]float32, b, at int, t Taste) (some bool) {
	p, w := s.Pool, t.weight()
	for col := range p.Sparse.C {
		scale[col] = float32(float32(w*p.Weight(b, col, at)) * p.Sparse.Scale(t.Item, col))
		some = some || scale[col] != 0
	}
	return some
}

func (s *Pooler) add(i int, v float32) {
	if v == 0 {
		return
	}
	s.sums[i] += v
	s.touched[i/64] |= 1 << (i % 64)
}

// sumDense makes the person's factors, and says whether they are any.
func (s *Pooler) sumDense(b int) bool {
	clear(s.person)
	some := false
	for at, t := range s.tastes {
		w := s.factorWeight(b, at, t)
		if w == 0 {
			continue
		}
		some = true
		s.Fine.DecodeTo(s.row, t.Item)
		quant.Axpy(s.person, s.row, w)
	}
	for _, x := range s.person {
		if !finite(x) {
			clear(s.person)
			return false
		}
	}
	return some
}

// factorWeight returns what the row of taste t, the at-th newest, counts for in
// the person's factors.
func (s *Pooler) factorWeight(b, at int, t Taste) float32 {
	w := float32(t.weight() * s.Pool.Weight(b, s.Pool.Dense(), at))
	if s.Pool.Gains != nil {
		w = float32(w * quant.SparseScale(s.Pool.Gains[t.Item]))
	}
	return w
}

// addDense adds the best of a scan to the candidates, and the factors' product
// to the score of all.
func (s *Pooler) addDense(k int) {
	s.query.Set(s.person)
	s.Table.Prepare(s.query)
	s.top.Reset(max(k, s.Pool.Nearest), s.blocked)
	s.Table.Scan(&s.top, s.query)
	for at, c := range s.list {
		s.slots[c.item] = uint16(at + 1)
	}
	for _, c := range s.top.Kept() {
		if s.slots[c.Item] == 0 {
			s.list = append(s.list, poolCandidate{item: int32(c.Item), score: s.sums[c.Item]})
		}
	}
	for at := range s.list {
		c := &s.list[at]
		s.slots[c.item] = 0
		s.Fine.DecodeTo(s.row, int(c.item))
		if c.factor = dot(s.row, s.person); !finite(c.factor) {
			c.factor = 0
		}
		c.score += c.factor
	}
}

// dot adds up in four sums, as every engine can.
func dot(a, b []float32) float32 {
	var s [4]float32
	for f, v := range a {
		s[f%4] += float32(v * b[f])
	}
	return float32(s[0]+s[2]) + float32(s[1]+s[3])
}

// sortable returns an integer that orders as v does.
func sortable(v float32) int64 {
	b := int64(int32(math.Float32bits(v)))
	if b < 0 {
		b = -(b & math.MaxInt32)
	}
	return b
}

// unsortable is the inverse of sortable.
func unsortable(score int64) float32 {
	if score < 0 {
		return -math.Float32frombits(uint32(-score))
	}
	return math.Float32frombits(uint32(score))
}

// sortCandidates puts the best first, equal ones by index: a heap sort, for it
// needs no memory.
func sortCandidates(list []poolCandidate) {
	worse := func(a, b poolCandidate) bool {
		return a.score < b.score || a.score == b.score && a.item > b.item
	}
	down := func(at, n int) {
		for {
			top := at
			for child := 2*at + 1; child <= 2*at+2 && child < n; child++ {
				if worse(list[child], list[top]) {
					top = child
				}
			}
			if top == at {
				return
			}
			list[at], list[top] = list[top], list[at]
			at = top
		}
	}
	for at := len(list)/2 - 1; at >= 0; at-- {
		down(at, len(list))
	}
	for n := len(list) - 1; n > 0; n-- {
		list[0], list[n] = list[n], list[0]
		down(0, n)
	}
}
