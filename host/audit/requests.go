package audit

import (
	"math/rand/v2"
	"strconv"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/wire"
)

// requestSeed is of the random requests. Any number would do; it stands in the
// report.
const requestSeed = 14

// longHistory bounds most random histories: what people have.
const longHistory = 60

// request returns the document of random request i, the same in every run: a
// history of any length, kind and age, with items that repeat and items that
// the catalogue does not have, and all that a request may ask for besides.
func (s *subject) request(i int) []byte {
	rng := rand.New(rand.NewPCG(requestSeed, uint64(i)))
	limits := s.manifest.Limits
	req := slate.Request{
		K: 1 + rng.IntN(min(limits.K, 50)), Reasons: rng.IntN(5), Now: s.at - int64(rng.IntN(1_000_000)),
		History: s.history(rng, rng.IntN(1+min(limits.History, longHistory))),
	}
	if rng.IntN(50) == 0 {
		req.K, req.History = limits.K, s.history(rng, limits.History)
	}
	for range rng.IntN(3) {
		req.Exclude = append(req.Exclude, s.item(rng))
	}
	tags := s.file.Tags(rng.IntN(limits.Items))
	switch rng.IntN(8) {
	case 0:
		req.AnyTags = append(tags, "no such tag")
	case 1:
		req.NoTags = tags
	case 2:
		req.Unavailable = make([]byte, rng.IntN(1+(limits.Items+7)/8))
		for b := range req.Unavailable {
			req.Unavailable[b] = byte(rng.Uint32())
		}
	case 3:
		if limits.Dim > 0 {
			v := make([]float32, limits.Dim)
			for f := range v {
				v[f] = 2*rng.Float32() - 1
			}
			req.Vector = wire.AppendFloat32s(nil, v)
		}
	case 4:
		req.Seen = slate.SeenHide
	case 5:
		if s.file.Pool != nil {
			req.Seen = slate.SeenShow
		}
	case 6:
		req.Diversity = uint32(1 + rng.IntN(profile.One))
	}
	return req.Append(nil)
}

// history draws n events.
func (s *subject) history(rng *rand.Rand, n int) []profile.Event {
	var events []profile.Event
	for range n {
		e := profile.Event{Item: s.item(rng), Kind: profile.Kind(1 + rng.IntN(profile.Kinds-1)), Weight: profile.One}
		if rng.IntN(4) == 0 {
			e.Weight = uint32(rng.IntN(profile.MaxWeight + 1))
		}
		if rng.IntN(2) == 0 {
			e.Time = max(0, s.at-int64(rng.IntN(200*86400)))
		}
		if rng.IntN(8) == 0 {
			e.Item = "nowhere-" + strconv.Itoa(rng.IntN(100))
		}
		events = append(events, e)
	}
	return events
}

// item draws an item of the catalogue.
func (s *subject) item(rng *rand.Rand) string {
	return s.file.ID(rng.IntN(s.manifest.Limits.Items))
}
