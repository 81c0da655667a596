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
// centroids still fits int32.
const MaxGroups = 256

// PQ holds n rows of d factors as 4-bit codes of m sub-quantisers: a row is the
// sum of m centroids, one of 16 from each. Where the centroids of different
// sub-quantisers have no factor in common this is a product quantiser (Jégou,
// Douze, Schmid, Product Quantization for Nearest Neighbor Search, PAMI 2011);
// where all may have all it is an additive one (Babenko, Lempitsky, Additive
// Quantization for Extreme Vector Compression, CVPR 2014), with half the error
// for 16·m·d bytes of centroids.
type PQ struct {
	N, D, M   int    // M is a multiple of 4, at most MaxGroups
	Codes     []byte // blocks, see PackPQ
	Centroids Rows   // 16·m: those of sub-quantiser s from 16·s on
}

// DecodeTo implements [Table]. The sum is exact; what is rounded is its float32.
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
	unit := Pow2(p.Centroids.Exp)
	for f, v := range sum {
		dst[f] = float32(v) * unit
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

// Coarse says true: the scan adds up 6 bits for each group.
func (p PQ) Coarse() bool { return true }

// sampled is the part of the blocks from which Scan learns where to start.
const sampled = 16

// Scan implements [Table].
//
// A threshold that starts at nothing and rises would let ln(n/k) times as many
// items through as it keeps. So a sample is counted first, and the scan starts
// with a threshold that a little more than k items should reach. When fewer do
// it starts again from nothing: what is kept never depends on the sample.
func (p PQ) Scan(top *Top, q *Query) {
	if k := top.k; p.N >= 64*blockItems && k > 0 {
		top.least = p.guess(top, q)
		if p.scan(top, q); len(top.heap) == k || top.least <= 0 {
			return
		}
		top.Reset(k, top.blocked)
	}
	p.scan(top, q)
}

func (p PQ) scan(top *Top, q *Query) {
	var sums [blockItems]uint16
	size := groupBytes * p.M
	for at := 0; at < len(p.Codes); at += size {
		at += size * pqScan(p.Codes[at:], p.M, q.small, leastSum(top.least), &sums)
		if at == len(p.Codes) {
			return
		}
		first := at / size * blockItems
		for k, sum := range sums[:min(blockItems, p.N-first)] {
			if int64(sum) >= top.least {
				top.Offer(first+k, int64(sum))
			}
		}
	}
}

// leastSum returns a threshold as a sum, which is at most 63·256.
func leastSum(least int64) uint16 { return uint16(min(max(least, 0), 1<<16-1)) }

// guess returns a sum that a little more than top.k items should reach.
func (p PQ) guess(top *Top, q *Query) int64 {
	if n := maxSmall*p.M + 1; len(q.count) != n {
		q.count = make([]uint32, n)
	} else {
		clear(q.count)
	}
	var sums [blockItems]uint16
	size := groupBytes * p.M
	for block := 0; block < p.N/blockItems; block += sampled {
		pqScan(p.Codes[block*size:(block+1)*size], p.M, q.small, 0, &sums)
		for k, sum := range sums {
			if i := block*blockItems + k; top.blocked == nil || top.blocked[i>>3]>>(i&7)&1 == 0 {
				q.count[sum]++
			}
		}
	}
	// How many of the sample are wanted: the expected number, and three times
	// the spread of such a count, so that one scan in hundreds must be repeated.
	want := top.k/sampled + 1
	spread := 1
	for spread*spread < want {
		spread++
	}
	want += 3 * spread
	for sum := len(q.count) - 1; sum > 0; sum-- {
		if want -= int(q.count[sum]); want <= 0 {
			return int64(sum)
		}
	}
	return 0
}

// Score implements [Table].
func (p PQ) Score(list []Candidate, q *Query) {
	for k := range list {
		b, high := place(list[k].Item)
		at := list[k].Item/blockItems*p.M*groupBytes + b
		shift := 0
		if high {
			shift = 4
		}
		var sum int64
		for s := range p.M {
			sum += q.exact[16*s+int(p.Codes[at+s*groupBytes]>>shift&15)]
		}
		list[k].Score = sum
	}
}

// pqScanScalar returns the number of the first block in which the sum of an
// item is at least least, and that block's sums; the number of blocks when
// there is none. m is a multiple of 4.
func pqScanScalar(codes []byte, m int, tables []byte, least uint16, sums *[blockItems]uint16) int {
	size := groupBytes * m
	for block := range len(codes) / size {
		addBlock(codes[block*size:(block+1)*size], tables, sums)
		for _, sum := range sums {
			if sum >= least {
				return block
			}
		}
	}
	return len(codes) / size
}

// addBlock sets sums to the sums of one block.
func addBlock(block, tables []byte, sums *[blockItems]uint16) {
	clear(sums[:])
	for at := 0; at < len(block); at += groupBytes {
		table := (*[16]byte)(tables[at:])
		for b, c := range (*[groupBytes]byte)(block[at:]) {
			i := b/2 + b%2*8
			sums[i] += uint16(table[c&15])
			sums[i+16] += uint16(table[c>>4])
		}
	}
}
