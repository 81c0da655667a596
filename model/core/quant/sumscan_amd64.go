//go:build goexperiment.simd

package quant

import "simd/archsimd"

func sumScan(codes []byte, m, step int, q *Query, scales []byte, least int16, hits []sumHit) (done, found int) {
	if !archsimd.X86.AVX2() {
		return sumScanScalar(codes, m, step, q, scales, least, hits)
	}
	size := groupBytes * m
	tables := q.small[:size]
	zero, limit := archsimd.BroadcastInt16x16(q.zero), archsimd.BroadcastInt16x16(least)
	wide := archsimd.X86.AVX512()
	looks := sumLooks(codes, m, step, scales)
	for done < looks && found < len(hits) {
		block := done * step
		var lo, hi archsimd.Uint16x16
		if wide {
			lo, hi = blockSums512(codes[block*size:(block+1)*size], tables)
		} else {
			lo, hi = blockSums256(codes[block*size:(block+1)*size], tables)
		}
		scale := archsimd.LoadUint8x32Array((*[32]byte)(scales[block*blockItems:]))
		a := scaled(lo, zero, q.shift, scale.GetLo())
		b := scaled(hi, zero, q.shift, scale.GetHi())
		if mask := uint32(a.GreaterEqual(limit).ToBits()) | uint32(b.GreaterEqual(limit).ToBits())<<16; mask != 0 {
			hit := &hits[found]
			hit.mask, hit.look = mask, int32(done)
			a.StoreArray((*[16]int16)(hit.scores[:16]))
			b.StoreArray((*[16]int16)(hit.scores[16:]))
			found++
		}
		done++
	}
	archsimd.ClearAVXUpperBits()
	return done, found
}

// scaled returns the scores of 16 sums, see scoreOf. The product is put
// together from its halves: a·b + 2¹⁴ carries out of the low half when that is
// at least 2¹⁶ - 2¹⁴, and bit 15 of the sum is the last bit of the score.
func scaled(sums archsimd.Uint16x16, zero archsimd.Int16x16, shift uint8, scale archsimd.Uint8x16) archsimd.Int16x16 {
	a := sums.BitsToInt16().Sub(zero).ShiftAllLeft(uint64(shift))
	b := scale.ExtendToUint16().ShiftAllLeft(7).BitsToInt16()
	low, high := a.Mul(b).ToBits(), a.MulHigh(b)
	half := archsimd.BroadcastUint16x16(1 << 14)
	sum := low.Add(half)
	carry := sum.Less(low).ToInt16x16() // -1 where it carries
	return high.Sub(carry).ShiftAllLeft(1).Or(sum.ShiftAllRight(15).BitsToInt16())
}

// blockSums256 returns the sums of a block's 32 items: two groups at a time,
// whose bytes are summed apart as even and odd items.
func blockSums256(block, tables []byte) (lo, hi archsimd.Uint16x16) {
	low := archsimd.BroadcastUint8x32(15)
	var all0, odd0, all1, odd1 archsimd.Uint16x16
	for at := 0; at+32 <= len(block); at += 32 {
		x := archsimd.LoadUint8x32Array((*[32]byte)(block[at:]))
		t := archsimd.LoadUint8x32Array((*[32]byte)(tables[at:]))
		s := t.PermuteOrZeroGrouped(x.And(low).BitsToInt8()).ReshapeToUint16s()
		all0, odd0 = all0.Add(s), odd0.Add(s.ShiftAllRight(8))
		x = x.ReshapeToUint16s().ShiftAllRight(4).ReshapeToUint8s().And(low)
		s = t.PermuteOrZeroGrouped(x.BitsToInt8()).ReshapeToUint16s()
		all1, odd1 = all1.Add(s), odd1.Add(s.ShiftAllRight(8))
	}
	return evenOdd(all0.GetLo().Add(all0.GetHi()), odd0.GetLo().Add(odd0.GetHi())),
		evenOdd(all1.GetLo().Add(all1.GetHi()), odd1.GetLo().Add(odd1.GetHi()))
}

// evenOdd returns 16 items' sums from the sums of byte pairs and of their high
// bytes: odd items are the latter, even ones the rest.
func evenOdd(all, odd archsimd.Uint16x8) archsimd.Uint16x16 {
	var v archsimd.Uint16x16
	return v.SetLo(all.Sub(odd.ShiftAllLeft(8))).SetHi(odd)
}

// blockSums512 is blockSums256 with four groups at a time, and two more where
// their number is no multiple of four.
func blockSums512(block, tables []byte) (lo, hi archsimd.Uint16x16) {
	low := archsimd.BroadcastUint8x64(15)
	var all0, odd0, all1, odd1 archsimd.Uint16x32
	at := 0
	for ; at+64 <= len(block); at += 64 {
		x := archsimd.LoadUint8x64Array((*[64]byte)(block[at:]))
		t := archsimd.LoadUint8x64Array((*[64]byte)(tables[at:]))
		s := t.PermuteOrZeroGrouped(x.And(low).BitsToInt8()).ReshapeToUint16s()
		all0, odd0 = all0.Add(s), odd0.Add(s.ShiftAllRight(8))
		x = x.ReshapeToUint16s().ShiftAllRight(4).ReshapeToUint8s().And(low)
		s = t.PermuteOrZeroGrouped(x.BitsToInt8()).ReshapeToUint16s()
		all1, odd1 = all1.Add(s), odd1.Add(s.ShiftAllRight(8))
	}
	a0, o0 := all0.GetLo().Add(all0.GetHi()), odd0.GetLo().Add(odd0.GetHi())
	a1, o1 := all1.GetLo().Add(all1.GetHi()), odd1.GetLo().Add(odd1.GetHi())
	lo = evenOdd(a0.GetLo().Add(a0.GetHi()), o0.GetLo().Add(o0.GetHi()))
	hi = evenOdd(a1.GetLo().Add(a1.GetHi()), o1.GetLo().Add(o1.GetHi()))
	if at < len(block) {
		moreLo, moreHi := blockSums256(block[at:], tables[at:])
		lo, hi = lo.Add(moreLo), hi.Add(moreHi)
	}
	return lo, hi
}
