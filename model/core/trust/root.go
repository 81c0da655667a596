package trust

import (
	"bytes"
	"errors"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/wire"
)

// Sizes of what a root holds.
const (
	MaxRoot        = 128 << 10
	MaxKeys        = 16
	MaxRootVersion = 1 << 32
	Ed25519KeySize = 32
	MLDSA65KeySize = 1952
	KeyIDSize      = 16
)

// MaxName bounds the name of a channel or a model, in bytes.
const MaxName = 64

// Root says whose signatures a device accepts, and for what. The first one
// reaches the device with the site's own code; each later one is signed by the
// one before it.
type Root struct {
	Version uint64
	Expires int64 // Unix seconds; nothing is believed from then on
	Keys    []Key
	Roles   Roles
	Log     *tlog.Policy // in which log releases must be, and who must have seen them there; nil: heads need no proof
}

// Roles says which keys may sign what. Without roles each key alone may sign
// manifests, and there are no channels: the roots of formats 1 to 3.
type Roles struct {
	Root, Manifest, Head Keyset
}

// Keyset is some of a root's keys, of which Threshold must sign.
type Keyset struct {
	Threshold int
	Keys      []int // places in Root.Keys, ascending
}

// Key is a hybrid public key: both halves must have signed.
type Key struct {
	Ed25519 [Ed25519KeySize]byte
	MLDSA65 []byte // MLDSA65KeySize bytes, aliasing the root document
}

// Role says what a signed document is for; a signature for one role is none
// for another.
type Role string

// The roles.
const (
	RoleRoot     Role = "root"
	RoleManifest Role = "manifest"
	RoleHead     Role = "head"
)

// Of returns a role's keys.
func (r *Roles) Of(role Role) *Keyset {
	switch role {
	case RoleRoot:
		return &r.Root
	case RoleManifest:
		return &r.Manifest
	case RoleHead:
		return &r.Head
	}
	return &Keyset{}
}

// ParseRoot reads a root that the caller trusts: the document, or the document
// in an envelope, which then must be signed by its own keys. What it returns
// aliases b.
func ParseRoot(b []byte) (*Root, error) {
	r, _, err := trusted(b)
	return r, err
}

// trusted is ParseRoot, and returns the document too.
func trusted(b []byte) (*Root, []byte, error) {
	if !isEnvelope(b) {
		r, err := parseRoot(b)
		return r, b, err
	}
	e, err := ParseEnvelope(b, RoleRoot)
	if err != nil {
		return nil, nil, err
	}
	r, err := parseRoot(e.Document)
	if err != nil {
		return nil, nil, err
	}
	if err := r.Verify(RoleRoot, "", e.Document, e.Signatures); err != nil {
		return nil, nil, err
	}
	if r.Version != e.Version {
		return nil, nil, ErrRootVersion
	}
	return r, e.Document, nil
}

// parseRoot reads a root document.
func parseRoot(doc []byte) (*Root, error) {
	if len(doc) > MaxRoot {
		return nil, ErrSize
	}
	var r Root
	d := wire.NewDecoder(doc)
	top := d.Map(16)
	roles := false
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(MaxName) != "root" {
				d.Fail(`"root"`)
			}
		case 1:
			r.Version = d.Uint(MaxRootVersion)
		case 2:
			r.Expires = int64(d.Uint(profile.MaxTime))
		case 3:
			for range d.Array(MaxKeys) {
				r.Keys = append(r.Keys, readKey(d))
			}
		case 4:
			r.Roles = readRoles(d, len(r.Keys))
			roles = true
		case 5:
			r.Log = readLogPolicy(d)
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1, 2)
	if len(r.Keys) == 0 { // or there is no key 3
		d.Fail("at least one key")
	}
	if err := d.End(); err != nil {
		return nil, &SyntaxError{DocumentRoot, err}
	}
	// Two keys that share a half would count twice what one person can sign.
	for i, k := range r.Keys {
		for _, other := range r.Keys[:i] {
			if k.Ed25519 == other.Ed25519 || bytes.Equal(k.MLDSA65, other.MLDSA65) {
				return nil, &SyntaxError{DocumentRoot, errors.New("want keys that share no half")}
			}
		}
	}
	if !roles {
		r.Roles.Manifest = Keyset{Threshold: 1}
		for i := range r.Keys {
			r.Roles.Manifest.Keys = append(r.Roles.Manifest.Keys, i)
		}
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

// readRoles reads a map of three roles over n keys.
func readRoles(d *wire.Decoder, n int) (r Roles) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			r.Root = readKeyset(d, n)
		case 1:
			r.Manifest = readKeyset(d, n)
		case 2:
			r.Head = readKeyset(d, n)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	return r
}

func readKeyset(d *wire.Decoder, n int) (s Keyset) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			s.Threshold = int(d.Uint(MaxKeys))
		case 1:
			for range d.Array(MaxKeys) {
				k := int(d.Uint(MaxKeys))
				if k >= n || len(s.Keys) > 0 && k <= s.Keys[len(s.Keys)-1] {
					d.Fail("places of keys, ascending")
				}
				s.Keys = append(s.Keys, k)
			}
		default:
			m.Unknown()
		}
	}
	if s.Threshold < 1 || s.Threshold > len(s.Keys) { // or there is no key 0 or 1
		d.Fail("a threshold from 1 to the number of keys")
	}
	return s
}

func readLogPolicy(d *wire.Decoder) *tlog.Policy {
	var p tlog.Policy
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			p.Log = readVerifierKey(d)
		case 1:
			for range d.Array(tlog.MaxWitnesses) {
				p.Witnesses = append(p.Witnesses, readVerifierKey(d))
			}
		case 2:
			p.Quorum = int(d.Uint(tlog.MaxWitnesses))
		default:
			m.Unknown()
		}
	}
	m.Require(1, 2)
	if !p.Valid() { // or there is no key 0
		d.Fail("a log's key, other witnesses' keys, each once, and a quorum they can reach")
	}
	return &p
}

func readVerifierKey(d *wire.Decoder) tlog.Key {
	k, err := tlog.ParseKey(d.String(tlog.MaxKey))
	if err != nil {
		d.Fail("a verifier key of C2SP's signed-note")
	}
	return k
}

// sameKeys says whether a role has the same keys and threshold in two roots.
func sameKeys(a, b *Root, role Role) bool {
	x, y := a.Roles.Of(role), b.Roles.Of(role)
	if x.Threshold != y.Threshold || len(x.Keys) != len(y.Keys) {
		return false
	}
	for _, i := range x.Keys {
		found := false
		for _, j := range y.Keys {
			found = found || a.Keys[i].ID() == b.Keys[j].ID()
		}
		if !found {
			return false
		}
	}
	return true
}

// ReadName reads the name of a channel or a model.
func ReadName(d *wire.Decoder) string {
	s := d.String(MaxName)
	if !validName(s) {
		d.Fail("a name of a-z, 0-9, . _ / and -")
	}
	return s
}

func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '/' || c == '-') {
			return false
		}
	}
	return true
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
