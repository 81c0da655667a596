package audit

import (
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
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
	other := rootOf(t, keysOf(2), expires)
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

// rootFor has keysOf(1), keysOf(2), … and asks for threshold of them for
// everything.
func rootFor(keys, threshold int) *trust.Root {
	r := &trust.Root{Version: 1, Expires: expires + 1}
	set := trust.Keyset{Threshold: threshold}
	for k := range keys {
		r.Keys = append(r.Keys, keysOf(byte(k+1)).Public())
		set.Keys = append(set.Keys, k)
	}
	r.Roles = trust.Roles{Root: set, Manifest: set, Head: set}
	return r
}

// TestAKeyCountsOnce: however often it has signed.
func TestAKeyCountsOnce(t *testing.T) {
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
			name: "doc", role: trust.RoleManifest, doc: doc,
			signatures: encoded(t, mapOf(textOf("sigs"), value{kind: kindArray, list: list})),
		}
		f := finding{verdict: Pass}
		if d.check(&f, rootFor(2, c.threshold)); f.verdict != c.want {
			t.Errorf("%v, threshold %d: got %s, %q, want %s", c.signers, c.threshold, f.verdict, f.reason, c.want)
		}
	}
}

// TestThresholdsOfAChannel: of the root itself, the manifest and the head.
func TestThresholdsOfAChannel(t *testing.T) {
	good := popular.options(t)
	one, two := keysOf(1), keysOf(2)
	root, err := pack.SignedRoot(rootFor(2, 2), one, two)
	if err != nil {
		t.Fatal(err)
	}
	head := trust.Head{Channel: "test", Seq: 3, Issued: created, Expires: expires, RootVersion: 1}
	for _, c := range []struct {
		name    string
		signers []byte // of the manifest
		head    []*pack.Keys
		want    Verdict
		words   string
	}{
		{"both", []byte{1, 2}, []*pack.Keys{one, two}, Pass, ""},
		{"the manifest by one", []byte{1}, []*pack.Keys{one, two}, Fail, "manifest: 1 right signature(s), want 2"},
		{"the head by one", []byte{1, 2}, []*pack.Keys{two}, Fail, "head: 1 right signature(s), want 2; head: a device refuses it: trust: fewer keys"},
	} {
		opt := good
		opt.Root = root
		f := forge(t, opt.Bundle)
		f.signers = c.signers
		opt.Bundle = f.file()
		if opt.Head, err = pack.SignedHead(head, c.head...); err != nil {
			t.Fatal(err)
		}
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) {
			if f := s.want(t, "A01", c.want, c.words); f.value("root, threshold") != "2 of 2 key(s), 2 right" {
				t.Errorf("got\n%s", f.text())
			}
			s.want(t, "A02", Pass, "")
		})
	}
	opt := good
	opt.Head = []byte("head")
	subjectOf(t, opt).want(t, "A01", Fail, "the head: bundle: envelope")
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
		opt.Now, opt.Root = c.now, rootOf(t, keysOf(1), c.rootExpires)
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A03", c.want, c.words) })
		if s.openErr != nil {
			t.Errorf("%s: what is too late is not looked at: %v", c.name, s.openErr)
		}
	}
}

// TestADeviceTakesTheHead, or does not: in the state that it is in.
func TestADeviceTakesTheHead(t *testing.T) {
	good := popular.options(t)
	manifest := forge(t, good.Bundle).manifest
	release := trust.Release{Version: 7, Bytes: len(manifest), Digest: trust.Digest(manifest)}
	head := trust.Head{Channel: "test", Seq: 3, Issued: created, Expires: expires, RootVersion: 1, Release: release}
	fresh, err := trust.NewState(good.Root, "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		edit  func(h *trust.Head, s *trust.State)
		want  Verdict
		words string
	}{
		{"new", func(*trust.Head, *trust.State) {}, Pass, ""},
		{"one that saw less", func(h *trust.Head, s *trust.State) { s.Seq = 2 }, Pass, ""},
		{"one that saw more", func(h *trust.Head, s *trust.State) { s.Seq = 4 }, Fail, "older than what this device has seen"},
		{"another head with this number", func(h *trust.Head, s *trust.State) { s.Seq = 3 }, Fail, "another document under a number"},
		{"an equal version with other bytes", func(h *trust.Head, s *trust.State) { s.Accepted = trust.Release{Version: 7} }, Fail, "another document under a number"},
		{"a version step back", func(h *trust.Head, s *trust.State) { s.Accepted = trust.Release{Version: 8} }, Fail, "older than"},
		{"a step too large", func(h *trust.Head, s *trust.State) { s.Seq, h.Seq = 1, trust.MaxSeqStep+2 }, Fail, "too large a step"},
		{"an expired head", func(h *trust.Head, s *trust.State) { h.Expires = now }, Fail, "the head is past its expiry"},
		{"another channel's head", func(h *trust.Head, s *trust.State) { h.Channel = "other" }, Fail, "another channel"},
		{"a head of another release", func(h *trust.Head, s *trust.State) { h.Release.Digest[0]++ }, Fail, "names another release"},
		{"a version that is stopped", func(h *trust.Head, s *trust.State) { h.MinVersion = 8 }, Fail, "has stopped this version"},
	} {
		opt := good
		h, state := head, *fresh
		c.edit(&h, &state)
		if opt.Head, err = pack.SignedHead(h, keysOf(1)); err != nil {
			t.Fatal(err)
		}
		opt.State = state.Append(nil)
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A03", c.want, c.words) })
	}
	opt := good
	opt.State = fresh.Append(nil)
	subjectOf(t, opt).want(t, "A03", NotRun, "a state says something only of a head")
	if opt.Head, err = pack.SignedHead(head, keysOf(1)); err != nil {
		t.Fatal(err)
	}
	opt.State = []byte("state")
	subjectOf(t, opt).want(t, "A03", Fail, "the state: ")
	opt.State = nil
	subjectOf(t, opt).want(t, "A03", Pass, "")
}
