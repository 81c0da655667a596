package audit

import (
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
)

func TestSignatures(t *testing.T) {
	good := popular.options(t)
	flip := func(key uint64) func([]value) []value {
		return func(list []value) []value {
			half := slices.Clone(list[0].bin(key))
			half[len(half)-1] ^= 1
			list[0].set(key, binOf(half))
			return list
		}
	}
	other := rootOf(t, keysOf(t, 2), expires)
	for _, c := range []struct {
		name  string
		root  []byte
		forge func(f *forged)
		want  Verdict
		words string
	}{
		{"signed", nil, func(f *forged) {}, Pass, ""},
		{"with one of another key", nil, func(f *forged) { f.signers = []byte{2, 1} }, Pass, ""},
		{"another publisher's root", other, func(f *forged) {}, Fail, "manifest: 0 right signature(s), want 1"},
		{"a root that is none", []byte("root"), func(f *forged) {}, Fail, "the root: "},
		{"not signed", nil, func(f *forged) { f.signers = nil }, Fail, "0 right"},
		{"a bit of Ed25519", nil, func(f *forged) { f.signatures = flip(1) }, Fail, "is wrong"},
		{"a bit of ML-DSA-65", nil, func(f *forged) { f.signatures = flip(2) }, Fail, "is wrong"},
		{"half a signature", nil, func(f *forged) {
			f.signatures = func(list []value) []value { list[0].set(2, binOf(nil)); return list }
		}, Fail, "is wrong"},
		{"a wrong one beside a right one", nil, func(f *forged) {
			f.signers = []byte{1, 1}
			f.signatures = flip(1)
		}, Fail, "is wrong"},
		{"for another channel", nil, func(f *forged) { f.channel = "elsewhere" }, Pass, ""}, // the manifest's channel is another check's
	} {
		opt := good
		if c.root != nil {
			opt.Root = c.root
		}
		f := forge(t, opt.Bundle)
		c.forge(f)
		opt.Bundle = f.file()
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A01", c.want, c.words) })
	}
}

// TestAKeyCountsOnce: however often it has signed.
func TestAKeyCountsOnce(t *testing.T) {
	var keys []bundle.Key
	for _, seed := range []byte{1, 2} {
		root, err := bundle.ParseRoot(rootOf(t, keysOf(t, seed), expires))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, root.Keys...)
	}
	doc := []byte{0x80}
	for _, c := range []struct {
		signers   []byte
		threshold int
		want      Verdict
	}{
		{[]byte{1}, 1, Pass}, {[]byte{1}, 2, Fail}, {[]byte{1, 1}, 2, Fail}, {[]byte{1, 2}, 2, Pass}, {[]byte{2, 1, 3}, 2, Pass}, {[]byte{1, 3}, 2, Fail},
	} {
		var list []value
		for _, seed := range c.signers {
			list = append(list, signature(t, "", doc, seed))
		}
		d := signedDocument{
			name: "doc", role: bundle.RoleManifest, doc: doc, keys: keys, threshold: c.threshold,
			signatures: encoded(t, mapOf(textOf("sigs"), value{kind: kindArray, list: list})),
		}
		f := finding{verdict: Pass}
		if d.check(&f); f.verdict != c.want {
			t.Errorf("%v, threshold %d: got %s, %q, want %s", c.signers, c.threshold, f.verdict, f.reason, c.want)
		}
	}
}

func TestFreshness(t *testing.T) {
	good := popular.options(t)
	for _, c := range []struct {
		name        string
		now         int64
		rootExpires int64
		want        Verdict
		words       string
	}{
		{"in date", now, expires, Pass, ""},
		{"as it is made", created, expires, Pass, ""},
		{"the last second", expires - 1, expires, Pass, ""},
		{"expired", expires, expires + 1, Fail, "the bundle has expired"},
		{"with an expired root", now, now, Fail, "the root has expired"},
		{"before it was made", created - 1, expires, Fail, "made after the time given"},
	} {
		opt := good
		opt.Now, opt.Root = c.now, rootOf(t, keysOf(t, 1), c.rootExpires)
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A03", c.want, c.words) })
		if s.openErr != nil {
			t.Errorf("%s: what is too late is not looked at: %v", c.name, s.openErr)
		}
	}
}
