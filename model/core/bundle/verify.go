package bundle

import (
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/binary"
)

// Role says what a signed document is for; a signature for one role is none
// for another.
type Role string

// RoleManifest is the role of a bundle's manifest.
const RoleManifest Role = "manifest"

// ID names a key: the first 16 bytes of SHA-256 over "nearside-key/v1" and
// both halves.
func (k Key) ID() (id [KeyIDSize]byte) {
	h := sha256.New()
	h.Write([]byte("nearside-key/v1"))
	h.Write(k.Ed25519[:])
	h.Write(k.MLDSA65)
	copy(id[:], h.Sum(nil))
	return id
}

// SignedBytes returns the bytes under a signature: the domain prefix, which
// binds role, channel and length, and then the document as it stands.
func SignedBytes(role Role, channel string, doc []byte) []byte {
	b := make([]byte, 0, 64+len(channel)+len(doc))
	b = append(b, "nearside/v1\x00"...)
	b = append(b, role...)
	b = append(b, 0)
	b = append(b, channel...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(doc)))
	return append(b, doc...)
}

// MLDSAContext returns the context string of the ML-DSA half.
func MLDSAContext(role Role) string { return "nearside/v1/" + string(role) }

// verify checks that a key of the root signed doc with both halves. A
// signature by a key that the root does not have is passed over; one by a key
// that it has, and that is wrong, refuses the document.
func (r *Root) verify(role Role, channel string, doc, signatures []byte) error {
	list, err := parseSignatures(signatures)
	if err != nil {
		return err
	}
	signed := SignedBytes(role, channel, doc)
	known := false
	for _, k := range r.Keys {
		id := k.ID()
		for _, s := range list {
			if s.keyID != id {
				continue
			}
			if !k.verify(role, signed, s) {
				return ErrSignature
			}
			known = true
		}
	}
	if !known {
		return ErrSignature
	}
	return nil
}

func (k Key) verify(role Role, signed []byte, s signature) bool {
	if !ed25519.Verify(k.Ed25519[:], signed, s.ed25519) {
		return false
	}
	pk, err := mldsa.NewPublicKey(mldsa.MLDSA65(), k.MLDSA65)
	return err == nil && mldsa.Verify(pk, signed, s.mldsa65, &mldsa.Options{Context: MLDSAContext(role)}) == nil
}
