package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/nearside/nearside/model/train"
)

type modelsCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// listedModel is the JSON of models.
type listedModel struct {
	Name       train.Algorithm `json:"name"`
	Help       string          `json:"help"`
	Parameters []listedParam   `json:"parameters"`
}

type listedParam struct {
	Name    string      `json:"name"`
	Help    string      `json:"help"`
	Default float64     `json:"default"`
	Range   [2]float64  `json:"range"`            // allowed
	Search  *[2]float64 `json:"search,omitempty"` // where tune looks
}

func (c *modelsCmd) Run() error {
	var list []listedModel
	for _, a := range train.Algorithms() {
		m := listedModel{Name: a, Help: a.Help(), Parameters: []listedParam{}}
		for _, p := range a.Parameters() {
			q := listedParam{Name: p.Name, Help: p.Help, Default: p.Default, Range: [2]float64{p.Min, p.Max}}
			if p.Low != p.High {
				q.Search = &[2]float64{p.Low, p.High}
			}
			m.Parameters = append(m.Parameters, q)
		}
		list = append(list, m)
	}
	if c.JSON {
		return printJSON(list)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, m := range list {
		fmt.Fprintf(w, "%s\t\t%s\n", m.Name, m.Help)
		for _, p := range m.Parameters {
			fmt.Fprintf(w, "  %s\t%v\t%s\n", p.Name, p.Default, p.Help)
		}
	}
	return w.Flush()
}
