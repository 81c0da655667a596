package quant

import "math"

// Prune returns s with at most k neighbours in each row: those whose weights in
// all columns have the largest sum of sizes, of equal ones the first. Their
// codes and the rows' scales stay.
func (s *Sparse) Prune(k int) Sparse {
	rows := make([]CodedRow, s.N)
	var top Top
	for i := range rows {
		row := s.Coded(i)
		kept := make([]bool, len(row.Items))
		top.Reset(k, nil)
		for at := range kept {
			var sum float32
			for column, code := range row.Codes[at*s.C : (at+1)*s.C] {
				sum += float32(s.Scale(i, column) * abs32(SquareLaw(code)))
			}
			top.Offer(at, int64(math.Float32bits(sum))) // which order as sizes do
		}
		for _, c := range top.Kept() {
			kept[c.Item] = true
		}
		rows[i].Scales = row.Scales
		for at, item := range row.Items {
			if kept[at] {
				rows[i].Items = append(rows[i].Items, item)
				rows[i].Codes = append(rows[i].Codes, row.Codes[at*s.C:(at+1)*s.C]...)
			}
		}
	}
	return JoinSparse(rows, s.C, -1)
}
