//go:build goexperiment.simd

package quant

import "simd/archsimd"

const (
	tileRows = 4
	tileCols = 8 // 4 × 8 floats are 8 of the 16 registers that engines have
)

func hasSIMD() bool { return true }

// axpySIMD does the first elements of Axpy and returns how many.
func axpySIMD(dst, x []float32, a float32) int {
	va := archsimd.BroadcastFloat32x4(a)
	i := 0
	for ; i+4 <= len(dst); i += 4 {
		d, x := (*[4]float32)(dst[i:]), (*[4]float32)(x[i:])
		archsimd.LoadFloat32x4Array(d).Add(archsimd.LoadFloat32x4Array(x).Mul(va)).StoreArray(d)
	}
	return i
}

// addOuterTile adds w[r]·y[r,i+k]·y[r,j+c] to a[k,c] for every r in order, with
// k < tileRows and c < tileCols. The rows of a are aStride apart, those of y
// yStride.
func addOuterTile(a []float32, aStride int, y, w []float32, i, j, yStride int) {
	a0 := (*[tileCols]float32)(a)
	a1 := (*[tileCols]float32)(a[aStride:])
	a2 := (*[tileCols]float32)(a[2*aStride:])
	a3 := (*[tileCols]float32)(a[3*aStride:])
	s00, s01 := archsimd.LoadFloat32x4(a0[:4]), archsimd.LoadFloat32x4(a0[4:])
	s10, s11 := archsimd.LoadFloat32x4(a1[:4]), archsimd.LoadFloat32x4(a1[4:])
	s20, s21 := archsimd.LoadFloat32x4(a2[:4]), archsimd.LoadFloat32x4(a2[4:])
	s30, s31 := archsimd.LoadFloat32x4(a3[:4]), archsimd.LoadFloat32x4(a3[4:])
	for r, wr := range w {
		row := y[r*yStride:]
		yi, yj := (*[tileRows]float32)(row[i:]), (*[tileCols]float32)(row[j:])
		y0, y1 := archsimd.LoadFloat32x4(yj[:4]), archsimd.LoadFloat32x4(yj[4:])
		x := archsimd.BroadcastFloat32x4(wr * yi[0])
		s00, s01 = s00.Add(x.Mul(y0)), s01.Add(x.Mul(y1))
		x = archsimd.BroadcastFloat32x4(wr * yi[1])
		s10, s11 = s10.Add(x.Mul(y0)), s11.Add(x.Mul(y1))
		x = archsimd.BroadcastFloat32x4(wr * yi[2])
		s20, s21 = s20.Add(x.Mul(y0)), s21.Add(x.Mul(y1))
		x = archsimd.BroadcastFloat32x4(wr * yi[3])
		s30, s31 = s30.Add(x.Mul(y0)), s31.Add(x.Mul(y1))
	}
	s00.Store(a0[:4])
	s01.Store(a0[4:])
	s10.Store(a1[:4])
	s11.Store(a1[4:])
	s20.Store(a2[:4])
	s21.Store(a2[4:])
	s30.Store(a3[:4])
	s31.Store(a3[4:])
}
