package pack

import (
	"fmt"
	"io"

	"github.com/cloudflare/circl/sign/ed25519"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"

	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

const seedSize = 32

// Keys is a publisher's hybrid secret key, kept as the two seeds from which
// both halves are derived.
type Keys struct {
	ed25519Seed, mldsa65Seed [seedSize]byte
}

// NewKeys draws a key pair from rand, which is crypto/rand.Reader but in tests.
func NewKeys(rand io.Reader) (*Keys, error) {
	var k Keys
	for _, seed := range [][]byte{k.ed25519Seed[:], k.mldsa65Seed[:]} {
		if _, err := io.ReadFull(rand, seed); err != nil {
			return nil, fmt.Errorf("pack: no randomness for a key: %w", err)
		}
	}
	return &k, nil
}

// Public returns the public halves.
func (k *Keys) Public() trust.Key {
	var key trust.Key
	copy(key.Ed25519[:], ed25519.NewKeyFromSeed(k.ed25519Seed[:]).Public().(ed25519.PublicKey))
	pk, _ := mldsa65.NewKeyFromSeed(&k.mldsa65Seed)
	key.MLDSA65 = pk.Bytes()
	return key
}

// EncodeKey returns the document of a public key, which its owner gives to
// whoever makes the root: a map of 0 "key", 1 and 2 the halves, as in a root.
func EncodeKey(k trust.Key) ([]byte, error) {
	w := newWriter()
	w.document("key", 3)
	w.binField(1, k.Ed25519[:])
	w.binField(2, k.MLDSA65)
	return w.bytes()
}

// ParseKey reads what EncodeKey wrote.
func ParseKey(doc []byte) (trust.Key, error) {
	k := trust.Key{MLDSA65: make([]byte, trust.MLDSA65KeySize)}
	d := wire.NewDecoder(doc)
	m := d.Map(3)
	for m.Next() {
		switch m.Key {
		case 0:
			if d.String(trust.MaxName) != "key" {
				d.Fail(`"key"`)
			}
		case 1:
			d.BinExact(k.Ed25519[:])
		case 2:
			d.BinExact(k.MLDSA65)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	if err := d.End(); err != nil {
		return trust.Key{}, fmt.Errorf("pack: not a public key: %w", err)
	}
	return k, nil
}

// Root returns a root in which this key alone may sign everything, until
// expires, in Unix seconds.
func (k *Keys) Root(version uint64, expires int64) ([]byte, error) {
	one := trust.Keyset{Threshold: 1, Keys: []int{0}}
	return EncodeRoot(&trust.Root{
		Version: version, Expires: expires, Keys: []trust.Key{k.Public()},
		Roles: trust.Roles{Root: one, Manifest: one, Head: one},
	})
}

// sign returns this key's signature over doc.
func (k *Keys) sign(role trust.Role, channel string, doc []byte) (trust.Signature, error) {
	signed := trust.SignedBytes(role, channel, doc)
	_, sk := mldsa65.NewKeyFromSeed(&k.mldsa65Seed)
	s := trust.Signature{
		KeyID:   k.Public().ID(),
		Ed25519: ed25519.Sign(ed25519.NewKeyFromSeed(k.ed25519Seed[:]), signed),
		MLDSA65: make([]byte, mldsa65.SignatureSize),
	}
	if err := mldsa65.SignTo(sk, signed, []byte(trust.MLDSAContext(role)), true, s.MLDSA65); err != nil {
		return trust.Signature{}, fmt.Errorf("pack: cannot sign: %w", err)
	}
	return s, nil
}
