package bundle

import (
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/wire"
)

// Sizes of what a root and a signature hold.
const (
	MaxRoot          = 128 << 10
	maxSignatures    = 64 << 10
	maxKeys          = 16
	Ed25519KeySize   = 32
	Ed25519SigSize   = 64
	MLDSA65KeySize   = 1952
	MLDSA65SigSize   = 3309
	KeyIDSize        = 16
	maxRootVersion   = 1 << 32
	maxSignatureDocs = 16
)

// Root says whose signatures a device accepts. It reaches the device with the
// site's own code, not with the bundle.
type Root struct {
	Version uint64
	Expires int64 // Unix seconds; refused from then on
	Keys    []Key
}

// Key is a hybrid public key: both halves must have signed.
type Key struct {
	Ed25519 [Ed25519KeySize]byte
	MLDSA65 []byte // MLDSA65KeySize bytes, aliasing the root document
}

// ParseRoot reads a root document.
func ParseRoot(doc []byte) (*Root, error) {
	var r Root
	d := wire.NewDecoder(doc[:min(len(doc), MaxRoot+1)])
	top := d.Map(8)
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(maxName) != "root" {
				d.Fail(`"root"`)
			}
		case 1:
			r.Version = d.Uint(maxRootVersion)
		case 2:
			r.Expires = int64(d.Uint(profile.MaxTime))
		case 3:
			n := d.Array(maxKeys)
			for range n {
				r.Keys = append(r.Keys, readKey(d))
			}
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1, 2, 3)
	if len(r.Keys) == 0 {
		d.Fail("at least one key")
	}
	if err := d.End(); err != nil {
		return nil, &SyntaxError{DocumentRoot, err}
	}
	return &r, nil
}

func readKey(d *wire.Decoder) (k Key) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			d.BinExact(k.Ed25519[:])
		case 1:
			k.MLDSA65 = binOf(d, MLDSA65KeySize)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1)
	return k
}

// signature is one hybrid signature and the key it claims to be of.
type signature struct {
	keyID   [KeyIDSize]byte
	ed25519 []byte
	mldsa65 []byte
}

func parseSignatures(doc []byte) ([]signature, error) {
	var list []signature
	d := wire.NewDecoder(doc)
	top := d.Map(8)
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(maxName) != "sigs" {
				d.Fail(`"sigs"`)
			}
		case 1:
			n := d.Array(maxSignatureDocs)
			for range n {
				list = append(list, readSignature(d))
			}
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1)
	if err := d.End(); err != nil {
		return nil, &SyntaxError{DocumentSignatures, err}
	}
	return list, nil
}

func readSignature(d *wire.Decoder) (s signature) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			d.BinExact(s.keyID[:])
		case 1:
			s.ed25519 = binOf(d, Ed25519SigSize)
		case 2:
			s.mldsa65 = binOf(d, MLDSA65SigSize)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	return s
}

// binOf reads a bin value of exactly n bytes, which aliases the document.
func binOf(d *wire.Decoder, n int) []byte {
	b := d.Bin(n)
	if len(b) != n {
		d.Fail("a value of its one length")
		return nil
	}
	return b
}
