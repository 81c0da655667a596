package audit

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"testing"

	"github.com/cloudflare/circl/sign/mldsa/mldsa65"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// forged is a bundle taken apart, to be changed and written again.
type forged struct {
	t        testing.TB
	version  uint64
	channel  string
	manifest []byte
	signers  []byte // seeds of keysOf
	sections [][]byte
	extra    []byte // appended to the frame as key 64

	signatures func(list []value) []value // changes them; nil: leaves them
}

func forge(t testing.TB, file []byte) *forged {
	t.Helper()
	frame, err := readDocument(file)
	if err != nil {
		t.Fatal(err)
	}
	version, _ := frame.at(1)
	channel, _ := frame.at(2)
	sections, _ := frame.at(5)
	f := &forged{t: t, version: version.number, channel: string(channel.content), manifest: frame.bin(3), signers: []byte{1}}
	for _, s := range sections.list {
		f.sections = append(f.sections, s.content)
	}
	return f
}

// kindOf returns the place of a section.
func (f *forged) kindOf(kind bundle.Kind) int {
	m, err := bundle.ParseManifest(f.manifest)
	if err != nil {
		f.t.Fatal(err)
	}
	return slices.IndexFunc(m.Sections, func(s bundle.Section) bool { return s.Kind == kind })
}

// change edits the manifest.
func (f *forged) change(edit func(m *value)) *forged {
	f.t.Helper()
	v, err := readDocument(f.manifest)
	if err != nil {
		f.t.Fatal(err)
	}
	edit(&v)
	f.manifest = encoded(f.t, v)
	return f
}

// rehash makes the manifest list the sections as they are now.
func (f *forged) rehash() *forged {
	return f.change(func(m *value) {
		list, _ := m.at(8)
		for i := range list.list {
			hash := digest.TreeHead(f.sections[i])
			list.list[i].set(1, uintOf(uint64(len(f.sections[i]))))
			list.list[i].set(2, binOf(hash[:]))
		}
	})
}

// file signs and writes.
func (f *forged) file() []byte {
	f.t.Helper()
	var list []value
	for _, seed := range f.signers {
		list = append(list, signature(f.t, f.channel, f.manifest, seed))
	}
	slices.SortStableFunc(list, func(a, b value) int { return bytes.Compare(a.bin(0), b.bin(0)) })
	if f.signatures != nil {
		list = f.signatures(list)
	}
	signatures := encoded(f.t, mapOf(textOf("sigs"), value{kind: kindArray, list: list}))
	frame := mapOf(textOf("nearside"), uintOf(f.version), textOf(f.channel), binOf(f.manifest), binOf(signatures), value{kind: kindArray})
	for _, s := range f.sections {
		frame.list[5].list = append(frame.list[5].list, binOf(s))
	}
	if f.extra != nil {
		frame.set(64, binOf(f.extra))
	}
	return encoded(f.t, frame)
}

// signature is what keysOf(seed) says to a manifest.
func signature(t testing.TB, channel string, doc []byte, seed byte) value {
	t.Helper()
	signed := trust.SignedBytes(trust.RoleManifest, channel, doc)
	id := keysOf(seed).Public().ID()
	_, sk := mldsa65.NewKeyFromSeed((*[32]byte)(bytes.Repeat([]byte{seed}, 32)))
	var quantum [mldsa65.SignatureSize]byte
	if err := mldsa65.SignTo(sk, signed, []byte(trust.MLDSAContext(trust.RoleManifest)), false, quantum[:]); err != nil {
		t.Fatal(err)
	}
	return mapOf(binOf(id[:]), binOf(ed25519.Sign(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)), signed)), binOf(quantum[:]))
}

func encoded(t testing.TB, v value) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := v.canonicalTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func uintOf(n uint64) value { return value{kind: kindUint, number: n} }
func binOf(b []byte) value  { return value{kind: kindBin, content: b} }
func textOf(s string) value { return value{kind: kindString, content: []byte(s)} }

// mapOf has the keys 0, 1, …
func mapOf(fields ...value) value {
	v := value{kind: kindMap, list: fields}
	for i := range fields {
		v.keys = append(v.keys, uint64(i))
	}
	return v
}

// set replaces what is under a key, or adds it.
func (v *value) set(key uint64, field value) {
	if i := slices.Index(v.keys, key); i >= 0 {
		v.list[i] = field
		return
	}
	v.keys, v.list = append(v.keys, key), append(v.list, field)
}

// stringsOf packs a section of strings.
func stringsOf(list ...string) []byte {
	ends, text := []uint32{0}, []byte{}
	for _, s := range list {
		text = append(text, s...)
		ends = append(ends, uint32(len(text)))
	}
	return append(wire.AppendUint32s(nil, ends), text...)
}

func TestAForgeryWithoutChangesIsTheSame(t *testing.T) {
	file := ials.options(t).Bundle
	f := forge(t, file).rehash().change(func(*value) {})
	if got := f.file(); len(got) != len(file) || !bytes.Contains(file, f.manifest) {
		t.Errorf("got %d bytes, want %d and the same manifest", len(got), len(file))
	}
}
