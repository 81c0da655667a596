package data

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNewItemsSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := cleanLog(t)
		l.Items.Add("nobody met it")
		s, err := NewItems(l, rapid.Float64Range(0.01, 0.99).Draw(t, "share"), rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Skip(err)
		}
		if s.Train.Items.Len() != l.Items.Len() {
			t.Fatalf("%d items in Train, %d in the log", s.Train.Items.Len(), l.Items.Len())
		}
		trained := map[int32]bool{}
		for _, i := range s.Train.Item {
			trained[i] = true
		}
		rows := s.Train.Len() + s.Skipped
		for _, c := range s.Cases {
			for _, i := range c.Target {
				if isNew := c.Asks != AsksKnown; trained[i] == isNew {
					t.Errorf("%s: item %d is asked for, in Train: %t", c.Asks, i, trained[i])
				}
				if c.Asks == AsksAmong && !slices.Contains(c.Among, i) {
					t.Errorf("item %d is not among %v", i, c.Among)
				}
			}
			for _, i := range c.Among {
				if trained[i] {
					t.Errorf("item %d of Train is among the new", i)
				}
			}
			if c.Asks != AsksAmong {
				rows += len(c.Target)
			}
		}
		if !l.hasRepeats() && rows != l.Len() {
			t.Errorf("%d rows in Train, skipped and asked for, %d in the log", rows, l.Len())
		}
	})
}

// hasRepeats says whether a pair has several rows.
func (l *Log) hasRepeats() bool {
	seen := map[string]bool{}
	for e := range l.Len() {
		pair := fmt.Sprint(l.User[e], l.Item[e])
		if seen[pair] {
			return true
		}
		seen[pair] = true
	}
	return false
}

// TestNewItemsIsPinned is what TestHoldOutIsPinned is.
func TestNewItemsIsPinned(t *testing.T) {
	l := grid(2, 24)
	s, err := NewItems(l, 0.25, 42)
	if err != nil {
		t.Fatal(err)
	}
	const want = "known: i1 i4 i8 i15 i17 i19 > i12; new: i1 i2 i12 i18 i22 > i0 i3 i16; among new: i1 i2 i12 i18 i22 > i0 i3 i16; " +
		"new: i1 i4 i8 i15 i17 i19 > i3 i16 i13; among new: i1 i4 i8 i15 i17 i19 > i3 i16 i13"
	var got []string
	for _, c := range s.Cases {
		got = append(got, c.Asks+": "+showCases(l, []Case{c}))
	}
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("got %s, want %s", text, want)
	}
	for share, want := range map[float64]string{0: "between 0 and 1", .999: "no"} {
		if _, err := NewItems(l, share, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("share %v: got %v", share, err)
		}
	}
}
