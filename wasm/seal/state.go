package seal

import (
	"errors"
	"fmt"
	"slices"
)

// state is all that changes in an instance of a sealed module.
type state struct {
	memory  []byte   // whole pages
	globals []uint64 // the bits of each
}

const pageSize = 1 << 16

// parsed is a module that Preinitialise accepts.
type parsed struct {
	sections
	globals    []byte // the type of each
	initialize int    // the index of _initialize among the functions
}

func parse(module []byte) (p parsed, err error) {
	if p.sections, err = split(module); err != nil {
		return parsed{}, err
	}
	if p.sections[sectionImport].exists() {
		return parsed{}, errors.New("seal: the module has imports: it must be sealed before it is pre-initialised")
	}
	for _, id := range []int{sectionMemory, sectionGlobal, sectionExport, sectionCode} {
		if !p.sections[id].exists() {
			return parsed{}, fmt.Errorf("seal: the module has no section %d", id)
		}
	}
	memory, err := readMemory(p.sections[sectionMemory])
	if err != nil {
		return parsed{}, err
	}
	if memory.Limited {
		return parsed{}, errors.New("seal: the memory has a limit: the Go linker sets none")
	}
	if p.globals, err = readGlobals(p.sections[sectionGlobal]); err != nil {
		return parsed{}, err
	}
	if p.initialize, err = findInitialize(p.sections); err != nil {
		return parsed{}, err
	}
	if err := checkData(p.sections[sectionData]); err != nil {
		return parsed{}, err
	}
	return p, nil
}

// readGlobals reads the types in the global section (5.5.9).
func readGlobals(r reader) (types []byte, err error) {
	for range r.count() {
		typ := r.byte()
		if typ != i32[0] && typ != i64[0] {
			r.fail("a global of type 0x%x, want i32 or i64", typ)
		}
		if r.byte() != 1 {
			r.fail("a global that is constant")
		}
		r.constant()
		if r.err != nil {
			return nil, r.err
		}
		types = append(types, typ)
	}
	return types, r.end()
}

// checkData reads the data section (5.5.14). Once its segments are placed, no
// code can refer to them: that would take a data count section.
func checkData(r reader) error {
	if !r.exists() {
		return nil
	}
	for range r.count() {
		if flag := r.byte(); flag != 0 {
			r.fail("a data segment of kind %d, want 0: placed in memory at once", flag)
		}
		r.constant()
		r.bytes(r.count())
		if r.err != nil {
			return r.err
		}
	}
	return r.end()
}

// findInitialize gives the index of the function that is exported as
// _initialize. Its type must be () → ().
func findInitialize(s sections) (int, error) {
	exports, indices, err := readExports(s[sectionExport])
	if err != nil {
		return 0, err
	}
	at := slices.Index(exports, Export{"_initialize", KindFunction})
	if at < 0 {
		return 0, errors.New(`seal: the module exports no function "_initialize"`)
	}
	types, err := readTypes(s[sectionType])
	if err != nil {
		return 0, err
	}
	functions, index := s[sectionFunction], indices[at]
	n := functions.count()
	if int64(index) >= int64(n) {
		functions.fail("_initialize is function %d of %d", index, n)
	}
	for range index {
		functions.u32()
	}
	typ := functions.u32()
	if functions.err != nil {
		return 0, functions.err
	}
	if int64(typ) >= int64(len(types)) || types[typ] != (signature{}) {
		return 0, errors.New("seal: _initialize takes or gives something")
	}
	return int(index), nil
}

// exposed returns the module with each of its globals exported as globalName.
func (p parsed) exposed() []byte {
	exports := p.sections[sectionExport]
	n := exports.count()
	var added []byte
	for i := range p.globals {
		name := globalName(i)
		added = slices.Concat(added, number(len(name)), []byte(name), []byte{3}, number(i))
	}
	module := []byte(header)
	for id, section := range p.sections {
		switch {
		case !section.exists():
		case id == sectionExport:
			module = appendSection(module, id, number(n+len(p.globals)), exports.rest(), added)
		default:
			module = appendSection(module, id, section.rest())
		}
	}
	return module
}

// globalName is a name that no Go function is exported under by chance.
func globalName(i int) string { return fmt.Sprintf("seal: global %d", i) }

// with returns the module in a state of its own.
func (p parsed) with(s state) ([]byte, error) {
	code, err := p.emptied()
	if err != nil {
		return nil, err
	}
	segments := cut(s.memory)
	if len(segments) > maxSegments {
		return nil, fmt.Errorf("seal: memory falls into %d segments, want at most %d", len(segments), maxSegments)
	}
	module := []byte(header)
	for id, section := range p.sections {
		switch {
		case id == sectionMemory:
			module = appendSection(module, id, number(1), []byte{0}, number(len(s.memory)/pageSize))
		case id == sectionGlobal:
			module = appendSection(module, id, number(len(p.globals)), appendGlobals(nil, p.globals, s.globals))
		case id == sectionCode:
			module = appendSection(module, id, code)
		case id == sectionData:
			module = appendSection(module, id, number(len(segments)), appendSegments(nil, segments))
		case section.exists():
			module = appendSection(module, id, section.rest())
		}
	}
	return module, nil
}

// emptied returns the code section with nothing in the body of _initialize.
// Why not a new function for the export to name? The old body would stay.
func (p parsed) emptied() ([]byte, error) {
	r := p.sections[sectionCode]
	start := r.at
	r.count()
	for range p.initialize {
		r.bytes(r.count())
	}
	before := r.module[start:r.at]
	r.bytes(r.count())
	if r.err != nil {
		return nil, r.err
	}
	nothing := function()
	return slices.Concat(before, number(len(nothing)), nothing, r.rest()), nil
}

// appendGlobals appends the entries of a global section.
func appendGlobals(dst, types []byte, values []uint64) []byte {
	for i, typ := range types {
		op, value := byte(opI64Const), int64(values[i])
		if typ == i32[0] {
			op, value = opI32Const, int64(int32(value))
		}
		dst = append(dst, typ, 1, op)
		dst = appendSigned(dst, value)
		dst = append(dst, opEnd)
	}
	return dst
}

// appendSigned appends n in signed LEB128 (5.2.2).
func appendSigned(dst []byte, n int64) []byte {
	for ; n < -64 || n > 63; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n)&0x7f)
}
