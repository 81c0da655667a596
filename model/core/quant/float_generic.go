//go:build !goexperiment.simd || !(amd64 || wasm)

package quant

func axpySIMD(dst, x []float32, a float32) int { return 0 }

func addOutersSIMD(a, y, w []float32, n, stride int) bool { return false }
