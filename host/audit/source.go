package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// source is a copy of the folder that the module is said to be made of.
type source struct {
	dir       string
	cache     string // of the go command: nothing of an earlier build is believed
	files     int
	digest    string // SHA-256 of a list of all files with theirs
	toolchain string // that go.mod pins
}

// maxSource bounds a copy: the source has 10 MB.
const maxSource = 1 << 30

// theSource copies the source, once. An error says why nothing can be said of it.
func (s *subject) theSource(ctx context.Context) (*source, error) {
	if s.opt.Source == "" {
		return nil, errors.New("no source was given")
	}
	if _, err := exec.LookPath("go"); err != nil {
		return nil, errors.New("no command go, which builds")
	}
	if s.source == nil && s.sourceErr == nil {
		s.source, s.sourceErr = s.prepare(ctx)
	}
	return s.source, s.sourceErr
}

func (s *subject) prepare(ctx context.Context) (*source, error) {
	dir, err := s.temporary()
	if err != nil {
		return nil, err
	}
	src := &source{dir: filepath.Join(dir, "source"), cache: s.goCache}
	if src.cache == "" {
		src.cache = filepath.Join(dir, "cache")
	}
	if err := src.copy(s.opt.Source); err != nil {
		return nil, fmt.Errorf("copying the source: %w", err)
	}
	mod, err := os.ReadFile(filepath.Join(src.dir, "go.mod"))
	if err != nil {
		return nil, errors.New("the source has no go.mod")
	}
	pinned := regexp.MustCompile(`(?m)^toolchain (go[0-9a-z.]+)$`).FindSubmatch(mod)
	if pinned == nil {
		return nil, errors.New("go.mod pins no toolchain")
	}
	src.toolchain = string(pinned[1])
	if out, err := src.run(ctx, "version"); err != nil || !strings.Contains(string(out), " "+src.toolchain+" ") {
		return nil, fmt.Errorf("the toolchain %s cannot be had: %w", src.toolchain, errors.Join(err, errors.New(lastLine(out))))
	}
	if _, err := src.run(ctx, "list", "-deps", "./wasm/build", "./wasm/guest"); err != nil {
		return nil, fmt.Errorf("what the source imports cannot be had: %w", err)
	}
	return src, nil
}

// run runs the go command in the copy, under the toolchain that it pins and
// with nothing of the user's that could change what comes out.
func (src *source) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = src.dir
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+src.toolchain, "GOCACHE="+src.cache, "GOFLAGS=-mod=readonly",
		"GOWORK=off", "GOEXPERIMENT=", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if len(args) > 0 && args[0] == "list" {
		cmd.Env = append(cmd.Env, "GOOS=wasip1", "GOARCH=wasm", "GOEXPERIMENT=simd", "CGO_ENABLED=0") // as the guest is built
	}
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("go %s: %w: %s", args[0], err, lastLine(problems.Bytes()))
	}
	return out, err
}

// leftOut are folders that are not source, and the module that is not to be
// found in the copy.
var leftOut = []string{".git", ".cache", "bin", filepath.Join("wasm", "bin", "nearside.wasm")}

// copy copies the regular files of a folder.
func (src *source) copy(from string) error {
	var lines []string
	total := int64(0)
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(src.dir, name)
		switch {
		case slices.Contains(leftOut, name) || e.Name() == "node_modules":
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case e.IsDir():
			return os.MkdirAll(to, 0o755)
		case !e.Type().IsRegular():
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if total += info.Size(); total > maxSource {
			return fmt.Errorf("more than %d bytes: not a folder of source", maxSource)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		src.files++
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), filepath.ToSlash(name)))
		return os.WriteFile(to, data, 0o644)
	})
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	src.digest = hexHash([]byte(strings.Join(lines, "")))
	return err
}

// moduleFromSource (A07) builds the module anew and compares. It runs what the
// source has for building, which is code of whoever wrote it.
func moduleFromSource(ctx context.Context, s *subject, f *finding) {
	own := sha256.Sum256(s.module)
	f.note("module", "sha256 %x", own)
	switch named := s.manifest.Modules; {
	case len(named) == 0:
		f.note("named by the bundle", "no: it may run with any module")
	case slices.Contains(named, own):
		f.note("named by the bundle", "yes, as one of %d", len(named))
	default:
		f.fail("the bundle may not be run with this module")
	}
	src, err := s.theSource(ctx)
	if err != nil {
		f.notRun("%v", err)
		return
	}
	f.note("source", "%d files, sha256 %s", src.files, src.digest)
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(src.dir, name))
		if err == nil {
			f.note(name, "sha256 %s", hexHash(data))
		}
	}
	f.note("toolchain", "%s", src.toolchain)
	f.note("built with", "go run ./wasm/build, in a copy and from an empty cache")
	if _, err := src.run(ctx, "run", "./wasm/build", "-o", "built.wasm"); err != nil {
		f.fail("the source does not build: %v", err)
		return
	}
	built, err := os.ReadFile(filepath.Join(src.dir, "built.wasm"))
	if err != nil {
		f.fail("the source built nothing: %v", err)
		return
	}
	sum := sha256.Sum256(built)
	f.note("built", "sha256 %s", hex.EncodeToString(sum[:]))
	if sum != own {
		f.fail("the source gives another module, of %d bytes where this one has %d", len(built), len(s.module))
	}
}
