package eval

import (
	"fmt"
	"slices"

	"github.com/nearside/nearside/model/data"
)

// Group is how well the cases of one kind were answered, at one K.
type Group struct {
	By     string   `json:"by"`   // what the cases were grouped by: history, activity or target
	Name   string   `json:"name"` // for example 4–5
	Cases  int      `json:"cases"`
	Recall Estimate `json:"recall"`
	NDCG   Estimate `json:"ndcg"`
	MRR    Estimate `json:"mrr"`
}

// Gap is the largest difference in mean NDCG between two groups of people.
type Gap struct {
	By    string  `json:"by"`
	Best  string  `json:"best"` // names of groups
	Worst string  `json:"worst"`
	NDCG  float64 `json:"ndcg"`
}

// minGroup is the fewest cases of a group that a Gap looks at: below it the
// extremes are those of chance. 30 is where a mean is usually taken for normal.
const minGroup = 30

// grouping puts every case into a group.
type grouping struct {
	by     string
	people bool // a difference between the groups is one between people
	names  []string
	of     []int // by case: place in names
}

// groupings returns the groupings that tell cases apart:
//
//   - history: by the number of events that the model is given;
//   - activity: by how many different items the person met, in quarters of the
//     cases, people of one number never in two of them (Li et al.,
//     User-oriented Fairness in Recommendation, WWW 2021, compare the more and
//     the less active);
//   - target, with repeats: whether the person met a target before; otherwise
//     by Case.Asks, where cases have it.
func groupings(cases []data.Case, repeats bool) []grouping {
	events, items, again := make([]int, len(cases)), make([]int, len(cases)), make([]int, len(cases))
	met := make(map[int32]bool)
	for c := range cases {
		clear(met)
		for _, e := range cases[c].History {
			met[e.Item] = true
		}
		events[c], items[c] = len(cases[c].History), len(met)
		if slices.ContainsFunc(cases[c].Target, func(i int32) bool { return met[i] }) {
			again[c] = 1
		}
	}
	all := []grouping{
		byBounds("history", events, []int{0, 1, 2, 3, 5, 9, 19, 49, 99}),
		byBounds("activity", items, quarters(items)),
	}
	if repeats {
		return append(all, grouping{by: "target", names: []string{"new", "repeat"}, of: again})
	}
	if asked := byAsks(cases); len(asked.names) > 1 {
		all = append(all, asked)
	}
	return all
}

// byAsks groups cases by what they ask for, in order of first appearance.
func byAsks(cases []data.Case) grouping {
	g := grouping{by: "target", of: make([]int, len(cases))}
	for c := range cases {
		at := slices.Index(g.names, cases[c].Asks)
		if at < 0 {
			at = len(g.names)
			g.names = append(g.names, cases[c].Asks)
		}
		g.of[c] = at
	}
	return g
}

// byBounds groups values up to each of the ascending bounds, and those above
// all of them.
func byBounds(by string, values, bounds []int) grouping {
	g := grouping{by: by, people: true, of: make([]int, len(values))}
	from := 0
	for _, to := range bounds {
		name := fmt.Sprint(to)
		if from < to {
			name = fmt.Sprintf("%d–%d", from, to)
		}
		g.names = append(g.names, name)
		from = to + 1
	}
	g.names = append(g.names, fmt.Sprintf("%d+", from))
	for c, v := range values {
		g.of[c], _ = slices.BinarySearch(bounds, v)
	}
	return g
}

// quarters returns the values at the quarters of all, those that differ.
func quarters(values []int) []int {
	sorted := slices.Sorted(slices.Values(values))
	var bounds []int
	for q := 1; q < 4; q++ {
		bounds = append(bounds, sorted[(q*len(sorted)-1)/4])
	}
	return slices.Compact(bounds)
}

// groups returns the groups that have cases.
func (g *grouping) groups(t *trial, at int) []Group {
	members := make([][]int, len(g.names))
	for c, group := range g.of {
		members[group] = append(members[group], c)
	}
	var groups []Group
	for name, cases := range members {
		if len(cases) == 0 {
			continue
		}
		values := make([]float64, len(cases))
		mean := func(which int) Estimate {
			for m, c := range cases {
				values[m] = t.tallies[c][at].measures[which]
			}
			return EstimateOf(values)
		}
		groups = append(groups, Group{
			By: g.by, Name: g.names[name], Cases: len(cases),
			Recall: mean(measureRecall), NDCG: mean(measureNDCG), MRR: mean(measureMRR),
		})
	}
	return groups
}

// gapBetween returns the gap between the groups of at least minGroup cases, ok
// when there are two of them.
func gapBetween(groups []Group) (gap Gap, ok bool) {
	large := slices.DeleteFunc(slices.Clone(groups), func(g Group) bool { return g.Cases < minGroup })
	if len(large) < 2 {
		return Gap{}, false
	}
	best, worst := large[0], large[0]
	for _, g := range large[1:] {
		if g.NDCG.Mean > best.NDCG.Mean {
			best = g
		}
		if g.NDCG.Mean < worst.NDCG.Mean {
			worst = g
		}
	}
	return Gap{By: best.By, Best: best.Name, Worst: worst.Name, NDCG: best.NDCG.Mean - worst.NDCG.Mean}, true
}
