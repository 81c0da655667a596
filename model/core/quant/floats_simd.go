//go:build goexperiment.simd && (amd64 || wasm)

package quant

import (
	"simd/archsimd"
	"unsafe"

	"github.com/nearside/nearside/model/core/wire"
)

func dotFloat(row wire.Float32s, x []float32) float32 {
	whole := len(x) / 4 * 4
	if whole == 0 || !hasSIMD() {
		return dotFloatScalar(row, x)
	}
	_ = row[4*len(x)-1]
	sum := archsimd.BroadcastFloat32x4(0)
	for f := 0; f < whole; f += 4 {
		y := archsimd.LoadFloat32x4Array((*[4]float32)(unsafe.Pointer(&row[4*f])))
		sum = sum.Add(y.Mul(archsimd.LoadFloat32x4Array((*[4]float32)(x[f:]))))
	}
	var s [4]float32
	sum.StoreArray(&s)
	for f := whole; f < len(x); f++ {
		s[f%4] += float32(row.At(f) * x[f])
	}
	return float32(s[0]+s[2]) + float32(s[1]+s[3])
}
