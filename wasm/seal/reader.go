package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// header is the magic number and version 1. Numbers of chapters here are those
// of the WebAssembly Core Specification 2.0.
const header = "\x00asm\x01\x00\x00\x00"

// The sections that matter to this package (5.5.2).
const (
	sectionCustom   = 0
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionMemory   = 5
	sectionGlobal   = 6
	sectionExport   = 7
	sectionStart    = 8
	sectionCode     = 10
	sectionData     = 11
)

// sections are a module's sections by id, each a reader at its start. One that
// the module does not have is empty: reading it fails. Custom sections are not
// among them.
type sections [sectionData + 1]reader

// split finds the sections of a module. It accepts those that the Go linker
// writes: no start section, which would run code before a host asks for it,
// and none of the later ones, 12 and up.
func split(module []byte) (sections, error) {
	if !bytes.HasPrefix(module, []byte(header)) {
		return sections{}, fmt.Errorf("seal: %q is not how a WebAssembly module of version 1 starts", module[:min(len(module), len(header))])
	}
	var found sections
	r := reader{module: module, at: len(header), to: len(module)}
	for last := byte(0); r.at < r.to; {
		id := r.byte()
		size := r.count()
		content := reader{module: module, at: r.at, to: r.at + size}
		r.bytes(size)
		switch {
		case r.err != nil:
			return sections{}, r.err
		case id == sectionCustom:
			continue
		case id > sectionData || id == sectionStart:
			return sections{}, fmt.Errorf("seal: byte %d: section %d is none that the Go linker writes", content.at, id)
		case id <= last:
			return sections{}, fmt.Errorf("seal: byte %d: section %d comes after section %d", content.at, id, last)
		}
		found[id] = content
		last = id
	}
	return found, nil
}

// reader reads a part of a module from front to back. The first failure stays
// in err; from then on every method gives zeros.
type reader struct {
	module []byte
	at, to int // what is left: module[at:to]
	err    error
}

// exists says whether the section is in the module.
func (r *reader) exists() bool { return r.module != nil }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("seal: byte %d: %s", r.at, fmt.Sprintf(format, args...))
	}
}

// bytes reads n bytes, nil after a failure. They belong to the module.
func (r *reader) bytes(n int) []byte {
	if n > r.to-r.at {
		r.fail("%d bytes wanted, %d left", n, r.to-r.at)
	}
	if r.err != nil {
		return nil
	}
	r.at += n
	return r.module[r.at-n : r.at]
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// u32 reads an unsigned LEB128 number of 32 bits (5.2.2). It may be longer
// than it needs to be, up to five bytes: the Go linker pads section lengths.
func (r *reader) u32() uint32 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.module[r.at:min(r.at+5, r.to)])
	if n <= 0 || v > math.MaxUint32 {
		r.fail("no LEB128 number of 32 bits")
		return 0
	}
	r.at += n
	return uint32(v)
}

// count reads how many things follow. Each takes a byte or more, so a count
// beyond the end fails here, before anything loops or allocates.
func (r *reader) count() int {
	n := r.u32()
	if int64(n) > int64(r.to-r.at) {
		r.fail("%d announced, %d bytes left", n, r.to-r.at)
		return 0
	}
	return int(n)
}

// constant passes over an initial value (5.4.9): a number, then an end. It
// leaves the number, of up to 64 bits, to the engine.
func (r *reader) constant() {
	if op := r.byte(); op != opI32Const && op != opI64Const {
		r.fail("instruction 0x%x in an initial value, want a number", op)
	}
	for n := 1; r.byte()&0x80 != 0; n++ {
		if n == 10 {
			r.fail("no LEB128 number of 64 bits")
		}
	}
	if op := r.byte(); op != opEnd {
		r.fail("instruction 0x%x in an initial value, want its end", op)
	}
}

// name reads a name (5.2.4).
func (r *reader) name() string {
	b := r.bytes(r.count())
	if !utf8.Valid(b) {
		r.fail("name %q is not UTF-8", b)
		return ""
	}
	return string(b)
}

// rest gives what is left to read. It belongs to the module.
func (r *reader) rest() []byte { return r.module[r.at:r.to] }

// end gives the first failure. To have left something unread is one.
func (r *reader) end() error {
	if r.at < r.to {
		r.fail("%d bytes too many in the section", r.to-r.at)
	}
	return r.err
}
