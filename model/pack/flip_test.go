package pack_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// nightly says whether tests take their long form.
var nightly = os.Getenv("NEARSIDE_NIGHTLY") != ""

// stride returns the distance between the bits that are flipped where each
// costs a signature's verification: all of them at night.
func stride(day, short int) int {
	switch {
	case nightly:
		return 1
	case testing.Short():
		return short
	}
	return day
}

// part is a range of a file's bytes, and what may be said of a change in it.
type part struct {
	from, to int
	want     []error
	slow     bool // a change is found by verifying a signature
}

// signed is a file with exactly as many signatures as it takes, and what a
// device says to it.
type signed struct {
	name  string
	file  []byte
	take  func(file []byte) error
	parts []part // all others: the envelope is malformed
}

func malformed(d trust.Document) error { return &trust.SyntaxError{Document: d, Err: os.ErrInvalid} }

// partOf returns the part of a file that b is.
func partOf(t *testing.T, file, b []byte, want ...error) part {
	t.Helper()
	if bytes.Count(file, b) != 1 {
		t.Fatalf("%x is not in the file once", b)
	}
	from := bytes.Index(file, b)
	return part{from: from, to: from + len(b), want: want}
}

// signedFiles are a next root, a head, a release, and a root to begin with.
func signedFiles(t *testing.T) []signed {
	t.Helper()
	m := channeltest.NewMirror()
	m.PutRoot(channeltest.Honest, channeltest.RootExpires, 0, 1)
	m.PutRelease(3, channeltest.Expires)
	m.PutHead(func(h *trust.Head) { h.Patches = []trust.Patch{{Bytes: 5}} })
	before := m.Trusted()
	if err := m.Follow(); err != nil {
		t.Fatal(err)
	}
	after := m.Trusted()
	release := bundle.ReleaseName(m.Release.Digest)
	list := []signed{
		{name: "root", file: m.Files[bundle.NextRootName(2)], take: func(file []byte) error {
			_, err := before.TakeRoot(file)
			return err
		}},
		{name: "head", file: m.Files[bundle.HeadName], take: func(file []byte) error {
			_, _, err := after.TakeHead(file, m.Now)
			return err
		}},
		{name: "manifest", file: m.Files[release], take: func(file []byte) error {
			_, err := bundle.Follow(after, bundle.Followed{Name: release, File: file}, m.Now)
			return err
		}},
		{name: "first root", file: m.Files[bundle.RootName], take: func(file []byte) error {
			_, err := trust.NewState(file, channeltest.Name)
			return err
		}},
	}
	for i, role := range []trust.Role{trust.RoleRoot, trust.RoleHead, trust.RoleManifest, trust.RoleRoot} {
		list[i].parts = partsOf(t, list[i].file, role)
		if err := list[i].take(list[i].file); err != nil {
			t.Fatalf("%s as it is: %v", list[i].name, err)
		}
	}
	// A root that one trusts is read before it is verified by its own keys, and
	// one that is not begins like no envelope.
	first := &list[3]
	syntax := malformed(trust.DocumentRoot)
	for i := range first.parts {
		first.parts[i].want = append(first.parts[i].want, syntax, trust.ErrThreshold)
		first.parts[i].slow = i == 0 || first.parts[i].slow
	}
	first.parts = append(first.parts, part{from: 0, to: 9, want: []error{syntax, malformed(trust.DocumentEnvelope)}})
	return list
}

func partsOf(t *testing.T, file []byte, role trust.Role) []part {
	t.Helper()
	e, err := trust.ParseEnvelope(file, role)
	if err != nil {
		t.Fatal(err)
	}
	wrong, envelope, sigs := trust.ErrSignature, malformed(trust.DocumentEnvelope), malformed(trust.DocumentSignatures)
	parts := []part{partOf(t, file, e.Document, wrong)}
	switch role {
	case trust.RoleRoot:
		parts = append(parts, part{from: len(file) - 1, to: len(file), want: []error{trust.ErrRootVersion, envelope}})
	case trust.RoleHead:
		parts = append(parts, partOf(t, file, append([]byte{2, 0xa0 | byte(len(e.Channel))}, e.Channel...), wrong, envelope))
	case trust.RoleManifest:
		parts[0].want = []error{trust.ErrMismatch}
		parts = append(parts, partOf(t, file, append([]byte{2, 0xa0 | byte(len(e.Channel))}, e.Channel...), wrong, envelope),
			partOf(t, file, e.Leaves, bundle.ErrHash))
	}
	list, err := trust.ParseSignatures(e.Signatures)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		// Without its key's id a signature is a stranger's.
		parts = append(parts, partOf(t, file, s.KeyID[:], trust.ErrThreshold, sigs), partOf(t, file, s.Ed25519, wrong))
		half := partOf(t, file, s.MLDSA65, wrong)
		half.slow = true
		parts = append(parts, half)
	}
	return append(parts, partOf(t, file, e.Signatures, sigs)) // what is left of them
}

// at returns what may be said of a change at a byte.
func (s *signed) at(at int) (want []error, slow bool) {
	for _, p := range s.parts {
		if at >= p.from && at < p.to {
			return p.want, p.slow
		}
	}
	return []error{malformed(trust.DocumentEnvelope)}, false
}

// oneOf says whether an error is among those that are wanted.
func oneOf(err error, want []error) bool {
	return err != nil && slices.ContainsFunc(want, func(w error) bool { return channeltest.Is(err, w) })
}

// TestEveryBitOfASignedFileCounts flips each bit of each file.
func TestEveryBitOfASignedFileCounts(t *testing.T) {
	for _, s := range signedFiles(t) {
		t.Run(s.name, func(t *testing.T) {
			step := stride(7, 977)
			flipped, tries := bytes.Clone(s.file), 0
			for bit := range 8 * len(s.file) {
				at := bit / 8
				want, slow := s.at(at)
				if slow && bit%step != 0 || testing.Short() && !nightly && bit%13 != 0 {
					continue
				}
				tries++
				flipped[at] ^= 1 << (bit % 8)
				if err := s.take(flipped); !oneOf(err, want) {
					t.Fatalf("bit %d of byte %d: got %v, want one of %v", bit%8, at, err, want)
				}
				flipped[at] ^= 1 << (bit % 8)
			}
			t.Logf("%d of %d bits", tries, 8*len(s.file))
		})
	}
}

// TestEveryLengthOfASignedFileCounts cuts each file at each byte, leaves out
// each byte, and puts one in at each place.
func TestEveryLengthOfASignedFileCounts(t *testing.T) {
	for _, s := range signedFiles(t) {
		t.Run(s.name, func(t *testing.T) {
			want := []error{malformed(trust.DocumentEnvelope)}
			if s.name == "first root" { // which may begin like no envelope any more
				want = append(want, malformed(trust.DocumentRoot))
			}
			refused := func(what string, at int, file []byte) {
				t.Helper()
				if err := s.take(file); !oneOf(err, want) {
					t.Fatalf("%s at byte %d: got %v", what, at, err)
				}
			}
			longer := make([]byte, len(s.file)+1)
			shorter := make([]byte, len(s.file)-1)
			copy(longer[1:], s.file)
			copy(shorter, s.file[1:])
			for at := range len(s.file) + 1 {
				// longer has a hole at at, shorter is without the byte there.
				for _, b := range inserted(s.file, at) {
					longer[at] = b
					refused(fmt.Sprintf("%#02x", b), at, longer)
				}
				if at == len(s.file) {
					break
				}
				refused("the end", at, s.file[:at])
				refused("a byte less", at, shorter)
				longer[at] = s.file[at]
				if at < len(shorter) {
					shorter[at] = s.file[at]
				}
			}
		})
	}
}

// inserted returns the bytes that are put in at a place.
func inserted(file []byte, at int) []byte {
	list := []byte{0, 0xff, file[max(at-1, 0)]}
	if nightly {
		for b := at % 7; b < 256; b += 7 {
			list = append(list, byte(b))
		}
	}
	return list
}

// TestEveryBitOfAState: what is not a state is refused, and what is has one
// encoding. That nobody changes a state that a device has stored is the
// storage's business.
func TestEveryBitOfAState(t *testing.T) {
	m := channeltest.NewMirror()
	state := m.State
	parsed := 0
	check := func(b []byte) {
		t.Helper()
		s, err := trust.ParseState(b)
		if err != nil {
			if !channeltest.Is(err, malformed(trust.DocumentState)) {
				t.Fatalf("%x: %v", b[:64], err)
			}
			return
		}
		parsed++
		if again := s.Append(nil); !bytes.Equal(again, b) {
			t.Fatalf("another state comes back:\n%x\n%x", b, again)
		}
	}
	flipped := bytes.Clone(state)
	for bit := range 8 * len(state) {
		flipped[bit/8] ^= 1 << (bit % 8)
		check(flipped)
		flipped[bit/8] ^= 1 << (bit % 8)
	}
	if parsed == 0 || parsed == 8*len(state) {
		t.Errorf("%d of %d are states", parsed, 8*len(state))
	}
	parsed = 0
	for at := range state {
		check(state[:at])
		check(slices.Delete(bytes.Clone(state), at, at+1))
		for _, b := range inserted(state, at) {
			check(slices.Insert(bytes.Clone(state), at, b))
		}
	}
	if parsed > 0 {
		t.Errorf("%d of another length are states", parsed)
	}
}

// chunked is a bundle of which one section is exactly a leaf.
func chunked(t *testing.T) (root *trust.Root, file []byte, section []byte) {
	t.Helper()
	m := &train.Model{Algorithm: train.Popular}
	for i := range digest.LeafSize / 4 {
		m.Items = append(m.Items, data.Item{ID: strconv.Itoa(i)})
		m.Count = append(m.Count, uint32(i*i))
	}
	keys := channeltest.Key(1)
	file, err := pack.Pack(m, keys, pack.Options{Created: channeltest.Created, Expires: channeltest.Expires})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := keys.Root(1, channeltest.RootExpires)
	if err != nil {
		t.Fatal(err)
	}
	if root, err = trust.ParseRoot(doc); err != nil {
		t.Fatal(err)
	}
	for _, s := range channeltest.Frame(file).Sections {
		if len(s) == digest.LeafSize {
			section = s
		}
	}
	if section == nil {
		t.Fatal("no section is exactly a leaf")
	}
	return root, file, section
}

// TestEveryBitOfAChunkCounts flips the bits of a leaf of 64 KiB: its hash is
// another one, and the bundle does not open.
func TestEveryBitOfAChunkCounts(t *testing.T) {
	root, file, section := chunked(t)
	leaf := digest.LeafHashes(section)[0]
	hashes, opens := stride(97, 9973), stride(797, 99991)
	for bit := 0; bit < 8*len(section); bit++ {
		if bit%hashes != 0 && bit%opens != 0 {
			continue
		}
		section[bit/8] ^= 1 << (bit % 8) // and with it file
		if bit%hashes == 0 && digest.LeafHashes(section)[0] == leaf {
			t.Fatalf("bit %d: the leaf has the same hash", bit)
		}
		if bit%opens == 0 {
			if _, err := bundle.Open(root, file, channeltest.Now); !channeltest.Is(err, bundle.ErrHash) {
				t.Fatalf("bit %d: got %v, want %v", bit, err, bundle.ErrHash)
			}
		}
		section[bit/8] ^= 1 << (bit % 8)
	}
	if _, err := bundle.Open(root, file, channeltest.Now); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
