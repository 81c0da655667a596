package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/data"
)

// The number of people per item is all there is to this model, and every model
// has it.
var popularLearner = learner{
	name: Popular, help: "number of people per item",
	scorer: bundle.ScorerPopular,
	learn:  func(context.Context, *training) error { return nil },
}

// count checks m and fills the model's Count and Label.
func count(model *Model, m *data.Matrix) error {
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
	switch model.Label.Users {
	case 0:
		return fmt.Errorf("no pair among %d users and %d items", m.Rows, m.Cols)
	case 1:
		return errors.New("one user: a model would only tell what that person had")
	}
	model.Label.MinItemUsers = math.MaxUint32
	for _, n := range model.Count {
		model.Label.MinItemUsers = min(model.Label.MinItemUsers, n)
	}
	return nil
}
