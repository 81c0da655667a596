package quant

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// plainProduct is the definition of AddProduct.
func plainProduct(dst, a, b Matrix) {
	for i := range dst.Rows {
		for j := range dst.Cols {
			for k := range b.Rows {
				dst.Row(i)[j] += float32(a.Row(i)[k] * b.Row(k)[j])
			}
		}
	}
}

func transposed(m Matrix) Matrix {
	t := MatrixOf(make([]float32, m.Rows*m.Cols), m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			t.Row(j)[i] = v
		}
	}
	return t
}

func TestAddProductGivesTheBitsOfItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, m := range []int{0, 1, 3, 4, 5, 8, 9} {
		for _, k := range []int{0, 1, 2, 33} {
			for _, n := range []int{0, 1, 7, 15, 16, 17, 31, 32, 33, 47, 48, 64, 65} {
				// All lie inside larger matrices.
				whole := MatrixOf(randomFloats(rng, (m+2)*(n+3)), m+2, n+3)
				want := whole
				want.Data = slices.Clone(whole.Data)
				a := MatrixOf(randomFloats(rng, (m+1)*(k+1)), m+1, k+1).Sub(0, m, 1, k+1)
				b := MatrixOf(randomFloats(rng, (k+1)*(n+5)), k+1, n+5).Sub(1, k+1, 2, n+2)
				plainProduct(want.Sub(1, m+1, 1, n+1), a, b)

				tr := whole
				tr.Data = slices.Clone(whole.Data)
				AddProduct(whole.Sub(1, m+1, 1, n+1), a, b)
				AddProductT(tr.Sub(1, m+1, 1, n+1), transposed(a), b)
				name := fmt.Sprintf("%d×%d times %d×%d", m, k, k, n)
				sameBits(t, "AddProduct "+name, whole.Data, want.Data)
				sameBits(t, "AddProductT "+name, tr.Data, want.Data)
			}
		}
	}
}

func TestAddProductPanicsOnSizesThatDoNotFit(t *testing.T) {
	of := func(rows, cols int) Matrix { return MatrixOf(make([]float32, rows*cols), rows, cols) }
	for name, do := range map[string]func(){
		"inner":            func() { AddProduct(of(2, 2), of(2, 3), of(2, 2)) },
		"rows":             func() { AddProduct(of(3, 2), of(2, 2), of(2, 2)) },
		"columns":          func() { AddProduct(of(2, 3), of(2, 2), of(2, 2)) },
		"inner transposed": func() { AddProductT(of(2, 2), of(3, 2), of(2, 2)) },
		"short":            func() { m := of(2, 2); m.Data = m.Data[:3]; AddProduct(of(2, 2), m, of(2, 2)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("got no panic, want one")
				}
			}()
			do()
		})
	}
}

// BenchmarkAddProduct has the products of a sequence encoder: a history times
// weights, positions times candidates, and the gradient of these.
func BenchmarkAddProduct(b *testing.B) {
	rng := rand.New(rand.NewPCG(2, 1))
	for _, s := range []struct{ m, k, n int }{{1, 64, 64}, {50, 64, 64}, {64, 64, 1104}, {16, 2880, 64}} {
		dst, x, y := make([]float32, s.m*s.n), randomFloats(rng, s.m*s.k), randomFloats(rng, s.k*s.n)
		b.Run(fmt.Sprintf("%dx%dx%d", s.m, s.k, s.n), func(b *testing.B) {
			for b.Loop() {
				AddProduct(MatrixOf(dst, s.m, s.n), MatrixOf(x, s.m, s.k), MatrixOf(y, s.k, s.n))
			}
			products := float64(s.m*s.k*s.n) * float64(b.N)
			b.ReportMetric(products/b.Elapsed().Seconds()/1e9, "Gproducts/s")
		})
	}
}
