package trust

import (
	"bytes"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/wire"
)

// MaxState bounds a state, in bytes.
const MaxState = MaxRoot + 1<<10

// State is what a device remembers of a channel, so that nobody can take it
// back to what it has left behind. It is a value: each step returns another
// one, to be stored before anything is done with what the step allowed.
type State struct {
	Root        *Root
	Channel     string
	Time        int64 // when the latest head that was seen was issued: time does not go back behind it
	Seq         uint64
	HeadDigest  [32]byte
	HeadExpires int64
	Named       Release // what the head names; nothing yet: zero, as the next two
	MinVersion  uint64
	Accepted    Release // the latest manifest that was right
	Opened      Release // the latest bundle that was open as a whole

	root []byte // the document of Root
}

// NewState returns the state of a device that has seen nothing but a root,
// which the caller trusts: see ParseRoot. The state aliases it.
func NewState(root []byte, channel string) (*State, error) {
	r, doc, err := trusted(root)
	if err != nil {
		return nil, err
	}
	if len(channel) > MaxName || !validName(channel) {
		return nil, ErrChannel
	}
	return &State{Root: r, Channel: channel, root: doc}, nil
}

// IsState says whether b is meant to be a state rather than a root.
func IsState(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\x8b\x00\xa5state"))
}

// ParseState reads what Append has written. The state aliases it.
func ParseState(b []byte) (*State, error) {
	if len(b) > MaxState {
		return nil, ErrSize
	}
	var s State
	d := wire.NewDecoder(b)
	top := d.Map(11) // which must all be there: no room for another
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(MaxName) != "state" {
				d.Fail(`"state"`)
			}
		case 1:
			s.root = d.Bin(MaxRoot)
		case 2:
			s.Channel = ReadName(d)
		case 3:
			s.Time = int64(d.Uint(profile.MaxTime))
		case 4:
			s.Seq = d.Uint(MaxSeq)
		case 5:
			d.BinExact(s.HeadDigest[:])
		case 6:
			s.HeadExpires = int64(d.Uint(profile.MaxTime))
		case 7:
			s.Named = readRelease(d, 3)
		case 8:
			s.MinVersion = d.Uint(MaxVersion)
		case 9:
			s.Accepted = readRelease(d, 3)
		case 10:
			s.Opened = readRelease(d, 3)
		}
	}
	top.Require(0, 2, 3, 4, 5, 6, 7, 8, 9, 10) // without key 1 there is no root to read
	if err := d.End(); err != nil {
		return nil, &SyntaxError{DocumentState, err}
	}
	var err error
	if s.Root, err = parseRoot(s.root); err != nil {
		return nil, &SyntaxError{DocumentState, err}
	}
	return &s, nil
}

// Append appends the state's document.
func (s *State) Append(dst []byte) []byte {
	dst = wire.AppendString(wire.AppendUint(wire.AppendMap(dst, 11), 0), "state")
	dst = wire.AppendBin(wire.AppendUint(dst, 1), s.root)
	dst = wire.AppendString(wire.AppendUint(dst, 2), s.Channel)
	dst = wire.AppendUint(wire.AppendUint(dst, 3), uint64(s.Time))
	dst = wire.AppendUint(wire.AppendUint(dst, 4), s.Seq)
	dst = wire.AppendBin(wire.AppendUint(dst, 5), s.HeadDigest[:])
	dst = wire.AppendUint(wire.AppendUint(dst, 6), uint64(s.HeadExpires))
	dst = s.Named.append(wire.AppendUint(dst, 7))
	dst = wire.AppendUint(wire.AppendUint(dst, 8), s.MinVersion)
	dst = s.Accepted.append(wire.AppendUint(dst, 9))
	return s.Opened.append(wire.AppendUint(dst, 10))
}

// Now returns the time to judge by: now, or the latest that the publisher has
// signed, when the device's clock is behind it.
//
// Why is the device's own time not remembered? A clock that was wrong once, and
// far ahead, would shut the device out for good.
func (s *State) Now(now int64) int64 { return max(now, s.Time) }

// TakeRoot checks the next root, which the trusted one must have signed as well
// as its own keys, and returns the state that trusts it. Whether it has expired
// does not matter yet: the one after it may be good. What a role's keys have
// said so far is forgotten when the role's keys change: so a publisher gets out
// of numbers that a thief has used up.
func (s *State) TakeRoot(file []byte) (*State, error) {
	e, err := ParseEnvelope(file, RoleRoot)
	if err != nil {
		return nil, err
	}
	if e.Version != s.Root.Version+1 {
		return nil, ErrRootVersion
	}
	if err := s.Root.Verify(RoleRoot, "", e.Document, e.Signatures); err != nil {
		return nil, err
	}
	r, err := parseRoot(e.Document)
	if err != nil {
		return nil, err
	}
	if err := r.Verify(RoleRoot, "", e.Document, e.Signatures); err != nil {
		return nil, err
	}
	if r.Version != e.Version {
		return nil, ErrRootVersion
	}
	next := *s
	next.Root, next.root = r, e.Document
	if !sameKeys(s.Root, r, RoleHead) {
		next.Time, next.Seq, next.HeadDigest, next.HeadExpires = 0, 0, [32]byte{}, 0
		next.Named, next.MinVersion = Release{}, 0
	}
	if !sameKeys(s.Root, r, RoleManifest) {
		next.Accepted = Release{}
	}
	return &next, nil
}

// LatestRoot says how the newest root that a channel serves stands to the
// trusted one: 0 when it is that one, else the version that has to be taken
// next.
func (s *State) LatestRoot(file []byte) (next uint64, err error) {
	e, err := ParseEnvelope(file, RoleRoot)
	if err != nil {
		return 0, err
	}
	switch {
	case e.Version < s.Root.Version:
		return 0, ErrRollback
	case e.Version > s.Root.Version:
		return s.Root.Version + 1, nil
	case string(e.Document) != string(s.root):
		return 0, ErrReplaced
	}
	return 0, nil
}

// TakeHead checks the head of the channel, and returns the state that has seen
// it.
func (s *State) TakeHead(file []byte, now int64) (*State, Head, error) {
	e, err := ParseEnvelope(file, RoleHead)
	if err != nil {
		return nil, Head{}, err
	}
	if err := s.Root.Verify(RoleHead, e.Channel, e.Document, e.Signatures); err != nil {
		return nil, Head{}, err
	}
	h, err := ParseHead(e.Document)
	if err != nil {
		return nil, Head{}, err
	}
	digest := Digest(e.Document)
	now = s.Now(now)
	switch {
	case h.Channel != e.Channel || h.Channel != s.Channel:
		return nil, Head{}, ErrChannel
	case h.RootVersion > s.Root.Version:
		return nil, Head{}, ErrRootVersion
	case now >= s.Root.Expires:
		return nil, Head{}, ErrRootExpired
	case now >= h.Expires:
		return nil, Head{}, ErrHeadExpired
	case h.Seq < s.Seq || h.Release.Version < s.Accepted.Version || h.MinVersion < s.MinVersion:
		return nil, Head{}, ErrRollback
	case h.Seq == s.Seq && digest != s.HeadDigest:
		return nil, Head{}, ErrReplaced
	case h.Release.Version == s.Accepted.Version && h.Release.Digest != s.Accepted.Digest && s.Accepted != Release{}:
		return nil, Head{}, ErrReplaced
	case s.Seq > 0 && h.Seq-s.Seq > MaxSeqStep:
		return nil, Head{}, ErrFastForward
	}
	if s.Root.Log != nil {
		if _, err := s.Root.Log.Verify(h.Proof, LogEntry(h.Channel, h.Release)); err != nil {
			return nil, Head{}, &LogError{err}
		}
	}
	next := *s
	next.Time, next.Seq, next.HeadDigest, next.HeadExpires = max(s.Time, h.Issued), h.Seq, digest, h.Expires
	next.Named, next.MinVersion = h.Release, h.MinVersion
	return &next, h, nil
}

// Accept returns the state that has seen that the manifest which the head names
// is right.
func (s *State) Accept() *State {
	next := *s
	next.Accepted = s.Named
	return &next
}

// Open returns the state in which a release was open as a whole.
func (s *State) Open(r Release) *State {
	next := *s
	next.Opened = r
	return &next
}
