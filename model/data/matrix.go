package data

// Matrix is a sparse users × items matrix in compressed rows: row r has the
// columns Col[Ptr[r]:Ptr[r+1]], ascending and without repeats, with the values
// Val at the same places. It is built once and then only read.
type Matrix struct {
	Rows, Cols int
	Ptr        []int64 // Rows+1 offsets into Col
	Col        []int32
	Val        []float32 // nil: every value is 1
}

// Row returns the columns and values of row r; val is nil when every value is
// 1. Both slices belong to the matrix.
func (m *Matrix) Row(r int) (col []int32, val []float32) {
	from, to := m.Ptr[r], m.Ptr[r+1]
	if m.Val != nil {
		val = m.Val[from:to]
	}
	return m.Col[from:to], val
}

// Transpose returns the items × users matrix.
func (m *Matrix) Transpose() *Matrix {
	t := &Matrix{Rows: m.Cols, Cols: m.Rows, Ptr: make([]int64, m.Cols+1), Col: make([]int32, len(m.Col))}
	if m.Val != nil {
		t.Val = make([]float32, len(m.Val))
	}
	for _, c := range m.Col {
		t.Ptr[c+1]++
	}
	for c := range t.Rows {
		t.Ptr[c+1] += t.Ptr[c]
	}
	next := make([]int64, m.Cols)
	copy(next, t.Ptr)
	for r := range m.Rows {
		for e := m.Ptr[r]; e < m.Ptr[r+1]; e++ {
			at := next[m.Col[e]]
			next[m.Col[e]]++
			t.Col[at] = int32(r)
			if m.Val != nil {
				t.Val[at] = m.Val[e]
			}
		}
	}
	return t
}
