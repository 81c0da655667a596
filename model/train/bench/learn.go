package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// outcome is what a contender's process prints, as JSON.
type outcome struct {
	Wall   []float64 `json:"wall"` // seconds of each epoch
	CPU    []float64 `json:"cpu"`
	PeakMB int       `json:"peak_mb"`

	model imported // filled in by the one who started it
}

// factors is the file, in the world's folder, that a contender leaves: float32,
// items × dim.
const factors = "factors.bin"

// learnOurs starts this program once more.
func (b bench) learnOurs(w *world, p train.Params) (outcome, error) {
	self, err := os.Executable()
	if err != nil {
		return outcome{}, err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return outcome{}, err
	}
	o, err := run(exec.Command(self, "-learn", w.folder, "-params", string(text), "-threads", itoa(b.threads)))
	if err != nil {
		return outcome{}, err
	}
	o.model, err = w.imported(int(p["dim"]), train.Params{"alpha": p["alpha"], "reg": p["reg"], "exponent": 1, "unobserved": 1})
	return o, err
}

//go:embed implicit.py
var implicitPy string

// learnImplicit starts Python. implicit has one loss for an epoch as we have,
// with 1 for an unobserved pair and alpha for an observed one; see
// train.Imported for what that is here.
func (b bench) learnImplicit(w *world, p train.Params) (outcome, error) {
	text, err := json.Marshal(merge(p, train.Params{"threads": float64(b.threads)}))
	if err != nil {
		return outcome{}, err
	}
	cmd := exec.Command(b.python, "-c", implicitPy, w.folder, string(text))
	// It has threads of its own and asks for this.
	cmd.Env = append(os.Environ(), "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1")
	o, err := run(cmd)
	if err != nil {
		return outcome{}, err
	}
	less := p["alpha"] - 1
	o.model, err = w.imported(int(p["dim"]), train.Params{"alpha": 1 / less, "reg": p["regularization"] / less, "exponent": 0})
	return o, err
}

func run(cmd *exec.Cmd) (o outcome, err error) {
	var problems bytes.Buffer
	cmd.Stderr = &problems
	text, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(problems.String()), "\n")
		return outcome{}, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, lines[len(lines)-1])
	}
	return o, json.Unmarshal(text, &o)
}

// learnOurs learns the pairs in folder and prints the outcome.
func learnOurs(folder, text string, threads int) error {
	var p train.Params
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	m, err := readPairs(folder)
	if err != nil {
		return err
	}
	var o outcome
	at, spent := time.Now(), processor()
	model, err := train.Train(context.Background(), train.Input{Pairs: m}, train.Config{
		Algorithm: train.IALS, Params: p, Workers: threads,
		Progress: func(s train.Progress) {
			if s.Done == int64(len(o.Wall)+1)*int64(m.Rows+m.Cols) { // an epoch is over
				now, cpu := time.Now(), processor()
				o.Wall, o.CPU = append(o.Wall, now.Sub(at).Seconds()), append(o.CPU, (cpu-spent).Seconds())
				at, spent = now, cpu
			}
		},
	})
	if err != nil {
		return err
	}
	if err := writeNumbers(filepath.Join(folder, factors), model.Factors); err != nil {
		return err
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	o.PeakMB = int(usage.Maxrss / 1024)
	return json.NewEncoder(os.Stdout).Encode(o)
}

// processor returns the time that this process has had processors for.
func processor() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it has no reason to fail
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// whole prints what the command needs to learn a model, from the text of the log
// to the file.
func (b bench) whole(w *world, model, set string) error {
	cmd := exec.Command(b.nearside, "train", "--events", w.events, "--model", model,
		"--set", set, "--workers", itoa(b.threads), "--out", filepath.Join(w.folder, "model.nsm"))
	at := time.Now()
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrNotExist) {
		fmt.Printf("%s left out: run make build\n", b.nearside)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", b.nearside, err, out)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	fmt.Printf("\nnearside train --model %s --set %s, %d pairs of %d items from text: %.0f s, %.0f s of processor, %d MB\n", model, set, len(w.pairs.Col),
		w.pairs.Cols, time.Since(at).Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), usage.Maxrss/1024)
	return nil
}

// readPairs reads what world.save wrote.
func readPairs(folder string) (*data.Matrix, error) {
	shape, err := readNumbers[int64](filepath.Join(folder, "shape.bin"))
	if err != nil {
		return nil, err
	}
	m := &data.Matrix{Rows: int(shape[0]), Cols: int(shape[1])}
	if m.Ptr, err = readNumbers[int64](filepath.Join(folder, "indptr.bin")); err != nil {
		return nil, err
	}
	m.Col, err = readNumbers[int32](filepath.Join(folder, "indices.bin"))
	return m, err
}
