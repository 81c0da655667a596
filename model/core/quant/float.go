package quant

import "math"

// The float32 kernels below solve ridge systems, for training and for a
// person's fold-in. Each element of a result is defined by one chain of
// float32 multiplications and additions in a fixed order, every step rounded:
// there is no fused multiply-add and no sum whose order depends on the width
// of a vector. So the scalar code, AVX2 and WebAssembly give the same bits as
// long as no value overflows. (The payload of a NaN is the engine's choice.)
//
// Matrices are square, d×d, row-major, d = the number of unknowns.

// Axpy adds a·x to dst: dst[i] += a·x[i]. It panics when x is shorter than
// dst.
func Axpy(dst, x []float32, a float32) {
	x = x[:len(dst)]
	n := axpySIMD(dst, x, a)
	axpyScalar(dst[n:], x[n:], a)
}

func axpyScalar(dst, x []float32, a float32) {
	for i, v := range x {
		dst[i] += float32(a * v)
	}
}

// AddOuter adds w·y·yᵀ to the lower triangle of the d×d matrix a, d = len(y):
// a[i,j] += (w·y[i])·y[j] for j ≤ i. What stands above the diagonal is left
// alone.
func AddOuter(a, y []float32, w float32) {
	d := len(y)
	for i := range d {
		Axpy(a[i*d:i*d+i+1], y, float32(w*y[i]))
	}
}

// AddOuters adds w[r]·y[r]·y[r]ᵀ to the lower triangle of the d×d matrix a for
// every row r of y, which is len(w)×d. It gives the same bits as AddOuter row
// by row and is three times as fast for 128 rows at d = 64, because a part of a
// stays in registers while the rows go by.
func AddOuters(a, y, w []float32, d int) {
	if len(a) < d*d || len(y) < len(w)*d {
		panic("quant: internal error: AddOuters: a or y is too short")
	}
	addOuters(a, y, w, d, d)
}

// addOuters is AddOuters for matrices inside larger ones: a has n rows and y
// has len(w) rows, all of them stride apart.
func addOuters(a, y, w []float32, n, stride int) {
	if len(w) == 0 || addOutersSIMD(a, y, w, n, stride) {
		return
	}
	for r, wr := range w {
		row := y[r*stride : r*stride+n]
		for i, yi := range row {
			Axpy(a[i*stride:i*stride+i+1], row, float32(wr*yi))
		}
	}
}

// cholPanel is how many columns Cholesky eliminates before it updates the rest
// of the matrix. It never changes the bits: each element loses its products in
// the order of the columns. From 8 to 32 it hardly changes the speed.
const cholPanel = 16

// minusOnes are the weights with which eliminated columns leave the rest.
var minusOnes = [cholPanel]float32{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}

// Cholesky factors the symmetric d×d matrix a = L·Lᵀ in place. It reads the
// lower triangle, and leaves L there and Lᵀ in the upper triangle, which is
// what [CholeskySolve] wants. It returns false, with a destroyed, when a is
// not positive definite in float32 arithmetic or holds a NaN or an infinity.
//
// Golub and Van Loan, Matrix Computations, 4th edition, section 4.2.5: outer
// products, in panels.
func Cholesky(a []float32, d int) bool {
	a = a[:d*d]
	for p := 0; p < d; p += cholPanel {
		q := min(p+cholPanel, d)
		// The panel is worked on as rows of Lᵀ, where it is contiguous.
		for k := p; k < q; k++ {
			for j := k + 1; j < d; j++ {
				a[k*d+j] = a[j*d+k]
			}
		}
		for k := p; k < q; k++ {
			row := a[k*d : k*d+d]
			pivot := row[k]
			if !(pivot > 0 && pivot <= math.MaxFloat32) {
				return false
			}
			row[k] = float32(math.Sqrt(float64(pivot)))
			inverse := 1 / row[k]
			for j := k + 1; j < d; j++ {
				row[j] = float32(row[j] * inverse)
			}
			for i := k + 1; i < q; i++ {
				Axpy(a[i*d+i:i*d+d], row[i:], -row[i])
			}
		}
		for k := p; k < q; k++ {
			for j := k + 1; j < d; j++ {
				a[j*d+k] = a[k*d+j]
			}
		}
		if q < d {
			addOuters(a[q*d+q:], a[p*d+q:], minusOnes[:q-p], d-q, d)
		}
	}
	return true
}

// CholeskySolve solves L·Lᵀ·x = b in place: b becomes x. l is what [Cholesky]
// left.
func CholeskySolve(l []float32, d int, b []float32) {
	l, b = l[:d*d], b[:d]
	for k := range d {
		b[k] /= l[k*d+k]
		Axpy(b[k+1:], l[k*d+k+1:], -b[k])
	}
	for k := d - 1; k >= 0; k-- {
		b[k] /= l[k*d+k]
		Axpy(b[:k], l[k*d:], -b[k])
	}
}
