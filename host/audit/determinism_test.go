package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/nearside/nearside/wasm"
)

func TestEnginesAgree(t *testing.T) {
	for name, w := range map[string]world{"ials": ials, "pooled": pooled} {
		opt := w.options(t)
		opt.Scores = 60
		if _, err := exec.LookPath("node"); err != nil {
			t.Log("without Node, which has V8:", err)
			opt.Engines = []string{"native", "compiler", "interpreter"}
		}
		f := subjectOf(t, opt).want(t, "A14", Pass, "")
		digests := map[string]bool{}
		for _, e := range []Engine{Native, Compiler} {
			digest, _, _ := strings.Cut(f.value(string(e)), ",")
			digests[digest] = true
		}
		if len(digests) != 1 || digests[""] {
			t.Errorf("%s: got the digests %v, want one", name, digests)
		}
	}
}

// said is an engine that answers with these hashes.
func said(name Engine, hashes ...byte) engine {
	return engine{name, 1, func(context.Context, *subject, int) ([][32]byte, string, error) {
		list := make([][32]byte, len(hashes))
		for i, h := range hashes {
			list[i][0] = h
		}
		return list, "made up", nil
	}}
}

func TestAnEngineThatDiffersIsFound(t *testing.T) {
	s := subjectOf(t, popular.options(t))
	absent := engine{V8, 1, func(context.Context, *subject, int) ([][32]byte, string, error) {
		return nil, "", fmt.Errorf("%w: gone", errNoEngine)
	}}
	broken := engine{Compiler, 1, func(context.Context, *subject, int) ([][32]byte, string, error) {
		return nil, "", fmt.Errorf("request 2 traps")
	}}
	for _, c := range []struct {
		name    string
		engines []engine
		want    Verdict
		words   string
	}{
		{"alike", []engine{said(Native, 1, 2, 3), said(Compiler, 1, 2, 3), said(Interpreter, 1, 2)}, Pass, ""},
		{"one differs", []engine{said(Native, 1, 2, 3), said(Compiler, 1, 9, 3)}, Fail, "request 1: native and compiler"},
		{"the slow one differs", []engine{said(Native, 1, 2, 3), said(Interpreter, 1, 3)}, Fail, "request 1: native and interpreter"},
		{"one is not there", []engine{said(Native, 1), absent, said(Interpreter, 1)}, NotRun, "v8: not on this machine: gone"},
		{"one is not there and one differs", []engine{said(Native, 1), absent, said(Interpreter, 2)}, Fail, "request 0: native and interpreter"},
		{"one breaks", []engine{said(Native, 1), broken}, Fail, "compiler: request 2 traps"},
		{"alone", []engine{said(Native, 1)}, NotRun, "one engine alone"},
	} {
		s.engines = c.engines
		t.Run(c.name, func(t *testing.T) { s.want(t, "A14", c.want, c.words) })
	}
}

// TestAModuleThatComputesOtherwiseIsFound changes the table of half-lives in
// the module's data: 2^(-1/64) becomes 1.
func TestAModuleThatComputesOtherwiseIsFound(t *testing.T) {
	module, err := wasm.Module()
	if err != nil {
		t.Fatal(err)
	}
	table := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 65536), 64830)
	if n := bytes.Count(module, table); n != 1 {
		t.Fatalf("the table of half-lives is %d times in the module", n)
	}
	opt := ials.options(t)
	opt.Engines = []string{"native", "compiler"}
	opt.Module = bytes.Replace(module, table, binary.LittleEndian.AppendUint32(table[:4:4], 65536), 1)
	s := subjectOf(t, opt)
	s.want(t, "A14", Fail, "")
}
