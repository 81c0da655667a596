package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const house = "github.com/nearside/nearside/"

// coreRooms are the rooms below the wall, in order: each may import those
// before it.
var coreRooms = []string{"wire", "profile", "quant", "digest", "tlog", "trust", "bundle", "score", "slate"}

// coreStd is all of the standard library that the core imports. What is
// missing on purpose: fmt and reflect (size), os, net, time and math/rand
// (the core is handed everything it knows).
var coreStd = []string{"bytes", "crypto/ed25519", "crypto/mldsa", "crypto/sha256", "encoding/binary", "errors", "math", "math/bits", "strconv", "unicode/utf8"}

// A listed package is what go list says of it; test files do not count.
type listed struct {
	ImportPath    string
	Imports, Deps []string
}

// TestWhoImportsWhom holds the table of import rules in README.md.
func TestWhoImportsWhom(t *testing.T) {
	packages := list(t, nil, "./...")
	packages = append(packages, list(t, []string{"GOOS=wasip1", "GOARCH=wasm"}, "./wasm/guest", "./model/core/...")...)
	seen := map[string]bool{}
	for _, p := range packages {
		place := strings.TrimPrefix(p.ImportPath, house)
		seen[place] = true
		for _, imported := range p.Imports {
			if why := refused(place, imported); why != "" {
				t.Errorf("%s imports %s: %s", place, imported, why)
			}
		}
		if !in(place, "host") {
			continue
		}
		for _, dep := range p.Deps {
			if in(strings.TrimPrefix(dep, house), "model/train", "model/tune", "model/pack", "model/eval", "model/data") {
				t.Errorf("%s depends on %s: it must not learn, search, pack or judge", place, dep)
			}
		}
	}
	for _, room := range coreRooms {
		if !seen["model/core/"+room] {
			t.Errorf("model/core/%s: not found, but the table has it", room)
		}
	}
}

// refused says why the package at place must not import a package, or "".
func refused(place, imported string) string {
	inside, ours := strings.CutPrefix(imported, house)
	if in(inside, "cmd") && ours {
		return "nobody imports a command"
	}
	switch {
	case in(place, "model/core"):
		return refusedInCore(strings.TrimPrefix(place, "model/core/"), imported)
	case in(place, "model") && ours && in(inside, "wasm", "host", "web"):
		return "the model knows nothing of what runs it"
	case place == "model/tune" && ours && inside != "model/train":
		return "tune knows the space of a model; what a score is made of is handed to it"
	case place == "model/publish" && ours && !in(inside, "model/core", "model/pack", "model/publish"):
		return "publish puts up what others have packed and signed"
	case place == "wasm/abi":
		return "abi imports nothing"
	case place == "wasm/guest" && !(ours && in(inside, "model/core", "wasm/abi") || slices.Contains([]string{"errors", "runtime", "unsafe"}, imported)):
		return "the guest decodes, calls the core, encodes and collects"
	case place == "host" && ours && !in(inside, "model/core", "model/publish/patch", "wasm", "wasm/abi"):
		return "host runs the module, knows core's types and applies patches"
	case place == "host" && inside == "model/core/score":
		return "the module scores, not its host"
	case place == "host/audit" && ours && !in(inside, "host", "model/core", "wasm"):
		return "an audit looks at bundles and modules with core's types"
	case place == "wasm/seal" && ours:
		return "seal knows WebAssembly and Go's linker, and nothing of nearside"
	case !in(place, "host", "wasm/seal") && strings.HasPrefix(imported, "github.com/tetratelabs/wazero"):
		return "host runs the module; seal starts it once, to write down what that leaves"
	case in(place, "model") && place != "model/pack" && strings.HasPrefix(imported, "github.com/vmihailenco/msgpack"):
		return "the msgpack library writes bundles and reads nothing"
	case in(place, "model") && place != "model/publish/translog" && (strings.HasPrefix(imported, "golang.org/x/mod") || strings.HasPrefix(imported, "github.com/transparency-dev")):
		return "translog keeps logs; who verifies is core/tlog, with nobody's help"
	case !in(place, "cmd") && strings.HasPrefix(imported, "gocloud.dev"):
		return "what clients of buckets bring with them stays in the command"
	case place == "web" && ours:
		return "web serves files"
	}
	return ""
}

func refusedInCore(room, imported string) string {
	at := slices.Index(coreRooms, room)
	if at < 0 {
		return "a room that the table does not have"
	}
	if inside, ok := strings.CutPrefix(imported, house+"model/core/"); ok {
		if before := slices.Index(coreRooms, inside); before < 0 || before >= at {
			return "only the rooms before it: " + strings.Join(coreRooms[:at], ", ")
		}
		return ""
	}
	switch {
	case slices.Contains(coreStd, imported):
		return ""
	case room == "quant" && (imported == "simd/archsimd" || imported == "unsafe"), room == "wire" && imported == "unsafe":
		return ""
	}
	return "not on the core's list"
}

// in says whether path is one of the folders, or below one.
func in(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return path == f || strings.HasPrefix(path, f+"/")
	})
}

func list(t *testing.T, env []string, patterns ...string) (packages []listed) {
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, patterns...)...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), env...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", patterns, err, &problems)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := d.Decode(&p); err {
		case nil:
			packages = append(packages, p)
		case io.EOF:
			return packages
		default:
			t.Fatal(err)
		}
	}
}

// TestRefusedNamesWhatTheTableForbids keeps the rules from passing everything.
func TestRefusedNamesWhatTheTableForbids(t *testing.T) {
	for _, c := range []struct{ place, imported string }{
		{"model/core/slate", "fmt"},
		{"model/core/score", "math/rand"},
		{"model/core/wire", house + "model/core/bundle"},
		{"model/core/bundle", "github.com/cloudflare/circl/sign/ed25519"},
		{"model/core/report", "math"},
		{"model/train", house + "host"},
		{"model/train", "github.com/vmihailenco/msgpack/v5"},
		{"model/eval", house + "cmd/nearside"},
		{"model/tune", house + "model/eval"},
		{"model/core/tlog", "golang.org/x/mod/sumdb/note"},
		{"model/pack", "github.com/transparency-dev/merkle"},
		{"model/publish", house + "model/train"},
		{"model/publish", "gocloud.dev/blob"},
		{"wasm/guest", "fmt"},
		{"wasm/abi", "errors"},
		{"host", house + "model/pack"},
		{"host", house + "model/core/score"},
		{"host/audit", house + "model/pack"},
		{"host/audit", house + "web"},
		{"web", house + "host"},
		{"wasm/seal", house + "wasm/abi"},
		{"wasm/build", "github.com/tetratelabs/wazero"},
	} {
		if refused(c.place, c.imported) == "" {
			t.Errorf("%s may import %s", c.place, c.imported)
		}
	}
	for _, c := range []struct{ place, imported string }{
		{"model/core/bundle", "crypto/mldsa"},
		{"model/core/score", house + "model/core/quant"},
		{"model/pack", "github.com/vmihailenco/msgpack/v5"},
		{"model/tune", house + "model/train"},
		{"model/publish/translog", "golang.org/x/mod/sumdb/tlog"},
		{"host", house + "model/core/slate"},
		{"host", house + "model/publish/patch"},
		{"host/audit", house + "model/core/score"},
		{"host/audit", house + "wasm/seal"},
		{"host/audit", "github.com/tetratelabs/wazero"},
		{"wasm/seal", "github.com/tetratelabs/wazero"},
	} {
		if why := refused(c.place, c.imported); why != "" {
			t.Errorf("%s may not import %s: %s", c.place, c.imported, why)
		}
	}
}
