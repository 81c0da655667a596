package pack

import (
	"math"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/train"
)

// Rows of a pool keep their neighbours and codes while their weights are near
// enough, in each column relative to its size.
const (
	// From which error on a row is due to be written, from which it is, and from
	// which it is another.
	poolSome, poolMost, poolOther = .1, .3, .8
	// keepNeighbours is up to which error, that of the neighbours which it does not
	// have or has in vain, a row that is written has yesterday's neighbours.
	keepNeighbours = .2
)

// keepPool returns the model with those rows of its pool that are near enough as
// they were.
func (a *anchor) keepPool(m *train.Model) *train.Model {
	if m.Pool == nil || m.Pool.Sparse.C == 0 {
		return m
	}
	kept, pool := *m, *m.Pool
	pool.Sparse = a.keepSparse(&m.Pool.Sparse, &a.Pool.Sparse)
	kept.Pool = &pool
	return &kept
}

func (a *anchor) keepSparse(today, old *quant.Sparse) quant.Sparse {
	rows := make([]quant.CodedRow, today.N)
	errs, gone := make([]float64, old.N), make([]float64, old.N)
	for i := range rows {
		if rows[i] = today.Coded(i); i < old.N {
			errs[i], gone[i] = distances(rows[i], old.Coded(i), today.C)
			if errs[i] >= poolOther {
				a.far++
			}
		}
	}
	for i, write := range due(errs, poolSome, poolMost) {
		switch was := old.Coded(i); {
		case !write:
			rows[i] = was
		case gone[i] <= keepNeighbours:
			rows[i] = withNeighbours(rows[i], was, today.C)
			fallthrough
		default:
			a.Written++
		}
	}
	a.Rows += old.N
	return quant.JoinSparse(rows, today.C, old.Rice)
}

// distances returns how far yesterday's row is from today's, as a part of that:
// the root mean square over the columns. gone is what of it is because of
// neighbours that only one of them has.
func distances(today, old quant.CodedRow, c int) (whole, gone float64) {
	for t := range c {
		var both, one, size float64
		eachPair(today, old, func(k, l int) {
			x, y := weight(today, k, t, c), weight(old, l, t, c)
			size += x * x
			if k < 0 || l < 0 {
				one += (x - y) * (x - y)
			} else {
				both += (x - y) * (x - y)
			}
		})
		switch {
		case size > 0:
			whole += (both + one) / size
			gone += one / size
		case one > 0: // a column of zeros, and it was not
			whole, gone = math.Inf(1), math.Inf(1)
		}
	}
	return math.Sqrt(whole / float64(c)), math.Sqrt(gone / float64(c))
}

// weight returns the weight of the k-th neighbour of a row in a column, 0 where
// k is below 0.
func weight(r quant.CodedRow, k, column, c int) float64 {
	if k < 0 {
		return 0
	}
	return float64(quant.SquareLaw(r.Codes[k*c+column])) * float64(quant.SparseScale(r.Scales[column]))
}

// eachPair calls visit for each item that one of the rows has, with its places in
// both, or -1 where it has none.
func eachPair(a, b quant.CodedRow, visit func(k, l int)) {
	k, l := 0, 0
	for k < len(a.Items) || l < len(b.Items) {
		switch {
		case l == len(b.Items) || k < len(a.Items) && a.Items[k] < b.Items[l]:
			visit(k, -1)
			k++
		case k == len(a.Items) || a.Items[k] > b.Items[l]:
			visit(-1, l)
			l++
		default:
			visit(k, l)
			k, l = k+1, l+1
		}
	}
}

// withNeighbours returns today's weights for yesterday's neighbours. One that has
// none today keeps its own: it is among those that were left out as the smallest.
// A column keeps its scale where its weights fit.
func withNeighbours(today, old quant.CodedRow, c int) quant.CodedRow {
	row := quant.CodedRow{Items: old.Items, Codes: make([]int8, len(old.Codes)), Scales: make([]byte, c)}
	copy(row.Scales, old.Scales)
	for t := range c {
		var weights []float64
		var most float64
		eachPair(today, old, func(k, l int) {
			if l < 0 {
				return
			}
			w := weight(old, l, t, c)
			if k >= 0 {
				w = weight(today, k, t, c)
			}
			weights = append(weights, w)
			most = max(most, math.Abs(w))
		})
		scale := float64(quant.SparseScale(row.Scales[t]))
		if most > scale || 4*most < scale {
			row.Scales[t] = quant.SparseScaleFor(float32(most))
			scale = float64(quant.SparseScale(row.Scales[t]))
		}
		for l, w := range weights {
			if scale == 0 {
				continue
			}
			row.Codes[l*c+t] = quant.SparseCode(float32(w / scale))
		}
	}
	return row
}
