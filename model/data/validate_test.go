package data

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestHoldOutSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := cleanLog(t)
		s, err := HoldOut(l, rapid.Float64Range(0.01, 0.99).Draw(t, "share"), rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Skip(err)
		}
		checkSplit(t, l, s, true)
		if s.Train.Users.Len() != l.Users.Len() {
			t.Errorf("%d users of %d are in Train", s.Train.Users.Len(), l.Users.Len())
		}
	})
}

func TestHoldOutTakesItsShare(t *testing.T) {
	l := grid(50, 30)
	s, err := HoldOut(l, 0.1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Cases {
		if n := len(c.History) + len(c.Target); len(c.Target) != int(math.Round(0.1*float64(n))) {
			t.Errorf("got %d targets of %d items", len(c.Target), n)
		}
	}
	again, err := HoldOut(l, 0.1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Cases, again.Cases); diff != "" {
		t.Errorf("the same seed (-first +second):\n%s", diff)
	}
}

// TestHoldOutIsPinned fails when a seed no longer means what it meant: what
// was tuned would have been tuned on something else.
func TestHoldOutIsPinned(t *testing.T) {
	l := grid(4, 12)
	s, err := HoldOut(l, 0.25, 42)
	if err != nil {
		t.Fatal(err)
	}
	const want = "i0 i1 i3 i11 > i2; i1 i3 i4 i5 > i0"
	if got := showCases(l, s.Cases); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLastSessions(t *testing.T) {
	for _, test := range []struct{ name, log, train, cases string }{
		{"in the order of the log", "u a; u b; v b; v a; w a; w b; w a", "u a; u b; v b; v a", "a > b; a b > a"},
		{"by time", "w a @7; w b @8; w a @9; u a @1; u b @2; v b @3; v a @4", "u a @1; u b @2; v b @3; v a @4", "a > b; a b > a"},
		{"unknown items go first", "u a; u b; v b; v a; w a; w z; w b", "u a; u b; v b; v a", "a > b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := parse(t, test.log)
			s, err := LastSessions(l, 0.3)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(s.Train); got != test.train {
				t.Errorf("train: got %s, want %s", got, test.train)
			}
			if got := showCases(l, s.Cases); got != test.cases {
				t.Errorf("cases: got %s, want %s", got, test.cases)
			}
		})
	}
}

func TestLastSessionsSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, _ := Clean(anyLog(t), Cleaning{KeepRepeats: true})
		s, err := LastSessions(l, rapid.Float64Range(0.01, 0.99).Draw(t, "share"))
		if err != nil {
			t.Skip(err)
		}
		rows := s.Train.Len() + s.Skipped
		for _, c := range s.Cases {
			rows++
			if len(c.History) == 1 {
				rows++
			}
		}
		if rows != l.Len() {
			t.Errorf("%d rows in Train, cases and skipped, the log has %d", rows, l.Len())
		}
	})
}

func TestValidationRefuses(t *testing.T) {
	unordered := func(l *Log) (Split, error) { l.Unordered = true; return LastSessions(l, 0.5) }
	for _, test := range []struct {
		name, log string
		split     func(l *Log) (Split, error)
		want      string
	}{
		{"few items", "u i; u j; v i", func(l *Log) (Split, error) { return HoldOut(l, 0.1, 0) },
			"data: hold out: share 0.1 of the items of 2 users leaves no case"},
		{"hides", "u i hide; u j view", func(l *Log) (Split, error) { return HoldOut(l, 0.1, 0) },
			"data: hold out: 1 rows are of hidden items: want a log from Clean"},
		{"share 1", "u i", func(l *Log) (Split, error) { return HoldOut(l, 1, 0) },
			"data: hold out: share 1: want a number between 0 and 1"},
		{"one session", "u i; u j", func(l *Log) (Split, error) { return LastSessions(l, 0.6) },
			"data: last sessions: share 0.6 leaves 0 rows to train on and 0 cases"},
		{"no order", "u i; u j", unordered, "data: last sessions: the log has no order"},
		{"share 0", "u i", func(l *Log) (Split, error) { return LastSessions(l, 0) },
			"data: last sessions: share 0: want a number between 0 and 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.split(parse(t, test.log))
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
