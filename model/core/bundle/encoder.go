package bundle

import (
	"math"
	"strconv"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// Bounds of an encoder. They bound the work too: at the greatest sizes and
// quant.MaxDim a history takes some hundred million multiplications, at the
// sizes that are trained half a million.
const (
	MaxEncoderLength = 200
	MaxEncoderHidden = 1024
	MaxEncoderBlocks = 2
	MaxEncoder       = 1 << 24 // bytes
)

// Encoder is the parameters of a sequence encoder, of ScorerSequence. With N(x) = (x -
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
type Encoder struct {
	Dim, Hidden, Length int
	Blocks              []EncoderBlock
	Gain, Bias          []float32 // d
}

// EncoderBlock is one block of Encoder; matrices are row-major.
type EncoderBlock struct {
	Query, Value []float32 // d×d
	Near         []float32 // Length: for an item so many places before
	In           []float32 // d×Hidden
	InBias       []float32 // Hidden
	Out          []float32 // Hidden×d
	OutBias      []float32 // d
}

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

// ReadEncoder reads a document; its error is a *wire.Error. The encoder keeps no
// part of it: 8-bit weights that are decoded once make a history as fast as
// float32 ones, and there are fewer of them than in a hundred item rows.
func ReadEncoder(doc []byte) (*Encoder, error) {
	r := encoderReader{d: wire.NewDecoder(doc)}
	var w Encoder
	m := r.d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			w.Dim = r.size(quant.MaxDim)
		case 1:
			w.Hidden = r.size(MaxEncoderHidden)
		case 2:
			w.Length = r.size(MaxEncoderLength)
		case 3:
			w.Blocks = make([]EncoderBlock, r.d.Array(MaxEncoderBlocks))
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
	return &w, nil
}

type encoderReader struct{ d *wire.Decoder }

func (r encoderReader) block(w *Encoder) (b EncoderBlock) {
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
func (r encoderReader) size(max uint64) int {
	n := int(r.d.Uint(max))
	if n == 0 {
		r.d.Fail("a size above 0")
	}
	return n
}

// bin reads exactly n bytes.
func (r encoderReader) bin(n int) []byte {
	b := r.d.Bin(n)
	if len(b) != n {
		r.d.Fail(strconv.Itoa(n) + " bytes")
		return nil
	}
	return b
}

// vector reads n finite numbers.
func (r encoderReader) vector(n int) []float32 {
	b := wire.Float32s(r.bin(4 * n))
	if r.d.Err() != nil {
		return nil
	}
	v := make([]float32, n)
	b.DecodeTo(v)
	for _, x := range v {
		if !(x >= -math.MaxFloat32 && x <= math.MaxFloat32) {
			r.d.Fail("finite numbers before here")
		}
	}
	return v
}

// matrix reads rows×cols numbers.
func (r encoderReader) matrix(rows, cols int) []float32 {
	if r.d.Array(3) != 3 {
		r.d.Fail("codes, scales and an exponent")
	}
	codes, scales, exp := r.bin(rows*cols), r.bin(2*rows), r.d.Int()
	if exp < quant.MinExp || exp > maxEncoderExp {
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

// maxEncoderExp keeps a weight, code · scale · 2^exp, below 2⁶⁴.
const maxEncoderExp = 64 - 23
