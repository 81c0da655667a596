package audit

import "context"

// freshness (A03) compares the dates of what is signed with the time that was
// given.
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
}
