package score

import (
	"errors"
	"math"

	"github.com/nearside/nearside/model/core/quant"
)

// ErrSequence says that an encoder's arithmetic left the numbers: the weights or
// the item rows are wrong.
var ErrSequence = errors.New("score: the sequence encoder's result is not finite")

// Bounds of an encoder. They bound the work too: at the greatest sizes and
// quant.MaxDim a history takes some hundred million multiplications, at the
// sizes that are trained half a million.
const (
	MaxSequenceLength = 200
	MaxSequenceHidden = 1024
	MaxSequenceBlocks = 2
)

// SequenceWeights are the parameters of a sequence encoder. With N(x) = (x -
// mean)/deviation, e_0 … e_l-1 the factors of a person's last l items, oldest
// first, and d the number of factors, each block turns rows x into
//
//	a_ij = softmax_j≤i( N(x_i)·Query·N(x_j)ᵀ/√d + Near[i-j] )
//	x_i += (Σ_j a_ij N(x_j)) · Value
//	x_i += max(0, N(x_i)·In + InBias) · Out + OutBias
//
// from x = √d·e on. The person is N(x_l-1)·Gain + Bias, and scores an item by
// the dot product with the item's factors.
//
// This is the self-attention of Kang and McAuley, "Self-attentive sequential
// recommendation", ICDM 2018, with one head. Three things differ. Query is the
// product of their query and key matrix and Value that of value and output, so
// that the last block, of which one row is wanted, costs a few
// matrix-vector products. The place of an item counts as its distance, as in Raffel
// et al., JMLR 21 (2020), section 2.1, not as a vector added to it. And only the
// last norm has a gain and a bias, because what follows the others is linear.
type SequenceWeights struct {
	Dim, Hidden, Length int
	Blocks              []SequenceBlock
	Gain, Bias          []float32 // d
}

// SequenceBlock is one block of SequenceWeights; matrices are row-major.
type SequenceBlock struct {
	Query, Value []float32 // d×d
	Near         []float32 // Length: for an item so many places before
	In           []float32 // d×Hidden
	InBias       []float32 // Hidden
	Out          []float32 // Hidden×d
	OutBias      []float32 // d
}

// Sequence turns a history into a person's factors. It keeps its buffers
// between calls and is not safe for concurrent use.
type Sequence struct {
	SequenceWeights
	x, n   []float32 // Length×d
	query  []float32 // Length×d
	mix    []float32 // Length×d
	hidden []float32 // Length×Hidden
	shares []float32 // Length
}

// NewSequence returns an encoder with weights w, which it keeps. Their sizes
// must fit one another and the bounds.
func NewSequence(w SequenceWeights) *Sequence {
	rows := func(d int) []float32 { return make([]float32, w.Length*d) }
	return &Sequence{
		SequenceWeights: w,
		x:               rows(w.Dim), n: rows(w.Dim), query: rows(w.Dim), mix: rows(w.Dim),
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
func (s *Sequence) attend(b *SequenceBlock, l, from int) bool {
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
func (s *Sequence) feed(b *SequenceBlock, l, from int) {
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
