// Package patch turns yesterday's bundle into today's with few bytes: SPEC.md of
// core/bundle, section "Patches".
//
// [Make] writes a patch, where bundles are made; [Apply] reads one, on devices,
// and is written a second time in web/patch.js. A patch is between bodies: what
// the sections of a bundle hold, one after the other. Manifest and signatures
// are no part of it.
//
// Apply is for bytes that somebody has named in a signed document and whose hash
// was right. It is still safe with any: it takes no more memory than the old
// body, the patch and size say, and refuses what is not a patch with one of the
// errors below. It does not say that the result is right: that is what the
// hashes of the sections are for.
package patch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/nearside/nearside/model/core/wire"
)

// What can be wrong with a patch that is a document; one that is none has an
// error that wraps a *wire.Error.
var (
	ErrSize    = errors.New("patch: want segments that are as long as the new body together")
	ErrOld     = errors.New("patch: want segments that lie within the old body")
	ErrChanges = errors.New("patch: want changes in one gzip stream that is as long as the new body unpacked")
)

// segment is a part of the new body.
type segment struct {
	start  uint64 // where it begins in the old body plus 1; 0: it comes from nowhere
	length uint64
}

// maxSegment bounds both numbers of a segment: JavaScript counts no further.
const maxSegment = 1<<53 - 1

// Apply returns the new body, of size bytes, that patch makes of the old one.
func Apply(old, patch []byte, size int) ([]byte, error) {
	segments, packed, err := parse(patch)
	if err != nil {
		return nil, err
	}
	left := uint64(max(size, 0))
	for _, s := range segments {
		if s.length > left {
			return nil, ErrSize
		}
		left -= s.length
		if s.start > 0 && s.start-1+s.length > uint64(len(old)) {
			return nil, ErrOld
		}
	}
	if left != 0 || size < 0 {
		return nil, ErrSize
	}
	body, err := unpack(packed, size)
	if err != nil {
		return nil, err
	}
	rest := body
	for _, s := range segments {
		if s.start > 0 {
			for i, b := range old[s.start-1:][:s.length] {
				rest[i] += b
			}
		}
		rest = rest[s.length:]
	}
	return body, nil
}

// parse reads the document. It takes at most 6 times the memory of patch.
func parse(patch []byte) (segments []segment, packed []byte, err error) {
	d := wire.NewDecoder(patch)
	top := d.Map(8)
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(8) != "patch" {
				d.Fail(`"patch"`)
			}
		case 1:
			n := d.Array(len(patch) / 3) // what a segment takes at least
			segments = make([]segment, 0, n)
			for range n {
				if d.Array(2) != 2 {
					d.Fail("a start and a length")
				}
				segments = append(segments, segment{start: d.Uint(maxSegment), length: d.Uint(maxSegment)})
				if d.Err() != nil {
					break
				}
			}
		case 2:
			packed = d.Bin(len(patch))
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1, 2)
	if err := d.End(); err != nil {
		return nil, nil, fmt.Errorf("patch: %w", err)
	}
	return segments, packed, nil
}

// unpack returns the bytes of a gzip stream that has size of them.
func unpack(packed []byte, size int) ([]byte, error) {
	r := bytes.NewReader(packed) // an io.ByteReader, so that nothing is read beyond the stream's end
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, ErrChanges
	}
	z.Multistream(false)
	body := make([]byte, size)
	if _, err := io.ReadFull(z, body); err != nil {
		return nil, ErrChanges
	}
	var more [1]byte
	if n, err := io.ReadFull(z, more[:]); n > 0 || err != io.EOF || r.Len() > 0 {
		return nil, ErrChanges
	}
	return body, nil
}
