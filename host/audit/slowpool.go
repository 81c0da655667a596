package audit

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
)

// about is a number and how far float32 may be off it.
type about struct{ v, off float64 }

// fuzz is what a term may be off in float32, in parts of it: some ten roundings,
// and its share of those of the sums that it goes into.
const fuzz = 2e-6

// plus adds a term that float32 has rounded.
func (a about) plus(term float64) about { return about{a.v + term, a.off + fuzz*math.Abs(term)} }

// surely says that a is above b however both are rounded.
func (a about) surelyAbove(b about) bool { return a.v-a.off > b.v+b.off }

// slowPool is a pool's sections, decoded.
type slowPool struct {
	shape   bundle.Pool
	columns int
	weights []byte
	items   [][]int // neighbours of each item
	first   []int   // of each item's codes
	codes   []byte
	scales  []byte
	gains   []byte // nil: all 1
	trend   []byte // nil: all 0
	net     *slowNet
}

func (w *slow) newPool() (*slowPool, error) {
	p := &slowPool{
		shape: *w.m.Pool, columns: w.m.Pool.Sparse.C, weights: w.section(bundle.KindPoolWeights),
		codes: w.section(bundle.KindPoolCodes), scales: w.section(bundle.KindPoolScales),
		gains: w.section(bundle.KindGains), trend: w.section(bundle.KindTrend),
	}
	if p.columns > 0 {
		if err := p.readItems(w.section(bundle.KindPoolCounts), w.section(bundle.KindPoolItems), p.shape.Sparse.Rice); err != nil {
			return nil, err
		}
	}
	if p.shape.Net != nil {
		var err error
		if p.net, err = readSlowNet(w.section(bundle.KindNet), p.columns, p.shape.Net.H1, p.shape.Net.H2); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// readItems decodes the gaps of Rice codes: ones, a zero, rice low bits.
func (p *slowPool) readItems(counts, b []byte, rice int) error {
	at := 0 // in bits
	bit := func() int {
		if at/8 >= len(b) {
			at++
			return 0
		}
		v := int(b[at/8] >> (at % 8) & 1)
		at++
		return v
	}
	codes := 0
	for _, count := range counts {
		at = (at + 7) / 8 * 8 // a row starts with a byte of its own
		var row []int
		last := -1
		for range count {
			gap := 0
			for bit() == 1 {
				gap++
			}
			for k := range rice {
				if k == 0 {
					gap <<= rice
				}
				gap |= bit() << k
			}
			last += gap + 1
			row = append(row, last)
		}
		p.items, p.first = append(p.items, row), append(p.first, codes)
		codes += len(row)
	}
	if (at+7)/8 != len(b) {
		return errors.New("the neighbours of the pool do not end where their section ends")
	}
	return nil
}

// quarterPower is what a byte of a scale stands for.
func quarterPower(b byte) float64 {
	if b == 0 {
		return 0
	}
	return math.Exp2((float64(b) - 160) / 4)
}

// weight returns W[bucket, column, position].
func (p *slowPool) weight(bucket, column, position int) float64 {
	positions := p.shape.Positions
	return float64(float32At(p.weights, (bucket*(p.columns+2)+column)*positions+min(position, positions-1)))
}

func (p *slowPool) bucket(events int) int {
	for b, most := range p.shape.Buckets {
		if events <= most {
			return b
		}
	}
	return len(p.shape.Buckets)
}

// value is what column t of item i gives to its k-th neighbour.
func (p *slowPool) value(i, k, t int) float64 {
	c := float64(int8(p.codes[(p.first[i]+k)*p.columns+t]))
	return quarterPower(p.scales[i*p.columns+t]) * c * math.Abs(c) / (127 * 127)
}

// opinions are what a pool says of every item for one history.
type opinions struct {
	sum, factor, total []about
	touched            []bool
	some               bool // the factors say something
	person             []float64
}

// pooled does the first two steps of SPEC.md's pool.
func (w *slow) pooled(h past) opinions {
	p := w.pool
	r := opinions{sum: make([]about, w.n), factor: make([]about, w.n), total: make([]about, w.n), touched: make([]bool, w.n)}
	b := p.bucket(h.events)
	add := func(i int, v float64) {
		if v != 0 {
			r.sum[i], r.touched[i] = r.sum[i].plus(v), true
		}
	}
	for at, m := range h.items {
		if p.shape.Repeats {
			add(m.item, m.weight*p.weight(b, p.columns, at))
		}
		if p.columns == 0 {
			continue
		}
		for k, j := range p.items[m.item] {
			for t := range p.columns {
				add(j, m.weight*p.weight(b, t, at)*p.value(m.item, k, t))
			}
		}
	}
	if w.d > 0 {
		r.person = make([]float64, w.d)
		for at, m := range h.items {
			v := m.weight * p.weight(b, p.columns+1, at) * p.gain(m.item)
			if v == 0 {
				continue
			}
			r.some = true
			for f, y := range w.fine(m.item) {
				r.person[f] += v * y
			}
		}
	}
	for i := range r.total {
		if r.some {
			for f, y := range w.fine(i) {
				r.factor[i] = r.factor[i].plus(y * r.person[f])
			}
		}
		r.total[i] = about{r.sum[i].v + r.factor[i].v, r.sum[i].off + r.factor[i].off}
	}
	return r
}

func (p *slowPool) gain(i int) float64 {
	if p.gains == nil {
		return 1
	}
	return quarterPower(p.gains[i])
}

// A side says whether something belongs to a list, as far as rounding lets one
// say.
type side int

const (
	unclear side = iota
	inside
	outside
)

// top says who is among the most largest of those that may be, by value.
func top(value []about, may func(i int) bool, most int) []side {
	var list []int
	for i := range value {
		if may(i) {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b int) int {
		return cmp.Or(cmp.Compare(value[b].v, value[a].v), cmp.Compare(a, b))
	})
	sides := make([]side, len(value))
	for i := range sides {
		sides[i] = outside
	}
	for rank, i := range list {
		switch {
		case len(list) <= most, rank < most && value[i].surelyAbove(value[list[most]]):
			sides[i] = inside
		case rank < most, !value[list[most-1]].surelyAbove(value[i]):
			sides[i] = unclear
		}
	}
	return sides
}

// candidates says which items are candidates for a list of k.
func (w *slow) candidates(r opinions, k int, block []bool) []side {
	open := func(i int) bool { return !block[i] }
	sides := top(r.sum, func(i int) bool { return open(i) && r.touched[i] }, max(k, w.pool.shape.Candidates))
	if !r.some {
		return sides
	}
	near := w.near(r.person, 0)
	scan := make([]about, w.n)
	for i := range scan {
		scan[i] = about{near.score[i], near.off[i]}
	}
	for i, s := range top(scan, open, max(k, w.pool.shape.Nearest)) {
		if !near.all && s != outside || !near.all && open(i) {
			s = unclear // the scan is coarser than the scores
		}
		switch {
		case s == inside:
			sides[i] = inside
		case s == unclear && sides[i] == outside:
			sides[i] = unclear
		}
	}
	return sides
}

// sortable is the float32 whose bits a score is.
func floatOf(score int64) float64 {
	bits := uint32(score)
	if score < 0 {
		bits = uint32(-score) | 1<<31
	}
	return float64(math.Float32frombits(bits))
}

// checkPool checks a list of a pool: who is in it, the scores of those that are
// ranked, and that the others follow in order, with scores that fall by 1.
func (w *slow) checkPool(req slate.Request, got slate.Slate, h past, block []bool) (worst float64, err error) {
	r := w.pooled(h)
	sides := w.candidates(r, req.K, block)
	again := 0
	if w.pool.net != nil {
		sure, maybe := 0, 0
		for _, s := range sides {
			switch s {
			case inside:
				sure++
			case unclear:
				maybe++
			}
		}
		most := w.pool.shape.Candidates + w.pool.shape.Nearest
		if again = min(sure, most); again < most && maybe > 0 {
			return 0, errUnclear
		}
		if again > len(got.Items) {
			return 0, errUnclear // which of them are ranked cannot be seen
		}
		if worst, err = w.checkNet(got, h, r, sides, again); err != nil {
			return 0, err
		}
	}
	return max(worst, 0), w.checkRest(got, r, sides, again, &worst)
}

// errUnclear says that rounding decides what a list is.
var errUnclear = errors.New("rounding decides")

// checkNet checks the first again items: that they are the best candidates, and
// that their scores are the net's.
func (w *slow) checkNet(got slate.Slate, h past, r opinions, sides []side, again int) (worst float64, err error) {
	var ranked []int
	in := map[int]bool{}
	for _, it := range got.Items[:again] {
		ranked = append(ranked, int(it.Index))
		in[int(it.Index)] = true
	}
	for _, j := range ranked {
		if sides[j] == outside {
			return 0, fmt.Errorf("item %d is ranked, and is no candidate", j)
		}
		for i, s := range sides {
			if s == inside && !in[i] && r.total[i].surelyAbove(r.total[j]) {
				return 0, fmt.Errorf("item %d is ranked and item %d, of which the pool says more, is not", j, i)
			}
		}
	}
	outputs := w.pool.net.run(w.features(h, r, ranked))
	for k, it := range got.Items[:again] {
		difference := math.Abs(floatOf(it.Score) - outputs[k].v)
		if difference > outputs[k].off {
			return 0, fmt.Errorf("item %d has the score %g, want %g ±%g", it.Index, floatOf(it.Score), outputs[k].v, outputs[k].off)
		}
		worst = max(worst, difference/outputs[k].off)
	}
	return worst, nil
}

// checkRest checks what follows the items that a net has ranked: candidates by
// what the pool says of them, and then the most popular.
func (w *slow) checkRest(got slate.Slate, r opinions, sides []side, again int, worst *float64) error {
	filling := false
	for at := again; at < len(got.Items); at++ {
		i := int(got.Items[at].Index)
		var last *slate.Item
		if at > 0 {
			last = &got.Items[at-1]
		}
		candidate := sides[i] == inside
		switch {
		case candidate && filling:
			return fmt.Errorf("item %d, a candidate, comes after what fills up the list", i)
		case candidate && at > again && r.total[i].surelyAbove(r.total[last.Index]):
			return fmt.Errorf("item %d comes after item %d, of which the pool says less", i, last.Index)
		case sides[i] == outside && filling && w.count(i) > w.count(int(last.Index)):
			return fmt.Errorf("item %d comes after item %d, which is less popular", i, last.Index)
		case sides[i] == outside:
			filling = true
		}
		if w.pool.net == nil && candidate {
			difference := math.Abs(floatOf(got.Items[at].Score) - r.total[i].v)
			if difference > r.total[i].off {
				return fmt.Errorf("item %d has the score %g, want %g ±%g", i, floatOf(got.Items[at].Score), r.total[i].v, r.total[i].off)
			}
			if r.total[i].off > 0 {
				*worst = max(*worst, difference/r.total[i].off)
			}
		} else if (w.pool.net != nil || filling) && last != nil && got.Items[at].Score != last.Score-1 {
			return fmt.Errorf("item %d has the score %d, want one less than %d", i, got.Items[at].Score, last.Score)
		}
	}
	// Who is a candidate and surely better than one that is in, is in.
	in := map[int]bool{}
	for _, it := range got.Items {
		in[int(it.Index)] = true
	}
	for at := again; at < len(got.Items); at++ {
		j := int(got.Items[at].Index)
		for i, s := range sides {
			if s == inside && !in[i] && (sides[j] == outside || r.total[i].surelyAbove(r.total[j])) {
				return fmt.Errorf("item %d is left out, and item %d got in", i, j)
			}
		}
	}
	return nil
}
