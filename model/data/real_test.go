package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestReadsPublicSequences reads sets that are told apart by their content:
// LightGCN's lists, S3-Rec's lists, BERT4Rec's and SASRec's pairs, FilmTrust's
// ratings and a log of sessions with a header.
func TestReadsPublicSequences(t *testing.T) {
	if testing.Short() {
		t.Skip("reads three million events")
	}
	for _, test := range []struct {
		dir, file          string
		format             Format
		rows, users, items int
		unordered          bool
	}{
		{"gowalla-lightgcn", "train.txt.gz", Lists, 810128, 29858, 40981, true},
		{"yelp2018-lightgcn", "train.txt.gz", Lists, 1237259, 31668, 38048, true},
		{"amazon-sequences", "s3rec_Beauty.txt.gz", Lists, 198502, 22363, 12101, true},
		{"amazon-sequences", "bert4rec_beauty.txt.gz", Blanks, 353962, 40226, 54542, false},
		{"amazon-sequences", "sasrec_video.txt.gz", Blanks, 287107, 31013, 23715, false},
		{"filmtrust", "ratings.txt.gz", Blanks, 35497, 1508, 2071, false},
		{"movielens-100k", "datasets_dilemma_loo/train.csv.gz", CSV, 97401, 943, 1349, false},
		{"yoochoose", "clicks-100k/yoochoose-clicks-100k_train_full.txt.gz", TSV, 70278, 17794, 2933, false},
	} {
		t.Run(test.dir+"/"+test.file, func(t *testing.T) {
			path := filepath.Join(realData(t, test.dir), test.file)
			l, report, err := ReadEvents(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(report)
			if !strings.HasPrefix(report.Source, path+": "+string(test.format)+",") {
				t.Errorf("got %s, want %s", report.Source, test.format)
			}
			if l.Len() != test.rows || l.Users.Len() != test.users || l.Items.Len() != test.items {
				t.Errorf("got %d rows, %d users, %d items, want %d, %d, %d",
					l.Len(), l.Users.Len(), l.Items.Len(), test.rows, test.users, test.items)
			}
			if l.Unordered != test.unordered {
				t.Errorf("got unordered %t, want %t", l.Unordered, test.unordered)
			}
		})
	}
}

// TestReadsPublicSessions reads the files of session models, whose counts are
// those that papers print, and their cases.
func TestReadsPublicSessions(t *testing.T) {
	if testing.Short() {
		t.Skip("reads two million events")
	}
	for _, test := range []struct {
		dir                    string
		sessions, pairs, items int
		report                 CaseReport
	}{
		{"yoochoose/srgnn_1_64", 116167, 369859, 17376, CaseReport{Cases: 55898, UnknownHistory: 2706, UnknownTargets: 412}},
		{"tmall-sessions", 65286, 351268, 40727, CaseReport{Cases: 25898}},
		{"nowplaying-sessions", 128077, 825304, 60416, CaseReport{Cases: 89824}},
		{"retailrocket-sessions", 126168, 559816, 36968, CaseReport{Cases: 15132}},
	} {
		t.Run(test.dir, func(t *testing.T) {
			dir := realData(t, test.dir)
			l, report, err := ReadEvents(filepath.Join(dir, "all_train_seq.plain.txt.gz"), Options{Format: Sessions})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(report)
			if l.Users.Len() != test.sessions || l.Len()-l.Users.Len() != test.pairs || l.Items.Len() != test.items || l.Unordered {
				t.Errorf("got %d sessions, %d pairs, %d items, unordered %t, want %d, %d, %d, false",
					l.Users.Len(), l.Len()-l.Users.Len(), l.Items.Len(), l.Unordered, test.sessions, test.pairs, test.items)
			}
			path := filepath.Join(dir, "test.plain.txt.gz")
			cases, read, err := ReadCases(path, &l.Items)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(read)
			test.report.Source = path
			if read != test.report || len(cases) != read.Cases {
				t.Errorf("got %d cases and %+v, want %+v", len(cases), read, test.report)
			}
		})
	}
}

// TestCleansAndSplitsMovieLens goes the whole way once, on real events.
func TestCleansAndSplitsMovieLens(t *testing.T) {
	events, _, err := Find(realData(t, "movielens-latest-small"))
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := ReadEvents(events, Options{MinRating: 4})
	if err != nil {
		t.Fatal(err)
	}
	l, report := Clean(raw, Cleaning{MinUserItems: 5, MinItemUsers: 5, MaxUserItems: 1000})
	t.Log(report)
	last, err := LeaveLastOut(l)
	if err != nil {
		t.Fatal(err)
	}
	if len(last.Cases) != l.Users.Len() || last.Train.Len() != l.Len()-l.Users.Len() {
		t.Errorf("leave last out: %d cases and %d rows to train on, of %d users and %d rows",
			len(last.Cases), last.Train.Len(), l.Users.Len(), l.Len())
	}
	temporal, err := Temporal(l, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Len() - temporal.Train.Len(); got < l.Len()/10 || got > l.Len()/10+100 {
		t.Errorf("temporal: %d rows of %d are for testing, want a tenth", got, l.Len())
	}
	strong, err := StrongGeneralisation(l, 50, 0.2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(strong.Cases) != 50 || strong.Train.Users.Len() != l.Users.Len()-50 {
		t.Errorf("strong generalisation: %d cases and %d users to train on", len(strong.Cases), strong.Train.Users.Len())
	}
}
