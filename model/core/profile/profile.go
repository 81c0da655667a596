package profile

import "github.com/nearside/nearside/model/core/wire"

// Bounds of an event, the same in requests and in what a device stores.
const (
	MaxID     = 256     // bytes of an item id
	One       = 1 << 16 // the weight 1
	MaxWeight = 16 * One
	MaxTime   = 1 << 40 // Unix seconds
)

// Event is one thing a person did. Items are named by their id, not by a row,
// so that a profile outlives the bundle it was made with.
type Event struct {
	Item   string
	Kind   Kind
	Time   int64  // Unix seconds; 0: not known
	Weight uint32 // in units of 1/65536, at most MaxWeight
}

// AppendEvents appends events as the array that ABI.md describes.
func AppendEvents(dst []byte, events []Event) []byte {
	dst = wire.AppendArray(dst, len(events))
	for _, e := range events {
		dst = wire.AppendArray(dst, 4)
		dst = wire.AppendString(dst, e.Item)
		dst = wire.AppendUint(dst, uint64(e.Kind))
		dst = wire.AppendInt(dst, e.Time)
		dst = wire.AppendUint(dst, uint64(e.Weight))
	}
	return dst
}

// ReadEvents reads what AppendEvents writes, at most max events, and appends
// them to events; after an error, those before it. When it needs more memory it
// takes it once, so that no copy is left behind.
func ReadEvents(d *wire.Decoder, events []Event, max int) []Event {
	n := d.Array(max)
	if len(events)+n > cap(events) {
		events = append(make([]Event, 0, len(events)+n), events...)
	}
	for range n {
		if d.Array(4) != 4 {
			d.Fail("an event of 4 values")
		}
		e := Event{
			Item:   d.String(MaxID),
			Kind:   Kind(d.Uint(Kinds - 1)),
			Time:   int64(d.Uint(MaxTime)),
			Weight: uint32(d.Uint(MaxWeight)),
		}
		if e.Item == "" {
			d.Fail("an item id of 1 to 256 bytes")
		}
		if e.Kind == KindUnknown {
			d.Fail("a kind from 1 to 5")
		}
		if d.Err() != nil {
			return events
		}
		events = append(events, e)
	}
	return events
}

// Weights says what an event counts for, by kind and age.
type Weights struct {
	Kind     [Kinds]uint32 // in units of 1/65536, at most MaxWeight
	HalfLife int64         // seconds after which an event counts half; 0: age does not matter
}

// DefaultKinds counts a like twice and a purchase three times a view.
var DefaultKinds = [Kinds]uint32{KindView: One, KindClick: One, KindLike: 2 * One, KindBuy: 3 * One}

// Of returns what e counts for at the time now, in units of 1/65536: at most
// 16·16. Integers only, so every engine agrees. An event from the future or
// without a time is not aged.
func (w Weights) Of(e Event, now int64) uint32 {
	v := uint64(w.Kind[e.Kind]) * uint64(e.Weight) >> 16
	if age := now - e.Time; w.HalfLife > 0 && e.Time > 0 && age > 0 {
		v = v * halve(uint64(age), uint64(w.HalfLife)) >> 16
	}
	return uint32(v)
}

// halve returns 65536 · 2^-(age/halfLife): a shift for the whole half-lives
// and a table with linear interpolation for the rest, off by less than 4/65536.
func halve(age, halfLife uint64) uint64 {
	whole := age / halfLife
	if whole > 16 {
		return 0
	}
	at := (age % halfLife << 16) / halfLife // 0 … 65535 is 0 … 1 half-life
	i, rest := at>>10, at&1023
	v := uint64(halves[i]) - uint64(halves[i]-halves[i+1])*rest>>10
	return v >> whole
}

// halves[i] is 65536 · 2^-(i/64).
var halves = [65]uint32{
	65536, 64830, 64132, 63441, 62757, 62081, 61413, 60751, 60097, 59449, 58809, 58176, 57549,
	56929, 56316, 55709, 55109, 54515, 53928, 53347, 52773, 52204, 51642, 51085, 50535, 49991,
	49452, 48920, 48393, 47871, 47356, 46846, 46341, 45842, 45348, 44859, 44376, 43898, 43425,
	42958, 42495, 42037, 41584, 41136, 40693, 40255, 39821, 39392, 38968, 38548, 38133, 37722,
	37316, 36914, 36516, 36123, 35734, 35349, 34968, 34591, 34219, 33850, 33486, 33125, 32768,
}
