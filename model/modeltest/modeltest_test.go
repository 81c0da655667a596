package modeltest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/profile"
)

func TestCheckerboardLeavesOneItemOfTheRightColour(t *testing.T) {
	const users, items = 7, 10
	log := Checkerboard(users, items)
	if log.Users.Len() != users || log.Items.Len() != items {
		t.Fatalf("got %d users and %d items, want %d and %d", log.Users.Len(), log.Items.Len(), users, items)
	}
	had := make(map[[2]int32]bool)
	for e, u := range log.User {
		had[[2]int32{u, log.Item[e]}] = true
	}
	for u := range int32(users) {
		for i := range int32(items) {
			want := u%2 == i%2 && u != i
			if got := had[[2]int32{u, i}]; got != want {
				t.Errorf("user %d, item %d: got %v, want %v", u, i, got, want)
			}
		}
	}
	if log.Len() != len(had) {
		t.Errorf("got %d events on %d pairs, want no repeats", log.Len(), len(had))
	}
}

// sameEverywhere pins the bytes of a world. The digest changes with the words and
// with the drawing: read some titles, then replace it.
func sameEverywhere(t *testing.T, w *World, want string) {
	t.Helper()
	bytes, err := json.Marshal([]any{w.Items, w.Tastes, w.Log.User, w.Log.Item, w.Log.Time, w.Log.Kind})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(bytes)
	if got := hex.EncodeToString(sum[:8]); got != want {
		t.Errorf("got digest %s, want %s", got, want)
	}
}

func TestMagazineIsTheSameEverywhere(t *testing.T) {
	sameEverywhere(t, Magazine(7, Size{Items: 200, Readers: 50}), "520009d1f40f4506")
}

func TestMagazineSizes(t *testing.T) {
	for _, size := range []Size{{1, 1}, {2, 3}, {13, 5}, {14, 5}, {15, 5}, {MaxItems, 1}} {
		w := Magazine(1, size)
		if len(w.Items) != size.Items || len(w.Tastes) != size.Readers {
			t.Errorf("%v: got %d items and %d readers", size, len(w.Items), len(w.Tastes))
		}
	}
	w := Magazine(1, Size{})
	if len(w.Items) != 1200 || len(w.Tastes) != 3000 {
		t.Errorf("zero Size: got %d items and %d readers, want 1200 and 3000", len(w.Items), len(w.Tastes))
	}
}

func TestMagazineArticlesAreWholeAndDifferent(t *testing.T) {
	seen := make(map[string]bool)
	for _, item := range Magazine(3, Size{Items: MaxItems, Readers: 1}).Items {
		for _, s := range []string{item.Title, item.ID} {
			if s == "" || seen[s] {
				t.Errorf("%q: empty or twice", s)
			}
			seen[s] = true
		}
		if strings.Contains(item.Title+item.Text, "%") || strings.Contains(item.Title, "  ") {
			t.Errorf("%q, %q: a frame without its thing", item.Title, item.Text)
		}
		if len(item.Tags) != 3 || slices.Contains(item.Tags, "") {
			t.Errorf("%q: got tags %q, want topic, subtopic and form", item.Title, item.Tags)
		}
		if strings.Count(item.Author, " ") != 1 || item.Published < birth || item.Published >= end {
			t.Errorf("%q: author %q, published %d", item.Title, item.Author, item.Published)
		}
	}
}

func TestMagazineReadersFollowTheirTastes(t *testing.T) {
	w := Magazine(1, Size{})
	log := w.Log
	readers := make([]int, len(w.Items))
	favourite, liked, likedFavourite := 0, 0, 0
	met := make(map[[2]int32]bool)
	for e, u := range log.User {
		i := log.Item[e]
		readers[i]++
		if met[[2]int32{u, i}] {
			t.Fatalf("reader %d met item %d twice", u, i)
		}
		met[[2]int32{u, i}] = true
		if at := log.Time[e]; at < start || at < w.Items[i].Published || at >= end {
			t.Fatalf("event %d at %d: outside the 180 days, or before item %d was published", e, at, i)
		}
		if log.Items.ID(i) != w.Items[i].ID {
			t.Fatalf("item %d: log says %q, catalogue %q", i, log.Items.ID(i), w.Items[i].ID)
		}
		loves := slices.Contains(w.Tastes[u], w.Items[i].Tags[0])
		if loves {
			favourite++
		}
		if log.Kind[e] == profile.KindLike {
			liked++
			if loves {
				likedFavourite++
			}
		}
	}
	if !slices.IsSorted(log.Time) {
		t.Error("events are not in time order")
	}
	// 72 in 100 are drawn from the favourites. Chance adds to them; a small
	// topic that is read out takes away.
	if share := float64(favourite) / float64(log.Len()); share < .68 || share > .80 {
		t.Errorf("share of favourite topics: got %.3f, want about .72", share)
	}
	if share := float64(likedFavourite) / float64(liked); share < .90 {
		t.Errorf("share of favourite topics among likes: got %.3f, want at least .90", share)
	}
	if least, most := slices.Min(readers), slices.Max(readers); most < 20*least {
		t.Errorf("readers an item: from %d to %d, want a long tail", least, most)
	}
	for u, tastes := range w.Tastes {
		if len(tastes) < 1 || len(tastes) > 3 {
			t.Errorf("reader %d: got %d favourite topics, want 1 to 3", u, len(tastes))
		}
	}
}

func TestDailyIsTheSameEverywhere(t *testing.T) {
	sameEverywhere(t, Daily(7, Size{Items: 200, Readers: 50}), "2ea4fe43b79d3ca7")
}

func TestDailyPiecesAreWholeAndDifferent(t *testing.T) {
	seen := make(map[string]bool)
	desks := make(map[string]int)
	for _, item := range Daily(3, Size{Items: MaxDaily, Readers: 1}).Items {
		for _, s := range []string{item.Title, item.ID} {
			if s == "" || seen[s] {
				t.Errorf("%q: empty or twice", s)
			}
			seen[s] = true
		}
		if strings.Contains(item.Title, "%") || strings.Contains(item.Title, "  ") {
			t.Errorf("%q: a frame without its thing", item.Title)
		}
		if len(item.Tags) != 3 || slices.Contains(item.Tags, "") {
			t.Errorf("%q: got tags %q, want desk, beat and part", item.Title, item.Tags)
		}
		if strings.Count(item.Author, " ") != 1 || item.Published < birth || item.Published >= end {
			t.Errorf("%q: author %q, published %d", item.Title, item.Author, item.Published)
		}
		desks[item.Tags[0]]++
	}
	if desks[news] != desks[cinema] {
		t.Errorf("got %d pieces of news and %d of cinema, want as many", desks[news], desks[cinema])
	}
}

// Cleaning wants five readers of an item, and 10,000 items are to be left.
func TestDailyIsReadToItsEnd(t *testing.T) {
	w := Daily(1, Size{})
	readers := make([]int, len(w.Items))
	for _, i := range w.Log.Item {
		readers[i]++
	}
	few := 0
	for _, n := range readers {
		if n < 5 {
			few++
		}
	}
	if left := len(w.Items) - few; left < 10_000 {
		t.Errorf("got %d items with five readers, want 10,000", left)
	}
}
