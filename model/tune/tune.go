// Package tune searches for the numbers that a model is learnt best with.
//
//	result, err := tune.Search(ctx, tune.Config{Space: train.IALS.Parameters(), Trials: 27, People: n}, judge)
//	fmt.Println(result.Best.Params)
//
// The search is successive halving (Jamieson and Talwalkar, "Non-stochastic best
// arm identification and hyperparameter optimization", AISTATS 2016, figure 3)
// with the constants of Hyperband (Li et al., JMLR 2018): many trials are judged
// with a ninth of the people to learn from, the best third of them with a third,
// and the best third of those with everybody. 27 trials cost about ten trainings.
//
// Why people and not epochs? Most models have no epochs. A strength that is
// right for a ninth of the people may be too weak for all, so the first trial,
// the defaults, is never dropped: the last rung always says what was gained.
//
// What is judged is the caller's business. The room knows the space, draws from
// it and keeps what came out in a file, so that an interrupted search goes on
// where it stopped and ends with the same result. Where the judge always gives
// the same score for the same question, so does the search for the same Config.
//
// It refuses a space that nothing is searched in, too few people, and scores
// that are not numbers or do not differ at all.
package tune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/nearside/nearside/model/train"
)

const (
	rungs = 3
	// eta is how many trials there are for each that goes on, and by how much
	// its people grow: Hyperband's default.
	eta = 3
	// fewestPeople are those of the first rung: with fewer, a training knows
	// next to nothing and its score is chance.
	fewestPeople = 10
)

// ErrNoSpace says that no number of a model has a range to search in, or that
// all of those have been fixed.
var ErrNoSpace = errors.New("no number has a range to search in")

// Config says what to search.
type Config struct {
	Space  []train.Param // those with Low and High are searched
	Fixed  train.Params  // these are not; they are part of every trial
	Trials int           // at least 2; the first has the defaults
	People int           // whom the last rung learns from
	Seed   uint64        // of the trials

	// State is the file that keeps finished runs, see state.go; empty: none. If
	// it is there, its runs are not run again. About is what else a score depends
	// on (data, protocol, metric): anything that encodes as JSON, and as the same
	// JSON when the search goes on. Trials may be more than they were.
	State string
	About any

	// Progress is called after each run; known says that it was in the state.
	// nil: nobody looks.
	Progress func(r Run, known bool)
}

// Judge learns with the given numbers from some of the people and returns a
// score, the higher the better.
type Judge func(ctx context.Context, p train.Params, people int) (score float64, err error)

// Run is one trial, judged once.
type Run struct {
	Trial   int          `json:"trial"` // from 0, which has the defaults
	People  int          `json:"people"`
	Params  train.Params `json:"params"` // Fixed and what was searched
	Score   float64      `json:"score"`
	Seconds float64      `json:"seconds"`
}

// Result is what came out.
type Result struct {
	Rungs    [][]Run `json:"rungs"` // of each rung the runs, best first; equal scores by trial
	Best     Run     `json:"best"`  // of the last rung
	Defaults Run     `json:"defaults"`
}

// Search finds the trial that judge likes best. An error that ends it leaves
// the finished runs in Config.State.
func Search(ctx context.Context, cfg Config, judge Judge) (Result, error) {
	s := search{Config: cfg, judge: judge}
	result, err := s.run(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("tune: %w", err)
	}
	return result, nil
}

// search is one call of Search.
type search struct {
	Config
	judge Judge
	state *state
}

func (s *search) run(ctx context.Context) (result Result, err error) {
	if err := s.check(); err != nil {
		return Result{}, err
	}
	if s.state, err = openState(s.State, s.Seed, s.About); err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, s.state.close()) }()
	trials := make([]int, s.Trials)
	for k := range trials {
		trials[k] = k
	}
	for rung := range rungs {
		runs, err := s.rung(ctx, rung, trials)
		if err != nil {
			return Result{}, err
		}
		result.Rungs = append(result.Rungs, runs)
		trials = promoted(runs)
	}
	last := result.Rungs[rungs-1]
	result.Best = last[0]
	result.Defaults = last[slices.IndexFunc(last, func(r Run) bool { return r.Trial == 0 })]
	return result, nil
}

func (s *search) check() error {
	if len(Searched(s.Space, s.Fixed)) == 0 {
		return ErrNoSpace
	}
	if s.Trials < 2 {
		return fmt.Errorf("%d trials: want at least 2, the first of which has the defaults", s.Trials)
	}
	if first := s.people(0); first < fewestPeople {
		return fmt.Errorf("%d people to learn from, %d in the first rung: want at least %d there", s.People, max(first, 0), fewestPeople)
	}
	return nil
}

// people returns how many people a rung learns from.
func (s *search) people(rung int) int {
	n := s.People
	for range rungs - 1 - rung {
		n /= eta
	}
	return n
}

// rung judges trials and returns their runs, best first.
func (s *search) rung(ctx context.Context, rung int, trials []int) ([]Run, error) {
	runs := make([]Run, len(trials))
	for k, trial := range trials {
		run := Run{Trial: trial, People: s.people(rung), Params: draw(s.Space, s.Fixed, s.Seed, trial)}
		var err error
		if runs[k], err = s.judged(ctx, run); err != nil {
			return nil, fmt.Errorf("trial %d, %d people, %v: %w", trial, run.People, run.Params, err)
		}
	}
	slices.SortStableFunc(runs, func(a, b Run) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Trial, b.Trial))
	})
	if rung == 0 && runs[0].Score == runs[len(runs)-1].Score {
		return nil, fmt.Errorf("%d trials with %d people all score %v: what is searched makes no difference here, or there is too little data",
			len(runs), s.people(0), runs[0].Score)
	}
	return runs, nil
}

// judged fills in what judge makes of a run, or the state knows of it.
func (s *search) judged(ctx context.Context, run Run) (Run, error) {
	known, ok, err := s.state.find(run)
	if err != nil {
		return Run{}, err
	}
	if ok {
		run = known
	} else {
		if err := ctx.Err(); err != nil {
			return Run{}, err
		}
		from := time.Now()
		if run.Score, err = s.judge(ctx, run.Params, run.People); err != nil {
			return Run{}, err
		}
		if math.IsNaN(run.Score) || math.IsInf(run.Score, 0) {
			return Run{}, fmt.Errorf("score %v: want a number", run.Score)
		}
		run.Seconds = time.Since(from).Seconds()
		if err := s.state.add(run); err != nil {
			return Run{}, err
		}
	}
	if s.Progress != nil {
		s.Progress(run, ok)
	}
	return run, nil
}

// promoted returns which trials of a rung go on: the best third, and the
// defaults, in the order in which they were drawn.
func promoted(runs []Run) []int {
	var trials []int
	for k, r := range runs {
		if k < (len(runs)+eta-1)/eta || r.Trial == 0 {
			trials = append(trials, r.Trial)
		}
	}
	slices.Sort(trials)
	return trials
}
