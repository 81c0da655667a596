package eval

import "slices"

// Recency returns the baseline that belongs beside every number of sessions:
// it gives the items of the history, the newest first, and nothing else. Where
// people come back to what they looked at it is hard to beat, so a model that
// is made for repeats is worth what it has above it. It may be used by several
// goroutines at the same time.
func Recency() Ranker { return recency{} }

type recency struct{}

func (recency) Rank(dst []int32, q Question) ([]int32, error) {
	given := make(map[int32]bool, len(q.History))
	for at := len(q.History) - 1; at >= 0 && len(given) < q.K; at-- {
		i := q.History[at].Item
		if q.Among != nil {
			if _, ok := slices.BinarySearch(q.Among, i); !ok {
				continue
			}
		}
		if !given[i] {
			given[i] = true
			dst = append(dst, i)
		}
	}
	return dst, nil
}
