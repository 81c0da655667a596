package main

import (
	"fmt"
	"os"

	"github.com/nearside/nearside/model/data"
)

// protocol holds the flags that say what is held out.
type protocol struct {
	Protocol string  `enum:"loo,temporal,strong,new,given,ncf,sessions" required:"" help:"What is held out: each user's last event (loo), the newest events (temporal), part of some users (strong), some items and all their events (new), or what somebody else has: events (given), pairs that are ranked among given items (ncf), or the next items of sessions, which may repeat (sessions)."`
	Share    float64 `default:"0.2" help:"temporal: share of events held out; strong: of each held-out user's items; new: of the items."`
	HeldOut  int     `placeholder:"N" help:"strong: users held out; by default a tenth."`
}

// judging holds the flags of a protocol whose test may be looked at.
type judging struct {
	protocol
	Test string `placeholder:"FILE" help:"given: the log of held-out events; ncf: lines of (user,item) and, after a tab each, the items it is ranked among; sessions: lines of items, a tab, and the item that came next. --events has the others."`
	On   string `enum:"test,validation" default:"test" help:"Judge by the test cases, or by a validation cut of what is left to train on: for choosing numbers without looking at the test."`
}

// validationShare is how much of a log whose test cases are given is held out
// for validation: of each user's items, or of the sessions.
const validationShare = 0.1

// repeats says whether lists may hold what the person had already.
func (p *protocol) repeats() bool { return p.Protocol == "sessions" }

// wantsTest says whether somebody else prepared the test cases.
func (p *protocol) wantsTest() bool {
	return p.Protocol == "given" || p.Protocol == "ncf" || p.Protocol == "sessions"
}

// read reads s as the protocol does. There must be events.
func (p *protocol) read(s source, c contentFlags, alone bool, seed uint64) (*dataset, error) {
	if s.Events == "" {
		return nil, errNoEvents
	}
	d, err := p.adapt(s).read(c, alone)
	if err == nil && p.Protocol == "new" {
		d.shuffle(seed)
	}
	return d, err
}

// adapt returns s as the protocol reads it.
func (p *protocol) adapt(s source) source {
	if p.repeats() {
		s.KeepRepeats = true
		if s.Format == "" && len(s.Columns) == 0 {
			s.Format = string(data.Sessions)
		}
	}
	return s
}

// validation cuts off what numbers are chosen by. It is made of what the test
// cut leaves to train on: by the same rule again, or where the test cases are
// given, by a share of each user's items or of the newest sessions.
func (p *protocol) validation(log *data.Log, seed uint64) (data.Split, error) {
	switch p.Protocol {
	case "given", "ncf":
		return data.HoldOut(log, validationShare, seed)
	case "sessions":
		return data.LastSessions(log, validationShare)
	}
	outer, err := p.cut(log, seed)
	if err != nil {
		return data.Split{}, err
	}
	return p.cut(outer.Train, seed)
}

// cut makes cases where nobody else has.
func (p *protocol) cut(log *data.Log, seed uint64) (data.Split, error) {
	switch p.Protocol {
	case "temporal":
		return data.Temporal(log, p.Share)
	case "new":
		return data.NewItems(log, p.Share, seed)
	case "strong":
		heldOut := p.HeldOut
		if heldOut == 0 {
			heldOut = max(1, log.Users.Len()/10)
		}
		return data.StrongGeneralisation(log, heldOut, p.Share, seed)
	}
	return data.LeaveLastOut(log)
}

// check finds flags that do not go together. A validation cut reads no test
// file, but may be asked for with the same flags as the test.
func (p *judging) check() error {
	if p.wantsTest() && p.Test == "" && p.On == "test" || !p.wantsTest() && p.Test != "" {
		return &usageError{
			err:  fmt.Errorf("--protocol %s, --test %q: one wants the other", p.Protocol, p.Test),
			hint: "--protocol given, ncf and sessions take --test FILE, whose cases somebody else has prepared",
		}
	}
	return nil
}

// split cuts a log into what is learnt from and the cases.
func (p *judging) split(log *data.Log, s source, seed uint64) (data.Split, error) {
	switch {
	case p.On == "validation":
		return p.validation(log, seed)
	case p.Protocol == "given":
		return p.given(log, s)
	case p.wantsTest():
		return p.prepared(log)
	}
	return p.cut(log, seed)
}

// given reads the held-out events, which are written like the others.
func (p *judging) given(log *data.Log, s source) (data.Split, error) {
	s.Events = p.Test
	held, _, err := s.readEvents()
	if err != nil {
		return data.Split{}, err
	}
	split, err := data.Given(log, held)
	if err != nil {
		return data.Split{}, err
	}
	warnOfOverlap(split.Overlap, held.Len(), p.Test)
	return split, nil
}

// prepared reads the cases, which somebody else has put together.
func (p *judging) prepared(log *data.Log) (data.Split, error) {
	var cases []data.Case
	var report data.CaseReport
	var err error
	if p.Protocol == "ncf" {
		cases, report, err = data.ReadNegatives(p.Test, log)
	} else {
		cases, report, err = data.ReadCases(p.Test, &log.Items)
	}
	if err != nil {
		return data.Split{}, err
	}
	fmt.Fprintln(os.Stderr, report)
	skipped := report.UnknownUsers + report.Overlap
	warnOfOverlap(report.Overlap, report.Cases+skipped, p.Test)
	return data.Split{Train: log, Cases: cases, Skipped: skipped, Overlap: report.Overlap}, nil
}

// warnOfOverlap tells that a split lets the model see answers.
func warnOfOverlap(overlap, of int, file string) {
	if overlap > 0 {
		fmt.Fprintf(os.Stderr, "nearside: warning: %d of %d rows of %s are in the training events too: they are not asked for\n", overlap, of, file)
	}
}
