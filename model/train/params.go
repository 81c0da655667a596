package train

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nearside/nearside/model/core/bundle"
)

// Param declares one number that an algorithm can be learnt with.
type Param struct {
	Name     string
	Help     string
	Default  float64
	Min, Max float64 // both allowed
	Whole    bool    // whole numbers only
	Refit    float64 // where there is a model to go on from, instead of Default; 0: what that one has

	// Where a search looks; nowhere when both are 0.
	Low, High float64
	Log       bool // evenly on a logarithmic scale
}

// Params are numbers to learn with, by name.
type Params map[string]float64

// String gives the parameters as name=value, sorted and separated by commas.
func (p Params) String() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		list = append(list, name+"="+strconv.FormatFloat(p[name], 'g', -1, 64))
	}
	return strings.Join(list, ",")
}

// learner is an algorithm.
type learner struct {
	name   Algorithm
	help   string
	params []Param
	scorer bundle.Scorer                          // which parts of a model it fills
	alone  bool                                   // it can do without a single pair
	learn  func(context.Context, *training) error // fills in training.model
}

// learners returns every algorithm, in the order in which people are told of
// them.
func learners() []*learner {
	return []*learner{&autoLearner, &ialsLearner, &easeLearner, &ridgeLearner, &slimLearner, &bprLearner, &elsaLearner, &spectralLearner, &sequenceLearner, &popularLearner, &contentLearner, &importedLearner}
}

func learnerOf(a Algorithm) *learner {
	for _, l := range learners() {
		if l.name == a {
			return l
		}
	}
	return nil
}

// Algorithms returns the algorithms that Train knows.
func Algorithms() []Algorithm {
	var list []Algorithm
	for _, l := range learners() {
		list = append(list, l.name)
	}
	return list
}

// Help says in a line what an algorithm is; "" for one that Train does not know.
func (a Algorithm) Help() string {
	if l := learnerOf(a); l != nil {
		return l.help
	}
	return ""
}

// Alone says whether a can do without events, and recommends items that nobody
// has met.
func (a Algorithm) Alone() bool {
	l := learnerOf(a)
	return l != nil && l.alone
}

// Parameters returns what a can be learnt with; nil for an algorithm that Train
// does not know.
func (a Algorithm) Parameters() []Param {
	if l := learnerOf(a); l != nil {
		return slices.Clone(l.params)
	}
	return nil
}

// resolve returns the learner's parameters with their values in p or else their
// defaults.
func (l *learner) resolve(p Params) (Params, error) {
	all := Params{}
	for _, d := range l.params {
		all[d.Name] = d.Default
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if _, ok := all[name]; !ok {
			return nil, fmt.Errorf("%s has no parameter %q: want one of %s", l.name, name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		all[name] = p[name]
	}
	for _, d := range l.params {
		v := all[d.Name]
		if !(v >= d.Min && v <= d.Max) || d.Whole && v != math.Trunc(v) {
			kind := "a number"
			if d.Whole {
				kind = "a whole number"
			}
			return nil, fmt.Errorf("%s %v: want %s from %v to %v", d.Name, v, kind, d.Min, d.Max)
		}
	}
	return all, nil
}
