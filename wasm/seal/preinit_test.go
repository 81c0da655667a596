package seal

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"pgregory.net/rapid"
)

func preinitialise(t *testing.T, sealed []byte) []byte {
	t.Helper()
	module, err := Preinitialise(context.Background(), sealed)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// sealedByHand is handmade and sealed, with n globals and the clock.
func sealedByHand(t *testing.T, n int) []byte {
	t.Helper()
	sealed, err := Seal(handmade(n, wasi("sched_yield"), wasi("clock_time_get")))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestPreinitialiseChangesMemoryAlone(t *testing.T) {
	_, sealed := reactor(t)
	before, err := Inspect(sealed)
	if err != nil {
		t.Fatal(err)
	}
	after, err := Inspect(preinitialise(t, sealed))
	if err != nil {
		t.Fatal(err)
	}
	if after.Memory.Min < before.Memory.Min || after.Memory.Limited {
		t.Errorf("got the memory %+v, want the %+v that it starts with, or more", after.Memory, before.Memory)
	}
	after.Memory = before.Memory
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("more than the memory has changed (-before +after):\n%s", diff)
	}
}

// TestEveryEngineLeavesTheSameState is why the bytes do not depend on who
// builds them. It includes the state of a module that is pre-initialised.
func TestEveryEngineLeavesTheSameState(t *testing.T) {
	_, sealed := reactor(t)
	for _, module := range [][]byte{sealed, preinitialise(t, sealed)} {
		p, err := parse(module)
		if err != nil {
			t.Fatal(err)
		}
		var states [2]state
		for i, engine := range []wazero.RuntimeConfig{wazero.NewRuntimeConfigInterpreter(), wazero.NewRuntimeConfigCompiler()} {
			if states[i], err = p.start(context.Background(), engine); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(states[0].globals, states[1].globals) || !bytes.Equal(states[0].memory, states[1].memory) {
			t.Error("interpreter and compiler leave different states")
		}
		again, err := p.with(states[0])
		if err != nil {
			t.Fatal(err)
		}
		if want := preinitialise(t, sealed); !bytes.Equal(again, want) {
			t.Errorf("got %d bytes, want the same %d as always", len(again), len(want))
		}
	}
}

// TestInitializeIsHarmless calls it never, before the first call as hosts do,
// and between calls.
func TestInitializeIsHarmless(t *testing.T) {
	_, sealed := reactor(t)
	module := preinitialise(t, sealed)
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	compiled, err := runtime.CompileModule(ctx, module)
	if err != nil {
		t.Fatal(err)
	}
	var memories [3][]byte
	for n := range memories {
		instance, err := runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			t.Fatal(err)
		}
		call := func(name string, args ...uint64) []uint64 {
			t.Helper()
			results, err := instance.ExportedFunction(name).Call(ctx, args...)
			if err != nil {
				t.Fatalf("_initialize called %d times: %s: %v", n, name, err)
			}
			return results
		}
		for i := range 4 {
			if i < n {
				call("_initialize")
			}
			if got := call("churn", 5000); got[0] != 1000 {
				t.Errorf("_initialize called %d times: churn: got %d, want 1000", n, got[0])
			}
		}
		view, _ := instance.Memory().Read(0, instance.Memory().Size())
		memories[n] = bytes.Clone(view)
	}
	for n, memory := range memories {
		if !bytes.Equal(memory, memories[0]) {
			t.Errorf("_initialize called %d times: memory is not what it is without", n)
		}
	}
}

func TestPreinitialiseRefuses(t *testing.T) {
	good := sealedByHand(t, 8)
	preinitialise(t, good)
	// withSection gives good with another section of this kind.
	withSection := func(id int, parts ...[]byte) []byte {
		s, err := split(good)
		if err != nil {
			t.Fatal(err)
		}
		module := []byte(header)
		for i, section := range s {
			switch {
			case i == id && parts != nil:
				module = appendSection(module, i, parts...)
			case i != id && section.exists():
				module = appendSection(module, i, section.rest())
			}
		}
		return module
	}
	initialize := func(kind, index byte) []byte {
		return slices.Concat(number(2), text("_initialize"), []byte{kind, index}, text("memory"), []byte{2, 0})
	}
	rows := []struct {
		name   string
		module []byte
		want   string // part of the error
	}{
		{"empty", nil, `"" is not how`},
		{"not sealed", handmade(8, wasi("sched_yield")), "has imports"},
		{"no memory", withSection(sectionMemory), "no section 5"},
		{"two memories", withSection(sectionMemory, number(2), []byte{0, 1, 0, 1}), "2 memories"},
		{"limited memory", withSection(sectionMemory, number(1), []byte{1, 1, 2}), "the memory has a limit"},
		{"no globals", withSection(sectionGlobal), "no section 6"},
		{"global of floats", withSection(sectionGlobal, number(1), []byte{0x7d, 1, 0x43, 0, 0, 0, 0, opEnd}), "type 0x7d"},
		{"reference", withSection(sectionGlobal, number(1), []byte{0x70, 1, 0xd0, 0x70, opEnd}), "type 0x70"},
		{"constant", withSection(sectionGlobal, number(1), []byte{i64[0], 0, opI64Const, 0, opEnd}), "a global that is constant"},
		{"global made from another", withSection(sectionGlobal, number(1), []byte{i64[0], 1, opGlobalGet, 0, opEnd}), "instruction 0x23"},
		{"longer initial value", withSection(sectionGlobal, number(1), []byte{i64[0], 1, opI64Const, 0, opI64Const, 0, opI64Add, opEnd}), "instruction 0x42 in an initial value, want its end"},
		{"endless number", withSection(sectionGlobal, number(1), []byte{i64[0], 1, opI64Const}, bytes.Repeat([]byte{0x80}, 20)), "no LEB128 number of 64 bits"},
		{"bytes after the globals", withSection(sectionGlobal, number(0), []byte{0}), "1 bytes too many"},
		{"no exports", withSection(sectionExport), "no section 7"},
		{"no _initialize", withSection(sectionExport, number(0)), `no function "_initialize"`},
		{"_initialize is a memory", withSection(sectionExport, initialize(2, 0)), `no function "_initialize"`},
		{"_initialize is no function of 3", withSection(sectionExport, initialize(0, 3)), "function 3 of 3"},
		{"_initialize gives something", withSection(sectionExport, initialize(0, 0)), "takes or gives something"},
		{"no type", withSection(sectionFunction, number(3), []byte{1, 2, 9}), "takes or gives something"},
		{"no functions", withSection(sectionFunction), "byte 0"},
		{"no code", withSection(sectionCode), "no section 10"},
		{"less code", withSection(sectionCode, number(0)), "pre-initialising: "},
		{"passive data", withSection(sectionData, number(1), []byte{1, 1, 'a'}), "kind 1, want 0"},
		{"data of another memory", withSection(sectionData, number(1), []byte{2, 0, opI32Const, 0, opEnd, 1, 'a'}), "kind 2, want 0"},
		{"cut data", withSection(sectionData, number(1), []byte{0, opI32Const, 0, opEnd, 2, 'a'}), "2 announced, 1 bytes left"},
		{"bytes after the data", withSection(sectionData, number(0), []byte{0}), "1 bytes too many"},
		{"data count", append(slices.Clone(good), 12, 1, 0), "section 12 is none"},
		{"_initialize traps", withSection(sectionCode, number(3), bytes.Repeat([]byte{3, 0, opUnreachable, opEnd}, 3)), "pre-initialising: _initialize: wasm error: unreachable"},
		{"data beyond memory", withSection(sectionData, number(1), []byte{0, opI32Const, 0x7f, opEnd, 1, 'a'}), "pre-initialising: "},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := Preinitialise(context.Background(), row.module)
			if err == nil || !strings.Contains(err.Error(), row.want) || got != nil {
				t.Errorf("got %d bytes, %v; want the error %q", len(got), err, row.want)
			}
		})
	}
}

// TestStateComesBack writes states into modules and has the engine read them.
func TestStateComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		edges := []uint64{0, 1, 63, 64, 1<<13 - 1, 1 << 13, math.MaxInt32, 1 << 31, math.MaxUint32, 1 << 32, math.MaxInt64, 1 << 63, math.MaxUint64 - 63, math.MaxUint64 - 64}
		want := state{
			memory:  sparse(rt),
			globals: rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(edges), rapid.Uint64()), 6, 6).Draw(rt, "globals"),
		}
		p, err := parse(sealedByHand(t, len(want.globals)-1))
		if err != nil {
			rt.Fatal(err)
		}
		for i := range len(want.globals) - 1 { // the last is the clock
			if rapid.Bool().Draw(rt, "is i32") {
				p.globals[i] = i32[0]
				want.globals[i] &= math.MaxUint32
			}
		}
		module, err := p.with(want)
		if err != nil {
			rt.Fatal(err)
		}
		if p, err = parse(module); err != nil {
			rt.Fatal(err)
		}
		got, err := p.start(context.Background(), wazero.NewRuntimeConfigInterpreter())
		if err != nil {
			rt.Fatal(err)
		}
		if !slices.Equal(got.globals, want.globals) {
			rt.Errorf("got the globals %x of the types %x, want %x", got.globals, p.globals, want.globals)
		}
		if !bytes.Equal(got.memory, want.memory) {
			rt.Error("memory is not what was written")
		}
	})
}

// sparse draws up to three pages with a few runs of bytes in them, near and
// far from each other and from the ends.
func sparse(t *rapid.T) []byte {
	memory := make([]byte, pageSize*rapid.IntRange(1, 3).Draw(t, "pages"))
	gaps := rapid.OneOf(rapid.IntRange(0, 2*maxGap), rapid.IntRange(maxGap-1, maxGap+1), rapid.IntRange(0, len(memory)))
	for at := gaps.Draw(t, "start"); at < len(memory); at += 1 + gaps.Draw(t, "gap") {
		at += copy(memory[at:], rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "bytes"))
	}
	if rapid.Bool().Draw(t, "to the end") {
		memory[len(memory)-1] = 1
	}
	return memory
}

func TestCut(t *testing.T) {
	zeros := func(n int) []byte { return make([]byte, n) }
	one := []byte{1}
	rows := []struct {
		name   string
		memory [][]byte
		want   []segment
	}{
		{"nothing", nil, nil},
		{"zeros", [][]byte{zeros(1000)}, nil},
		{"a byte", [][]byte{one}, []segment{{0, one}}},
		{"the first", [][]byte{one, zeros(1000)}, []segment{{0, one}}},
		{"the last", [][]byte{zeros(1000), one}, []segment{{1000, one}}},
		{"a short gap", [][]byte{one, zeros(1), one}, []segment{{0, []byte{1, 0, 1}}}},
		{"the longest gap", [][]byte{one, zeros(maxGap), one}, []segment{{0, slices.Concat(one, zeros(maxGap), one)}}},
		{"a gap too long", [][]byte{one, zeros(maxGap + 1), one}, []segment{{0, one}, {maxGap + 2, one}}},
		{"zeros at the end", [][]byte{one, zeros(maxGap)}, []segment{{0, one}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := cut(slices.Concat(row.memory...))
			if diff := cmp.Diff(row.want, got, cmp.AllowUnexported(segment{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCutLeavesOutZerosAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := sparse(t)
		got := make([]byte, len(want))
		end := -maxGap - 1
		for _, s := range cut(want) {
			if s.at-end <= maxGap {
				t.Errorf("the segment at %d is %d bytes from the last, want more than %d", s.at, s.at-end, maxGap)
			}
			if s.bytes[0] == 0 || s.bytes[len(s.bytes)-1] == 0 {
				t.Errorf("the segment at %d has zeros at an end", s.at)
			}
			end = s.at + copy(got[s.at:], s.bytes)
		}
		if !bytes.Equal(got, want) {
			t.Error("the segments do not make the memory")
		}
	})
}

func TestTooManySegmentsAreRefused(t *testing.T) {
	p, err := parse(sealedByHand(t, 8))
	if err != nil {
		t.Fatal(err)
	}
	s := state{memory: make([]byte, pageSize*400), globals: make([]uint64, len(p.globals))}
	for n := 0; n <= maxSegments; n++ {
		if n == maxSegments {
			if _, err := p.with(s); err != nil {
				t.Errorf("%d segments: %v", n, err)
			}
		}
		s.memory[n*(maxGap+2)] = 1
	}
	if _, err := p.with(s); err == nil {
		t.Errorf("%d segments: got no error", maxSegments+1)
	}
}
