//go:build goexperiment.simd

package train

import "simd/archsimd"

// dotRowsSIMD is dotRows; it reports false, having done nothing, when the
// processor cannot.
func dotRowsSIMD(dst, y []float32, rows []int32, x []float32) bool {
	stride := len(x)
	dst = dst[:len(rows)]
	switch {
	case archsimd.X86.AVX512():
		whole := len(rows) / 4 * 4
		for r := 0; r < whole; r += 4 {
			at := (*[4]int32)(rows[r:])
			dotFour((*[4]float32)(dst[r:]), x,
				y[int(at[0])*stride:], y[int(at[1])*stride:], y[int(at[2])*stride:], y[int(at[3])*stride:])
		}
		var rest [4]float32
		for r := whole; r < len(rows); r++ {
			row := y[int(rows[r])*stride:]
			dotFour(&rest, x, row, row, row, row)
			dst[r] = rest[0]
		}
	case archsimd.X86.AVX2():
		for r, at := range rows {
			dst[r] = dotAVX2(x, y[int(at)*stride:])
		}
	default:
		return false
	}
	archsimd.ClearAVXUpperBits()
	return true
}

func dotFour(dst *[4]float32, x, y0, y1, y2, y3 []float32) {
	y0, y1, y2, y3 = y0[:len(x)], y1[:len(x)], y2[:len(x)], y3[:len(x)]
	var s0, s1, s2, s3 archsimd.Float32x16
	for len(x) >= 16 {
		v := archsimd.LoadFloat32x16(x)
		s0 = s0.Add(v.Mul(archsimd.LoadFloat32x16(y0)))
		s1 = s1.Add(v.Mul(archsimd.LoadFloat32x16(y1)))
		s2 = s2.Add(v.Mul(archsimd.LoadFloat32x16(y2)))
		s3 = s3.Add(v.Mul(archsimd.LoadFloat32x16(y3)))
		x, y0, y1, y2, y3 = x[16:], y0[16:], y1[16:], y2[16:], y3[16:]
	}
	a, b := foldToFour(s0.GetLo().Add(s0.GetHi())), foldToFour(s1.GetLo().Add(s1.GetHi()))
	c, d := foldToFour(s2.GetLo().Add(s2.GetHi())), foldToFour(s3.GetLo().Add(s3.GetHi()))
	a.ConcatAddPairs(b).ConcatAddPairs(c.ConcatAddPairs(d)).StoreArray(dst)
}

func dotAVX2(x, y []float32) float32 {
	y = y[:len(x)]
	var s0, s1 archsimd.Float32x8
	for len(x) >= 16 {
		s0 = s0.Add(archsimd.LoadFloat32x8(x).Mul(archsimd.LoadFloat32x8(y)))
		s1 = s1.Add(archsimd.LoadFloat32x8(x[8:]).Mul(archsimd.LoadFloat32x8(y[8:])))
		x, y = x[16:], y[16:]
	}
	a := foldToFour(s0.Add(s1))
	a = a.ConcatAddPairs(a)
	return a.ConcatAddPairs(a).GetElem(0)
}

func foldToFour(s archsimd.Float32x8) archsimd.Float32x4 { return s.GetLo().Add(s.GetHi()) }
