package data

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/profile"
)

// view is an event as ReadCases makes it.
func view(item int32) Event { return Event{Item: item, Kind: profile.KindView, Weight: 1} }

func TestReadCases(t *testing.T) {
	l := parse(t, "u a; u b; u c")
	path := write(t, "test.txt", "a b a\tc\n\n zz  b\tb\r\nzz\tyy\n")
	cases, report, err := ReadCases(path, &l.Items)
	if err != nil {
		t.Fatal(err)
	}
	want := []Case{
		{History: []Event{view(0), view(1), view(0)}, Target: []int32{2}},
		{History: []Event{view(1)}, Target: []int32{1}},
		{Target: []int32{NoItem}},
	}
	if diff := cmp.Diff(want, cases); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(CaseReport{Source: path, Cases: 3, UnknownHistory: 2, UnknownTargets: 1}, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	const text = `: 3 cases
           2 items of histories are not in the catalogue: left out
           1 targets are not in the catalogue: missed by every model`
	if got := report.String(); got != path+text {
		t.Errorf("got %s, want %s", got, path+text)
	}
}

func TestReadCasesRefuses(t *testing.T) {
	const wantLine = "want the items of a session between blanks, a tab and the item that came next"
	for _, test := range []struct{ name, text, want string }{
		{"no file content", "", ": empty file"},
		{"empty lines", "\n\n", ": no cases"},
		{"no tab", "a\tb\na b c\n", `:2: line "a b c": ` + wantLine},
		{"no history", " \tb\n", `:1: line " \tb": ` + wantLine},
		{"no target", "a b\t\n", `:1: line "a b\t": want items of ` + wantID},
		{"two targets", "a\tb c\n", `:1: line "a\tb c": ` + wantLine},
		{"two tabs", "a\tb\tc\n", `:1: line "a\tb\tc": ` + wantLine},
		{"no UTF-8", "a \xff\tb\n", `:1: line "a \xff\tb": want items of ` + wantID},
		{"an id too long", "a\t" + strings.Repeat("b", 257), `:1: line "a\t` + strings.Repeat("b", 78) + `": want items of ` + wantID},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, "test.txt", test.text)
			cases, _, err := ReadCases(path, new(IDs))
			if want := "data: " + path + test.want; err == nil || err.Error() != want || cases != nil {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestReadNegatives(t *testing.T) {
	train := parse(t, "u a @2; u b @1; v c @3; w a @4")
	path := write(t, "test.negative", "(u,c)\ta\tc\tzz\n(v,zz)\tb\ta\tb\n(x,a)\tb\n\n(w,a)\tb\n")
	cases, report, err := ReadNegatives(path, train)
	if err != nil {
		t.Fatal(err)
	}
	timed := func(item int32, at int64) Event { e := view(item); e.Time = at; return e }
	want := []Case{
		{History: []Event{timed(1, 1), timed(0, 2)}, Target: []int32{2}, Among: []int32{0, 2}},
		{History: []Event{timed(2, 3)}, Target: []int32{NoItem}, Among: []int32{0, 1}},
	}
	if diff := cmp.Diff(want, cases); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
	counts := CaseReport{Source: path, Cases: 2, UnknownTargets: 1, UnknownNegatives: 1, UnknownUsers: 1, Overlap: 1}
	if diff := cmp.Diff(counts, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestReadNegativesRefuses(t *testing.T) {
	const wantLine = "want (user,item) and, after a tab each, the items that it is ranked among"
	train := parse(t, "u a; v b")
	for _, test := range []struct{ name, text, want string }{
		{"no candidates", "(u,b)", `:1: line "(u,b)": ` + wantLine},
		{"no brackets", "u,b\ta", `:1: line "u,b\ta": ` + wantLine},
		{"no comma", "(u b)\ta", `:1: line "(u b)\ta": ` + wantLine},
		{"an empty candidate", "(u,b)\ta\t\ta", `:1: line "(u,b)\ta\t\ta": want candidates of ` + wantID},
		{"an empty user", "(,b)\ta", `:1: line "(,b)\ta": want a user and an item of ` + wantID},
		{"strangers alone", "(x,b)\ta", ": no cases"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, "test.negative", test.text)
			cases, _, err := ReadNegatives(path, train)
			if want := "data: " + path + test.want; err == nil || err.Error() != want || cases != nil {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}
