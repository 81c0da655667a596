//go:build !goexperiment.simd || !amd64

package train

func dotRowsSIMD(dst, y []float32, rows []int32, x []float32) bool { return false }
