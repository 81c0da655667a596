package train

// The kernels below work on rows of numbers whose length, the stride, is a
// multiple of laneCount. Each result is one chain of float32 operations in a
// fixed order, every step rounded, so the scalar code and vectors of any length
// give the same bits. They are not in core/quant because no device needs them.

// laneCount is how many partial sums a dot product has.
const laneCount = 16

// padded returns the smallest stride for rows of d numbers.
func padded(d int) int { return (d + laneCount - 1) / laneCount * laneCount }

// dotRows sets dst[r] to y[rows[r]]·x; the stride is len(x).
func dotRows(dst, y []float32, rows []int32, x []float32) {
	if dotRowsSIMD(dst, y, rows, x) {
		return
	}
	for r, at := range rows {
		dst[r] = dotScalar(y[int(at)*len(x):], x)
	}
}

// dotScalar is the definition of a dot product: lane l adds up the products
// l, l+16, … in ascending order; the upper half of the lanes is added to the
// lower until four are left, and those pairwise.
func dotScalar(y, x []float32) float32 {
	var s [laneCount]float32
	for f, v := range x {
		s[f%laneCount] += float32(y[f] * v)
	}
	for half := laneCount / 2; half >= 4; half /= 2 {
		for l := range half {
			s[l] += s[l+half]
		}
	}
	return float32(s[0]+s[1]) + float32(s[2]+s[3])
}

func addRowsScalar(dst, y []float32, rows []int32, w []float32) {
	for r, at := range rows {
		row := y[int(at)*len(dst):]
		for f := range dst {
			dst[f] += float32(w[r] * row[f])
		}
	}
}

func rotateScalar(a, b []float32, c, s float32) {
	for f, x := range a {
		y := b[f]
		a[f] = float32(c*x) - float32(s*y)
		b[f] = float32(s*x) + float32(c*y)
	}
}

func mulScalar(dst, a, b []float32) {
	for f := range dst {
		dst[f] = a[f] * b[f]
	}
}

func addScaledScalar(dst, a, b []float32, s float32) {
	for f := range dst {
		dst[f] = a[f] + float32(s*b[f])
	}
}

func invertScalar(dst, a, b []float32, s float32) {
	for f := range dst {
		dst[f] = 1 / (a[f] + float32(s*b[f]))
	}
}

// A tile is what subProducts works on at a time.
const (
	tileRows = 4
	tileCols = 32
)

// subProductsScalar subtracts Σ_r x[r,i]·y[r,c] from a[i,c] for each r < k in
// order, tileRows rows and tileCols columns of a. The rows of a are stride apart,
// those of x and y tileCols.
func subProductsScalar(a []float32, stride int, x, y []float32, k int) {
	for i := range tileRows {
		row := a[i*stride : i*stride+tileCols]
		for r := range k {
			v := x[r*tileCols+i]
			for c, w := range y[r*tileCols : (r+1)*tileCols] {
				row[c] -= float32(v * w)
			}
		}
	}
}
