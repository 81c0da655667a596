package audit

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/nearside/nearside/wasm"
)

func TestTheModuleReachesNothing(t *testing.T) {
	f := subjectOf(t, popular.options(t)).want(t, "A08", Pass, "")
	for name, want := range map[string]string{"imports": "0", "exports": "14", "nearside_open": "function (i32 i32 i32 i32 i64) → (i32)"} {
		if got := f.value(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// section is one of a module's sections.
func section(id byte, content ...byte) []byte {
	return append(binary.AppendUvarint([]byte{id}, uint64(len(content))), content...)
}

// tiny is a module with one function () → (), which is exported as
// nearside_abi, and a memory; before and after are sections around those of
// functions and memory.
func tiny(imports, memory, exports, start []byte) []byte {
	return bytes.Join([][]byte{
		[]byte("\x00asm\x01\x00\x00\x00"),
		section(1, 1, 0x60, 0, 0),
		imports,
		section(3, 1, 0),
		memory,
		exports,
		start,
		section(10, 1, 2, 0, 0x0b),
	}, nil)
}

func TestModulesThatReachOut(t *testing.T) {
	oneMemory := section(5, 1, 0, 1)
	export := func(name string, kind byte) []byte {
		return section(7, append(append([]byte{1, byte(len(name))}, name...), kind, 0)...)
	}
	for _, c := range []struct {
		name   string
		module []byte
		words  string
	}{
		{"no module", []byte("MZ"), "not one that the sealer writes"},
		{"an imported function", tiny(section(2, append([]byte("\x01\x03env\x05fetch"), 0, 0)...), oneMemory, nil, nil), "it imports the function env.fetch"},
		{"an imported memory", tiny(section(2, append([]byte("\x01\x03env\x06memory"), 2, 0, 1)...), nil, nil, nil), "it imports the memory env.memory"},
		{"a shared memory", tiny(nil, section(5, 1, 3, 1, 2), nil, nil), "limits flag 3"},
		{"two memories", tiny(nil, section(5, 2, 0, 1, 0, 1), nil, nil), "2 memories"},
		{"a start function", tiny(nil, oneMemory, nil, section(8, 0)), "section 8"},
		{"an export too many", tiny(nil, oneMemory, export("nearside_profile", 0), nil), `"nearside_profile", which the interface does not have`},
		{"another type", tiny(nil, oneMemory, export("nearside_abi", 0), nil), "nearside_abi has the type () → (), want () → (i32)"},
		{"a memory where a function is wanted", tiny(nil, oneMemory, export("nearside_abi", 2), nil), `exports the memory "nearside_abi"`},
		{"no exports", tiny(nil, oneMemory, nil, nil), "it has no export nearside_recommend"},
		{"code that is none", append(tiny(nil, oneMemory, nil, nil), section(11, 1, 7)...), "does not compile"},
	} {
		opt := popular.options(t)
		opt.Module = c.module
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A08", Fail, c.words) })
	}
}

// TestAnImportIsFoundInTheRealModule puts one into it.
func TestAnImportIsFoundInTheRealModule(t *testing.T) {
	module, err := wasm.Module()
	if err != nil {
		t.Fatal(err)
	}
	types := module[8:] // the type section is the first
	n, size := binary.Uvarint(types[1:])
	at := 8 + 1 + size + int(n)
	opt := popular.options(t)
	opt.Module = bytes.Join([][]byte{module[:at], section(2, append([]byte("\x01\x16wasi_snapshot_preview1\x0arandom_get"), 0, 0)...), module[at:]}, nil)
	s := subjectOf(t, opt)
	s.want(t, "A08", Fail, "it imports the function wasi_snapshot_preview1.random_get")
}
