package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/nearside/nearside/wasm/abi"
	"github.com/nearside/nearside/wasm/seal"
)

// interfaceTypes are the functions that ABI.md lists, with their types.
var interfaceTypes = map[string]string{
	abi.ExportInitialize: "() → ()",
	abi.ExportABI:        "() → (i32)",
	abi.ExportAlloc:      "(i32) → (i32)",
	abi.ExportOpen:       "(i32 i32 i32 i32 i64) → (i32)",
	abi.ExportOpenEarly:  "(i32 i32 i32 i32 i32 i64) → (i32)",
	abi.ExportNeeded:     "() → (i32)",
	abi.ExportComplete:   "() → (i32)",
	abi.ExportManifest:   "() → (i32)",
	abi.ExportFollow:     "(i32 i32) → (i32)",
	abi.ExportItems:      "(i32 i32) → (i32)",
	abi.ExportRecommend:  "(i32 i32) → (i32)",
	abi.ExportResult:     "() → (i32)",
	abi.ExportResultLen:  "() → (i32)",
}

// moduleShape (A08) reads what the module wants and offers, without running
// it. A module that imports nothing has no way out but what its exports return.
func moduleShape(ctx context.Context, s *subject, f *finding) {
	info, err := seal.Inspect(s.module)
	if err != nil {
		// A start section, a shared or a second memory end here too.
		f.fail("the module is not one that the sealer writes: %v", err)
		return
	}
	f.note("imports", "%d", len(info.Imports))
	for _, i := range info.Imports {
		f.note("import", "%s %s.%s", i.Kind, i.Module, i.Name)
		f.fail("it imports the %s %s.%s", i.Kind, i.Module, i.Name)
	}
	f.note("start function", "none")
	f.note("memory", "1, not shared, %s", pagesOf(info.Memory))
	types, err := s.exportTypes(ctx)
	if err != nil {
		f.fail("%v", err)
		return
	}
	f.note("exports", "%d", len(info.Exports))
	for _, e := range info.Exports {
		what := string(e.Kind)
		if e.Kind == seal.KindFunction {
			what += " " + types[e.Name]
		}
		f.note(e.Name, "%s", what)
		switch want, known := interfaceTypes[e.Name]; {
		case e == seal.Export{Name: abi.ExportMemory, Kind: seal.KindMemory}:
		case !known || e.Kind != seal.KindFunction:
			f.fail("it exports the %s %q, which the interface does not have", e.Kind, e.Name)
		case types[e.Name] != want:
			f.fail("its export %s has the type %s, want %s", e.Name, types[e.Name], want)
		}
	}
	for _, name := range missing(info.Exports) {
		f.fail("it has no export %s", name)
	}
}

// missing returns what the interface has and the exports have not, by name.
func missing(exports []seal.Export) (names []string) {
	has := func(name string, kind seal.Kind) bool {
		return slices.Contains(exports, seal.Export{Name: name, Kind: kind})
	}
	for name := range interfaceTypes {
		if !has(name, seal.KindFunction) {
			names = append(names, name)
		}
	}
	if !has(abi.ExportMemory, seal.KindMemory) {
		names = append(names, abi.ExportMemory)
	}
	slices.Sort(names)
	return names
}

// exportTypes returns the types of the exported functions by name.
func (s *subject) exportTypes(ctx context.Context) (map[string]string, error) {
	m, err := s.machine(ctx, Compiler)
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for name, f := range m.compiled.ExportedFunctions() {
		types[name] = fmt.Sprintf("(%s) → (%s)", valueTypes(f.ParamTypes()), valueTypes(f.ResultTypes()))
	}
	return types, nil
}

func valueTypes(types []api.ValueType) string {
	var words []string
	for _, t := range types {
		words = append(words, api.ValueTypeName(t))
	}
	return strings.Join(words, " ")
}

func pagesOf(m seal.Memory) string {
	if m.Limited {
		return fmt.Sprintf("%d to %d pages of 64 KiB", m.Min, m.Max)
	}
	return fmt.Sprintf("%d pages of 64 KiB at first, as many later as its host allows", m.Min)
}
