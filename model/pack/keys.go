package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/cloudflare/circl/sign/ed25519"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/nearside/nearside/model/core/bundle"
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

// public returns the public halves.
func (k *Keys) public() bundle.Key {
	var key bundle.Key
	copy(key.Ed25519[:], ed25519.NewKeyFromSeed(k.ed25519Seed[:]).Public().(ed25519.PublicKey))
	pk, _ := mldsa65.NewKeyFromSeed(&k.mldsa65Seed)
	key.MLDSA65 = pk.Bytes()
	return key
}

// Root returns the document that makes devices accept this key's signatures
// until expires, in Unix seconds.
func (k *Keys) Root(version uint64, expires int64) ([]byte, error) {
	key := k.public()
	w := newWriter()
	w.document("root", 4)
	w.uintField(1, version)
	w.uintField(2, uint64(expires))
	w.key(3)
	w.array(1)
	w.mapLen(2)
	w.binField(0, key.Ed25519[:])
	w.binField(1, key.MLDSA65)
	return w.bytes()
}

// sign returns the signatures document over doc.
func (k *Keys) sign(role bundle.Role, channel string, doc []byte) ([]byte, error) {
	signed := bundle.SignedBytes(role, channel, doc)
	id := k.public().ID()
	_, sk := mldsa65.NewKeyFromSeed(&k.mldsa65Seed)
	var ml [mldsa65.SignatureSize]byte
	if err := mldsa65.SignTo(sk, signed, []byte(bundle.MLDSAContext(role)), true, ml[:]); err != nil {
		return nil, fmt.Errorf("pack: cannot sign: %w", err)
	}
	w := newWriter()
	w.document("sigs", 2)
	w.key(1)
	w.array(1)
	w.mapLen(3)
	w.binField(0, id[:])
	w.binField(1, ed25519.Sign(ed25519.NewKeyFromSeed(k.ed25519Seed[:]), signed))
	w.binField(2, ml[:])
	return w.bytes()
}

// Save writes the secret key to a new file that only its owner may read. It
// never overwrites: a lost key can't be had back.
func (k *Keys) Save(path string) error {
	w := newWriter()
	w.document("nskey", 3)
	w.binField(1, k.ed25519Seed[:])
	w.binField(2, k.mldsa65Seed[:])
	doc, err := w.bytes()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("pack: %s: a key is already there: %w", path, err)
	}
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	_, err = f.Write(doc)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}

// LoadKeys reads what Save wrote. A file that others may read is refused.
func LoadKeys(path string) (*Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("pack: %s: mode %04o lets others read the secret key, want 0600", path, mode)
	}
	if info.Size() > 4096 {
		return nil, fmt.Errorf("pack: %s: %d bytes are no secret key", path, info.Size())
	}
	doc, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	var k Keys
	d := wire.NewDecoder(doc)
	m := d.Map(3)
	for m.Next() {
		switch m.Key {
		case 0:
			if d.String(16) != "nskey" {
				d.Fail(`"nskey"`)
			}
		case 1:
			d.BinExact(k.ed25519Seed[:])
		case 2:
			d.BinExact(k.mldsa65Seed[:])
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("pack: %s: not a secret key: %w", path, err)
	}
	return &k, nil
}

// writer writes the canonical subset with the msgpack library. Only its
// explicit calls are used: Encode of a typed value is not always in shortest
// form, and it does not sort maps. The first error sticks.
type writer struct {
	buf bytes.Buffer
	enc *msgpack.Encoder
	err error
}

func newWriter() *writer {
	w := &writer{}
	w.enc = msgpack.NewEncoder(&w.buf)
	return w
}

func (w *writer) bytes() ([]byte, error) {
	if w.err != nil {
		return nil, fmt.Errorf("pack: %w", w.err)
	}
	return w.buf.Bytes(), nil
}

func (w *writer) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) mapLen(n int)  { w.keep(w.enc.EncodeMapLen(n)) }
func (w *writer) array(n int)   { w.keep(w.enc.EncodeArrayLen(n)) }
func (w *writer) key(k uint64)  { w.keep(w.enc.EncodeUint(k)) }
func (w *writer) uint(v uint64) { w.keep(w.enc.EncodeUint(v)) }
func (w *writer) bin(b []byte) {
	w.keep(w.enc.EncodeBytesLen(len(b)))
	_, err := w.enc.Writer().Write(b)
	w.keep(err)
}

func (w *writer) uintField(k, v uint64) { w.key(k); w.uint(v) }
func (w *writer) intField(k uint64, v int64) {
	w.key(k)
	w.keep(w.enc.EncodeInt(v))
}
func (w *writer) stringField(k uint64, s string) { w.key(k); w.keep(w.enc.EncodeString(s)) }
func (w *writer) binField(k uint64, b []byte)    { w.key(k); w.bin(b) }

// answers writes known answers.
func (w *writer) answers(list []bundle.KnownAnswer) {
	w.array(len(list))
	for _, a := range list {
		w.mapLen(2)
		w.binField(0, a.Request)
		w.binField(1, a.Items[:])
	}
}

// document starts a map of n pairs whose first says which document it is.
func (w *writer) document(name string, n int) { w.mapLen(n); w.stringField(0, name) }
