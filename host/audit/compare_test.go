package audit

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func jsonOf(t testing.TB, r *Report) []byte {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReportsRoundTrip(t *testing.T) {
	want := *made
	want.Format = formatVersion
	got, err := ParseReport(jsonOf(t, &want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
	if list := Changes(got, &want); len(list) != 0 {
		t.Errorf("got the changes %v, want none", list)
	}
}

func TestReportsThatAreNone(t *testing.T) {
	good := *made
	good.Format = formatVersion
	text := string(jsonOf(t, &good))
	for name, bad := range map[string]string{
		"nothing":             "",
		"a list":              "[]",
		"more behind it":      text + "{}",
		"an unknown field":    strings.Replace(text, `"format"`, `"size"`, 1),
		"another format":      strings.Replace(text, `"format":1`, `"format":2`, 1),
		"another verdict":     strings.Replace(text, `"PASS"`, `"FINE"`, 1),
		"another summary":     strings.Replace(text, `"pass":1`, `"pass":2`, 1),
		"checks out of order": strings.Replace(text, `"A01"`, `"A09"`, 1),
		"a check twice":       strings.Replace(text, `"A02"`, `"A01"`, 1),
		"too long":            strings.Repeat(" ", MaxReport+1),
	} {
		if r, err := ParseReport([]byte(bad)); r != nil || err == nil {
			t.Errorf("%s: got %v and no error", name, r)
		}
	}
}

func TestChanges(t *testing.T) {
	old := &Report{Header: Header{Version: 7}, Checks: []Check{
		{ID: "A01", Verdict: Pass, Evidence: []Fact{{"key", "a"}, {"key", "b"}}},
		{ID: "A02", Verdict: Pass},
		{ID: "A03", Verdict: NotRun, Reason: "no go", Evidence: []Fact{{"n", "1"}}},
	}}
	now := &Report{Header: Header{Version: 8}, Checks: []Check{
		{ID: "A01", Verdict: Pass, Evidence: []Fact{{"key", "a"}, {"key", "c"}}},
		{ID: "A03", Verdict: Fail, Reason: "differs"},
		{ID: "A04", Verdict: Pass},
	}}
	want := []Change{
		{"header", "release", `channel "", version 7`, `channel "", version 8`},
		{"A01", "key (2)", "b", "c"},
		{"A03", "verdict", "NOT-RUN", "FAIL"},
		{"A03", "reason", "no go", "differs"},
		{"A03", "n", "1", ""},
		{"A04", "verdict", "", "PASS"},
		{"A02", "verdict", "PASS", ""},
	}
	if diff := cmp.Diff(want, Changes(old, now)); diff != "" {
		t.Error(diff)
	}
	var b bytes.Buffer
	if err := WriteChanges(&b, want[4:6]); err != nil || b.String() != "A03, n        1 → (nothing)\nA04, verdict  (nothing) → PASS\n" {
		t.Errorf("got %q, %v", b.String(), err)
	}
	b.Reset()
	if err := WriteChanges(&b, nil); err != nil || b.String() != "nothing  has changed\n" {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

// FuzzReport: what is read is written as itself, and comparing never fails.
func FuzzReport(f *testing.F) {
	good := *made
	good.Format = formatVersion
	f.Add(jsonOf(f, &good))
	f.Add([]byte(`{"format":1,"checks":[{"id":"A01","verdict":"PASS","evidence":[{"name":"a","value":"b"}]}],"summary":{"checks":1,"pass":1}}`))
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseReport(text)
		if err != nil {
			return
		}
		again, err := ParseReport(jsonOf(t, r))
		if err != nil {
			t.Fatalf("what was read is not read again: %v", err)
		}
		if list := Changes(r, again); len(list) > 0 {
			t.Fatalf("got the changes %v of a report to itself", list)
		}
		Changes(r, &good)
		var b bytes.Buffer
		if r.HTML(&b) != nil || r.Text(&b) != nil {
			t.Fatal("it cannot be written")
		}
	})
}
