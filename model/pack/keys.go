package pack

import (
	"fmt"
	"io"

	"github.com/cloudflare/circl/sign/ed25519"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"

	"github.com/nearside/nearside/model/core/trust"
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
