package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nearside/nearside/"

// pkg is what go list says of one package.
type pkg struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T, env []string, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(cmd.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// coreRooms stand in the order in which they may import each other: only what
// is to the left.
var coreRooms = []string{"wire", "profile", "quant", "bundle", "score", "slate"}

// coreStd is the small part of the standard library that ships to people.
var coreStd = []string{
	"bytes", "crypto/sha256", "encoding/binary", "errors", "math", "simd/archsimd", "strconv", "unicode/utf8", "unsafe",
}

// TestWhoMayImportWhom is the table of README's "Map of the house".
func TestWhoMayImportWhom(t *testing.T) {
	packages := listPackages(t, nil, "./...")
	packages = append(packages, listPackages(t, []string{"GOOS=wasip1", "GOARCH=wasm"}, "./wasm/guest", "./model/core/...")...)
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, imp := range p.Imports {
			if why := forbidden(name, imp); why != "" {
				t.Errorf("%s imports %s: %s", name, imp, why)
			}
		}
	}
}

// forbidden says why the package name may not import imp, or "".
func forbidden(name, imp string) string {
	own, isOwn := strings.CutPrefix(imp, module)
	if own == "cmd/nearside" {
		return "nobody imports the command"
	}
	within := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	ownIn := func(prefixes ...string) bool {
		return isOwn && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(own+"/", p) })
	}
	switch {
	case within("model/core/"):
		room := slices.Index(coreRooms, strings.TrimPrefix(name, "model/core/"))
		switch {
		case room < 0:
			return "a room of core without a place in the order"
		case isOwn:
			if from := slices.Index(coreRooms, strings.TrimPrefix(own, "model/core/")); from < 0 || from >= room {
				return "core imports only the rooms to its left: " + strings.Join(coreRooms, ", ")
			}
		case strings.HasPrefix(imp, "github.com/cloudflare/circl/"):
			if name != "model/core/bundle" {
				return "circl is for bundle/verify.go alone"
			}
		case imp == "simd/archsimd" && name != "model/core/quant":
			return "SIMD is for quant alone"
		case !slices.Contains(coreStd, imp):
			return "not among what ships to people"
		}
	case name == "wasm/guest":
		if isOwn && !ownIn("model/core/", "wasm/abi/") {
			return "the guest imports core and abi"
		}
	case name == "wasm/abi":
		return "abi imports nothing"
	case within("host"):
		if ownIn("model/data/", "model/train/", "model/pack/", "model/eval/", "model/modeltest/", "web/") {
			return "the host knows the module, not how models are made"
		}
	case within("model/"):
		if ownIn("wasm/", "host/", "web/") {
			return "models do not know who runs them"
		}
		if strings.HasPrefix(imp, "github.com/vmihailenco/msgpack") && name != "model/pack" {
			return "the msgpack library is for pack alone"
		}
	}
	return ""
}
