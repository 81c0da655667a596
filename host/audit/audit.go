package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Options say what to look at. Bundle and Root are needed; the zero values of
// the rest are fine, but for Now.
type Options struct {
	Bundle  []byte   // bundle.nsb
	Root    []byte   // root.nsr, a document or an envelope
	Head    []byte   // head.nsh of the channel; nil: none
	State   []byte   // what a device remembers before it sees the head; nil: it is new
	Module  []byte   // nil: the embedded module
	Source  string   // folder of the source; "": the module is not built anew
	Now     int64    // the time to judge at, Unix seconds
	Scores  int      // requests that engines are compared by; 0: 1000
	Allow   []string // what of a person or device a bundle may name: [PLACE:]REGEXP
	Engines []string // of [Engines]; nil: all
	Only    []string // ids of checks; nil: all

	Command        string                  // repeats the audit, for people to copy; a check's command is this with --only
	Tool, ToolHash string                  // for the header
	Progress       func(done, total int64) // counts checks; nil: nobody waits
}

const defaultScores = 1000

// OptionError says which option has a value that it cannot have.
type OptionError struct{ Option, Value, Want string }

func (e *OptionError) Error() string {
	return fmt.Sprintf("audit: %s %q: want %s", e.Option, e.Value, e.Want)
}

// check is a row of the table.
type check struct {
	id, title string
	meaning   string // of a pass, for people who do not build such things
	run       func(ctx context.Context, s *subject, f *finding)
}

// table has the checks by id. The ids between those that are here are for
// checks that need more than a bundle and a module.
var table = []check{
	{"A01", "The publisher's keys have signed this bundle", "Nobody else can have made it.", signatures},
	{"A02", "Every document is written in the one form that it can have", "Nothing is hidden in how it is written, such as a mark that tells one person's copy from another's.", canonicalForm},
	{"A03", "The bundle is in date", "Nobody is kept on something old that should not be used any more.", freshness},
	{"A06", "Every byte of the file is covered by what is signed", "Nothing was changed or slipped in on the way.", chunkTree},
	{"A07", "The module is what its source code gives", "What runs on the device is what anybody can read.", moduleFromSource},
	{"A08", "The module has no way to reach anything outside itself", "It cannot send what it is told: there is no network, no file and no storage that it could use.", moduleShape},
	{"A13", "The module has no clock and no randomness of its own", "It cannot do one thing now and another later, or one thing here and another there.", clockAndChance},
	{"A14", "Every engine gives the same answers", "A browser and a server give the same list, and no engine computes wrongly.", determinism},
	{"A15", "The answers that the publisher signed come out", "It works here as it did where it was made.", knownAnswers},
	{"A16", "Scores come from the published numbers and nothing else", "No hidden rule pushes an item up or keeps one out.", scoreTransparency},
	{"A17", "Nothing that one person asks reaches the next", "What one person did does not show in another's list, and what they sent is wiped.", stateAfter},
	{"A18", "Memory and work stay within limits", "No request can use up the device.", resourceBounds},
	{"A23", "Nothing in the bundle names a person or a device", "The file carries no mail addresses, phone numbers or keys.", identifiers},
	{"A24", "No library with known holes is in the module", "What is known to break under hostile input is looked for; the list is in the evidence.", dependencies},
}

// Run makes the checks. An error means that there is no report: an option is
// wrong (*OptionError), the module is not built, or ctx has ended.
func Run(ctx context.Context, opt Options) (*Report, error) {
	list, err := chosen(opt.Only)
	if err != nil {
		return nil, err
	}
	s, err := newSubject(opt)
	if err != nil {
		return nil, err
	}
	defer s.close()
	r := &Report{Format: formatVersion, Header: s.header()}
	for _, c := range list {
		f := finding{verdict: Pass, evidence: []Fact{}}
		c.run(ctx, s, &f)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.Checks = append(r.Checks, Check{c.id, c.title, c.meaning, f.verdict, f.reason, f.evidence, opt.Command + " --only " + c.id})
		if opt.Progress != nil {
			opt.Progress(int64(len(r.Checks)), int64(len(list)))
		}
	}
	r.Summary = summarise(r.Checks)
	return r, nil
}

func summarise(checks []Check) Summary {
	s := Summary{Checks: len(checks)}
	for _, c := range checks {
		switch c.Verdict {
		case Pass:
			s.Pass++
		case NotRun:
			s.NotRun++
		default:
			s.Fail++
		}
	}
	return s
}

// chosen returns the rows of the table with these ids, or all.
func chosen(ids []string) ([]check, error) {
	if len(ids) == 0 {
		return table, nil
	}
	var list []check
	for _, id := range ids {
		at := slices.IndexFunc(table, func(c check) bool { return c.id == id })
		if at < 0 {
			var known []string
			for _, c := range table {
				known = append(known, c.id)
			}
			return nil, &OptionError{"only", id, "one of " + strings.Join(known, ", ")}
		}
		list = append(list, table[at])
	}
	slices.SortFunc(list, func(a, b check) int { return cmp.Compare(a.id, b.id) })
	return slices.CompactFunc(list, func(a, b check) bool { return a.id == b.id }), nil
}
