package train

import (
	"math"
	"slices"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// valueAt returns element e of a row's values.
func valueAt(val []float32, e int) float32 {
	if val == nil {
		return 1
	}
	return val[e]
}

// scaled returns m with each value times d_u^user·d_i^item, d the numbers of
// pairs in its row and column.
func scaled(m *data.Matrix, user, item float64) *data.Matrix {
	count, _ := columnCounts(m)
	for i, c := range count {
		count[i] = math.Pow(c, item)
	}
	s := *m
	s.Val = make([]float32, len(m.Col))
	for u := range m.Rows {
		col, val := m.Row(u)
		row := math.Pow(float64(len(col)), user)
		for e, i := range col {
			s.Val[int(m.Ptr[u])+e] = float32(float64(valueAt(val, e)) * row * count[i])
		}
	}
	return &s
}

// columnCounts returns the number of pairs in each column of m, and its mean
// over the columns that have any.
func columnCounts(m *data.Matrix) (count []float64, mean float64) {
	count = make([]float64, m.Cols)
	used := 0
	for _, i := range m.Col {
		if count[i]++; count[i] == 1 {
			used++
		}
	}
	return count, float64(len(m.Col)) / float64(max(used, 1))
}

// fromRows returns the matrix with these rows.
func fromRows(cols int, col [][]int32, val [][]float32) *data.Matrix {
	m := &data.Matrix{Rows: len(col), Cols: cols, Ptr: make([]int64, len(col)+1)}
	for r := range col {
		m.Ptr[r+1] = m.Ptr[r] + int64(len(col[r]))
	}
	m.Col, m.Val = make([]int32, m.Ptr[m.Rows]), make([]float32, m.Ptr[m.Rows])
	for r := range col {
		copy(m.Col[m.Ptr[r]:], col[r])
		copy(m.Val[m.Ptr[r]:], val[r])
	}
	return m
}

// strongest returns the keep largest magnitudes of each row of m, equal ones by
// index; 0 keeps all.
func strongest(m *data.Matrix, keep int) *data.Matrix {
	if keep == 0 {
		return m
	}
	s := &data.Matrix{Rows: m.Rows, Cols: m.Cols, Ptr: make([]int64, m.Rows+1)}
	var list []quant.Candidate
	for r := range m.Rows {
		col, val := m.Row(r)
		list = list[:0]
		for e := range col {
			list = append(list, quant.Candidate{Item: e, Score: magnitude(valueAt(val, e))})
		}
		for _, c := range largest(list, keep) {
			s.Col, s.Val = append(s.Col, col[c.Item]), append(s.Val, valueAt(val, c.Item))
		}
		s.Ptr[r+1] = int64(len(s.Col))
	}
	return s
}

// largest returns the keep best of list, all for 0, ordered by index. It changes
// the order of list.
func largest(list []quant.Candidate, keep int) []quant.Candidate {
	if keep > 0 && keep < len(list) {
		list = quant.Best(list, keep)
		slices.SortFunc(list, func(a, b quant.Candidate) int { return a.Item - b.Item })
	}
	return list
}

// magnitude returns a number that ascends with |v|.
func magnitude(v float32) int64 { return int64(math.Float32bits(v) &^ (1 << 31)) }

// ofPeople returns a copy of the items' d factors, with zeros where nobody has
// the item: what is there is chance.
func ofPeople(factors []float32, d int, count []uint32) []float32 {
	factors = slices.Clone(factors)
	for i, c := range count {
		if c == 0 {
			clear(factors[i*d : i*d+d])
		}
	}
	return factors
}
