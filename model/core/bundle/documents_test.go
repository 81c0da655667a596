package bundle_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/pack"
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
// one that nobody knows, and an extension, which a frame may not have.
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
		closed   bool   // it has no extensions
	}{
		{"manifest", fullManifest(), func(b []byte) error { _, err := bundle.ParseManifest(b); return err }, malformed(trust.DocumentManifest), " 8.0.3 12 13 14 15 16 ", false},
		{"frame", m.Bundles[2], func(b []byte) error { _, err := bundle.ParseFrame(b); return err }, malformed(trust.DocumentFrame), "", true},
		{"request", follow, func(b []byte) error { _, _, _, err := bundle.ParseFollow(b); return err }, request, " 5 6 7 ", false},
		{"step", step.Append(nil), func(b []byte) error { _, err := bundle.ParseStep(b); return err }, request, " 5 ", false},
	} {
		if err := c.read(c.doc); err != nil {
			t.Fatalf("%s as it is: %v", c.name, err)
		}
		for _, e := range channeltest.Edits(c.doc) {
			err := c.read(e.Doc)
			may := e.Key == 0 && strings.Contains(c.optional, " "+e.Path+" ") || e.Key == channeltest.Extension && !c.closed
			switch {
			case may && err != nil:
				t.Errorf("%s, %s, key %d: %v", c.name, e.Path, e.Key, err)
			case !may && !c.refused(err):
				t.Errorf("%s, %s, key %d: got %v, want it malformed", c.name, e.Path, e.Key, err)
			}
		}
	}
}

// TestTheNameOfADocument is the one thing that tells some apart.
func TestTheNameOfADocument(t *testing.T) {
	manifest, frame := fullManifest(), channeltest.New().Bundles[1]
	manifest[bytes.Index(manifest, []byte("mani"))] ^= 1
	if _, err := bundle.ParseManifest(manifest); !isMalformed(err, trust.DocumentManifest) {
		t.Errorf("a manifest by another name: %v", err)
	}
	frame = bytes.Replace(frame, []byte("nearside"), []byte("nearsidf"), 1)
	if _, err := bundle.ParseFrame(frame); !isMalformed(err, trust.DocumentFrame) {
		t.Errorf("a frame by another name: %v", err)
	}
}

func isMalformed(err error, d trust.Document) bool {
	var syntax *trust.SyntaxError
	return errors.As(err, &syntax) && syntax.Document == d
}

// TestVersionsOfFrames are told before anything else of a file is looked at.
func TestVersionsOfFrames(t *testing.T) {
	f := channeltest.Frame(channeltest.New().Bundles[1])
	for version, want := range map[uint64]error{0: bundle.ErrVersion, 1: nil, bundle.FormatVersion: nil, bundle.FormatVersion + 1: bundle.ErrVersion} {
		f.Version = version
		if _, err := bundle.ParseFrame(channeltest.FrameFile(f)); err != want {
			t.Errorf("version %d: got %v, want %v", version, err, want)
		}
	}
	f.Version = 1
	file := channeltest.FrameFile(f)
	file[bytes.Index(file, []byte("nearside\x01\x01"))+9] = 0xc2 // false
	if _, err := bundle.ParseFrame(file); !isMalformed(err, trust.DocumentFrame) {
		t.Errorf("a version that is no number: %v", err)
	}
}

// TestAPartOfAFile says no more than the whole: what the frame must have it must
// have in the part, which must lie in the file.
func TestAPartOfAFile(t *testing.T) {
	c := channeltest.New()
	root, err := trust.ParseRoot(c.Files[bundle.RootName])
	if err != nil {
		t.Fatal(err)
	}
	file := c.Bundles[1]
	for _, have := range []int{-1, len(file) + 1} {
		if _, err := bundle.OpenEarly(root, slices.Clip(file), have, channeltest.Now); !isMalformed(err, trust.DocumentFrame) {
			t.Errorf("%d of %d bytes: %v", have, len(file), err)
		}
	}
	for _, e := range channeltest.Edits(file) {
		if e.Path == "5" {
			continue // may yet come
		}
		if _, err := bundle.OpenEarly(root, e.Doc, len(e.Doc)-4, channeltest.Now); !isMalformed(err, trust.DocumentFrame) {
			t.Errorf("a part, edited at %s: %v", e.Path, err)
		}
	}
}

// TestTheLongestFile is of 1 GiB, of which nothing is read that is not there.
func TestTheLongestFile(t *testing.T) {
	if runtime.GOARCH == "wasm" {
		t.Skip("1 GiB is too much of WebAssembly's memory")
	}
	file := make([]byte, bundle.MaxFile+1)
	for n, want := range map[int]string{bundle.MaxFile: "want a map", bundle.MaxFile + 1: "a file of at most 1 GiB"} {
		if _, err := bundle.ParseFrame(file[:n]); !isMalformed(err, trust.DocumentFrame) || !strings.Contains(err.Error(), want) {
			t.Errorf("%d bytes: got %v, want %q in it", n, err, want)
		}
	}
}

// TestABundleOfNoChannel with a manifest that is none, or is one of another
// format: it is signed, so it must be read.
func TestABundleOfNoChannel(t *testing.T) {
	c := channeltest.New()
	c.PutBundle(pack.Options{Version: 3, Created: channeltest.Created, Expires: channeltest.Expires, Modules: [][32]byte{{1}}})
	root, err := trust.ParseRoot(c.Files[bundle.RootName])
	if err != nil {
		t.Fatal(err)
	}
	f := channeltest.Frame(c.Bundles[3])
	open := func(manifest []byte) error {
		f.Manifest = manifest
		e, err := trust.ParseEnvelope(channeltest.Resign(trust.Envelope{Role: trust.RoleManifest, Document: manifest}, 1, 2), trust.RoleManifest)
		if err != nil {
			t.Fatal(err)
		}
		f.Signatures = e.Signatures
		_, err = bundle.Open(root, channeltest.FrameFile(f), channeltest.Now)
		return err
	}
	right := bytes.Clone(f.Manifest)
	if err := open(right); err != nil {
		t.Errorf("as it is: %v", err)
	}
	if err := open(right[:len(right)-1]); !isMalformed(err, trust.DocumentManifest) {
		t.Errorf("cut short: %v", err)
	}
	f.Version = 3
	if err := open(bytes.Replace(right, []byte{6, 4, 7}, []byte{6, 3, 7}, 1)); !isMalformed(err, trust.DocumentManifest) {
		t.Errorf("of format 3, with what only format 4 has: %v", err)
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
