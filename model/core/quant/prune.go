package quant

import "math"

// Prune returns s with at most k neighbours in each row: those whose weights in
// all columns have the largest sum of sizes, of equal ones the first. Their
// codes and the rows' scales stay.
func (s *Sparse) Prune(k int) Sparse {
	rows := make([]SparseRow, s.N)
	p := Sparse{N: s.N, C: s.C, Counts: make([]byte, s.N), Scales: s.Scales}
	var top Top
	for i := range rows {
		items, codes := s.Row(nil, i)
		kept := make([]bool, len(items))
		top.Reset(k, nil)
		for at := range items {
			var sum float32
			for column, code := range codes[at*s.C : (at+1)*s.C] {
				sum += float32(s.Scale(i, column) * abs32(SquareLaw(code)))
			}
			top.Offer(at, int64(math.Float32bits(sum))) // which order as sizes do
		}
		for _, c := range top.Kept() {
			kept[c.Item] = true
		}
		for at, item := range items {
			if kept[at] {
				rows[i].Items = append(rows[i].Items, item)
				p.Codes = append(p.Codes, codes[at*s.C:(at+1)*s.C]...)
			}
		}
		p.Counts[i] = byte(len(rows[i].Items))
	}
	p.Rice = riceOf(rows)
	for _, row := range rows {
		p.appendItems(row.Items)
	}
	if err := p.Open(); err != nil {
		panic("quant: internal error: Prune: " + err.Error())
	}
	return p
}
