//go:build goexperiment.simd && (amd64 || wasm)

package quant

// addOutersSIMD is addOuters in tiles of 4 rows by tileCols columns:
//
//	   j …  j+tileCols
//	i  ┌──────────┐     the tile stays in registers while all rows of y
//	…  │  a tile  │     go by: 4 weights times tileCols values each
//	i+4└──────────┘
//
// A tile that would leave the matrix is moved back inside, and one that is not
// wholly new or wholly in the lower triangle goes through a copy, of which
// only the new elements in the lower triangle return. It reports false,
// having done nothing, when the processor cannot or the matrix is smaller than
// a tile.
func addOutersSIMD(a, y, w []float32, n, stride int) bool {
	if n < tileCols || !hasSIMD() {
		return false
	}
	for i0 := 0; i0 < n; i0 += tileRows {
		i := min(i0, n-tileRows)
		for j0 := 0; j0 < i+tileRows; j0 += tileCols {
			j := min(j0, n-tileCols)
			if i == i0 && j+tileCols <= i+1 {
				addOuterTile(a[i*stride+j:], stride, y, w, i, j, stride)
				continue
			}
			addOuterEdge(a, y, w, stride, i0, j0, i, j)
		}
	}
	return true
}

// addOuterEdge does the tile at (i, j) of which the elements from (i0, j0) on
// and up to the diagonal are wanted.
func addOuterEdge(a, y, w []float32, stride, i0, j0, i, j int) {
	var tile [tileRows * tileCols]float32
	for r := i0; r < i+tileRows; r++ {
		if j0 <= r {
			copy(tile[(r-i)*tileCols+j0-j:(r-i)*tileCols+tileCols], a[r*stride+j0:r*stride+r+1])
		}
	}
	addOuterTile(tile[:], tileCols, y, w, i, j, stride)
	for r := i0; r < i+tileRows; r++ {
		if j0 <= r {
			copy(a[r*stride+j0:r*stride+r+1], tile[(r-i)*tileCols+j0-j:(r-i)*tileCols+tileCols])
		}
	}
}
