package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/nearside/nearside/model/eval"
)

// row is what one command found: a line of the file of rows.
type row struct {
	Table   string     `json:"table"`
	Args    []string   `json:"args"` // of nearside; files by their name in the folder of data sets
	Commit  string     `json:"commit"`
	Machine string     `json:"machine"`
	Wall    float64    `json:"wall"` // seconds, of the whole command
	Peak    int64      `json:"peak"` // bytes of memory, of the whole command; 0: not known
	Found   evaluation `json:"found"`
}

// evaluation is what of eval's JSON is wanted.
type evaluation struct {
	Seed    uint64         `json:"seed"`
	Digest  string         `json:"digest"`
	Items   int            `json:"items"`
	Overlap int            `json:"overlap"`
	Rows    []evaluatedRow `json:"rows"`
}

type evaluatedRow struct {
	Model   string      `json:"model"`
	Through string      `json:"through"`
	Seconds float64     `json:"seconds"` // to learn
	Bundle  int         `json:"bundle"`  // bytes; 0: not packed
	Result  eval.Result `json:"result"`
}

// runner makes runs and keeps their rows.
type runner struct {
	ctx     context.Context
	binary  string
	data    string // folder of the data sets
	made    string // folder of the files that prepare makes
	file    string // of the rows
	rows    map[string]row
	commit  string
	machine string
}

// openRunner builds the command and reads the rows that there are.
func openRunner(ctx context.Context, o options) (*runner, error) {
	dir, err := filepath.Abs(filepath.Dir(o.rows))
	if err != nil {
		return nil, err
	}
	root := os.Getenv("NEARSIDE_DATA")
	if root == "" {
		root = filepath.Join("..", "shared", "data")
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	r := &runner{
		ctx: ctx, binary: filepath.Join(dir, "nearside"), data: root, made: filepath.Join(dir, "made"),
		file: o.rows, rows: make(map[string]row),
		commit: commit(), machine: machine(),
	}
	if err := os.MkdirAll(r.made, 0o755); err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", r.binary, "./cmd/nearside")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("go build ./cmd/nearside: %w", err)
	}
	return r, r.read(o)
}

// read reads the rows, without those that are to be made again.
func (r *runner) read(o options) error {
	text, err := os.ReadFile(r.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	kept := bytes.NewBuffer(nil)
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for at := 1; lines.Scan(); at++ {
		var one row
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return fmt.Errorf("%s:%d: %w", r.file, at, err)
		}
		if o.again && (o.only == "" || slices.Contains(strings.Split(o.only, ","), one.Table)) {
			continue
		}
		r.rows[key(one.Args)] = one
		kept.Write(lines.Bytes())
		kept.WriteByte('\n')
	}
	if !o.again {
		return nil
	}
	return os.WriteFile(r.file, kept.Bytes(), 0o644)
}

func key(args []string) string { return strings.Join(args, " ") }

// prepare checks the files of t, and makes those that it needs.
func (r *runner) prepare(t table) error {
	for _, f := range t.files {
		if err := f.check(r.data); err != nil {
			return err
		}
	}
	if t.make == nil {
		return nil
	}
	return t.make(r.data, r.made)
}

// file is a file of a data set.
type file struct{ name, sha256 string }

// check compares the unpacked content with the digest.
func (f file) check(root string) error {
	content, err := open(root, f.name)
	if err != nil {
		return err
	}
	defer content.Close()
	h := sha256.New()
	if _, err := io.Copy(h, content); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.sha256 {
		return fmt.Errorf("%s: sha256 %s: want %s", f.name, got, f.sha256)
	}
	return nil
}

// open opens a file of a data set, unpacked.
func open(root, name string) (io.ReadCloser, error) {
	packed, err := os.Open(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(name, ".gz") {
		return packed, nil
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		packed.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{z, packed}, nil
}

// tableRow is a line of a table: a row that met the test.
type tableRow struct {
	row
	run run
	set string // the numbers it was learnt with, "" for the defaults
}

// table makes the runs of t.
func (r *runner) table(t table) ([]tableRow, error) {
	var list []tableRow
	for _, one := range t.runs {
		set, err := r.bestOnValidation(t, one)
		if err != nil {
			return nil, err
		}
		found, err := r.do(t, t.command(one, set, one.through, false))
		if err != nil {
			return nil, err
		}
		list = append(list, tableRow{row: found, run: one, set: set})
	}
	return list, nil
}

// bestOnValidation returns the choice with the highest NDCG there, at the first
// length; the first one of equals.
func (r *runner) bestOnValidation(t table, one run) (best string, err error) {
	switch len(one.choices) {
	case 0:
		return "", nil
	case 1:
		return one.choices[0], nil
	}
	most := -1.0
	for _, set := range one.choices {
		found, err := r.do(t, t.command(one, set, "float", true))
		if err != nil {
			return "", err
		}
		// Of several rows the last is the model: recency stands before it.
		rows := found.Found.Rows
		if got := rows[len(rows)-1].Result.At[0].NDCG.Mean; got > most {
			best, most = set, got
		}
	}
	return best, nil
}

// do returns the row of a command: the one that there is, or that of a new run.
func (r *runner) do(t table, args []string) (row, error) {
	if one, ok := r.rows[key(args)]; ok {
		return one, nil
	}
	fmt.Fprintf(os.Stderr, "results: %s: nearside %s\n", t.name, key(args))
	real := slices.Clone(args)
	for i := range real {
		real[i] = strings.ReplaceAll(real[i], made, r.made)
	}
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(r.ctx, r.binary, append(real, "--json")...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.data, &out, &problems
	from := time.Now()
	if err := cmd.Run(); err != nil {
		return row{}, fmt.Errorf("nearside %s: %w\n%s", key(args), err, &problems)
	}
	one := row{
		Table: t.name, Args: args, Commit: r.commit, Machine: r.machine,
		Wall: time.Since(from).Seconds(), Peak: peakOf(cmd.ProcessState),
	}
	if err := json.Unmarshal(out.Bytes(), &one.Found); err != nil {
		return row{}, fmt.Errorf("nearside %s: %w", key(args), err)
	}
	if len(one.Found.Rows) == 0 {
		return row{}, fmt.Errorf("nearside %s: no rows in %q", key(args), out.String())
	}
	return one, r.keep(one)
}

// keep adds a row to the file.
func (r *runner) keep(one row) error {
	text, err := json.Marshal(one)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(text, '\n')); err != nil {
		f.Close()
		return err
	}
	r.rows[key(one.Args)] = one
	return f.Close()
}

// commit names the source that is run, "" where there is no git.
func commit() string {
	text, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// machine says what is measured on.
func machine() string {
	model := ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = ", " + strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores, %s%s, %s", runtime.NumCPU(), runtime.GOARCH, model, runtime.Version())
}
