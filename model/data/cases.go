package data

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nearside/nearside/model/core/profile"
)

// CaseReport says what ReadCases or ReadNegatives made of a file.
type CaseReport struct {
	Source string // the file
	Cases  int

	UnknownHistory   int // items of histories that the catalogue does not have: left out
	UnknownTargets   int // cases whose target it does not have: NoItem
	UnknownNegatives int // candidates that it does not have: left out
	UnknownUsers     int // lines without a case: the training log does not have their user
	Overlap          int // lines without a case: the training log has their user and target
}

// String gives the report as text for a person, without a line feed at the end.
func (r CaseReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s cases", r.Source, grouped(r.Cases))
	for _, line := range []struct {
		n    int
		text string
	}{
		{r.UnknownHistory, "items of histories are not in the catalogue: left out"},
		{r.UnknownTargets, "targets are not in the catalogue: missed by every model"},
		{r.UnknownNegatives, "candidates are not in the catalogue: left out"},
		{r.UnknownUsers, "users are not in the training log: skipped"},
		{r.Overlap, "targets are in the training log too: skipped"},
	} {
		if line.n > 0 {
			fmt.Fprintf(&b, "\n%12s %s", grouped(line.n), line.text)
		}
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
func ReadCases(path string, items *IDs) ([]Case, CaseReport, error) {
	report := CaseReport{Source: path}
	var cases []Case
	err := eachLine(path, func(line []byte) (want string) {
		c, want := report.readPrefix(line, items)
		if want == "" {
			cases = append(cases, c)
		}
		return want
	})
	return report.finish(cases, err)
}

// readPrefix reads a line of ReadCases; want is not "" when it is malformed.
func (r *CaseReport) readPrefix(line []byte, items *IDs) (c Case, want string) {
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

// ReadNegatives reads the cases of He et al., Neural Collaborative Filtering
// (WWW 2017), section 4.1: each line has (user,item), the target, and after a
// tab each the items that it is ranked among. The file may end in .gz or .zst.
// Ids are those of train, without commas. A user's history is what train has of
// the user; train is as for LeaveLastOut. Lines whose user train does not have,
// or whose target it has for that user, give no case. A malformed line is a
// *LineError, and a file without a case an error.
//
// The candidates of the published file hold the target itself here and there;
// what comes twice counts once.
func ReadNegatives(path string, train *Log) ([]Case, CaseReport, error) {
	if err := checkClean("given negatives", train); err != nil {
		return nil, CaseReport{}, err
	}
	n := negatives{report: CaseReport{Source: path}, train: train, had: train.pairs()}
	n.ptr, n.rows = train.byUserInTime()
	err := eachLine(path, n.read)
	return n.report.finish(n.cases, err)
}

// negatives is one call of ReadNegatives.
type negatives struct {
	train  *Log
	had    map[pair]bool
	ptr    []int // see Log.byUser
	rows   []int32
	cases  []Case
	report CaseReport
}

// read reads a line; want is not "" when it is malformed.
func (n *negatives) read(line []byte) (want string) {
	head, tail, tab := bytes.Cut(line, []byte{'\t'})
	inner, open := bytes.CutPrefix(head, []byte{'('})
	inner, closed := bytes.CutSuffix(inner, []byte{')'})
	userID, itemID, comma := bytes.Cut(inner, []byte{','})
	if !tab || !open || !closed || !comma {
		return "(user,item) and, after a tab each, the items that it is ranked among"
	}
	target, among, unknown := NoItem, []int32{}, 0
	if i, known := n.train.Items.index[string(itemID)]; known {
		target = i
		among = append(among, i)
	}
	for id := range bytes.SplitSeq(tail, []byte{'\t'}) {
		if !validID(id) {
			return "candidates of " + wantID
		}
		if i, known := n.train.Items.index[string(id)]; known {
			among = append(among, i)
		} else {
			unknown++
		}
	}
	if !validID(userID) || !validID(itemID) {
		return "a user and an item of " + wantID
	}
	user, known := n.train.Users.index[string(userID)]
	switch {
	case !known:
		n.report.UnknownUsers++
		return ""
	case n.had[pair{user, target}]:
		n.report.Overlap++
		return ""
	case target == NoItem:
		n.report.UnknownTargets++
	}
	n.report.UnknownNegatives += unknown
	slices.Sort(among)
	n.cases = append(n.cases, Case{
		History: n.train.events(n.rows[n.ptr[user]:n.ptr[user+1]]),
		Target:  []int32{target}, Among: slices.Compact(among),
	})
	return ""
}

// finish returns what was read unless err, or that it is nothing, forbids.
func (r CaseReport) finish(cases []Case, err error) ([]Case, CaseReport, error) {
	if err == nil && len(cases) == 0 {
		err = fmt.Errorf("data: %s: no cases", r.Source)
	}
	if err != nil {
		return nil, CaseReport{}, err
	}
	r.Cases = len(cases)
	return cases, r, nil
}

// eachLine gives the lines of a file that are not empty to take, which says
// what it wants when one is malformed.
func eachLine(path string, take func(line []byte) (want string)) (err error) {
	src, err := openSource(path, nil)
	if err != nil {
		return err
	}
	defer func() {
		if e := src.close(); e != nil && err == nil {
			err = fmt.Errorf("data: %w", e)
		}
	}()
	in := lines{name: path, r: src.r}
	for {
		line, err := in.next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case len(line) == 0:
			continue
		}
		if want := take(line); want != "" {
			return in.malformed(line, want)
		}
	}
}
