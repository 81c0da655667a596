package quant

// Blocks of a product quantiser's codes: 32 items, one group of 16 bytes for
// each sub-quantiser, whose values stand in one register while the codes of
// two times 16 items look them up.
//
//	byte b of a group:   low half: item b/2 + 8·(b%2)   high half: 16 more
//
// That order lets even and odd bytes be summed apart, in 16 bits, and come out
// as items 0 … 7 and 8 … 15.
const (
	blockItems = 32
	groupBytes = 16
)

// place says where item i's code stands in a group of its block.
func place(i int) (b int, high bool) { return i%8*2 + i/8%2, i%32 >= 16 }

// PQBytes returns how many bytes the codes of n items take in blocks.
func PQBytes(n, m int) int { return (n + blockItems - 1) / blockItems * groupBytes * m }

// PackPQ lays out codes, n×m with values 0 … 15, in blocks.
func PackPQ(codes []byte, m int) []byte {
	n := len(codes) / m
	blocks := make([]byte, PQBytes(n, m))
	for i := range n {
		b, high := place(i)
		for s := range m {
			at := (i/blockItems*m+s)*groupBytes + b
			if high {
				blocks[at] |= codes[i*m+s] << 4
			} else {
				blocks[at] |= codes[i*m+s]
			}
		}
	}
	return blocks
}

// codeAt returns the code of item i and sub-quantiser s of m.
func codeAt(blocks []byte, m, i, s int) int {
	b, high := place(i)
	c := blocks[(i/blockItems*m+s)*groupBytes+b]
	if high {
		return int(c >> 4)
	}
	return int(c & 15)
}

// MaxGroups bounds the sub-quantisers of a [PQ]: with 256 of them a sum of
// centroids still fits int32, and a sum of 6 bits 16.
const MaxGroups = 256

// ScaleOne is the scale of a row of [PQ] that is as long as its centroids' sum.
const ScaleOne = 128

// PQ holds n rows of d factors as 4-bit codes of m sub-quantisers and a scale: a
// row is scale/128 times the sum of m centroids, one of 16 from each. Where the
// centroids of different sub-quantisers have no factor in common this is a
// product quantiser (Jégou, Douze, Schmid, Product Quantization for Nearest
// Neighbor Search, PAMI 2011); where all may have all it is an additive one
// (Babenko, Lempitsky, Additive Quantization for Extreme Vector Compression,
// CVPR 2014), with half the error for 16·m·d bytes of centroids. The scale gives
// a row its length back: such sums are too short, those of rare items most.
type PQ struct {
	N, D, M   int    // M is even, at most MaxGroups
	Codes     []byte // blocks, see PackPQ
	Scales    []byte // n, in units of 1/ScaleOne
	Centroids Rows   // 16·m: those of sub-quantiser s from 16·s on
}

// Code returns the code of sub-quantiser s for row i.
func (p PQ) Code(i, s int) byte { return byte(codeAt(p.Codes, p.M, i, s)) }

// DecodeTo implements [Table]. All is exact but for one rounding to float32.
func (p PQ) DecodeTo(dst []float32, i int) {
	var sums [MaxDim]int32
	sum := sums[:p.D]
	for s := range p.M {
		c := 16*s + codeAt(p.Codes, p.M, i, s)
		scale := int32(p.Centroids.Scales.At(c))
		for f, v := range p.Centroids.Codes[c*p.D : (c+1)*p.D] {
			sum[f] += int32(v) * scale
		}
	}
	unit, scale := Pow2(p.Centroids.Exp)/ScaleOne, int64(p.Scales[i])
	for f, v := range sum {
		dst[f] = float32(int64(v)*scale) * unit
	}
}

// Prepare computes the product of every centroid with the query, exactly, and
// in 6 bits for the scan (André, Kermarrec, Le Scouarnec, Cache Locality Is Not
// Enough, VLDB 2015, have the layout; theirs are 8 bits).
func (p PQ) Prepare(q *Query) {
	q.tables(p.M)
	if cap(q.items) < 16*p.M {
		q.items, q.dots = make([]int32, 16*p.M), make([]int32, 16*p.M)
	}
	items, dots := q.items[:16*p.M], q.dots[:16*p.M]
	for c := range items {
		items[c] = int32(c)
	}
	int8Rows(p.Centroids.Codes, p.D, q, items, dots)
	for c, dot := range dots {
		q.exact[c] = int64(dot) * int64(p.Centroids.Scales.At(c))
	}
	q.shrink()
}

// Coarse says true: the scan adds up 6 bits for each sub-quantiser.
func (p PQ) Coarse() bool { return true }

// Scan implements [Table].
func (p PQ) Scan(top *Top, q *Query) { scanSums(p.Codes, p.M, p.N, p.Scales, top, q) }

// Score implements [Table].
func (p PQ) Score(list []Candidate, q *Query) { scoreSums(list, p.Codes, p.M, p.Scales, q) }
