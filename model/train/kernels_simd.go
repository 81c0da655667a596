//go:build goexperiment.simd

package train

import "simd"

// A vector is at most 16 numbers long everywhere today; laneCount is a multiple
// of that, or the scalar code is taken.

// addRows adds w[r]·y[rows[r]] to dst for every r in order; the stride is
// len(dst).
func addRows(dst, y []float32, rows []int32, w []float32) {
	var zero simd.Float32s
	l, stride := zero.Len(), len(dst)
	if laneCount%l != 0 {
		addRowsScalar(dst, y, rows, w)
		return
	}
	w = w[:len(rows)]
	f := 0
	for ; f+4*l <= stride; f += 4 * l { // four vectors of dst stay in registers
		d := dst[f : f+4*l]
		s0, s1 := simd.LoadFloat32s(d), simd.LoadFloat32s(d[l:])
		s2, s3 := simd.LoadFloat32s(d[2*l:]), simd.LoadFloat32s(d[3*l:])
		for r, at := range rows {
			row := y[int(at)*stride+f:][:4*l]
			v := simd.BroadcastFloat32s(w[r])
			s0 = s0.Add(v.Mul(simd.LoadFloat32s(row)))
			s1 = s1.Add(v.Mul(simd.LoadFloat32s(row[l:])))
			s2 = s2.Add(v.Mul(simd.LoadFloat32s(row[2*l:])))
			s3 = s3.Add(v.Mul(simd.LoadFloat32s(row[3*l:])))
		}
		s0.Store(d)
		s1.Store(d[l:])
		s2.Store(d[2*l:])
		s3.Store(d[3*l:])
	}
	for ; f < stride; f += l {
		s := simd.LoadFloat32s(dst[f:])
		for r, at := range rows {
			s = s.Add(simd.BroadcastFloat32s(w[r]).Mul(simd.LoadFloat32s(y[int(at)*stride+f:])))
		}
		s.Store(dst[f:])
	}
}

// rotate sets a to c·a - s·b and b to s·a + c·b.
func rotate(a, b []float32, c, s float32) {
	var zero simd.Float32s
	l := zero.Len()
	if laneCount%l != 0 {
		rotateScalar(a, b, c, s)
		return
	}
	vc, vs := simd.BroadcastFloat32s(c), simd.BroadcastFloat32s(s)
	b = b[:len(a)]
	for f := 0; f < len(a); f += l {
		x, y := simd.LoadFloat32s(a[f:]), simd.LoadFloat32s(b[f:])
		vc.Mul(x).Sub(vs.Mul(y)).Store(a[f:])
		vs.Mul(x).Add(vc.Mul(y)).Store(b[f:])
	}
}

// mul sets dst to a∘b.
func mul(dst, a, b []float32) {
	var zero simd.Float32s
	l := zero.Len()
	if laneCount%l != 0 {
		mulScalar(dst, a, b)
		return
	}
	a, b = a[:len(dst)], b[:len(dst)]
	for f := 0; f < len(dst); f += l {
		simd.LoadFloat32s(a[f:]).Mul(simd.LoadFloat32s(b[f:])).Store(dst[f:])
	}
}

// addScaled sets dst to a + s·b.
func addScaled(dst, a, b []float32, s float32) {
	var zero simd.Float32s
	l := zero.Len()
	if laneCount%l != 0 {
		addScaledScalar(dst, a, b, s)
		return
	}
	vs := simd.BroadcastFloat32s(s)
	a, b = a[:len(dst)], b[:len(dst)]
	for f := 0; f < len(dst); f += l {
		simd.LoadFloat32s(a[f:]).Add(vs.Mul(simd.LoadFloat32s(b[f:]))).Store(dst[f:])
	}
}

// invert sets dst to 1/(a + s·b).
func invert(dst, a, b []float32, s float32) {
	var zero simd.Float32s
	l := zero.Len()
	if laneCount%l != 0 {
		invertScalar(dst, a, b, s)
		return
	}
	one, vs := simd.BroadcastFloat32s(1), simd.BroadcastFloat32s(s)
	a, b = a[:len(dst)], b[:len(dst)]
	for f := 0; f < len(dst); f += l {
		one.Div(simd.LoadFloat32s(a[f:]).Add(vs.Mul(simd.LoadFloat32s(b[f:])))).Store(dst[f:])
	}
}

// subProducts is subProductsScalar.
func subProducts(a []float32, stride int, x, y []float32, k int) {
	var zero simd.Float32s
	l := zero.Len()
	if tileCols%(2*l) != 0 {
		subProductsScalar(a, stride, x, y, k)
		return
	}
	for c := 0; c < tileCols; c += 2 * l { // eight vectors of a stay in registers
		a0, a1 := a[c:c+2*l], a[stride+c:][:2*l]
		a2, a3 := a[2*stride+c:][:2*l], a[3*stride+c:][:2*l]
		s00, s01 := simd.LoadFloat32s(a0), simd.LoadFloat32s(a0[l:])
		s10, s11 := simd.LoadFloat32s(a1), simd.LoadFloat32s(a1[l:])
		s20, s21 := simd.LoadFloat32s(a2), simd.LoadFloat32s(a2[l:])
		s30, s31 := simd.LoadFloat32s(a3), simd.LoadFloat32s(a3[l:])
		for r := range k {
			xs := (*[tileRows]float32)(x[r*tileCols:])
			ys := y[r*tileCols+c:][:2*l]
			y0, y1 := simd.LoadFloat32s(ys), simd.LoadFloat32s(ys[l:])
			v := simd.BroadcastFloat32s(xs[0])
			s00, s01 = s00.Sub(v.Mul(y0)), s01.Sub(v.Mul(y1))
			v = simd.BroadcastFloat32s(xs[1])
			s10, s11 = s10.Sub(v.Mul(y0)), s11.Sub(v.Mul(y1))
			v = simd.BroadcastFloat32s(xs[2])
			s20, s21 = s20.Sub(v.Mul(y0)), s21.Sub(v.Mul(y1))
			v = simd.BroadcastFloat32s(xs[3])
			s30, s31 = s30.Sub(v.Mul(y0)), s31.Sub(v.Mul(y1))
		}
		s00.Store(a0)
		s01.Store(a0[l:])
		s10.Store(a1)
		s11.Store(a1[l:])
		s20.Store(a2)
		s21.Store(a2[l:])
		s30.Store(a3)
		s31.Store(a3[l:])
	}
}
