package audit

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed page.html
var pageText string

// page needs nothing from outside and runs nothing.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"utc":  utc,
	"mark": func(v Verdict) string { return marks[v] },
	"word": func(v Verdict) string { return words[v] },
}).Parse(pageText))

var marks = map[Verdict]string{Pass: "✓", Fail: "✗", NotRun: "?"}

var words = map[Verdict]string{Pass: "Pass", Fail: "Fail", NotRun: "Not run"}

// HTML writes the report as one page for people.
func (r *Report) HTML(w io.Writer) error {
	return page.Execute(w, struct {
		*Report
		Worst Verdict
		Facts []Fact
	}{r, r.Worst(), r.Header.facts()})
}
