//go:build !goexperiment.simd || !(amd64 || wasm)

package quant

import "github.com/nearside/nearside/model/core/wire"

func sumScan(codes []byte, m, step int, q *Query, scales []byte, least int16, hits []sumHit) (done, found int) {
	return sumScanScalar(codes, m, step, q, scales, least, hits)
}

func int8Scan(codes []int8, d int, q *Query, scales []byte, least int64, dots *[4]int32) int {
	return int8ScanScalar(codes, d, q, scales, least, dots)
}

// queryLanes is how many words of the query are repeated: no kernel reads them.
const queryLanes = 2

func tileScan(tiles []byte, d int, q *Query, scales []byte, bar float32, dots *[tileItems]int32) int {
	return tileScanScalar(tiles, d, q, scales, bar, dots)
}

func tileDots(tiles []byte, d int, q *Query, dots *[tileItems]int32) {
	tileDotsScalar(tiles, d, q, dots)
}

func int4Scan(codes []byte, stride int, q *Query, scales []byte, least int64, dots *[4]int32) int {
	return int4ScanScalar(codes, stride, q, scales, least, dots)
}

func int8Rows(codes []int8, d int, q *Query, items, dots []int32) {
	int8RowsScalar(codes, d, q, items, dots)
}

func int4Rows(codes []byte, stride int, q *Query, items, dots []int32) {
	int4RowsScalar(codes, stride, q, items, dots)
}

func dotFloat(row wire.Float32s, x []float32) float32 { return dotFloatScalar(row, x) }
