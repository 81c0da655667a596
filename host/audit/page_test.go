package audit

import (
	"bytes"
	"strings"
	"testing"
)

// made has a check of each verdict, with text that is not to be trusted.
var made = &Report{
	Header: Header{Channel: "news", Version: 7, Time: now, Bundle: strings.Repeat("ab", 32), Tool: "nearside v1", ToolHash: "cd"},
	Checks: []Check{
		{ID: "A01", Title: "It is signed", Meaning: "By them.", Verdict: Pass, Evidence: []Fact{{"key", "right"}, {"a name that is longer than the column for names", "x"}}, Command: "nearside audit b --only A01"},
		{ID: "A02", Title: "It is <written>", Verdict: Fail, Reason: `byte 3 is "<script>alert(1)</script>"`, Evidence: []Fact{{"<b>", "&"}}},
		{ID: "A03", Title: "It runs", Verdict: NotRun, Reason: "no engine", Evidence: []Fact{}},
	},
	Summary: Summary{Checks: 3, Pass: 1, Fail: 1, NotRun: 1},
}

func TestThePageStandsAlone(t *testing.T) {
	var b bytes.Buffer
	if err := made.HTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{
		"<strong>1 of 3 checks fails</strong>", "Something is not as it should be", "1 of 3 passes.", "channel “news”, release 7",
		"It is &lt;written&gt;", "<dt>&lt;b&gt;</dt><dd>&amp;</dd>", "<code>nearside audit b --only A01</code>", ">no engine<",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, bad := range []string{"<script", "<link", "<img", "src=", "href=", "url(", "@import", "http:", "https:", "<no value>", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, c := range []struct {
		summary Summary
		want    string
	}{
		{Summary{Checks: 1, Pass: 1}, "<strong>1 check: 1 pass</strong>\n<p>Everything that was checked holds"},
		{Summary{Checks: 2, Pass: 1, NotRun: 1}, "<strong>1 of 2 checks could not be made</strong>\n<p>Nothing was found wrong, but not everything could be checked"},
	} {
		r := Report{Summary: c.summary}
		b.Reset()
		if err := r.HTML(&b); err != nil || !strings.Contains(b.String(), c.want) {
			t.Errorf("%v: got %v and no %q", c.summary, err, c.want)
		}
	}
}

func TestTextIsInColumns(t *testing.T) {
	var b bytes.Buffer
	if err := made.Text(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"PASS     A01  It is signed\n              key  right\n              a name that is longer than the column for names  x\n              $ nearside audit b --only A01\n",
		"FAIL     A02  It is <written>\n              why: byte 3",
		"NOT-RUN  A03  It runs\n              why: no engine\n",
		"time given   2027-01-15T08:16:40Z (1800001000)\n",
		"\n3 checks: 1 pass, 1 fail, 1 not run\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q in\n%s", want, text)
		}
	}
}
