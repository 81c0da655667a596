package train

import (
	stdcmp "cmp"
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/data"
)

// drawMatrix draws a matrix with weights, some of them 0, that float32 adds
// exactly.
func drawMatrix(t *rapid.T) *data.Matrix {
	n := rapid.IntRange(1, 12).Draw(t, "items")
	var rows [][]int32
	for range rapid.IntRange(0, 15).Draw(t, "users") {
		row := rapid.SliceOfNDistinct(rapid.Int32Range(0, int32(n-1)), 0, n, rapid.ID[int32]).Draw(t, "row")
		slices.Sort(row)
		rows = append(rows, row)
	}
	m := matrixOf(n, rows...)
	if rapid.Bool().Draw(t, "weighted") {
		m.Val = make([]float32, len(m.Col))
		for e := range m.Val {
			m.Val[e] = float32(rapid.IntRange(0, 8).Draw(t, "weight")) / 4
		}
	}
	return m
}

// dense returns m as rows × columns.
func dense(m *data.Matrix) []float32 {
	a := make([]float32, m.Rows*m.Cols)
	for r := range m.Rows {
		col, val := m.Row(r)
		for e, c := range col {
			a[r*m.Cols+int(c)] = valueAt(val, e)
		}
	}
	return a
}

// TestSupportIsPartOfTheProducts: whichever rows are kept, a support holds the
// items with the largest products, and their products.
func TestSupportIsPartOfTheProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMatrix(t)
		n, x := m.Cols, dense(m)
		products := make([]float32, n*n)
		for i := range n {
			for j := range n {
				for u := range m.Rows {
					products[i*n+j] += x[u*n+i] * x[u*n+j]
				}
			}
		}
		g, err := newGram(context.Background(), m, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.keep(context.Background(), rapid.IntRange(0, n).Draw(t, "kept"), 1); err != nil {
			t.Fatal(err)
		}
		prefer := slices.Repeat([]float32{1}, n)
		prefer[0] = 4
		size := rapid.IntRange(1, n).Draw(t, "size")
		s := g.newSupport(size, prefer)
		for j := range n {
			s.choose(j)
			s.fill()
			var want []int32
			for i := range n {
				if i != j && products[i*n+j] > 0 {
					want = append(want, int32(i))
				}
			}
			slices.SortStableFunc(want, func(a, b int32) int {
				return stdcmp.Compare(products[int(b)*n+j]*prefer[b], products[int(a)*n+j]*prefer[a])
			})
			want = want[:min(size, len(want))]
			slices.Sort(want)
			if diff := cmp.Diff(want, s.items, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("item %d: support: %s", j, diff)
			}
			for a, i := range s.items {
				if got, want := s.cross[a], products[int(i)*n+j]; got != want {
					t.Fatalf("item %d with %d: got %v, want %v", j, i, got, want)
				}
				for b, k := range s.items[:a+1] {
					if got, want := s.block[a*len(s.items)+b], products[int(i)*n+int(k)]; got != want {
						t.Fatalf("item %d: products of %d and %d: got %v, want %v", j, i, k, got, want)
					}
				}
			}
		}
	})
}
