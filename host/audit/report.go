package audit

import "fmt"

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	Pass   Verdict = "PASS"
	Fail   Verdict = "FAIL"
	NotRun Verdict = "NOT-RUN" // it could not be made; never as good as Pass
)

// ExitCode is what a command ends with whose worst verdict this is.
func (v Verdict) ExitCode() int {
	switch v {
	case Pass:
		return 0
	case NotRun:
		return 3
	}
	return 1
}

// formatVersion is that of a report's JSON.
const formatVersion = 1

// Report is what an audit found. Hashes are SHA-256 in hexadecimal.
type Report struct {
	Format  int     `json:"format"`
	Header  Header  `json:"header"`
	Summary Summary `json:"summary"`
	Checks  []Check `json:"checks"` // by id
}

// Header says what was looked at, and with what.
type Header struct {
	Tool      string `json:"tool"`        // version of the program
	ToolHash  string `json:"tool_sha256"` // of its file; "" when it is not known
	Toolchain string `json:"toolchain"`   // that compiled it
	Bundle    string `json:"bundle_sha256"`
	Root      string `json:"root_sha256"`
	Manifest  string `json:"manifest_sha256"` // "" when the bundle has none that can be found
	Module    string `json:"module_sha256"`
	Channel   string `json:"channel"`
	Version   uint64 `json:"version"` // of the release
	Time      int64  `json:"time"`    // that was given, Unix seconds
}

// Summary counts verdicts.
type Summary struct {
	Checks int `json:"checks"`
	Pass   int `json:"pass"`
	Fail   int `json:"fail"`
	NotRun int `json:"not_run"`
}

// String gives the counts in words: "14 checks: 13 pass, 1 not run".
func (s Summary) String() string {
	text := fmt.Sprintf("%d checks: %d pass", s.Checks, s.Pass)
	if s.Checks == 1 {
		text = fmt.Sprintf("1 check: %d pass", s.Pass)
	}
	if s.Fail > 0 {
		text += fmt.Sprintf(", %d fail", s.Fail)
	}
	if s.NotRun > 0 {
		text += fmt.Sprintf(", %d not run", s.NotRun)
	}
	return text
}

// Check is one question and its answer.
type Check struct {
	ID       string  `json:"id"`
	Title    string  `json:"title"`   // what holds when it passes
	Meaning  string  `json:"meaning"` // what that is good for
	Verdict  Verdict `json:"verdict"`
	Reason   string  `json:"reason,omitempty"` // of Fail and NotRun
	Evidence []Fact  `json:"evidence"`
	Command  string  `json:"command"` // repeats this check alone
}

// Fact is one thing that a check found.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Worst returns the worst verdict: Fail before NotRun before Pass.
func (r *Report) Worst() Verdict {
	switch {
	case r.Summary.Fail > 0:
		return Fail
	case r.Summary.NotRun > 0:
		return NotRun
	}
	return Pass
}

// finding collects what one check finds. It passes until something is wrong.
type finding struct {
	verdict  Verdict
	reason   string
	evidence []Fact
}

// note adds a fact.
func (f *finding) note(name, format string, args ...any) {
	f.evidence = append(f.evidence, Fact{name, fmt.Sprintf(format, args...)})
}

// fail says that the check does not hold, and why. What follows is added to
// the reason.
func (f *finding) fail(format string, args ...any) {
	if f.verdict != Fail {
		f.verdict, f.reason = Fail, "" // why something was not run is no longer of interest
	}
	f.because(format, args...)
}

// notRun says that a part of the check could not be made, and why.
func (f *finding) notRun(format string, args ...any) {
	if f.verdict == Fail {
		return
	}
	f.verdict = NotRun
	f.because(format, args...)
}

func (f *finding) because(format string, args ...any) {
	if f.reason != "" {
		f.reason += "; "
	}
	f.reason += fmt.Sprintf(format, args...)
}
