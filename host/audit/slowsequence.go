package audit

import (
	"encoding/binary"
	"errors"
	"math"
)

// slowEncoder is the encoder of a sequence: SPEC.md, section 7, line for line.
type slowEncoder struct {
	d, length  int
	blocks     []slowBlock
	gain, bias []float64
}

type slowBlock struct {
	query, value, in, out [][]float64
	near, inBias, outBias []float64
}

func newSlowEncoder(doc []byte) (*slowEncoder, error) {
	v, err := readDocument(doc)
	if err != nil {
		return nil, err
	}
	e := &slowEncoder{gain: vectorOf(v.bin(4)), bias: vectorOf(v.bin(5))}
	d, _ := v.at(0)
	length, _ := v.at(2)
	e.d, e.length = int(d.number), int(length.number)
	blocks, _ := v.at(3)
	for _, b := range blocks.list {
		e.blocks = append(e.blocks, slowBlock{
			query: matrixOf(b, 0), value: matrixOf(b, 1), near: vectorOf(b.bin(2)),
			in: matrixOf(b, 3), inBias: vectorOf(b.bin(4)), out: matrixOf(b, 5), outBias: vectorOf(b.bin(6)),
		})
	}
	if len(e.blocks) == 0 || e.d == 0 {
		return nil, errors.New("the encoder has no blocks")
	}
	return e, nil
}

func vectorOf(b []byte) []float64 {
	v := make([]float64, len(b)/4)
	for i := range v {
		v[i] = float64(float32At(b, i))
	}
	return v
}

// matrixOf reads codes, scales and an exponent.
func matrixOf(block value, key uint64) [][]float64 {
	m, _ := block.at(key)
	if len(m.list) != 3 {
		return nil
	}
	codes, scales, exponent := m.list[0].content, m.list[1].content, int(int64(m.list[2].number))
	rows := make([][]float64, len(scales)/2)
	for i := range rows {
		scale := math.Ldexp(float64(binary.LittleEndian.Uint16(scales[2*i:])), exponent)
		for _, c := range codes[i*len(codes)/len(rows) : (i+1)*len(codes)/len(rows)] {
			rows[i] = append(rows[i], float64(int8(c))*scale)
		}
	}
	return rows
}

// person is what the rows of a history's items, oldest first, make.
func (e *slowEncoder) person(rows [][]float64) []float64 {
	root := math.Sqrt(float64(e.d))
	var x [][]float64
	for _, row := range rows {
		var scaled []float64
		for _, v := range row {
			scaled = append(scaled, root*v)
		}
		x = append(x, scaled)
	}
	for _, b := range e.blocks {
		x = b.attend(x)
		b.feed(x)
	}
	u := normal(x[len(x)-1])
	for f := range u {
		u[f] = u[f]*e.gain[f] + e.bias[f]
	}
	return u
}

func (b *slowBlock) attend(x [][]float64) (out [][]float64) {
	var n [][]float64
	for _, row := range x {
		n = append(n, normal(row))
	}
	root := math.Sqrt(float64(len(x[0])))
	for i := range x {
		query := times(n[i], b.query)
		shares, sum := make([]float64, i+1), 0.0
		for j := range shares {
			shares[j] = inner(query, n[j])/root + b.near[i-j]
		}
		most := shares[0]
		for _, v := range shares {
			most = max(most, v)
		}
		for j := range shares {
			shares[j] = math.Exp(shares[j] - most)
			sum += shares[j]
		}
		mix := make([]float64, len(x[i]))
		for j, share := range shares {
			for f := range mix {
				mix[f] += share / sum * n[j][f]
			}
		}
		row := times(mix, b.value)
		for f := range row {
			row[f] += x[i][f]
		}
		out = append(out, row)
	}
	return out
}

func (b *slowBlock) feed(x [][]float64) {
	for i := range x {
		hidden := times(normal(x[i]), b.in)
		for h := range hidden {
			hidden[h] = max(0, hidden[h]+b.inBias[h])
		}
		for f, v := range times(hidden, b.out) {
			x[i][f] += v + b.outBias[f]
		}
	}
}

// normal is N(x) = (x − mean) / √(variance + 10⁻⁶).
func normal(x []float64) []float64 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	n := make([]float64, len(x))
	for f, v := range x {
		n[f] = (v - mean) / math.Sqrt(variance+1e-6)
	}
	return n
}

// times is the row v times a matrix.
func times(v []float64, m [][]float64) []float64 {
	out := make([]float64, len(m[0]))
	for i, row := range m {
		for j, c := range row {
			out[j] += v[i] * c
		}
	}
	return out
}

func inner(a, b []float64) (sum float64) {
	for f, v := range a {
		sum += v * b[f]
	}
	return sum
}
