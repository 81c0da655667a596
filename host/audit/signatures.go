package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/cloudflare/circl/sign/ed25519"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"

	"github.com/nearside/nearside/model/core/bundle"
)

// signedDocument is a document and who must have signed it.
type signedDocument struct {
	name, channel string
	role          bundle.Role
	doc           []byte
	signatures    []byte // a document of its own
	keys          []bundle.Key
	threshold     int // how many of the keys
}

// signedDocuments returns what is signed of a bundle.
func (s *subject) signedDocuments() []signedDocument {
	if s.frameErr != nil || s.root == nil {
		return nil
	}
	channel, _ := s.frame.at(2)
	return []signedDocument{{
		name: "manifest", channel: string(channel.content), role: bundle.RoleManifest,
		doc: s.frame.bin(3), signatures: s.frame.bin(4), keys: s.root.Keys, threshold: 1,
	}}
}

// signatures (A01) verifies both halves of every signature with another
// implementation than the one that devices have, and then asks that one, too.
func signatures(_ context.Context, s *subject, f *finding) {
	if s.root == nil {
		f.fail("the root: %v", s.rootErr)
		return
	}
	f.note("root", "version %d, %d key(s), until %s", s.root.Version, len(s.root.Keys), utc(s.root.Expires))
	list := s.signedDocuments()
	if len(list) == 0 {
		f.fail("there is nothing signed: %v", s.openErr)
	}
	for _, d := range list {
		d.check(f)
	}
	if errors.Is(s.openErr, bundle.ErrSignature) {
		f.fail("a device refuses the bundle: %v", s.openErr)
	}
}

// check notes each signature, and fails when one is wrong or too few are right.
func (d signedDocument) check(f *finding) {
	v, err := readDocument(d.signatures)
	if err != nil {
		f.fail("%s: the signatures: %v", d.name, err)
		return
	}
	all, _ := v.at(1)
	signed := bundle.SignedBytes(d.role, d.channel, d.doc)
	right := map[[bundle.KeyIDSize]byte]bool{} // a key counts once
	for _, one := range all.list {
		id := one.bin(0)
		name := fmt.Sprintf("%s, key %x", d.name, id)
		key, known := d.key(id)
		if !known {
			f.note(name, "not a key of the root: passed over")
			continue
		}
		classic := len(one.bin(1)) == ed25519.SignatureSize && ed25519.Verify(key.Ed25519[:], signed, one.bin(1))
		quantum := verifyMLDSA(key, d.role, signed, one.bin(2))
		f.note(name, "Ed25519 %s, ML-DSA-65 %s", rightOrWrong(classic), rightOrWrong(quantum))
		if classic && quantum {
			right[key.ID()] = true
		} else {
			f.fail("%s: the signature of key %x is wrong", d.name, id)
		}
	}
	f.note(d.name+", threshold", "%d of %d key(s), %d right", d.threshold, len(d.keys), len(right))
	if len(right) < d.threshold {
		f.fail("%s: %d right signature(s), want %d", d.name, len(right), d.threshold)
	}
}

func (d signedDocument) key(id []byte) (bundle.Key, bool) {
	for _, k := range d.keys {
		if own := k.ID(); string(own[:]) == string(id) {
			return k, true
		}
	}
	return bundle.Key{}, false
}

func verifyMLDSA(key bundle.Key, role bundle.Role, signed, signature []byte) bool {
	var pk mldsa65.PublicKey
	return pk.UnmarshalBinary(key.MLDSA65) == nil && mldsa65.Verify(&pk, signed, []byte(bundle.MLDSAContext(role)), signature)
}

func rightOrWrong(right bool) string {
	if right {
		return "right"
	}
	return "WRONG"
}
