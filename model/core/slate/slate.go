package slate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/wire"
)

// ErrKnownAnswer says that this engine does not compute what the publisher
// computed.
var ErrKnownAnswer = errors.New("slate: a known answer does not come out on this engine")

// ErrNoItem says that a request names an index beyond the catalogue.
var ErrNoItem = errors.New("an index within the catalogue")

// ErrSeen says that a request asks for items of the history where they are
// never answered.
var ErrSeen = errors.New("seen: only a pool can show items of the history")

// Recommender answers requests over one bundle. It keeps buffers, and nothing
// of a request that an answer depends on, between calls; it is not safe
// for concurrent use.
type Recommender struct {
	b       *bundle.Bundle
	scorer  *score.Scorer
	blocked []byte // n bits
	tags    []byte // for each tag: bits that say what it is in a request

	// See blockTags.
	wanted, tagsOf []byte // the tags of this request, and those of tagBlocked
	tagBlocked     []byte // n bits; nil until tags are asked for

	vector  []float32
	choices []choice          // see diversify
	chosen  []quant.Candidate // likewise

	request Request
	items   []Item
	reasons []Reason
}

// New returns a recommender over b.
func New(b *bundle.Bundle) *Recommender {
	return &Recommender{
		b: b, scorer: score.New(b), blocked: make([]byte, (b.Manifest.Limits.Items+7)/8),
		tags: make([]byte, b.TagCount()), vector: make([]float32, b.Manifest.Limits.Dim),
	}
}

// Respond answers a request document with a slate document, appended to dst.
// It does not allocate once dst and the recommender's buffers have grown, and
// what it has read of the request it overwrites with zeros.
// Errors are those of [ParseRequest] and [Recommender.Recommend].
func (r *Recommender) Respond(dst, request []byte) ([]byte, error) {
	defer r.forget()
	if err := r.request.parse(request, r.b.Manifest.Limits); err != nil {
		return nil, err
	}
	s, err := r.Recommend(r.request)
	if err != nil {
		return nil, err
	}
	return s.Append(dst), nil
}

// forget overwrites what was read of a request. Tags are kept: see blockTags.
func (r *Recommender) forget() {
	clear(r.request.History)
	clear(r.vector)
}

// Recommend answers req, which is within the bundle's limits. The slate's items
// belong to the recommender and hold until the next call; their strings belong
// to the bundle. Errors are ErrSeen as a *RequestError, [score.ErrGram] and [score.ErrSequence].
func (r *Recommender) Recommend(req Request) (Slate, error) {
	if req.Seen == SeenShow && r.b.Pool == nil {
		return Slate{}, &RequestError{Err: ErrSeen}
	}
	h := r.scorer.Read(req.History, req.Now)
	ranked := r.block(req, h)
	best, cold, err := r.rank(req, h)
	if err != nil {
		return Slate{}, err
	}
	s := Slate{Receipt: Receipt{
		Manifest: r.b.Digest, Channel: r.b.Manifest.Channel, Version: r.b.Manifest.Version,
		Ranked: ranked, Used: len(req.History) - h.Unknown, Unknown: h.Unknown, Cold: cold,
		Early: r.b.Early() && !cold,
	}}
	r.items, r.reasons = r.items[:0], r.reasons[:0]
	if req.Diversity > 0 {
		best = r.diversify(best, req)
	}
	for _, c := range best {
		it := Item{Index: uint32(c.Item), ID: r.b.ID(c.Item), Title: r.b.Title(c.Item), Score: c.Score}
		if req.Reasons > 0 && !cold && len(req.Vector) == 0 {
			from := len(r.reasons)
			for _, reason := range r.scorer.Reasons(c.Item, h.Tastes, req.Reasons) {
				r.reasons = append(r.reasons, Reason(reason))
			}
			if len(r.reasons) > from {
				it.Reasons = r.reasons[from:len(r.reasons):len(r.reasons)]
			}
		}
		r.items = append(r.items, it)
	}
	if len(r.items) > 0 {
		s.Items = r.items
	}
	return s, nil
}

func (r *Recommender) rank(req Request, h score.History) (best []quant.Candidate, cold bool, err error) {
	k := req.K
	if req.Diversity > 0 {
		k = choiceOf(k)
	}
	if len(req.Vector) == 0 {
		return r.scorer.Rank(h.Tastes, k, r.blocked)
	}
	for f := range r.vector {
		r.vector[f] = req.Vector.At(f)
	}
	return r.scorer.Near(r.vector, k, r.blocked), false, nil
}

// The bits of Recommender.tags.
const (
	tagAny  = 1 // see findTags
	tagNo   = 2
	tagLast = 4 // see diversify
)

// block sets the bits of the items that must not be shown, and returns how many
// others there are.
func (r *Recommender) block(req Request, h score.History) (ranked int) {
	n := r.b.Manifest.Limits.Items
	clear(r.blocked[copy(r.blocked, req.Unavailable):])
	if n%8 != 0 { // there are no such items
		r.blocked[n/8] &= 1<<(n%8) - 1
	}
	if len(req.AnyTags) > 0 || len(req.NoTags) > 0 {
		r.blockTags(req)
	}
	hidden := h.Seen
	if req.Seen == SeenShow || req.Seen == SeenByBundle && r.b.Pool != nil && r.b.Pool.Repeats {
		hidden = h.Hidden
	}
	for _, i := range hidden {
		r.blocked[i>>3] |= 1 << (i & 7)
	}
	for _, id := range req.Exclude {
		if i, ok := r.b.Lookup(id); ok {
			r.blocked[i>>3] |= 1 << (i & 7)
		}
	}
	ranked = n
	for b := r.blocked; len(b) > 0; {
		if len(b) >= 8 {
			ranked -= bits.OnesCount64(binary.LittleEndian.Uint64(b))
			b = b[8:]
		} else {
			ranked -= bits.OnesCount8(b[0])
			b = b[1:]
		}
	}
	return ranked
}

// blockTags sets the bits of the items whose tags are not wanted. The bits of
// the last tags that were asked for are kept, because a page asks for the same
// ones again and again and they take longer than a scan; they say nothing about
// a person that an answer could show.
func (r *Recommender) blockTags(req Request) {
	r.wanted = appendTexts(appendTexts(r.wanted[:0], req.AnyTags), req.NoTags)
	if r.tagBlocked == nil || !bytes.Equal(r.wanted, r.tagsOf) {
		r.tagsOf = append(r.tagsOf[:0], r.wanted...)
		r.findTags(req)
	}
	for i, b := range r.tagBlocked {
		r.blocked[i] |= b
	}
}

// findTags sets tagBlocked for the tags of req.
func (r *Recommender) findTags(req Request) {
	clear(r.tags)
	for _, name := range req.AnyTags {
		if t, ok := r.b.Tag(name); ok {
			r.tags[t] |= tagAny
		}
	}
	for _, name := range req.NoTags {
		if t, ok := r.b.Tag(name); ok {
			r.tags[t] |= tagNo
		}
	}
	need := byte(0)
	if len(req.AnyTags) > 0 {
		need = tagAny
	}
	if r.tagBlocked == nil {
		r.tagBlocked = make([]byte, len(r.blocked))
	}
	clear(r.tagBlocked)
	r.b.EachTags(func(i int, list wire.Uint16s) {
		has := byte(0)
		for ; len(list) > 0; list = list[2:] {
			has |= r.tags[list.At(0)]
		}
		if has != need {
			r.tagBlocked[i>>3] |= 1 << (i & 7)
		}
	})
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

// Check computes the bundle's known answers and compares: those of the codes
// alone while that is all there is. Errors are ErrKnownAnswer and
// [score.ErrGram] and [score.ErrSequence].
func (r *Recommender) Check() error {
	answers := r.b.Manifest.KnownAnswers
	if r.b.Early() {
		answers = r.b.Manifest.EarlyAnswers
	}
	for _, want := range answers {
		got, err := r.Answer(want.Request)
		var refused *RequestError
		switch {
		case errors.As(err, &refused):
			return ErrKnownAnswer // not an error of whoever opens the bundle
		case err != nil:
			return err
		case got.Items != want.Items:
			return ErrKnownAnswer
		}
	}
	return nil
}
