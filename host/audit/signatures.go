package audit

import (
	"context"

	"github.com/cloudflare/circl/sign/ed25519"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"

	"github.com/nearside/nearside/model/core/trust"
)

// signedDocument is a document and who must have signed it.
type signedDocument struct {
	name, channel string
	role          trust.Role
	doc           []byte
	signatures    []byte // a document of its own
}

// signedDocuments returns what is signed: the manifest; the root, where it is
// published in an envelope; the head, where there is one.
func (s *subject) signedDocuments() (list []signedDocument) {
	for _, e := range s.envelopes() {
		list = append(list, signedDocument{e.name, e.Channel, e.Role, e.Document, e.Signatures})
	}
	if s.frameErr == nil {
		channel, _ := s.frame.at(2)
		list = append(list, signedDocument{"manifest", string(channel.content), trust.RoleManifest, s.frame.bin(3), s.frame.bin(4)})
	}
	return list
}

// signatures (A01) verifies both halves of every signature with another
// implementation than the one that devices have, counts keys, and then asks
// that one, too.
func signatures(_ context.Context, s *subject, f *finding) {
	if s.root == nil {
		f.fail("the root: %v", s.rootErr)
		return
	}
	f.note("root", "version %d, %d key(s), until %s", s.root.Version, len(s.root.Keys), utc(s.root.Expires))
	if s.frameErr != nil {
		f.fail("the bundle: %v", s.frameErr)
	}
	if s.headErr != nil {
		f.fail("the head: %v", s.headErr)
	}
	for _, d := range s.signedDocuments() {
		d.check(f, s.root)
		if err := s.root.Verify(d.role, d.channel, d.doc, d.signatures); err != nil {
			f.fail("%s: a device refuses it: %v", d.name, err)
		}
	}
}

// check notes each signature, and fails when one is wrong or too few are right.
func (d signedDocument) check(f *finding, root *trust.Root) {
	v, err := readDocument(d.signatures)
	if err != nil {
		f.fail("%s: the signatures: %v", d.name, err)
		return
	}
	keys, threshold := keysFor(root, d.role)
	all, _ := v.at(1)
	signed := trust.SignedBytes(d.role, d.channel, d.doc)
	right := map[[trust.KeyIDSize]byte]bool{} // a key counts once
	for _, one := range all.list {
		id := one.bin(0)
		name := d.name + ", signed by"
		key, known := keyOf(keys, id)
		if !known {
			f.note(name, "key %x, which is none for this: passed over", id)
			continue
		}
		classic := len(one.bin(1)) == ed25519.SignatureSize && ed25519.Verify(key.Ed25519[:], signed, one.bin(1))
		quantum := verifyMLDSA(key, d.role, signed, one.bin(2))
		f.note(name, "key %x: Ed25519 %s, ML-DSA-65 %s", id, rightOrWrong(classic), rightOrWrong(quantum))
		if classic && quantum {
			right[key.ID()] = true
		} else {
			f.fail("%s: the signature of key %x is wrong", d.name, id)
		}
	}
	f.note(d.name+", threshold", "%d of %d key(s), %d right", threshold, len(keys), len(right))
	if len(right) < threshold {
		f.fail("%s: %d right signature(s), want %d", d.name, len(right), threshold)
	}
}

// keysFor returns the keys of a role, and how many of them must sign.
func keysFor(root *trust.Root, role trust.Role) (keys []trust.Key, threshold int) {
	set := root.Roles.Manifest
	switch role {
	case trust.RoleRoot:
		set = root.Roles.Root
	case trust.RoleHead:
		set = root.Roles.Head
	}
	for _, place := range set.Keys {
		keys = append(keys, root.Keys[place])
	}
	return keys, max(1, set.Threshold) // without roles nobody may sign heads
}

func keyOf(keys []trust.Key, id []byte) (trust.Key, bool) {
	for _, k := range keys {
		if own := k.ID(); string(own[:]) == string(id) {
			return k, true
		}
	}
	return trust.Key{}, false
}

func verifyMLDSA(key trust.Key, role trust.Role, signed, signature []byte) bool {
	var pk mldsa65.PublicKey
	return pk.UnmarshalBinary(key.MLDSA65) == nil && mldsa65.Verify(&pk, signed, []byte(trust.MLDSAContext(role)), signature)
}

func rightOrWrong(right bool) string {
	if right {
		return "right"
	}
	return "WRONG"
}
