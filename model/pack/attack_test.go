package pack_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
)

// TestAttacks carries out each attack on a native device. What is refused
// leaves the device as it was, and an honest mirror leads it on from there.
func TestAttacks(t *testing.T) {
	list, errs := channeltest.Attacks()
	seen := map[string]bool{}
	for i, a := range list {
		t.Run(a.Name, func(t *testing.T) {
			if seen[a.Name] {
				t.Error("the name is there twice")
			}
			seen[a.Name] = true
			judge(t, a, errs[i])
		})
	}
}

// judge compares what an attack came to with what it should come to.
func judge(t *testing.T, a channeltest.Attack, err error) {
	t.Helper()
	switch {
	case a.Want == nil && err != nil:
		t.Fatalf("got %v, want no error", err)
	case a.Want != nil && !channeltest.Is(err, a.Want):
		t.Fatalf("got %v, want %v", err, a.Want)
	}
	// Once more, as other engines make the calls.
	anchor := a.Anchor
	for i, c := range a.Calls {
		state, _, err := c.Do(anchor)
		if i == len(a.Calls)-1 && a.Want != nil {
			if !channeltest.Is(err, a.Want) {
				t.Fatalf("once more: got %v, want %v", err, a.Want)
			}
			break
		}
		if err != nil {
			t.Fatalf("once more: call %d: %v", i, err)
		}
		anchor = state
	}
	if a.Honest == nil {
		return
	}
	m := a.Honest.Clone()
	before := m.Trusted()
	if err := m.Follow(); err != nil {
		t.Fatalf("afterwards, from an honest mirror: %v", err)
	}
	if after := m.Trusted(); after.Seq < before.Seq || after.Accepted.Version < before.Accepted.Version || after.Root.Version != before.Root.Version {
		t.Errorf("afterwards, from an honest mirror: %+v, before %+v", after, before)
	}
}

// TestTUFConformance goes through the functions of TUF's own suite by name.
func TestTUFConformance(t *testing.T) {
	tests := map[string]func(t *testing.T){
		"TestADeviceFollowsAChannel":     TestADeviceFollowsAChannel,
		"TestAMissingFileChangesNothing": TestAMissingFileChangesNothing,
		"TestTenReleasesInTurn":          TestTenReleasesInTurn,
		"TestRootRotation":               TestRootRotation,
		"TestNonRootRotations":           TestNonRootRotations,
	}
	list, errs := channeltest.Attacks()
	for i, a := range list {
		tests[a.Name] = func(t *testing.T) { judge(t, a, errs[i]) }
	}
	text, err := os.ReadFile("testdata/tuf-conformance.txt")
	if err != nil {
		t.Fatal(err)
	}
	functions, without := 0, 0
	for line := range strings.Lines(string(text)) {
		function, here, found := strings.Cut(strings.TrimSpace(line), " ")
		if function == "" || function == "#" {
			continue
		}
		functions++
		if here = strings.TrimSpace(here); !found {
			t.Errorf("%s: nothing is said of it", function)
		}
		if why, ok := strings.CutPrefix(here, "n/a: "); ok {
			if without++; why == "" {
				t.Errorf("%s: no reason", function)
			}
			continue
		}
		t.Run(function, func(t *testing.T) {
			for _, name := range strings.Split(here, "; ") {
				test, ok := tests[name]
				if !ok {
					t.Fatalf("%q is no test", name)
				}
				t.Run(name, test)
			}
		})
	}
	const theirs = 53 // in the suite's present version; renamed ones come on top
	if functions < theirs {
		t.Errorf("%d functions, want at least %d", functions, theirs)
	}
	t.Logf("%d functions, of which %d have nothing to attack here", functions, without)
}

// TestAMissingFileChangesNothing takes away each file that a device asks for,
// and then has it back.
func TestAMissingFileChangesNothing(t *testing.T) {
	m := channeltest.NewMirror()
	m.PutRoot(channeltest.Honest, channeltest.RootExpires, 0, 1)
	m.PutRelease(3, channeltest.Expires)
	m.PutHead(nil)
	device := m.State
	for i, name := range []string{bundle.RootName, bundle.NextRootName(2), bundle.HeadName, bundle.ReleaseName(m.Release.Digest)} {
		m.State = device
		file := m.Files[name]
		delete(m.Files, name)
		err := m.Follow()
		if s := m.Trusted(); err != channeltest.ErrMissing || s.Accepted.Version != 2 || s.Opened.Version != 2 || s.Root.Version != uint64(1+i/2) {
			t.Errorf("without %s: %v; root %d, accepted %d, opened %d", name, err, s.Root.Version, s.Accepted.Version, s.Opened.Version)
		}
		m.Files[name] = file
		if err := m.Follow(); err != nil || m.Trusted().Accepted.Version != 3 {
			t.Errorf("with %s again: %v, accepted %d", name, err, m.Trusted().Accepted.Version)
		}
	}
}

// TestTenReleasesInTurn: each is opened, and a bundle with other sections is
// not, whether it has come before or after.
func TestTenReleasesInTurn(t *testing.T) {
	m := channeltest.NewMirror()
	for version := uint64(3); version <= 12; version++ {
		m.PutRelease(version, channeltest.Expires)
		m.PutHead(nil)
		if err := m.Follow(); err != nil {
			t.Fatal(err)
		}
		other := channeltest.Frame(m.Bundles[version])
		other.Sections = channeltest.Frame(m.Bundles[version-1]).Sections
		substitute := channeltest.FrameFile(other)
		if err := m.Open(substitute); !channeltest.Is(err, bundle.ErrHash) {
			t.Fatalf("version %d with the sections of the one before: %v", version, err)
		}
		if err := m.Open(m.Bundles[version]); err != nil {
			t.Fatal(err)
		}
		if err := m.Open(substitute); !channeltest.Is(err, bundle.ErrHash) {
			t.Fatalf("version %d with the sections of the one before, once it is open: %v", version, err)
		}
	}
}

// signing says which keys a role has, and which of them sign.
type signing struct {
	threshold int
	keys      []int
	signers   []int
}

// TestRootRotation has the cases of TUF's test of the same name: chains of
// roots, of which all but the last are right.
func TestRootRotation(t *testing.T) {
	of := func(n ...int) []int { return n }
	five, other, last := of(0, 1, 2, 3, 4), of(0, 1, 3, 4, 5), of(5, 6, 7, 8, 9)
	for _, c := range []struct {
		name  string
		want  error
		roots []signing
	}{
		{"1-of-1-key-rotation", nil, []signing{{1, of(1), of(1)}, {1, of(2), of(2, 1)}, {1, of(2), of(2)}}},
		{"1-of-1-key-rotation-unused-signatures", nil, []signing{{1, of(1), of(3, 1, 4)}, {1, of(2), of(3, 2, 1, 4)}, {1, of(2), of(3, 2, 4)}}},
		{"3-of-5-sign-with-different-keycombos", nil, []signing{{3, five, of(0, 2, 4)}, {3, five, of(0, 4, 1)}, {3, five, of(0, 1, 3)}, {3, five, of(0, 1, 3)}}},
		{"3-of-5-one-key-rotated", nil, []signing{{3, five, of(0, 2, 4)}, {3, other, of(0, 4, 1)}}},
		{"3-of-5-one-key-rotated-with-intermediate-step", nil, []signing{{3, five, of(0, 2, 4)}, {3, other, of(0, 2, 4, 5)}, {3, other, of(0, 4, 5)}}},
		{"3-of-5-all-keys-rotated-with-intermediate-step", nil, []signing{{3, five, of(0, 2, 4)}, {3, last, of(0, 2, 4, 5, 6, 7)}, {3, last, of(5, 6, 7)}}},
		{"1-of-3-threshold-increase-to-2-of-3", nil, []signing{{1, of(1, 2, 3), of(1)}, {2, of(1, 2, 3), of(1, 2)}}},
		{"2-of-3-threshold-decrease-to-1-of-3", nil, []signing{{2, of(1, 2, 3), of(1, 2)}, {1, of(1, 2, 3), of(1, 2)}, {1, of(1, 2, 3), of(1)}}},
		{"1-of-2-threshold-increase-to-2-of-2", nil, []signing{{1, of(1), of(1)}, {2, of(1, 2), of(1, 2)}}},
		{"1-of-1-key-rotation-fail-not-signed-with-old-key", trust.ErrSignature, []signing{{1, of(1), of(1)}, {1, of(2), of(2, 3, 4)}}},
		{"1-of-1-key-rotation-fail-not-signed-with-new-key", trust.ErrSignature, []signing{{1, of(1), of(1)}, {1, of(2), of(1, 3, 4)}}},
		{"3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys", trust.ErrThreshold, []signing{{3, five, of(0, 2, 4)}, {3, other, of(0, 2, 4)}}},
		{"3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys", trust.ErrThreshold, []signing{{3, five, of(0, 2, 4)}, {3, other, of(0, 4, 5)}}},
		{"1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached", trust.ErrThreshold, []signing{{1, of(1, 2, 3), of(1)}, {2, of(1, 2, 3), of(2)}}},
		{"2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-eached", trust.ErrThreshold, []signing{{2, of(1, 2, 3), of(1, 2)}, {1, of(1, 2, 3), of(1)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &channeltest.Mirror{Channel: channeltest.Empty(), Now: channeltest.Now}
			for i, r := range c.roots {
				shape := channeltest.Shape{Root: channeltest.Role{Threshold: r.threshold, Keys: r.keys}}
				shape.Manifest, shape.Head = channeltest.Role{Threshold: 1, Keys: []int{10}}, channeltest.Role{Threshold: 1, Keys: []int{11}}
				m.PutRoot(shape, channeltest.RootExpires, r.signers...)
				if i == 0 {
					m.Begin(m.Files[bundle.RootName])
				}
			}
			m.PutRelease(1, channeltest.Expires)
			m.PutHead(nil)
			err := m.Follow()
			trusted := uint64(len(c.roots))
			if c.want != nil {
				trusted--
			}
			if (err == nil) != (c.want == nil) || err != nil && !channeltest.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if got := m.Trusted().Root.Version; got != trusted {
				t.Errorf("trusts root %d, want %d", got, trusted)
			}
		})
	}
}

// TestNonRootRotations has the cases of TUF's test of the same name, for heads
// and for manifests: another root gives a role other keys, and these sign.
func TestNonRootRotations(t *testing.T) {
	of := func(n ...int) []int { return n }
	five, other := of(0, 1, 2, 3, 4), of(0, 1, 3, 4, 5)
	for _, c := range []struct {
		name string
		want error
		signing
	}{
		{"1-of-1-key-rotation", nil, signing{1, of(2), of(2)}},
		{"1-of-1-key-rotation-unused-signatures", nil, signing{1, of(1), of(3, 1, 4)}},
		{"1-of-1-key-rotation-fail-not-signed-with-new-key", trust.ErrSignature, signing{1, of(2), of(1, 3, 4)}},
		{"3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys", trust.ErrThreshold, signing{3, other, of(0, 2, 4)}},
		{"2-of-5-one-key-signature-mising-threshold-not-reached", trust.ErrThreshold, signing{3, other, of(0, 4)}},
		{"3-of-5-sign-first-combo", nil, signing{3, five, of(0, 2, 4)}},
		{"3-of-5-sign-second-combo", nil, signing{3, five, of(0, 4, 1)}},
		{"3-of-5-sign-third-combo", nil, signing{3, five, of(0, 1, 3)}},
		{"3-of-5-sign-fourth-combo", nil, signing{3, five, of(1, 2, 3)}},
		{"3-of-5-sign-fifth-combo", nil, signing{3, five, of(2, 3, 4)}},
	} {
		role := channeltest.Role{Threshold: c.threshold, Keys: c.keys}
		t.Run(c.name+"/head", func(t *testing.T) {
			m := channeltest.NewMirror()
			shape := m.Shape
			shape.Head = role
			m.PutRoot(shape, channeltest.RootExpires, 0, 1)
			m.PutHead(nil)
			e, err := trust.ParseEnvelope(m.Files[bundle.HeadName], trust.RoleHead)
			if err != nil {
				t.Fatal(err)
			}
			m.Files[bundle.HeadName] = channeltest.Resign(e, c.signers...)
			after(t, m, c.want, m.Seq, 2)
		})
		t.Run(c.name+"/manifest", func(t *testing.T) {
			m := channeltest.NewMirror()
			shape := m.Shape
			shape.Manifest = role
			m.PutRoot(shape, channeltest.RootExpires, 0, 1)
			m.PutRelease(3, channeltest.Expires)
			m.PutHead(nil)
			name := bundle.ReleaseName(m.Release.Digest)
			e, err := trust.ParseEnvelope(m.Files[name], trust.RoleManifest)
			if err != nil {
				t.Fatal(err)
			}
			m.Files[name] = channeltest.Resign(e, c.signers...)
			after(t, m, c.want, m.Seq, 3)
		})
	}
}

// after lets a device follow that trusted root 1 and had accepted release 2. It
// takes root 2 in any case, and what is new when nothing is wrong.
func after(t *testing.T, m *channeltest.Mirror, want error, seq, version uint64) {
	t.Helper()
	err := m.Follow()
	if (err == nil) != (want == nil) || err != nil && !channeltest.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	s := m.Trusted()
	if s.Root.Version != 2 || err == nil && (s.Seq != seq || s.Accepted.Version != version) {
		t.Errorf("root %d, sequence %d, accepted %d", s.Root.Version, s.Seq, s.Accepted.Version)
	}
	if err != nil && s.Accepted.Version == version && version != 2 {
		t.Errorf("version %d is accepted", version)
	}
}

// TestWhatMayBeReadOfAFile: a device is told where to stop before it reads.
func TestWhatMayBeReadOfAFile(t *testing.T) {
	m := channeltest.NewMirror()
	release := bundle.ReleaseName(m.Trusted().Named.Digest)
	most := map[string]int{
		bundle.RootName: trust.MaxRootFile, bundle.NextRootName(2): trust.MaxRootFile,
		bundle.HeadName: trust.MaxHeadFile, release: trust.MaxReleaseFile,
	}
	m.PutRoot(channeltest.Honest, channeltest.RootExpires, 0, 1)
	m.Lost = true
	anchor, name := m.State, ""
	for range 6 {
		state, step, err := channeltest.Call{Followed: bundle.Followed{Name: name, File: m.Files[name], Lost: true}, Now: m.Now}.Do(anchor)
		if err != nil {
			t.Fatal(err)
		}
		if step.Want != "" && (step.Max != most[step.Want] || step.Max < len(m.Files[step.Want])) {
			t.Errorf("%s: at most %d bytes, want %d", step.Want, step.Max, most[step.Want])
		}
		anchor, name = state, step.Want
	}
	if name != "" || !bytes.Equal(m.Files[release], m.Files[bundle.ReleaseName(m.Release.Digest)]) {
		t.Errorf("ends with %q", name)
	}
}
