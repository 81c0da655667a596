package patch

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/nearside/nearside/model/core/wire"
)

// Make returns the patch from the body of the bundle file old to that of the
// bundle file new: the same files, the same patch. It verifies nothing, so that
// old and new must be the publisher's own.
func Make(old, new []byte) ([]byte, error) {
	from, err := read(old)
	if err != nil {
		return nil, fmt.Errorf("patch: old bundle: %w", err)
	}
	to, err := read(new)
	if err != nil {
		return nil, fmt.Errorf("patch: new bundle: %w", err)
	}
	return between(&from, &to), nil
}

// between returns the patch from one body to another.
func between(from, to *layout) []byte {
	w := writer{old: from.body, new: to.body}
	for _, level := range levels {
		z, err := flate.NewWriter(nil, level)
		if err != nil {
			panic("patch: internal error: " + err.Error())
		}
		w.deflaters = append(w.deflaters, z)
	}
	for _, p := range to.parts {
		w.add(p, from.part(p.name))
	}
	return w.patch()
}

// writer makes a patch, part by part.
type writer struct {
	old, new  []byte
	segments  []segment
	changes   []byte // deflated, but for the end
	deflaters []*flate.Writer
}

// levels of compression that are tried for each part. Changes that are few are
// best found as repeats of zeros; where there are many, their frequencies are
// all there is, and repeats of three or four bytes that happen to occur cost more
// than they save.
var levels = []int{flate.BestCompression, flate.DefaultCompression, flate.HuffmanOnly}

// add appends the way to write p that takes the fewest bytes: as it is, as what
// is added to the old part of that name, or that row by row. The old part has no
// bytes when there is none.
func (w *writer) add(p, old part) {
	ways := [][]segment{{{0, uint64(p.to - p.from)}}}
	if old.to > old.from {
		ways = append(ways, straight(old.from, old.to, p.to-p.from))
	}
	if p.rows != nil && old.rows != nil {
		ways = append(ways, byRow(old, p))
	}
	var best []segment
	var changes []byte
	least := -1
	for _, way := range ways {
		head := 0
		for _, s := range way {
			head += len(s.append(nil))
		}
		diff := w.diff(p.from, way)
		for _, z := range w.deflaters {
			deflated := deflate(z, diff)
			if size := head + len(deflated); least < 0 || size < least {
				best, changes, least = way, deflated, size
			}
		}
	}
	for _, s := range best {
		w.segments = join(w.segments, s)
	}
	w.changes = append(w.changes, changes...)
}

// straight returns the segments of a part of n bytes that begins as the old one
// does.
func straight(from, to, n int) []segment {
	both := min(to-from, n)
	list := join(nil, segment{uint64(from) + 1, uint64(both)})
	return join(list, segment{0, uint64(n - both)})
}

// byRow returns the segments of a part whose rows begin as those of the old one
// do, each at its own place.
func byRow(old, p part) (list []segment) {
	for i := range len(p.rows) - 1 {
		n := p.rows[i+1] - p.rows[i]
		if i+1 >= len(old.rows) {
			list = join(list, segment{0, uint64(n)})
			continue
		}
		for _, s := range straight(old.from+old.rows[i], old.from+old.rows[i+1], n) {
			list = join(list, s)
		}
	}
	return list
}

// join appends a segment, to the last one where it goes on from that.
func join(list []segment, s segment) []segment {
	if s.length == 0 {
		return list
	}
	if n := len(list); n > 0 {
		last := &list[n-1]
		if s.start == 0 && last.start == 0 || s.start > 0 && last.start > 0 && last.start+last.length == s.start {
			last.length += s.length
			return list
		}
	}
	return append(list, s)
}

// diff returns what is to be added to the old bytes that segments name to get
// the new ones from a place on.
func (w *writer) diff(from int, way []segment) []byte {
	var all []byte
	for _, s := range way {
		at := len(all)
		all = append(all, w.new[from+at:][:s.length]...)
		if s.start > 0 {
			for i, b := range w.old[s.start-1:][:s.length] {
				all[at+i] -= b
			}
		}
	}
	return all
}

func (s segment) append(dst []byte) []byte {
	return wire.AppendUint(wire.AppendUint(wire.AppendArray(dst, 2), s.start), s.length)
}

// deflate compresses b into blocks that end with a byte and are not the last.
func deflate(z *flate.Writer, b []byte) []byte {
	var out bytes.Buffer
	z.Reset(&out)
	_, err := z.Write(b)
	if err == nil {
		err = z.Flush()
	}
	if err != nil {
		panic("patch: internal error: " + err.Error())
	}
	return out.Bytes()
}

// patch returns the document. The gzip stream (RFC 1952) is put together from
// the parts, which have blocks of their own.
func (w *writer) patch() []byte {
	var all []byte
	for _, s := range w.segments {
		all = append(all, w.diff(len(all), []segment{s})...)
	}
	packed := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255} // deflate; no name, no time, no system
	packed = append(packed, w.changes...)
	packed = append(packed, 3, 0) // a last block, without anything
	packed = binary.LittleEndian.AppendUint32(packed, crc32.ChecksumIEEE(all))
	packed = binary.LittleEndian.AppendUint32(packed, uint32(len(all)))

	doc := wire.AppendMap(nil, 3)
	doc = wire.AppendString(wire.AppendUint(doc, 0), "patch")
	doc = wire.AppendArray(wire.AppendUint(doc, 1), len(w.segments))
	for _, s := range w.segments {
		doc = s.append(doc)
	}
	return wire.AppendBin(wire.AppendUint(doc, 2), packed)
}
