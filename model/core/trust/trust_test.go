package trust_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/pack"
)

// What needs a signature to be tested is in model/pack: the attacks of
// model/channeltest. Here is the rest.

func isSyntax(err error, d trust.Document) bool {
	var syntax *trust.SyntaxError
	return errors.As(err, &syntax) && syntax.Document == d
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	inner := errors.New("byte 9: want a map")
	for _, c := range []struct {
		err  error
		want string
	}{
		{&trust.SyntaxError{Document: trust.DocumentHead, Err: inner}, "bundle: head: byte 9: want a map"},
		{&trust.LogError{Err: inner}, "trust: no proof that the release is in the log: byte 9: want a map"},
	} {
		if c.err.Error() != c.want || !errors.Is(c.err, inner) {
			t.Errorf("got %q, want %q", c.err, c.want)
		}
	}
	if err := error(&trust.LogError{Err: inner}); !errors.Is(err, trust.ErrLog) || errors.Is(err, trust.ErrSize) {
		t.Error("a LogError is ErrLog, and nothing else")
	}
}

// TestNothingIsReadBeyondItsBound has a byte more than each document may have,
// and the most.
func TestNothingIsReadBeyondItsBound(t *testing.T) {
	envelope := func(role trust.Role) func(b []byte) error {
		return func(b []byte) error { _, err := trust.ParseEnvelope(b, role); return err }
	}
	for _, c := range []struct {
		name string
		most int
		read func(b []byte) error
	}{
		{"a root", trust.MaxRoot, func(b []byte) error { _, err := trust.ParseRoot(b); return err }},
		{"a head", trust.MaxHead, func(b []byte) error { _, err := trust.ParseHead(b); return err }},
		{"signatures", trust.MaxSignatures, func(b []byte) error { _, err := trust.ParseSignatures(b); return err }},
		{"a state", trust.MaxState, func(b []byte) error { _, err := trust.ParseState(b); return err }},
		{"a first root", trust.MaxRootFile, func(b []byte) error {
			_, err := trust.NewState(append([]byte("\x86\x00\xa6signed"), b[9:]...), channeltest.Name)
			return err
		}},
		{"a root's envelope", trust.MaxRootFile, envelope(trust.RoleRoot)},
		{"a head's envelope", trust.MaxHeadFile, envelope(trust.RoleHead)},
		{"a manifest's envelope", trust.MaxReleaseFile, envelope(trust.RoleManifest)},
	} {
		if err := c.read(make([]byte, c.most+1)); !errors.Is(err, trust.ErrSize) {
			t.Errorf("%s of %d bytes: got %v, want %v", c.name, c.most+1, err, trust.ErrSize)
		}
		var syntax *trust.SyntaxError
		if err := c.read(make([]byte, c.most)); !errors.As(err, &syntax) {
			t.Errorf("%s of %d bytes: got %v, want a syntax error", c.name, c.most, err)
		}
	}
}

// TestTheLongestStateIsReadAgain: what is stored can be taken up, with the
// longest root, name and numbers.
func TestTheLongestStateIsReadAgain(t *testing.T) {
	root, err := trust.ParseEnvelope(channeltest.New().Files[bundle.RootName], trust.RoleRoot)
	if err != nil {
		t.Fatal(err)
	}
	doc := wire.AppendUint(append(wire.AppendMap(nil, 6), root.Document[1:]...), 64)
	doc = wire.AppendBin(doc, make([]byte, trust.MaxRoot-len(doc)-5))
	s, err := trust.NewState(doc, strings.Repeat("x", trust.MaxName))
	if err != nil {
		t.Fatal(err)
	}
	most := trust.Release{Version: trust.MaxVersion, Bytes: trust.MaxManifest, Digest: [32]byte{1}}
	s.Time, s.Seq, s.HeadExpires, s.MinVersion = 1<<40, trust.MaxSeq, 1<<40, trust.MaxVersion
	s.Named, s.Accepted, s.Opened = most, most, most
	back, err := trust.ParseState(s.Append(nil))
	if err != nil || back.Opened != most || back.Seq != trust.MaxSeq {
		t.Errorf("got %+v, %v", back, err)
	}
}

func TestNamesOfChannels(t *testing.T) {
	root := channeltest.New().Files[bundle.RootName]
	for _, name := range []string{"", "a", "z", "0", "9", ".", "_", "/", "-", "news/2027.de", strings.Repeat("x", 64)} {
		s, err := trust.NewState(root, name)
		if err != nil || s.Channel != name {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if back, err := trust.ParseState(s.Append(nil)); err != nil || back.Channel != name {
			t.Errorf("%q, stored: %v", name, err)
		}
	}
	for _, name := range []string{"A", "`", "{", ":", ",", "^", "é", "a b", "a\x00", strings.Repeat("x", 65)} {
		if _, err := trust.NewState(root, name); !errors.Is(err, trust.ErrChannel) {
			t.Errorf("%q: got %v, want %v", name, err, trust.ErrChannel)
		}
	}
}

// TestLogEntries has the entries of SPEC.md, and what is none.
func TestLogEntries(t *testing.T) {
	r := trust.Release{Version: 7, Digest: [32]byte{1, 2, 3}}
	entry := trust.LogEntry(channeltest.Name, r)
	channel, back, err := trust.ParseLogEntry(entry)
	if err != nil || channel != channeltest.Name || back != r {
		t.Errorf("got %q, %+v, %v", channel, back, err)
	}
	head := len("\x84\x00\xa5entry")
	for name, doc := range map[string][]byte{
		"nothing":                nil,
		"another document":       bytes.Replace(entry, []byte("entry"), []byte("event"), 1),
		"a byte behind":          append(bytes.Clone(entry), 0),
		"a byte less":            entry[:len(entry)-1],
		"no name":                append([]byte{0x83}, entry[head:]...),
		"a channel that is none": bytes.Replace(entry, []byte("test/news"), []byte("Test/news"), 1),
		"a key too many":         append(append([]byte{0x85}, entry[1:]...), 64, 0),
		"an unknown key":         append(append(append([]byte{0x84}, entry[1:len(entry)-35]...), 4), entry[len(entry)-34:]...),
		"no digest":              append([]byte{0x83}, entry[1:len(entry)-35]...),
	} {
		if _, _, err := trust.ParseLogEntry(doc); !isSyntax(err, trust.DocumentEntry) {
			t.Errorf("%s: got %v, want a malformed log entry", name, err)
		}
	}
}

// TestAStateHasOneEncoding: a state is a device's own, so nothing in it is
// passed over.
func TestAStateHasOneEncoding(t *testing.T) {
	state := channeltest.NewMirror().State
	for _, key := range []byte{7, 9, 10} { // releases
		at := bytes.LastIndex(state, []byte{key, 0x83, 0, 2, 1})
		if at < 0 {
			t.Fatalf("no release under key %d", key)
		}
		digest := bytes.Index(state[at:], []byte{2, 0xc4, 32}) + at
		extended := append(bytes.Clone(state[:at+1]), 0x84)
		extended = append(append(append(extended, state[at+2:digest+35]...), 64, 0), state[digest+35:]...)
		if _, err := trust.ParseState(extended); !isSyntax(err, trust.DocumentState) {
			t.Errorf("an extension of the release under key %d: got %v", key, err)
		}
	}
}

// TestEveryKeyOfADocumentIsThereAndKnown leaves out each pair of each map, adds
// one that nobody knows, and an extension, which only signed documents may have.
// Nothing but its name tells some documents apart.
func TestEveryKeyOfADocumentIsThereAndKnown(t *testing.T) {
	m := channeltest.NewMirror()
	s := m.Trusted()
	root := *s.Root
	root.Log = channeltest.Policy()
	rootDoc, err := pack.EncodeRoot(&root)
	if err != nil {
		t.Fatal(err)
	}
	root.Log = &tlog.Policy{Log: root.Log.Log} // which nobody needs to witness
	unwitnessed, err := pack.EncodeRoot(&root)
	if err != nil {
		t.Fatal(err)
	}
	headDoc, err := pack.EncodeHead(trust.Head{
		Channel: channeltest.Name, Seq: 1, Expires: 1, Release: m.Release, Proof: []byte{1}, Patches: []trust.Patch{{}, {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	head, err := trust.ParseEnvelope(m.Files[bundle.HeadName], trust.RoleHead)
	if err != nil {
		t.Fatal(err)
	}
	envelope := func(role trust.Role) func(b []byte) error {
		return func(b []byte) error { _, err := trust.ParseEnvelope(b, role); return err }
	}
	for _, c := range []struct {
		doc      trust.Document
		bytes    []byte
		read     func(b []byte) error
		optional string // paths with spaces around them
		closed   bool   // it has no extensions
	}{
		{trust.DocumentRoot, rootDoc, func(b []byte) error { _, err := trust.ParseRoot(b); return err }, " 4 5 ", false},
		{trust.DocumentRoot, unwitnessed, func(b []byte) error { _, err := trust.ParseRoot(b); return err }, " 4 5 ", false},
		{trust.DocumentHead, headDoc, func(b []byte) error { _, err := trust.ParseHead(b); return err }, " 8 9 ", false},
		{trust.DocumentSignatures, head.Signatures, func(b []byte) error { _, err := trust.ParseSignatures(b); return err }, "", true},
		{trust.DocumentState, m.State, func(b []byte) error { _, err := trust.ParseState(b); return err }, "", true},
		{trust.DocumentEntry, trust.LogEntry(channeltest.Name, m.Release), func(b []byte) error { _, _, err := trust.ParseLogEntry(b); return err }, "", true},
		{trust.DocumentEnvelope, m.Files[bundle.RootName], envelope(trust.RoleRoot), "", true},
		{trust.DocumentEnvelope, m.Files[bundle.HeadName], envelope(trust.RoleHead), "", true},
		{trust.DocumentEnvelope, m.Files[bundle.ReleaseName(m.Release.Digest)], envelope(trust.RoleManifest), "", true},
	} {
		if err := c.read(c.bytes); err != nil {
			t.Fatalf("%s as it is: %v", c.doc, err)
		}
		renamed := bytes.Clone(c.bytes)
		renamed[3] ^= 1
		if err := c.read(renamed); !isSyntax(err, c.doc) {
			t.Errorf("%s by another name: got %v", c.doc, err)
		}
		for _, e := range channeltest.Edits(c.bytes) {
			err := c.read(e.Doc)
			may := e.Key == 0 && strings.Contains(c.optional, " "+e.Path+" ") || e.Key == channeltest.Extension && !c.closed
			switch {
			case may && err != nil:
				t.Errorf("%s, %s, key %d: %v", c.doc, e.Path, e.Key, err)
			case !may && !isSyntax(err, c.doc):
				t.Errorf("%s, %s, key %d: got %v, want it malformed", c.doc, e.Path, e.Key, err)
			}
		}
	}
	// What is missing is named, also where its absence is wrong in other ways.
	for _, e := range channeltest.Edits(headDoc) {
		if _, err := trust.ParseHead(e.Doc); e.Key == 0 && err != nil && !strings.HasSuffix(err.Error(), "a map with key "+e.Path[len(e.Path)-1:]) {
			t.Errorf("head without %s: %v", e.Path, err)
		}
	}
}

// TestARootWithoutRoles accepts manifests that any one of its keys has signed,
// and nothing else.
func TestARootWithoutRoles(t *testing.T) {
	c := channeltest.New()
	e, err := trust.ParseEnvelope(c.Files[bundle.RootName], trust.RoleRoot)
	if err != nil {
		t.Fatal(err)
	}
	var doc []byte
	for _, edit := range channeltest.Edits(e.Document) {
		if edit.Path == "4" {
			doc = edit.Doc
		}
	}
	r, err := trust.ParseRoot(doc)
	if err != nil {
		t.Fatal(err)
	}
	manifest := channeltest.Frame(c.Bundles[1]).Manifest
	for key := range 6 {
		for role, files := range map[trust.Role][]byte{trust.RoleManifest: manifest, trust.RoleHead: manifest, trust.RoleRoot: doc} {
			want := trust.ErrSignature
			if role == trust.RoleManifest && key < 5 {
				want = nil
			}
			if err := r.Verify(role, channeltest.Name, files, channeltest.Signatures(role, files, key)); err != want {
				t.Errorf("key %d signs as %s: got %v, want %v", key, role, err, want)
			}
		}
	}
}

// TestWhatIsSigned is SPEC.md, sections 2 and 4, byte for byte.
func TestWhatIsSigned(t *testing.T) {
	for _, c := range []struct {
		role          trust.Role
		channel, want string
	}{
		{trust.RoleHead, "a/b", "nearside/v1\x00head\x00a/b\x00\x00\x00\x00\x03doc"},
		{trust.RoleRoot, "", "nearside/v1\x00root\x00\x00\x00\x00\x00\x03doc"},
	} {
		if got := string(trust.SignedBytes(c.role, c.channel, []byte("doc"))); got != c.want {
			t.Errorf("%s, %q: got %q, want %q", c.role, c.channel, got, c.want)
		}
	}
	if got := trust.MLDSAContext(trust.RoleManifest); got != "nearside/v1/manifest" {
		t.Errorf("the context is %q", got)
	}
	k := channeltest.Key(0).Public()
	sum := sha256.Sum256(slices.Concat([]byte("nearside-key/v1"), k.Ed25519[:], k.MLDSA65))
	if id := k.ID(); !bytes.Equal(id[:], sum[:16]) {
		t.Errorf("the id is %x, want %x", id, sum[:16])
	}
}

// TestAKeyThatIsNone has signed nothing. No root that is read has one.
func TestAKeyThatIsNone(t *testing.T) {
	doc := []byte("a document")
	k := channeltest.Key(0).Public()
	right := k.ID()
	k.MLDSA65 = k.MLDSA65[:100]
	wrong := k.ID()
	r := trust.Root{Keys: []trust.Key{k}, Roles: trust.Roles{Head: trust.Keyset{Threshold: 1, Keys: []int{0}}}}
	signatures := bytes.Replace(channeltest.Signatures(trust.RoleHead, doc, 0), right[:], wrong[:], 1)
	if err := r.Verify(trust.RoleHead, channeltest.Name, doc, signatures); err != trust.ErrSignature {
		t.Errorf("got %v, want %v", err, trust.ErrSignature)
	}
}

// TestAKeyOfALogIsNamed where it is none.
func TestAKeyOfALogIsNamed(t *testing.T) {
	root := *channeltest.NewMirror().Trusted().Root
	root.Log = channeltest.Policy()
	doc, err := pack.EncodeRoot(&root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{root.Log.Log.Name, root.Log.Witnesses[1].Name} {
		_, err := trust.ParseRoot(bytes.Replace(doc, []byte(name+"+"), []byte(name+" "), 1))
		if !isSyntax(err, trust.DocumentRoot) || !strings.HasSuffix(err.Error(), "a verifier key of C2SP's signed-note") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRoles: each has its keys, and no other has any.
func TestRoles(t *testing.T) {
	r := trust.Roles{Root: trust.Keyset{Threshold: 1}, Manifest: trust.Keyset{Threshold: 2}, Head: trust.Keyset{Threshold: 3}}
	for role, want := range map[trust.Role]int{trust.RoleRoot: 1, trust.RoleManifest: 2, trust.RoleHead: 3, "": 0, "roots": 0} {
		if got := r.Of(role).Threshold; got != want {
			t.Errorf("%q: threshold %d, want %d", role, got, want)
		}
	}
}
