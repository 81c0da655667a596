package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/nearside/nearside/wasm/abi"
)

// Engine is what computes answers.
type Engine string

// The engines.
const (
	Native      Engine = "native"      // the core in this process
	Compiler    Engine = "compiler"    // the module, compiled by wazero
	V8          Engine = "v8"          // the module in Node
	Interpreter Engine = "interpreter" // the module, interpreted by wazero: slow
)

// Engines lists them, in the order in which they are compared: those that
// answer all requests first.
var Engines = []Engine{Native, Compiler, V8, Interpreter}

// engine answers n requests of a subject with a hash for each, see answerHash.
// version is what ran. Errors that wrap errNoEngine mean that it is not there.
type engine struct {
	name   Engine
	part   int // it gets one in so many of the requests: the first of them
	answer func(ctx context.Context, s *subject, n int) (hashes [][32]byte, version string, err error)
}

// interpreterPart: an answer of a pool with a net over 3,650 items takes the
// interpreter 340 ms and the compiler 3.
const interpreterPart = 20

// leastRequests is what even a slow engine gets, when there are so many.
const leastRequests = 50

// share returns how many of n requests the engine gets.
func (e engine) share(n int) int { return min(n, max(leastRequests, n/e.part)) }

var errNoEngine = errors.New("not on this machine")

func chosenEngines(names []string) ([]engine, error) {
	all := map[Engine]engine{
		Native:      {Native, 1, answerNative},
		Compiler:    {Compiler, 1, answerCompiler},
		Interpreter: {Interpreter, interpreterPart, answerInterpreter},
		V8:          {V8, 1, answerV8},
	}
	for _, name := range names {
		if !slices.Contains(Engines, Engine(name)) {
			return nil, &OptionError{"engines", name, "some of " + listed(Engines)}
		}
	}
	var list []engine
	for _, e := range Engines {
		if len(names) == 0 || slices.Contains(names, string(e)) {
			list = append(list, all[e])
		}
	}
	return list, nil
}

// answerHash is SHA-256 of a byte that is 0 for an answer and 1 for a refusal,
// and of what the engine said.
func answerHash(ok bool, said []byte) (sum [32]byte) {
	h := sha256.New()
	if ok {
		h.Write([]byte{0})
	} else {
		h.Write([]byte{1})
	}
	h.Write(said)
	h.Sum(sum[:0])
	return sum
}

func answerNative(ctx context.Context, s *subject, n int) (hashes [][32]byte, version string, err error) {
	r := s.native()
	var doc []byte
	for i := range n {
		answer, err := r.Respond(doc[:0], s.request(i))
		if err == nil {
			doc = answer
		} else {
			answer = []byte(err.Error())
		}
		hashes = append(hashes, answerHash(err == nil, answer))
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
	}
	return hashes, "this program", nil
}

func answerCompiler(ctx context.Context, s *subject, n int) ([][32]byte, string, error) {
	return s.answerOn(ctx, Compiler, n)
}

func answerInterpreter(ctx context.Context, s *subject, n int) ([][32]byte, string, error) {
	return s.answerOn(ctx, Interpreter, n)
}

// answerOn asks an instance of the module on one of wazero's engines.
func (s *subject) answerOn(ctx context.Context, e Engine, n int) (hashes [][32]byte, version string, err error) {
	i, err := s.startOn(ctx, e)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, i.close(ctx)) }()
	if err := s.openOn(ctx, i); err != nil {
		return nil, "", err
	}
	for k := range n {
		status, said, err := i.recommend(ctx, s.request(k))
		if err != nil {
			return nil, "", fmt.Errorf("request %d: %w", k, err)
		}
		hashes = append(hashes, answerHash(status == abi.StatusOK, said))
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
	}
	return hashes, "wazero " + versionOf("github.com/tetratelabs/wazero"), nil
}

// versionOf returns the version of a module that this program was built with.
func versionOf(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == path {
				return dep.Version
			}
		}
	}
	return "of unknown version"
}

//go:embed v8.mjs
var v8Script []byte

// answerV8 lets Node run the module. What it reads lies in a folder of its own.
func answerV8(ctx context.Context, s *subject, n int) (hashes [][32]byte, version string, err error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, "", fmt.Errorf("%w: no command node, which has V8", errNoEngine)
	}
	dir, err := s.temporary()
	if err != nil {
		return nil, "", err
	}
	var requests bytes.Buffer
	for i := range n {
		doc := s.request(i)
		requests.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(doc))))
		requests.Write(doc)
	}
	for name, data := range map[string][]byte{
		"v8.mjs": v8Script, "module": s.module, "root": s.opt.Root, "bundle": s.opt.Bundle, "requests": requests.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, "", err
		}
	}
	cmd := exec.CommandContext(ctx, node, "v8.mjs", strconv.FormatInt(s.at, 10))
	cmd.Dir, cmd.Env = dir, []string{} // no NODE_OPTIONS of anybody's
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, "", fmt.Errorf("node: %w: %s", err, lastLine(problems.Bytes()))
	}
	version, text, _ := strings.Cut(string(out), "\n")
	all, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(all) != 32*n {
		return nil, "", fmt.Errorf("node printed %d bytes, want the hashes of %d answers", len(out), n)
	}
	hashes = make([][32]byte, n)
	for i := range hashes {
		copy(hashes[i][:], all[32*i:])
	}
	return hashes, version, nil
}

// lastLine returns the last line of a text that is not empty.
func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
