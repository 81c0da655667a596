package main

import (
	"context"
	"math/rand/v2"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

const (
	created = 1_800_000_000
	expires = created + 86400
)

// packModel packs m, with yesterday's file or without, nil, and opens it.
func packModel(m *train.Model, q pack.Quant, from []byte) (p packed, err error) {
	keys, err := pack.NewKeys(rand.NewChaCha8([32]byte{seed}))
	if err != nil {
		return p, err
	}
	doc, err := keys.Root(1, expires)
	if err != nil {
		return p, err
	}
	root, err := trust.ParseRoot(doc)
	if err != nil {
		return p, err
	}
	opt := pack.Options{Created: created, Expires: expires, Quant: q}
	if from == nil {
		p.file, err = pack.Pack(m, keys, opt)
	} else {
		p.file, p.kept, err = pack.PackFrom(m, keys, opt, from)
	}
	if err != nil {
		return p, err
	}
	frame, err := bundle.ParseFrame(p.file)
	if err != nil {
		return p, err
	}
	p.sections = frame.Sections
	p.bundle, err = bundle.Open(root, p.file, created)
	return p, err
}

// judge returns the NDCG@10 of each case, by the packed bytes.
func judge(ctx context.Context, b *bundle.Bundle, m *train.Model, cases []data.Case) ([]float64, error) {
	ndcg := make([]float64, len(cases))
	newRanker := func() (eval.Ranker, error) { return &ranker{bundle: b, slate: slate.New(b)}, nil }
	_, err := eval.Evaluate(ctx, cases, newRanker, eval.Options{Count: m.Count, Ks: []int{10}, NDCG: ndcg})
	return ndcg, err
}

// ranker asks a bundle as a device does.
type ranker struct {
	bundle *bundle.Bundle
	slate  *slate.Recommender
}

// Rank implements eval.Ranker. Of a longer history the newest events are sent,
// and the items of the others are excluded.
func (r *ranker) Rank(dst []int32, q eval.Question) ([]int32, error) {
	req := slate.Request{K: q.K, Now: created, Seen: slate.SeenHide}
	history := q.History
	for len(history) > r.bundle.Manifest.Limits.History {
		req.Exclude = append(req.Exclude, r.bundle.ID(int(history[0].Item)))
		history = history[1:]
	}
	for _, e := range history {
		req.History = append(req.History, profile.Event{Item: r.bundle.ID(int(e.Item)), Kind: profile.KindView, Weight: profile.One})
	}
	answer, err := r.slate.Recommend(req)
	if err != nil {
		return nil, err
	}
	for _, it := range answer.Items {
		dst = append(dst, int32(it.Index))
	}
	return dst, nil
}
