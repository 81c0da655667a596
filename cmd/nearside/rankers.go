package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// through says what computes a ranking.
type through string

const (
	byFloat  through = "float"  // the trained numbers, before anything is quantised
	byNative through = "native" // the packed bytes, in this process
	byModule through = "module" // the packed bytes, in the sealed module
)

// packed is a model as devices get it, opened for evaluation.
type packed struct {
	model      *train.Model
	root, file []byte
	bundle     *bundle.Bundle
	repeats    bool // lists may hold what a person had
	diversity  uint32
	now        int64 // of every request; age does not matter, so it changes nothing
}

// newPacked packs and signs m with a key that lives as long as this process.
// history is the most events that it is going to be asked with. Only a pool can
// show repeats.
func newPacked(m *train.Model, history int, repeats bool, q pack.Quant) (*packed, error) {
	keys, err := pack.NewKeys(rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &packed{model: m, repeats: repeats, now: time.Now().Unix()}
	if p.root, err = keys.Root(1, p.now+day); err != nil {
		return nil, err
	}
	p.file, err = pack.Pack(m, keys, pack.Options{
		Channel: "eval", Created: p.now, Expires: p.now + day,
		History: min(max(history, 1), bundle.MaxHistory), Quant: q,
	})
	if err != nil {
		return nil, err
	}
	if _, p.bundle, err = openNative(p.root, p.file, p.now); err != nil {
		return nil, err
	}
	return p, nil
}

// native makes a ranker for one goroutine.
func (p *packed) native() (eval.Ranker, error) {
	r := slate.New(p.bundle)
	return &packedRanker{packed: p, ask: func(req slate.Request) (slate.Slate, error) {
		return askNative(r, p.bundle.Manifest.Limits, req)
	}}, nil
}

// module returns a maker of rankers through the sealed module. The caller
// closes the host when it is done.
func (p *packed) module(ctx context.Context, workers int) (newRanker func() (eval.Ranker, error), h *host.Host, err error) {
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	h, err = host.Open(ctx, host.Config{
		Root: p.root, Bundle: p.file, Instances: workers, CacheDir: cacheDir(),
		Now: func() time.Time { return time.Unix(p.now, 0) },
	})
	if err != nil {
		return nil, nil, err
	}
	return func() (eval.Ranker, error) {
		return &packedRanker{packed: p, ask: func(req slate.Request) (slate.Slate, error) {
			return h.Recommend(ctx, req)
		}}, nil
	}, h, nil
}

// packedRanker is an eval.Ranker that asks with requests, as devices do. It is
// for one goroutine.
type packedRanker struct {
	*packed
	ask    func(slate.Request) (slate.Slate, error)
	events []profile.Event
	others []byte // n bits, see allBut
}

// Rank sends the newest events of a history that is longer than a bundle
// allows, and excludes the items of the others where none may repeat.
func (r *packedRanker) Rank(dst []int32, q eval.Question) ([]int32, error) {
	history := q.History
	req := slate.Request{K: q.K, Now: r.now, Unavailable: r.allBut(q.Among), Seen: slate.SeenHide, Diversity: r.diversity}
	if r.repeats {
		req.Seen = slate.SeenShow
	}
	if more := len(history) - r.bundle.Manifest.Limits.History; more > 0 {
		for _, e := range history[:more] {
			if !r.repeats || e.Kind == profile.KindHide {
				req.Exclude = append(req.Exclude, r.model.Items[e.Item].ID)
			}
		}
		history = history[more:]
	}
	r.events = r.events[:0]
	for _, e := range history {
		weight := math.Round(float64(e.Weight) * profile.One)
		r.events = append(r.events, profile.Event{
			Item: r.model.Items[e.Item].ID, Kind: e.Kind, Time: e.Time,
			Weight: uint32(min(max(weight, 1), profile.MaxWeight)),
		})
	}
	req.History = r.events
	answer, err := r.ask(req)
	if err != nil {
		return nil, fmt.Errorf("history of %d events: %w", len(history), err)
	}
	for _, it := range answer.Items {
		dst = append(dst, int32(it.Index))
	}
	return dst, nil
}

// allBut returns the bits of a request that leave the given items available,
// nil where that is all.
func (r *packedRanker) allBut(among []int32) []byte {
	if among == nil {
		return nil
	}
	if r.others == nil {
		r.others = make([]byte, (len(r.model.Items)+7)/8)
	}
	for b := range r.others {
		r.others[b] = 0xff
	}
	for _, i := range among {
		r.others[i>>3] &^= 1 << (i & 7)
	}
	return r.others
}
