package train

import "github.com/nearside/nearside/model/data"

// What the stages of auto cost: microseconds of one worker as they were on
// MovieLens 100K and, for lists, 1M. Only their shares matter, and those only to
// how steadily a bar rises.

// stackPlan is what is done to learn weights and a net from cases, over tables of
// older, and to make the tables of all.
func (a *auto) stackPlan(older *data.Sequences, learn, judge int) []stage {
	plan := a.tablesPlan(older)
	if a.cfg.From == nil {
		plan = append(plan, casesStage("weights", learn, 100))
	}
	plan = append(plan, casesStage("judging", judge, 10), casesStage("judging", judge, 100))
	if a.netFor(learn) {
		plan = append(plan, casesStage("candidates", learn, 150), casesStage("net", max(a.shown(), learn), 120), casesStage("judging", judge, 200))
	}
	return append(plan, a.tablesPlan(a.Sequences)...)
}

// tablesPlan is for the tables of seq.
func (a *auto) tablesPlan(seq *data.Sequences) []stage {
	return []stage{
		casesStage("linear", seq.Items, 100),
		{"tables", seq.Items, 3 * int64(len(seq.Item))},
		factorsStage(seq.Items, len(seq.Item), a.sized("dim", sequenceDim)),
	}
}

// shapePlan is what is done to choose a shape by cases, with one of dims factors,
// and to make the pool.
func (a *auto) shapePlan(dims []int, learn, judge int) []stage {
	n := a.Pairs.Cols
	plan := []stage{factorsStage(n, len(a.Pairs.Col), dims[0])}
	lambdas := len(listLambdas)
	if a.value("lambda") > 0 {
		lambdas = 1
	}
	for range lambdas {
		plan = append(plan, casesStage("systems", n, 350), casesStage("refit", n, 200), casesStage("judging", learn, listCost(n, 0)))
	}
	for _, d := range dims {
		most := learn * len(listBlends) // about half of them are needed
		plan = append(plan, casesStage("refit", n, 350), stage{"judging", most, int64(most) / 2 * listCost(n, d)})
	}
	for range 3 {
		plan = append(plan, casesStage("judging", judge, listCost(n, dims[0])))
	}
	return append(plan, a.listPlan(dims[len(dims)/2])...)
}

// listPlan is for the pool with up to dim factors.
func (a *auto) listPlan(dim int) []stage {
	n := a.Pairs.Cols
	return []stage{
		factorsStage(n, len(a.Pairs.Col), dim),
		casesStage("systems", n, 350),
		casesStage("refit", n, 350),
	}
}

// casesStage is a stage of steps that cost so much each.
func casesStage(name string, steps int, each int64) stage {
	return stage{name, steps, int64(steps) * each}
}

// factorsStage is for d factors of n items from so many pairs: power steps over
// the pairs, and a basis and its eigenvectors after each.
func factorsStage(n, pairs, d int) stage {
	k := int64(d + singularExtra)
	return stage{"factors", singularSteps, (singularSteps + 2) * k * (2*int64(pairs) + k*int64(n) + 3*k*k) / 2000}
}

// listCost is what a case costs: a scan of the factors, and the rows.
func listCost(n, d int) int64 { return 200 + int64(n)*int64(d)/5000 }
