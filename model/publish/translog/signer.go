package translog

import (
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/nearside/nearside/model/core/tlog"
)

// Signer is a key of a log or of a witness with its secret half.
type Signer struct {
	Key  tlog.Key
	sign func(message []byte) ([]byte, error)
}

// seedSize is the length of a secret key of either kind.
const seedSize = 32

// NewKey draws a key: the secret, which ParseSigner reads and nobody else
// should, and what others know it by.
func NewKey(name string, algorithm tlog.Algorithm) (secret string, key tlog.Key, err error) {
	seed := make([]byte, seedSize)
	rand.Read(seed)
	return newKey(name, algorithm, seed)
}

func newKey(name string, algorithm tlog.Algorithm, seed []byte) (secret string, key tlog.Key, err error) {
	s, err := newSigner(name, algorithm, seed)
	if err != nil {
		return "", tlog.Key{}, err
	}
	return fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, s.Key.ID(), base64.StdEncoding.EncodeToString(append([]byte{byte(algorithm)}, seed...))), s.Key, nil
}

// ParseSigner reads a secret key in the form of signed notes, as NewKey and
// other tools for notes write them. Its errors say nothing of the secret.
func ParseSigner(secret string) (*Signer, error) {
	f := strings.SplitN(secret, "+", 5)
	if len(f) != 5 || f[0] != "PRIVATE" || f[1] != "KEY" {
		return nil, errors.New("translog: not a secret key: want PRIVATE+KEY+name+id+base64")
	}
	b, err := base64.StdEncoding.DecodeString(f[4])
	if err != nil || len(b) != 1+seedSize || base64.StdEncoding.EncodeToString(b) != f[4] {
		return nil, fmt.Errorf("translog: secret key %q: want the base64 of an algorithm and %d bytes", f[2], seedSize)
	}
	s, err := newSigner(f[2], tlog.Algorithm(b[0]), b[1:])
	if err != nil {
		return nil, err
	}
	if id := fmt.Sprintf("%08x", s.Key.ID()); f[3] != id {
		return nil, fmt.Errorf("translog: secret key %q has the key id %s, not %q", f[2], id, f[3])
	}
	return s, nil
}

func newSigner(name string, algorithm tlog.Algorithm, seed []byte) (*Signer, error) {
	s := &Signer{Key: tlog.Key{Name: name, Algorithm: algorithm}}
	switch algorithm {
	case tlog.Ed25519, tlog.Ed25519Cosignature:
		sk := ed25519.NewKeyFromSeed(seed)
		s.Key.Public = sk.Public().(ed25519.PublicKey)
		s.sign = func(message []byte) ([]byte, error) { return ed25519.Sign(sk, message), nil }
	case tlog.MLDSA44Cosignature:
		sk, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed)
		if err != nil {
			return nil, fmt.Errorf("translog: key %q: %w", name, err)
		}
		s.Key.Public = sk.PublicKey().Bytes()
		s.sign = func(message []byte) ([]byte, error) { return sk.Sign(nil, message, nil) }
	}
	if _, err := tlog.ParseKey(s.Key.String()); err != nil {
		return nil, fmt.Errorf("translog: no key is called %q with the algorithm %#x: %w", name, byte(algorithm), err)
	}
	return s, nil
}

// at returns the signer for signatures at a time.
func (s *Signer) at(time uint64) note.Signer { return noteSigner{s, time} }

// noteSigner is a Signer as package note wants one.
type noteSigner struct {
	*Signer
	time uint64
}

func (n noteSigner) Name() string    { return n.Key.Name }
func (n noteSigner) KeyHash() uint32 { return n.Key.ID() }

// Sign returns the signature of a checkpoint's text.
func (n noteSigner) Sign(text []byte) ([]byte, error) {
	message, err := tlog.SignedBytes(n.Key, text, n.time)
	if err != nil {
		return nil, err
	}
	sig, err := n.sign(message)
	if err != nil || n.Key.Algorithm == tlog.Ed25519 {
		return sig, err
	}
	return append(binary.BigEndian.AppendUint64(nil, n.time), sig...), nil
}
