package quant

import (
	"math"

	"github.com/nearside/nearside/model/core/wire"
)

// Signs holds n rows of d factors as one bit each and a scale per row: factor f
// of row i is ±Scales[i] · 2^Exp. It is a product quantiser of four factors a
// group whose 16 centroids are the corners of a cube, so it is laid out and
// scanned like one: bit j of a group's code is set when factor 4·group+j is not
// negative. Factors beyond d have bit 0 and meet a query of 0.
type Signs struct {
	N, D   int
	Codes  []byte       // blocks of [SignGroups] groups, see PackPQ
	Scales wire.Uint16s // n, each 1 … 32767
	Exp    int
}

// SignGroups returns how many groups of four hold d signs: a multiple of 4.
func SignGroups(d int) int { return (d + 15) / 16 * 4 }

// MaxSignScale is the largest scale of a row of [Signs].
const MaxSignScale = math.MaxInt16

// EncodeSigns quantises rows, n×d row-major and finite. A row's scale is the
// mean size of its factors, the one with the least squared error (Rastegari et
// al., XNOR-Net, ECCV 2016, eq. 6), to within half of 2^exp.
func EncodeSigns(rows []float32, d int) (codes []byte, scales []uint16, exp int) {
	n, m := len(rows)/d, SignGroups(d)
	mean := make([]float64, n)
	bits := make([]byte, n*m)
	var largest float64
	for i := range n {
		for f, x := range rows[i*d : (i+1)*d] {
			mean[i] += math.Abs(float64(x)) / float64(d)
			if x >= 0 {
				bits[i*m+f/4] |= 1 << (f % 4)
			}
		}
		largest = max(largest, mean[i])
	}
	exp = fitExp(float32(largest), MaxSignScale)
	scales = make([]uint16, n)
	for i := range scales {
		scales[i] = uint16(min(max(1, math.RoundToEven(mean[i]/math.Ldexp(1, exp))), MaxSignScale))
	}
	return PackPQ(bits, m), scales, exp
}

// DecodeTo implements [Table].
func (s Signs) DecodeTo(dst []float32, i int) {
	x := float32(s.Scales.At(i)) * Pow2(s.Exp)
	m := SignGroups(s.D)
	for f := range s.D {
		if dst[f] = x; codeAt(s.Codes, m, i, f/4)>>(f%4)&1 == 0 {
			dst[f] = -x
		}
	}
}

// Prepare computes the product of every corner with the query, exactly, and in
// 6 bits for the scan.
func (s Signs) Prepare(q *Query) {
	q.tables(SignGroups(s.D))
	for t := 0; t < len(q.exact); t += 16 {
		for c := range 16 {
			var sum int64
			for j := range 4 {
				if f := t/4 + j; f < s.D {
					x := int64(q.codes[f])
					if c>>j&1 == 0 {
						x = -x
					}
					sum += x
				}
			}
			q.exact[t+c] = sum
		}
	}
	lo, span := q.shrink()
	q.zero = int16((-lo*maxSmall + span/2) / span)
}

// Coarse says true: the scan adds up 6 bits for each group.
func (s Signs) Coarse() bool { return true }

// Scan implements [Table].
func (s Signs) Scan(top *Top, q *Query) {
	var sums [blockItems]uint16
	m := SignGroups(s.D)
	size := groupBytes * m
	offer := func(first, n int) {
		for k, sum := range sums[:n] {
			top.Offer(first+k, int64(int16(sum)-q.zero)*int64(s.Scales.At(first+k)))
		}
	}
	whole := s.N / blockItems * blockItems
	for i := 0; i < whole; i += blockItems {
		i += blockItems * signScan(s.Codes[i/blockItems*size:], m, q.small, q.zero, s.Scales[2*i:2*whole], int32(max(top.least, math.MinInt32)), &sums)
		if i < whole {
			offer(i, blockItems)
		}
	}
	if whole < s.N {
		addBlock(s.Codes[whole/blockItems*size:], q.small, &sums)
		offer(whole, s.N-whole)
	}
}

// Score implements [Table].
func (s Signs) Score(list []Candidate, q *Query) {
	m := SignGroups(s.D)
	for k := range list {
		var sum int64
		for t := range m {
			sum += q.exact[16*t+codeAt(s.Codes, m, list[k].Item, t)]
		}
		list[k].Score = sum * int64(s.Scales.At(list[k].Item))
	}
}

// signScanScalar is pqScanScalar with a score for each item: the sum less zero,
// times the item's scale.
func signScanScalar(codes []byte, m int, tables []byte, zero int16, scales []byte, least int32, sums *[blockItems]uint16) int {
	size := groupBytes * m
	blocks := min(len(codes)/size, len(scales)/(2*blockItems))
	for block := range blocks {
		addBlock(codes[block*size:(block+1)*size], tables, sums)
		for k, sum := range sums {
			if int32(int16(sum)-zero)*int32(wire.Uint16s(scales).At(block*blockItems+k)) >= least {
				return block
			}
		}
	}
	return blocks
}
