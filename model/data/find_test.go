package data

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for _, test := range []struct{ files, events, items string }{
		{"ratings.csv movies.csv tags.csv", "ratings.csv", "movies.csv"},
		{"ratings.csv.gz movies.csv.zst", "ratings.csv.gz", "movies.csv.zst"},
		{"u.data u.item.gz u.user", "u.data", "u.item.gz"},
		{"ratings.dat movies.dat", "ratings.dat", "movies.dat"},
		{"ratings_no_timestamp.dat.gz movies.dat.gz", "ratings_no_timestamp.dat.gz", "movies.dat.gz"},
		{"train.txt test.txt", "train.txt", ""},
		{"events.parquet items.jsonl.gz", "events.parquet", "items.jsonl.gz"},
		{"events.csv ratings.csv movies.csv", "events.csv", ""},
	} {
		dir := t.TempDir()
		for name := range strings.FieldsSeq(test.files) {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Mkdir(filepath.Join(dir, "items.csv"), 0o700); err != nil {
			t.Fatal(err)
		}
		events, items, err := Find(dir)
		if err != nil {
			t.Fatalf("%s: %v", test.files, err)
		}
		want := test.items
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if events != filepath.Join(dir, test.events) || items != want {
			t.Errorf("%s: got %q and %q, want %q and %q", test.files, events, items, test.events, test.items)
		}
	}
}

func TestFindSaysWhatItLookedFor(t *testing.T) {
	dir := t.TempDir()
	want := "data: " + dir + ": no event file: looked for events.csv, events.tsv, events.jsonl, events.parquet, ratings.csv, " +
		"ratings.dat, ratings_no_timestamp.dat, u.data, train.txt, each also with .gz or .zst"
	if _, _, err := Find(dir); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, _, err := Find(filepath.Join(dir, "none")); err == nil || !strings.HasPrefix(err.Error(), "data: open ") {
		t.Errorf("got %v for a folder that is not there", err)
	}
}
