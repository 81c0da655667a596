package profile

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/wire"
)

func TestKindsHaveNamesThatParse(t *testing.T) {
	for k := KindView; k < Kinds; k++ {
		if got, ok := ParseKind(k.String()); !ok || got != k {
			t.Errorf("ParseKind(%q) = %v, %v, want %v", k, got, ok, k)
		}
	}
	for _, name := range []string{"unknown", "", "VIEW", "views"} {
		if got, ok := ParseKind(name); ok {
			t.Errorf("ParseKind(%q) = %v, want none", name, got)
		}
	}
}

func drawEvent(t *rapid.T) Event {
	return Event{
		Item:   rapid.StringN(1, 64, MaxID).Draw(t, "item"),
		Kind:   Kind(rapid.IntRange(1, Kinds-1).Draw(t, "kind")),
		Time:   rapid.Int64Range(0, MaxTime).Draw(t, "time"),
		Weight: rapid.Uint32Range(0, MaxWeight).Draw(t, "weight"),
	}
}

func TestEventsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(drawEvent), 0, 20).Draw(t, "events")
		doc := AppendEvents(nil, want)
		d := wire.NewDecoder(doc)
		got := ReadEvents(d, nil, len(want))
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); len(want) > 0 && diff != "" {
			t.Fatal(diff)
		}
		if len(want) > 0 {
			d := wire.NewDecoder(doc)
			if ReadEvents(d, nil, len(want)-1); d.End() == nil {
				t.Fatal("one event more than the limit is accepted")
			}
		}
	})
}

// TestEventsAreNowhereElse: whoever clears the list has cleared all that was
// read, also of a document that breaks off.
func TestEventsAreNowhereElse(t *testing.T) {
	events := make([]Event, 9)
	for i := range events {
		events[i] = Event{Item: "a", Kind: KindView, Time: int64(i), Weight: One}
	}
	doc := AppendEvents(nil, events)
	if got := ReadEvents(wire.NewDecoder(doc), nil, 9); len(got) != 9 || cap(got) != 9 {
		t.Errorf("got %d events in memory for %d, want 9 in memory for 9", len(got), cap(got))
	}
	d := wire.NewDecoder(doc[:len(doc)-1])
	if got := ReadEvents(d, nil, 9); d.Err() == nil || len(got) != 8 {
		t.Errorf("got %d events, %v, want 8 and an error", len(got), d.Err())
	}
}

func TestBadEventsAreRefused(t *testing.T) {
	good := Event{Item: "a", Kind: KindView, Weight: One}
	for name, change := range map[string]func(*Event){
		"no id":          func(e *Event) { e.Item = "" },
		"long id":        func(e *Event) { e.Item = string(make([]byte, MaxID+1)) },
		"unknown kind":   func(e *Event) { e.Kind = KindUnknown },
		"kind too large": func(e *Event) { e.Kind = Kinds },
		"negative time":  func(e *Event) { e.Time = -1 },
		"far time":       func(e *Event) { e.Time = MaxTime + 1 },
		"heavy":          func(e *Event) { e.Weight = MaxWeight + 1 },
	} {
		e := good
		change(&e)
		d := wire.NewDecoder(AppendEvents(nil, []Event{e}))
		if ReadEvents(d, nil, 1); d.End() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestHalvingIsCloseToTheFormula compares with math.Exp2 within 4/65536.
func TestHalvingIsCloseToTheFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		halfLife := rapid.Uint64Range(1, MaxTime).Draw(t, "half-life")
		age := rapid.Uint64Range(0, min(MaxTime, 20*halfLife)).Draw(t, "age")
		got := float64(halve(age, halfLife))
		want := 65536 * math.Exp2(-float64(age)/float64(halfLife))
		if math.Abs(got-want) > 4 {
			t.Fatalf("halve(%d, %d) = %v, want %v", age, halfLife, got, want)
		}
	})
}

func TestWeightsByKindAndAge(t *testing.T) {
	const day, now = 86400, 1_800_000_000
	w := Weights{Kind: DefaultKinds, HalfLife: 30 * day}
	for _, c := range []struct {
		name string
		e    Event
		want uint32
	}{
		{"view now", Event{Kind: KindView, Time: now, Weight: One}, One},
		{"like now", Event{Kind: KindLike, Time: now, Weight: One}, 2 * One},
		{"hide", Event{Kind: KindHide, Time: now, Weight: One}, 0},
		{"half-life ago", Event{Kind: KindView, Time: now - 30*day, Weight: One}, One / 2},
		{"two half-lives ago", Event{Kind: KindView, Time: now - 60*day, Weight: One}, One / 4},
		{"long ago", Event{Kind: KindBuy, Time: 1, Weight: One}, 0},
		{"time not known", Event{Kind: KindView, Weight: One}, One},
		{"future", Event{Kind: KindView, Time: now + day, Weight: One}, One},
		{"half weight", Event{Kind: KindLike, Time: now, Weight: One / 2}, One},
		{"heaviest", Event{Kind: KindBuy, Time: now, Weight: MaxWeight}, 3 * MaxWeight},
	} {
		if got := w.Of(c.e, now); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
