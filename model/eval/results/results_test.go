package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/eval"
)

// TestEveryTableHasItsPlace holds tables.go and RESULTS.md together.
func TestEveryTableHasItsPlace(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	digest := regexp.MustCompile("^[0-9a-f]{64}$")
	names := map[string]bool{}
	for _, table := range tables() {
		if names[table.name] {
			t.Errorf("two tables are called %s", table.name)
		}
		names[table.name] = true
		if !strings.Contains(string(text), "<!-- results: "+table.name+" -->\n") {
			t.Errorf("RESULTS.md has no place for %s", table.name)
		}
		for _, f := range table.files {
			if !digest.MatchString(f.sha256) {
				t.Errorf("%s: %s has no digest: %q", table.name, f.name, f.sha256)
			}
		}
		if len(table.want) > len(table.columns) || len(table.runs) == 0 {
			t.Errorf("%s: %d wanted values, %d columns, %d runs", table.name, len(table.want), len(table.columns), len(table.runs))
		}
		for _, p := range table.published {
			if len(p.values) > len(table.columns) {
				t.Errorf("%s: %s has more values than there are columns", table.name, p.name)
			}
		}
	}
}

func TestChooseTables(t *testing.T) {
	if _, err := choose(options{only: "yelp"}); err == nil || err.Error() != "-only yelp: no such table" {
		t.Errorf("got %v", err)
	}
	some, err := choose(options{only: "tmall,beauty"})
	if err != nil || len(some) != 2 || some[0].name != "tmall" {
		t.Errorf("got %d tables and error %v", len(some), err)
	}
	short, err := choose(options{short: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range short {
		for _, r := range table.runs {
			if !r.short && !(r.nightly && nightly) {
				t.Errorf("%s: %s is not short", table.name, r.model)
			}
		}
	}
	all, err := choose(options{})
	if err != nil || len(all) != len(tables()) || len(short) == 0 || len(short) >= len(all) {
		t.Errorf("got %d of %d tables, %d short, and error %v", len(all), len(tables()), len(short), err)
	}
}

// sample is a table of two models.
func sample() table {
	return table{
		name: "sample", title: "Sample", about: "About it.",
		args: []string{"--protocol", "given", "--events", "train.txt"}, test: []string{"--test", "test.txt"},
		columns:   []column{recall("R@20", 20), ndcg("N@20", 20)},
		published: []published{{"Somebody (2020)", []float64{.25}}}, want: []float64{.3, .2},
		runs: []run{
			{model: "popular", through: "float"},
			{model: "ials", choices: []string{"alpha=0.1", "alpha=0.2"}, flags: []string{"--seed", "1"}, through: "float,module"},
		},
	}
}

// fake is a command that says what it was asked and answers as eval does. NDCG
// is .2 for alpha=0.2 and .1 for all else.
const fake = `#!/bin/sh
echo "$@" >> "$(dirname "$0")/asked"
case "$*" in *alpha=0.2*) ndcg=.2;; *) ndcg=.1;; esac
case "$*" in *popular*) model=popular;; *) model=ials;; esac
row() { echo '{"model":"'$model'","through":"'$1'","seconds":1.5,"bundle":'$2',"result":{"cases":1000,"at":[{"k":20,"recall":{"mean":.25,"ci":.01},"ndcg":{"mean":'$ndcg',"ci":.02}}]}}'; }
echo '{"seed":0,"digest":"0123456789abcdef0123","items":200,"rows":['
row float 0
case "$*" in *module*) echo ,; row module 3000;; esac
echo ']}'
`

func fakeRunner(t *testing.T, dir string) *runner {
	t.Helper()
	r := &runner{
		ctx: t.Context(), binary: filepath.Join(dir, "nearside"), data: dir, made: filepath.Join(dir, "made"),
		file: filepath.Join(dir, "rows.jsonl"), rows: map[string]row{}, commit: "abc", machine: "a machine",
	}
	if err := os.WriteFile(r.binary, []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := r.read(options{rows: r.file}); err != nil {
		t.Fatal(err)
	}
	return r
}

// asked returns how often the command ran.
func asked(t *testing.T, dir string) []string {
	text, err := os.ReadFile(filepath.Join(dir, "asked"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// TestRunsOnceAndGoesOn: numbers are chosen on validation, and what has a row
// is not run again.
func TestRunsOnceAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	table := sample()
	rows, err := fakeRunner(t, dir).table(table)
	if err != nil {
		t.Skipf("no shell: %v", err)
	}
	const common = "eval --protocol given --events train.txt --test test.txt "
	want := []string{
		common + "--model popular --through float --json",
		common + "--on validation --model ials --set alpha=0.1 --seed 1 --through float --json",
		common + "--on validation --model ials --set alpha=0.2 --seed 1 --through float --json",
		common + "--model ials --set alpha=0.2 --seed 1 --through float,module --json",
	}
	if diff := cmp.Diff(want, asked(t, dir)); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	again, err := fakeRunner(t, dir).table(table)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(asked(t, dir)); n != len(want) {
		t.Errorf("%d commands after a second run, want %d", n, len(want))
	}
	if first, second := table.render(rows), table.render(again); first != second {
		t.Errorf("the second run prints\n%s\nthe first\n%s", second, first)
	}
	forgetful := fakeRunner(t, dir)
	forgetful.rows = map[string]row{}
	if err := forgetful.read(options{again: true, only: "other,sample"}); err != nil || len(forgetful.rows) != 0 {
		t.Errorf("again: got %d rows and error %v, want none", len(forgetful.rows), err)
	}
}

func TestRender(t *testing.T) {
	table := sample()
	result := func(mean float64) eval.Result {
		return eval.Result{Cases: 1000, At: []eval.Metrics{{K: 20, Recall: eval.Estimate{Mean: mean, CI: .01}, NDCG: eval.Estimate{Mean: mean / 2, CI: .02}}}}
	}
	one := func(i int, set string, found ...evaluatedRow) tableRow {
		return tableRow{run: table.runs[i], set: set, row: row{
			Args: table.command(table.runs[i], set, table.runs[i].through, false), Commit: "abc", Machine: "a machine", Peak: 5 << 20,
			Found: evaluation{Digest: "0123456789abcdef0123", Items: 2000, Rows: found},
		}}
	}
	got := table.render([]tableRow{
		one(0, "", evaluatedRow{Model: "recency", Through: "float", Result: result(.05)}, evaluatedRow{Model: "popular", Through: "float", Seconds: .04, Result: result(.1)}),
		one(1, "alpha=0.2", evaluatedRow{Model: "recency", Through: "float", Result: result(.05)},
			evaluatedRow{Model: "ials", Through: "float", Seconds: 12.34, Result: result(.31)},
			evaluatedRow{Model: "ials", Through: "module", Seconds: 12.34, Bundle: 132000, Result: result(.3)}),
	})
	const want = `### Sample

About it.

1,000 cases, 2,000 items, digest ` + "`0123456789abcdef…`" + `, seed 0.

| model | through | R@20 | N@20 | to learn | peak | bundle |
|---|---|---|---|---|---|---|
| Somebody (2020) | published | .2500 |  |  |  |  |
| **must reach** |  | .3000 | .2000 |  |  |  |
| recency | float | .0500 ±.0100 | .0250 ±.0200 |  |  |  |
| popular | float | .1000 ±.0100 | .0500 ±.0200 | 0.0 s | 5 MB |  |
| ials alpha=0.2 --seed 1 | float | .3100 ±.0100 | .1550 ±.0200 | 12.3 s | 5 MB |  |
| ials alpha=0.2 --seed 1 | module | .3000 ±.0100 | .1500 ±.0200 | 12.3 s | 5 MB | 66.0 B/item |

    nearside eval --protocol given --events train.txt --test test.txt
        --model popular --through float
        --model ials --set alpha=0.2 --seed 1 --through float,module

- ials: chosen by NDCG with ` + "`--on validation`" + ` among alpha=0.1; alpha=0.2.

Measured on a machine, source abc.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWriteSection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "R.md")
	before := "# R\n\n<!-- results: a -->\nold\n<!-- end: a -->\n\n<!-- results: b -->\n<!-- end: b -->\ntail\n"
	if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b", "a"} {
		if err := writeSection(path, name, "new "+name+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "# R\n\n<!-- results: a -->\nnew a\n<!-- end: a -->\n\n<!-- results: b -->\nnew b\n<!-- end: b -->\ntail\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := writeSection(path, "c", ""); err == nil || !strings.Contains(err.Error(), `no lines "<!-- results: c -->\n"`) {
		t.Errorf("no section: got %v", err)
	}
}

func TestAFileMustBeTheExpectedOne(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	const sum = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	if err := (file{"a.txt", sum}).check(dir); err != nil {
		t.Error(err)
	}
	if err := (file{"a.txt", strings.Repeat("0", 64)}).check(dir); err == nil || !strings.HasPrefix(err.Error(), "a.txt: sha256 2d711642") {
		t.Errorf("another digest: got %v", err)
	}
	if err := (file{"b.txt", sum}).check(dir); !os.IsNotExist(err) {
		t.Errorf("no file: got %v", err)
	}
}
