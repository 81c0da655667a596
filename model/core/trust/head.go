package trust

import (
	"crypto/sha256"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/wire"
)

// Bounds of what a head says.
const (
	MaxSeq     = 1 << 53
	MaxVersion = 1 << 53
	MaxProof   = 16 << 10
	MaxPatches = 16
	MaxPatch   = 1 << 30

	// MaxSeqStep bounds how much a head's sequence may grow in one update, so
	// that one stolen key cannot use the numbers up: a head a second for 12 days.
	MaxSeqStep = 1 << 20
)

// Head points at what a channel serves now. It is signed often, by keys that
// are at hand, and can only point at manifests that other keys have signed.
type Head struct {
	Channel     string
	Seq         uint64 // grows with every head of a channel
	Issued      int64  // Unix seconds
	Expires     int64  // Unix seconds; a device that gets nothing newer knows that it is kept from it
	RootVersion uint64 // the root that the publisher has: a device without it has been served an old one
	Release     Release
	MinVersion  uint64  // what is below must not be used any more
	Proof       []byte  // that Release is in the log; nil: there is none
	Patches     []Patch // from earlier releases to this one
}

// Release names a manifest.
type Release struct {
	Version uint64
	Bytes   int
	Digest  [32]byte // SHA-256 of the manifest
}

// Patch names a file that turns an earlier bundle's sections into those of the
// release. What comes of it counts only when its hashes are right.
type Patch struct {
	From   [32]byte // digest of the earlier manifest
	Bytes  int
	Digest [32]byte // SHA-256 of the file
}

// LogEntry is what stands in the log for a manifest.
func LogEntry(channel string, r Release) []byte {
	b := wire.AppendString(wire.AppendUint(wire.AppendMap(nil, 4), 0), "entry")
	b = wire.AppendString(wire.AppendUint(b, 1), channel)
	b = wire.AppendUint(wire.AppendUint(b, 2), r.Version)
	return wire.AppendBin(wire.AppendUint(b, 3), r.Digest[:])
}

// ParseLogEntry reads what LogEntry has written; Bytes is not in it.
func ParseLogEntry(entry []byte) (channel string, r Release, err error) {
	d := wire.NewDecoder(entry)
	top := d.Map(4) // which must all be there: no room for another
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(MaxName) != "entry" {
				d.Fail(`"entry"`)
			}
		case 1:
			channel = ReadName(d)
		case 2:
			r.Version = d.Uint(MaxVersion)
		case 3:
			d.BinExact(r.Digest[:])
		}
	}
	top.Require(0, 1, 2, 3)
	if err := d.End(); err != nil {
		return "", Release{}, &SyntaxError{DocumentEntry, err}
	}
	return channel, r, nil
}

// ParseHead reads a head document. It verifies and judges nothing.
func ParseHead(doc []byte) (Head, error) {
	if len(doc) > MaxHead {
		return Head{}, ErrSize
	}
	var h Head
	d := wire.NewDecoder(doc)
	top := d.Map(16)
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(MaxName) != "head" {
				d.Fail(`"head"`)
			}
		case 1:
			h.Channel = ReadName(d)
		case 2:
			h.Seq = d.Uint(MaxSeq)
		case 3:
			h.Issued = int64(d.Uint(profile.MaxTime))
		case 4:
			h.Expires = int64(d.Uint(profile.MaxTime))
		case 5:
			h.RootVersion = d.Uint(MaxRootVersion)
		case 6:
			h.Release = readRelease(d, 8)
		case 7:
			h.MinVersion = d.Uint(MaxVersion)
		case 8:
			h.Proof = d.Bin(MaxProof)
		case 9:
			for range d.Array(MaxPatches) {
				h.Patches = append(h.Patches, readPatch(d))
			}
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1, 2, 3, 4, 5, 6, 7)
	if h.Seq == 0 || h.Issued >= h.Expires {
		d.Fail("a sequence from 1 on, issued before it expires")
	}
	if err := d.End(); err != nil {
		return Head{}, &SyntaxError{DocumentHead, err}
	}
	return h, nil
}

// readRelease reads a map of at most so many pairs: with three there is no room
// for extensions.
func readRelease(d *wire.Decoder, pairs int) (r Release) {
	m := d.Map(pairs)
	for m.Next() {
		switch m.Key {
		case 0:
			r.Version = d.Uint(MaxVersion)
		case 1:
			r.Bytes = int(d.Uint(MaxManifest))
		case 2:
			d.BinExact(r.Digest[:])
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	return r
}

func (r Release) append(dst []byte) []byte {
	dst = wire.AppendUint(wire.AppendUint(wire.AppendMap(dst, 3), 0), r.Version)
	dst = wire.AppendUint(wire.AppendUint(dst, 1), uint64(r.Bytes))
	return wire.AppendBin(wire.AppendUint(dst, 2), r.Digest[:])
}

func readPatch(d *wire.Decoder) (p Patch) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			d.BinExact(p.From[:])
		case 1:
			p.Bytes = int(d.Uint(MaxPatch))
		case 2:
			d.BinExact(p.Digest[:])
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	return p
}

// Digest is SHA-256, by which documents name each other.
func Digest(doc []byte) [32]byte { return sha256.Sum256(doc) }
