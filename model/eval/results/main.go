// Results fills the tables of model/eval/RESULTS.md: it runs the command
// nearside eval on public data sets and writes down what came out, beside what
// others have published.
//
//	go run ./model/eval/results [-short] [-only TABLE,…] [-rows FILE] [-again]
//
// Run it at the root of the repository. The data sets are not part of it:
// NEARSIDE_DATA names their folder, and a file that is not byte for byte the
// one that tables.go names is an error. Data sets that are not there are told
// and left out.
//
// Every run is a row of the file named by -rows, JSON lines, as soon as it is
// over. What has a row is not run again, so a broken run goes on where it was;
// -again forgets the rows of the tables at hand. A table is written into
// RESULTS.md when all of its runs have a row. With -short only the quick runs
// are made, some more where NEARSIDE_NIGHTLY is set, and their tables go to
// standard output; it is an error when auto does not reach what it must.
//
// Numbers to learn with are chosen here, on the validation cut alone: of a
// run's choices the one with the highest NDCG there meets the test.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// document is the file with the tables.
var document = filepath.Join("model", "eval", "RESULTS.md")

// options are the flags.
type options struct {
	short, again bool
	only         string
	rows         string
}

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "make the quick runs alone, and print their tables")
	flag.BoolVar(&o.again, "again", false, "run what has a row, too")
	flag.StringVar(&o.only, "only", "", "`names` of the tables to fill, between commas")
	flag.StringVar(&o.rows, "rows", filepath.Join(".cache", "results", "rows.jsonl"), "`file` that keeps what was run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := fill(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "results: error: %v\n", err)
		os.Exit(1)
	}
}

// fill makes the runs of the chosen tables and writes the tables.
func fill(ctx context.Context, o options) error {
	chosen, err := choose(o)
	if err != nil {
		return err
	}
	r, err := openRunner(ctx, o)
	if err != nil {
		return err
	}
	var missing []string
	for _, t := range chosen {
		err := r.prepare(t)
		if errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "results: %s: left out: %v\n", t.name, err)
			missing = append(missing, t.name)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		rows, err := r.table(t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		text := t.render(rows)
		if o.short {
			fmt.Println(text)
			if err := t.reached(rows); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		} else if err := writeSection(document, t.name, text); err != nil {
			return err
		}
	}
	if len(missing) == len(chosen) && !o.short { // where make test runs them may be none
		return errors.New("no data set is there: NEARSIDE_DATA names their folder")
	}
	return nil
}

// nightly: the short form has more time.
var nightly = os.Getenv("NEARSIDE_NIGHTLY") != ""

// choose returns the tables that the flags name, with the runs to be made.
func choose(o options) ([]table, error) {
	all := tables()
	var chosen []table
	for _, name := range strings.Split(o.only, ",") {
		for _, t := range all {
			if name != "" && name != t.name {
				continue
			}
			if o.short {
				t.runs = slices.DeleteFunc(slices.Clone(t.runs), func(r run) bool { return !r.short && !(r.nightly && nightly) })
			}
			if len(t.runs) > 0 {
				chosen = append(chosen, t)
			}
		}
		if name != "" && !slices.ContainsFunc(all, func(t table) bool { return t.name == name }) {
			return nil, fmt.Errorf("-only %s: no such table", name)
		}
	}
	return chosen, nil
}
