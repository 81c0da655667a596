package wire

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// Error says where a document stops being one. Two kinds of wrong are told
// apart: bytes that do not follow the grammar, and a count beyond the caller's
// bound (Limit).
type Error struct {
	Offset int    // bytes from the start of the document
	Want   string // what should have stood there
	Limit  bool   // the bytes are well-formed but ask for too much
	Short  int    // the document ends before the value does: at least so many bytes are missing
}

func (e *Error) Error() string { return "byte " + strconv.Itoa(e.Offset) + ": want " + e.Want }

// maxDepth bounds how deep an unknown extension value may nest.
const maxDepth = 4

// Decoder reads one document. Slices and strings it returns alias the document,
// which must not change while they are in use.
type Decoder struct {
	b   []byte
	off int
	err *Error
}

// NewDecoder returns a decoder at the start of b.
func NewDecoder(b []byte) *Decoder { return &Decoder{b: b} }

// Err returns the first error, or nil.
func (d *Decoder) Err() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

// End returns the first error; when there is none, it is an error that bytes
// remain.
func (d *Decoder) End() error {
	if d.err == nil && d.off != len(d.b) {
		d.Fail("no byte after the document's end")
	}
	return d.Err()
}

// Short returns how many bytes, at the least, were missing where a value was cut
// off by the end of the document: with more it might have been right. It is 0
// when that is not what was wrong.
func (d *Decoder) Short() int {
	if d.err == nil {
		return 0
	}
	return d.err.Short
}

// Fail records an error at the present offset, unless there is one already:
// for callers that find a well-formed value to be wrong.
func (d *Decoder) Fail(want string) {
	if d.err == nil {
		d.err = &Error{Offset: d.off, Want: want}
	}
}

// failEnd records that n bytes from the present offset on are wanted, and that
// there are fewer.
func (d *Decoder) failEnd(n uint64, want string) {
	if d.err == nil {
		d.err = &Error{Offset: d.off, Want: want + ", but the document ends", Short: int(n) - (len(d.b) - d.off)}
	}
}

func (d *Decoder) failLimit(want string, max uint64) {
	if d.err == nil {
		d.err = &Error{Offset: d.off, Want: want + " of at most " + strconv.FormatUint(max, 10), Limit: true}
	}
}

// take returns the next n bytes, or nil after an error.
func (d *Decoder) take(n uint64, want string) []byte {
	if d.err != nil {
		return nil
	}
	if n > uint64(len(d.b)-d.off) {
		d.failEnd(n, want)
		return nil
	}
	b := d.b[d.off : d.off+int(n) : d.off+int(n)]
	d.off += int(n)
	return b
}

// head returns the next type byte without reading it; ok is false at the end.
func (d *Decoder) head(want string) (c byte, ok bool) {
	if d.err != nil {
		return 0, false
	}
	if d.off == len(d.b) {
		d.failEnd(1, want)
		return 0, false
	}
	return d.b[d.off], true
}

// number reads a type byte and a big-endian number of size bytes after it. The
// number must be above floor: a smaller one has a shorter form.
func (d *Decoder) number(size int, floor uint64, want string) uint64 {
	start := d.off
	b := d.take(uint64(size)+1, want)
	if b == nil {
		return 0
	}
	var v uint64
	for _, c := range b[1:] {
		v = v<<8 | uint64(c)
	}
	if v <= floor {
		d.off = start
		d.Fail(want + " in its shortest form")
		return 0
	}
	return v
}

// Uint reads an unsigned integer of at most max.
func (d *Decoder) Uint(max uint64) uint64 {
	const want = "an unsigned integer"
	c, ok := d.head(want)
	if !ok {
		return 0
	}
	start := d.off
	var v uint64
	switch {
	case c <= 0x7f:
		d.off++
		v = uint64(c)
	case c == 0xcc:
		v = d.number(1, 0x7f, want)
	case c == 0xcd:
		v = d.number(2, math.MaxUint8, want)
	case c == 0xce:
		v = d.number(4, math.MaxUint16, want)
	case c == 0xcf:
		v = d.number(8, math.MaxUint32, want)
	default:
		d.Fail(want)
	}
	if d.err == nil && v > max {
		d.off = start
		d.failLimit(want, max)
	}
	if d.err != nil {
		return 0
	}
	return v
}

// Int reads an integer in [-2⁶³, 2⁶³).
func (d *Decoder) Int() int64 {
	const want = "an integer"
	c, ok := d.head(want)
	if !ok {
		return 0
	}
	// Negative numbers keep a two's complement of 1, 2, 4 or 8 bytes; each
	// must be below what the next smaller size holds.
	var size int
	var ceil int64
	switch {
	case c >= 0xe0:
		d.off++
		return int64(int8(c))
	case c == 0xd0:
		size, ceil = 1, -32
	case c == 0xd1:
		size, ceil = 2, math.MinInt8
	case c == 0xd2:
		size, ceil = 4, math.MinInt16
	case c == 0xd3:
		size, ceil = 8, math.MinInt32
	default:
		return int64(d.Uint(math.MaxInt64))
	}
	start := d.off
	b := d.take(uint64(size)+1, want)
	if b == nil {
		return 0
	}
	v := int64(int8(b[1]))
	for _, c := range b[2:] {
		v = v<<8 | int64(c)
	}
	if v >= ceil {
		d.off = start
		d.Fail(want + " in its shortest form")
		return 0
	}
	return v
}

// Bool reads a bool.
func (d *Decoder) Bool() bool {
	c, ok := d.head("a bool")
	if !ok {
		return false
	}
	if c != 0xc2 && c != 0xc3 {
		d.Fail("a bool")
		return false
	}
	d.off++
	return c == 0xc3
}

// length reads the length of a bin, str, array or map: in the type byte itself
// when it lies in fix … fix|mask, else in 1, 2 or 4 bytes after the type byte
// w8, w16 or w32 (0: there is no such form). Bounded by max.
func (d *Decoder) length(fix, mask, w8, w16, w32 byte, max int, want string) int {
	c, ok := d.head(want)
	if !ok {
		return 0
	}
	start := d.off
	var n, floor uint64
	if mask != 0 {
		floor = uint64(mask)
	}
	switch {
	case mask != 0 && c&^mask == fix:
		d.off++
		n = uint64(c & mask)
	case w8 != 0 && c == w8:
		if mask == 0 { // bin has no fix form, so 0 is at its shortest here
			if b := d.take(2, want); b != nil {
				n = uint64(b[1])
			}
		} else {
			n = d.number(1, floor, want)
		}
	case c == w16:
		if w8 != 0 {
			floor = math.MaxUint8
		}
		n = d.number(2, floor, want)
	case c == w32:
		n = d.number(4, math.MaxUint16, want)
	default:
		d.Fail(want)
	}
	if d.err == nil && n > uint64(max) {
		d.off = start
		d.failLimit(want, uint64(max))
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

// Bin reads at most max bytes. The slice aliases the document.
func (d *Decoder) Bin(max int) []byte {
	n := d.length(0, 0, 0xc4, 0xc5, 0xc6, max, "bytes")
	return d.take(uint64(n), "bytes")
}

// BinExact reads exactly n bytes into dst, which has that length.
func (d *Decoder) BinExact(dst []byte) {
	start := d.off
	if b := d.Bin(len(dst)); d.err == nil && len(b) != len(dst) {
		d.off = start
		d.Fail(strconv.Itoa(len(dst)) + " bytes")
	} else {
		copy(dst, b)
	}
}

// String reads valid UTF-8 of at most max bytes.
func (d *Decoder) String(max int) string {
	const want = "a string"
	start := d.off
	n := d.length(0xa0, 0x1f, 0xd9, 0xda, 0xdb, max, want)
	b := d.take(uint64(n), want)
	if d.err == nil && !utf8.Valid(b) {
		d.off = start
		d.Fail("valid UTF-8")
	}
	if d.err != nil {
		return ""
	}
	return String(b)
}

// Array reads the head of an array of at most max elements. The count never
// exceeds the bytes that remain, so it may be allocated for.
func (d *Decoder) Array(max int) int {
	n := d.length(0x90, 0x0f, 0, 0xdc, 0xdd, max, "an array")
	if n > len(d.b)-d.off {
		d.failEnd(uint64(n), strconv.Itoa(n)+" elements")
		return 0
	}
	return n
}

// Map reads the head of a map of at most max pairs. Walk it with Next.
func (d *Decoder) Map(max int) MapReader {
	n := d.length(0x80, 0x0f, 0, 0xde, 0xdf, max, "a map")
	if n > (len(d.b)-d.off)/2 {
		d.failEnd(2*uint64(n), strconv.Itoa(n)+" pairs")
		n = 0
	}
	return MapReader{d: d, left: n}
}

// MapReader walks a map: after Next has returned true, Key is set and the
// caller reads exactly one value from the decoder.
type MapReader struct {
	Key  uint64
	d    *Decoder
	left int
	any  bool
	seen uint64
}

// Next reads the next key; it is false at the end of the map or on an error.
func (m *MapReader) Next() bool {
	if m.left == 0 || m.d.err != nil {
		return false
	}
	start := m.d.off
	key := m.d.Uint(math.MaxUint32)
	if m.d.err == nil && m.any && key <= m.Key {
		m.d.off = start
		m.d.Fail("a key above " + strconv.FormatUint(m.Key, 10))
	}
	if m.d.err != nil {
		return false
	}
	m.left--
	m.any, m.Key = true, key
	if key < 64 {
		m.seen |= 1 << key
	}
	return true
}

// Unknown deals with a key that the caller does not know: below 64 it is an
// error, above it is an extension whose value is passed over.
func (m *MapReader) Unknown() {
	if m.Key < 64 {
		m.d.Fail("a known key instead of " + strconv.FormatUint(m.Key, 10))
		return
	}
	m.d.skip(maxDepth)
}

// Require makes it an error when one of keys, each below 64, was not seen.
func (m *MapReader) Require(keys ...uint) {
	for _, k := range keys {
		if m.seen&(1<<k) == 0 {
			m.d.Fail("a map with key " + strconv.Itoa(int(k)))
			return
		}
	}
}

// skip reads one value of any type, at most depth containers deep.
func (d *Decoder) skip(depth int) {
	c, ok := d.head("a value")
	if !ok {
		return
	}
	const max = math.MaxInt32
	switch {
	case c == 0xc2 || c == 0xc3:
		d.Bool()
	case c >= 0xc4 && c <= 0xc6:
		d.Bin(max)
	case c&0xe0 == 0xa0 || c >= 0xd9 && c <= 0xdb:
		d.String(max)
	case c&0xf0 == 0x90 || c == 0xdc || c == 0xdd:
		if depth == 0 {
			d.Fail("at most " + strconv.Itoa(maxDepth) + " levels")
			return
		}
		for n := d.Array(max); n > 0 && d.err == nil; n-- {
			d.skip(depth - 1)
		}
	case c&0xf0 == 0x80 || c == 0xde || c == 0xdf:
		if depth == 0 {
			d.Fail("at most " + strconv.Itoa(maxDepth) + " levels")
			return
		}
		for m := d.Map(max); m.Next(); {
			d.skip(depth - 1)
		}
	case c >= 0xd0 && c <= 0xd3 || c >= 0xe0:
		d.Int()
	default:
		d.Uint(math.MaxUint64)
	}
}
