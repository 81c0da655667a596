// Package seal turns a Go reactor into a WebAssembly module that imports
// nothing. Such a module has no channel but its own arguments and results,
// runs in every engine with an empty import object, and gives the same bytes
// for the same calls.
//
// Seal takes what the Go linker writes for GOOS=wasip1 GOARCH=wasm and
// -buildmode=c-shared, and puts a function of its own in the place of each
// function of WASI that the module imports. Imported functions have the
// indices 0 … k-1, before the n that the module defines, so nothing else is
// renumbered:
//
//	section    before                   after
//	import     types of k functions     (none)
//	function   types of n functions     types of k+n functions
//	global     8 registers              8 registers, the clock
//	code       bodies of n functions    bodies of k+n functions
//
// Inside, reading the time moves it by a microsecond, sleeping moves it by as
// much and returns at once, what is printed goes nowhere, asking for entropy
// ends the program, and a program that ends traps. The table in stubs.go has
// the reasons. Goroutines run while a call runs, and rest between calls.
//
// Custom sections are dropped; Go's build information stays, because it is in
// the data section. The content of all other sections stays as it is.
//
// A module that imports anything else (a file, a socket, a function of
// JavaScript) is refused.
//
// Preinitialise then does beforehand what every instance would do first: it
// starts the Go runtime once, and writes what that leaves in memory and globals
// back into the module.
package seal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Seal returns module without its imports, in memory of its own. It checks
// what it has to read and leaves the rest, such as the code, to the engine
// that will run it. An error names the import that cannot be replaced, the
// export or section that a Go reactor has and this module has not, or the byte
// at which the module is malformed.
func Seal(module []byte) ([]byte, error) {
	s, err := split(module)
	if err != nil {
		return nil, err
	}
	info, err := inspect(s)
	if err != nil {
		return nil, err
	}
	if err := checkReactor(s, info); err != nil {
		return nil, err
	}
	functions, globals, code := s[sectionFunction], s[sectionGlobal], s[sectionCode]
	nFunctions, nGlobals, nCode := functions.count(), globals.count(), code.count()
	if err := cmp.Or(functions.err, globals.err, code.err); err != nil {
		return nil, err
	}
	types, err := readTypes(s[sectionType])
	if err != nil {
		return nil, err
	}
	stubTypes, stubBodies, err := replace(info.Imports, types, nGlobals)
	if err != nil {
		return nil, err
	}

	k := len(info.Imports)
	sealed := []byte(header)
	for id, section := range s {
		switch {
		case id == sectionImport || !section.exists():
		case id == sectionFunction:
			sealed = appendSection(sealed, id, number(k+nFunctions), stubTypes, functions.rest())
		case id == sectionGlobal:
			sealed = appendSection(sealed, id, number(nGlobals+1), globals.rest(), clockGlobal)
		case id == sectionCode:
			sealed = appendSection(sealed, id, number(k+nCode), stubBodies, code.rest())
		default:
			sealed = appendSection(sealed, id, section.rest())
		}
	}
	return sealed, nil
}

// checkReactor refuses a module that is not a Go reactor, or no longer one.
func checkReactor(s sections, info Info) error {
	if len(info.Imports) == 0 {
		return errors.New("seal: the module imports nothing, so there is nothing to seal")
	}
	for _, want := range []Export{{"_initialize", KindFunction}, {"memory", KindMemory}} {
		if !slices.Contains(info.Exports, want) {
			return fmt.Errorf("seal: the module exports no %s %q: build it with -buildmode=c-shared", want.Kind, want.Name)
		}
	}
	for _, id := range []int{sectionType, sectionFunction, sectionGlobal, sectionCode} {
		if !s[id].exists() {
			return fmt.Errorf("seal: the module has no section %d", id)
		}
	}
	return nil
}

// readTypes reads the type section (5.5.4).
func readTypes(r reader) ([]signature, error) {
	var types []signature
	for range r.count() {
		if form := r.byte(); form != 0x60 {
			r.fail("type of form 0x%x, want a function", form)
		}
		types = append(types, signature{string(r.bytes(r.count())), string(r.bytes(r.count()))})
		if r.err != nil {
			break
		}
	}
	return types, r.end()
}

// replace returns, for each import in its order, the entry that its stub adds
// to the function section and the one that it adds to the code section. clock
// is the index of the global that the stubs keep the time in.
func replace(imports []Import, types []signature, clock int) (functions, bodies []byte, err error) {
	stubs := newStubs(clock)
	for _, i := range imports {
		s, ok := stubs[i.Name]
		if !ok || i.Module != "wasi_snapshot_preview1" || i.Kind != KindFunction {
			return nil, nil, fmt.Errorf("seal: import %q: a sealed module has no %s to put in its place", i.Module+"."+i.Name, i.Kind)
		}
		if int64(i.typ) >= int64(len(types)) || types[i.typ] != s.signature {
			return nil, nil, fmt.Errorf("seal: import %q: its type is not the one that WASI preview 1 gives it", i.Module+"."+i.Name)
		}
		functions = append(functions, number(int(i.typ))...)
		bodies = slices.Concat(bodies, number(len(s.body)), s.body)
	}
	return functions, bodies, nil
}

// appendSection appends a section with these parts as its content.
func appendSection(dst []byte, id int, parts ...[]byte) []byte {
	content := slices.Concat(parts...)
	dst = append(dst, byte(id))
	dst = append(dst, number(len(content))...)
	return append(dst, content...)
}

// number gives n, which is not negative, in LEB128.
func number(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }
