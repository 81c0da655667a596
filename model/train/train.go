// Package train learns item-side models from a log of who met what.
//
// [Train] takes an [Input] and returns a [Model] that holds nothing about a
// single user: item factors, item-item weights, counts. Which algorithms there
// are, and which numbers each can be learnt with, is what [Algorithms] and
// [Parameters] list. The same input, configuration and seed give the same
// model, bit for bit, however many workers there are. [Model.Write] and [Read]
// keep a model in a file.
//
// Train refuses logs from which nothing private can be learnt (of one person, or
// of none where a model needs some), weights that are not finite numbers of at least 0, and parameters
// that are unknown or out of bounds, before it starts. It prints nothing; see
// [Progress].
package train

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/nearside/nearside/model/data"
)

// Input is what there is to learn from. Indices of users and items are the same
// in all of it.
type Input struct {
	Pairs     *data.Matrix    // users × items: what each pair weighs; nil: there are none
	Sequences *data.Sequences // the same events in order, repeats included; nil: no order is known
	Items     []data.Item     // n: the catalogue, in the order of the columns; nil: nothing is known of it
	Vectors   *data.Vectors   // of items, by their ids; nil: there are none
}

// Config says how to learn. Only Algorithm has no default.
type Config struct {
	Algorithm Algorithm
	Params    Params         // what is missing has its default
	Seed      uint64         // of everything random
	Workers   int            // goroutines; 0: one per processor. Never changes the model
	Progress  func(Progress) // called by one goroutine at a time; nil: nobody looks

	// From is a model of the same algorithm to go on from, learnt on an earlier
	// state of the log; nil: none. What it can save is saved, see refit.go.
	From *Model

	// Checkpoint is the file that keeps the last finished epoch of a model that
	// has epochs; empty: none. It is removed when Train succeeds. With Resume,
	// Train continues from the file if it is there, and ends with the same bytes
	// as a run that was never interrupted. Models without epochs ignore both and
	// start over.
	Checkpoint string
	Resume     bool
}

// Progress says how far Train is.
type Progress struct {
	Stage       string // what is being done, for example "users" of iALS
	Epoch       int    // from 1; 0 where there are none
	Done, Total int64  // of the whole training, in steps of any kind
}

// Train learns a model from in. It fills all of the model but what only the log
// knows: Label.Dropped and Label.Digest.
//
// When ctx ends, Train stops within a fraction of a second and returns an error
// that wraps ctx.Err().
func Train(ctx context.Context, in Input, cfg Config) (*Model, error) {
	t, err := newTraining(in, cfg)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if err := t.learner.learn(ctx, t); err != nil {
		return nil, fmt.Errorf("train: %s: %w", cfg.Algorithm, err)
	}
	if cfg.From != nil {
		if err := t.align(ctx, cfg.From); err != nil {
			return nil, fmt.Errorf("train: %s: %w", cfg.Algorithm, err)
		}
	}
	t.meter.end()
	return t.model, nil
}

// training is one call of Train.
type training struct {
	Input
	cfg     Config // without zeros
	learner *learner
	model   *Model
	meter   *meter
}

func newTraining(in Input, cfg Config) (*training, error) {
	t := &training{Input: in, cfg: cfg, meter: &meter{report: cfg.Progress}}
	if t.learner = learnerOf(cfg.Algorithm); t.learner == nil {
		return nil, fmt.Errorf("algorithm %q: want one of %v", cfg.Algorithm, Algorithms())
	}
	var err error
	params := cfg.Params
	if cfg.From != nil {
		if err := checkFrom(in, cfg); err != nil {
			return nil, err
		}
		params = t.learner.refitted(cfg.From.Params, cfg.Params)
	}
	if t.cfg.Params, err = t.learner.resolve(params); err != nil {
		return nil, err
	}
	if cfg.Workers == 0 {
		t.cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if in.Pairs == nil {
		t.Pairs = &data.Matrix{Cols: len(in.Items), Ptr: make([]int64, 1)}
	}
	switch {
	case cfg.Workers < 0:
		return nil, fmt.Errorf("workers %d: want at least 1", cfg.Workers)
	case cfg.Resume && cfg.Checkpoint == "":
		return nil, errors.New("resume: no checkpoint file is named")
	case in.Items != nil && len(in.Items) != t.Pairs.Cols:
		return nil, fmt.Errorf("a catalogue of %d items, and pairs with %d", len(in.Items), t.Pairs.Cols)
	}
	t.model = &Model{Algorithm: cfg.Algorithm, Items: in.Items, Params: t.cfg.Params, Seed: cfg.Seed}
	return t, t.count()
}

// value, float and whole return a parameter that the learner declares.
func (t *training) value(name string) float64 { return t.cfg.Params[name] }
func (t *training) float(name string) float32 { return float32(t.cfg.Params[name]) }
func (t *training) whole(name string) int     { return int(t.cfg.Params[name]) }

// meter reports progress from several goroutines. Without a plan every step
// counts 1 of the total, which the learner sets; a nil meter counts nothing.
type meter struct {
	mu     sync.Mutex
	report func(Progress) // nil: nobody looks
	state  Progress

	plan   []stage // the stage that is on, and those ahead of it; nil: there is no plan
	before int64   // cost of the stages that are over
	steps  int     // that are done of the stage that is on
}

// stage is a part of a training of which it is known beforehand how many steps
// it has at most and what they cost together: roughly, in microseconds of one
// worker, so that stages can be compared.
type stage struct {
	name  string
	steps int
	cost  int64
}

// follow sets the plan: a step then counts its share of the cost of its stage.
func (m *meter) follow(plan []stage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.plan = append([]stage{{}}, plan...) // nothing is on yet
	for _, s := range plan {
		m.state.Total += s.cost
	}
}

// enter begins a stage. With a plan it is the next of that name; those before it
// are over, whether or not all of their steps were needed.
func (m *meter) enter(name string, epoch int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Stage, m.state.Epoch = name, epoch
	for len(m.plan) > 1 {
		m.before += m.plan[0].cost
		m.plan, m.steps = m.plan[1:], 0
		if m.plan[0].name == name {
			break
		}
	}
}

// add says that n more steps are done.
func (m *meter) add(n int) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plan == nil {
		m.state.Done += int64(n)
	} else if s := m.plan[0]; s.steps > 0 {
		m.steps = min(m.steps+n, s.steps)
		m.state.Done = m.before + s.cost*int64(m.steps)/int64(s.steps)
	}
	m.tell()
}

// end says that all is done.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.Done < m.state.Total {
		m.state.Done = m.state.Total
		m.tell()
	}
}

func (m *meter) tell() {
	if m.report != nil {
		m.report(m.state)
	}
}
