package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
)

// The number of people per item is all there is to this model, and every model
// has it.
var popularLearner = learner{
	name: Popular, help: "number of people per item",
	scorer: bundle.ScorerPopular,
	learn:  func(context.Context, *training) error { return nil },
}

// count checks the pairs and fills the model's Count and Label.
func (t *training) count() error {
	m, model := t.Pairs, t.model
	model.Count = make([]uint32, m.Cols)
	for u := range m.Rows {
		col, val := m.Row(u)
		if len(col) > 0 {
			model.Label.Users++
		}
		for e, i := range col {
			model.Count[i]++
			if val != nil && !(val[e] >= 0 && val[e] <= math.MaxFloat32) {
				return fmt.Errorf("user %d, item %d: weight %v: want a finite number of at least 0", u, i, val[e])
			}
		}
	}
	model.Label.Events = uint64(len(m.Col))
	switch {
	case m.Cols == 0:
		return errors.New("no items")
	case model.Label.Users == 0 && !t.learner.alone:
		return fmt.Errorf("no pair among %d users and %d items", m.Rows, m.Cols)
	case model.Label.Users == 1:
		return errors.New("one user: a model would only tell what that person had")
	}
	for _, n := range model.Count {
		if least := &model.Label.MinItemUsers; n > 0 && (*least == 0 || n < *least) {
			*least = n
		}
	}
	return nil
}
