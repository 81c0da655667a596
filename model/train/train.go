// Package train learns item-side models from a matrix of who had what.
//
// [Train] takes users × items and returns a [Model] that holds nothing about a
// single user: item factors (iALS), item-item weights (EASE) or counts
// (Popular). The same matrix, configuration and seed give the same model, bit
// for bit, however many workers there are. [Model.Write] and [Read] keep a
// model in a file.
//
// Train refuses matrices from which nothing private can be learnt (fewer than
// two people), weights that are not finite numbers of at least 0, and
// configurations out of bounds, before it starts. It prints nothing; see
// [Progress].
package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// MaxDim is the greatest number of factors: a bundle's reader stops there too.
const MaxDim = quant.MaxDim

// Config says how to learn. Only Algorithm has no default.
type Config struct {
	Algorithm Algorithm
	Workers   int            // goroutines; 0: one per processor. Never changes the model
	Progress  func(Progress) // called by one goroutine at a time; nil: nobody looks

	// iALS. The defaults suit MovieLens-1M at 64 factors.
	Dim      int     // factors per item, 1 … MaxDim; 0: 64
	Epochs   int     // passes over users and items; 0: 15
	Reg      float32 // lambda; 0: 0.003
	Alpha    float32 // weight of an unobserved pair, an observed one having 1; 0: 0.1
	Exponent float32 // nu: 1 scales lambda with a row's pairs, near 0 not at all; 0: 1
	InitStd  float32 // the first item factors are N(0, InitStd²/Dim); 0: 0.1
	Seed     uint64  // of the first item factors

	// Checkpoint is the file that keeps the last finished epoch of iALS; empty:
	// none. It is removed when Train succeeds. With Resume, Train continues
	// from the file if it is there, and ends with the same bytes as a run that
	// was never interrupted. EASE and Popular have no epochs: they ignore both
	// and start over.
	Checkpoint string
	Resume     bool

	// EASE.
	Lambda     float64 // added to the diagonal of XᵀX; 0: 500
	Neighbours int     // weights kept per row, largest magnitudes first; 0: all
}

// Progress says how far Train is.
type Progress struct {
	Stage       string // "users", "items" or, at the end, "moment" (iALS); "products", "inverse" or "neighbours" (EASE)
	Epoch       int    // iALS: from 1
	Done, Total int64  // of the whole training, in rows and columns
}

// Train learns a model from m, users × items, in which Val weighs the pairs.
// It fills all of the model but what only the log knows: Items, Label.Dropped
// and Label.Digest.
//
// When ctx ends, Train stops within a fraction of a second and returns an error
// that wraps ctx.Err().
func Train(ctx context.Context, m *data.Matrix, cfg Config) (*Model, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	model := &Model{Algorithm: cfg.Algorithm}
	if err := count(model, m); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	var err error
	switch cfg.Algorithm {
	case IALS:
		model.Dim, model.Alpha, model.Reg, model.Exponent = cfg.Dim, cfg.Alpha, cfg.Reg, cfg.Exponent
		model.Factors, model.Moment, err = trainIALS(ctx, m, cfg)
	case EASE:
		model.Neighbours, err = trainEASE(ctx, m, cfg)
	case Popular:
		// The counts are all there is to it.
	}
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", cfg.Algorithm, err)
	}
	return model, nil
}

func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Dim == 0 {
		c.Dim = 64
	}
	if c.Epochs == 0 {
		c.Epochs = 15
	}
	if c.Reg == 0 {
		c.Reg = .003
	}
	if c.Alpha == 0 {
		c.Alpha = .1
	}
	if c.Exponent == 0 {
		c.Exponent = 1
	}
	if c.InitStd == 0 {
		c.InitStd = .1
	}
	if c.Lambda == 0 {
		c.Lambda = 500
	}
	return c
}

func (c Config) check() error {
	switch c.Algorithm {
	case IALS, EASE, Popular:
	default:
		return fmt.Errorf("algorithm %q: want %q, %q or %q", c.Algorithm, IALS, EASE, Popular)
	}
	for _, f := range []struct {
		name  string
		value float64
		max   float64
	}{
		{"reg", float64(c.Reg), math.MaxFloat32},
		{"alpha", float64(c.Alpha), math.MaxFloat32},
		{"exponent", float64(c.Exponent), math.MaxFloat32},
		{"init std", float64(c.InitStd), math.MaxFloat32},
		{"lambda", c.Lambda, math.MaxFloat64},
	} {
		if !(f.value > 0 && f.value <= f.max) {
			return fmt.Errorf("%s %v: want a finite number above 0", f.name, f.value)
		}
	}
	switch {
	case c.Dim < 1 || c.Dim > MaxDim:
		return fmt.Errorf("dim %d: want 1 … %d", c.Dim, MaxDim)
	case c.Epochs < 1:
		return fmt.Errorf("epochs %d: want at least 1", c.Epochs)
	case c.Workers < 1:
		return fmt.Errorf("workers %d: want at least 1", c.Workers)
	case c.Neighbours < 0:
		return fmt.Errorf("neighbours %d: want at least 0, which keeps all", c.Neighbours)
	case c.Resume && c.Checkpoint == "":
		return errors.New("resume: no checkpoint file is named")
	}
	return nil
}

// meter reports progress from several goroutines.
type meter struct {
	mu     sync.Mutex
	report func(Progress) // nil: nobody looks
	state  Progress
}

// enter begins a stage.
func (m *meter) enter(stage string, epoch int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Stage, m.state.Epoch = stage, epoch
}

// add says that n more steps are done.
func (m *meter) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Done += int64(n)
	if m.report != nil {
		m.report(m.state)
	}
}
