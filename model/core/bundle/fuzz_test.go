package bundle_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/modeltest"
)

// frugal fails when reading doc takes more memory than it may.
func frugal(t *testing.T, doc []byte, read func()) {
	t.Helper()
	if err := modeltest.Frugal(doc, read); err != nil {
		t.Fatal(err)
	}
}

// FuzzManifest: a manifest that is read keeps to its bounds.
func FuzzManifest(f *testing.F) {
	attacks, _ := channeltest.Attacks()
	seen := map[string]bool{}
	for _, a := range attacks {
		for _, c := range a.Calls {
			e, err := trust.ParseEnvelope(c.File, trust.RoleManifest)
			if err == nil && !seen[string(e.Document)] {
				seen[string(e.Document)] = true
				f.Add(channeltest.Shrink(e.Document))
			}
		}
	}
	f.Add([]byte{0x8c, 0, 0xa4, 'm', 'a', 'n', 'i', 1, 0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		doc := channeltest.Grow(b)
		frugal(t, doc, func() { _, _ = bundle.ParseManifest(doc) })
		m, err := bundle.ParseManifest(doc)
		if err != nil {
			return
		}
		if m.Limits.Items < 1 || m.Limits.Items > bundle.MaxItems || len(m.Sections) > bundle.MaxSections || len(m.Channel) > trust.MaxName {
			t.Fatalf("limits %+v, %d sections, channel %q", m.Limits, len(m.Sections), m.Channel)
		}
		for i, s := range m.Sections {
			if s.Bytes < 0 || s.Bytes > bundle.MaxFile || i > 0 && s.Kind <= m.Sections[i-1].Kind {
				t.Fatalf("section %d: %+v", i, s)
			}
		}
	})
}

// FuzzFrame: a part of a file says no more than the whole, and nothing that is
// no bundle opens.
func FuzzFrame(f *testing.F) {
	c := channeltest.New()
	for _, file := range c.Bundles {
		f.Add(channeltest.Shrink(file), uint16(0))
		f.Add(channeltest.Shrink(file), uint16(500))
	}
	f.Add([]byte{0x86, 0, 0xa8, 'n', 'e', 'a', 'r', 's', 'i', 'd', 'e', 1, 1}, uint16(1))
	root, err := trust.ParseRoot(c.Files[bundle.RootName])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte, missing uint16) {
		file := channeltest.Grow(b)
		frugal(t, file, func() { _, _ = bundle.ParseFrame(file) })
		have := max(0, len(file)-int(missing))
		whole, err := bundle.Open(root, file, channeltest.Now)
		if err == nil && whole.Digest != trust.Digest(channeltest.Frame(c.Bundles[whole.Manifest.Version]).Manifest) {
			t.Fatal("a manifest opens that the channel does not have")
		}
		_, early := bundle.OpenEarly(root, file, have, channeltest.Now)
		var partial *bundle.PartialError
		if err == nil && early != nil && !errors.As(early, &partial) {
			t.Fatalf("%d of %d bytes: %v; the whole opens", have, len(file), early)
		}
	})
}

// FuzzFollow gives the module's call any request. What comes of it is a step
// that hosts can read, and the state in it is never lower than the one before.
func FuzzFollow(f *testing.F) {
	attacks, _ := channeltest.Attacks()
	seen := map[string]bool{}
	for _, a := range attacks {
		anchor := a.Anchor
		for _, c := range a.Calls {
			if c.Bundle != nil || len(c.File) > 20<<10 {
				continue
			}
			small := channeltest.Shrink(bundle.AppendFollow(nil, anchor, channeltest.Name, c.Followed, c.Now))
			if !seen[string(small)] && len(small) < 8<<10 {
				seen[string(small)] = true
				f.Add(small)
			}
			if state, _, err := c.Do(anchor); err == nil {
				anchor = state
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc := channeltest.Grow(b)
		frugal(t, doc, func() {
			if s, f, now, err := bundle.ParseFollow(doc); err == nil {
				if step, err := bundle.Follow(s, f, now); err == nil {
					_ = step.Append(nil)
				}
			}
		})
		before, followed, now, err := bundle.ParseFollow(doc)
		if err != nil {
			return
		}
		kept := before.Append(nil)
		step, err := bundle.Follow(before, followed, now)
		if !bytes.Equal(before.Append(nil), kept) {
			t.Fatal("the state that was passed in has changed")
		}
		if err != nil {
			if step.State != nil || step.Want != "" || step.Release != nil {
				t.Fatalf("%v, and a step", err)
			}
			return
		}
		notLower(t, before, step.State)
		sameStep(t, step)
	})
}

// notLower fails when a device has gone back, but for what a new root's other
// keys make it forget.
func notLower(t *testing.T, before, after *trust.State) {
	t.Helper()
	if after.Channel != before.Channel || after.Root.Version < before.Root.Version || after.Root.Version > before.Root.Version+1 {
		t.Fatalf("channel %q, root %d; before %q, %d", after.Channel, after.Root.Version, before.Channel, before.Root.Version)
	}
	if after.Root.Version > before.Root.Version {
		return
	}
	if after.Time < before.Time || after.Seq < before.Seq || after.MinVersion < before.MinVersion || after.Accepted.Version < before.Accepted.Version {
		t.Fatalf("%+v; before %+v", after, before)
	}
	if after.Seq == before.Seq && before.Seq > 0 && after.HeadDigest != before.HeadDigest {
		t.Fatal("another head of the same sequence")
	}
	if after.Opened != before.Opened {
		t.Fatal("following has opened a bundle")
	}
}

// sameStep fails when a step does not come back as it was written.
func sameStep(t *testing.T, step bundle.Step) {
	t.Helper()
	doc := step.Append(nil)
	back, err := bundle.ParseStep(doc)
	if err != nil || !bytes.Equal(back.Append(nil), doc) {
		t.Fatalf("%x: %v", doc, err)
	}
	if diff := cmp.Diff(step, back, cmpopts.IgnoreFields(bundle.Step{}, "State"), cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
}

// FuzzStep: what hosts read of the module's answer says the same when it is
// written once more.
func FuzzStep(f *testing.F) {
	attacks, _ := channeltest.Attacks()
	seen := map[string]bool{}
	for _, a := range attacks {
		anchor := a.Anchor
		for _, c := range a.Calls {
			state, step, err := c.Do(anchor)
			if err != nil {
				break
			}
			anchor = state
			if c.Bundle != nil {
				continue
			}
			if small := channeltest.Shrink(step.Append(nil)); !seen[string(small)] && len(small) < 4<<10 {
				seen[string(small)] = true
				f.Add(small)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc := channeltest.Grow(b)
		frugal(t, doc, func() { _, _ = bundle.ParseStep(doc) })
		if step, err := bundle.ParseStep(doc); err == nil {
			sameStep(t, step)
		}
	})
}

// FuzzLeaves gives a device that knows the right manifest any hashes of leaves,
// and any bytes behind them: it takes the right ones, and no others.
func FuzzLeaves(f *testing.F) {
	m := channeltest.NewMirror()
	m.PutRelease(3, channeltest.Expires)
	m.PutHead(nil)
	if err := m.Follow(); err != nil {
		f.Fatal(err)
	}
	state := m.Trusted()
	name := bundle.ReleaseName(m.Release.Digest)
	e, err := trust.ParseEnvelope(m.Files[name], trust.RoleManifest)
	if err != nil {
		f.Fatal(err)
	}
	right := e.Leaves
	f.Add(right)
	f.Add(right[32:])
	f.Add(append(bytes.Clone(right), right[:32]...))
	f.Add(append(bytes.Clone(right[32:]), right[:32]...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, leaves []byte) {
		e := e
		e.Leaves = leaves
		file := channeltest.Envelope(e)
		frugal(t, file, func() { _, _ = bundle.Follow(state, bundle.Followed{Name: name, File: file}, m.Now) })
		step, err := bundle.Follow(state, bundle.Followed{Name: name, File: file}, m.Now)
		if (err == nil) != bytes.Equal(leaves, right) {
			t.Fatalf("%x: %v", leaves, err)
		}
		if err == nil && !bytes.Equal(step.Release.Leaves, right) {
			t.Fatalf("got %x, want %x", step.Release.Leaves, right)
		}
	})
}

// FuzzDevice serves one device a sequence of files from all attacks, under the
// names that it wants or has not asked for, and opens bundles: in any order it
// never goes back, and nothing is accepted or opened that the keys of its root
// have not signed.
func FuzzDevice(f *testing.F) {
	var calls []channeltest.Call
	attacks, _ := channeltest.Attacks()
	seen := map[string]bool{}
	for _, a := range attacks {
		for _, c := range a.Calls {
			if key := c.Name + string(c.File) + string(c.Bundle); len(key) < 30<<10 && !seen[key] {
				seen[key] = true
				calls = append(calls, c)
			}
		}
	}
	honest := channeltest.New().Files[bundle.RootName]
	f.Add([]byte{0, 0, 0, 1, 0, 2, 0, 3, 0, 4})
	for i := 0; i+4 < len(calls); i += 7 {
		var seq []byte
		for j := range 5 {
			seq = append(seq, byte((i+j)>>8), byte(i+j))
		}
		f.Add(seq)
	}
	f.Fuzz(func(t *testing.T, seq []byte) {
		state, err := trust.NewState(honest, channeltest.Name)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(seq) >= 2; seq = seq[2:] {
			c := calls[(int(seq[0])<<8|int(seq[1]))%len(calls)]
			if c.Bundle != nil {
				if b, err := bundle.OpenIn(state, c.Bundle, len(c.Bundle), c.Now); err == nil {
					if r := b.Release(); r != state.Accepted && r != state.Opened || r.Version < state.MinVersion {
						t.Fatalf("%+v opens in %+v", r, state)
					}
					state = state.Open(b.Release())
				}
				continue
			}
			step, err := bundle.Follow(state, c.Followed, c.Now)
			if err != nil {
				continue
			}
			notLower(t, state, step.State)
			if step.Release != nil && (step.State.Accepted != state.Named || step.Release.Digest != state.Named.Digest) {
				t.Fatalf("a release that the head does not name: %+v", step.Release)
			}
			state = step.State
			// What a device stores, and reads again.
			if state, err = trust.ParseState(state.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
