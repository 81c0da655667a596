// Build makes nearside.wasm: it compiles the guest, seals it, pre-initialises
// it, writes it and prints its path, length and SHA-256.
//
//	go run ./wasm/build [-o wasm/bin/nearside.wasm] [-plain]
//	go run ./wasm/build -deps
//
// With -plain it stops at the sealed module, whose instances start the Go
// runtime themselves: to compare with. With -deps it prints the packages that
// the guest links instead.
//
// The same source gives the same bytes in any folder, on any machine and under
// any environment: what the bytes depend on stands here or in go.mod. The
// guest is built nowhere else.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/nearside/nearside/wasm/seal"
)

const guest = "github.com/nearside/nearside/wasm/guest"

func main() {
	out := flag.String("o", filepath.Join("wasm", "bin", "nearside.wasm"), "`file` to write the module to")
	plain := flag.Bool("plain", false, "do not pre-initialise the module")
	deps := flag.Bool("deps", false, "print the packages that the guest links, and build nothing")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "wasm/build: error: argument %q: there are only flags\n", flag.Arg(0))
		os.Exit(2)
	}
	var err error
	if *deps {
		err = list()
	} else {
		err = build(*out, *plain)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "wasm/build: error: %v\n", err)
		os.Exit(1)
	}
}

// list prints the packages that the guest links, one a line.
func list() error {
	cmd, err := goCommand("list", "-deps", guest)
	if err != nil {
		return err
	}
	cmd.Stdout = os.Stdout
	return run(cmd)
}

// build writes the module to path: all of it or, on error, nothing.
func build(path string, plain bool) error {
	dir, err := os.MkdirTemp("", "nearside-wasm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	reactor := filepath.Join(dir, "reactor.wasm")
	// Why is nothing inlined in the runtime? It takes 43 KB off 709 KB of brotli, and
	// neither starts nor answers are slower: what is hot is not in there.
	cmd, err := goCommand("build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=",
		"-gcflags=runtime=-l", "-o", reactor, guest)
	if err != nil {
		return err
	}
	if err := run(cmd); err != nil {
		return err
	}
	module, err := os.ReadFile(reactor)
	if err != nil {
		return err
	}
	if module, err = seal.Seal(module); err != nil {
		return err
	}
	if !plain {
		if module, err = seal.Preinitialise(context.Background(), module); err != nil {
			return err
		}
	}
	if err := write(path, module); err != nil {
		return err
	}
	fmt.Printf("%s\n%d bytes\nsha256 %x\n", path, len(module), sha256.Sum256(module))
	return nil
}

// goCommand prepares a run of the go command for the guest, under the
// toolchain that go.mod names. A newer one would give other bytes.
func goCommand(args ...string) (*exec.Cmd, error) {
	edit := exec.Command("go", "mod", "edit", "-json")
	edit.Stderr = os.Stderr
	text, err := edit.Output()
	if err != nil {
		return nil, fmt.Errorf("reading go.mod: %w", err)
	}
	var mod struct{ Toolchain string }
	if err := json.Unmarshal(text, &mod); err != nil {
		return nil, fmt.Errorf("reading go.mod: %w", err)
	}
	if mod.Toolchain == "" {
		return nil, errors.New("go.mod names no toolchain, so the bytes would depend on who builds")
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(),
		"GOTOOLCHAIN="+mod.Toolchain,
		"GOOS=wasip1",
		"GOARCH=wasm",
		"CGO_ENABLED=0",
		"GOEXPERIMENT=simd",
		"GOFIPS140=off",
		"GOWORK=off",
		"GOFLAGS=-mod=readonly", // not empty: go would fall back to the user's "go env -w"
	)
	return cmd, nil
}

// run runs a go command. What it has to say goes to standard error.
func run(cmd *exec.Cmd) error {
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w", cmd.Args[1], err)
	}
	return nil
}

// write puts data at path in one step, so that nobody reads half a module.
func write(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".nearside-*.wasm")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails once it has its name, which is fine
	_, err = file.Write(data)
	if err := errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
