package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/nearside/nearside/model/eval"
)

// render returns the section of a table in Markdown.
func (t *table) render(rows []tableRow) string {
	var b strings.Builder
	first := rows[0].Found
	fmt.Fprintf(&b, "### %s\n\n%s\n\n", t.title, t.about)
	fmt.Fprintf(&b, "%s cases, %s items, digest `%s…`, seed %d.\n\n",
		grouped(first.Rows[0].Result.Cases), grouped(first.Items), first.Digest[:16], first.Seed)

	fmt.Fprint(&b, "| model | through |")
	for _, c := range t.columns {
		fmt.Fprintf(&b, " %s |", c.title)
	}
	fmt.Fprint(&b, " to learn | peak | bundle |\n|---|---|")
	fmt.Fprintf(&b, "%s---|---|---|\n", strings.Repeat("---|", len(t.columns)))
	for _, p := range t.published {
		t.line(&b, p.name, "published", p.values, "", "", "")
	}
	if t.want != nil {
		t.line(&b, "**must reach**", "", t.want, "", "", "")
	}
	seen := make(map[string]bool) // recency comes with every run of sessions
	for _, r := range rows {
		for _, found := range r.Found.Rows {
			name := found.Model
			if found.Model == r.run.model {
				name = r.label()
			}
			if at := name + " " + found.Through; !seen[at] {
				seen[at] = true
				t.measured(&b, name, found, r)
			}
		}
	}
	fmt.Fprintf(&b, "\n%s%s\n", t.commands(rows), machines(rows))
	return b.String()
}

// reached says what auto misses of what it must reach by more than 1 %, if it was
// run: other processors add up in another order, and a seed is worth as much.
func (t *table) reached(rows []tableRow) error {
	for _, r := range rows {
		for _, found := range r.Found.Rows {
			if found.Model != "auto" || r.set != "" || found.Through != "module" {
				continue
			}
			for at, want := range t.want {
				if got := t.scaled(t.columns[at].of(found.Result)).Mean; got < .99*want {
					return fmt.Errorf("auto has a %s of %s: want %s", t.columns[at].title, t.number(got), t.number(want))
				}
			}
		}
	}
	return nil
}

// label names a run: its model and the numbers that are no defaults.
func (r tableRow) label() string {
	words := []string{r.run.model}
	if r.set != "" {
		words = append(words, r.set)
	}
	words = append(words, r.run.flags...)
	return withoutMade(key(words))
}

// measured writes the line of what was found.
func (t *table) measured(b *strings.Builder, name string, found evaluatedRow, r tableRow) {
	fmt.Fprintf(b, "| %s | %s |", name, found.Through)
	for _, c := range t.columns {
		fmt.Fprintf(b, " %s |", t.estimate(c.of(found.Result)))
	}
	seconds, peak, bundle := "", "", ""
	if found.Model == r.run.model {
		seconds = fmt.Sprintf("%.1f s", found.Seconds)
		if r.Peak > 0 {
			peak = fmt.Sprintf("%d MB", r.Peak>>20)
		}
	}
	if found.Bundle > 0 {
		bundle = fmt.Sprintf("%.1f B/item", float64(found.Bundle)/float64(r.Found.Items))
	}
	fmt.Fprintf(b, " %s | %s | %s |\n", seconds, peak, bundle)
}

// line writes the line of numbers from elsewhere, of which there may be fewer
// than columns.
func (t *table) line(b *strings.Builder, name, through string, values []float64, rest ...string) {
	fmt.Fprintf(b, "| %s | %s |", name, through)
	for at := range t.columns {
		cell := ""
		if at < len(values) && values[at] != 0 {
			cell = t.number(values[at])
		}
		fmt.Fprintf(b, " %s |", cell)
	}
	fmt.Fprintf(b, " %s |\n", strings.Join(rest, " | "))
}

// number writes .1234, or per cent.
func (t *table) number(v float64) string {
	if t.percent {
		return fmt.Sprintf("%.2f", v)
	}
	return strings.TrimPrefix(fmt.Sprintf("%.4f", v), "0")
}

func (t *table) estimate(e eval.Estimate) string {
	e = t.scaled(e)
	return t.number(e.Mean) + " ±" + t.number(e.CI)
}

// scaled returns e in the table's unit.
func (t *table) scaled(e eval.Estimate) eval.Estimate {
	if t.percent {
		e.Mean, e.CI = 100*e.Mean, 100*e.CI
	}
	return e
}

// commands says how the lines were made: what all commands have in common, and
// the rest of each.
func (t *table) commands(rows []tableRow) string {
	var b strings.Builder
	common := len(t.command(run{}, "", "", false)) - 4 // --model, its name, --through, its ways
	for at, r := range rows {
		if at == 0 {
			fmt.Fprintf(&b, "    nearside %s\n", withoutMade(key(r.Args[:common])))
		}
		fmt.Fprintf(&b, "        %s\n", withoutMade(key(r.Args[common:])))
	}
	var chosen []string
	for _, r := range rows {
		if len(r.run.choices) > 1 {
			chosen = append(chosen, fmt.Sprintf("- %s: chosen by NDCG with %s among %s.",
				r.run.model, t.cut(), strings.Join(r.run.choices, "; ")))
		}
	}
	slices.Sort(chosen)
	if chosen = slices.Compact(chosen); len(chosen) > 0 {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(chosen, "\n"))
	}
	return b.String()
}

// withoutMade leaves the names of files that were made.
func withoutMade(args string) string { return strings.ReplaceAll(args, made+"/", "") }

// cut names the cut that numbers are chosen on.
func (t *table) cut() string {
	if t.validation != nil {
		return "`" + key(t.validation) + "`"
	}
	return "`--on validation`"
}

// machines says where and from what the rows came.
func machines(rows []tableRow) string {
	var list []string
	for _, r := range rows {
		list = append(list, fmt.Sprintf("%s, source %s", r.Machine, r.Commit))
	}
	slices.Sort(list)
	return "\nMeasured on " + strings.Join(slices.Compact(list), "; ") + "."
}

// grouped writes n with a comma between thousands.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// writeSection replaces what stands in a file between the marks of a name.
func writeSection(path, name, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	begin := fmt.Sprintf("<!-- results: %s -->\n", name)
	end := fmt.Sprintf("<!-- end: %s -->\n", name)
	before, rest, ok := bytes.Cut(old, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !ok || !closed {
		return fmt.Errorf("%s: no lines %q and %q in this order", path, begin, end)
	}
	return os.WriteFile(path, slices.Concat(before, []byte(begin), []byte(text), []byte(end), after), 0o644)
}
