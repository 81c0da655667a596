package score

import (
	"errors"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
)

// ErrSequence says that an encoder's arithmetic left the numbers: the weights or
// the item rows are wrong.
var ErrSequence = errors.New("score: the sequence encoder's result is not finite")

// Sequence turns a history into a person's factors by an encoder. It keeps its buffers
// between calls and is not safe for concurrent use.
type Sequence struct {
	bundle.Encoder
	x, n   []float32 // Length×d
	query  []float32 // Length×d
	mix    []float32 // Length×d
	hidden []float32 // Length×Hidden
	shares []float32 // Length
}

// NewSequence returns an encoder with weights w, which it keeps. Their sizes
// must fit one another and the bounds.
func NewSequence(w bundle.Encoder) *Sequence {
	rows := func(d int) []float32 { return make([]float32, w.Length*d) }
	return &Sequence{
		Encoder: w,
		x:       rows(w.Dim), n: rows(w.Dim), query: rows(w.Dim), mix: rows(w.Dim),
		hidden: rows(w.Hidden), shares: rows(1),
	}
}

// PersonTo sets person, d factors, to what a history says. rows are the factors
// of its items, l×d, oldest first; of more than Length items the last count. An
// empty history gives the person without one, Bias.
func (s *Sequence) PersonTo(person, rows []float32) error {
	d := s.Dim
	rows = rows[max(0, len(rows)/d-s.Length)*d:]
	copy(person, s.Bias)
	l := len(rows) / d
	if l == 0 {
		return nil
	}
	scale := float32(math.Sqrt(float64(d)))
	for k, e := range rows {
		s.x[k] = float32(scale * e)
	}
	for b := range s.Blocks {
		from := 0
		if b == len(s.Blocks)-1 {
			from = l - 1 // nobody reads the others
		}
		if !s.attend(&s.Blocks[b], l, from) {
			return ErrSequence
		}
		s.feed(&s.Blocks[b], l, from)
	}
	last := s.n[:d]
	quant.Normalise(last, s.x[(l-1)*d:l*d])
	for k, v := range last {
		person[k] += float32(v * s.Gain[k])
		if !finite(person[k]) {
			return ErrSequence
		}
	}
	return nil
}

// attend does the attention of block b for the rows from … l-1. It returns false
// when a weight of it is not finite.
func (s *Sequence) attend(b *bundle.EncoderBlock, l, from int) bool {
	d := s.Dim
	for i := range l {
		quant.Normalise(s.n[i*d:i*d+d], s.x[i*d:i*d+d])
	}
	query, mix := s.query[:(l-from)*d], s.mix[:(l-from)*d]
	clear(query)
	clear(mix)
	addTimes(query, s.n[from*d:l*d], b.Query, d, d)
	scale := 1 / float32(math.Sqrt(float64(d)))
	for i := from; i < l; i++ {
		q, shares := query[(i-from)*d:(i-from+1)*d], s.shares[:i+1]
		for j := range shares {
			shares[j] = float32(scale*dot(q, s.n[j*d:j*d+d])) + b.Near[i-j]
			if !finite(shares[j]) {
				return false
			}
		}
		quant.Softmax(shares)
		for j, a := range shares {
			quant.Axpy(mix[(i-from)*d:(i-from+1)*d], s.n[j*d:j*d+d], a)
		}
	}
	addTimes(s.x[from*d:l*d], mix, b.Value, d, d)
	return true
}

// feed does the rest of block b for the rows from … l-1.
func (s *Sequence) feed(b *bundle.EncoderBlock, l, from int) {
	d, h := s.Dim, s.Hidden
	for i := from; i < l; i++ {
		quant.Normalise(s.n[i*d:i*d+d], s.x[i*d:i*d+d])
		copy(s.hidden[i*h:i*h+h], b.InBias)
	}
	hidden := s.hidden[from*h : l*h]
	addTimes(hidden, s.n[from*d:l*d], b.In, d, h)
	for k, v := range hidden {
		if v < 0 {
			hidden[k] = 0
		}
	}
	for i := from; i < l; i++ {
		quant.Axpy(s.x[i*d:i*d+d], b.OutBias, 1)
	}
	addTimes(s.x[from*d:l*d], hidden, b.Out, h, d)
}

// addTimes adds to dst the rows of a, k values each, times the k×n matrix b.
func addTimes(dst, a, b []float32, k, n int) {
	m := len(a) / k
	quant.AddProduct(quant.MatrixOf(dst, m, n), quant.MatrixOf(a, m, k), quant.MatrixOf(b, k, n))
}

// encode sets the person's factors to what the tastes, newest first, say. What
// they weigh does not matter to it.
func (s *Scorer) encode(tastes []Taste) error {
	d := len(s.person)
	tastes = tastes[:min(len(tastes), s.sequence.Length)]
	s.rows = grow(s.rows, len(tastes)*d)
	table := s.fine()
	for t, taste := range tastes {
		at := len(tastes) - 1 - t // the oldest first
		table.DecodeTo(s.rows[at*d:at*d+d], taste.Item)
	}
	return s.sequence.PersonTo(s.person, s.rows)
}

// sequenceParts sets parts to what item loses when the history has been without
// each taste, and to 0 for those that were not looked at.
func (s *Scorer) sequenceParts(item int) {
	d := len(s.person)
	clear(s.parts)
	l := min(len(s.rows)/d, len(s.parts))
	if l == 0 {
		return
	}
	if !s.has {
		s.across = grow(s.across, l*d) // l×d: what the person loses
		s.has = true
		s.rest = grow(s.rest, (l-1)*d)
		for t := range l {
			at := (l - 1 - t) * d
			copy(s.rest, s.rows[:at])
			copy(s.rest[at:], s.rows[at+d:])
			less := s.across[t*d : t*d+d]
			if s.sequence.PersonTo(less, s.rest) != nil {
				copy(less, s.person) // it says nothing of this taste
			}
			for f, v := range s.person {
				less[f] = v - less[f]
			}
		}
	}
	s.fine().DecodeTo(s.z, item)
	for t := range l {
		s.parts[t] = dot(s.across[t*d:t*d+d], s.z)
	}
}
