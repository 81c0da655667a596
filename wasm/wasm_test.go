package wasm

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/wasm/abi"
	"github.com/nearside/nearside/wasm/seal"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// maxBrotli is the most that a browser may have to fetch for the module.
const maxBrotli = 700_000

func TestModuleSaysWhenItIsNotBuilt(t *testing.T) {
	data, err := module(fstest.MapFS{"bin/README.md": {}})
	if !errors.Is(err, ErrNotBuilt) || data != nil {
		t.Errorf("got %q, %v; want ErrNotBuilt", data, err)
	}
	data, err = module(fstest.MapFS{"bin/nearside.wasm": {Data: []byte("\x00asm")}})
	if err != nil || string(data) != "\x00asm" {
		t.Errorf("got %q, %v; want the file", data, err)
	}
	if _, err := Module(); err != nil && !errors.Is(err, ErrNotBuilt) {
		t.Errorf("Module: got %v, want nothing or ErrNotBuilt", err)
	}
}

// buildNow builds the module from the source as it is, once for all tests:
// the embedded one may be older.
var buildNow = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "nearside-wasm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "nearside.wasm")
	if text, err := exec.Command("go", "run", "./build", "-o", path).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	return os.ReadFile(path)
})

func built(t *testing.T) []byte {
	t.Helper()
	module, err := buildNow()
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// golden compares lines with a file in testdata, or rewrites the file.
func golden(t *testing.T, name string, lines []string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line + "\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("not what %s says; if it is right, rewrite it with -update (-want +got):\n%s", path, diff)
	}
}

func TestImportsAndExports(t *testing.T) {
	info, err := seal.Inspect(built(t))
	if err != nil {
		t.Fatal(err)
	}
	var imports, exports []string
	for _, i := range info.Imports {
		imports = append(imports, fmt.Sprintf("%s %s.%s", i.Kind, i.Module, i.Name))
	}
	for _, e := range info.Exports {
		exports = append(exports, fmt.Sprintf("%s %s", e.Kind, e.Name))
	}
	golden(t, "imports.txt", imports)
	golden(t, "exports.txt", exports)

	if len(info.Imports) > 0 {
		t.Errorf("got the imports %q, want none", imports)
	}
	want := []seal.Export{{Name: abi.ExportMemory, Kind: seal.KindMemory}}
	for _, name := range []string{
		abi.ExportInitialize, abi.ExportABI, abi.ExportAlloc, abi.ExportOpen, abi.ExportOpenEarly, abi.ExportNeeded, abi.ExportComplete, abi.ExportManifest,
		abi.ExportFollow, abi.ExportItems, abi.ExportRecommend, abi.ExportResult, abi.ExportResultLen,
	} {
		want = append(want, seal.Export{Name: name, Kind: seal.KindFunction})
	}
	byName := func(a, b seal.Export) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(want, byName)
	got := slices.SortedFunc(slices.Values(info.Exports), byName)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the exports are not those of package abi (-abi +module):\n%s", diff)
	}
}

func TestPackages(t *testing.T) {
	list := exec.Command("go", "run", "./build", "-deps")
	list.Stderr = os.Stderr
	text, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(text))
	slices.Sort(packages)
	golden(t, "packages.txt", packages)
}

func TestSize(t *testing.T) {
	module := built(t)
	raw, packed := len(module), brotli(t, module)
	t.Logf("%d bytes, %d in brotli", raw, packed)
	if packed > maxBrotli {
		t.Errorf("got %d bytes in brotli, want %d or less", packed, maxBrotli)
	}
	if *update {
		golden(t, "size.txt", []string{fmt.Sprintf("raw %d", raw), fmt.Sprintf("brotli %d", packed)})
		return
	}
	text, err := os.ReadFile("testdata/size.txt")
	if err != nil {
		t.Fatal(err)
	}
	var wantRaw, wantPacked int
	if _, err := fmt.Sscanf(string(text), "raw %d\nbrotli %d\n", &wantRaw, &wantPacked); err != nil {
		t.Fatalf("testdata/size.txt: %q: %v", text, err)
	}
	for _, size := range []struct {
		name      string
		got, want int
	}{{"raw", raw, wantRaw}, {"brotli", packed, wantPacked}} {
		// Within 1 %: smaller changes need no one's attention.
		if diff := size.got - size.want; max(diff, -diff)*100 > size.want {
			t.Errorf("%s: got %d bytes, testdata/size.txt says %d; if it is right, rewrite it with -update", size.name, size.got, size.want)
		}
	}
}

// brotli returns the length of data after brotli at its best, quality 11.
func brotli(t *testing.T, data []byte) int {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("without Node, whose brotli measures: %v", err)
	}
	const script = `console.log(require("zlib").brotliCompressSync(require("fs").readFileSync(0)).length)` // quality 11 is the default
	node := exec.Command("node", "-e", script)
	node.Stdin = bytes.NewReader(data)
	node.Stderr = os.Stderr
	text, err := node.Output()
	if err != nil {
		t.Fatal(err)
	}
	length, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return length
}

// TestBuildIsReproducible builds two copies of the source from nothing, in
// folders of different names and under different environments.
func TestBuildIsReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles what the guest links twice over, from empty caches")
	}
	builder := filepath.Join(t.TempDir(), "build")
	if text, err := exec.Command("go", "build", "-o", builder, "./build").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var modules [2][]byte
	for i, env := range [][]string{
		{"TZ=UTC", "LANG=C", "GOFLAGS=", "GOEXPERIMENT=simd"},
		{"TZ=Asia/Tokyo", "LANG=de_DE.UTF-8", "GOFLAGS=-tags=other -trimpath=false", "GOEXPERIMENT=", "GOAMD64=v3", "GOOS=linux", "CGO_ENABLED=1"},
	} {
		source := filepath.Join(t.TempDir(), strings.Repeat("longer", i), "source")
		copySource(t, source)
		cmd := exec.Command(builder, "-o", "built.wasm")
		cmd.Dir = source
		cmd.Env = append(os.Environ(), append(env, "GOCACHE="+t.TempDir())...)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		data, err := os.ReadFile(filepath.Join(source, "built.wasm"))
		if err != nil {
			t.Fatal(err)
		}
		modules[i] = data
	}
	for i, module := range modules {
		if !bytes.Equal(module, built(t)) {
			t.Errorf("copy %d gave other bytes than this checkout", i)
		}
	}
}

// copySource copies what git has, or would have, of this checkout.
func copySource(t *testing.T, to string) {
	t.Helper()
	ls := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	ls.Dir = ".."
	names, err := ls.Output()
	if err != nil {
		t.Skipf("without git, which knows what the source is: %v", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(names), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join("..", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and git not told yet
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
