//go:build goexperiment.simd

package quant

import (
	"simd/archsimd"
	"unsafe"
)

// The kernels below use AVX2, and AVX-512 where it doubles the speed. What a
// processor lacks the scalar code does.

func int8Scan(codes []int8, d int, q *Query, scales []byte, least int64, dots *[4]int32) int {
	if !archsimd.X86.AVX2() || d < 16 {
		return int8ScanScalar(codes, d, q, scales, least, dots)
	}
	groups := min(len(codes)/(4*d), len(scales)/8)
	wide := archsimd.X86.AVX512() && d >= 32
	rows, query := unsafe.SliceData(Bytes(codes)), (*byte)(unsafe.Pointer(&q.tail[0]))
	for g := range groups {
		r := at[byte](rows, 4*g*d)
		if wide {
			int8Dots512(r, at[byte](r, d), at[byte](r, 2*d), at[byte](r, 3*d), d, query, dots)
		} else {
			int8Dots256(r, at[byte](r, d), at[byte](r, 2*d), at[byte](r, 3*d), d, query, dots)
		}
		if reaches(dots, scales[8*g:], least) {
			archsimd.ClearAVXUpperBits()
			return g
		}
	}
	archsimd.ClearAVXUpperBits()
	return groups
}

// reaches says whether one of four products times its scale is at least least.
func reaches(dots *[4]int32, scales []byte, least int64) bool {
	s := (*[8]byte)(scales)
	return int64(dots[0])*int64(uint32(s[0])|uint32(s[1])<<8) >= least ||
		int64(dots[1])*int64(uint32(s[2])|uint32(s[3])<<8) >= least ||
		int64(dots[2])*int64(uint32(s[4])|uint32(s[5])<<8) >= least ||
		int64(dots[3])*int64(uint32(s[6])|uint32(s[7])<<8) >= least
}

// int8Dots256 sets dots to the products of four rows of d codes, at least 16,
// with the query, see Query.Set.
func int8Dots256(r0, r1, r2, r3 *byte, d int, query *byte, dots *[4]int32) {
	var s0, s1, s2, s3 archsimd.Int32x8
	for f := 0; f < d; f += 16 {
		q := archsimd.LoadInt16x16Array(at[[16]int16](query, 2*f))
		f := min(f, d-16)
		s0 = s0.Add(archsimd.LoadInt8x16Array(at[[16]int8](r0, f)).ExtendToInt16().DotProductPairs(q))
		s1 = s1.Add(archsimd.LoadInt8x16Array(at[[16]int8](r1, f)).ExtendToInt16().DotProductPairs(q))
		s2 = s2.Add(archsimd.LoadInt8x16Array(at[[16]int8](r2, f)).ExtendToInt16().DotProductPairs(q))
		s3 = s3.Add(archsimd.LoadInt8x16Array(at[[16]int8](r3, f)).ExtendToInt16().DotProductPairs(q))
	}
	fold(s0, s1, s2, s3).StoreArray(dots)
}

// int8Dots512 is int8Dots256 with 32 codes at a time where it can.
func int8Dots512(r0, r1, r2, r3 *byte, d int, query *byte, dots *[4]int32) {
	var w0, w1, w2, w3 archsimd.Int32x16
	f := 0
	for ; f+32 <= d; f += 32 {
		q := archsimd.LoadInt16x32Array(at[[32]int16](query, 2*f))
		w0 = w0.Add(archsimd.LoadInt8x32Array(at[[32]int8](r0, f)).ExtendToInt16().DotProductPairs(q))
		w1 = w1.Add(archsimd.LoadInt8x32Array(at[[32]int8](r1, f)).ExtendToInt16().DotProductPairs(q))
		w2 = w2.Add(archsimd.LoadInt8x32Array(at[[32]int8](r2, f)).ExtendToInt16().DotProductPairs(q))
		w3 = w3.Add(archsimd.LoadInt8x32Array(at[[32]int8](r3, f)).ExtendToInt16().DotProductPairs(q))
	}
	s0, s1 := w0.GetLo().Add(w0.GetHi()), w1.GetLo().Add(w1.GetHi())
	s2, s3 := w2.GetLo().Add(w2.GetHi()), w3.GetLo().Add(w3.GetHi())
	for ; f < d; f += 16 {
		q := archsimd.LoadInt16x16Array(at[[16]int16](query, 2*f))
		f := min(f, d-16)
		s0 = s0.Add(archsimd.LoadInt8x16Array(at[[16]int8](r0, f)).ExtendToInt16().DotProductPairs(q))
		s1 = s1.Add(archsimd.LoadInt8x16Array(at[[16]int8](r1, f)).ExtendToInt16().DotProductPairs(q))
		s2 = s2.Add(archsimd.LoadInt8x16Array(at[[16]int8](r2, f)).ExtendToInt16().DotProductPairs(q))
		s3 = s3.Add(archsimd.LoadInt8x16Array(at[[16]int8](r3, f)).ExtendToInt16().DotProductPairs(q))
	}
	fold(s0, s1, s2, s3).StoreArray(dots)
}

// fold returns the four sums of lanes.
func fold(s0, s1, s2, s3 archsimd.Int32x8) archsimd.Int32x4 {
	// [0 0 1 1 | 0 0 1 1], then [0 1 2 3 | 0 1 2 3].
	s := s0.ConcatAddPairsGrouped(s1).ConcatAddPairsGrouped(s2.ConcatAddPairsGrouped(s3))
	return s.GetLo().Add(s.GetHi())
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
func at[T, P any](p *P, n int) *T { return (*T)(unsafe.Add(unsafe.Pointer(p), n)) }

// tileScan512 does 16 rows with 4 factors at a time. Why not 32 rows, which
// would read the query half as often? Memory is read in order then no more, and
// that costs a scan from memory half its speed.
func tileScan512(tiles *byte, groups, size int, q *Query, scales *byte, bar float32) int {
	high := (*byte)(unsafe.Pointer(&q.highs[0]))
	start, limit := archsimd.BroadcastInt32x16(q.startHigh), archsimd.BroadcastFloat32x16(bar)
	for g := range groups {
		rows := at[byte](tiles, g*size)
		sum := start
		var odds archsimd.Int32x16
		for f := 0; f < size; f += tileBytes {
			w := archsimd.LoadInt16x32Array(at[[32]int16](rows, f))
			sum = sum.Add(w.DotProductPairs(archsimd.LoadInt16x32Array(at[[32]int16](high, 2*f))))
			odds = odds.Add(w.ShiftAllRight(8).DotProductPairs(archsimd.LoadInt16x32Array(at[[32]int16](high, 2*f+64))))
		}
		scale := archsimd.LoadUint16x16Array(at[[16]uint16](scales, 32*g)).ExtendToUint32().BitsToInt32().ConvertToFloat32()
		if sum.Add(odds).ConvertToFloat32().Mul(scale).GreaterEqual(limit).ToBits() != 0 {
			archsimd.ClearAVXUpperBits()
			return g
		}
	}
	archsimd.ClearAVXUpperBits()
	return groups
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
	rows := unsafe.SliceData(codes)
	for g := range groups {
		r := at[byte](rows, 4*g*stride)
		int4Dots(r, at[byte](r, stride), at[byte](r, 2*stride), at[byte](r, 3*stride), stride, q, dots)
		if reaches(dots, scales[8*g:], least) {
			archsimd.ClearAVXUpperBits()
			return g
		}
	}
	archsimd.ClearAVXUpperBits()
	return groups
}

// int4Dots sets dots to the products of four rows of stride bytes with the
// query.
func int4Dots(r0, r1, r2, r3 *byte, stride int, q *Query, dots *[4]int32) {
	query := (*byte)(unsafe.Pointer(&q.codes[0]))
	var s0, s1, s2, s3 archsimd.Int32x8
	low := archsimd.BroadcastUint16x16(15)
	for b := 0; b < stride; b += 16 {
		q0 := archsimd.LoadInt16x16Array(at[[16]int16](query, 4*b))
		q1 := archsimd.LoadInt16x16Array(at[[16]int16](query, 4*b+32))
		x := archsimd.LoadUint8x16Array(at[[16]byte](r0, b)).ExtendToUint16()
		s0 = s0.Add(x.And(low).BitsToInt16().DotProductPairs(q0)).Add(x.ShiftAllRight(4).BitsToInt16().DotProductPairs(q1))
		x = archsimd.LoadUint8x16Array(at[[16]byte](r1, b)).ExtendToUint16()
		s1 = s1.Add(x.And(low).BitsToInt16().DotProductPairs(q0)).Add(x.ShiftAllRight(4).BitsToInt16().DotProductPairs(q1))
		x = archsimd.LoadUint8x16Array(at[[16]byte](r2, b)).ExtendToUint16()
		s2 = s2.Add(x.And(low).BitsToInt16().DotProductPairs(q0)).Add(x.ShiftAllRight(4).BitsToInt16().DotProductPairs(q1))
		x = archsimd.LoadUint8x16Array(at[[16]byte](r3, b)).ExtendToUint16()
		s3 = s3.Add(x.And(low).BitsToInt16().DotProductPairs(q0)).Add(x.ShiftAllRight(4).BitsToInt16().DotProductPairs(q1))
	}
	fold(s0, s1, s2, s3).Sub(archsimd.BroadcastInt32x4(q.bias)).StoreArray(dots)
}

func int8Rows(codes []int8, d int, q *Query, items, dots []int32) {
	if !archsimd.X86.AVX2() || d < 16 {
		int8RowsScalar(codes, d, q, items, dots)
		return
	}
	query := (*byte)(unsafe.Pointer(&q.tail[0]))
	wide := archsimd.X86.AVX512() && d >= 32
	row := func(i int32) *byte { return unsafe.SliceData(Bytes(codes[int(i)*d : (int(i)+1)*d])) }
	for k := 0; k+4 <= len(items); k += 4 {
		r0, r1, r2, r3 := row(items[k]), row(items[k+1]), row(items[k+2]), row(items[k+3])
		if wide {
			int8Dots512(r0, r1, r2, r3, d, query, (*[4]int32)(dots[k:]))
		} else {
			int8Dots256(r0, r1, r2, r3, d, query, (*[4]int32)(dots[k:]))
		}
	}
	archsimd.ClearAVXUpperBits()
}

func int4Rows(codes []byte, stride int, q *Query, items, dots []int32) {
	if !archsimd.X86.AVX2() {
		int4RowsScalar(codes, stride, q, items, dots)
		return
	}
	row := func(i int32) *byte { return unsafe.SliceData(codes[int(i)*stride : (int(i)+1)*stride]) }
	for k := 0; k+4 <= len(items); k += 4 {
		int4Dots(row(items[k]), row(items[k+1]), row(items[k+2]), row(items[k+3]), stride, q, (*[4]int32)(dots[k:]))
	}
	archsimd.ClearAVXUpperBits()
}
