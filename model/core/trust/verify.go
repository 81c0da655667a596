package trust

import (
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/binary"

	"github.com/nearside/nearside/model/core/wire"
)

// Sizes of what a signatures document holds.
const (
	MaxSignatures  = 64 << 10
	maxSignatures  = 16
	Ed25519SigSize = 64
	MLDSA65SigSize = 3309
)

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

// Verify checks that enough of a role's keys signed doc, each with both halves.
// A signature by a key that the role does not have is passed over; one by a key
// that it has, and that is wrong, refuses the document. A key counts once: a
// signatures document names no key twice.
func (r *Root) Verify(role Role, channel string, doc, signatures []byte) error {
	signers, err := r.Signers(role, channel, doc, signatures)
	if err != nil {
		return err
	}
	switch set := r.Roles.Of(role); {
	case len(signers) == 0:
		return ErrSignature
	case len(signers) < set.Threshold:
		return ErrThreshold
	}
	return nil
}

// Signers returns the keys of a role that signed doc, as places in r.Keys: for
// Verify, and for people who want to know how many are still missing.
func (r *Root) Signers(role Role, channel string, doc, signatures []byte) ([]int, error) {
	list, err := ParseSignatures(signatures)
	if err != nil {
		return nil, err
	}
	signed := SignedBytes(role, channel, doc)
	var signers []int
	for _, i := range r.Roles.Of(role).Keys {
		id := r.Keys[i].ID()
		for _, s := range list {
			if s.KeyID != id {
				continue
			}
			if !r.Keys[i].verify(role, signed, s) {
				return nil, ErrSignature
			}
			signers = append(signers, i)
		}
	}
	return signers, nil
}

func (k Key) verify(role Role, signed []byte, s Signature) bool {
	if !ed25519.Verify(k.Ed25519[:], signed, s.Ed25519) {
		return false
	}
	pk, _ := mldsa.NewPublicKey(mldsa.MLDSA65(), k.MLDSA65) // nil where the key is none: then nothing verifies
	return mldsa.Verify(pk, signed, s.MLDSA65, &mldsa.Options{Context: MLDSAContext(role)}) == nil
}

// Signature is one hybrid signature and the key it claims to be of. Its halves
// alias the document.
type Signature struct {
	KeyID   [KeyIDSize]byte
	Ed25519 []byte
	MLDSA65 []byte
}

// ParseSignatures reads a signatures document. It verifies nothing.
func ParseSignatures(doc []byte) ([]Signature, error) {
	if len(doc) > MaxSignatures {
		return nil, ErrSize
	}
	var list []Signature
	d := wire.NewDecoder(doc)
	top := d.Map(2) // which must both be there: no room for another
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(MaxName) != "sigs" {
				d.Fail(`"sigs"`)
			}
		case 1:
			for range d.Array(maxSignatures) {
				s := readSignature(d)
				if n := len(list); n > 0 && string(s.KeyID[:]) <= string(list[n-1].KeyID[:]) {
					d.Fail("key ids in ascending order")
				}
				list = append(list, s)
			}
		}
	}
	top.Require(0, 1)
	if err := d.End(); err != nil {
		return nil, &SyntaxError{DocumentSignatures, err}
	}
	return list, nil
}

func readSignature(d *wire.Decoder) (s Signature) {
	m := d.Map(3) // which must all be there: no room for another
	for m.Next() {
		switch m.Key {
		case 0:
			d.BinExact(s.KeyID[:])
		case 1:
			s.Ed25519 = binOf(d, Ed25519SigSize)
		case 2:
			s.MLDSA65 = binOf(d, MLDSA65SigSize)
		}
	}
	m.Require(0, 1, 2)
	return s
}
