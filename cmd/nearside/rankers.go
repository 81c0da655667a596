package main

import (
	"context"
	"math"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/data"
)

// slateRanker lets eval judge packed bytes, by whatever answers requests.
type slateRanker struct {
	items     []data.Item
	recommend func(slate.Request) (slate.Slate, error)
}

func newNativeRanker(b *bundle.Bundle, items []data.Item) slateRanker {
	return slateRanker{items, slate.New(b).Recommend}
}

func newModuleRanker(ctx context.Context, h *host.Host, items []data.Item) slateRanker {
	return slateRanker{items, func(req slate.Request) (slate.Slate, error) { return h.Recommend(ctx, req) }}
}

// Rank fills eval.Ranker. Of a history beyond the format's limit the newest
// events count.
func (s slateRanker) Rank(dst []int32, history []data.Event, k int) ([]int32, error) {
	history = history[max(0, len(history)-bundle.MaxHistory):]
	req := slate.Request{K: min(k, bundle.MaxK), Now: 1}
	for _, e := range history {
		kind := e.Kind
		if kind == profile.KindUnknown {
			kind = profile.KindView
		}
		req.History = append(req.History, profile.Event{
			Item: s.items[e.Item].ID, Kind: kind, Weight: uint32(math.Round(min(float64(e.Weight), 16) * profile.One)),
		})
	}
	answer, err := s.recommend(req)
	if err != nil {
		return nil, err
	}
	for _, it := range answer.Items {
		dst = append(dst, int32(it.Index))
	}
	return dst, nil
}
