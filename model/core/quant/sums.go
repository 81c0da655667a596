package quant

import (
	"math"
	"math/bits"
)

// What [PQ] and [Signs] share: sums of table look-ups, times a scale per row.

// sumHit is a block in which an item reaches a threshold.
type sumHit struct {
	scores [blockItems]int16
	mask   uint32 // bit i: item i does
	look   int32  // how many blocks had been looked at before
}

// sumHits is how many hits a kernel collects before the threshold is set anew.
const sumHits = 32

// scanSums offers to top what scoreOf says of n items, whose codes of m
// sub-quantisers are in blocks.
//
// A threshold that starts at nothing and rises would let ln(n/k) times as many
// items through as it keeps. So a sample is searched first, and the scan starts
// with a threshold that a little more than k items should reach. When fewer do
// it starts again from nothing: what is kept never depends on the sample.
func scanSums(codes []byte, m, n int, scales []byte, top *Top, q *Query) {
	if blocks := n / blockItems; blocks >= 64 && top.k > 0 {
		// Every 32nd block, and of a large catalogue some 512 blocks.
		step := max(32, blocks/512)
		q.sample.Reset(sampleSize(top.k, step), top.blocked)
		scanFrom(codes, m, n, scales, &q.sample, q, step)
		if len(q.sample.heap) == q.sample.k {
			top.least = q.sample.heap[0].Score
			scanFrom(codes, m, n, scales, top, q, 1)
			if len(top.heap) == top.k {
				return
			}
			top.Reset(top.k, top.blocked)
		}
	}
	scanFrom(codes, m, n, scales, top, q, 1)
}

// sampleSize returns how many of the best of a sample, one in step, stand for a
// little more than k of all: the expected number, and three times the spread of
// such a count, so that one scan in hundreds must be repeated.
func sampleSize(k, step int) int {
	want, spread := k/step+1, 1
	for spread*spread < want {
		spread++
	}
	return want + 3*spread
}

// scanFrom offers the items of every step-th block to top.
func scanFrom(codes []byte, m, n int, scales []byte, top *Top, q *Query, step int) {
	size := groupBytes * m
	whole := n / blockItems
	for block := 0; block < whole; {
		done, found := sumScan(codes[block*size:whole*size], m, step, q, scales[block*blockItems:whole*blockItems], leastScore(top), q.hits[:])
		for h := range q.hits[:found] {
			hit := &q.hits[h]
			first := (block + int(hit.look)*step) * blockItems
			for mask := hit.mask; mask != 0; mask &= mask - 1 {
				k := bits.TrailingZeros32(mask)
				top.Offer(first+k, int64(hit.scores[k]))
			}
		}
		block += done * step
	}
	if whole*blockItems < n && step == 1 {
		hit := &q.hits[0]
		scoreBlock(codes[whole*size:], q, scales[whole*blockItems:n], &hit.scores)
		for k, score := range hit.scores[:n%blockItems] {
			top.Offer(whole*blockItems+k, int64(score))
		}
	}
}

// leastScore returns top's threshold as a score.
func leastScore(top *Top) int16 {
	return int16(min(max(top.least, math.MinInt16), math.MaxInt16))
}

// scoreOf is the score of a scan: the sum of an item's values in the small
// tables less zero, shifted left so that all sums fill 16 bits, times the scale
// in 1/256, rounded.
func scoreOf(sum uint16, scale byte, q *Query) int16 {
	a := int32(int16(sum)-q.zero) << q.shift
	return int16((a*int32(scale)<<7 + 1<<14) >> 15)
}

// setZero makes ready for scoreOf the sums of m values that stand for products
// of at least lo, 63 of them for span.
func (q *Query) setZero(m int, lo, span int64) {
	// Beyond these bounds a sum less zero would not fit 16 bits. They are met
	// when all centroids of a sub-quantiser have much in common; then the scale
	// decides more than the sum.
	zero := (-lo*maxSmall + span/2) / span
	q.zero = int16(min(max(zero, -1<<14), 1<<14))
	q.shift = 0
	largest := max(maxSmall*m-int(q.zero), int(q.zero), -int(q.zero))
	for largest<<(q.shift+1) <= math.MaxInt16 {
		q.shift++
	}
}

// scoreSums sets each candidate's score to the sum of its values in the exact
// tables, times its scale.
func scoreSums(list []Candidate, codes []byte, m int, scales []byte, q *Query) {
	for k := range list {
		i := list[k].Item
		b, high := place(i)
		at, shift := i/blockItems*m*groupBytes+b, 0
		if high {
			shift = 4
		}
		var sum int64
		for s := range m {
			sum += q.exact[16*s+int(codes[at+s*groupBytes]>>shift&15)]
		}
		list[k].Score = sum * int64(scales[i])
	}
}

// sumLooks returns how many blocks are looked at, one in step.
func sumLooks(codes []byte, m, step int, scales []byte) int {
	return (min(len(codes)/(groupBytes*m), len(scales)/blockItems) + step - 1) / step
}

// sumScanScalar looks at every step-th block of codes, from the first on, and
// sets hits to those in which the score of an item is at least least. It
// returns how many blocks it has looked at, all or until hits is full, and how
// many hits there are. m is even.
func sumScanScalar(codes []byte, m, step int, q *Query, scales []byte, least int16, hits []sumHit) (done, found int) {
	size := groupBytes * m
	looks := sumLooks(codes, m, step, scales)
	for done < looks && found < len(hits) {
		hit, block := &hits[found], done*step
		scoreBlock(codes[block*size:(block+1)*size], q, scales[block*blockItems:(block+1)*blockItems], &hit.scores)
		hit.mask, hit.look = 0, int32(done)
		for k, score := range hit.scores {
			if score >= least {
				hit.mask |= 1 << k
			}
		}
		if hit.mask != 0 {
			found++
		}
		done++
	}
	return done, found
}

// scoreBlock sets scores to those of one block; scales may be fewer.
func scoreBlock(block []byte, q *Query, scales []byte, scores *[blockItems]int16) {
	var sums [blockItems]uint16
	for at := 0; at < len(block); at += groupBytes {
		table := (*[16]byte)(q.small[at:])
		for b, c := range (*[groupBytes]byte)(block[at:]) {
			i := b/2 + b%2*8
			sums[i] += uint16(table[c&15])
			sums[i+16] += uint16(table[c>>4])
		}
	}
	for i, scale := range scales {
		scores[i] = scoreOf(sums[i], scale, q)
	}
}
