package slate

import (
	"crypto/sha256"
	"errors"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/score"
)

// ErrKnownAnswer says that this engine does not compute what the publisher
// computed.
var ErrKnownAnswer = errors.New("slate: a known answer does not come out on this engine")

// ErrNoItem says that a request names an index beyond the catalogue.
var ErrNoItem = errors.New("an index within the catalogue")

// Recommender answers requests over one bundle. It keeps buffers, and nothing
// of a request, between calls; it is not safe for concurrent use.
type Recommender struct {
	b        *bundle.Bundle
	scorer   *score.Scorer
	excluded []bool // n; all false between calls
}

// New returns a recommender over b.
func New(b *bundle.Bundle) *Recommender {
	return &Recommender{b: b, scorer: score.New(b), excluded: make([]bool, b.Manifest.Limits.Items)}
}

// Recommend answers req, which is within the bundle's limits. The person's own
// items are never in the answer.
func (r *Recommender) Recommend(req Request) (Slate, error) {
	h := score.Read(r.b, req.History, req.Now)
	scores, cold, err := r.scorer.Scores(h.Tastes)
	if err != nil {
		return Slate{}, err
	}
	skip := h.Seen
	for _, id := range req.Exclude {
		if i, ok := r.b.Lookup(id); ok {
			skip = append(skip, i)
		}
	}
	ranked := len(scores)
	for _, i := range skip {
		if !r.excluded[i] {
			r.excluded[i] = true
			ranked--
		}
	}
	top := score.Top(scores, r.excluded, req.K)
	for _, i := range skip {
		r.excluded[i] = false
	}

	s := Slate{Receipt: Receipt{
		Manifest: r.b.Digest, Channel: r.b.Manifest.Channel, Version: r.b.Manifest.Version,
		Ranked: ranked, Used: len(req.History) - h.Unknown, Unknown: h.Unknown, Cold: cold,
	}}
	for _, c := range top {
		it := Item{Index: uint32(c.Item), ID: r.b.ID(c.Item), Title: r.b.Title(c.Item), Score: c.Score}
		if req.Reasons > 0 && !cold {
			for _, reason := range r.scorer.Reasons(c.Item, h.Tastes, req.Reasons) {
				it.Reasons = append(it.Reasons, Reason(reason))
			}
		}
		s.Items = append(s.Items, it)
	}
	return s, nil
}

// Items returns what the catalogue says about items.
func (r *Recommender) Items(indices []uint32) ([]Entry, error) {
	entries := make([]Entry, len(indices))
	for k, index := range indices {
		i := int(index)
		if i >= r.b.Manifest.Limits.Items {
			return nil, &RequestError{Err: ErrNoItem}
		}
		entries[k] = Entry{
			Index: index, ID: r.b.ID(i), Title: r.b.Title(i), Tags: r.b.Tags(i), Author: r.b.Author(i),
			Published: r.b.Published(i), URL: r.b.URL(i), Image: r.b.Image(i), Popularity: r.b.Popularity.At(i),
		}
	}
	return entries, nil
}

// Answer computes the known answer to a request document: for the publisher.
func (r *Recommender) Answer(request []byte) (bundle.KnownAnswer, error) {
	req, err := ParseRequest(request, r.b.Manifest.Limits)
	if err != nil {
		return bundle.KnownAnswer{}, err
	}
	s, err := r.Recommend(req)
	if err != nil {
		return bundle.KnownAnswer{}, err
	}
	return bundle.KnownAnswer{Request: request, Items: sha256.Sum256(appendItems(nil, s.Items))}, nil
}

// Check computes the bundle's known answers and compares.
func (r *Recommender) Check() error {
	for _, want := range r.b.Manifest.KnownAnswers {
		got, err := r.Answer(want.Request)
		if err != nil {
			return err
		}
		if got.Items != want.Items {
			return ErrKnownAnswer
		}
	}
	return nil
}
