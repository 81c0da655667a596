package audit

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/nearside/nearside/model/core/wire"
)

// This is a second reader of SPEC.md's documents. Core's refuses what is not
// canonical; this one reads it all the same, with its place, so that it can be
// shown what would have been.

// value is one value of a document. Slices alias the document.
type value struct {
	kind    valueKind
	number  uint64 // of an integer, negative ones in two's complement; of a bool 0 or 1
	content []byte // of bin and str
	keys    []uint64
	list    []value // of an array, or the values of a map
	raw     []byte  // all of it
}

type valueKind byte

const (
	kindUnknown valueKind = iota
	kindUint
	kindNegative
	kindBool
	kindBin
	kindString
	kindArray
	kindMap
)

const (
	maxValues = 1 << 20 // in a document; a value takes 150 bytes here
	maxLevels = 16      // SPEC.md needs 6
)

// readDocument reads the one value that doc is.
func readDocument(doc []byte) (value, error) {
	r := documentReader{doc: doc, left: maxValues}
	v := r.value(maxLevels)
	if r.err == nil && r.at < len(doc) {
		r.fail("%d bytes after the document's end", len(doc)-r.at)
	}
	return v, r.err
}

type documentReader struct {
	doc  []byte
	at   int
	left int // values that may still come
	err  error
}

func (r *documentReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %s", r.at, fmt.Sprintf(format, args...))
	}
}

func (r *documentReader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.doc)-r.at) {
		r.fail("%d bytes wanted, %d left", n, len(r.doc)-r.at)
	}
	if r.err != nil {
		return nil
	}
	r.at += int(n)
	return r.doc[r.at-int(n) : r.at]
}

// number reads a big-endian number of 1, 2, 4 or 8 bytes.
func (r *documentReader) number(size int) uint64 {
	b := r.take(uint64(size))
	if b == nil {
		return 0
	}
	var wide [8]byte
	copy(wide[8-size:], b)
	return binary.BigEndian.Uint64(wide[:])
}

func (r *documentReader) value(levels int) (v value) {
	if r.left--; r.left < 0 {
		r.fail("more than %d values", maxValues)
	}
	if levels == 0 {
		r.fail("more than %d levels", maxLevels)
	}
	from := r.at
	head := r.take(1)
	if head == nil {
		return v
	}
	switch c := head[0]; {
	case c <= 0x7f:
		v.kind, v.number = kindUint, uint64(c)
	case c >= 0xe0:
		v.kind, v.number = kindNegative, uint64(int64(int8(c)))
	case c == 0xc2, c == 0xc3:
		v.kind, v.number = kindBool, uint64(c&1)
	case c >= 0xcc && c <= 0xcf:
		v.kind, v.number = kindUint, r.number(1<<(c-0xcc))
	case c >= 0xd0 && c <= 0xd3:
		size := 1 << (c - 0xd0)
		v.number = uint64(int64(r.number(size)<<(64-8*size)) >> (64 - 8*size))
		if v.kind = kindNegative; int64(v.number) >= 0 {
			v.kind = kindUint
		}
	case c >= 0xc4 && c <= 0xc6:
		v.kind, v.content = kindBin, r.take(r.number(1<<(c-0xc4)))
	case c&0xe0 == 0xa0:
		v.kind, v.content = kindString, r.take(uint64(c&0x1f))
	case c >= 0xd9 && c <= 0xdb:
		v.kind, v.content = kindString, r.take(r.number(1<<(c-0xd9)))
	case c&0xf0 == 0x90:
		r.array(&v, uint64(c&0x0f), levels)
	case c == 0xdc, c == 0xdd:
		r.array(&v, r.number(2<<(c-0xdc)), levels)
	case c&0xf0 == 0x80:
		r.pairs(&v, uint64(c&0x0f), levels)
	case c == 0xde, c == 0xdf:
		r.pairs(&v, r.number(2<<(c-0xde)), levels)
	default: // nil, floats, extensions
		r.at = from
		r.fail("type 0x%02x, which no document has", c)
	}
	if v.kind == kindString && !utf8.Valid(v.content) {
		r.fail("a string that is not UTF-8")
	}
	v.raw = r.doc[from:r.at]
	return v
}

func (r *documentReader) array(v *value, n uint64, levels int) {
	for v.kind = kindArray; n > 0 && r.err == nil; n-- {
		v.list = append(v.list, r.value(levels-1))
	}
}

func (r *documentReader) pairs(v *value, n uint64, levels int) {
	for v.kind = kindMap; n > 0 && r.err == nil; n-- {
		key := r.value(levels - 1)
		if key.kind != kindUint {
			r.fail("a key that is no unsigned integer")
		}
		v.keys, v.list = append(v.keys, key.number), append(v.list, r.value(levels-1))
	}
}

// at returns the value under a key; ok is false when there is none.
func (v value) at(key uint64) (field value, ok bool) {
	if i := slices.Index(v.keys, key); v.kind == kindMap && i >= 0 {
		return v.list[i], true
	}
	return value{}, false
}

// bin returns the bytes under a key, or nil.
func (v value) bin(key uint64) []byte {
	if field, ok := v.at(key); ok && field.kind == kindBin {
		return field.content
	}
	return nil
}

// extensions counts the keys from 64 on, which readers pass over.
func (v value) extensions() (n int) {
	for _, key := range v.keys {
		if key >= 64 {
			n++
		}
	}
	for _, field := range v.list {
		n += field.extensions()
	}
	return n
}

// canonicalTo writes v the one way in which SPEC.md has it.
func (v value) canonicalTo(w io.Writer) error {
	var head []byte
	switch v.kind {
	case kindUint:
		head = wire.AppendUint(nil, v.number)
	case kindNegative:
		head = wire.AppendInt(nil, int64(v.number))
	case kindBool:
		head = wire.AppendBool(nil, v.number == 1)
	case kindBin:
		head = wire.AppendBinHead(nil, len(v.content))
	case kindString:
		head = wire.AppendString(nil, string(v.content))
	case kindArray:
		head = wire.AppendArray(nil, len(v.list))
	case kindMap:
		head = wire.AppendMap(nil, len(v.list))
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	switch v.kind {
	case kindBin:
		_, err := w.Write(v.content)
		return err
	case kindArray:
		for _, element := range v.list {
			if err := element.canonicalTo(w); err != nil {
				return err
			}
		}
	case kindMap:
		return v.pairsTo(w)
	}
	return nil
}

func (v value) pairsTo(w io.Writer) error {
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if v.keys[a] < v.keys[b] {
			return -1
		}
		return 1
	})
	last := uint64(math.MaxUint64)
	for _, i := range order {
		if v.keys[i] == last {
			return fmt.Errorf("key %d is there twice", last)
		}
		last = v.keys[i]
		if _, err := w.Write(wire.AppendUint(nil, last)); err != nil {
			return err
		}
		if err := v.list[i].canonicalTo(w); err != nil {
			return err
		}
	}
	return nil
}

// canonical says how doc differs from its canonical form: sum is SHA-256 of
// that, and at the first byte that differs, -1 when none does. The error says
// why it has none.
func canonical(doc []byte) (v value, sum [32]byte, at int, err error) {
	if v, err = readDocument(doc); err != nil {
		return v, sum, 0, err
	}
	c := newComparer(doc)
	if err := v.canonicalTo(c); err != nil {
		return v, sum, 0, err
	}
	sum, at = c.end()
	return v, sum, at, nil
}
