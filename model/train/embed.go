package train

import (
	"context"
	"math"

	"github.com/nearside/nearside/model/data"
)

// embedFloor is added to what an item has in common with all others, so that an
// item of one history is near nothing.
const embedFloor = 5

// embed returns item vectors from what is met together, n×d and row-major: the
// leading eigenvectors of
//
//	A = D^(-1/2)·C·D^(-1/2),  C_ij = Σ over histories of L^(-1/2) for i ≠ j
//
// with D the row sums of C plus embedFloor, each times the root of its
// eigenvalue, and rows brought to length 1 (Ng, Jordan and Weiss, "On spectral
// clustering: analysis and an algorithm", NIPS 2001).
//
// Why not the singular vectors of the histories? Their products have C_ii too,
// which is most of what a rare item has.
func embed(ctx context.Context, seq *data.Sequences, d int, opt powers) ([]float32, error) {
	m, own := together(seq)
	s := newSubspace(m, d, opt)
	s.less = own
	v, err := s.converge(ctx)
	if err != nil {
		return nil, err
	}
	product, err := s.step(ctx, v)
	if err != nil {
		return nil, err
	}
	squares, vectors, err := spectrum(product, s.k)
	if err != nil {
		return nil, err
	}
	for r := range s.k {
		for c, x := range squares {
			vectors[r*s.k+c] *= math.Pow(x, .25)
		}
	}
	if v, err = s.turn(ctx, v, vectors, d); err != nil {
		return nil, err
	}
	for at := 0; at < len(v); at += d {
		normalise(v[at : at+d])
	}
	return v, nil
}

// together returns histories × items whose products are A and, on the diagonal,
// own.
func together(seq *data.Sequences) (m *data.Matrix, own []float32) {
	m = pairsOf(seq)
	m.Val = make([]float32, len(m.Col))
	row := func(u int) float64 { return math.Sqrt(1 / float64(m.Ptr[u+1]-m.Ptr[u])) }
	sum := make([]float64, m.Cols)
	for u := range m.Rows {
		col, _ := m.Row(u)
		for _, i := range col {
			sum[i] += row(u) * float64(len(col)-1)
		}
	}
	own = make([]float32, m.Cols)
	for u := range m.Rows {
		col, val := m.Row(u)
		for e, i := range col {
			val[e] = float32(math.Sqrt(row(u) / (sum[i] + embedFloor)))
			own[i] += float32(val[e] * val[e])
		}
	}
	return m, own
}

// normalise gives v length 1, unless it has none.
func normalise(v []float32) {
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if square == 0 {
		return
	}
	for k := range v {
		v[k] = float32(float64(v[k]) / math.Sqrt(square))
	}
}
