package bundle_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// fullManifest has every key that a manifest may have. No bundle has all of
// them.
func fullManifest() []byte {
	hash := make([]byte, 32)
	key := func(b []byte, k uint64) []byte { return wire.AppendUint(b, k) }
	numbers := func(b []byte, n int) []byte { // a map of n pairs, each a 1
		b = wire.AppendMap(b, n)
		for k := range n {
			b = wire.AppendUint(key(b, uint64(k)), 1)
		}
		return b
	}
	answers := func(b []byte) []byte {
		b = wire.AppendBin(key(wire.AppendMap(wire.AppendArray(b, 1), 2), 0), []byte{1})
		return wire.AppendBin(key(b, 1), hash)
	}
	b := wire.AppendString(key(wire.AppendMap(nil, 17), 0), "mani")
	b = wire.AppendString(key(b, 1), channeltest.Name)
	b = wire.AppendString(key(b, 2), "auto")
	for k := uint64(3); k <= 6; k++ {
		b = wire.AppendUint(key(b, k), 4)
	}
	b = numbers(key(b, 7), 4)
	b = wire.AppendUint(key(wire.AppendMap(wire.AppendArray(key(b, 8), 1), 4), 0), 9)
	b = wire.AppendUint(key(b, 1), 4)
	b = wire.AppendBin(key(b, 2), hash)
	b = wire.AppendInt(key(b, 3), -1)
	b = wire.AppendUint(key(wire.AppendMap(key(b, 9), 3), 0), 1)
	b = wire.AppendArray(key(b, 1), 6)
	for range 6 {
		b = wire.AppendUint(b, 1)
	}
	b = wire.AppendUint(key(b, 2), 0)
	b = numbers(key(b, 10), 4)
	b = answers(key(b, 11))
	b = wire.AppendMap(key(b, 12), 4)
	for k, v := range []uint64{1, 0, 0, 0} {
		b = wire.AppendUint(key(b, uint64(k)), v)
	}
	b = answers(key(b, 13))
	b = wire.AppendUint(key(wire.AppendMap(key(b, 14), 8), 0), 1)
	b = wire.AppendUint(wire.AppendArray(key(b, 1), 1), 5)
	for k, v := range []uint64{1, 1, 1, 0} {
		b = wire.AppendUint(key(b, uint64(2+k)), v)
	}
	b = wire.AppendBool(key(b, 6), true)
	b = wire.AppendUint(wire.AppendUint(wire.AppendArray(key(b, 7), 2), 4), 4)
	b = wire.AppendBin(wire.AppendArray(key(b, 15), 1), hash)
	b = wire.AppendBin(key(wire.AppendMap(key(b, 16), 3), 0), hash)
	b = wire.AppendString(key(b, 1), "v1")
	return wire.AppendUint(key(b, 2), 7)
}

// TestEveryKeyOfADocumentIsThereAndKnown leaves out each pair of each map, adds
// one that nobody knows, and one that is to be passed over.
func TestEveryKeyOfADocumentIsThereAndKnown(t *testing.T) {
	m := channeltest.NewMirror()
	m.Lost = true
	if err := m.Follow(); err != nil {
		t.Fatal(err)
	}
	step := m.Step
	step.Patches = []trust.Patch{{Bytes: 1}}
	follow := bundle.AppendFollow(nil, m.State, channeltest.Name, bundle.Followed{Name: bundle.HeadName, File: []byte{1}, Lost: true}, m.Now)
	malformed := func(d trust.Document) func(err error) bool {
		return func(err error) bool {
			var syntax *trust.SyntaxError
			return errors.As(err, &syntax) && syntax.Document == d
		}
	}
	request := func(err error) bool {
		var syntax *trust.SyntaxError
		var bad *wire.Error
		return errors.As(err, &bad) && !errors.As(err, &syntax)
	}
	for _, c := range []struct {
		name     string
		doc      []byte
		read     func(b []byte) error
		refused  func(err error) bool
		optional string // paths with spaces around them
	}{
		{"manifest", fullManifest(), func(b []byte) error { _, err := bundle.ParseManifest(b); return err }, malformed(trust.DocumentManifest), " 8.0.3 12 13 14 15 16 "},
		{"frame", m.Bundles[2], func(b []byte) error { _, err := bundle.ParseFrame(b); return err }, malformed(trust.DocumentFrame), ""},
		{"request", follow, func(b []byte) error { _, _, _, err := bundle.ParseFollow(b); return err }, request, " 5 6 7 "},
		{"step", step.Append(nil), func(b []byte) error { _, err := bundle.ParseStep(b); return err }, request, " 5 "},
	} {
		if err := c.read(c.doc); err != nil {
			t.Fatalf("%s as it is: %v", c.name, err)
		}
		for _, e := range channeltest.Edits(c.doc) {
			err := c.read(e.Doc)
			may := e.Key == 0 && strings.Contains(c.optional, " "+e.Path+" ") || e.Key == channeltest.Extension
			switch {
			case may && err != nil:
				t.Errorf("%s, %s, key %d: %v", c.name, e.Path, e.Key, err)
			case !may && !c.refused(err):
				t.Errorf("%s, %s, key %d: got %v, want it malformed", c.name, e.Path, e.Key, err)
			}
		}
	}
}

// TestRequestsToFollow has what ABI.md says of their keys.
func TestRequestsToFollow(t *testing.T) {
	m := channeltest.NewMirror()
	root := m.Files[bundle.RootName]
	good := bundle.Followed{Name: bundle.HeadName, File: []byte{1, 2}, Module: [32]byte{3}, Lost: true}
	s, f, now, err := bundle.ParseFollow(bundle.AppendFollow(nil, root, channeltest.Name, good, m.Now))
	if err != nil || s.Channel != channeltest.Name || s.Seq != 0 || now != m.Now ||
		f.Name != good.Name || !bytes.Equal(f.File, good.File) || f.Module != good.Module || !f.Lost {
		t.Errorf("with a root: %+v, %+v, %d, %v", s, f, now, err)
	}
	if s, _, _, err = bundle.ParseFollow(bundle.AppendFollow(nil, m.State, "another", good, m.Now)); err != nil || s.Channel != channeltest.Name || s.Seq != 2 {
		t.Errorf("with a state: %v", err)
	}
	doc := bundle.AppendFollow(nil, m.State, "", good, m.Now)
	for name, bad := range map[string][]byte{
		"version 0":          bytes.Replace(doc, []byte{0x88, 0, 1}, []byte{0x88, 0, 0}, 1),
		"version 2":          bytes.Replace(doc, []byte{0x88, 0, 1}, []byte{0x88, 0, 2}, 1),
		"a byte less":        doc[:len(doc)-1],
		"a byte more":        append(bytes.Clone(doc), 0),
		"nothing":            nil,
		"a name of 129":      bundle.AppendFollow(nil, m.State, "", bundle.Followed{Name: strings.Repeat("x", 129)}, m.Now),
		"a file too long":    bundle.AppendFollow(nil, m.State, "", bundle.Followed{File: make([]byte, trust.MaxReleaseFile+1)}, m.Now),
		"an anchor too long": bundle.AppendFollow(nil, make([]byte, trust.MaxRootFile+1), "", good, m.Now),
	} {
		_, _, _, err := bundle.ParseFollow(bad)
		var e *wire.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a malformed request", name, err)
		}
	}
	for name, bad := range map[string]struct {
		anchor []byte
		want   trust.Document
	}{
		"no anchor":       {nil, trust.DocumentRoot},
		"half a root":     {root[:len(root)/2], trust.DocumentEnvelope},
		"half a state":    {m.State[:len(m.State)/2], trust.DocumentState},
		"a state's magic": {[]byte("\x8b\x00\xa5state"), trust.DocumentState},
	} {
		_, _, _, err := bundle.ParseFollow(bundle.AppendFollow(nil, bad.anchor, channeltest.Name, good, m.Now))
		var syntax *trust.SyntaxError
		if !errors.As(err, &syntax) || syntax.Document != bad.want {
			t.Errorf("%s: got %v, want a malformed %s", name, err, bad.want)
		}
	}
}

// TestNamesOfFiles are those of SPEC.md, section 9.
func TestNamesOfFiles(t *testing.T) {
	digest := [32]byte{0x01, 0x9f, 0xa0, 31: 0xff}
	const hex = "019fa0" + "00000000000000000000000000000000000000000000000000000000" + "ff"
	for got, want := range map[string]string{
		bundle.NextRootName(12):    "roots/12.nsr",
		bundle.ReleaseName(digest): "releases/" + hex + ".nsm",
		bundle.ChunkName(digest):   "chunks/" + hex,
		bundle.PatchName(digest):   "patches/" + hex,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
