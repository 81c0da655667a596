package score

import "github.com/nearside/nearside/model/core/quant"

// poolParts returns what each taste adds to the pool's sum for an item of the
// last Rank's list.
func (s *Scorer) poolParts(item int) []float32 {
	if !s.has {
		s.explain()
		s.has = true
	}
	n := len(s.pooler.tastes)
	for k, c := range s.pooler.best {
		if c.Item == item {
			return s.across[k*n : (k+1)*n]
		}
	}
	return nil
}

// explain sets across, items of the list × tastes, to the parts of all: rows are
// read as often as for ranking, however long the list is.
func (s *Scorer) explain() {
	p := s.pooler
	n := len(p.tastes)
	s.across = grow(s.across, len(p.best)*n)
	clear(s.across)
	for k, c := range p.best {
		p.slots[c.Item] = uint16(k + 1)
	}
	for at, t := range p.tastes {
		s.explainRow(at, t)
	}
	if p.Table != nil {
		s.explainFactors()
	}
	for _, c := range p.best {
		p.slots[c.Item] = 0
	}
}

// explainRow adds what taste t, the at-th newest, gives by its row and for
// itself.
func (s *Scorer) explainRow(at int, t Taste) {
	p, pool := s.pooler, s.pooler.Pool
	n, c, b := len(p.tastes), pool.Sparse.C, pool.Bucket(p.events)
	w := t.weight()
	if slot := int(p.slots[t.Item]); slot > 0 && pool.Repeats {
		s.across[(slot-1)*n+at] += float32(w * pool.Weight(b, pool.Self(), at))
	}
	var scale [quant.MaxColumns]float32
	if !p.columnScales(&scale, b, at, t) {
		return
	}
	var codes []int8
	p.items, codes = pool.Sparse.Row(p.items[:0], t.Item)
	for k, j := range p.items {
		slot := int(p.slots[j])
		if slot == 0 {
			continue
		}
		for col, code := range codes[k*c : (k+1)*c] {
			s.across[(slot-1)*n+at] += float32(scale[col] * quant.SquareLaw(code))
		}
	}
}

// explainFactors adds what the tastes' factors give.
func (s *Scorer) explainFactors() {
	p, d := s.pooler, s.pooler.Dim
	n, b := len(p.tastes), p.Pool.Bucket(p.events)
	s.rows = grow(s.rows, len(p.best)*d)
	for k, c := range p.best {
		p.Fine.DecodeTo(s.rows[k*d:(k+1)*d], c.Item)
	}
	for at, t := range p.tastes {
		w := p.factorWeight(b, at, t)
		if w == 0 {
			continue
		}
		p.Fine.DecodeTo(p.row, t.Item)
		for k := range p.best {
			s.across[k*n+at] += float32(w * dot(p.row, s.rows[k*d:(k+1)*d]))
		}
	}
}
