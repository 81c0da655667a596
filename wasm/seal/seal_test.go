package seal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// buildReactor builds testdata/reactor once for all tests.
var buildReactor = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "seal")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "reactor.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", out, "./testdata/reactor")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
})

// reactor returns testdata/reactor as the linker wrote it, and sealed.
func reactor(t *testing.T) (module, sealed []byte) {
	t.Helper()
	module, err := buildReactor()
	if err != nil {
		t.Fatalf("building testdata/reactor: %v", err)
	}
	sealed, err = Seal(module)
	if err != nil {
		t.Fatal(err)
	}
	return module, sealed
}

// call is a call of an export. All arguments are i32.
type call struct {
	name string
	args []int
}

// engine instantiates a module with nothing, initialises it and makes calls,
// up to the first trap. It gives each result in decimal, or the trap's words.
type engine func(t *testing.T, module []byte, calls ...call) []string

func engines(t *testing.T) map[string]engine {
	cache, err := wazero.NewCompilationCacheWithDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]engine{
		"compiler":    inWazero(wazero.NewRuntimeConfigCompiler().WithCompilationCache(cache)),
		"interpreter": inWazero(wazero.NewRuntimeConfigInterpreter()),
		"node":        inNode,
	}
}

func inWazero(config wazero.RuntimeConfig) engine {
	return func(t *testing.T, module []byte, calls ...call) []string {
		t.Helper()
		ctx := context.Background()
		runtime := wazero.NewRuntimeWithConfig(ctx, config)
		defer runtime.Close(ctx)
		instance, err := runtime.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
		if err != nil {
			t.Fatal(err)
		}
		var results []string
		for _, c := range calls {
			var args []uint64
			for _, a := range c.args {
				args = append(args, api.EncodeI32(int32(a)))
			}
			f := instance.ExportedFunction(c.name)
			got, err := f.Call(ctx, args...)
			switch {
			case err != nil:
				words, _, _ := strings.Cut(err.Error(), "\n")
				return append(results, strings.TrimPrefix(words, "wasm error: "))
			case len(got) == 0:
				results = append(results, "")
			case f.Definition().ResultTypes()[0] == api.ValueTypeI32:
				results = append(results, strconv.Itoa(int(api.DecodeI32(got[0]))))
			default:
				results = append(results, strconv.Itoa(int(got[0])))
			}
		}
		return results
	}
}

func inNode(t *testing.T, module []byte, calls ...call) []string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("without Node: %v", err)
	}
	path := filepath.Join(t.TempDir(), "module.wasm")
	if err := os.WriteFile(path, module, 0o600); err != nil {
		t.Fatal(err)
	}
	var list [][]any
	for _, c := range calls {
		entry := []any{c.name}
		for _, a := range c.args {
			entry = append(entry, a)
		}
		list = append(list, entry)
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", "testdata/run.mjs", path, string(text))
	node.Stderr = os.Stderr
	out, err := node.Output()
	if err != nil {
		t.Fatal(err)
	}
	var results []string
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("node printed %q: %v", out, err)
	}
	return results
}

func TestSealTakesImportsAndLeavesTheRest(t *testing.T) {
	module, sealed := reactor(t)
	before, err := Inspect(module)
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Imports) < 16 {
		t.Errorf("the reactor imports %d functions, want the 16 or more of a program with fmt and os", len(before.Imports))
	}
	after, err := Inspect(sealed)
	if err != nil {
		t.Fatal(err)
	}
	before.Imports = nil
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("sealing changed more than the imports (-before +after):\n%s", diff)
	}
}

func TestSealIsAFunctionOfTheModule(t *testing.T) {
	module, sealed := reactor(t)
	again, err := Seal(module)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sealed, again) {
		t.Error("sealing the same module twice gave different bytes")
	}
}

// TestSealedReactorWorks compares engines, and the module with itself
// pre-initialised: it must not only work but be in the same state throughout.
func TestSealedReactorWorks(t *testing.T) {
	_, sealed := reactor(t)
	modules := map[string][]byte{"sealed": sealed, "pre-initialised": preinitialise(t, sealed)}
	rows := []struct {
		call
		want string // "" means: only the same in every engine
	}{
		{call{"churn", []int{20_000}}, "1000"},
		{call{"gather", []int{40}}, "780"},
		{call{"churn", []int{10_000}}, "1000"},
		{call{"recovered", []int{2}}, "3"},
		{call{"recovered", []int{3}}, "42"},
		{call{"sleep", []int{86_400}}, "86400"},
		{call{"write", nil}, "19"},
		{call{"leave", nil}, ""},
		{call{"taken", nil}, "1"},
		{call{"taken", nil}, "2"},
		{call{"collections", nil}, ""},
		{call{"now", nil}, ""},
		{call{"now", nil}, ""},
		{call{"order", nil}, ""},
		{call{"order", nil}, ""},
	}
	var calls []call
	for _, row := range rows {
		calls = append(calls, row.call)
	}
	all := engines(t)
	reference := all["compiler"](t, sealed, calls...)
	for name, run := range all {
		for state, module := range modules {
			t.Run(name+"/"+state, func(t *testing.T) {
				got := run(t, module, calls...)
				if diff := cmp.Diff(reference, got); diff != "" {
					t.Errorf("not what the compiler gave for the sealed module (-want +got):\n%s", diff)
				}
				for i, row := range rows[:len(got)] {
					if row.want != "" && got[i] != row.want {
						t.Errorf("%s%v: got %s, want %s", row.name, row.args, got[i], row.want)
					}
				}
			})
		}
	}

	at := func(name string) string {
		return reference[slices.IndexFunc(calls, func(c call) bool { return c.name == name })]
	}
	if n, err := strconv.Atoi(at("collections")); err != nil || n < 24 {
		t.Errorf("got %q garbage collections, want dozens", at("collections"))
	}
	if n := len(reference); reference[n-4] >= reference[n-3] {
		t.Errorf("time went from %s to %s, want forward", reference[n-4], reference[n-3])
	}
}

func TestSealedReactorTrapsWhenItDies(t *testing.T) {
	_, sealed := reactor(t)
	modules := map[string][]byte{"sealed": sealed, "pre-initialised": preinitialise(t, sealed)}
	for name, run := range engines(t) {
		for _, c := range []call{
			{"crash", []int{3}},
			{"deadlock", nil},
			{"entropy", nil},
			{"exit", nil},
		} {
			for state, module := range modules {
				t.Run(name+"/"+state+"/"+c.name, func(t *testing.T) {
					if got := run(t, module, c); got[0] != "unreachable" {
						t.Errorf("got %q, want a trap by unreachable", got[0])
					}
				})
			}
		}
	}
}

// handmade returns a module that a Go linker could have written: it has the
// imports given and exports each under its own name, besides a function
// _initialize that does nothing and a memory of one page. It has n globals.
func handmade(n int, imports ...Import) []byte {
	stubs := newStubs(0)
	types := []byte{0x60, 0, 0}
	var importSection, exports []byte
	for i, imp := range imports {
		s := stubs[imp.Name].signature
		types = slices.Concat(types, []byte{0x60}, text(s.params), text(s.results))
		importSection = slices.Concat(importSection, text(imp.Module), text(imp.Name), []byte{0}, number(i+1))
		exports = slices.Concat(exports, text(imp.Name), []byte{0}, number(i))
	}
	k := len(imports)
	exports = slices.Concat(exports, text("_initialize"), []byte{0}, number(k), text("memory"), []byte{2, 0})

	module := []byte(header)
	module = appendSection(module, sectionType, number(k+1), types)
	module = appendSection(module, sectionImport, number(k), importSection)
	module = appendSection(module, sectionFunction, number(1), number(0))
	module = appendSection(module, sectionMemory, number(1), []byte{0, 1})
	module = appendSection(module, sectionGlobal, number(n), slices.Repeat(clockGlobal, n))
	module = appendSection(module, sectionExport, number(k+2), exports)
	return appendSection(module, sectionCode, number(1), number(2), []byte{0, opEnd})
}

func text(s string) []byte { return append(number(len(s)), s...) }

func wasi(name string) Import {
	return Import{Module: "wasi_snapshot_preview1", Name: name, Kind: KindFunction}
}

// TestStubs calls every stub by itself. Memory starts as one page of zeros
// that the row's poke fills at the address it names.
func TestStubs(t *testing.T) {
	type memory map[uint32]uint64
	rows := []struct {
		name   string
		poke   memory // 64-bit words before the call
		args   []uint64
		want   uint64
		memory memory // 64-bit words after it
	}{
		{"sched_yield", nil, nil, success, nil},
		{"args_sizes_get", memory{0: 1<<64 - 1}, []uint64{0, 4}, success, memory{0: 0}},
		{"args_get", memory{0: 7}, []uint64{0, 4}, success, memory{0: 7}},
		{"environ_sizes_get", memory{0: 1<<64 - 1}, []uint64{4, 0}, success, memory{0: 0}},
		{"environ_get", memory{0: 7}, []uint64{0, 4}, success, memory{0: 7}},
		{"clock_time_get", nil, []uint64{0, 0, 8}, success, memory{0: 0, 8: 1000, 16: 0}},
		{"clock_time_get", nil, []uint64{1, 1, 8}, success, memory{8: 2000}},
		{"poll_oneoff", memory{24: 5_000_000_000, 64: 1<<64 - 1}, []uint64{0, 48, 1, 64}, success, memory{64: 0xffffffff << 32}},
		{"clock_time_get", nil, []uint64{0, 0, 8}, success, memory{8: 5_000_003_000}},
		{"poll_oneoff", memory{8: 1}, []uint64{0, 48, 1, 64}, inval, nil},
		{"poll_oneoff", memory{8: 2, 24: 9}, []uint64{0, 48, 1, 64}, inval, nil},
		{"clock_time_get", nil, []uint64{0, 0, 8}, success, memory{8: 5_000_004_000}},
		{"random_get", memory{0: 7}, []uint64{0, 8}, nosys, memory{0: 7}},
		{"fd_write", memory{0: 3<<32 | 100, 8: 4<<32 | 200}, []uint64{2, 0, 2, 32}, success, memory{32: 3}},
		{"fd_close", nil, []uint64{1}, badf, nil},
		{"fd_read", nil, []uint64{0, 0, 1, 32}, badf, nil},
		{"fd_fdstat_get", nil, []uint64{1, 0}, badf, nil},
		{"fd_fdstat_set_flags", nil, []uint64{1, 0}, badf, nil},
		{"fd_prestat_get", nil, []uint64{3, 0}, badf, nil},
		{"fd_prestat_dir_name", nil, []uint64{3, 0, 8}, badf, nil},
	}
	called := map[string]bool{"proc_exit": true} // a trap, see above
	var imports []Import
	for _, row := range rows {
		if !called[row.name] {
			imports = append(imports, wasi(row.name))
		}
		called[row.name] = true
	}
	for name := range newStubs(0) {
		if !called[name] {
			t.Errorf("no row calls %s", name)
		}
	}

	// From 128 globals on, the index of the clock takes two bytes.
	for _, globals := range []int{0, 127, 128} {
		sealed, err := Seal(handmade(globals, imports...))
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
		defer runtime.Close(ctx)
		instance, err := runtime.Instantiate(ctx, sealed)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			data, _ := instance.Memory().Read(0, 1<<16)
			clear(data)
			for at, word := range row.poke {
				binary.LittleEndian.PutUint64(data[at:], word)
			}
			got, err := instance.ExportedFunction(row.name).Call(ctx, row.args...)
			if err != nil {
				t.Fatalf("row %d: %s%v: %v", i, row.name, row.args, err)
			}
			if got[0] != row.want {
				t.Errorf("row %d: %s%v: got %d, want %d", i, row.name, row.args, got[0], row.want)
			}
			for at, want := range row.memory {
				if got := binary.LittleEndian.Uint64(data[at:]); got != want {
					t.Errorf("row %d: %s%v: got %#x at %d, want %#x", i, row.name, row.args, got, at, want)
				}
			}
		}
	}
}

func TestSealDropsCustomSections(t *testing.T) {
	module := handmade(8, wasi("sched_yield"))
	want, err := Seal(module)
	if err != nil {
		t.Fatal(err)
	}
	padded := appendSection([]byte(header), sectionCustom, text("go:buildid"), []byte("abc"))
	padded = append(padded, module[len(header):]...)
	padded = appendSection(padded, sectionCustom, text("name"))
	got, err := Seal(padded)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSealRefuses(t *testing.T) {
	good := handmade(8, wasi("sched_yield"))
	sealed, err := Seal(good)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(from, to string) []byte {
		changed := strings.Replace(string(good), from, to, 1)
		if changed == string(good) {
			t.Fatalf("%q is not in the module", from)
		}
		return []byte(changed)
	}
	rows := []struct {
		name   string
		module []byte
		want   string // part of the error
	}{
		{"empty", nil, `"" is not how`},
		{"text", []byte("(module)"), `"(module)" is not how`},
		{"version 2", []byte("\x00asm\x02\x00\x00\x00"), `is not how`},
		{"sealed", sealed, "imports nothing"},
		{"file", handmade(8, wasi("sched_yield"), wasi("path_open")), `import "wasi_snapshot_preview1.path_open": a sealed module has no function`},
		{"JavaScript", handmade(8, Import{Module: "gojs", Name: "sched_yield"}), `import "gojs.sched_yield"`},
		{"other type", replace("sched_yield\x00\x01", "sched_yield\x00\x00"), `sched_yield": its type`},
		{"no type", replace("sched_yield\x00\x01", "sched_yield\x00\x02"), `sched_yield": its type`},
		{"no _initialize", replace("_initialize", "_initialise"), `exports no function "_initialize"`},
		{"no memory", replace("memory", "mamory"), `exports no memory "memory"`},
		{"start section", appendSection(slices.Clone(good), sectionStart, []byte{0}), "section 8 is none"},
		{"data count section", appendSection(slices.Clone(good), 12, []byte{0}), "section 12 is none"},
		{"section twice", appendSection(slices.Clone(good), sectionCode, []byte{0}), "section 10 comes after section 10"},
		{"name not UTF-8", replace("sched_yield", "sched_yiel\xff"), "is not UTF-8"},
		{"unknown kind", replace("sched_yield\x00", "sched_yield\x09"), "kind 9"},
		{"long number", append([]byte(header), sectionType, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00), "no LEB128 number"},
		{"large number", append([]byte(header), sectionType, 0xff, 0xff, 0xff, 0xff, 0x7f), "no LEB128 number"},
		{"large section", append([]byte(header), sectionType, 0xff, 0xff, 0xff, 0xff, 0x0f), "4294967295 announced, 0 bytes left"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := Seal(row.module)
			if err == nil || !strings.Contains(err.Error(), row.want) || got != nil {
				t.Errorf("got %d bytes, %v; want the error %q", len(got), err, row.want)
			}
		})
	}
}

func TestSealRefusesEveryCut(t *testing.T) {
	good := handmade(8, wasi("sched_yield"), wasi("clock_time_get"))
	for n := range good {
		if _, err := Seal(good[:n]); err == nil {
			t.Errorf("the first %d of %d bytes: got no error", n, len(good))
		}
	}
}
