package eval

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// pooled ranks with a pool, by the code that devices run.
type pooled struct {
	parts   score.Parts
	repeats bool
	tables  sync.Pool // of *pooling
}

// pooling is where one Rank works.
type pooling struct {
	pooler  *score.Pooler
	places  []int32 // n: 1 + place among tastes
	tastes  []score.Taste
	blocked []byte // n bits
}

func newPooled(m *train.Model, repeats bool) (*pooled, error) {
	n := len(m.Count)
	if m.Pool.Sparse.C > 0 && m.Pool.Sparse.N != n {
		return nil, fmt.Errorf("eval: model: a pool of %d rows, want %d", m.Pool.Sparse.N, n)
	}
	r := &pooled{repeats: repeats, parts: score.Parts{Pool: m.Pool, Popularity: wire.AppendUint32s(nil, m.Count)}}
	if m.Factors != nil {
		if m.Dim < 1 || len(m.Factors) != n*m.Dim {
			return nil, fmt.Errorf("eval: model: %d factors, want %d items × %d", len(m.Factors), n, m.Dim)
		}
		rows := quant.Floats{N: n, D: m.Dim, Values: wire.AppendFloat32s(nil, m.Factors), Exp: quant.FloatsExp(m.Factors)}
		r.parts.Table, r.parts.Fine, r.parts.Dim = rows, rows, m.Dim
	}
	r.tables.New = func() any {
		return &pooling{pooler: score.NewPooler(r.parts), places: make([]int32, n), blocked: make([]byte, (n+7)/8)}
	}
	return r, nil
}

func (r *pooled) Rank(dst []int32, q Question) ([]int32, error) {
	t := r.tables.Get().(*pooling)
	defer r.tables.Put(t)
	n := len(t.places)
	if q.K < 1 {
		return nil, fmt.Errorf("rank: k %d: want at least 1", q.K)
	}
	for _, e := range q.History {
		if e.Item < 0 || int(e.Item) >= n {
			return nil, fmt.Errorf("rank: item %d in the history, but the model has %d items", e.Item, n)
		}
	}
	t.take(q, r.repeats)
	events := t.read(q.History)
	for _, c := range t.pooler.Rank(t.tastes, events, min(q.K, n), t.blocked) {
		dst = append(dst, int32(c.Item))
	}
	return dst, nil
}

// take fills in blocked. Items of the history that the person does not want to
// see are blocked whatever repeats says, as on a device.
func (t *pooling) take(q Question, repeats bool) {
	clear(t.blocked)
	if q.Among != nil {
		for b := range t.blocked {
			t.blocked[b] = 0xff
		}
		for _, i := range q.Among {
			t.blocked[i/8] &^= 1 << (i % 8)
		}
	}
	for _, e := range q.History {
		if !repeats || e.Kind == profile.KindHide {
			t.blocked[e.Item/8] |= 1 << (e.Item % 8)
		}
	}
}

// read fills in tastes, the newest first, and returns how many events count.
func (t *pooling) read(history []data.Event) (events int) {
	for _, taste := range t.tastes {
		t.places[taste.Item] = 0
	}
	t.tastes = t.tastes[:0]
	kinds := profile.Weights{Kind: profile.DefaultKinds}
	for at, e := range slices.Backward(history) {
		weight := min(max(math.Round(float64(e.Weight)*profile.One), 1), profile.MaxWeight)
		w := kinds.Of(profile.Event{Kind: e.Kind, Weight: uint32(weight)}, 0)
		if w == 0 {
			continue
		}
		place := &t.places[e.Item]
		if *place == 0 {
			t.tastes = append(t.tastes, score.Taste{Item: int(e.Item), Event: at, Since: events})
			*place = int32(len(t.tastes))
		}
		taste := &t.tastes[*place-1]
		taste.Weight = max(taste.Weight, w)
		taste.Times++
		events++
	}
	return events
}
