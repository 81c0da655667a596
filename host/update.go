package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/wasm/abi"
)

// Travelled is what came of an update.
type Travelled struct {
	Changed bool  // another bundle is in use than before
	Files   int   // that were fetched
	Bytes   int64 // of those files
	Reused  int64 // bytes of the new bundle that were here already
	Patched int64 // bytes of it that a patch made
}

// maxSteps bounds an update: two files for each root that the device has missed,
// a head and a release.
const maxSteps = 1000

var errEndless = errors.New("host: the channel names one root after another")

// Update asks the channel for something newer and takes it into use. On error
// what was in use stays, unless it has expired or been stopped. Errors of the
// module are *Error, after the name of the file that they are about.
func (f *Follower) Update(ctx context.Context) (Travelled, error) {
	f.updating.Lock()
	defer f.updating.Unlock()
	if f.closed {
		return Travelled{}, ErrClosed
	}
	l := look{Follower: f}
	if err := l.run(ctx); err != nil {
		return Travelled{}, err
	}
	return l.travelled, nil
}

// look is one look at the channel.
type look struct {
	*Follower
	patches   []trust.Patch // to the release that the head names
	travelled Travelled
}

func (l *look) run(ctx context.Context) error {
	// After a write that failed only the disk knows which state it is.
	whole, err := l.load()
	if err == nil && !whole {
		err = l.store.mend(l.anchor)
	}
	if err != nil {
		return err
	}
	_, release, err := l.hold()
	lost := err != nil
	if !lost {
		release()
	}
	step, err := l.follow(ctx, lost)
	if err != nil {
		return err
	}
	if step.Release == nil && !lost && step.State.Root.Version != l.openedBy {
		// A root says until when a bundle may be used and who may sign it. What
		// others had signed may have been signed anew.
		if l.reopen(ctx, step.State) != nil {
			if step, err = l.follow(ctx, true); err != nil {
				return err
			}
		}
	}
	if step.Release == nil {
		return l.ready()
	}
	return l.take(ctx, step)
}

// follow asks the module, and fetches what it names, until it wants no more. lost
// says that there is no bundle in use.
func (l *look) follow(ctx context.Context, lost bool) (bundle.Step, error) {
	file := bundle.Followed{Module: l.module, Lost: lost}
	for range maxSteps {
		doc, err := l.judge.follow(ctx, bundle.AppendFollow(nil, l.anchor, l.config.Channel, file, l.now().Unix()))
		if err != nil {
			if file.Name != "" {
				err = fmt.Errorf("%s: %w", file.Name, err)
			}
			return bundle.Step{}, err
		}
		step, err := bundle.ParseStep(doc)
		if err != nil {
			return bundle.Step{}, fmt.Errorf("host: the module's step: %w", err)
		}
		if err := l.remember(ctx, step.State); err != nil {
			return bundle.Step{}, err
		}
		if len(step.Patches) > 0 {
			l.patches = step.Patches
		}
		if step.Want == "" {
			return step, nil
		}
		file.Name = step.Want
		if file.File, err = l.get(ctx, step.Want, step.Max); err != nil {
			return bundle.Step{}, err
		}
	}
	return bundle.Step{}, errEndless
}

// get fetches a file and counts it.
func (l *look) get(ctx context.Context, name string, max int) ([]byte, error) {
	b, err := l.fetch(ctx, name, max)
	if err != nil {
		return nil, err
	}
	l.travelled.Files++
	l.travelled.Bytes += int64(len(b))
	return b, nil
}

// take puts the file of a release together and takes it into use.
func (l *look) take(ctx context.Context, step bundle.Step) error {
	r := step.Release
	p, err := newPlan(r)
	if err != nil {
		return err
	}
	if err := l.gather(ctx, p, step.State.Opened.Digest, r.Digest); err != nil {
		return err
	}
	if err := l.store.putBundle(r.Digest, p.file); err != nil {
		return err
	}
	if err := l.open(ctx, p.file); err != nil {
		return err
	}
	l.travelled.Changed = true
	return nil
}

// gather fills a plan: with what is here, with what a patch makes of the bundle
// that was opened last, and with what travels.
func (l *look) gather(ctx context.Context, p *plan, opened, next [32]byte) error {
	old := l.sections(opened)
	l.travelled.Reused += int64(p.reuse(old))
	l.travelled.Reused += int64(p.reuse(l.sections(next))) // of a try that was interrupted late
	if err := l.store.keepParts(p.wants); err != nil {
		return err
	}
	list, _ := p.missing()
	for _, place := range list {
		l.travelled.Reused += int64(p.put(l.store.part(place.leaf)))
	}
	l.report(l.patch(ctx, p, opened, old)) // there are chunks, too

	list, missing := p.missing()
	for _, place := range list {
		l.progress(len(p.file)-missing, len(p.file))
		name := bundle.ChunkName(place.leaf)
		b, err := l.get(ctx, name, place.n)
		if err != nil {
			return err
		}
		if p.put(b); p.wants(place.leaf) {
			return fmt.Errorf("host: %s: %w", name, bundle.ErrHash)
		}
		if err := l.store.putPart(place.leaf, b); err != nil {
			return err
		}
		missing -= place.n
	}
	l.progress(len(p.file), len(p.file))
	return nil
}

// sections returns what a bundle of the store holds, which nobody has checked.
func (l *look) sections(manifest [32]byte) [][]byte {
	file, err := l.store.bundle(manifest)
	if err != nil {
		return nil // what is not here travels
	}
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		return nil
	}
	return frame.Sections
}

// patch fetches a patch from the opened bundle, whose sections are old, where
// the head lists one that is shorter than what is missing.
func (l *look) patch(ctx context.Context, p *plan, opened [32]byte, old [][]byte) error {
	_, missing := p.missing()
	for _, listed := range l.patches {
		if listed.From != opened || listed.Bytes >= missing {
			continue
		}
		name := bundle.PatchName(listed.Digest)
		b, err := l.get(ctx, name, listed.Bytes)
		if err != nil {
			return err
		}
		if len(b) != listed.Bytes || trust.Digest(b) != listed.Digest {
			return fmt.Errorf("host: %s: %w", name, bundle.ErrHash)
		}
		made, err := p.patch(old, b)
		if err == nil && made == 0 {
			err = bundle.ErrHash
		}
		if err != nil {
			return fmt.Errorf("host: %s: %w", name, err)
		}
		l.travelled.Patched += int64(made)
		return nil
	}
	return nil
}

func (f *Follower) progress(done, total int) {
	if f.config.Progress != nil {
		f.config.Progress(int64(done), int64(total))
	}
}

// remember stores a state, and only then lets it have effect.
func (f *Follower) remember(ctx context.Context, s *trust.State) error {
	doc := s.Append(nil)
	if bytes.Equal(doc, f.anchor) {
		return nil
	}
	if err := f.store.put(doc); err != nil {
		return err
	}
	f.anchor = doc
	f.time.Store(s.Time)
	if s.Opened != (trust.Release{}) && s.Opened.Version < s.MinVersion {
		f.stop(ctx, &Error{Code: abi.StatusStopped, Message: trust.ErrStopped.Error()})
	}
	return nil
}

// reopen takes the bundle that was opened last into use, by the state as it is
// now.
func (f *Follower) reopen(ctx context.Context, s *trust.State) error {
	file, err := f.store.bundle(s.Opened.Digest)
	if err != nil {
		return err
	}
	return f.open(ctx, file)
}

// open takes a bundle into use, once it is stored that it was open.
func (f *Follower) open(ctx context.Context, file []byte) error {
	h, doc, err := f.judge.open(ctx, f.anchor, file)
	if err != nil {
		return err
	}
	s, err := trust.ParseState(doc)
	if err == nil {
		err = f.remember(ctx, s)
	}
	if err != nil {
		return errors.Join(err, h.Close(ctx))
	}
	f.openedBy = s.Root.Version
	f.swap(ctx, h, nil)
	f.tidy(s)
	return nil
}

// tidy removes what nobody needs any more.
func (f *Follower) tidy(s *trust.State) {
	f.report(f.store.keepBundles(s.Opened.Digest, s.Accepted.Digest))
	if s.Opened == s.Accepted {
		f.report(f.store.keepParts(func([32]byte) bool { return false }))
	}
}
