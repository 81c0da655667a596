//go:build !goexperiment.simd

package train

func addRows(dst, y []float32, rows []int32, w []float32) { addRowsScalar(dst, y, rows, w) }
func rotate(a, b []float32, c, s float32)                 { rotateScalar(a, b, c, s) }
func mul(dst, a, b []float32)                             { mulScalar(dst, a, b) }
func addScaled(dst, a, b []float32, s float32)            { addScaledScalar(dst, a, b, s) }
func invert(dst, a, b []float32, s float32)               { invertScalar(dst, a, b, s) }
func subProducts(a []float32, stride int, x, y []float32, k int) {
	subProductsScalar(a, stride, x, y, k)
}
