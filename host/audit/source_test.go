package audit

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearside/nearside/wasm"
)

// sourceOf writes a source whose build writes module, and gives s the caches of
// whoever tests.
func sourceOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	goMod     = "module example.org/tiny\n\ngo 1.27\n\ntoolchain go1.27.0\n"
	tinyGuest = "package main\n\nfunc main() {}\n"

	// builder writes the module that stands beside it.
	builder = `package main

import (
	_ "embed"
	"os"
)

//go:embed module
var module []byte

func main() {
	if err := os.WriteFile(os.Args[2], module, 0o644); err != nil {
		panic(err)
	}
}
`
)

func (s *subject) fastGo(t *testing.T) *subject {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Skip("without go:", err)
	}
	s.goCache = strings.TrimSpace(string(out))
	return s
}

func TestTheSourceGivesTheModule(t *testing.T) {
	module := string(tiny(nil, nil, nil, nil))
	for _, c := range []struct {
		name  string
		files map[string]string
		want  Verdict
		words string
	}{
		{"the same", map[string]string{"go.mod": goMod, "wasm/build/main.go": builder, "wasm/build/module": module, "wasm/guest/main.go": tinyGuest}, Pass, ""},
		{"another", map[string]string{"go.mod": goMod, "wasm/build/main.go": builder, "wasm/build/module": module + "\x00", "wasm/guest/main.go": tinyGuest}, Fail, "the source gives another module"},
		{"source that does not build", map[string]string{"go.mod": goMod, "wasm/build/main.go": "package main\n\nfunc main() { nothing() }\n", "wasm/guest/main.go": tinyGuest}, Fail, "the source does not build"},
		{"no build", map[string]string{"go.mod": goMod, "wasm/guest/main.go": tinyGuest}, NotRun, "what the source imports cannot be had"},
		{"a toolchain that there is not", map[string]string{"go.mod": strings.Replace(goMod, "go1.27.0", "go1.27.99", 1)}, NotRun, "the toolchain go1.27.99 cannot be had"},
		{"no toolchain", map[string]string{"go.mod": "module tiny\n"}, NotRun, "pins no toolchain"},
		{"no Go", map[string]string{"README": "nothing"}, NotRun, "no go.mod"},
		{"nothing at all", nil, NotRun, "no source was given"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := popular.options(t)
			opt.Module = []byte(module)
			if c.files != nil {
				opt.Source = sourceOf(t, c.files)
			}
			t.Setenv("GOPROXY", "off") // a toolchain that there is not is not looked for elsewhere
			subjectOf(t, opt).fastGo(t).want(t, "A07", c.want, c.words)
		})
	}
}

func TestNoGoNoBuild(t *testing.T) {
	opt := popular.options(t)
	opt.Source = "."
	t.Setenv("PATH", t.TempDir())
	subjectOf(t, opt).want(t, "A07", NotRun, "no command go")
}

// TestABundleNamesItsModule: with another one it is not to be run, whatever
// there is of source.
func TestABundleNamesItsModule(t *testing.T) {
	module, err := wasm.Module()
	if err != nil {
		t.Fatal(err)
	}
	opt := popular.options(t)
	good := opt.Bundle
	own := sha256.Sum256(module)
	other := own
	other[0]++
	for _, c := range []struct {
		name  string
		named [][32]byte
		want  Verdict
		words string
	}{
		{"this", [][32]byte{other, own}, NotRun, "no source was given"},
		{"another", [][32]byte{other}, Fail, "may not be run with this module"},
	} {
		opt.Bundle = forge(t, good).change(func(m *value) {
			list := value{kind: kindArray}
			for _, h := range c.named {
				list.list = append(list.list, binOf(h[:]))
			}
			m.set(15, list)
		}).file()
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A07", c.want, c.words) })
	}
}

// TestThisSourceGivesTheModule takes minutes: the cache is empty.
func TestThisSourceGivesTheModule(t *testing.T) {
	if os.Getenv("NEARSIDE_NIGHTLY") == "" {
		t.Skip("compiles the go command's packages anew: only when NEARSIDE_NIGHTLY is set")
	}
	opt := popular.options(t)
	opt.Source = "../.."
	s := subjectOf(t, opt)
	s.want(t, "A07", Pass, "")
	s.want(t, "A24", Pass, "")
}
