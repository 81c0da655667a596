//go:build goexperiment.simd

package quant

import (
	"simd/archsimd"
	"unsafe"

	"github.com/nearside/nearside/model/core/wire"
)

// The kernels below use AVX2, and AVX-512 where it doubles the speed. What a
// processor lacks the scalar code does.

func int8Scan(codes []int8, d int, q *Query, scales []byte, least int64, dots *[4]int32) int {
	if !archsimd.X86.AVX2() || d < 16 {
		return int8ScanScalar(codes, d, q, scales, least, dots)
	}
	groups := min(len(codes)/(4*d), len(scales)/8)
	limit := archsimd.BroadcastInt64x4(least)
	for g := range groups {
		at := 4 * g * d
		sum := dots8(codes[at:at+d], codes[at+d:at+2*d], codes[at+2*d:at+3*d], codes[at+3*d:at+4*d], q.tail)
		if reaches(sum, scales[8*g:], limit) {
			sum.StoreArray(dots)
			archsimd.ClearAVXUpperBits()
			return g
		}
	}
	archsimd.ClearAVXUpperBits()
	return groups
}

// reaches says whether one of four products times its scale is at least limit.
func reaches(dots archsimd.Int32x4, scales []byte, limit archsimd.Int64x4) bool {
	s := wire.Uint16s(scales)
	four := [4]int32{int32(s.At(0)), int32(s.At(1)), int32(s.At(2)), int32(s.At(3))}
	scale := archsimd.LoadInt32x4Array(&four)
	return dots.ExtendToInt64().AsInt32x8().MulWidenEven(scale.ExtendToInt64().AsInt32x8()).GreaterEqual(limit).ToBits() != 0
}

// dots8 returns the products of four rows with the query, see Query.Set.
func dots8(r0, r1, r2, r3 []int8, query []int16) archsimd.Int32x4 {
	d := len(r0)
	var s0, s1, s2, s3 archsimd.Int32x8
	if archsimd.X86.AVX512() && d >= 32 {
		s0, s1, s2, s3 = dots512(r0, r1, r2, r3, query)
	} else {
		for f := 0; f+16 <= d; f += 16 {
			q := archsimd.LoadInt16x16Array((*[16]int16)(query[f:]))
			s0 = s0.Add(archsimd.LoadInt8x16Array((*[16]int8)(r0[f:])).ExtendToInt16().DotProductPairs(q))
			s1 = s1.Add(archsimd.LoadInt8x16Array((*[16]int8)(r1[f:])).ExtendToInt16().DotProductPairs(q))
			s2 = s2.Add(archsimd.LoadInt8x16Array((*[16]int8)(r2[f:])).ExtendToInt16().DotProductPairs(q))
			s3 = s3.Add(archsimd.LoadInt8x16Array((*[16]int8)(r3[f:])).ExtendToInt16().DotProductPairs(q))
		}
	}
	if d%16 != 0 {
		q := archsimd.LoadInt16x16Array((*[16]int16)(query[len(query)-16:]))
		s0 = s0.Add(archsimd.LoadInt8x16Array((*[16]int8)(r0[d-16:])).ExtendToInt16().DotProductPairs(q))
		s1 = s1.Add(archsimd.LoadInt8x16Array((*[16]int8)(r1[d-16:])).ExtendToInt16().DotProductPairs(q))
		s2 = s2.Add(archsimd.LoadInt8x16Array((*[16]int8)(r2[d-16:])).ExtendToInt16().DotProductPairs(q))
		s3 = s3.Add(archsimd.LoadInt8x16Array((*[16]int8)(r3[d-16:])).ExtendToInt16().DotProductPairs(q))
	}
	return fold(s0, s1, s2, s3)
}

// fold returns the four sums of lanes.
func fold(s0, s1, s2, s3 archsimd.Int32x8) archsimd.Int32x4 {
	// [0 0 1 1 | 0 0 1 1], then [0 1 2 3 | 0 1 2 3].
	s := s0.ConcatAddPairsGrouped(s1).ConcatAddPairsGrouped(s2.ConcatAddPairsGrouped(s3))
	return s.GetLo().Add(s.GetHi())
}

// dots512 does the whole sixteens of dots8, two at a time where it can.
func dots512(r0, r1, r2, r3 []int8, query []int16) (s0, s1, s2, s3 archsimd.Int32x8) {
	d := len(r0)
	var w0, w1, w2, w3 archsimd.Int32x16
	f := 0
	for ; f+32 <= d; f += 32 {
		q := archsimd.LoadInt16x32Array((*[32]int16)(query[f:]))
		w0 = w0.Add(archsimd.LoadInt8x32Array((*[32]int8)(r0[f:])).ExtendToInt16().DotProductPairs(q))
		w1 = w1.Add(archsimd.LoadInt8x32Array((*[32]int8)(r1[f:])).ExtendToInt16().DotProductPairs(q))
		w2 = w2.Add(archsimd.LoadInt8x32Array((*[32]int8)(r2[f:])).ExtendToInt16().DotProductPairs(q))
		w3 = w3.Add(archsimd.LoadInt8x32Array((*[32]int8)(r3[f:])).ExtendToInt16().DotProductPairs(q))
	}
	s0, s1, s2, s3 = w0.GetLo().Add(w0.GetHi()), w1.GetLo().Add(w1.GetHi()), w2.GetLo().Add(w2.GetHi()), w3.GetLo().Add(w3.GetHi())
	if f+16 <= d {
		q := archsimd.LoadInt16x16Array((*[16]int16)(query[f:]))
		s0 = s0.Add(archsimd.LoadInt8x16Array((*[16]int8)(r0[f:])).ExtendToInt16().DotProductPairs(q))
		s1 = s1.Add(archsimd.LoadInt8x16Array((*[16]int8)(r1[f:])).ExtendToInt16().DotProductPairs(q))
		s2 = s2.Add(archsimd.LoadInt8x16Array((*[16]int8)(r2[f:])).ExtendToInt16().DotProductPairs(q))
		s3 = s3.Add(archsimd.LoadInt8x16Array((*[16]int8)(r3[f:])).ExtendToInt16().DotProductPairs(q))
	}
	return s0, s1, s2, s3
}

// queryLanes is how many words of the query make a vector.
const queryLanes = 32

func tileScan(tiles []byte, d int, q *Query, scales []byte, bar float32, dots *[tileItems]int32) int {
	if !archsimd.X86.AVX2() {
		return tileScanScalar(tiles, d, q, scales, bar, dots)
	}
	size := tileGroup(d)
	groups := min(len(tiles)/size, len(scales)/(2*tileItems))
	if groups == 0 {
		return 0
	}
	_ = q.highs[size/tileBytes*2*queryLanes-1]
	g := 0
	if archsimd.X86.AVX512() {
		g = tileScan512(&tiles[0], groups, size, q, &scales[0], bar)
	} else {
		g = tileScan256(&tiles[0], groups, size, q, &scales[0], bar)
	}
	if g < groups {
		tileDots(tiles[g*size:], d, q, dots)
	}
	return g
}

// at returns the T that lies n bytes behind p. Why not slices? Checking their
// bounds takes as long as the multiplications. The callers above check.
func at[T any](p *byte, n int) *T { return (*T)(unsafe.Add(unsafe.Pointer(p), n)) }

// tileScan512 does 16 rows with 4 factors at a time, and twice 16 rows with
// each part of the query.
func tileScan512(tiles *byte, groups, size int, q *Query, scales *byte, bar float32) int {
	high := (*byte)(unsafe.Pointer(&q.highs[0]))
	start, limit := archsimd.BroadcastInt32x16(q.startHigh), archsimd.BroadcastFloat32x16(bar)
	g := 0
	for ; g+2 <= groups; g += 2 {
		rows := at[byte](tiles, g*size)
		a0, b0 := start, start
		var a1, b1 archsimd.Int32x16
		for f := 0; f < size; f += tileBytes {
			even, odd := archsimd.LoadInt16x32Array(at[[32]int16](high, 2*f)), archsimd.LoadInt16x32Array(at[[32]int16](high, 2*f+64))
			w := archsimd.LoadInt16x32Array(at[[32]int16](rows, f))
			a0, a1 = a0.Add(w.DotProductPairs(even)), a1.Add(w.ShiftAllRight(8).DotProductPairs(odd))
			w = archsimd.LoadInt16x32Array(at[[32]int16](rows, size+f))
			b0, b1 = b0.Add(w.DotProductPairs(even)), b1.Add(w.ShiftAllRight(8).DotProductPairs(odd))
		}
		s0 := archsimd.LoadUint16x16Array(at[[16]uint16](scales, 32*g)).ExtendToUint32().BitsToInt32().ConvertToFloat32()
		s1 := archsimd.LoadUint16x16Array(at[[16]uint16](scales, 32*g+32)).ExtendToUint32().BitsToInt32().ConvertToFloat32()
		found := uint32(a0.Add(a1).ConvertToFloat32().Mul(s0).GreaterEqual(limit).ToBits()) |
			uint32(b0.Add(b1).ConvertToFloat32().Mul(s1).GreaterEqual(limit).ToBits())<<16
		if found != 0 {
			if found&(1<<16-1) == 0 {
				g++
			}
			archsimd.ClearAVXUpperBits()
			return g
		}
	}
	archsimd.ClearAVXUpperBits()
	if g < groups {
		g += tileScan256(at[byte](tiles, g*size), 1, size, q, at[byte](scales, 32*g), bar)
	}
	return g
}

// tileScan256 does 16 rows with 4 factors in two halves.
func tileScan256(tiles *byte, groups, size int, q *Query, scales *byte, bar float32) int {
	high := (*byte)(unsafe.Pointer(&q.highs[0]))
	start, limit := archsimd.BroadcastInt32x8(q.startHigh), archsimd.BroadcastFloat32x8(bar)
	for g := range groups {
		rows := at[byte](tiles, g*size)
		a0, b0 := start, start
		var a1, b1 archsimd.Int32x8
		for f := 0; f < size; f += tileBytes {
			even, odd := archsimd.LoadInt16x16Array(at[[16]int16](high, 2*f)), archsimd.LoadInt16x16Array(at[[16]int16](high, 2*f+64))
			w := archsimd.LoadInt16x16Array(at[[16]int16](rows, f))
			a0, a1 = a0.Add(w.DotProductPairs(even)), a1.Add(w.ShiftAllRight(8).DotProductPairs(odd))
			w = archsimd.LoadInt16x16Array(at[[16]int16](rows, f+32))
			b0, b1 = b0.Add(w.DotProductPairs(even)), b1.Add(w.ShiftAllRight(8).DotProductPairs(odd))
		}
		s0 := archsimd.LoadUint16x8Array(at[[8]uint16](scales, 32*g)).ExtendToUint32().BitsToInt32().ConvertToFloat32()
		s1 := archsimd.LoadUint16x8Array(at[[8]uint16](scales, 32*g+16)).ExtendToUint32().BitsToInt32().ConvertToFloat32()
		if a0.Add(a1).ConvertToFloat32().Mul(s0).GreaterEqual(limit).ToBits()|b0.Add(b1).ConvertToFloat32().Mul(s1).GreaterEqual(limit).ToBits() != 0 {
			archsimd.ClearAVXUpperBits()
			return g
		}
	}
	archsimd.ClearAVXUpperBits()
	return groups
}

func tileDots(tiles []byte, d int, q *Query, dots *[tileItems]int32) {
	if !archsimd.X86.AVX2() {
		tileDotsScalar(tiles, d, q, dots)
		return
	}
	size := tileGroup(d)
	_, _ = tiles[size-1], q.words[size/tileBytes*2*queryLanes-1]
	rows, words := &tiles[0], (*byte)(unsafe.Pointer(&q.words[0]))
	a0, a1, low := archsimd.BroadcastInt32x8(q.start), archsimd.BroadcastInt32x8(q.start), archsimd.BroadcastInt16x16(0xff)
	for f := 0; f < size; f += tileBytes {
		even, odd := archsimd.LoadInt16x16Array(at[[16]int16](words, 2*f)), archsimd.LoadInt16x16Array(at[[16]int16](words, 2*f+64))
		w := archsimd.LoadInt16x16Array(at[[16]int16](rows, f))
		a0 = a0.Add(w.And(low).DotProductPairs(even)).Add(w.ShiftAllRight(8).DotProductPairs(odd))
		w = archsimd.LoadInt16x16Array(at[[16]int16](rows, f+32))
		a1 = a1.Add(w.And(low).DotProductPairs(even)).Add(w.ShiftAllRight(8).DotProductPairs(odd))
	}
	a0.Store(dots[:8])
	a1.Store(dots[8:])
	archsimd.ClearAVXUpperBits()
}

func int4Scan(codes []byte, stride int, q *Query, scales []byte, least int64, dots *[4]int32) int {
	if !archsimd.X86.AVX2() {
		return int4ScanScalar(codes, stride, q, scales, least, dots)
	}
	groups := min(len(codes)/(4*stride), len(scales)/8)
	limit := archsimd.BroadcastInt64x4(least)
	for g := range groups {
		at := 4 * g * stride
		sum := dots4(codes[at:at+stride], codes[at+stride:at+2*stride], codes[at+2*stride:at+3*stride], codes[at+3*stride:at+4*stride], q)
		if reaches(sum, scales[8*g:], limit) {
			sum.StoreArray(dots)
			archsimd.ClearAVXUpperBits()
			return g
		}
	}
	archsimd.ClearAVXUpperBits()
	return groups
}

// dots4 is dots8 for rows of int4 codes.
func dots4(r0, r1, r2, r3 []byte, q *Query) archsimd.Int32x4 {
	var s0, s1, s2, s3 archsimd.Int32x8
	low := archsimd.BroadcastUint8x16(15)
	for b := 0; b+16 <= len(r0); b += 16 {
		q0 := archsimd.LoadInt16x16Array((*[16]int16)(q.codes[2*b:]))
		q1 := archsimd.LoadInt16x16Array((*[16]int16)(q.codes[2*b+16:]))
		s0 = s0.Add(dots4Step((*[16]byte)(r0[b:]), low, q0, q1))
		s1 = s1.Add(dots4Step((*[16]byte)(r1[b:]), low, q0, q1))
		s2 = s2.Add(dots4Step((*[16]byte)(r2[b:]), low, q0, q1))
		s3 = s3.Add(dots4Step((*[16]byte)(r3[b:]), low, q0, q1))
	}
	return fold(s0, s1, s2, s3).Sub(archsimd.BroadcastInt32x4(q.bias))
}

func dots4Step(b *[16]byte, low archsimd.Uint8x16, q0, q1 archsimd.Int16x16) archsimd.Int32x8 {
	x := archsimd.LoadUint8x16Array(b)
	lo := x.And(low).ExtendToUint16().BitsToInt16()
	hi := x.ReshapeToUint16s().ShiftAllRight(4).ReshapeToUint8s().And(low).ExtendToUint16().BitsToInt16()
	return lo.DotProductPairs(q0).Add(hi.DotProductPairs(q1))
}

func int8Rows(codes []int8, d int, q *Query, items, dots []int32) {
	if !archsimd.X86.AVX2() || d < 16 {
		int8RowsScalar(codes, d, q, items, dots)
		return
	}
	row := func(i int32) []int8 { return codes[int(i)*d : (int(i)+1)*d] }
	for k := 0; k+4 <= len(items); k += 4 {
		dots8(row(items[k]), row(items[k+1]), row(items[k+2]), row(items[k+3]), q.tail).Store(dots[k:])
	}
	archsimd.ClearAVXUpperBits()
}

func int4Rows(codes []byte, stride int, q *Query, items, dots []int32) {
	if !archsimd.X86.AVX2() {
		int4RowsScalar(codes, stride, q, items, dots)
		return
	}
	row := func(i int32) []byte { return codes[int(i)*stride : (int(i)+1)*stride] }
	for k := 0; k+4 <= len(items); k += 4 {
		dots4(row(items[k]), row(items[k+1]), row(items[k+2]), row(items[k+3]), q).Store(dots[k:])
	}
	archsimd.ClearAVXUpperBits()
}
