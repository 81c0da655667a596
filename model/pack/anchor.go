package pack

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/train"
)

// Anchored packing. Today's model is close to yesterday's, and its codes need not
// all be new: what stays costs nothing in a patch, see publish/patch. So a row
// keeps yesterday's codes while what they stand for is near enough to today's
// numbers. It is always today's number that a code is compared with, so that
// errors are bounded however many days there are.
const (
	// anchorShare: one in so many rows, or groups of them, is due at once.
	anchorShare = 8

	// anchorGram is by how much a number of the gram may be wrong, as a part of
	// what its row and column have on the diagonal; anchorRidge is by how much one
	// of the ridge may, as a part of itself.
	anchorGram, anchorRidge = 1. / 1024, 1. / 128
)

// Kept says what a bundle has of an earlier one.
type Kept struct {
	Why           string // why it has nothing; "": it has
	Rows, Written int    // the earlier one's rows, of factors and of neighbours, and how many of them were written anew
}

// anchor is yesterday's bundle while today's is laid out.
type anchor struct {
	*bundle.Bundle
	metric []float64 // d×d: what an error costs, 1 in the mean of its diagonal; nil: there are no factors
	far    int       // rows that had to be written whatever else was
	Kept
}

// newAnchor returns the anchor of a model, or why from is none.
func newAnchor(m *train.Model, opt Options, from *bundle.Bundle) (a *anchor, why string) {
	f := from.Manifest
	dim := 0
	if m.Factors != nil {
		dim = m.Dim
	}
	switch retrieval := opt.Quant.retrieval(m); {
	case f.ABI != bundle.ABIVersion:
		return nil, fmt.Sprintf("it is of format %d: want %d", f.ABI, bundle.ABIVersion)
	case f.Scoring.Scorer != m.Scorer():
		return nil, fmt.Sprintf("it is of scorer %d: want %d", f.Scoring.Scorer, m.Scorer())
	case m.Scorer() != bundle.ScorerFoldIn && m.Scorer() != bundle.ScorerPool:
		return nil, fmt.Sprintf("nothing of %s stays: want fold-in or a pool", m.Algorithm)
	case f.Limits.Dim != dim:
		return nil, fmt.Sprintf("it has %d factors: want %d", f.Limits.Dim, dim)
	case f.Retrieval != retrieval:
		return nil, fmt.Sprintf("its rows are coded as %+v: want %+v", f.Retrieval, retrieval)
	case f.Limits.Items > len(m.Items):
		return nil, fmt.Sprintf("it has %d items, and there are %d: want at least as many", f.Limits.Items, len(m.Items))
	case m.Pool != nil && f.Pool.Sparse.C != m.Pool.Sparse.C:
		return nil, fmt.Sprintf("its pool has %d columns: want %d", f.Pool.Sparse.C, m.Pool.Sparse.C)
	}
	for i := range f.Limits.Items {
		if from.ID(i) != m.Items[i].ID {
			return nil, fmt.Sprintf("its item %d is %.40q: want %.40q", i, from.ID(i), m.Items[i].ID)
		}
	}
	a = &anchor{Bundle: from}
	if dim > 0 {
		a.metric = metricOf(m)
	}
	return a, ""
}

// metricOf returns what errors of a row cost: half the people's second moment,
// half the square of their length.
func metricOf(m *train.Model) []float64 {
	d := m.Dim
	metric := make([]float64, d*d)
	var trace float64
	for k := range d {
		metric[k*d+k] = 1
		if m.Moment != nil {
			trace += float64(m.Moment[k*d+k])
		}
	}
	if trace <= 0 {
		return metric
	}
	for k := range metric {
		metric[k] = (metric[k] + float64(m.Moment[k])*float64(d)/trace) / 2
	}
	return metric
}

// layOutFrom turns the model into sections with what is near enough as in from,
// if there is any. It returns the model of which they are: its rows of neighbours
// may be yesterday's.
func layOutFrom(m *train.Model, opt Options, from *bundle.Bundle) (*train.Model, []section, Kept, error) {
	var kept Kept
	if from != nil {
		var a *anchor
		if a, kept.Why = newAnchor(m, opt, from); a != nil {
			as := a.keepPool(m)
			sections, err := layOut(as, opt, a)
			if err != nil {
				return nil, nil, kept, err
			}
			if 2*a.far <= a.Rows {
				return as, sections, a.Kept, nil
			}
			kept.Why = fmt.Sprintf("%d of its %d rows are others: want at most half of them", a.far, a.Rows)
		}
	}
	sections, err := layOut(m, opt, nil)
	return m, sections, kept, err
}

// gram returns yesterday's gram with the numbers that are not near enough to
// today's replaced, by numbers of few digits.
func (a *anchor) gram(today []float32) []float32 {
	d := a.Manifest.Limits.Dim
	full := make([]float32, d*d)
	for i := range d {
		for j := range i + 1 {
			x, was := float64(today[i*d+j]), float64(a.Gram.At(i*d+j))
			near := anchorGram * math.Sqrt(float64(today[i*d+i])*float64(today[j*d+j]))
			if math.Abs(x-was) > near {
				was = x
				if near > 0 {
					unit := math.Exp2(math.Floor(math.Log2(near)))
					was = math.RoundToEven(x/unit) * unit
				}
			}
			full[i*d+j], full[j*d+i] = float32(was), float32(was)
		}
	}
	return full
}

// ridge returns yesterday's ridge while all of it is near enough to today's.
func (a *anchor) ridge(today []float32) []float32 {
	if a.Ridge.Len() != len(today) {
		return today
	}
	was := make([]float32, len(today))
	a.Ridge.DecodeTo(was)
	for h, x := range today {
		if math.Abs(float64(was[h]-x)) > anchorRidge*float64(x) {
			return today
		}
	}
	return was
}

// due says which rows, or groups of them, are written by their errors: all whose
// error is most or more, and of those with some or more the worst, up to a share
// of all.
//
// Why a share? Rows that were written together move together: without it a patch
// is small for some days, and then most rows are due at once.
func due(errs []float64, some, most float64) []bool {
	order := make([]int, len(errs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(errs[j], errs[i]) })
	chosen := make([]bool, len(errs))
	share := (len(errs) + anchorShare - 1) / anchorShare
	for at, i := range order {
		chosen[i] = errs[i] >= most || errs[i] >= some && at < share
	}
	return chosen
}
