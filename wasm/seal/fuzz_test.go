package seal

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzSeal feeds anything to Seal and Inspect. Whatever Seal accepts comes out
// without imports and otherwise as it was.
func FuzzSeal(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte(header))
	f.Add(handmade(0, wasi("sched_yield")))
	f.Add(handmade(8, wasi("proc_exit"), wasi("clock_time_get"), wasi("poll_oneoff"), wasi("fd_write")))
	f.Add(handmade(8, wasi("path_open")))
	f.Fuzz(func(t *testing.T, module []byte) {
		before, inspectErr := Inspect(module)
		sealed, err := Seal(module)
		if err != nil {
			return
		}
		if inspectErr != nil {
			t.Fatalf("Seal accepts what Inspect refuses: %v", inspectErr)
		}
		after, err := Inspect(sealed)
		if err != nil {
			t.Fatalf("the sealed module: %v", err)
		}
		before.Imports = nil
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("sealing changed more than the imports (-before +after):\n%s", diff)
		}
	})
}

// FuzzPreinitialise feeds anything to all of Preinitialise but the engine. A
// state can be written into whatever parse accepts, and nothing else changes.
func FuzzPreinitialise(f *testing.F) {
	f.Add([]byte(nil), uint64(0), []byte(nil))
	for _, n := range []int{0, 8, 128} {
		module := handmade(n, wasi("sched_yield"), wasi("clock_time_get"))
		f.Add(module, uint64(n), []byte("a"))
		sealed, err := Seal(module)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sealed, uint64(1)<<(n/2), []byte("\x00a\x00b\x00"))
		f.Add(appendSection(sealed, sectionData, number(1), []byte{0, opI32Const, 8, opEnd, 1, 'a'}), uint64(n), []byte("b"))
	}
	f.Fuzz(func(t *testing.T, module []byte, global uint64, memory []byte) {
		p, err := parse(module)
		if err != nil {
			return
		}
		before, err := Inspect(module)
		if err != nil {
			t.Fatalf("parse accepts what Inspect refuses: %v", err)
		}
		s := state{memory: slices.Concat(memory, make([]byte, pageSize-len(memory)%pageSize))}
		for range p.globals {
			s.globals = append(s.globals, global)
		}
		written, err := p.with(s)
		if err != nil {
			return // the code section is cut
		}
		q, err := parse(written)
		if err != nil {
			t.Fatalf("the module with its state: %v", err)
		}
		after, err := Inspect(written)
		if err != nil {
			t.Fatalf("the module with its state: %v", err)
		}
		if got, want := int(after.Memory.Min), len(s.memory)/pageSize; got != want {
			t.Errorf("got %d pages, want %d", got, want)
		}
		after.Memory = before.Memory
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("more than the memory has changed (-before +after):\n%s", diff)
		}
		exposed, err := Inspect(q.exposed())
		if err != nil {
			t.Fatalf("the module with its globals exported: %v", err)
		}
		if got, want := len(exposed.Exports), len(before.Exports)+len(p.globals); got != want {
			t.Errorf("got %d exports, want %d", got, want)
		}
		again, err := q.with(s)
		if err != nil || !bytes.Equal(written, again) {
			t.Fatalf("writing the same state twice gave other bytes, %v", err)
		}
	})
}
