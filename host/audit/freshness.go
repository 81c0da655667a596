package audit

import (
	"context"

	"github.com/nearside/nearside/model/core/trust"
)

// freshness (A03) compares dates with the time that was given, and takes the
// steps that a device in a given state takes with the head.
func freshness(_ context.Context, s *subject, f *finding) {
	now := s.opt.Now
	f.note("time given", "%s", utc(now))
	if s.root == nil {
		f.fail("the root: %v", s.rootErr)
		return
	}
	f.note("root", "version %d, until %s", s.root.Version, utc(s.root.Expires))
	if now >= s.root.Expires {
		f.fail("the root has expired")
	}
	if s.manifest.Expires == 0 {
		f.fail("the bundle says no date: %v", s.openErr)
		return
	}
	m := s.manifest
	f.note("release", "version %d, made %s, until %s", m.Version, utc(m.Created), utc(m.Expires))
	f.note("good for", "%d days", (m.Expires-m.Created)/86400)
	switch {
	case now >= m.Expires:
		f.fail("the bundle has expired")
	case now < m.Created:
		f.fail("the bundle says that it was made after the time given")
	}
	if s.opt.Head == nil {
		f.note("head", "none was given: whether there is a newer release is not known")
		if s.opt.State != nil {
			f.notRun("a state says something only of a head, and none was given")
		}
		return
	}
	s.step(f)
}

// step takes the head as a device does.
func (s *subject) step(f *finding) {
	state, err := s.state()
	if err != nil {
		f.fail("the state: %v", err)
		return
	}
	noteState(f, "state before", state)
	next, head, err := state.TakeHead(s.opt.Head, s.opt.Now)
	if err != nil {
		f.fail("a device in this state refuses the head: %v", err)
		return
	}
	f.note("head", "sequence %d, root %d, issued %s, until %s", head.Seq, head.RootVersion, utc(head.Issued), utc(head.Expires))
	f.note("the head names", "version %d, manifest sha256 %x", head.Release.Version, head.Release.Digest)
	f.note("may still be used", "version %d and later", head.MinVersion)
	noteState(f, "state after", next)
	if head.Release.Digest != trust.Digest(s.doc) {
		f.fail("the head names another release than this bundle")
	}
	if s.manifest.Version < head.MinVersion {
		f.fail("the publisher has stopped this version")
	}
}

// state returns the state that was given, or that of a new device.
func (s *subject) state() (*trust.State, error) {
	if s.opt.State != nil {
		return trust.ParseState(s.opt.State)
	}
	return trust.NewState(s.opt.Root, s.manifest.Channel)
}

func noteState(f *finding, name string, s *trust.State) {
	f.note(name, "root %d, sequence %d, accepted version %d, opened version %d, sha256 %s",
		s.Root.Version, s.Seq, s.Accepted.Version, s.Opened.Version, hexHash(s.Append(nil)))
}
