package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// showCases writes cases as text: history > target, with item ids.
func showCases(l *Log, cases []Case) string {
	var lines []string
	for _, c := range cases {
		var words []string
		for _, e := range c.History {
			words = append(words, l.Items.ID(e.Item))
		}
		words = append(words, ">")
		for _, i := range c.Target {
			words = append(words, l.Items.ID(i))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "; ")
}

// checkSplit sees that a split of l is one: Train, the cases and the skipped
// rows are l, and no target is in its history. historyInTrain says that a
// case's history is in Train too.
func checkSplit(t *rapid.T, l *Log, s Split, historyInTrain bool) {
	if diff := cmp.Diff(ids(&l.Items), ids(&s.Train.Items)); diff != "" {
		t.Errorf("Train's items (-want +got):\n%s", diff)
	}
	rows := s.Train.Len() + s.Skipped
	for _, c := range s.Cases {
		if len(c.Target) == 0 || len(c.History) == 0 || !slices.IsSorted(c.Target) {
			t.Errorf("case %+v: want a history and ascending targets", c)
		}
		rows += len(c.Target)
		if !historyInTrain {
			rows += len(c.History)
		}
		for i, e := range c.History {
			if slices.Contains(c.Target, e.Item) {
				t.Errorf("case %+v: target %d is in the history", c, e.Item)
			}
			if i > 0 && e.Time < c.History[i-1].Time {
				t.Errorf("case %+v: the history is not in time order", c)
			}
		}
	}
	if rows != l.Len() {
		t.Errorf("train, cases and skipped have %d rows, want %d", rows, l.Len())
	}
	// What is in Train is in l, and nothing of it is asked for.
	whole, train := pairs(l), pairs(s.Train)
	for p := range train {
		if !whole[p] {
			t.Errorf("Train has %s, the log has not", p)
		}
	}
	if len(train) != s.Train.Len() {
		t.Errorf("Train has %d pairs in %d rows", len(train), s.Train.Len())
	}
}

// pairs returns the pairs of a log as text.
func pairs(l *Log) map[string]bool {
	all := make(map[string]bool)
	for e := range l.Len() {
		all[l.Users.ID(l.User[e])+" "+l.Items.ID(l.Item[e])] = true
	}
	return all
}

// cleanLog draws a log as Clean makes it.
func cleanLog(t *rapid.T) *Log {
	l, _ := Clean(anyLog(t), Cleaning{})
	return l
}

func TestLeaveLastOut(t *testing.T) {
	for _, test := range []struct{ name, log, train, cases string }{
		{"without times", "u i; v i; u j; u k", "u i; v i; u j", "i j > k"},
		{"by time", "u i @3; u j @1; u k @2", "u j @1; u k @2", "j k > i"},
		{"ties by the order of the log", "u i @1; u j @1; u k @0", "u i @1; u k @0", "k i > j"},
		{"one event stays", "u i; v j; v i", "u i; v j", "j > i"},
		{"with repeats", "u i; u j; u i; v i; v i", "u i; u j; v i", "i j > i; i > i"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := parse(t, test.log)
			s, err := LeaveLastOut(l)
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

func TestLeaveLastOutSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := cleanLog(t)
		s, err := LeaveLastOut(l)
		if err != nil {
			t.Skip(err)
		}
		checkSplit(t, l, s, true)
		if s.Skipped != 0 || s.Train.Users.Len() != l.Users.Len() {
			t.Errorf("skipped %d rows and %d users", s.Skipped, l.Users.Len()-s.Train.Users.Len())
		}
	})
}

func TestHistoryKeepsWhatTheLogSays(t *testing.T) {
	l := parse(t, "u i @5 like *2; u j @9 buy *3")
	s, err := LeaveLastOut(l)
	if err != nil {
		t.Fatal(err)
	}
	want := []Case{{History: []Event{{Item: 0, Kind: l.Kind[0], Time: 5, Weight: 2}}, Target: []int32{1}}}
	if diff := cmp.Diff(want, s.Cases); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
}

func TestTemporal(t *testing.T) {
	// w is new and z was never seen: skipped.
	l := parse(t, "u a @1; v b @2; u c @3; v c @4; u b @8; v z @8; v a @9; w a @9; u z @9; w b @9")
	s, err := Temporal(l, 0.6)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(s.Train), "u a @1; v b @2; u c @3; v c @4"; got != want {
		t.Errorf("train: got %s, want %s", got, want)
	}
	if got, want := showCases(l, s.Cases), "a c > b; b c > a"; got != want {
		t.Errorf("cases: got %s, want %s", got, want)
	}
	if s.Skipped != 4 {
		t.Errorf("skipped: got %d, want 4", s.Skipped)
	}
	// One second is never cut in two.
	for _, share := range []float64{0.1, 0.3, 0.4} {
		s, err := Temporal(l, share)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := s.Train.Len(), 6; got != want {
			t.Errorf("share %v: got %d rows to train on, want %d", share, got, want)
		}
	}
}

func TestTemporalAsksForARepeatedItemOnce(t *testing.T) {
	l := parse(t, "v b @1; u a @2; u b @8; u a @9; u b @9")
	s, err := Temporal(l, 0.6)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := showCases(l, s.Cases), "a > b a"; got != want || s.Skipped != 0 {
		t.Errorf("got %s and %d rows skipped, want %s and 0", got, s.Skipped, want)
	}
}

func TestTemporalSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := cleanLog(t)
		s, err := Temporal(l, rapid.Float64Range(0.01, 0.99).Draw(t, "share"))
		if err != nil {
			t.Skip(err)
		}
		checkSplit(t, l, s, true)
		inTrain := make([]bool, l.Items.Len())
		newest := int64(0)
		for e, i := range s.Train.Item {
			inTrain[i] = true
			newest = max(newest, s.Train.Time[e])
		}
		older := 0
		for _, at := range l.Time {
			if at <= newest {
				older++
			}
		}
		if older != s.Train.Len() {
			t.Errorf("Train has %d rows up to %d, the log has %d", s.Train.Len(), newest, older)
		}
		for _, c := range s.Cases {
			for _, i := range c.Target {
				if !inTrain[i] {
					t.Errorf("target %s is not in Train", l.Items.ID(i))
				}
			}
		}
	})
}

// grid is a clean log in which every user has about a third of the items, and
// at least one.
func grid(users, items int) *Log {
	l := new(Log)
	random := rand.New(rand.NewPCG(7, 0))
	for u := range users {
		for i := range items {
			if random.IntN(3) == 0 || i == u%items {
				l.User = append(l.User, l.Users.Add(fmt.Sprint("u", u)))
				l.Item = append(l.Item, l.Items.Add(fmt.Sprint("i", i)))
			}
		}
	}
	return l
}

func TestStrongGeneralisation(t *testing.T) {
	l := grid(50, 30)
	s, err := StrongGeneralisation(l, 10, 0.2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Cases) != 10 || s.Train.Users.Len() != 40 {
		t.Errorf("got %d cases and %d users to train on, want 10 and 40", len(s.Cases), s.Train.Users.Len())
	}
	for _, c := range s.Cases {
		n := len(c.History) + len(c.Target)
		if want := int(math.Round(0.2 * float64(n))); len(c.Target) != want {
			t.Errorf("got %d targets of %d items, want %d", len(c.Target), n, want)
		}
	}
	again, err := StrongGeneralisation(l, 10, 0.2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Cases, again.Cases); diff != "" {
		t.Errorf("the same seed (-first +second):\n%s", diff)
	}
	other, err := StrongGeneralisation(l, 10, 0.2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if cmp.Equal(s.Cases, other.Cases) {
		t.Error("another seed gave the same cases")
	}
}

// TestStrongGeneralisationIsPinned fails when a seed no longer means what it
// meant, which would make published numbers wrong.
func TestStrongGeneralisationIsPinned(t *testing.T) {
	l := grid(6, 8)
	s, err := StrongGeneralisation(l, 2, 0.4, 42)
	if err != nil {
		t.Fatal(err)
	}
	const want = "i1 i4 > i3; i0 > i2"
	if got := showCases(l, s.Cases); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestStrongGeneralisationHoldsOutWholeItems: no row of a target stays in the
// history.
func TestStrongGeneralisationHoldsOutWholeItems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, _ := Clean(anyLog(t), Cleaning{KeepRepeats: true})
		s, err := StrongGeneralisation(l, rapid.IntRange(1, 5).Draw(t, "held out"), .5, 1)
		if err != nil {
			t.Skip(err)
		}
		for _, c := range s.Cases {
			for _, e := range c.History {
				if slices.Contains(c.Target, e.Item) {
					t.Errorf("case %+v: item %d is on both sides", c, e.Item)
				}
			}
		}
	})
}

func TestStrongGeneralisationSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := cleanLog(t)
		s, err := StrongGeneralisation(l, rapid.IntRange(1, 5).Draw(t, "held out"),
			rapid.Float64Range(0.01, 0.99).Draw(t, "share"), rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Skip(err)
		}
		checkSplit(t, l, s, false)
		inTrain := make([]bool, l.Items.Len())
		for _, i := range s.Train.Item {
			inTrain[i] = true
		}
		for _, c := range s.Cases {
			for _, e := range c.History {
				if !inTrain[e.Item] {
					t.Errorf("history has %s, Train has not", l.Items.ID(e.Item))
				}
			}
			for _, i := range c.Target {
				if !inTrain[i] {
					t.Errorf("target %s is not in Train", l.Items.ID(i))
				}
			}
		}
	})
}

func TestGiven(t *testing.T) {
	train := parse(t, "u a @2; u b @1; v b @3; w c @1")
	// v had b, x is a stranger and z unknown.
	held := parse(t, "v a; u c; v b; x a; v z; v c; u c")
	s, err := Given(train, held)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := showCases(train, s.Cases), "b a > c; b > a c"; got != want {
		t.Errorf("cases: got %s, want %s", got, want)
	}
	if s.Train != train || s.Skipped != 3 || s.Overlap != 1 {
		t.Errorf("got %d rows skipped, %d in both, want 3 and 1", s.Skipped, s.Overlap)
	}
	if _, err := Given(train, parse(t, "x a; u b")); err == nil ||
		err.Error() != "data: given split: none of 2 held-out rows has a user and an item of the others" {
		t.Errorf("nothing in common: got %v", err)
	}
}

func TestSplitsRefuse(t *testing.T) {
	clean := "u i @1; u j @2; v i @1; v j @2; w i @3"
	for _, test := range []struct {
		name, log string
		split     func(l *Log) (Split, error)
		want      string
	}{
		{"hides", "u i hide; u j view", LeaveLastOut, "data: leave last out: 1 rows are of hidden items: want a log from Clean"},
		{"users of one item", "u i; v i", LeaveLastOut, "data: leave last out: no user of 2 has two items"},
		{"no times", "u i; u j", func(l *Log) (Split, error) { return Temporal(l, 0.5) }, "data: temporal split: the log has no times"},
		{"share 0", clean, func(l *Log) (Split, error) { return Temporal(l, 0) }, "data: temporal split: share 0: want a number between 0 and 1"},
		{"share 1", clean, func(l *Log) (Split, error) { return StrongGeneralisation(l, 1, 1, 0) }, "data: strong generalisation: share 1: want a number between 0 and 1"},
		{"share NaN", clean, func(l *Log) (Split, error) { return Temporal(l, math.NaN()) }, "data: temporal split: share NaN: want a number between 0 and 1"},
		{"one second", "u i @1; u j @1", func(l *Log) (Split, error) { return Temporal(l, 0.5) }, "data: temporal split: share 0.5 leaves 0 rows to train on and 0 cases"},
		{"nobody held out", clean, func(l *Log) (Split, error) { return StrongGeneralisation(l, 0, 0.2, 0) }, "data: strong generalisation: 0 held-out users: want 1 to 1, one fewer than have two items"},
		{"everybody held out", clean, func(l *Log) (Split, error) { return StrongGeneralisation(l, 2, 0.2, 0) }, "data: strong generalisation: 2 held-out users: want 1 to 1, one fewer than have two items"},
		{"one user", "u i; u j", func(l *Log) (Split, error) { return StrongGeneralisation(l, 1, 0.2, 0) }, "data: strong generalisation: 1 of 1 users have two items: want two such users, one to learn from and one to ask"},
		{"one item", "u i; v i; w i", func(l *Log) (Split, error) { return StrongGeneralisation(l, 1, 0.2, 0) }, "data: strong generalisation: 0 of 3 users have two items: want two such users, one to learn from and one to ask"},
		{"nothing in common", "u i; u j; v k; v l", func(l *Log) (Split, error) { return StrongGeneralisation(l, 1, 0.2, 0) }, "data: strong generalisation: no held-out user of 1 has two items that the others have"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.split(parse(t, test.log))
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
	if _, err := Temporal(new(Log), 0.5); err == nil {
		t.Error("no error for an empty log")
	}
}
