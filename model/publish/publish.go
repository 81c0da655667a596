package publish

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
)

// Options say who publishes, and what the head says besides the release. Times
// are Unix seconds.
type Options struct {
	Anchor []byte       // a root that the publisher trusts, or the state that its last run returned
	Keys   []*pack.Keys // that sign the head
	Now    int64
	Expire int64 // seconds that the head is good for; 0 is a week

	Patches int  // from how many of the newest releases a patch is tried; 0: none
	Log     *Log // nil: releases are not logged, which a root may forbid

	// MinVersion is the least version that devices may still use; what is lower
	// than the present one changes nothing. It never goes down.
	MinVersion uint64
}

const week = 7 * 24 * 60 * 60 // seconds

// Report says what a channel serves now.
type Report struct {
	Channel     string
	RootVersion uint64
	RootExpires int64 // Unix seconds
	Head        trust.Head
	Chunks      int // of the release; 0: only a head was put up
	NewChunks   int // of them, those that were not there, and how many bytes they have
	NewBytes    int
	State       []byte // for the next run: with it, a store that serves something older is found out
	Checkpoint  []byte // for the next run's Log.Seen; nil: the log was not needed
}

// Why something is not published. What a device would refuse has the device's
// error.
var (
	ErrNoRoot   = errors.New("publish: the channel has no root yet")
	ErrNoHead   = errors.New("publish: the channel has no head yet")
	ErrVersion  = errors.New("publish: the version is not above the one that the channel serves")
	ErrSame     = errors.New("publish: the channel serves this bundle already")
	ErrUnsigned = errors.New("publish: fewer keys have signed than the root asks for")
	ErrClock    = errors.New("publish: the present head was issued after what this clock says")
	ErrOthers   = errors.New("publish: the store serves another head than was put there")
	ErrTaken    = errors.New("publish: another document is up under a name that never changes")
)

// Publish puts up a bundle and a head that names it, for a channel whose root is
// there. Chunks that are there, and right, are not put again.
func Publish(ctx context.Context, store Store, file []byte, opt Options) (Report, error) {
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		return Report{}, fmt.Errorf("publish: %w", err)
	}
	p, err := look(ctx, store, frame.Channel, opt)
	if err != nil {
		return Report{}, err
	}
	b, err := p.check(frame, file)
	if err != nil {
		return Report{}, err
	}
	chunks, fresh, err := p.putChunks(ctx, frame)
	if err != nil {
		return Report{}, err
	}
	if err := p.putRelease(ctx, frame, b.Release()); err != nil {
		return Report{}, err
	}
	patches, err := p.putPatches(ctx, file, frame, b.Digest)
	if err != nil {
		return Report{}, err
	}
	report, err := p.putHead(ctx, trust.Head{Release: b.Release(), Patches: patches}, true)
	report.Chunks, report.NewChunks, report.NewBytes = chunks, fresh.chunks, fresh.bytes
	return report, err
}

// Refresh puts up a new head for the release that the channel serves: before the
// present one expires, or to stop versions, see Options.
func Refresh(ctx context.Context, store Store, opt Options) (Report, error) {
	file, err := store.Get(ctx, bundle.HeadName)
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, fmt.Errorf("%w: %w", ErrNoHead, err)
	}
	var e trust.Envelope
	if err == nil {
		e, err = trust.ParseEnvelope(file, trust.RoleHead)
	}
	if err != nil {
		return Report{}, at(bundle.HeadName, err)
	}
	p, err := look(ctx, store, e.Channel, opt)
	if err != nil {
		return Report{}, err
	}
	if p.head == nil { // another key's, and what it says may be why that key is out
		return Report{}, fmt.Errorf("%w that the keys of root %d have signed", ErrNoHead, p.state.Root.Version)
	}
	return p.putHead(ctx, trust.Head{Release: p.head.Release, Proof: p.head.Proof, Patches: p.head.Patches}, false)
}

// publication is what is known of a channel while something is published.
type publication struct {
	Options
	store Store
	state *trust.State // of a device that has taken the newest root and the present head
	head  *trust.Head  // nil: there is none that the newest root knows
}

// look follows the channel as far as its head.
func look(ctx context.Context, store Store, channel string, opt Options) (*publication, error) {
	p := &publication{Options: opt, store: store}
	var err error
	if p.state, err = begin(opt.Anchor, channel); err != nil {
		return nil, err
	}
	if p.state, err = takeRoots(ctx, store, p.state); err != nil {
		return nil, err
	}
	if opt.Now >= p.state.Root.Expires {
		return nil, at(bundle.RootName, trust.ErrRootExpired)
	}
	file, err := store.Get(ctx, bundle.HeadName)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, at(bundle.HeadName, err)
	}
	next, head, err := takeHead(p.state, file)
	switch {
	case err == nil:
		p.state, p.head = next, &head
	case !errors.Is(err, trust.ErrSignature) && !errors.Is(err, trust.ErrThreshold), !signedBefore(ctx, store, p.state.Root.Version, file):
		return nil, at(bundle.HeadName, err)
	}
	return p, nil
}

// takeHead takes a head that may have expired, and need have no proof: the next
// one brings it.
func takeHead(s *trust.State, file []byte) (*trust.State, trust.Head, error) {
	lenient, root := *s, *s.Root
	root.Log = nil
	lenient.Root = &root
	next, head, err := lenient.TakeHead(file, 0)
	if err != nil {
		return nil, head, err
	}
	next.Root = s.Root
	return next, head, nil
}

// begin returns the state with which a publisher begins.
func begin(anchor []byte, channel string) (s *trust.State, err error) {
	if trust.IsState(anchor) {
		if s, err = trust.ParseState(anchor); err == nil && s.Channel != channel {
			err = fmt.Errorf("channel %q, and the state is of %q: %w", channel, s.Channel, trust.ErrChannel)
		}
	} else {
		s, err = trust.NewState(anchor, channel)
	}
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	return s, nil
}

// takeRoots follows the channel as far as its newest root.
func takeRoots(ctx context.Context, from Reader, s *trust.State) (*trust.State, error) {
	var f bundle.Followed
	for {
		step, err := bundle.Follow(s, f, 0)
		if err != nil {
			return nil, at(f.Name, err)
		}
		if s = step.State; step.Want == bundle.HeadName {
			return s, nil
		}
		f, err = fetch(ctx, from, step.Want)
		if errors.Is(err, fs.ErrNotExist) && step.Want == bundle.RootName {
			return nil, fmt.Errorf("%w: %w", ErrNoRoot, err)
		}
		if err != nil {
			return nil, err
		}
	}
}

// signedBefore says whether a head that the keys of the root of a version have
// not signed is signed as an earlier root asks. Then the keys of heads have changed since, and
// devices that take the newest root begin to count anew. What the old head says
// does not matter: whoever signed it may be why the keys have changed.
func signedBefore(ctx context.Context, from Reader, version uint64, head []byte) bool {
	e, err := trust.ParseEnvelope(head, trust.RoleHead)
	if err != nil {
		return false
	}
	for v := version - 1; v > 0 && v+trust.MaxKeys > version; v-- {
		file, err := from.Get(ctx, bundle.NextRootName(v))
		if err != nil {
			return false
		}
		root, err := trust.ParseRoot(file)
		if err != nil {
			return false
		}
		if root.Verify(trust.RoleHead, e.Channel, e.Document, e.Signatures) == nil {
			return true
		}
	}
	return false
}

// check opens a bundle as a device would, and refuses one that does not follow
// what the channel serves.
func (p *publication) check(frame bundle.Frame, file []byte) (*bundle.Bundle, error) {
	root := p.state.Root
	if err := enough(root, trust.Envelope{
		Role: trust.RoleManifest, Channel: frame.Channel, Document: frame.Manifest, Signatures: frame.Signatures,
	}); err != nil {
		return nil, err
	}
	b, err := bundle.Open(root, file, p.Now)
	if err == nil {
		err = slate.New(b).Check()
	}
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	version, latest := b.Manifest.Version, p.state.Named
	if p.state.Accepted.Version > latest.Version {
		latest = p.state.Accepted
	}
	switch {
	case frame.Version < 2:
		return nil, fmt.Errorf("publish: a bundle of format %d cannot be cut into chunks: %w", frame.Version, bundle.ErrVersion)
	case version < max(p.MinVersion, p.state.MinVersion):
		return nil, fmt.Errorf("publish: version %d: %w", version, trust.ErrStopped)
	case p.head != nil && p.head.Release.Digest == b.Digest:
		return nil, ErrSame
	case version < latest.Version, version == latest.Version && b.Digest != latest.Digest && latest != (trust.Release{}):
		return nil, fmt.Errorf("%w: %d, and the channel has had %d", ErrVersion, version, latest.Version)
	}
	return b, nil
}

// put counts what was put up.
type put struct{ chunks, bytes int }

// putChunks puts up the leaves of all sections that are not there, and returns
// how many leaves there are.
func (p *publication) putChunks(ctx context.Context, frame bundle.Frame) (chunks int, fresh put, err error) {
	leaves := leavesOf(frame)
	var n, size atomic.Int64
	err = each(ctx, len(leaves), func(ctx context.Context, i int) error {
		_, err := getChunk(ctx, p.store, leaves[i].hash)
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errChunk) && !errors.Is(err, trust.ErrSize) {
			return err
		}
		n.Add(1)
		size.Add(int64(len(leaves[i].body)))
		return p.put(ctx, bundle.ChunkName(leaves[i].hash), leaves[i].body)
	})
	return len(leaves), put{int(n.Load()), int(size.Load())}, err
}

// putRelease puts up the manifest's envelope. Signatures are no part of its name:
// where it is up with others it stays, if those are enough.
func (p *publication) putRelease(ctx context.Context, frame bundle.Frame, r trust.Release) error {
	file, err := pack.ReleaseOf(frame)
	if err != nil {
		return err
	}
	name := bundle.ReleaseName(r.Digest)
	old, err := p.store.Get(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p.put(ctx, name, file)
	case err != nil:
		return at(name, err)
	case bytes.Equal(old, file):
		return nil
	}
	e, err := trust.ParseEnvelope(old, trust.RoleManifest)
	if err == nil {
		err = p.state.Root.Verify(trust.RoleManifest, e.Channel, e.Document, e.Signatures)
	}
	if err != nil {
		return at(name, fmt.Errorf("%w: %w", ErrTaken, err))
	}
	return nil
}

// putHead completes a head, with the proof that its release is in the log, and puts it up, last of all, once devices have taken
// it: one that begins with the first root, and one that has seen the present
// head. With chunks the first one opens the release.
func (p *publication) putHead(ctx context.Context, h trust.Head, chunks bool) (Report, error) {
	s := p.state
	h.Channel, h.Seq, h.RootVersion = s.Channel, s.Seq+1, s.Root.Version
	h.Issued, h.Expires = max(p.Now, s.Time), p.Now+cmp.Or(p.Expire, week)
	h.MinVersion = max(p.MinVersion, s.MinVersion)
	if h.Issued >= h.Expires {
		return Report{}, ErrClock
	}
	checkpoint := []byte(nil)
	var err error
	if h.Proof, checkpoint, err = p.proof(ctx, h.Release, h.Proof); err != nil {
		return Report{}, err
	}
	file, err := pack.SignedHead(h, p.Keys...)
	if err != nil {
		return Report{}, err
	}
	e, err := trust.ParseEnvelope(file, trust.RoleHead)
	if err != nil {
		return Report{}, fmt.Errorf("publish: %w", err)
	}
	if err := enough(s.Root, e); err != nil {
		return Report{}, err
	}
	next := overlay{p.store, map[string][]byte{bundle.HeadName: file}}
	first, err := p.store.Get(ctx, bundle.NextRootName(1))
	if err != nil {
		return Report{}, at(bundle.NextRootName(1), err)
	}
	fresh, err := begin(first, s.Channel)
	if err != nil {
		return Report{}, err
	}
	if _, _, err := Fetch(ctx, next, fresh, p.Now, chunks); err != nil {
		return Report{}, fmt.Errorf("a new device would not take it: %w", err)
	}
	if s, _, err = Fetch(ctx, next, s, p.Now, false); err != nil {
		return Report{}, fmt.Errorf("a device would not take it: %w", err)
	}
	if err := p.put(ctx, bundle.HeadName, file); err != nil {
		return Report{}, err
	}
	there, err := p.store.Get(ctx, bundle.HeadName)
	if err != nil {
		return Report{}, at(bundle.HeadName, err)
	}
	if !bytes.Equal(there, file) {
		return Report{}, ErrOthers
	}
	return Report{
		Channel: s.Channel, RootVersion: s.Root.Version, RootExpires: s.Root.Expires,
		Head: h, State: s.Append(nil), Checkpoint: checkpoint,
	}, nil
}

// enough says whether as many keys have signed as a root asks for.
func enough(root *trust.Root, e trust.Envelope) error {
	signers, err := root.Signers(e.Role, e.Channel, e.Document, e.Signatures)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if want := root.Roles.Of(e.Role).Threshold; len(signers) < want {
		return fmt.Errorf("%w: %d of the %d keys that sign a %s by root %d", ErrUnsigned, len(signers), want, e.Role, root.Version)
	}
	return nil
}

// put puts up a file.
func (p *publication) put(ctx context.Context, name string, body []byte) error {
	if err := p.store.Put(ctx, name, body); err != nil {
		return at(name, err)
	}
	return nil
}
