package data

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// realData returns a folder of the public data sets, which are not part of the
// repository. NEARSIDE_DATA names where they are.
func realData(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("NEARSIDE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no data set in %s: set NEARSIDE_DATA to the folder that has %s", dir, name)
	}
	return dir
}

func TestReadsMovieLens(t *testing.T) {
	for _, test := range []struct {
		name                string
		rows, users, items  int
		catalogue           int
		times               bool
		title, tag, latin1  string
		published, untagged int64
	}{
		{name: "movielens-100k", rows: 100_000, users: 943, items: 1682, catalogue: 1682, times: true,
			title: "Toy Story (1995)", tag: "Animation", latin1: "Misérables, Les (1995)", published: 788918400, untagged: 2},
		{name: "movielens-latest-small", rows: 100_836, users: 610, items: 9724, catalogue: 9742, times: true,
			title: "Toy Story (1995)", tag: "Adventure", latin1: "Misérables, Les (1995)", untagged: 34},
		{name: "movielens-1m", rows: 1_000_209, users: 6040, items: 3706, catalogue: 3883,
			title: "Toy Story (1995)", tag: "Animation", latin1: "Misérables, Les (1995)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			events, items, err := Find(realData(t, test.name))
			if err != nil {
				t.Fatal(err)
			}
			l, report, err := ReadEvents(events, Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(report)
			if l.Len() != test.rows || l.Users.Len() != test.users || l.Items.Len() != test.items {
				t.Errorf("got %d rows, %d users, %d items, want %d, %d, %d",
					l.Len(), l.Users.Len(), l.Items.Len(), test.rows, test.users, test.items)
			}
			if (l.Time != nil) != test.times || l.Kind != nil || l.Weight != nil {
				t.Errorf("got times %t, kinds %t, weights %t, want %t, false, false",
					l.Time != nil, l.Kind != nil, l.Weight != nil, test.times)
			}
			catalogue, report, err := ReadItems(items, Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(report)
			if len(catalogue) != test.catalogue {
				t.Errorf("got %d items, want %d", len(catalogue), test.catalogue)
			}
			first := catalogue[0]
			if first.ID != "1" || first.Title != test.title || !slices.Contains(first.Tags, test.tag) || first.Published != test.published {
				t.Errorf("got first item %+v, want %q with tag %q", first, test.title, test.tag)
			}
			if !slices.ContainsFunc(catalogue, func(i Item) bool { return i.Title == test.latin1 }) {
				t.Errorf("no item has the title %q", test.latin1)
			}
			untagged := int64(0)
			for _, item := range catalogue {
				if len(item.Tags) == 0 {
					untagged++
				}
			}
			if untagged != test.untagged {
				t.Errorf("got %d items without tags, want %d", untagged, test.untagged)
			}
		})
	}
}
