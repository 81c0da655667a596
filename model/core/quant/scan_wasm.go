//go:build goexperiment.simd

package quant

// The kernels in scan_wasm.s and sumscan_wasm.s. They read what the callers in this file bound.

//go:noescape
func sumScanAsm(codes *byte, looks, m int, tables *byte, zero int16, shift uint8, scales *byte, least int16, step int, hits *sumHit, room int) (done, found int)

//go:noescape
func int8ScanAsm(codes *int8, groups, d int, query *int16, scales *byte, least int64, dots *[4]int32) int

//go:noescape
func tileScanAsm(tiles *byte, groups, size int, high, query *int16, startHigh, start int32, scales *byte, bar float32, dots *[tileItems]int32) int

//go:noescape
func tileDotsAsm(tiles *byte, size int, query *int16, start int32, dots *[tileItems]int32)

//go:noescape
func int4ScanAsm(codes *byte, groups, stride int, query *int16, bias int32, scales *byte, least int64, dots *[4]int32) int

//go:noescape
func int8RowsAsm(codes *int8, d int, query *int16, items *int32, groups int, dots *int32)

//go:noescape
func int4RowsAsm(codes *byte, stride int, query *int16, bias int32, items *int32, groups int, dots *int32)

func sumScan(codes []byte, m, step int, q *Query, scales []byte, least int16, hits []sumHit) (done, found int) {
	looks := sumLooks(codes, m, step, scales)
	if looks == 0 {
		return 0, 0
	}
	_ = q.small[groupBytes*m-1]
	return sumScanAsm(&codes[0], looks, m, &q.small[0], q.zero, q.shift, &scales[0], least, step, &hits[0], len(hits))
}

func int8Scan(codes []int8, d int, q *Query, scales []byte, least int64, dots *[4]int32) int {
	groups := min(len(codes)/(4*d), len(scales)/8)
	if groups == 0 {
		return 0
	}
	if d < 16 {
		return int8ScanScalar(codes, d, q, scales, least, dots)
	}
	return int8ScanAsm(&codes[0], groups, d, &q.tail[0], &scales[0], least, dots)
}

// queryLanes is how many words of the query make a vector.
const queryLanes = 8

func tileScan(tiles []byte, d int, q *Query, scales []byte, bar float32, dots *[tileItems]int32) int {
	size := tileGroup(d)
	groups := min(len(tiles)/size, len(scales)/(2*tileItems))
	if groups == 0 {
		return 0
	}
	last := size/tileBytes*2*queryLanes - 1
	_, _ = q.words[last], q.highs[last]
	return tileScanAsm(&tiles[0], groups, size, &q.highs[0], &q.words[0], q.startHigh, q.start, &scales[0], bar, dots)
}

func tileDots(tiles []byte, d int, q *Query, dots *[tileItems]int32) {
	size := tileGroup(d)
	_, _ = tiles[size-1], q.words[size/tileBytes*2*queryLanes-1]
	tileDotsAsm(&tiles[0], size, &q.words[0], q.start, dots)
}

func int4Scan(codes []byte, stride int, q *Query, scales []byte, least int64, dots *[4]int32) int {
	groups := min(len(codes)/(4*stride), len(scales)/8)
	if groups == 0 {
		return 0
	}
	return int4ScanAsm(&codes[0], groups, stride, &q.codes[0], q.bias, &scales[0], least, dots)
}

func int8Rows(codes []int8, d int, q *Query, items, dots []int32) {
	if d < 16 {
		int8RowsScalar(codes, d, q, items, dots)
		return
	}
	if len(items) > 0 {
		int8RowsAsm(&codes[0], d, &q.tail[0], &items[0], len(items)/4, &dots[0])
	}
}

func int4Rows(codes []byte, stride int, q *Query, items, dots []int32) {
	if len(items) > 0 {
		int4RowsAsm(&codes[0], stride, &q.codes[0], q.bias, &items[0], len(items)/4, &dots[0])
	}
}
