package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// MaxReport bounds what ParseReport reads, in bytes.
const MaxReport = 16 << 20

// ParseReport reads the JSON of a report. It believes nothing of it: what it
// returns is what somebody says to have found.
func ParseReport(text []byte) (*Report, error) {
	if len(text) > MaxReport {
		return nil, fmt.Errorf("audit: a report of %d bytes: want at most %d", len(text), MaxReport)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var r Report
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("audit: report: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("audit: report: something comes after it")
	}
	if r.Format != formatVersion {
		return nil, fmt.Errorf("audit: report: format %d: want %d", r.Format, formatVersion)
	}
	for i, c := range r.Checks {
		switch {
		case c.Verdict != Pass && c.Verdict != Fail && c.Verdict != NotRun:
			return nil, fmt.Errorf("audit: report: verdict %q: want %s, %s or %s", c.Verdict, Pass, Fail, NotRun)
		case i > 0 && c.ID <= r.Checks[i-1].ID:
			return nil, fmt.Errorf("audit: report: check %q after %q: want ids in their order", c.ID, r.Checks[i-1].ID)
		}
	}
	if r.Summary != summarise(r.Checks) {
		return nil, errors.New("audit: report: the summary is not that of the checks")
	}
	return &r, nil
}

// Change is something that two reports say differently; "" where one of them
// does not say it.
type Change struct {
	Where string `json:"where"` // a check's id, or "header"
	Name  string `json:"name"`  // of the fact, or "verdict", "reason"
	Old   string `json:"old"`
	New   string `json:"new"`
}

// Changes lists what is different in a newer report: header, verdicts and
// evidence. How to repeat a check is no finding.
func Changes(old, now *Report) []Change {
	list := compareFacts("header", old.Header.facts(), now.Header.facts())
	before := map[string]Check{}
	for _, c := range old.Checks {
		before[c.ID] = c
	}
	for _, c := range now.Checks {
		list = append(list, compareFacts(c.ID, before[c.ID].said(), c.said())...)
		delete(before, c.ID)
	}
	for _, c := range old.Checks {
		if _, gone := before[c.ID]; gone {
			list = append(list, compareFacts(c.ID, c.said(), nil)...)
		}
	}
	return list
}

// said is all that a check says, as facts.
func (c Check) said() []Fact {
	if c.ID == "" {
		return nil
	}
	facts := []Fact{{"verdict", string(c.Verdict)}}
	if c.Reason != "" {
		facts = append(facts, Fact{"reason", c.Reason})
	}
	return append(facts, c.Evidence...)
}

// compareFacts matches facts by name, those of one name by their order.
func compareFacts(where string, old, now []Fact) (list []Change) {
	before := map[string]string{}
	for _, f := range numbered(old) {
		before[f.Name] = f.Value
	}
	for _, f := range numbered(now) {
		value, there := before[f.Name]
		if !there || value != f.Value {
			list = append(list, Change{where, f.Name, value, f.Value})
		}
		delete(before, f.Name)
	}
	for _, f := range numbered(old) {
		if value, gone := before[f.Name]; gone {
			list = append(list, Change{where, f.Name, value, ""})
		}
	}
	return list
}

// numbered gives the second fact of a name and later ones a number.
func numbered(facts []Fact) (list []Fact) {
	count := map[string]int{}
	for _, f := range facts {
		if count[f.Name]++; count[f.Name] > 1 {
			f.Name += " (" + strconv.Itoa(count[f.Name]) + ")"
		}
		list = append(list, f)
	}
	return list
}

// WriteChanges writes changes for a terminal.
func WriteChanges(w io.Writer, list []Change) error {
	var facts []Fact
	for _, c := range list {
		facts = append(facts, Fact{c.Where + ", " + c.Name, orNothing(c.Old) + " → " + orNothing(c.New)})
	}
	if len(facts) == 0 {
		facts = []Fact{{"nothing", "has changed"}}
	}
	var b bytes.Buffer
	writeFacts(&b, "", facts)
	_, err := w.Write(b.Bytes())
	return err
}

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}
