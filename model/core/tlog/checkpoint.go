package tlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The most that a proof, or a checkpoint, may have.
const (
	MaxBytes      = 16 << 10 // four signatures of ML-DSA-44, or all of these of Ed25519
	MaxHashes     = 63
	MaxSignatures = 32
)

// Checkpoint is what a log says of itself, and the signatures under it. It
// aliases the bytes that it was read from.
type Checkpoint struct {
	Origin     string
	Size       uint64 // entries, below 2^63
	Root       [sha256.Size]byte
	text       []byte
	signatures []signature
}

// signature is a signature line: whose it claims to be, and what it is.
type signature struct {
	name  []byte
	keyID uint32
	bytes []byte
}

// ParseCheckpoint reads a checkpoint. It has checked no signature.
func ParseCheckpoint(b []byte) (*Checkpoint, error) {
	l, c := open(b), new(Checkpoint)
	l.checkpoint(c)
	if err := l.end(); err != nil {
		return nil, err
	}
	return c, nil
}

// SignedBy says whether k signed the checkpoint. Where a line says so and is
// wrong the error is ErrSignature.
func (c *Checkpoint) SignedBy(k Key) (bool, error) {
	if !k.valid() {
		return false, ErrKey
	}
	id, signed := k.ID(), false
	for _, s := range c.signatures {
		if s.keyID != id || string(s.name) != k.Name {
			continue
		}
		if !k.verify(c, s.bytes) {
			return false, ErrSignature
		}
		signed = true
	}
	return signed, nil
}

// lines reads lines. The first error sticks.
type lines struct {
	rest []byte
	n    int // lines read
	err  *SyntaxError
}

// open starts to read a proof or a checkpoint, unless it is too long or no
// text.
func open(b []byte) *lines {
	l := &lines{rest: b}
	if len(b) > MaxBytes {
		l.fail("16 KiB at the most")
		return l
	}
	plain := utf8.Valid(b)
	for _, c := range b {
		plain = plain && (c >= ' ' || c == '\n')
	}
	if !plain {
		l.fail("UTF-8 without control characters")
	}
	return l
}

// fail keeps the first error. (Each copy of it inlined is 200 bytes of module.)
//
//go:noinline
func (l *lines) fail(want string) {
	if l.err == nil {
		l.err = &SyntaxError{Line: l.n, Want: want}
		l.rest = nil
	}
}

// end returns the first error; when there is none, it is one that lines remain.
func (l *lines) end() error {
	if l.err == nil && len(l.rest) > 0 {
		l.n++
		l.fail("nothing after the end")
	}
	if l.err == nil {
		return nil
	}
	return l.err
}

// next returns the next line, without its newline.
func (l *lines) next() []byte {
	l.n++
	end := bytes.IndexByte(l.rest, '\n')
	if end < 0 {
		l.fail("a line that ends in a newline")
		return nil
	}
	line := l.rest[:end]
	l.rest = l.rest[end+1:]
	return line
}

// skip passes over a prefix of what is left, if it is one.
func (l *lines) skip(prefix string) bool {
	if len(l.rest) < len(prefix) || string(l.rest[:len(prefix)]) != prefix {
		return false
	}
	l.rest = l.rest[len(prefix):]
	return true
}

func (l *lines) number() (n uint64) {
	digits := l.next()
	ok := len(digits) > 0 && len(digits) <= 19 && (digits[0] != '0' || len(digits) == 1)
	for _, c := range digits {
		ok = ok && '0' <= c && c <= '9'
		n = n*10 + uint64(c-'0')
	}
	if !ok || n > math.MaxInt64 {
		l.fail("a decimal number below 2^63, without leading zeros")
	}
	return n
}

func (l *lines) hash() (h [sha256.Size]byte) {
	b, ok := appendDecoded(make([]byte, 0, sha256.Size+1), l.next())
	if !ok || len(b) != len(h) {
		l.fail("32 bytes in base64")
	}
	copy(h[:], b)
	return h
}

// text reads a checkpoint up to its signatures.
func (l *lines) text(c *Checkpoint) {
	start := l.rest
	c.Origin = string(l.next())
	if len(c.Origin) == 0 || len(c.Origin) > MaxName {
		l.fail("an origin of 1 to 255 bytes")
	}
	c.Size = l.number()
	c.Root = l.hash()
	for l.more() {
		l.next() // an extension line
	}
	c.text = start[:len(start)-len(l.rest)]
}

// more says whether a line comes before the next empty one.
func (l *lines) more() bool { return len(l.rest) > 0 && l.rest[0] != '\n' }

// checkpoint reads all that is left.
func (l *lines) checkpoint(c *Checkpoint) {
	l.text(c)
	l.next() // empty, or missing
	for len(l.rest) > 0 || len(c.signatures) == 0 && l.err == nil {
		if len(c.signatures) == MaxSignatures {
			l.n++
			l.fail("32 signatures at the most")
			return
		}
		c.signatures = append(c.signatures, l.signature())
	}
}

func (l *lines) signature() signature {
	dash := l.skip("— ")
	name, encoded := cut(l.next(), ' ')
	b, ok := appendDecoded(make([]byte, 0, len(encoded)/4*3), encoded)
	if !dash || !ok || len(b) <= 4 || !validName(name) {
		l.fail("a signature: em dash, space, name, space, base64")
		return signature{}
	}
	return signature{name: name, keyID: binary.BigEndian.Uint32(b), bytes: b[4:]}
}
