package data

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// rowsOf counts the rows of each user id.
func rowsOf(l *Log) map[string]int {
	rows := map[string]int{}
	for _, u := range l.User {
		rows[l.Users.ID(u)]++
	}
	return rows
}

func TestSampleTakesWholeUsersAndKeepsItems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := cleanLog(t)
		seed := rapid.Uint64().Draw(t, "seed")
		n := rapid.IntRange(0, l.Users.Len()+1).Draw(t, "users")
		s := Sample(l, n, seed)
		if got, want := s.Users.Len(), min(n, l.Users.Len()); got != want {
			t.Errorf("got %d users, want %d", got, want)
		}
		if diff := cmp.Diff(ids(&l.Items), ids(&s.Items)); diff != "" {
			t.Errorf("items (-want +got):\n%s", diff)
		}
		all, more := rowsOf(l), rowsOf(Sample(l, n+1, seed))
		for user, rows := range rowsOf(s) {
			if rows != all[user] || rows != more[user] {
				t.Errorf("user %q: %d rows, want %d; one user more: %d", user, rows, all[user], more[user])
			}
		}
	})
}
