//go:build goexperiment.simd

package quant

const (
	tileRows = 4
	tileCols = 8 // 4 × 8 floats are 8 of the 16 registers that engines have
)

func hasSIMD() bool { return true }

// The kernels in float_wasm.s. They read and write what the callers in this
// file bound.

//go:noescape
func axpyAsm(dst, x *float32, fours int, a float32)

//go:noescape
func addOuterTileAsm(a *float32, aStride int, yi, yj *float32, yStride int, w *float32, n int)

// axpySIMD does the first elements of Axpy and returns how many.
func axpySIMD(dst, x []float32, a float32) int {
	whole := len(dst) / 4 * 4
	if whole > 0 {
		_ = x[whole-1]
		axpyAsm(&dst[0], &x[0], whole/4, a)
	}
	return whole
}

// addOuterTile adds w[r]·y[r,i+k]·y[r,j+c] to a[k,c] for every r in order, with
// k < tileRows and c < tileCols. The rows of a are aStride apart, those of y
// yStride.
func addOuterTile(a []float32, aStride int, y, w []float32, i, j, yStride int) {
	last := (len(w) - 1) * yStride
	_, _, _ = a[3*aStride+tileCols-1], y[last+i+tileRows-1], y[last+j+tileCols-1]
	addOuterTileAsm(&a[0], 4*aStride, &y[i], &y[j], 4*yStride, &w[0], len(w))
}
