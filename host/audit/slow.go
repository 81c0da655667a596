package audit

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
)

// slow computes what SPEC.md, section 7, says that a list is, from the bundle's
// bytes and with nothing of the core's arithmetic: in integers where the text
// has integers, else in float64 with a bound for what float32 and int16 may
// lose. So a term that the text does not have is found in code that looks right.
type slow struct {
	m       bundle.Manifest
	format  uint64
	section func(bundle.Kind) []byte
	n, d    int
	index   map[string]int // items by id
	pool    *slowPool      // nil: none
	encoder *slowEncoder   // nil: none
}

// newSlow reads what a bundle holds; it has been opened, so its shape is right.
func (s *subject) newSlow() (*slow, error) {
	w := &slow{m: s.manifest, section: s.section, n: s.manifest.Limits.Items, d: s.manifest.Limits.Dim, index: map[string]int{}}
	version, _ := s.frame.at(1)
	w.format = version.number
	ids, err := stringsIn(s.section(bundle.KindIDs), w.n)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		w.index[id] = i
	}
	if w.m.Retrieval.Codec == bundle.CodecNone && w.m.Scoring.Scorer == bundle.ScorerFoldIn {
		w.m.Retrieval.Codec = bundle.CodecInt8 // of format 1
	}
	switch w.m.Scoring.Scorer {
	case bundle.ScorerPool:
		w.pool, err = w.newPool()
	case bundle.ScorerSequence:
		w.encoder, err = newSlowEncoder(s.section(bundle.KindEncoder))
	}
	return w, err
}

// A met item of a history.
type met struct {
	item   int
	weight float64 // in units of 1
	whole  int64   // the same in units of 1/65536
	times  int     // events with a weight
	after  int     // events with a weight after its last one
}

// past is what a history says.
type past struct {
	items  []met // the newest first
	events int   // with a weight
	seen   map[int]bool
	hidden map[int]bool
}

func (w *slow) read(req slate.Request) past {
	p := past{seen: map[int]bool{}, hidden: map[int]bool{}}
	at := map[int]int{}
	for _, e := range slices.Backward(req.History) {
		item, ok := w.index[e.Item]
		if !ok {
			continue
		}
		p.seen[item] = true
		if e.Kind == profile.KindHide {
			p.hidden[item] = true
		}
		v := w.weigh(e, req.Now)
		if v == 0 {
			continue
		}
		place, known := at[item]
		if !known {
			place = len(p.items)
			at[item] = place
			p.items = append(p.items, met{item: item, after: p.events})
		}
		m := &p.items[place]
		m.times++
		m.whole = max(m.whole, v)
		m.weight = float64(m.whole) / 65536
		p.events++
	}
	return p
}

// weigh is what an event counts for, in units of 1/65536.
func (w *slow) weigh(e profile.Event, now int64) int64 {
	v := int64(w.m.Scoring.Weights.Kind[e.Kind]) * int64(e.Weight) / 65536
	half, age := w.m.Scoring.Weights.HalfLife, now-e.Time
	if half == 0 || e.Time == 0 || age <= 0 {
		return v
	}
	if age/half > 16 {
		return 0
	}
	// The table of 65 entries, linear in between.
	point := func(i int64) int64 { return int64(math.Round(65536 * math.Exp2(-float64(i)/64))) }
	part := age % half * 65536 / half
	i, rest := part/1024, part%1024
	factor := (point(i) - (point(i)-point(i+1))*rest/1024) >> (age / half)
	return v * factor / 65536
}

// blocked says which items a request does not let through.
func (w *slow) blocked(req slate.Request, p past) []bool {
	b := make([]bool, w.n)
	out := p.seen
	if req.Seen == slate.SeenShow || req.Seen == slate.SeenByBundle && w.pool != nil && w.m.Pool.Repeats {
		out = p.hidden
	}
	for i := range out {
		b[i] = true
	}
	for _, id := range req.Exclude {
		if i, ok := w.index[id]; ok {
			b[i] = true
		}
	}
	return b
}

// expected are the scores of all items, and how far each may be off.
type expected struct {
	score, off []float64
	all        bool // every item gets its score; else only candidates of a coarse scan do
}

// check compares a list with what it should be, and says what is wrong with it.
// worst is the largest difference of a score, in parts of what it may be off.
func (w *slow) check(req slate.Request, got slate.Slate) (worst float64, err error) {
	p := w.read(req)
	block := w.blocked(req, p)
	if err := w.shape(req, got, block); err != nil {
		return 0, err
	}
	cold := len(req.Vector) == 0 && (len(p.items) == 0 || w.m.Scoring.Scorer == bundle.ScorerPopular)
	switch {
	case cold:
		return w.compare(got, block, w.popular())
	case len(req.Vector) == 0 && w.m.Scoring.Scorer == bundle.ScorerNeighbours:
		return w.compare(got, block, w.neighbours(p))
	case len(req.Vector) == 0 && w.pool != nil:
		return w.checkPool(req, got, p, block)
	}
	x, off, err := w.person(req, p)
	if err != nil {
		return 0, err
	}
	return w.compare(got, block, w.near(x, off))
}

// shape checks what holds of every list: its length, no item twice, none that is
// blocked, and its order.
func (w *slow) shape(req slate.Request, got slate.Slate, block []bool) error {
	open := 0
	for _, b := range block {
		if !b {
			open++
		}
	}
	if len(got.Items) != min(req.K, open) {
		return fmt.Errorf("%d items, want %d", len(got.Items), min(req.K, open))
	}
	seen := map[uint32]bool{}
	for at, it := range got.Items {
		switch {
		case int(it.Index) >= w.n || block[it.Index]:
			return fmt.Errorf("item %d is in the list and must not be", it.Index)
		case seen[it.Index]:
			return fmt.Errorf("item %d is in the list twice", it.Index)
		case at > 0 && (it.Score > got.Items[at-1].Score || it.Score == got.Items[at-1].Score && it.Index < got.Items[at-1].Index):
			return fmt.Errorf("item %d is out of order", it.Index)
		}
		seen[it.Index] = true
	}
	return nil
}

// compare checks the scores of a list, and that nothing better was left out.
func (w *slow) compare(got slate.Slate, block []bool, want expected) (worst float64, err error) {
	in := make([]bool, w.n)
	least := math.Inf(1)
	for _, it := range got.Items {
		i := it.Index
		in[i] = true
		least = min(least, float64(it.Score))
		difference := math.Abs(float64(it.Score) - want.score[i])
		if difference > want.off[i] {
			return 0, fmt.Errorf("item %d has the score %d, want %.0f ±%.0f", i, it.Score, want.score[i], want.off[i])
		}
		if want.off[i] > 0 {
			worst = max(worst, difference/want.off[i])
		}
	}
	for i := range w.n {
		if !want.all || len(got.Items) == 0 || in[i] || block[i] {
			continue
		}
		better := want.score[i]-want.off[i] > least
		equal := want.off[i] == 0 && want.score[i] == least && i < int(got.Items[len(got.Items)-1].Index)
		if better || equal {
			return 0, fmt.Errorf("item %d is left out, with a score of %.0f where %.0f got in", i, want.score[i], least)
		}
	}
	return worst, nil
}

func (w *slow) popular() expected {
	e := expected{score: make([]float64, w.n), off: make([]float64, w.n), all: true}
	for i := range e.score {
		e.score[i] = float64(w.count(i))
	}
	return e
}

// count is how many people had an item.
func (w *slow) count(i int) uint32 {
	return binary.LittleEndian.Uint32(w.section(bundle.KindPopularity)[4*i:])
}

// neighbours: score[j] = Σ w · scale[i] · code[i, j]. Below 2⁵³, float64 is
// exact.
func (w *slow) neighbours(p past) expected {
	e := expected{score: make([]float64, w.n), off: make([]float64, w.n), all: true}
	starts, items := w.section(bundle.KindStarts), w.section(bundle.KindNeighbours)
	codes, scales := w.section(bundle.KindWeights), w.section(bundle.KindScales)
	sums := make([]int64, w.n)
	for _, m := range p.items {
		scale := int64(binary.LittleEndian.Uint16(scales[2*m.item:]))
		from, to := binary.LittleEndian.Uint32(starts[4*m.item:]), binary.LittleEndian.Uint32(starts[4*m.item+4:])
		for k := from; k < to; k++ {
			j := binary.LittleEndian.Uint32(items[4*k:])
			sums[j] += m.whole * scale * int64(int8(codes[k]))
		}
	}
	for j, sum := range sums {
		e.score[j] = float64(sum)
	}
	return e
}

// person is the vector of a history, or the one that was given, and how far a
// number of it may be off because a system has to be solved for it.
func (w *slow) person(req slate.Request, p past) (x []float64, off float64, err error) {
	if len(req.Vector) > 0 {
		return vectorOf(req.Vector), 0, nil
	}
	if w.encoder != nil {
		var rows [][]float64
		for _, m := range slices.Backward(p.items[:min(len(p.items), w.encoder.length)]) {
			rows = append(rows, w.fine(m.item))
		}
		return w.encoder.person(rows), 0, nil
	}
	return w.foldIn(p)
}

// sensitive is how many times what one rounding of the system does to its
// solution the core's many roundings may do.
const sensitive = 32

// foldIn solves (Σ w·y·yᵀ + gram + ridge·I) x = Σ w·y by Gaussian elimination
// with pivots, which the core does not do. It solves it once more with every
// number rounded to float32: how much that changes says how much the core, which
// has no more than that, may be off.
func (w *slow) foldIn(p past) (x []float64, off float64, err error) {
	d := w.d
	a := make([][]float64, d) // d × d+1: the system and its right side
	ridge := float64(float32At(w.section(bundle.KindRidge), len(p.items)))
	for f := range a {
		a[f] = make([]float64, d+1)
		for g := range d {
			a[f][g] = float64(float32At(w.section(bundle.KindGram), f*d+g))
		}
		a[f][f] += ridge
	}
	for _, m := range p.items {
		y := w.fine(m.item)
		for f := range d {
			for g := range d {
				a[f][g] += m.weight * y[f] * y[g]
			}
			a[f][d] += m.weight * y[f]
		}
	}
	rounded := make([][]float64, d)
	for f, row := range a {
		for _, v := range row {
			rounded[f] = append(rounded[f], float64(float32(v)))
		}
	}
	if x, err = solve(a); err != nil {
		return nil, 0, err
	}
	other, err := solve(rounded)
	if err != nil {
		return nil, 0, err
	}
	for f := range x {
		off = max(off, sensitive*math.Abs(x[f]-other[f]))
	}
	return x, off, nil
}

// solve solves a system of which the last column is the right side.
func solve(a [][]float64) ([]float64, error) {
	d := len(a)
	for k := range d {
		pivot := k
		for i := k + 1; i < d; i++ {
			if math.Abs(a[i][k]) > math.Abs(a[pivot][k]) {
				pivot = i
			}
		}
		a[k], a[pivot] = a[pivot], a[k]
		if a[k][k] == 0 {
			return nil, fmt.Errorf("the person's system has no solution")
		}
		for i := k + 1; i < d; i++ {
			factor := a[i][k] / a[k][k]
			for j := k; j <= d; j++ {
				a[i][j] -= factor * a[k][j]
			}
		}
	}
	x := make([]float64, d)
	for k := d - 1; k >= 0; k-- {
		x[k] = a[k][d]
		for j := k + 1; j < d; j++ {
			x[k] -= a[k][j] * x[j]
		}
		x[k] /= a[k][k]
	}
	return x, nil
}

// lost is how much float32 may lose of a product, in parts of what is added up:
// some thousand roundings.
const lost = 1.0 / 16384

// near are the scores of all rows for a person, whose numbers may be off. An
// int16 code of the person is off by half a step, and with it each product.
func (w *slow) near(x []float64, off float64) expected {
	e := expected{score: make([]float64, w.n), off: make([]float64, w.n), all: w.m.Retrieval.Rescore == bundle.CodecNone && !w.m.Retrieval.Codec.Coarse()}
	most := 0.0
	for _, v := range x {
		most = max(most, math.Abs(v))
	}
	if most == 0 {
		return e
	}
	unit, steps := w.unit(), math.Floor(min(math.MaxInt16, math.MaxInt32/float64(127*w.d)))
	if unit.floats {
		steps = 1
	}
	for i := range w.n {
		product, size, length, rounding := 0.0, 0.0, 0.0, 0.0
		for f, y := range w.fine(i) {
			product += x[f] / most * y
			size += math.Abs(x[f] / most * y)
			length += math.Abs(y)
		}
		if !unit.floats {
			rounding = length / 2
		}
		e.score[i] = product * steps * unit.size
		e.off[i] = 1 + unit.size*(1.001*rounding+lost*steps*size+steps*off/most*length)
	}
	return e
}

func float32At(b []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
}
