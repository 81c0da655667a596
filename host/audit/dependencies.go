package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// knownBad are modules that must not be in what devices run.
var knownBad = []struct {
	path  string
	below string // from this version on it may; "": never
	why   string
}{
	{"github.com/cloudflare/circl", "v1.6.5", "before v1.6.5 it takes keys and signatures with bytes behind them"},
	{"github.com/vmihailenco/msgpack", "", "five bytes make it allocate 34 GB"},
}

// dependency is a Go module that is linked into the WebAssembly module.
type dependency struct{ path, version string }

// dependencies (A24) reads what Go's linker has written into the module about
// what it is made of, looks for names of functions of known bad packages and,
// where there is a source, asks the go command what the guest imports.
func dependencies(ctx context.Context, s *subject, f *finding) {
	info, err := buildInfo(s.module)
	if err != nil {
		f.notRun("%v", err)
	} else {
		f.note("package", "%s", info.Path)
		f.note("Go", "%s", goVersion(s.module))
		for _, setting := range info.Settings {
			f.note("built with", "%s=%s", setting.Key, setting.Value)
		}
		f.note("modules linked", "%d besides its own", len(info.Deps))
		for _, d := range info.Deps {
			f.note(d.Path, "%s", d.Version)
			judge(f, dependency{d.Path, d.Version})
		}
	}
	for _, bad := range knownBad {
		found := bytes.Contains(s.module, []byte(bad.path+"/"))
		f.note("names of "+bad.path, "%s", foundOrNot(found))
		if found && (info == nil || !slices.ContainsFunc(info.Deps, func(d *debug.Module) bool { return underneath(d.Path, bad.path) })) {
			f.fail("%s is in the module, in no version that it says: %s", bad.path, bad.why)
		}
	}
	src, err := s.theSource(ctx)
	if err != nil {
		f.note("imports of the source", "%v", err)
		return
	}
	list, err := src.imports(ctx)
	if err != nil {
		f.fail("%v", err)
		return
	}
	f.note("imports of the source", "%d modules besides its own", len(list))
	for _, d := range list {
		f.note(d.path, "%s", d.version)
		judge(f, d)
	}
}

// judge fails when a dependency is known to be bad.
func judge(f *finding, d dependency) {
	for _, bad := range knownBad {
		if underneath(d.path, bad.path) && (bad.below == "" || older(d.version, bad.below)) {
			f.fail("%s %s: %s", d.path, d.version, bad.why)
		}
	}
}

func underneath(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func foundOrNot(found bool) string {
	if found {
		return "in the module"
	}
	return "not in the module"
}

// imports returns the modules that the guest's packages belong to.
func (src *source) imports(ctx context.Context) (list []dependency, err error) {
	out, err := src.run(ctx, "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./wasm/guest")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(out)) {
		if path, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			list = append(list, dependency{path, version})
		}
	}
	slices.SortFunc(list, func(a, b dependency) int { return cmp.Compare(a.path, b.path) })
	return slices.Compact(list), nil
}

// Go's linker puts these around its text about a program (runtime.modinfo, see
// cmd/go/internal/modload).
var infoStart, infoEnd = unhex("3077af0c9274080241e1c107e6d618e6"), unhex("f932433186182072008242104116d8f2")

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("audit: internal error: " + err.Error())
	}
	return b
}

// maxInfo bounds that text.
const maxInfo = 1 << 20

// buildInfo reads it out of a WebAssembly module, which debug/buildinfo cannot.
func buildInfo(module []byte) (*debug.BuildInfo, error) {
	_, rest, found := bytes.Cut(module, infoStart)
	text, _, ends := bytes.Cut(rest[:min(len(rest), maxInfo)], infoEnd)
	if !found || !ends {
		return nil, errors.New("the module does not say what it was built from")
	}
	return debug.ParseBuildInfo(string(text))
}

var versionText = regexp.MustCompile(`go1\.[0-9]+(\.[0-9]+)?(rc[0-9]+)?(-X:[a-z0-9,]+)?`)

// goVersion returns what the runtime in the module says that it is.
func goVersion(module []byte) string {
	if v := versionText.Find(module); v != nil {
		return string(v)
	}
	return "of unknown version"
}

// older compares two versions of the form v1.2.3; one that has something behind
// that, or another form, counts as older than the same numbers alone.
func older(version, than string) bool {
	core, suffix, _ := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	a, b := strings.Split(core, "."), strings.Split(strings.TrimPrefix(than, "v"), ".")
	for i := range b {
		if i >= len(a) {
			return true
		}
		x, err := strconv.Atoi(a[i])
		if err != nil {
			return true
		}
		if y, _ := strconv.Atoi(b[i]); x != y {
			return x < y
		}
	}
	return suffix != ""
}
