package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/nearside/nearside/host/audit"
)

type auditCmd struct {
	Bundle  string   `arg:"" placeholder:"bundle.nsb" help:"Bundle to audit."`
	Root    string   `required:"" placeholder:"FILE" help:"Root whose keys are trusted."`
	Head    string   `placeholder:"FILE" help:"Head of the channel, to see whether a device would take it."`
	State   string   `placeholder:"FILE" help:"What the device remembers before it sees the head; by default nothing."`
	Module  string   `placeholder:"FILE" help:"Module to audit; by default the one in this program."`
	Source  string   `placeholder:"DIR" help:"Source of the module, to build it from; runs what the source has for that."`
	Now     instant  `placeholder:"T" help:"Time to judge at: Unix seconds, RFC 3339 or a date; by default now."`
	Scores  int      `default:"1000" placeholder:"N" help:"Random requests that engines are compared by."`
	Engines []string `placeholder:"E,…" help:"Engines to compare: native, compiler, interpreter, v8; by default all."`
	Only    []string `placeholder:"ID,…" help:"Make these checks and no others."`
	Allow   []string `sep:"none" placeholder:"[PLACE:]REGEXP" help:"What the bundle may name: for example ids:[0-9a-f-]{36}. Repeat it, or give @FILE with one a line."`
	JSON    bool     `name:"json" help:"Print JSON."`
	Compare string   `placeholder:"FILE" help:"Print what is different from an earlier report in JSON, instead of the report."`
	HTML    string   `name:"html" placeholder:"FILE" help:"Write the report as a page for people, too."`
}

// auditError is an audit whose worst verdict is not PASS.
type auditError struct {
	worst audit.Verdict
	text  string
}

func (e *auditError) Error() string { return e.text }

func (c *auditCmd) Run(ctx context.Context) error {
	opt, err := c.options()
	if err != nil {
		return err
	}
	bar := newProgress("audit")
	opt.Progress = bar.set
	report, err := audit.Run(ctx, opt)
	bar.end()
	var option *audit.OptionError
	if errors.As(err, &option) {
		return &usageError{err: err, hint: "nearside audit --help lists what it takes"}
	}
	if err != nil {
		return err
	}
	if c.HTML != "" {
		var page bytes.Buffer
		if err := report.HTML(&page); err != nil {
			return err
		}
		if err := os.WriteFile(c.HTML, page.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if err := c.print(report); err != nil {
		return err
	}
	return verdictOf(report)
}

// print prints the report, or what is different from an earlier one.
func (c *auditCmd) print(report *audit.Report) error {
	if c.Compare == "" {
		if c.JSON {
			return printJSON(report)
		}
		return report.Text(os.Stdout)
	}
	text, err := os.ReadFile(c.Compare)
	if err != nil {
		return err
	}
	old, err := audit.ParseReport(text)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Compare, err)
	}
	changes := audit.Changes(old, report)
	if c.JSON {
		return printJSON(changes)
	}
	return audit.WriteChanges(os.Stdout, changes)
}

// options reads the files.
func (c *auditCmd) options() (opt audit.Options, err error) {
	opt = audit.Options{Source: c.Source, Now: c.Now.unix(), Scores: c.Scores, Engines: c.Engines, Only: c.Only}
	if c.Scores < 1 {
		return opt, &usageError{err: fmt.Errorf("--scores %d: want at least 1", c.Scores)}
	}
	if opt.Root, opt.Bundle, err = (signed{c.Bundle, c.Root}).read(); err != nil {
		return opt, err
	}
	for _, f := range []struct {
		path string
		dst  *[]byte
	}{{c.Module, &opt.Module}, {c.Head, &opt.Head}, {c.State, &opt.State}} {
		if f.path == "" {
			continue
		}
		if *f.dst, err = os.ReadFile(f.path); err != nil {
			return opt, err
		}
	}
	if opt.Allow, err = patterns(c.Allow); err != nil {
		return opt, err
	}
	opt.Command = c.command(opt.Now)
	opt.Tool, opt.ToolHash, err = tool()
	return opt, err
}

// patterns returns a list in which @FILE is the lines of that file.
func patterns(given []string) (list []string, err error) {
	for _, p := range given {
		path, ok := strings.CutPrefix(p, "@")
		if !ok {
			list = append(list, p)
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				list = append(list, line)
			}
		}
	}
	return list, nil
}

// command returns what was typed but for --only, with the time in it.
func (c *auditCmd) command(now int64) string {
	words := []string{"nearside", "audit", c.Bundle, "--root", c.Root}
	for _, f := range []struct{ flag, value string }{
		{"--head", c.Head}, {"--state", c.State}, {"--module", c.Module}, {"--source", c.Source}, {"--now", strconv.FormatInt(now, 10)},
	} {
		if f.value != "" {
			words = append(words, f.flag, f.value)
		}
	}
	if c.Scores != 1000 {
		words = append(words, "--scores", strconv.Itoa(c.Scores))
	}
	if len(c.Engines) > 0 {
		words = append(words, "--engines", strings.Join(c.Engines, ","))
	}
	for _, p := range c.Allow {
		words = append(words, "--allow", p)
	}
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

// tool returns the version of this program and SHA-256 of its file.
func tool() (version, hash string, err error) {
	version = "nearside of unknown version"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = "nearside " + info.Main.Version
	}
	path, err := os.Executable()
	if err != nil {
		return "", "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", "", err
	}
	return version, hex.EncodeToString(h.Sum(nil)), nil
}

// verdictOf makes an error of a report that is not all PASS.
func verdictOf(r *audit.Report) error {
	worst := r.Worst()
	if worst == audit.Pass {
		return nil
	}
	var ids []string
	for _, c := range r.Checks {
		if c.Verdict == worst {
			ids = append(ids, c.ID)
		}
	}
	text := "the audit fails: " + strings.Join(ids, ", ")
	if worst == audit.NotRun {
		text = "nothing fails, but not everything was run: " + strings.Join(ids, ", ")
	}
	return &auditError{worst, text}
}
