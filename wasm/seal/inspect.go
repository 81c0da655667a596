package seal

// Info is what a module wants from its host and what it offers.
type Info struct {
	Imports []Import // in the module's order; a sealed module has none
	Exports []Export // in the module's order
	Memory  Memory
}

// Import is one thing that a host must provide.
type Import struct {
	Module, Name string
	Kind         Kind

	typ uint32 // of a function: its index in the type section
}

// Export is one thing that a host may use.
type Export struct {
	Name string
	Kind Kind
}

// Memory gives the size of a module's own memory, in pages of 64 KiB. It is
// zero when the module has none.
type Memory struct {
	Min     uint32 // what it starts with
	Max     uint32 // what it can grow to, when Limited
	Limited bool   // Go's linker sets no limit: the host's applies
}

// Kind is the kind of an import or export, in the words of JavaScript's
// WebAssembly.Module.imports.
type Kind string

// The kinds.
const (
	KindFunction Kind = "function"
	KindTable    Kind = "table"
	KindMemory   Kind = "memory"
	KindGlobal   Kind = "global"
)

// Inspect reads what a module imports, exports and holds as memory, without
// running it. An error names the byte at which the module is malformed.
func Inspect(module []byte) (Info, error) {
	s, err := split(module)
	if err != nil {
		return Info{}, err
	}
	return inspect(s)
}

func inspect(s sections) (Info, error) {
	imports, err := readImports(s[sectionImport])
	if err != nil {
		return Info{}, err
	}
	exports, _, err := readExports(s[sectionExport])
	if err != nil {
		return Info{}, err
	}
	memory, err := readMemory(s[sectionMemory])
	if err != nil {
		return Info{}, err
	}
	return Info{imports, exports, memory}, nil
}

// readImports reads the import section (5.5.5).
func readImports(r reader) ([]Import, error) {
	if !r.exists() {
		return nil, nil
	}
	var imports []Import
	for range r.count() {
		i := Import{Module: r.name(), Name: r.name(), Kind: r.kind()}
		switch i.Kind {
		case KindFunction:
			i.typ = r.u32()
		case KindTable:
			r.byte() // type of the elements
			r.limits()
		case KindMemory:
			r.limits()
		case KindGlobal:
			r.bytes(2) // type, mutable or not
		}
		if r.err != nil {
			return nil, r.err
		}
		imports = append(imports, i)
	}
	return imports, r.end()
}

// readExports reads the export section (5.5.10). Each export has an index
// among the functions, tables, memories or globals.
func readExports(r reader) (exports []Export, indices []uint32, err error) {
	if !r.exists() {
		return nil, nil, nil
	}
	for range r.count() {
		exports = append(exports, Export{r.name(), r.kind()})
		indices = append(indices, r.u32())
		if r.err != nil {
			return nil, nil, r.err
		}
	}
	return exports, indices, r.end()
}

// readMemory reads the memory section (5.5.8).
func readMemory(r reader) (Memory, error) {
	if !r.exists() {
		return Memory{}, nil
	}
	if n := r.count(); n != 1 {
		r.fail("%d memories, want 1", n)
	}
	m := r.limits()
	return m, r.end()
}

// kind reads the byte that says what an import or export is.
func (r *reader) kind() Kind {
	kinds := [...]Kind{KindFunction, KindTable, KindMemory, KindGlobal}
	b := r.byte()
	if int(b) >= len(kinds) {
		r.fail("kind %d of an import or export", b)
		return ""
	}
	return kinds[b]
}

// limits reads the limits of a memory or table (5.3.9).
func (r *reader) limits() Memory {
	switch flag := r.byte(); flag {
	case 0:
		return Memory{Min: r.u32()}
	case 1:
		return Memory{Min: r.u32(), Max: r.u32(), Limited: true}
	default:
		r.fail("limits flag %d", flag)
		return Memory{}
	}
}
