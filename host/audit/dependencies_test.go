package audit

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nearside/nearside/wasm"
)

func TestTheModuleSaysWhatItIsMadeOf(t *testing.T) {
	f := subjectOf(t, popular.options(t)).want(t, "A24", Pass, "")
	if f.value("package") != "github.com/nearside/nearside/wasm/guest" || f.value("modules linked") != "0 besides its own" {
		t.Errorf("got\n%s", f.text())
	}
	if !strings.HasPrefix(f.value("Go"), "go1.27") {
		t.Errorf("got Go %q", f.value("Go"))
	}
}

// linked is a module that says that it was built with these lines.
func linked(lines ...string) []byte {
	text := "path\texample.org/guest\nmod\texample.org/guest\t(devel)\t\n" + strings.Join(lines, "")
	return bytes.Join([][]byte{[]byte("\x00asm go1.27.0 "), infoStart, []byte(text), infoEnd}, nil)
}

func TestKnownHolesAreFound(t *testing.T) {
	real, err := wasm.Module()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		module []byte
		want   Verdict
		words  string
	}{
		{"a new circl", linked("dep\tgithub.com/cloudflare/circl\tv1.6.5\th1:x\n"), Pass, ""},
		{"a newer one", linked("dep\tgithub.com/cloudflare/circl\tv1.10.0\th1:x\n"), Pass, ""},
		{"an old circl", linked("dep\tgithub.com/cloudflare/circl\tv1.6.4\th1:x\n"), Fail, "circl v1.6.4: before v1.6.5"},
		{"one before the new one", linked("dep\tgithub.com/cloudflare/circl\tv1.6.5-0.20260101000000-abcdef\th1:x\n"), Fail, "before v1.6.5"},
		{"msgpack", linked("dep\tgithub.com/vmihailenco/msgpack/v5\tv5.4.1\th1:x\n"), Fail, "msgpack/v5 v5.4.1: five bytes"},
		{"msgpack that it does not speak of", append(linked(), "github.com/vmihailenco/msgpack/v5.(*Decoder).Decode"...), Fail, "in no version that it says"},
		{"a function of an old circl in the real one", append(bytes.Clone(real), "github.com/cloudflare/circl/sign.Verify"...), Fail, "in no version that it says"},
		{"nothing said", []byte("\x00asm"), NotRun, "does not say what it was built from"},
		{"half of it said", append([]byte("\x00asm"), infoStart...), NotRun, "does not say what it was built from"},
	} {
		opt := popular.options(t)
		opt.Module = c.module
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A24", c.want, c.words) })
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		version string
		want    bool
	}{
		{"v1.6.4", true}, {"v1.5.9", true}, {"v0.9.9", true}, {"v1.6", true}, {"v1.6.5-rc.1", true}, {"", true}, {"devel", true},
		{"v1.6.5", false}, {"v1.6.10", false}, {"v1.7.0", false}, {"v2.0.0", false},
	} {
		if got := older(c.version, "v1.6.5"); got != c.want {
			t.Errorf("%q: got %v, want %v", c.version, got, c.want)
		}
	}
}

// TestImportsOfTheSource: what go list says of it.
func TestImportsOfTheSource(t *testing.T) {
	files := map[string]string{
		"go.mod":             goMod + "\nrequire github.com/vmihailenco/msgpack/v5 v5.4.1\n\nreplace github.com/vmihailenco/msgpack/v5 => ./msgpack\n",
		"msgpack/go.mod":     "module github.com/vmihailenco/msgpack/v5\n\ngo 1.27\n",
		"msgpack/msgpack.go": "package msgpack\n",
		"wasm/build/main.go": tinyGuest,
		"wasm/guest/main.go": "package main\n\nimport _ \"github.com/vmihailenco/msgpack/v5\"\n\nfunc main() {}\n",
	}
	opt := popular.options(t)
	opt.Source = sourceOf(t, files)
	subjectOf(t, opt).fastGo(t).want(t, "A24", Fail, "msgpack/v5 v5.4.1: five bytes")

	files["wasm/guest/main.go"] = tinyGuest
	opt.Source = sourceOf(t, files)
	if f := subjectOf(t, opt).fastGo(t).want(t, "A24", Pass, ""); f.value("imports of the source") != "0 modules besides its own" {
		t.Errorf("got\n%s", f.text())
	}
}
