package pack_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
)

func TestADeviceFollowsAChannel(t *testing.T) {
	m := &channeltest.Mirror{Channel: channeltest.Empty(), Now: channeltest.Now}
	m.PutRoot(channeltest.Honest, channeltest.RootExpires, 0, 1)
	m.PutRelease(1, channeltest.Expires)
	m.PutHead(nil)
	m.Begin(m.Files[bundle.RootName])
	if err := m.Follow(); err != nil {
		t.Fatal(err)
	}
	first := bundle.ReleaseName(m.Release.Digest)
	if got, want := fetched(m), "root.nsr head.nsh "+first; got != want {
		t.Errorf("fetched %s, want %s", got, want)
	}
	// The release's frame and the sections' bytes make the very file.
	var file []byte
	for i, head := range m.Step.Release.Frame {
		section := channeltest.Frame(m.Bundles[1]).Sections[i]
		if len(section) != m.Step.Release.Bytes[i] {
			t.Errorf("section %d has %d bytes, want %d", i, m.Step.Release.Bytes[i], len(section))
		}
		file = append(append(file, head...), section...)
	}
	if !bytes.Equal(file, m.Bundles[1]) {
		t.Fatal("the frame of the release is not that of the bundle")
	}
	if err := m.Open(file); err != nil {
		t.Fatal(err)
	}
	// What is stored is the root as it was signed.
	root, err := trust.ParseEnvelope(m.Files[bundle.RootName], trust.RoleRoot)
	if err != nil || !bytes.Contains(m.State, root.Document) {
		t.Errorf("the state does not hold the root's bytes: %v", err)
	}

	// Nothing new: root and head travel, and nothing else.
	if err := m.Follow(); err != nil || m.Step.Release != nil || fetched(m) != "root.nsr head.nsh" {
		t.Errorf("again: %v, release %v, fetched %s", err, m.Step.Release, fetched(m))
	}
	// A second version, under a root with other keys for heads, whose numbers
	// begin anew.
	shape := m.Shape
	shape.Head.Keys = []int{4, 5}
	m.PutRoot(shape, channeltest.RootExpires, 0, 2)
	m.PutRelease(2, channeltest.Expires)
	patches := []trust.Patch{{From: m.Trusted().Opened.Digest, Bytes: 9, Digest: [32]byte{9}}}
	m.Seq = 0
	m.PutHead(func(h *trust.Head) { h.Patches = patches })
	if err := m.Follow(); err != nil {
		t.Fatal(err)
	}
	second := bundle.ReleaseName(m.Release.Digest)
	if got, want := fetched(m), "root.nsr roots/2.nsr root.nsr head.nsh "+second; got != want {
		t.Errorf("fetched %s, want %s", got, want)
	}
	if !slices.Equal(m.Patches, patches) {
		t.Errorf("patches %v, want those of the head", m.Patches)
	}
	if s := m.Trusted(); s.Root.Version != 2 || s.Accepted.Version != 2 || s.Opened.Version != 1 {
		t.Errorf("after a rotation: root %d, accepted %d, opened %d", s.Root.Version, s.Accepted.Version, s.Opened.Version)
	}
	// Until the second one has come as a whole the first one may be used.
	if err := m.Open(m.Bundles[1]); err != nil {
		t.Errorf("the last good bundle: %v", err)
	}
	// The publisher stops the first.
	m.PutHead(func(h *trust.Head) { h.MinVersion = 2 })
	if err := m.Follow(); err != nil {
		t.Fatal(err)
	}
	if err := m.Open(m.Bundles[1]); !errors.Is(err, trust.ErrStopped) {
		t.Errorf("a stopped bundle: %v", err)
	}
}

// fetched lists what the device has fetched when it followed last.
func fetched(m *channeltest.Mirror) string { return strings.Join(m.Fetched, " ") }
