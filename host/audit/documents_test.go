package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// TestPublishedBundlesPass: of every format that was ever written.
func TestPublishedBundlesPass(t *testing.T) {
	files, err := filepath.Glob("../../testdata/vectors/*.nsb")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, path := range files {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		root, err := os.ReadFile(strings.TrimSuffix(path, "nsb") + "nsr")
		if err != nil {
			t.Fatal(err)
		}
		s := subjectOf(t, Options{Bundle: file, Root: root, Now: now})
		for _, id := range []string{"A01", "A02", "A03", "A06"} {
			t.Run(filepath.Base(path), func(t *testing.T) { s.want(t, id, Pass, "") })
		}
	}
}

func TestDocumentsThatAreNotCanonical(t *testing.T) {
	good := popular.options(t)
	root := good.Root // 85 00 a4 "root" 01 01 02 ce … 03 91 82 …
	if !bytes.HasPrefix(root, []byte("\x85\x00\xa4root\x01\x01\x02\xce")) {
		t.Fatalf("a root starts with %x", root[:12])
	}
	replaced := func(old, new string) []byte { return bytes.Replace(root, []byte(old), []byte(new), 1) }
	for _, c := range []struct {
		name  string
		root  []byte
		words string
	}{
		{"a longer number", replaced("\x01\x01\x02", "\x01\xcc\x01\x02"), "root: byte 8 is not"},
		{"a longer string", replaced("\xa4root", "\xd9\x04root"), "root: byte 2 is not"},
		{"keys in another order", replaced("\x00\xa4root\x01\x01", "\x01\x01\x00\xa4root"), "root: byte 1 is not"},
		{"a key twice", append([]byte("\x86\x00\xa4root"), root[1:]...), "root: key 0 is there twice"},
		{"a byte more", append(bytes.Clone(root), 0), ": 1 bytes after the document's end"},
		{"a byte less", root[:len(root)-1], "bytes wanted"},
		{"nothing", nil, "1 bytes wanted, 0 left"},
		{"a nil", replaced("\x01\x01\x02", "\x01\xc0\x02"), "type 0xc0"},
		{"a float", replaced("\x01\x01\x02", "\x01\xca\x3f\x80\x00\x00\x02"), "type 0xca"},
		{"a string that is none", replaced("root", "ro\xfft"), "not UTF-8"},
	} {
		opt := good
		opt.Root = c.root
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A02", Fail, c.words) })
	}
}

// TestASignedManifestMustBeCanonical: its signature is no excuse.
func TestASignedManifestMustBeCanonical(t *testing.T) {
	opt := popular.options(t)
	f := forge(t, opt.Bundle)
	f.manifest = bytes.Replace(f.manifest, []byte("\x03\x07\x04"), []byte("\x03\xcc\x07\x04"), 1)
	opt.Bundle = f.file()
	s := subjectOf(t, opt)
	s.want(t, "A02", Fail, "manifest: byte ")
	s.want(t, "A01", Pass, "") // somebody did sign it
}

func TestExtensionsAreCounted(t *testing.T) {
	opt := popular.options(t)
	opt.Bundle = forge(t, opt.Bundle).change(func(m *value) { m.set(70, mapOf(uintOf(1))) }).file()
	s := subjectOf(t, opt)
	if f := s.want(t, "A02", Pass, ""); f.value("manifest, unknown keys") != "1" {
		t.Errorf("got\n%s", f.text())
	}
	s.want(t, "A06", Pass, "") // they are signed
}

// FuzzDocument holds the second reader and the core's together: what is
// canonical to the one the other accepts, and what it writes is read as itself.
func FuzzDocument(f *testing.F) {
	f.Add(rootOf(f, keysOf(1), expires))
	f.Add(slate.Request{K: 3, Exclude: []string{"a"}, Seen: slate.SeenHide}.Append(nil))
	f.Add(wire.AppendInt(nil, -40000))
	f.Add([]byte("\x82\x01\xd0\xfe\x00\xdd\x00\x00\x00\x02\xc2\xc3"))
	f.Add(bytes.Repeat([]byte{0x91}, 40))
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, sum, at, err := canonical(doc)
		_, rootErr := trust.ParseRoot(doc)
		_, requestErr := slate.ParseRequest(doc, bundle.Limits{Items: 10, K: 10, History: 10})
		if (rootErr == nil || requestErr == nil) && (err != nil || at >= 0) {
			t.Fatalf("%x: core reads it, and it is not canonical: byte %d, %v", doc, at, err)
		}
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := v.canonicalTo(&b); err != nil {
			t.Fatal(err)
		}
		again, sumAgain, at, err := canonical(b.Bytes())
		if err != nil || at >= 0 || sumAgain != sum || len(again.list) != len(v.list) {
			t.Fatalf("%x: written as %x, which is not canonical: byte %d, %v", doc, b.Bytes(), at, err)
		}
		if len(v.raw) != len(doc) {
			t.Fatalf("%x: the value is %d bytes", doc, len(v.raw))
		}
	})
}
