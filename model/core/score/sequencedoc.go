package score

import (
	"strconv"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// A sequence encoder is a document in the subset of core/wire:
//
//	0 uint  d
//	1 uint  Hidden
//	2 uint  Length
//	3 array of blocks, each a map:
//	          0 Query, 1 Value  d×d
//	          2 Near            Length
//	          3 In              d×Hidden
//	          4 InBias          Hidden
//	          5 Out             Hidden×d
//	          6 OutBias         d
//	4       Gain  d
//	5       Bias  d
//
// A vector is a bin of float32s. A matrix is an array of three: a bin of int8
// codes, row-major, a bin of uint16 scales, one a row, and the int exponent of
// all scales, see quant.Rows.

// ReadSequence reads a document; its error is a *wire.Error. The encoder keeps no
// part of it: 8-bit weights that are decoded once make a history as fast as
// float32 ones, and there are fewer of them than in a hundred item rows.
func ReadSequence(doc []byte) (*Sequence, error) {
	r := sequenceReader{d: wire.NewDecoder(doc)}
	var w SequenceWeights
	m := r.d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			w.Dim = r.size(quant.MaxDim)
		case 1:
			w.Hidden = r.size(MaxSequenceHidden)
		case 2:
			w.Length = r.size(MaxSequenceLength)
		case 3:
			w.Blocks = make([]SequenceBlock, r.d.Array(MaxSequenceBlocks))
			for b := range w.Blocks {
				w.Blocks[b] = r.block(&w)
			}
			if len(w.Blocks) == 0 {
				r.d.Fail("a block")
			}
		case 4:
			w.Gain = r.vector(w.Dim)
		case 5:
			w.Bias = r.vector(w.Dim)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3, 4, 5)
	if err := r.d.End(); err != nil {
		return nil, err
	}
	return NewSequence(w), nil
}

type sequenceReader struct{ d *wire.Decoder }

func (r sequenceReader) block(w *SequenceWeights) (b SequenceBlock) {
	m := r.d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			b.Query = r.matrix(w.Dim, w.Dim)
		case 1:
			b.Value = r.matrix(w.Dim, w.Dim)
		case 2:
			b.Near = r.vector(w.Length)
		case 3:
			b.In = r.matrix(w.Dim, w.Hidden)
		case 4:
			b.InBias = r.vector(w.Hidden)
		case 5:
			b.Out = r.matrix(w.Hidden, w.Dim)
		case 6:
			b.OutBias = r.vector(w.Dim)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3, 4, 5, 6)
	return b
}

// size reads a number from 1 to max.
func (r sequenceReader) size(max uint64) int {
	n := int(r.d.Uint(max))
	if n == 0 {
		r.d.Fail("a size above 0")
	}
	return n
}

// bin reads exactly n bytes.
func (r sequenceReader) bin(n int) []byte {
	b := r.d.Bin(n)
	if len(b) != n {
		r.d.Fail(strconv.Itoa(n) + " bytes")
		return nil
	}
	return b
}

// vector reads n finite numbers.
func (r sequenceReader) vector(n int) []float32 {
	b := wire.Float32s(r.bin(4 * n))
	if r.d.Err() != nil {
		return nil
	}
	v := make([]float32, n)
	b.DecodeTo(v)
	for _, x := range v {
		if !finite(x) {
			r.d.Fail("finite numbers before here")
		}
	}
	return v
}

// matrix reads rows×cols numbers.
func (r sequenceReader) matrix(rows, cols int) []float32 {
	if r.d.Array(3) != 3 {
		r.d.Fail("codes, scales and an exponent")
	}
	codes, scales, exp := r.bin(rows*cols), r.bin(2*rows), r.d.Int()
	if exp < quant.MinExp || exp > maxSequenceExp {
		r.d.Fail("an exponent in bounds before here")
	}
	if r.d.Err() != nil {
		return nil
	}
	table := quant.Rows{N: rows, D: cols, Codes: quant.Int8s(codes), Scales: scales, Exp: int(exp)}
	m := make([]float32, rows*cols)
	for i := range rows {
		table.DecodeTo(m[i*cols:(i+1)*cols], i)
	}
	return m
}

// maxSequenceExp keeps a weight, code · scale · 2^exp, below 2⁶⁴.
const maxSequenceExp = 64 - 23
