package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/wasm/abi"
)

// openLists is how many lists are computed anew, and maxWork bounds it for
// large catalogues: rows times factors.
const (
	openLists = 40
	leastOpen = 5
	maxWork   = 2_000_000_000
)

// scoreTransparency (A16) computes lists of the module twice over: with the core
// in this process, which must give the same bytes, and from the bundle's numbers
// alone by the formulas of SPEC.md, which must give the same scores within what
// rounding loses. Diverse lists are chosen anew from the plain ones. A term that is in neither the numbers nor the formulas is
// found, and so is an item that is kept out.
func scoreTransparency(ctx context.Context, s *subject, f *finding) {
	if !s.opened(f) {
		return
	}
	w, err := s.newSlow()
	if err != nil {
		f.fail("%v", err)
		return
	}
	w.describe(f)
	if err := s.computeAnew(ctx, f, w); err != nil {
		f.fail("%v", err)
	}
}

func (s *subject) computeAnew(ctx context.Context, f *finding, w *slow) (err error) {
	i, err := s.ready(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.close(ctx)) }()
	here := s.native()
	lists := max(leastOpen, min(openLists, maxWork/max(1, w.n*max(1, w.d)*max(1, w.d/64))))
	same, items, unclear, diverse, worst := 0, 0, 0, 0, 0.0
	for n := range lists {
		req := s.openRequest(n)
		doc := req.Append(nil)
		status, answer, err := i.recommend(ctx, doc)
		if err != nil {
			return fmt.Errorf("list %d: %w", n, err)
		}
		native, refused := here.Respond(nil, doc)
		if status != abi.StatusOK || refused != nil {
			return fmt.Errorf("list %d: the module says %v, the core %v", n, status, refused)
		}
		if !bytes.Equal(answer, native) {
			f.fail("list %d: the module and the core answer differently", n)
		} else {
			same++
		}
		got, err := slate.ParseSlate(answer)
		if err != nil {
			return fmt.Errorf("list %d: %w", n, err)
		}
		off, err := w.check(req, got)
		switch {
		case errors.Is(err, errUnclear):
			unclear++
		case err != nil:
			f.fail("list %d is not what the numbers give: %v", n, err)
		default:
			worst = max(worst, off)
			items += len(got.Items)
		}
		checked, err := s.checkDiverse(ctx, i, w, n)
		if err != nil {
			f.fail("diverse list %d: %v", n, err)
		} else if checked {
			diverse++
		}
	}
	f.note("module and core", "%d of %d lists the same", same, lists)
	f.note("from the numbers", "%d items in %d lists have the score that they should", items, lists-unclear)
	f.note("diverse lists", "%d are what ABI.md makes of their candidates", diverse)
	f.note("largest difference", "%.0f %% of what rounding may lose", 100*worst)
	if unclear > 0 {
		f.note("rounding decides", "%d lists, which were not compared", unclear)
	}
	if unclear == lists {
		f.notRun("rounding decides in every list")
	}
	return nil
}

// openRequest is a request for as many items as there may be, by a random
// history; every fourth one by a vector, where there are factors.
func (s *subject) openRequest(n int) slate.Request {
	rng := rand.New(rand.NewPCG(requestSeed, 2<<32+uint64(n)))
	limits := s.manifest.Limits
	req := slate.Request{K: limits.K, Now: s.at, History: s.history(rng, 1+rng.IntN(min(limits.History, longHistory)))}
	if n == 0 {
		req.History = nil
	}
	if n%4 == 3 && limits.Dim > 0 {
		v := make([]float32, limits.Dim)
		for f := range v {
			v[f] = 2*rng.Float32() - 1
		}
		req.Vector = wire.AppendFloat32s(nil, v)
	}
	for range rng.IntN(3) {
		req.Exclude = append(req.Exclude, s.item(rng))
	}
	return req
}

var scorerNames = map[bundle.Scorer]string{
	bundle.ScorerPopular: "popularity alone", bundle.ScorerFoldIn: "fold-in", bundle.ScorerNeighbours: "neighbours",
	bundle.ScorerPool: "pool", bundle.ScorerSequence: "sequence",
}

// describe notes everything that weighs in a score and is not a row of a table.
func (w *slow) describe(f *finding) {
	f.note("scorer", "%s", scorerNames[w.m.Scoring.Scorer])
	for kind := profile.KindView; kind < profile.Kinds; kind++ {
		f.note("weight of a "+kind.String(), "%.4g", float64(w.m.Scoring.Weights.Kind[kind])/profile.One)
	}
	if h := w.m.Scoring.Weights.HalfLife; h > 0 {
		f.note("half-life of an event", "%.4g days", float64(h)/86400)
	}
	if w.pool == nil {
		return
	}
	f.note("gains of items", "%s", w.extremes(w.pool.gains, func(i int) float64 { return w.pool.gain(i) }))
	f.note("trends of items", "%s", w.extremes(w.pool.trend, func(i int) float64 { return float64(int8(w.pool.trend[i])) / 16 }))
}

// extremes says between what a number of each item lies, and whose it is.
func (w *slow) extremes(section []byte, value func(i int) float64) string {
	if section == nil {
		return "none"
	}
	low, high := 0, 0
	for i := range w.n {
		if value(i) < value(low) {
			low = i
		}
		if value(i) > value(high) {
			high = i
		}
	}
	return fmt.Sprintf("%.4g (item %d) to %.4g (item %d)", value(low), low, value(high), high)
}
