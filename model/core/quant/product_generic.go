//go:build !goexperiment.simd || !amd64

package quant

// Why no tiles for WebAssembly? Axpy has the vectors, and a history through a
// sequence encoder takes a tenth of a millisecond with it.
func addProductSIMD(dst, b Matrix, a []float32, rowStep, colStep int) (rows, cols int) { return 0, 0 }

func expSIMD(x []float32) int { return 0 }
