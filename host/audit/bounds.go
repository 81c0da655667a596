package audit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/wasm/abi"
)

const (
	pageSize = 64 << 10

	// heaviest is how often the largest request is made. After the first ones
	// memory may not grow by more than one of them: where its garbage comes to
	// lie is not the same in each round, and what stays would be there 8 times.
	heaviest = 16
	settled  = 8
)

// resourceBounds (A18) makes the largest requests that the bundle's limits
// allow, and requests that are larger by one.
func resourceBounds(ctx context.Context, s *subject, f *finding) {
	if !s.opened(f) {
		return
	}
	if err := s.bound(ctx, f); err != nil {
		f.fail("%v", err)
	}
}

func (s *subject) bound(ctx context.Context, f *finding) (err error) {
	i, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.close(ctx)) }()
	limits := s.manifest.Limits
	f.note("limits", "k %d, history %d, items %d", limits.K, limits.History, limits.Items)
	f.note("pages of 64 KiB at rest", "%d", i.pages())
	if err := s.openOn(ctx, i); err != nil {
		return err
	}
	f.note("with the bundle open", "%d", i.pages())
	large := s.largest()
	doc := large.Append(nil)
	after := 0
	for n := range heaviest {
		status, why, err := i.recommend(ctx, doc)
		if err != nil {
			return fmt.Errorf("the largest request, of %d bytes: %w", len(doc), err)
		}
		if status != abi.StatusOK {
			return fmt.Errorf("the largest request, of %d bytes: %v: %s", len(doc), status, why)
		}
		if n == settled {
			after = i.pages()
		}
	}
	most := int(host.MemoryPages(len(s.opt.Bundle)))
	f.note("largest request", "%d bytes", len(doc))
	f.note(fmt.Sprintf("after %d of it", heaviest), "%d pages, of %d that a host allows", i.pages(), most)
	if got := i.pages(); got > after+1+len(doc)/pageSize {
		f.fail("memory grew from %d to %d pages while the same request was repeated", after, got)
	}
	return s.refusals(ctx, f, i, large)
}

// refusals makes requests beyond the limits. Each must be refused, and the
// instance must go on.
func (s *subject) refusals(ctx context.Context, f *finding, i session, large slate.Request) error {
	limits := s.manifest.Limits
	for _, c := range []struct {
		name string
		want abi.Status
		edit func(r *slate.Request)
	}{
		{"k", abi.StatusLimit, func(r *slate.Request) { r.K = limits.K + 1 }},
		{"history", abi.StatusLimit, func(r *slate.Request) { r.History = append(r.History, r.History[0]) }},
		{"reasons", abi.StatusLimit, func(r *slate.Request) { r.Reasons = slate.MaxReasons + 1 }},
		{"excluded ids", abi.StatusLimit, func(r *slate.Request) { r.Exclude = append(r.Exclude, r.Exclude[0]) }},
		{"tags", abi.StatusLimit, func(r *slate.Request) { r.AnyTags = make([]string, slate.MaxTags+1) }},
		{"availability", abi.StatusLimit, func(r *slate.Request) { r.Unavailable = make([]byte, (limits.Items+7)/8+1) }},
		{"diversity", abi.StatusRequest, func(r *slate.Request) { r.Diversity = profile.One + 1 }},
	} {
		req := large
		c.edit(&req)
		status, _, err := i.recommend(ctx, req.Append(nil))
		if err != nil {
			return fmt.Errorf("one %s too many: %w", c.name, err)
		}
		f.note("one too many: "+c.name, "%v", status)
		if status != c.want {
			f.fail("a request with one too many (%s) is answered with %v, want %v", c.name, status, c.want)
		}
	}
	buffer, err := i.call(ctx, abi.ExportAlloc, abi.MaxAlloc+1)
	if err != nil {
		return err
	}
	f.note("a buffer too large", "address %d", buffer)
	if buffer != 0 {
		f.fail("the module gives a buffer of more than %d bytes", abi.MaxAlloc)
	}
	if status, why, err := i.recommend(ctx, slate.Request{K: 1}.Append(nil)); err != nil || status != abi.StatusOK {
		return errors.Join(err, fmt.Errorf("after the refusals the module says %v: %s", status, why))
	}
	return nil
}

// largest is as much as a request may ask for at one time.
func (s *subject) largest() slate.Request {
	rng := rand.New(rand.NewPCG(requestSeed, 1<<32))
	limits := s.manifest.Limits
	req := slate.Request{
		K: limits.K, Now: s.at, Reasons: slate.MaxReasons, History: s.history(rng, limits.History),
		Unavailable: make([]byte, (limits.Items+7)/8), Diversity: profile.One,
	}
	for n := range slate.MaxExclude {
		req.Exclude = append(req.Exclude, fmt.Sprintf("excluded-%d", n))
	}
	for n := range slate.MaxTags {
		req.NoTags = append(req.NoTags, fmt.Sprintf("no-tag-%d", n))
	}
	for i := range req.History { // the longest ids that there are
		if i%2 == 1 {
			req.History[i].Item = fmt.Sprintf("%0*d", profile.MaxID, i)
		}
	}
	return req
}

// pages returns the size of the linear memory.
func (s session) pages() int { return len(s.memory()) / pageSize }
