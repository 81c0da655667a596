package data

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/nearside/nearside/model/core/profile"
)

// CaseReport says what ReadCases made of a file.
type CaseReport struct {
	Source string // the file
	Cases  int    // one for each line

	UnknownHistory int // items of histories that the catalogue does not have, left out
	UnknownTargets int // cases whose target it does not have: NoItem
}

// String gives the report as text for a person, without a line feed at the end.
func (r CaseReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s cases", r.Source, grouped(r.Cases))
	if r.UnknownHistory > 0 {
		fmt.Fprintf(&b, "\n%12s items of histories are not in the catalogue: left out", grouped(r.UnknownHistory))
	}
	if r.UnknownTargets > 0 {
		fmt.Fprintf(&b, "\n%12s targets are not in the catalogue: missed by every model", grouped(r.UnknownTargets))
	}
	return b.String()
}

// ReadCases reads what others have prepared to judge session models by, as
// Wu et al. do (Session-based Recommendation with Graph Neural Networks, AAAI
// 2019, section 4): each line has the items of a session so far, oldest first
// and between blanks, a tab, and the item that came next. The file may end in
// .gz or .zst. Items are given by their index in items, which should be those
// of the log that is learnt from. Empty lines are passed over; any other line
// that is not like that is a *LineError, and a file without a case an error.
func ReadCases(path string, items *IDs) (cases []Case, report CaseReport, err error) {
	src, err := openSource(path, nil)
	if err != nil {
		return nil, CaseReport{}, err
	}
	defer func() {
		if e := src.close(); e != nil && err == nil {
			cases, report, err = nil, CaseReport{}, fmt.Errorf("data: %w", e)
		}
	}()
	in := lines{name: path, r: src.r}
	report.Source = path
	for {
		line, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, CaseReport{}, err
		}
		if len(line) == 0 {
			continue
		}
		c, want := report.readCase(line, items)
		if want != "" {
			return nil, CaseReport{}, in.malformed(line, want)
		}
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		return nil, CaseReport{}, fmt.Errorf("data: %s: no cases", path)
	}
	report.Cases = len(cases)
	return cases, report, nil
}

// readCase reads one line; want is not "" when it is malformed.
func (r *CaseReport) readCase(line []byte, items *IDs) (c Case, want string) {
	before, after, tab := bytes.Cut(line, []byte{'\t'})
	next, rest := cutBlank(after)
	if !tab || len(rest) > 0 || len(bytes.TrimSpace(before)) == 0 {
		return Case{}, "the items of a session between blanks, a tab and the item that came next"
	}
	if !validID(next) {
		return Case{}, "items of " + wantID
	}
	for id := range bytes.FieldsSeq(before) {
		if !validID(id) {
			return Case{}, "items of " + wantID
		}
		if i, known := items.index[string(id)]; known {
			c.History = append(c.History, Event{Item: i, Kind: profile.KindView, Weight: 1})
		} else {
			r.UnknownHistory++
		}
	}
	target, known := items.index[string(next)]
	if !known {
		target = NoItem
		r.UnknownTargets++
	}
	c.Target = []int32{target}
	return c, ""
}
