package quant

import "math"

// Query is a person's factors in the forms that the tables want. It keeps its
// memory between calls.
type Query struct {
	x     []float32 // d, the largest 1 in size
	codes []int16   // d and zeros, to a multiple of 32
	tail  []int16   // codes for rows that are read 16 at a time, see Set
	bias  int32     // 8 times the sum of codes

	// PQ, Signs: 16 values for each sub-quantiser, the same in 6 bits, and how
	// their sums become scores, see scoreOf.
	exact  []int64
	small  []byte
	zero   int16
	shift  uint8
	sample Top
	hits   [sumHits]sumHit

	// Tiles: codes are step·high + low, see Tiles.Prepare.
	step             int32
	high             []int16
	words, highs     []int16 // codes and high as vectors
	start, startHigh int32   // what their sums start with

	items, dots []int32 // Score: rows in fours, and their products
}

// NewQuery returns a query of d factors, all 0.
func NewQuery(d int) *Query {
	q := &Query{x: make([]float32, d), codes: make([]int16, (d+31)/32*32)}
	q.tail = q.codes[:0]
	if d%16 != 0 {
		q.tail = make([]int16, (d+15)/16*16)
	} else {
		q.tail = q.codes[:d]
	}
	return q
}

// Set makes u, d finite factors, the query. It quantises them to int16: the
// largest takes the largest code under which no dot product with d int8 codes
// overflows int32. The scale is forgotten: it is the same for every row, so it
// changes no order.
func (q *Query) Set(u []float32) {
	d := len(q.x)
	m := maxAbs(u[:d])
	q.bias = 0
	if m == 0 {
		clear(q.x)
		clear(q.codes)
		clear(q.tail)
		return
	}
	top := float32(min(math.MaxInt16, math.MaxInt32/(127*d)))
	for f, x := range u[:d] {
		// Divided first: x/m is at most 1, so that no product overflows.
		q.x[f] = float32(x / m)
		c := float32(q.x[f] * top)
		if c < 0 {
			q.codes[f] = int16(c - 0.5)
		} else {
			q.codes[f] = int16(c + 0.5)
		}
		q.bias += 8 * int32(q.codes[f])
	}
	// Rows of 16 codes are read whole; the rest of a row is the end of its last
	// 16, of which the first have been counted already and meet zeros.
	if whole := d / 16 * 16; whole < d && d >= 16 {
		copy(q.tail, q.codes[:whole])
		clear(q.tail[whole:])
		copy(q.tail[len(q.tail)-(d-whole):], q.codes[whole:d])
	}
}

// fours lists the items of list, the last one again until there are four or
// eight or … of them, and makes room for as many products.
func (q *Query) fours(list []Candidate) (items, dots []int32) {
	n := (len(list) + 3) / 4 * 4
	if cap(q.items) < n {
		q.items, q.dots = make([]int32, n), make([]int32, n)
	}
	items, dots = q.items[:n], q.dots[:n]
	for i := range items {
		items[i] = int32(list[min(i, len(list)-1)].Item)
	}
	return items, dots
}

// tables makes room for the tables of m sub-quantisers.
func (q *Query) tables(m int) {
	if len(q.exact) != 16*m {
		q.exact, q.small = make([]int64, 16*m), make([]byte, 16*m)
	}
}

// maxSmall is the largest value of a small table: four of them fit a byte.
const maxSmall = 63

// shrink fills the small tables from the exact ones: each starts at 0, and one
// step is the same for all: a value v of a table that starts at lo is
// (v-lo)·63/span, rounded.
func (q *Query) shrink() {
	m := len(q.exact) / 16
	var lo, span int64
	for t := 0; t < len(q.exact); t += 16 {
		least := extremes(q.exact[t : t+16])
		lo += least[0]
		span = max(span, least[1]-least[0])
	}
	span = max(span, 1)
	for t := 0; t < len(q.exact); t += 16 {
		first := extremes(q.exact[t : t+16])[0]
		for c := t; c < t+16; c++ {
			q.small[c] = byte(((q.exact[c]-first)*maxSmall + span/2) / span)
		}
	}
	q.setZero(m, lo, span)
}

// extremes returns the least and the greatest of v.
func extremes(v []int64) [2]int64 {
	lo, hi := v[0], v[0]
	for _, x := range v[1:] {
		lo, hi = min(lo, x), max(hi, x)
	}
	return [2]int64{lo, hi}
}
