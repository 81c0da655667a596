package tlog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

// MaxName bounds a key's name and a log's origin, in bytes: what the message
// under an ML-DSA-44 cosignature has room for.
const MaxName = 255

// Algorithm is a signature type of signed-note.
type Algorithm byte

// The algorithms.
const (
	Ed25519            Algorithm = 0x01 // of the text as it stands; a log's
	Ed25519Cosignature Algorithm = 0x04 // of the text and a time; a witness's
	MLDSA44Cosignature Algorithm = 0x06 // of origin, size and head, a time and the signer's name; of either
)

// Key is a key of a log or of a witness, as a C2SP verifier key has it.
type Key struct {
	Name      string // not empty, without spaces and plus signs; a log's is its origin
	Algorithm Algorithm
	Public    []byte
}

// ParseKey reads a verifier key: name, key id in 8 hexadecimal digits, and
// base64 of algorithm and public key, with plus signs in between.
func ParseKey(vkey string) (Key, error) {
	if len(vkey) > MaxKey {
		return Key{}, ErrKey
	}
	name, rest := cut([]byte(vkey), '+')
	id, encoded := cut(rest, '+')
	b, ok := appendDecoded(nil, encoded)
	if !ok || len(b) == 0 {
		return Key{}, ErrKey
	}
	k := Key{Name: string(name), Algorithm: Algorithm(b[0]), Public: b[1:]}
	if !k.valid() || string(id) != k.hexID() {
		return Key{}, ErrKey
	}
	return k, nil
}

// MaxKey bounds a verifier key, in bytes: the length of an ML-DSA-44 key with the longest name.
const MaxKey = MaxName + len("+12345678+") + (1+mldsa.MLDSA44PublicKeySize+2)/3*4

// String returns the verifier key that ParseKey reads.
func (k Key) String() string {
	return k.Name + "+" + k.hexID() + "+" + string(appendEncoded(nil, append([]byte{byte(k.Algorithm)}, k.Public...)))
}

func (k Key) hexID() string {
	const leading = 1 << 32 // so that there are 8 digits after the first
	return strconv.FormatUint(leading|uint64(k.ID()), 16)[1:]
}

// ID is the first 4 bytes of SHA-256 over name, newline, algorithm and public
// key: a hint, and no more than that.
func (k Key) ID() uint32 {
	h := sha256.New()
	h.Write([]byte(k.Name))
	h.Write([]byte{'\n', byte(k.Algorithm)})
	h.Write(k.Public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func (k Key) valid() bool {
	size := ed25519.PublicKeySize
	switch k.Algorithm {
	case Ed25519, Ed25519Cosignature:
	case MLDSA44Cosignature:
		size = mldsa.MLDSA44PublicKeySize
	default:
		return false
	}
	return len(k.Public) == size && validName([]byte(k.Name))
}

// cut returns what stands before the first separator, and what after it.
func cut(b []byte, separator byte) (before, after []byte) {
	if i := bytes.IndexByte(b, separator); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// validName says whether a key may have the name.
func validName(name []byte) bool {
	if len(name) == 0 || len(name) > MaxName || !utf8.Valid(name) {
		return false
	}
	for _, r := range string(name) {
		switch { // the code points with the property White_Space, and the plus sign
		case r == '+', '\t' <= r && r <= '\r', r == ' ', r == 0x85, r == 0xa0, r == 0x1680, 0x2000 <= r && r <= 0x200a,
			r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
			return false
		}
	}
	return true
}

// verify says whether signature is one of c by k, which is valid.
func (k Key) verify(c *Checkpoint, signature []byte) bool {
	var time uint64
	if k.Algorithm != Ed25519 {
		if len(signature) < 8 {
			return false
		}
		time, signature = binary.BigEndian.Uint64(signature), signature[8:]
		if time > math.MaxInt64 {
			return false
		}
	}
	signed := c.signed(k, time)
	if k.Algorithm != MLDSA44Cosignature {
		return ed25519.Verify(k.Public, signed, signature)
	}
	pk, err := mldsa.NewPublicKey(mldsa.MLDSA44(), k.Public)
	return err == nil && mldsa.Verify(pk, signed, signature, nil) == nil
}

// SignedBytes returns the bytes under k's signature of a checkpoint: of its
// text, which is what stands before the empty line, at a time in Unix seconds,
// which Ed25519 has no use for.
func SignedBytes(k Key, text []byte, time uint64) ([]byte, error) {
	if !k.valid() || time > math.MaxInt64 {
		return nil, ErrKey
	}
	l := lines{rest: text}
	var c Checkpoint
	l.text(&c)
	if err := l.end(); err != nil {
		return nil, err
	}
	return c.signed(k, time), nil
}

// signed puts the message under a signature together. (Strings, because adding
// them up is one call in the module, and each append is its own piece of code.)
func (c *Checkpoint) signed(k Key, time uint64) []byte {
	switch k.Algorithm {
	case Ed25519Cosignature:
		return []byte("cosignature/v1\ntime " + strconv.FormatUint(time, 10) + "\n" + string(c.text))
	case MLDSA44Cosignature:
		const first = 0 // entry of the subtree, which is the tree
		return []byte("subtree/v1\n\x00" + prefixed(k.Name) + word(time) + prefixed(c.Origin) + word(first) + word(c.Size) + string(c.Root[:]))
	}
	return c.text
}

func prefixed(s string) string { return string([]byte{byte(len(s))}) + s }

func word(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }
