package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/nearside/nearside/model/eval"
)

// evaluation is the JSON of eval.
type evaluation struct {
	Protocol    string          `json:"protocol"`
	On          string          `json:"on"` // test or validation
	Seed        uint64          `json:"seed"`
	Digest      string          `json:"digest"` // data.Log.Digest of the cleaned log
	Items       int             `json:"items"`
	Skipped     int             `json:"skipped"` // rows of which no fair question could be made
	Overlap     int             `json:"overlap"` // those of them that are in the training events, too
	Rows        []evaluationRow `json:"rows"`
	Comparisons []comparedRows  `json:"comparisons"`
}

type evaluationRow struct {
	Model   string      `json:"model"`
	Through through     `json:"through"`
	Seconds float64     `json:"seconds"`          // to learn
	Bundle  int         `json:"bundle,omitempty"` // bytes, where it was packed
	Result  eval.Result `json:"result"`

	Diversity float64 `json:"diversity,omitempty"` // of the requests

	ndcg []float64 // by case, at the first length
}

func (r evaluationRow) name() string { return r.Model + " " + r.by() }

// by says what computed the row's lists, and how diverse they were to be.
func (r evaluationRow) by() string {
	if r.Diversity == 0 {
		return string(r.Through)
	}
	return fmt.Sprintf("%s, diverse %v", r.Through, r.Diversity)
}

// comparedRows says whether two rows differ by more than chance.
type comparedRows struct {
	A string `json:"a"` // model and way of computing
	B string `json:"b"`
	K int    `json:"k"`
	eval.Comparison
	Adjusted float64 `json:"p_adjusted"` // by Holm's method, over all comparisons
}

// compare compares the NDCG of every two rows, case by case.
func compare(rows []evaluationRow, k int) (list []comparedRows) {
	var p []float64
	for b := range rows {
		for a := range rows[:b] {
			c := eval.Compare(rows[b].ndcg, rows[a].ndcg)
			list = append(list, comparedRows{A: rows[b].name(), B: rows[a].name(), K: k, Comparison: c})
			p = append(p, c.P)
		}
	}
	for i, adjusted := range eval.Holm(p) {
		list[i].Adjusted = adjusted
	}
	return list
}

// print prints the tables, those of groups of people only when asked.
func (e evaluation) print(groups bool) error {
	on := ""
	if e.On != "test" {
		on = " on " + e.On
	}
	fmt.Printf("protocol %s%s, %d cases, seed %d, data %s\n\n", e.Protocol, on, e.Rows[0].Result.Cases, e.Seed, e.Digest[:16])
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	t := table{w: w, title: "model\tthrough\tk\tNDCG\trecall\trecall/min\tprecision\tMAP\tMRR\thit"}
	e.each(func(row evaluationRow, m eval.Metrics) {
		t.line(row, m, "%v\t%v\t%v\t%v\t%v\t%v\t%v", m.NDCG, m.Recall, m.RecallCapped, m.Precision, m.MAP, m.MRR, m.Hit)
	})
	t = table{w: w, title: "\nthe lists\t\tk\tcoverage\tGini\tpopularity\tnovelty, bits\tdiversity\ttags"}
	e.each(func(row evaluationRow, m eval.Metrics) {
		if m.Coverage > 0 {
			t.line(row, m, "%.4f\t%.4f\t%.4f\t%.2f\t%s\t%s", m.Coverage, m.Gini, m.Popularity, m.Novelty, orNone(m.Diversity), orNone(m.Tags))
		}
	})
	e.printGroups(w, groups)
	e.printComparisons(w)
	return w.Flush()
}

// printGroups prints repeats and new items apart, and the gaps between groups
// of people; with all, how each group is served.
func (e evaluation) printGroups(w io.Writer, all bool) {
	t := table{w: w, title: "\ngroup\t\tk\t\tcases\tNDCG\trecall\tMRR"}
	e.each(func(row evaluationRow, m eval.Metrics) {
		for _, g := range m.Groups {
			if all || g.By == "target" {
				t.line(row, m, "%s %s\t%d\t%v\t%v\t%v", g.By, g.Name, g.Cases, g.NDCG, g.Recall, g.MRR)
			}
		}
	})
	t = table{w: w, title: "\nlargest gap\t\tk\t\tNDCG\tbest\tworst"}
	e.each(func(row evaluationRow, m eval.Metrics) {
		for _, g := range m.Gaps {
			t.line(row, m, "%s\t%.4f\t%s\t%s", g.By, g.NDCG, g.Best, g.Worst)
		}
	})
}

func (e evaluation) printComparisons(w io.Writer) {
	for i, c := range e.Comparisons {
		if i == 0 {
			fmt.Fprintf(w, "\nNDCG at %d\t\t\tdifference\tp\tp of all\n", c.K)
		}
		fmt.Fprintf(w, "%s\tagainst\t%s\t%+.4f ±%.4f\t%s\t%s\n", c.A, c.B, c.Difference.Mean, c.Difference.CI, chance(c.P), chance(c.Adjusted))
	}
}

// each visits every row and length.
func (e evaluation) each(visit func(evaluationRow, eval.Metrics)) {
	for _, row := range e.Rows {
		for _, m := range row.Result.At {
			visit(row, m)
		}
	}
}

// table prints lines of rows, with a title before the first of them.
type table struct {
	w     io.Writer
	title string
}

func (t *table) line(row evaluationRow, m eval.Metrics, format string, values ...any) {
	if t.title != "" {
		fmt.Fprintln(t.w, t.title)
		t.title = ""
	}
	fmt.Fprintf(t.w, "%s\t%s\t%d\t", row.Model, row.by(), m.K)
	fmt.Fprintf(t.w, format+"\n", values...)
}

// orNone writes a number, or that it is not known.
func orNone(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.4f", v)
}

// chance writes a p-value. Below 1e-16 the digits are those of rounding.
func chance(p float64) string {
	if p < 1e-16 {
		return "<1e-16"
	}
	return fmt.Sprintf("%.2g", p)
}
