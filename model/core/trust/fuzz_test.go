package trust_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
)

// roles are those of envelopes, with a file of each.
func roles() (list []trust.Role, files [][]byte) {
	c := channeltest.New()
	return []trust.Role{trust.RoleRoot, trust.RoleHead, trust.RoleManifest},
		[][]byte{c.Files[bundle.RootName], c.Files[bundle.HeadName], c.Files[bundle.ReleaseName(c.Release.Digest)]}
}

// shrunk is a state with a mark for its root.
func shrunk(state []byte) []byte {
	small := channeltest.Shrink(state)
	if len(small) > 500 {
		panic("the root of a state is not among the values of channeltest")
	}
	return small
}

// addDocuments adds the document of a role that stands in each file of each
// attack: honest ones, and ones that are signed and wrong all the same.
func addDocuments(f *testing.F, role trust.Role, pick func(e trust.Envelope) []byte) {
	attacks, _ := channeltest.Attacks()
	seen := map[string]bool{}
	for _, a := range attacks {
		for _, c := range a.Calls {
			e, err := trust.ParseEnvelope(c.File, role)
			if err != nil {
				continue
			}
			if doc := channeltest.Shrink(pick(e)); len(doc) < 5<<10 && !seen[string(doc)] {
				seen[string(doc)] = true
				f.Add(doc)
			}
		}
	}
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x81, 0, 0xdb, 0xff, 0xff, 0xff, 0xff})
}

func document(e trust.Envelope) []byte { return e.Document }

// frugal fails when reading doc takes more memory than it may.
func frugal(t *testing.T, doc []byte, read func()) {
	t.Helper()
	if err := modeltest.Frugal(doc, read); err != nil {
		t.Fatal(err)
	}
}

// FuzzRoot: a root that is read keeps to its bounds, and says the same when it
// is written once more.
func FuzzRoot(f *testing.F) {
	addDocuments(f, trust.RoleRoot, document)
	f.Fuzz(func(t *testing.T, b []byte) {
		doc := channeltest.Grow(b)
		frugal(t, doc, func() { _, _ = trust.ParseRoot(doc) })
		r, err := trust.ParseRoot(doc)
		if err != nil {
			return
		}
		sets := []trust.Keyset{r.Roles.Root, r.Roles.Manifest, r.Roles.Head}
		if sets[0].Threshold == 0 { // no roles
			if sets[1].Threshold != 1 || len(sets[1].Keys) != len(r.Keys) || sets[2].Threshold != 0 {
				t.Fatalf("without roles: %+v", r.Roles)
			}
			return
		}
		for _, s := range sets {
			if s.Threshold < 1 || s.Threshold > len(s.Keys) || len(s.Keys) > len(r.Keys) || len(r.Keys) > trust.MaxKeys {
				t.Fatalf("%d of %d of %d keys", s.Threshold, len(s.Keys), len(r.Keys))
			}
		}
		again, err := pack.EncodeRoot(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := trust.ParseRoot(again)
		if err != nil || cmp.Diff(r, back) != "" {
			t.Fatalf("another root comes back: %v\n%s", err, cmp.Diff(r, back))
		}
		if len(again) == len(doc) && !bytes.Equal(again, doc) { // extensions are left out
			t.Fatalf("%x comes back as %x", doc, again)
		}
	})
}

// FuzzEnvelope: what is read as the envelope of one role is none of another,
// and the same when it is written once more.
func FuzzEnvelope(f *testing.F) {
	roles, files := roles()
	for _, file := range files {
		f.Add(channeltest.Shrink(file))
		f.Add(file[:100])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file := channeltest.Grow(b)
		accepted := 0
		for _, role := range roles {
			frugal(t, file, func() { _, _ = trust.ParseEnvelope(file, role) })
			e, err := trust.ParseEnvelope(file, role)
			if err != nil {
				continue
			}
			if accepted++; e.Role != role || accepted > 1 {
				t.Fatalf("%d roles, one of them %q, by an envelope of %q", accepted, role, e.Role)
			}
			again := channeltest.Envelope(e)
			back, err := trust.ParseEnvelope(again, role)
			if err != nil || cmp.Diff(e, back) != "" {
				t.Fatalf("another envelope comes back: %v\n%s", err, cmp.Diff(e, back))
			}
			if len(again) == len(file) && !bytes.Equal(again, file) {
				t.Fatalf("%x comes back as %x", file, again)
			}
		}
	})
}

// FuzzHead: a head that is read keeps to its bounds, and says the same when it
// is written once more.
func FuzzHead(f *testing.F) {
	addDocuments(f, trust.RoleHead, document)
	f.Fuzz(func(t *testing.T, b []byte) {
		doc := channeltest.Grow(b)
		frugal(t, doc, func() { _, _ = trust.ParseHead(doc) })
		h, err := trust.ParseHead(doc)
		if err != nil {
			return
		}
		if h.Seq < 1 || h.Seq > trust.MaxSeq || h.Issued >= h.Expires || h.Issued < 0 || len(h.Channel) > trust.MaxName ||
			h.Release.Bytes < 0 || h.Release.Bytes > trust.MaxManifest || len(h.Patches) > trust.MaxPatches {
			t.Fatalf("%+v", h)
		}
		again, err := pack.EncodeHead(h)
		if err != nil {
			t.Fatal(err)
		}
		back, err := trust.ParseHead(again)
		if err != nil || cmp.Diff(h, back) != "" {
			t.Fatalf("another head comes back: %v\n%s", err, cmp.Diff(h, back))
		}
	})
}

// FuzzSignatures: ids ascend, and halves have their one length. Nobody's key
// has signed what a fuzzer finds.
func FuzzSignatures(f *testing.F) {
	for _, role := range []trust.Role{trust.RoleHead, trust.RoleManifest, trust.RoleRoot} {
		addDocuments(f, role, func(e trust.Envelope) []byte { return e.Signatures })
	}
	root, err := trust.ParseRoot(channeltest.New().Files[bundle.RootName])
	if err != nil {
		f.Fatal(err)
	}
	doc := []byte("a document that nobody has signed")
	f.Fuzz(func(t *testing.T, b []byte) {
		sigs := channeltest.Grow(b)
		frugal(t, sigs, func() { _, _ = trust.ParseSignatures(sigs) })
		list, err := trust.ParseSignatures(sigs)
		for i, s := range list {
			if len(s.Ed25519) != trust.Ed25519SigSize || len(s.MLDSA65) != trust.MLDSA65SigSize {
				t.Fatalf("halves of %d and %d bytes", len(s.Ed25519), len(s.MLDSA65))
			}
			if i > 0 && bytes.Compare(list[i-1].KeyID[:], s.KeyID[:]) >= 0 {
				t.Fatal("ids do not ascend")
			}
		}
		if err != nil && list != nil {
			t.Fatalf("%v, and %d signatures", err, len(list))
		}
		for _, role := range []trust.Role{trust.RoleRoot, trust.RoleManifest, trust.RoleHead, "other"} {
			if root.Verify(role, channeltest.Name, doc, sigs) == nil {
				t.Fatalf("%s: verified", role)
			}
		}
	})
}

// FuzzState: what is a state has one encoding.
func FuzzState(f *testing.F) {
	m := channeltest.NewMirror()
	f.Add(shrunk(m.State))
	fresh, err := trust.NewState(m.Files[bundle.RootName], channeltest.Name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(shrunk(fresh.Append(nil)))
	f.Add([]byte("\x8b\x00\xa5state\x01\xc4\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc := channeltest.Grow(b)
		frugal(t, doc, func() { _, _ = trust.ParseState(doc) })
		s, err := trust.ParseState(doc)
		if err != nil {
			return
		}
		if !trust.IsState(doc) {
			t.Fatal("a state that does not begin like one")
		}
		if again := s.Append(nil); !bytes.Equal(again, doc) {
			t.Fatalf("%x comes back as %x", doc, again)
		}
	})
}

// FuzzLogEntry: what is an entry has one encoding.
func FuzzLogEntry(f *testing.F) {
	f.Add(trust.LogEntry(channeltest.Name, channeltest.New().Release))
	f.Add(trust.LogEntry("", trust.Release{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc := channeltest.Grow(b)
		frugal(t, doc, func() { _, _, _ = trust.ParseLogEntry(doc) })
		channel, r, err := trust.ParseLogEntry(doc)
		if err != nil {
			return
		}
		if again := trust.LogEntry(channel, r); !bytes.Equal(again, doc) {
			t.Fatalf("%x comes back as %x", doc, again)
		}
	})
}
