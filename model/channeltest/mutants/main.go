// Command mutants changes each check of the verifier in turn and runs the tests
// that should miss it. It exits with 1 when they do not: then a check could be
// lost without anyone noticing.
//
//	go run ./model/channeltest/mutants            # from the top of the repository
//	go run ./model/channeltest/mutants -only 17   # one of them, with what the tests say
//	go run ./model/channeltest/mutants -list
//
// Of the 585 mutants of November 2026 none survived; on one core of two that
// were busy it took 25 minutes.
//
// All mutants are compiled at once, each behind a switch, and the tests run once
// for each switch. The sources stay as they are: the compiler is given others.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// targets are the files with the verifier, and functions in them that do not
// decide anything. Names are those of Go: a method is Type.Name.
var targets = []struct {
	file string
	skip string // functions, with spaces between them
}{
	{"model/core/trust/envelope.go", ""},
	{"model/core/trust/head.go", "LogEntry Release.append"},
	{"model/core/trust/root.go", ""},
	{"model/core/trust/state.go", "State.Append"},
	{"model/core/trust/verify.go", ""},
	{"model/core/bundle/follow.go", "hex frameOf AppendFollow Step.Append ParseStep readStepPatch readStepRelease"},
	{"model/core/digest/digest.go", ""},
	{"model/core/bundle/bundle.go", "Bundle.index Bundle.Lookup Bundle.Published Bundle.Tag Bundle.EachTags Bundle.Tags hashID"},
}

// suites are the tests, in the order in which they are asked: those first that
// are quick, and those last that none should need.
var suites = []struct{ folder, run string }{
	{"model/core/digest", "."},
	{"model/core/trust", "^Test"},
	{"model/core/bundle", "Key|Name|Version|Part|Channel|Longest|Requests"},
	{"model/pack", "^TestAttacks$"},
	{"model/pack", "Need|CompleteRefuses|Behind|Expiry|Nonsense|Follows|Releases|Rotation|WhatMay|Missing|Truncation"},
	{"model/core/trust", "^Fuzz"},
	{"model/core/bundle", "."},
	{"model/pack", "Every|Early|Contradictions|Edges"},
}

// slowest is how long a suite may take. A mutant that does not end is missed.
const slowest = 3 * time.Minute

// Switch is the environment's variable that turns a mutant on.
const Switch = "NEARSIDE_MUTANT"

func main() {
	list := flag.Bool("list", false, "say what the mutants are, and run nothing")
	only := flag.Int("only", 0, "run this one, and print what the tests say")
	from := flag.Int("from", 1, "begin with this one")
	flag.Parse()
	survivors, err := run(*list, *only, *from)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if survivors > 0 {
		os.Exit(1)
	}
}

func run(list bool, only, from int) (survivors int, err error) {
	dir, err := os.MkdirTemp("", "nearside-mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	mutants, overlay, err := mutate(dir)
	if err != nil {
		return 0, err
	}
	mutants = mutants[min(max(from, 1)-1, len(mutants)):]
	if list {
		for _, m := range mutants {
			fmt.Println(m)
		}
		return 0, nil
	}
	binaries, err := compile(dir, overlay)
	if err != nil {
		return 0, err
	}
	if only > 0 {
		return 0, show(mutants, binaries, only)
	}
	if by, text := missedBy(binaries, 0); by != "" {
		return 0, fmt.Errorf("without any mutant %s fails:\n%s", by, text)
	}
	start := time.Now()
	var wg sync.WaitGroup
	next, lives := make(chan mutant), make(chan mutant)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for m := range next {
				if by, _ := missedBy(binaries, m.number); by == "" {
					lives <- m
				}
			}
		})
	}
	go func() {
		for _, m := range mutants {
			next <- m
		}
		close(next)
		wg.Wait()
		close(lives)
	}()
	for m := range lives {
		survivors++
		fmt.Println("SURVIVES", m)
	}
	fmt.Printf("%d mutants, %d killed, %d survive; %v\n", len(mutants), len(mutants)-survivors, survivors, time.Since(start).Round(time.Second))
	return survivors, nil
}

// mutate writes the changed files into dir, and returns which file stands for
// which.
func mutate(dir string) (mutants []mutant, overlay map[string]string, err error) {
	overlay = map[string]string{}
	for i, t := range targets {
		source, err := os.ReadFile(t.file)
		if err != nil {
			return nil, nil, fmt.Errorf("run me from the top of the repository: %w", err)
		}
		m := &mutator{file: t.file, source: source, next: len(mutants) + 1, skip: strings.Fields(t.skip)}
		changed, err := m.rewrite()
		if err != nil {
			return nil, nil, err
		}
		mutants = append(mutants, m.mutants...)
		path := filepath.Join(dir, strconv.Itoa(i)+".go")
		if err := os.WriteFile(path, changed, 0o666); err != nil {
			return nil, nil, err
		}
		overlay[t.file] = path
		folder := filepath.Dir(t.file)
		path = filepath.Join(dir, filepath.Base(folder)+"_switch.go")
		if err := os.WriteFile(path, fmt.Appendf(nil, switchFile, filepath.Base(folder), Switch), 0o666); err != nil {
			return nil, nil, err
		}
		overlay[filepath.Join(folder, "mutant_switch.go")] = path
	}
	return mutants, overlay, nil
}

const switchFile = `package %s

import (
	"os"
	"strconv"
)

var mutantNumber, _ = strconv.Atoi(os.Getenv(%q))

func mutant(number int) bool { return number == mutantNumber }
`

// compile builds the tests of all suites with the changed files.
func compile(dir string, overlay map[string]string) (binaries []string, err error) {
	top, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	replace := map[string]string{}
	for file, by := range overlay {
		replace[filepath.Join(top, file)] = by
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, b, 0o666); err != nil {
		return nil, err
	}
	for _, s := range suites {
		binary := filepath.Join(dir, strings.ReplaceAll(s.folder, "/", "-")+".test")
		binaries = append(binaries, binary)
		if _, err := os.Stat(binary); err == nil {
			continue
		}
		if text, err := exec.Command("go", "test", "-c", "-overlay", path, "-o", binary, "./"+s.folder).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s does not compile: %w\n%s", s.folder, err, text)
		}
	}
	return binaries, nil
}

// missedBy runs the suites with a mutant, and returns the first that fails.
func missedBy(binaries []string, number int) (suite, text string) {
	for i, s := range suites {
		if text, failed := try(binaries[i], s.folder, s.run, number); failed {
			return s.folder, text
		}
	}
	return "", ""
}

func try(binary, folder, run string, number int) (text string, failed bool) {
	ctx, cancel := context.WithTimeout(context.Background(), slowest)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.short", "-test.failfast", "-test.run", run)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), Switch+"="+strconv.Itoa(number), "GOMAXPROCS=1", "NEARSIDE_NIGHTLY=")
	out, err := cmd.CombinedOutput()
	return string(out), err != nil
}

func show(mutants []mutant, binaries []string, only int) error {
	for _, m := range mutants {
		if m.number == only {
			fmt.Println(m)
		}
	}
	suite, text := missedBy(binaries, only)
	fmt.Printf("missed by %q\n%s", suite, text)
	return nil
}
