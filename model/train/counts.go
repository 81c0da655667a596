package train

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// The columns of item-item counts, in the order in which they stand in a row.
// For positions x < y of one history of length L, item i at x and j at y:
const (
	columnNext     = iota // i gives j 1 when y = x+1
	columnForward         // i gives j 1/(y-x), up to forwardSteps
	columnBackward        // j gives i the same
	columnTogether        // both give each other 1/L
	columnLinear          // see slis
	sequenceColumns
)

const (
	// forwardSteps is how far apart items may be for columnForward and
	// columnBackward (Ludewig and Jannach, "Evaluation of session-based
	// recommendation algorithms", UMUAI 2018, sequential rules: 10).
	forwardSteps = 10
	// togetherSteps bounds columnTogether in long histories, whose pairs are
	// otherwise quadratic.
	togetherSteps = 200
	// countBlock is how many items a worker takes at a time.
	countBlock = 64
)

// occurrences lists where each item stands: at seq.Item[at[k]] for k from ptr[i]
// to ptr[i+1]-1, in the order of seq.
func occurrences(seq *data.Sequences) (ptr []int64, at []int64) {
	ptr = make([]int64, seq.Items+1)
	for _, i := range seq.Item {
		ptr[i+1]++
	}
	for i := range seq.Items {
		ptr[i+1] += ptr[i]
	}
	at = make([]int64, len(seq.Item))
	next := slices.Clone(ptr)
	for e, i := range seq.Item {
		at[next[i]] = int64(e)
		next[i]++
	}
	return ptr, at
}

// sparse is a row under construction: a weight in each of c columns for the
// items that have any.
type sparse struct {
	c       int
	items   []int32
	weights []float64 // n×c, zero but for items
	met     []bool    // n
}

func newSparse(n, c int) *sparse {
	return &sparse{c: c, weights: make([]float64, n*c), met: make([]bool, n)}
}

func (s *sparse) add(item int32, column int, v float64) {
	if !s.met[item] {
		s.met[item] = true
		s.items = append(s.items, item)
	}
	s.weights[int(item)*s.c+column] += v
}

// clear makes s empty.
func (s *sparse) clear() {
	for _, i := range s.items {
		s.met[i] = false
		clear(s.weights[int(i)*s.c : int(i+1)*s.c])
	}
	s.items = s.items[:0]
}

// normalise gives each column the sum 1, if it has any.
func (s *sparse) normalise() {
	sums := make([]float64, s.c)
	slices.Sort(s.items) // so that sums do not depend on the order of meeting
	for _, i := range s.items {
		for t := range sums {
			sums[t] += s.weights[int(i)*s.c+t]
		}
	}
	for _, i := range s.items {
		for t, sum := range sums {
			if sum > 0 {
				s.weights[int(i)*s.c+t] /= sum
			}
		}
	}
}

// keep returns the k items with the largest sums of magnitudes, with their
// weights; equal ones by index.
func (s *sparse) keep(k int) quant.SparseRow {
	type entry struct {
		item int32
		sum  float64
	}
	list := make([]entry, 0, len(s.items))
	for _, i := range s.items {
		var sum float64
		for _, w := range s.weights[int(i)*s.c : int(i+1)*s.c] {
			sum += math.Abs(w)
		}
		list = append(list, entry{i, sum})
	}
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.sum, a.sum), cmp.Compare(a.item, b.item))
	})
	list = list[:min(k, len(list))]
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.item, b.item) })
	var row quant.SparseRow
	for _, e := range list {
		row.Items = append(row.Items, e.item)
		for _, w := range s.weights[int(e.item)*s.c : int(e.item+1)*s.c] {
			row.Weights = append(row.Weights, float32(w))
		}
	}
	return row
}

// countRows returns a row for each item of seq: the counts, each column with the
// sum 1, and what more adds to them before the k best are kept.
func countRows(ctx context.Context, seq *data.Sequences, workers, columns, k int, more func(i int, row *sparse)) ([]quant.SparseRow, error) {
	rows := make([]quant.SparseRow, seq.Items)
	ptr, at := occurrences(seq)
	user := make([]int32, len(seq.Item))
	for u := range seq.Users() {
		for e := seq.Ptr[u]; e < seq.Ptr[u+1]; e++ {
			user[e] = int32(u)
		}
	}
	err := blocks(ctx, workers, seq.Items, countBlock, func() func(from, to int) error {
		row := newSparse(seq.Items, columns)
		return func(from, to int) error {
			for i := from; i < to; i++ {
				row.clear()
				for _, x := range at[ptr[i]:ptr[i+1]] {
					u := user[x]
					countAround(row, seq.Item, int32(i), x, seq.Ptr[u], seq.Ptr[u+1])
				}
				row.normalise()
				if more != nil {
					more(i, row)
				}
				rows[i] = row.keep(k)
			}
			return nil
		}
	})
	return rows, err
}

// countAround adds what item i at x gives to the others of its history, which
// has the places from … to-1.
func countAround(row *sparse, items []int32, i int32, x, from, to int64) {
	together := 1 / float64(to-from)
	for y := max(from, x-togetherSteps); y < min(to, x+togetherSteps+1); y++ {
		j := items[y]
		if j == i {
			continue
		}
		row.add(j, columnTogether, together)
		switch d := y - x; {
		case d == 1:
			row.add(j, columnNext, 1)
			row.add(j, columnForward, 1)
		case d > 0 && d <= forwardSteps:
			row.add(j, columnForward, 1/float64(d))
		case d < 0 && -d <= forwardSteps:
			row.add(j, columnBackward, 1/float64(-d))
		}
	}
}
