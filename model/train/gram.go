package train

import (
	"cmp"
	"context"
	"slices"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

const (
	// headBytes bounds the rows of G that a gram keeps, in bytes of float32:
	// all of a catalogue of 11,585 items, 3,275 rows of one of 40,981.
	headBytes = 512 << 20
	// gramBlock is how many rows of G, or targets, a worker takes at a time.
	gramBlock = 16
)

// gram gives those parts of G = XᵀX, items × items, that models with a
// restricted support ask for, and never holds all of it. It keeps the rows of
// the items that most people have, which are full; what two other items share
// is summed over the people of both when it is wanted.
//
// Either way an element is Σ_u x_ui·x_uj in float32, in the order of the
// people, so that no element depends on the workers or on what is kept. No
// value of X is below 0.
type gram struct {
	users, items *data.Matrix // X and its transpose
	diagonal     []float32    // n: G_ii
	head         []int32      // n: the row of heads that item i has; -1: none
	heads        []float32    // rows × n, row-major
}

func newGram(ctx context.Context, users *data.Matrix, workers int) (*gram, error) {
	g := &gram{users: users, items: users.Transpose(), diagonal: make([]float32, users.Cols)}
	for i := range g.diagonal {
		col, val := g.items.Row(i)
		for e := range col {
			x := valueAt(val, e)
			g.diagonal[i] += float32(x * x)
		}
	}
	return g, g.keep(ctx, headBytes/4/max(1, users.Cols), workers)
}

// keep fills in the rows of the items that most people have, equal ones by
// index.
func (g *gram) keep(ctx context.Context, rows, workers int) error {
	n := len(g.diagonal)
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	people := func(i int32) int64 { return g.items.Ptr[i+1] - g.items.Ptr[i] }
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(people(b), people(a)) })
	order = order[:min(n, rows)]
	g.head, g.heads = slices.Repeat([]int32{-1}, n), make([]float32, len(order)*n)
	for h, i := range order {
		g.head[i] = int32(h)
	}
	return blocks(ctx, workers, len(order), gramBlock, func() func(from, to int) error {
		return func(from, to int) error {
			for h := from; h < to; h++ {
				g.addRow(g.heads[h*n:h*n+n], int(order[h]), nil)
			}
			return nil
		}
	})
}

// addRow adds row j of G to row. It appends to touched the columns that were 0,
// and returns it.
func (g *gram) addRow(row []float32, j int, touched []int32) []int32 {
	who, weight := g.items.Row(j)
	for e, u := range who {
		x := valueAt(weight, e)
		col, val := g.users.Row(int(u))
		for f, i := range col {
			v := float32(x * valueAt(val, f))
			if row[i] == 0 && v > 0 {
				touched = append(touched, i)
			}
			row[i] += v
		}
	}
	return touched
}

// support is one worker's look at a gram: the items that explain a target, and
// what G says of them.
type support struct {
	*gram
	size   int       // the most items that it may have
	prefer []float32 // n: G_ij·prefer_i ranks the items i for target j

	items []int32   // k ≤ size, ascending, without the target
	cross []float32 // k: G_ij
	block []float32 // k×k, row-major: G of the items, the lower triangle

	row     []float32 // n: zeros between calls
	touched []int32
	list    []quant.Candidate
	people  []int32 // users: the last of pairs that is the user's; -1: none
	pairs   []pair
}

// pair is a person's value for an item of the support.
type pair struct {
	slot  int32 // which item of the support
	next  int32 // the same person's pair before; -1: none
	value float32
}

func (g *gram) newSupport(size int, prefer []float32) *support {
	return &support{
		gram: g, size: size, prefer: prefer, row: make([]float32, len(g.diagonal)),
		people: slices.Repeat([]int32{-1}, g.users.Rows),
		block:  make([]float32, size*size),
	}
}

// choose sets the support of target j: of the items that share a person with it
// those with the largest G_ij·prefer_i, equal ones by index.
func (s *support) choose(j int) {
	s.touched = s.addRow(s.row, j, s.touched[:0])
	s.list = s.list[:0]
	for _, i := range s.touched {
		if v := float32(s.row[i] * s.prefer[i]); v > 0 && int(i) != j {
			s.list = append(s.list, quant.Candidate{Item: int(i), Score: magnitude(v)})
		}
	}
	s.items = s.items[:0]
	for _, c := range quant.Best(s.list, s.size) {
		s.items = append(s.items, int32(c.Item))
	}
	slices.Sort(s.items)
	s.read()
}

// take makes items, ascending, the support of target j.
func (s *support) take(j int, items []int32) {
	s.touched = s.addRow(s.row, j, s.touched[:0])
	s.items = append(s.items[:0], items...)
	s.read()
}

// read sets cross from the target's row and clears that.
func (s *support) read() {
	s.cross = s.cross[:0]
	for _, i := range s.items {
		s.cross = append(s.cross, s.row[i])
	}
	for _, i := range s.touched {
		s.row[i] = 0
	}
}

// fill sets block.
func (s *support) fill() {
	k, n := len(s.items), len(s.row)
	s.pairs = s.pairs[:0]
	for a, i := range s.items {
		row := s.block[a*k : a*k+a+1]
		row[a] = s.diagonal[i]
		if h := s.head[i]; h >= 0 {
			for b, other := range s.items[:a] {
				row[b] = s.heads[int(h)*n+int(other)]
			}
			continue
		}
		for b, other := range s.items[:a] {
			if row[b] = 0; s.head[other] >= 0 {
				row[b] = s.heads[int(s.head[other])*n+int(i)]
			}
		}
		s.addShared(row, a, int(i))
	}
	for _, i := range s.items {
		if s.head[i] < 0 {
			who, _ := s.gram.items.Row(int(i))
			for _, u := range who {
				s.people[u] = -1
			}
		}
	}
}

// addShared adds to row what item i, at slot a, has in common with the items
// before it that have no row of their own.
func (s *support) addShared(row []float32, a, i int) {
	who, weight := s.gram.items.Row(i)
	for e, u := range who {
		x := valueAt(weight, e)
		for at := s.people[u]; at >= 0; at = s.pairs[at].next {
			p := &s.pairs[at]
			row[p.slot] += float32(x * p.value)
		}
		s.pairs = append(s.pairs, pair{slot: int32(a), next: s.people[u], value: x})
		s.people[u] = int32(len(s.pairs) - 1)
	}
}

// regression learns what items give to each target of a gram.
type regression struct {
	*gram
	support, workers int       // the most items that a target is explained by
	prefer           []float32 // n: see support
	meter            *meter
}

// solve returns the weights, n×n, row i for what item i gives. target chooses
// the support of target j and leaves the weights of its items in cross; those
// that are 0 are dropped.
func (r *regression) solve(ctx context.Context, target func(s *support, j int) error) (*data.Matrix, error) {
	n := len(r.diagonal)
	col, val := make([][]int32, n), make([][]float32, n)
	err := blocks(ctx, r.workers, n, gramBlock, func() func(from, to int) error {
		s := r.newSupport(r.support, r.prefer)
		return func(from, to int) error {
			for j := from; j < to; j++ {
				if err := target(s, j); err != nil {
					return err
				}
				for a, w := range s.cross {
					if w != 0 {
						col[j], val[j] = append(col[j], s.items[a]), append(val[j], w)
					}
				}
			}
			r.meter.add(to - from)
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	return fromRows(n, col, val).Transpose(), nil
}
