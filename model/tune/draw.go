package tune

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/nearside/nearside/model/train"
)

// Searched returns the parameters of a space that have a range to search in
// and are not fixed.
func Searched(space []train.Param, fixed train.Params) []train.Param {
	return slices.DeleteFunc(slices.Clone(space), func(p train.Param) bool {
		_, ok := fixed[p.Name]
		return ok || p.Low == p.High
	})
}

// draw returns the numbers of a trial: fixed, and for each searched parameter
// its default in trial 0, else a value between Low and High, evenly or evenly
// on a logarithmic scale. A trial depends on nothing but the arguments: not on
// how many there are.
func draw(space []train.Param, fixed train.Params, seed uint64, trial int) train.Params {
	params := train.Params{}
	maps.Copy(params, fixed)
	random := rand.New(rand.NewPCG(seed, uint64(trial)))
	for _, p := range Searched(space, fixed) {
		if params[p.Name] = p.Default; trial > 0 {
			params[p.Name] = between(p, random.Float64())
		}
	}
	return params
}

// between returns the value of p at a place from 0 to 1, to three digits: a
// person can type it, and no score tells it from one with more.
func between(p train.Param, at float64) float64 {
	v := p.Low + at*(p.High-p.Low)
	if p.Log {
		v = math.Exp(math.Log(p.Low) + at*(math.Log(p.High)-math.Log(p.Low)))
	}
	if p.Whole {
		v = math.Round(v)
	} else if short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64); err == nil {
		v = short
	}
	return min(max(v, p.Low), p.High)
}
