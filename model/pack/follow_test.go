package pack

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/train"
)

// channel is what a publisher has put up: files by name.
type channel struct {
	files map[string][]byte
	root  *trust.Root
	keys  []*Keys // that may sign: 0 to 2 the root, 1 and 2 manifests, 3 heads
}

const channelName = "test/news"

// newChannel publishes a first root and nothing else.
func newChannel(t testing.TB) *channel {
	t.Helper()
	c := &channel{files: map[string][]byte{}}
	for seed := range byte(4) {
		c.keys = append(c.keys, testKeys(t, 10+seed))
	}
	c.root = &trust.Root{Version: 1, Expires: expires + 10*86400, Roles: trust.Roles{
		Root:     trust.Keyset{Threshold: 2, Keys: []int{0, 1, 2}},
		Manifest: trust.Keyset{Threshold: 2, Keys: []int{1, 2}},
		Head:     trust.Keyset{Threshold: 1, Keys: []int{3}},
	}}
	for _, k := range c.keys {
		c.root.Keys = append(c.root.Keys, k.Public())
	}
	file, err := SignedRoot(c.root, c.keys[0], c.keys[1])
	if err != nil {
		t.Fatal(err)
	}
	c.files[bundle.RootName] = file
	return c
}

// release packs a version, signs it and returns its bundle.
func (c *channel) release(t testing.TB, version uint64) []byte {
	t.Helper()
	file, err := Pack(testModel(train.Popular, 9, 0), nil, Options{
		Channel: channelName, Version: version, Created: created, Expires: expires,
	})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := ParseDocument(file)
	if err != nil {
		t.Fatal(err)
	}
	if file, err = doc.Sign(c.keys[1], c.keys[2]); err != nil {
		t.Fatal(err)
	}
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := ReleaseOf(frame)
	if err != nil {
		t.Fatal(err)
	}
	c.files[bundle.ReleaseName(trust.Digest(frame.Manifest))] = envelope
	return file
}

// head signs a head that names a bundle, changed by edit.
func (c *channel) head(t testing.TB, file []byte, seq uint64, edit func(*trust.Head)) {
	t.Helper()
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := bundle.ParseManifest(frame.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	h := trust.Head{
		Channel: channelName, Seq: seq, Issued: created + int64(seq), Expires: created + 7*86400, RootVersion: c.root.Version,
		Release: trust.Release{Version: m.Version, Bytes: len(frame.Manifest), Digest: trust.Digest(frame.Manifest)},
	}
	if edit != nil {
		edit(&h)
	}
	if c.files[bundle.HeadName], err = SignedHead(h, c.keys[3]); err != nil {
		t.Fatal(err)
	}
}

// rotate publishes the next root, signed by the keys of both.
func (c *channel) rotate(t testing.TB, next *trust.Root, signers ...*Keys) {
	t.Helper()
	file, err := SignedRoot(next, signers...)
	if err != nil {
		t.Fatal(err)
	}
	c.root = next
	c.files[bundle.RootName] = file
	c.files[bundle.NextRootName(next.Version)] = file
}

// update follows the channel as a device does, through the documents that it
// exchanges with the module. It returns the state as far as it came, and the
// names of what it fetched.
func (c *channel) update(s *trust.State, now int64) (state *trust.State, r *bundle.Release, names []string, err error) {
	var f bundle.Followed
	for range 600 {
		parsed, followed, at, err := bundle.ParseFollow(bundle.AppendFollow(nil, s.Append(nil), "", f, now))
		if err != nil {
			return s, nil, names, err
		}
		step, err := bundle.Follow(parsed, followed, at)
		if err != nil {
			return s, nil, names, err
		}
		if step, err = bundle.ParseStep(step.Append(nil)); err != nil {
			return s, nil, names, err
		}
		s = step.State
		if step.Want == "" {
			return s, step.Release, names, nil
		}
		names = append(names, step.Want)
		file, ok := c.files[step.Want]
		if !ok {
			return s, nil, names, errors.New("no file " + step.Want)
		}
		f = bundle.Followed{Name: step.Want, File: file}
	}
	return s, nil, names, errors.New("endless")
}

func (c *channel) fresh(t testing.TB) *trust.State {
	t.Helper()
	s, err := trust.NewState(c.files[bundle.RootName], channelName)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestADeviceFollowsAChannel(t *testing.T) {
	c := newChannel(t)
	one := c.release(t, 1)
	c.head(t, one, 1, nil)
	s, r, names, err := c.update(c.fresh(t), created)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(names[:2], " "); got != "root.nsr head.nsh" || len(names) != 3 {
		t.Errorf("fetched %v", names)
	}
	// The release's frame and the sections' bytes make the very file.
	frame, err := bundle.ParseFrame(one)
	if err != nil {
		t.Fatal(err)
	}
	var file []byte
	for i, head := range r.Frame {
		file = append(append(file, head...), frame.Sections[i]...)
	}
	if string(file) != string(one) {
		t.Fatal("the frame of the release is not that of the bundle")
	}
	b, err := bundle.OpenIn(s, file, len(file), created)
	if err != nil {
		t.Fatal(err)
	}
	s = s.Open(b.Release())

	// Nothing new: root and head travel, and nothing else.
	s, r, names, err = c.update(s, created+10)
	if err != nil || r != nil || len(names) != 2 {
		t.Errorf("again: %v, release %v, fetched %v", err, r, names)
	}
	// A second version, under a root with another key for heads.
	next := *c.root
	next.Version = 2
	next.Keys = append([]trust.Key{}, c.root.Keys...)
	fresh := testKeys(t, 99)
	next.Keys[3] = fresh.Public()
	c.keys[3] = fresh
	c.rotate(t, &next, c.keys[0], c.keys[2])
	two := c.release(t, 2)
	c.head(t, two, 1, nil) // a thief used the numbers up: they begin anew
	s, r, names, err = c.update(s, created+20)
	if err != nil || r == nil || s.Root.Version != 2 || s.Accepted.Version != 2 || s.Opened.Version != 1 {
		t.Fatalf("after a rotation: %v, fetched %v", err, names)
	}
	if want := "root.nsr roots/2.nsr root.nsr head.nsh " + bundle.ReleaseName(s.Named.Digest); strings.Join(names, " ") != want {
		t.Errorf("fetched %v, want %s", names, want)
	}
	// Until the second one has come as a whole the first one may be used.
	if _, err := bundle.OpenIn(s, one, len(one), created+20); err != nil {
		t.Errorf("the last good bundle: %v", err)
	}
	// The publisher stops the first.
	c.head(t, two, 2, func(h *trust.Head) { h.MinVersion = 2 })
	if s, _, _, err = c.update(s, created+30); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.OpenIn(s, one, len(one), created+30); !errors.Is(err, trust.ErrStopped) {
		t.Errorf("a stopped bundle: %v", err)
	}
}

// TestARootMayAskForALog: the proof must be there, of this release, and seen by
// enough witnesses.
func TestARootMayAskForALog(t *testing.T) {
	c := newChannel(t)
	log, witness := newLogKey(t, "log.example", tlog.Ed25519, 1), newLogKey(t, "witness.example", tlog.Ed25519Cosignature, 2)
	next := *c.root
	next.Version = 2
	next.Log = &tlog.Policy{Log: log.key, Witnesses: []tlog.Key{witness.key}, Quorum: 1}
	c.rotate(t, &next, c.keys[0], c.keys[1])
	one, two := c.release(t, 1), c.release(t, 2)
	start := c.fresh(t)
	if start.Root.Log == nil || start.Root.Log.Quorum != 1 {
		t.Fatalf("the policy read back is %+v", start.Root.Log)
	}
	for _, d := range []struct {
		name  string
		proof func(entry []byte) []byte
		want  error
	}{
		{"none", func([]byte) []byte { return nil }, trust.ErrLog},
		{"without its witness", func(entry []byte) []byte { return proofOf(t, entry, log) }, tlog.ErrWitnesses},
		{"by the witness alone", func(entry []byte) []byte { return proofOf(t, entry, witness) }, tlog.ErrLog},
		{"of another release", func([]byte) []byte { return proofOf(t, entryOf(t, two), log, witness) }, tlog.ErrEntry},
		{"right", func(entry []byte) []byte { return proofOf(t, entry, log, witness) }, nil},
	} {
		c.head(t, one, 1, func(h *trust.Head) { h.Proof = d.proof(entryOf(t, one)) })
		_, _, _, err := c.update(start, created)
		if !errors.Is(err, d.want) || (err != nil) != errors.Is(err, trust.ErrLog) {
			t.Errorf("%s: got %v, want %v", d.name, err, d.want)
		}
	}
}

func entryOf(t testing.TB, file []byte) []byte {
	t.Helper()
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := bundle.ParseManifest(frame.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	return trust.LogEntry(channelName, trust.Release{Version: m.Version, Digest: trust.Digest(frame.Manifest)})
}

// logKey is a secret key of a log or a witness.
type logKey struct {
	key    tlog.Key
	secret ed25519.PrivateKey
}

func newLogKey(t testing.TB, name string, a tlog.Algorithm, seed byte) logKey {
	t.Helper()
	secret := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return logKey{tlog.Key{Name: name, Algorithm: a, Public: secret.Public().(ed25519.PublicKey)}, secret}
}

// proofOf returns a proof from a log whose one entry this is, signed by some.
func proofOf(t testing.TB, entry []byte, signers ...logKey) []byte {
	t.Helper()
	head := digest.Leaf(entry)
	text := "log.example\n1\n" + base64.StdEncoding.EncodeToString(head[:]) + "\n"
	proof := "c2sp.org/tlog-proof@v1\nindex 0\n\n" + text + "\n"
	for _, s := range signers {
		signed, err := tlog.SignedBytes(s.key, []byte(text), created)
		if err != nil {
			t.Fatal(err)
		}
		id, err := hex.DecodeString(strings.Split(s.key.String(), "+")[1])
		if err != nil {
			t.Fatal(err)
		}
		if s.key.Algorithm == tlog.Ed25519Cosignature {
			id = binary.BigEndian.AppendUint64(id, created)
		}
		proof += "— " + s.key.Name + " " + base64.StdEncoding.EncodeToString(append(id, ed25519.Sign(s.secret, signed)...)) + "\n"
	}
	return []byte(proof)
}
