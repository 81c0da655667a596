package train

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A refit learns from a log that has grown, and goes on from the model of its
// earlier state, Config.From. It keeps three promises:
//
//   - Indices are stable. Input.Items begins with the items of From, in their
//     order, whether or not anyone has them still; data.Log.ItemsAfter brings a
//     log into that order. An item without pairs, because it left the catalogue or
//     has too few people now, keeps its index with a count of 0, and nothing of
//     what From learnt of it: neither factors nor neighbours. So nothing speaks
//     for it and it scores 0; a page that must not show it says so in its request.
//   - Parameters that are not given are those of From, but where Param.Refit has
//     another default.
//   - Factors that may stand in any axes stand in those of From, as close as they
//     come: what changes of them is what was learnt, see align.go.
//
// What it saves depends on the algorithm:
//
//   - ials begins at the factors of From, so that 2 epochs do instead of 15. A
//     new item has none until the first of them solves it. From must have all of
//     the factors that it was learnt with, see the parameter ship.
//   - content goes on as ials does. An item without pairs has the factors that
//     Input.Items speaks for, so that for one that is gone it must say nothing.
//   - auto keeps the weights of From and makes the tables and the factors from all
//     of the log. If From has a net, it goes on with that on the newest histories,
//     see refitCases; a net that From does not have a refit does not learn. Both
//     hold for these parameters and this shape of pool, so that neither may change.
//   - The others have nothing to begin at, and learn as without From.

// ErrFrom is what errors wrap that say why Config.From is no model to go on from.
var ErrFrom = errors.New("not a model to go on from")

// checkFrom says what keeps cfg.From from being gone on from with in.
func checkFrom(in Input, cfg Config) error {
	from := cfg.From
	if err := from.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrFrom, err)
	}
	if from.Algorithm != cfg.Algorithm {
		return fmt.Errorf("%w: it is of %s: want %s", ErrFrom, from.Algorithm, cfg.Algorithm)
	}
	for i, it := range from.Items {
		if i >= len(in.Items) {
			return fmt.Errorf("%w: it has %d items, and there are %d: want at least as many", ErrFrom, len(from.Items), len(in.Items))
		}
		if in.Items[i].ID != it.ID {
			return fmt.Errorf("%w: its item %d is %.40q: want %.40q", ErrFrom, i, it.ID, in.Items[i].ID)
		}
	}
	return nil
}

// refitted returns the parameters of a refit that are known before the defaults.
func (l *learner) refitted(from, asked Params) Params {
	all := Params{}
	for _, p := range l.params {
		if v, ok := from[p.Name]; ok {
			all[p.Name] = v
		}
		if p.Refit != 0 {
			all[p.Name] = p.Refit
		}
	}
	maps.Copy(all, asked)
	return all
}

// warmStart sets the factors of the items to those that from has of the items that
// somebody has, and all others to 0: the first epoch folds people in by what is
// known, and solves every item.
func (t *ials) warmStart(from *Model, count []uint32) {
	d := from.Dim
	clear(t.items.factors)
	for i := range from.Items {
		if count[i] > 0 {
			copy(t.items.factors[i*t.stride:], from.Factors[i*d:i*d+d])
		}
	}
}

// checkFrom says what keeps the weights and the net of from from being right for
// the tables of this training.
func (a *auto) checkFrom(from *Model) error {
	for _, p := range a.learner.params {
		if was, ok := from.Params[p.Name]; ok && was != a.value(p.Name) {
			return fmt.Errorf("%w: its weights are for %s=%v: want %v", ErrFrom, p.Name, was, a.value(p.Name))
		}
	}
	positions, buckets, columns := 1, []int(nil), 1
	if a.Sequences != nil {
		positions, buckets, columns = sequencePositions, sequenceBuckets, sequenceColumns
	}
	p := from.Pool
	switch {
	case a.Sequences != nil && p.Net != nil && (p.Net.H1 != netH1 || p.Net.H2 != netH2):
		return fmt.Errorf("%w: its net has layers of %d and %d units: want %d and %d", ErrFrom, p.Net.H1, p.Net.H2, netH1, netH2)
	case p.Positions != positions || p.Sparse.C != columns || !slices.Equal(p.Buckets, buckets):
		return fmt.Errorf("%w: its pool has %s: want %s", ErrFrom,
			poolShape(p.Positions, p.Sparse.C, len(p.Buckets)), poolShape(positions, columns, len(buckets)))
	case p.Repeats && !a.repeats:
		return fmt.Errorf("%w: it is of histories with repeats, and these have none", ErrFrom)
	case a.repeats && !p.Repeats:
		return fmt.Errorf("%w: it is of histories without repeats, and these have some", ErrFrom)
	}
	return nil
}

func poolShape(positions, columns, buckets int) string {
	return fmt.Sprintf("%d columns, %d positions, %d buckets of lengths", columns, positions, buckets+1)
}
