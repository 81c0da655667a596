package trust

import (
	"bytes"

	"github.com/nearside/nearside/model/core/wire"
)

// Envelope is a document together with its signatures, as a channel publishes
// it. Nothing in it is to be believed before the signatures hold. Its slices
// alias the file.
type Envelope struct {
	Role       Role
	Channel    string // "" for a root
	Document   []byte
	Signatures []byte
	Version    uint64 // of a root: which it says it is, so that a device knows what to fetch
	Leaves     []byte // of a manifest: the hashes of its sections' leaves, which the manifest's hashes are made of
}

// Bounds of an envelope, checked before it is read.
const (
	MaxHead        = 32 << 10
	MaxManifest    = 64 << 10
	MaxLeaves      = 1 << 20 // bytes, 32 a leaf: a file of 2 GiB
	envelopeHead   = 256     // bytes of all that is not document, signatures or leaves
	MaxRootFile    = MaxRoot + MaxSignatures + envelopeHead
	MaxHeadFile    = MaxHead + MaxSignatures + envelopeHead
	MaxReleaseFile = MaxManifest + MaxSignatures + MaxLeaves + envelopeHead
)

// rootMagic is how the envelope of a root begins, and no root document does: a
// map of six pairs, the first of which is 0: "signed".
const rootMagic = "\x86\x00\xa6signed"

func isEnvelope(b []byte) bool {
	return bytes.HasPrefix(b, []byte(rootMagic))
}

// maxFile returns the most bytes of a published document.
func maxFile(role Role) int {
	switch role {
	case RoleRoot:
		return MaxRootFile
	case RoleManifest:
		return MaxReleaseFile
	}
	return MaxHeadFile
}

func maxDocument(role Role) int {
	switch role {
	case RoleRoot:
		return MaxRoot
	case RoleManifest:
		return MaxManifest
	}
	return MaxHead
}

// ParseEnvelope reads the envelope of a document of one role. It verifies
// nothing, and nothing of the document is read.
func ParseEnvelope(file []byte, role Role) (e Envelope, err error) {
	if len(file) > maxFile(role) {
		return e, ErrSize
	}
	pairs, last := 5, uint(4) // all of which must be there: no room for another
	switch role {
	case RoleRoot:
		pairs, last = 6, 5
	case RoleManifest:
		pairs, last = 6, 6
	}
	d := wire.NewDecoder(file)
	top := d.Map(pairs)
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(MaxName) != "signed" {
				d.Fail(`"signed"`)
			}
		case 1:
			if e.Role = Role(d.String(MaxName)); e.Role != role {
				d.Fail(`"` + string(role) + `"`)
			}
		case 2:
			if e.Channel = ReadName(d); role == RoleRoot && e.Channel != "" {
				d.Fail("no channel, since a root is of all")
			}
		case 3:
			e.Document = d.Bin(maxDocument(role))
		case 4:
			e.Signatures = d.Bin(MaxSignatures)
		case 5:
			e.Version = d.Uint(MaxRootVersion)
		case 6:
			if e.Leaves = d.Bin(MaxLeaves); len(e.Leaves)%32 != 0 {
				d.Fail("hashes of 32 bytes")
			}
		}
	}
	top.Require(0, 1, 2, 3, 4, last)
	if err := d.End(); err != nil {
		return Envelope{}, &SyntaxError{DocumentEnvelope, err}
	}
	return e, nil
}
