package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/profile"
)

// parse is the inverse of show.
func parse(t testing.TB, text string) *Log {
	t.Helper()
	l := new(Log)
	for event := range strings.SplitSeq(text, "; ") {
		words := strings.Fields(event)
		l.User = append(l.User, l.Users.Add(words[0]))
		l.Item = append(l.Item, l.Items.Add(words[1]))
		for _, word := range words[2:] {
			switch number, isTime := strings.CutPrefix(word, "@"); {
			case isTime:
				seconds, err := strconv.ParseInt(number, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				l.Time = append(l.Time, seconds)
			case word[0] == '*':
				weight, err := strconv.ParseFloat(word[1:], 32)
				if err != nil {
					t.Fatal(err)
				}
				l.Weight = append(l.Weight, float32(weight))
			default:
				kind, ok := profile.ParseKind(word)
				if !ok {
					t.Fatalf("no kind %q", word)
				}
				l.Kind = append(l.Kind, kind)
			}
		}
	}
	for _, n := range []int{len(l.Time), len(l.Kind), len(l.Weight)} {
		if n != 0 && n != l.Len() {
			t.Fatalf("%q: %d events and %d values", text, l.Len(), n)
		}
	}
	return l
}

// anyLog draws a log of up to 60 rows whose pairs may repeat.
func anyLog(t *rapid.T) *Log {
	users := rapid.IntRange(1, 8).Draw(t, "users")
	items := rapid.IntRange(1, 12).Draw(t, "items")
	n := rapid.IntRange(0, 60).Draw(t, "rows")
	hasTime := rapid.Bool().Draw(t, "has time")
	hasKind := rapid.Bool().Draw(t, "has kind")
	hasWeight := rapid.Bool().Draw(t, "has weight")
	l := new(Log)
	for range n {
		l.User = append(l.User, l.Users.Add(fmt.Sprint("u", rapid.IntRange(1, users).Draw(t, "user"))))
		l.Item = append(l.Item, l.Items.Add(fmt.Sprint("i", rapid.IntRange(1, items).Draw(t, "item"))))
		if hasTime {
			l.Time = append(l.Time, rapid.Int64Range(0, 9).Draw(t, "time"))
		}
		if hasKind {
			l.Kind = append(l.Kind, profile.Kind(rapid.IntRange(1, profile.Kinds-1).Draw(t, "kind")))
		}
		if hasWeight {
			l.Weight = append(l.Weight, float32(rapid.IntRange(1, 4).Draw(t, "weight")))
		}
	}
	return l
}

// shuffled returns l with its rows and ids in another order.
func shuffled(l *Log, seed uint64) *Log {
	out := new(Log)
	for _, e := range rand.New(rand.NewPCG(seed, 0)).Perm(l.Len()) {
		out.User = append(out.User, out.Users.Add(l.Users.ID(l.User[e])))
		out.Item = append(out.Item, out.Items.Add(l.Items.ID(l.Item[e])))
	}
	return out
}

func TestMatrix(t *testing.T) {
	for _, test := range []struct {
		name string
		log  *Log
		want Matrix
	}{
		{"no rows", new(Log), Matrix{Ptr: []int64{0}, Col: []int32{}}},
		{"columns ascend", parse(t, "u i; v j; u k; u j"), Matrix{Rows: 2, Cols: 3, Ptr: []int64{0, 3, 4}, Col: []int32{0, 1, 2, 1}}},
		{"a repeat counts once", parse(t, "u i; u i"), Matrix{Rows: 1, Cols: 1, Ptr: []int64{0, 1}, Col: []int32{0}}},
		{"the largest weight wins", parse(t, "u i *2; u j *1; u i *3; v i *1"), Matrix{Rows: 2, Cols: 2, Ptr: []int64{0, 2, 3}, Col: []int32{0, 1, 0}, Val: []float32{3, 1, 1}}},
		{"a hide takes the pair out", parse(t, "u i buy; u j view; u i hide; v i view"), Matrix{Rows: 2, Cols: 2, Ptr: []int64{0, 1, 2}, Col: []int32{1, 0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(&test.want, test.log.Matrix()); diff != "" {
				t.Errorf("matrix (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTransposeTwiceIsTheMatrix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyLog(t).Matrix()
		if diff := cmp.Diff(m, m.Transpose().Transpose()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestDigestIsOfTheDocumentedEncoding(t *testing.T) {
	// Ids sort by bytes, u10 before u9, and the pair (u9, b) counts once.
	l := parse(t, "u9 b; u10 c; u9 a; u9 b")
	encoded := "\x03\x00\x00\x00u10\x01\x00\x00\x00c" +
		"\x02\x00\x00\x00u9\x01\x00\x00\x00a" +
		"\x02\x00\x00\x00u9\x01\x00\x00\x00b"
	if got, want := l.Digest(), sha256.Sum256([]byte(encoded)); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := new(Log).Digest(); hex.EncodeToString(got[:]) != empty {
		t.Errorf("empty log: got %x, want %s", got, empty)
	}
}

// TestItemsAfter: the items of another log come first, and the rows say the same.
func TestItemsAfter(t *testing.T) {
	l := parse(t, "u a @1; u b @2; v c @3; v a @4")
	before, digest := show(l), l.Digest()
	var first IDs
	for _, id := range []string{"gone", "c", "a"} {
		first.Add(id)
	}
	got := l.ItemsAfter(&first)
	if diff := cmp.Diff([]string{"gone", "c", "a", "b"}, got.Items.names); diff != "" {
		t.Error(diff)
	}
	if show(got) != before || got.Digest() != digest {
		t.Errorf("got %s, want %s", show(got), before)
	}
	if m := got.Matrix(); m.Cols != 4 || !slices.Equal(m.Col, []int32{2, 3, 1, 2}) {
		t.Errorf("got %d columns, %v", m.Cols, m.Col)
	}
	if show(l) != before || l.Items.Len() != 3 || first.Len() != 3 {
		t.Errorf("the log has changed to %s, and first to %v", show(l), first.names)
	}
}

func TestDigestIgnoresTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLog(t)
		if got, want := shuffled(l, rapid.Uint64().Draw(t, "seed")).Digest(), l.Digest(); got != want {
			t.Errorf("got %x, want %x", got, want)
		}
	})
}

func TestClean(t *testing.T) {
	for _, test := range []struct {
		name  string
		log   string
		clean Cleaning
		want  string
		drops []Drop
	}{
		{name: "nothing to do", log: "u i; v j", want: "u i; v j"},
		{name: "the earliest repeat stays", log: "u i @5 *1; u j @4 *1; u i @3 *2; u i @3 *3", want: "u j @4 *1; u i @3 *2",
			drops: []Drop{{"repeat of a user and an item", 2}}},
		{name: "without times the first repeat stays", log: "u i *1; u i *2", want: "u i *1",
			drops: []Drop{{"repeat of a user and an item", 1}}},
		{name: "hidden items go", log: "u i buy; u j view; u i hide; v i view; u i view", want: "u j view; v i view",
			drops: []Drop{{"item that the user hides", 3}}},
		{name: "bots go first", log: "b i; b j; b k; u i; u j; v k; v i", clean: Cleaning{MaxUserItems: 2, MinItemUsers: 2}, want: "u i; v i",
			drops: []Drop{{"user with more than 2 items", 3}, {"item with fewer than 2 users", 2}}},
		{name: "repeats do not make a bot", log: "u i; u i; u i", clean: Cleaning{MaxUserItems: 2}, want: "u i",
			drops: []Drop{{"repeat of a user and an item", 2}}},
		{name: "repeats may stay, and count for no limit", log: "u i; u j; u i; v i; v i; w j", clean: Cleaning{MinUserItems: 2, MaxUserItems: 2, KeepRepeats: true},
			want: "u i; u j; u i", drops: []Drop{{"user with fewer than 2 items", 3}}},
		{name: "kept repeats of a hidden item go", log: "u i buy; u j view; u i hide; u j view", clean: Cleaning{KeepRepeats: true}, want: "u j view; u j view",
			drops: []Drop{{"item that the user hides", 2}}},
		{name: "dropping goes on until nothing is below", log: "u i; u j; v i; v j; w j; w k; x k", clean: Cleaning{MinUserItems: 2, MinItemUsers: 2},
			want:  "u i; u j; v i; v j",
			drops: []Drop{{"user with fewer than 2 items", 2}, {"item with fewer than 2 users", 1}}},
		{name: "nothing is left", log: "u i; v j", clean: Cleaning{MinItemUsers: 2}, want: "",
			drops: []Drop{{"item with fewer than 2 users", 2}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := parse(t, test.log)
			got, report := Clean(l, test.clean)
			if show(got) != test.want {
				t.Errorf("got %s, want %s", show(got), test.want)
			}
			want := Report{Rows: l.Len(), Kept: got.Len(), Users: got.Users.Len(), Items: got.Items.Len(), Drops: test.drops}
			if diff := cmp.Diff(want, report); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			if show(l) != test.log {
				t.Errorf("the log itself became %s", show(l))
			}
		})
	}
}

func TestCleanKeepsWhatItPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLog(t)
		c := Cleaning{
			MinUserItems: rapid.IntRange(0, 4).Draw(t, "min user items"),
			MinItemUsers: rapid.IntRange(0, 4).Draw(t, "min item users"),
			MaxUserItems: rapid.IntRange(0, 8).Draw(t, "max user items"),
		}
		clean, report := Clean(l, c)
		m := clean.Matrix()
		if len(m.Col) != clean.Len() {
			t.Errorf("%d pairs in %d rows", len(m.Col), clean.Len())
		}
		for u := range m.Rows {
			items, _ := m.Row(u)
			if n := len(items); n < max(1, c.MinUserItems) || c.MaxUserItems > 0 && n > c.MaxUserItems {
				t.Errorf("user %s has %d items", clean.Users.ID(int32(u)), n)
			}
		}
		byItem := m.Transpose()
		for i := range byItem.Rows {
			if users, _ := byItem.Row(i); len(users) < max(1, c.MinItemUsers) {
				t.Errorf("item %s has %d users", clean.Items.ID(int32(i)), len(users))
			}
		}
		total := report.Kept
		for _, d := range report.Drops {
			total += d.Rows
		}
		if total != report.Rows || report.Rows != l.Len() || report.Kept != clean.Len() {
			t.Errorf("report %+v of %d rows, %d kept", report, l.Len(), clean.Len())
		}
		again, _ := Clean(clean, c)
		if show(again) != show(clean) {
			t.Errorf("cleaned again: got %s, want %s", show(again), show(clean))
		}
		if !slices.IsSortedFunc(ids(&clean.Items), func(a, b string) int { return place(l, a) - place(l, b) }) {
			t.Errorf("items changed their order: %v", ids(&clean.Items))
		}
	})
}

func ids(t *IDs) []string {
	var all []string
	for i := range t.Len() {
		all = append(all, t.ID(int32(i)))
	}
	return all
}

func place(l *Log, item string) int {
	i, _ := l.Items.Index(item)
	return int(i)
}
