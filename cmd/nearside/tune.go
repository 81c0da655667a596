package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/model/tune"
)

type tuneCmd struct {
	Source  source          `embed:""`
	Learner learner         `embed:""`
	Model   train.Algorithm `enum:"${algorithms}" default:"ials" help:"What to learn: ${enum}. What --set gives is not searched."`
	Trials  int             `default:"27" help:"Sets of numbers to begin with; the first are the defaults."`
	At      int             `default:"10" help:"Length of the lists whose NDCG decides."`
	State   string          `default:"tune.jsonl" placeholder:"FILE" help:"Keeps what is finished. The same command goes on from there."`
	JSON    bool            `name:"json" help:"Print JSON, with every run."`

	protocol
	contentFlags
}

// tuned is the JSON of tune.
type tuned struct {
	tuneAbout
	Seed   uint64      `json:"seed"`
	Set    string      `json:"set"` // for --set
	Result tune.Result `json:"result"`
}

// tuneAbout is what a score depends on besides the trial and the seed.
type tuneAbout struct {
	Model    train.Algorithm `json:"model"`
	Protocol string          `json:"protocol"`
	Share    float64         `json:"share"`
	HeldOut  int             `json:"held_out"`
	At       int             `json:"at"`
	Fixed    train.Params    `json:"fixed"`
	Vectors  string          `json:"vectors,omitempty"` // the file of item vectors
	Digest   string          `json:"digest"`            // data.Log.Digest of the cleaned log
	Learnt   string          `json:"learnt"`            // and of what is learnt from
	Events   int             `json:"events"`            // to learn from
	Cases    int             `json:"cases"`             // to judge by
}

func (c *tuneCmd) Run(ctx context.Context) error {
	configs, err := c.Learner.configs(c.Model)
	if err != nil {
		return err
	}
	cfg := configs[0]
	if err := c.check(cfg.Params); err != nil {
		return err
	}
	d, err := c.read(c.Source, c.contentFlags, c.Model.Alone(), c.Learner.Seed)
	if err != nil {
		return err
	}
	split, err := c.validation(d.log, c.Learner.Seed)
	if err != nil {
		return err
	}
	out := tuned{Seed: c.Learner.Seed, tuneAbout: c.about(d.log, split, cfg.Params)}
	out.Result, err = tune.Search(ctx, tune.Config{
		Space: c.Model.Parameters(), Fixed: cfg.Params, Trials: c.Trials, People: split.Train.Users.Len(), Seed: c.Learner.Seed,
		State: c.State, About: out.tuneAbout, Progress: c.progress,
	}, func(ctx context.Context, p train.Params, people int) (float64, error) {
		cfg := cfg
		cfg.Params = p
		return c.score(ctx, d, split, cfg, people)
	})
	if errors.Is(err, context.Canceled) {
		return &interruptedError{
			err:  fmt.Errorf("%w; finished runs are in %q", err, c.State),
			hint: "to go on: " + thisCommand(),
		}
	}
	if err != nil {
		return err
	}
	out.Set = out.Result.Best.Params.String()
	if c.JSON {
		return printJSON(out)
	}
	return out.print()
}

// check finds what is misuse whatever the data are.
func (c *tuneCmd) check(fixed train.Params) error {
	switch {
	case len(tune.Searched(c.Model.Parameters(), fixed)) == 0:
		return &usageError{
			err:  fmt.Errorf("--model %s: %w that --set leaves free", c.Model, tune.ErrNoSpace),
			hint: "nearside models --json has, under search, where each number is looked for",
		}
	case c.Trials < 2:
		return &usageError{err: fmt.Errorf("--trials %d: want at least 2", c.Trials), hint: "the first trial has the defaults; 27 cost about ten trainings"}
	case c.At < 1:
		return &usageError{err: fmt.Errorf("--at %d: want at least 1", c.At), hint: "--at 10 judges lists of 10"}
	}
	return nil
}

func (c *tuneCmd) about(log *data.Log, split data.Split, fixed train.Params) tuneAbout {
	whole, learnt := log.Digest(), split.Train.Digest()
	return tuneAbout{
		Model: c.Model, Protocol: c.Protocol, Share: c.Share, HeldOut: c.HeldOut, At: c.At, Fixed: fixed, Vectors: c.ItemVectors,
		Digest: hex.EncodeToString(whole[:]), Learnt: hex.EncodeToString(learnt[:]),
		Events: split.Train.Len(), Cases: len(split.Cases),
	}
}

// score learns from some of the people and returns the NDCG over all cases.
func (c *tuneCmd) score(ctx context.Context, d *dataset, split data.Split, cfg train.Config, people int) (float64, error) {
	m, err := d.learn(ctx, data.Sample(split.Train, people, cfg.Seed), cfg)
	if err != nil {
		return 0, err
	}
	r, err := eval.Float(m, c.repeats())
	if err != nil {
		return 0, err
	}
	newRanker := func() (eval.Ranker, error) { return r, nil }
	result, err := eval.Evaluate(ctx, split.Cases, newRanker, eval.Options{
		Count: m.Count, Ks: []int{c.At}, Workers: cfg.Workers, Repeats: c.repeats(),
	})
	if err != nil {
		return 0, err
	}
	return result.At[0].NDCG.Mean, nil
}

// progress tells of a run.
func (c *tuneCmd) progress(r tune.Run, known bool) {
	took := fmt.Sprintf("%.1f s", r.Seconds)
	if known {
		took = "from " + c.State
	}
	fmt.Fprintf(os.Stderr, "trial %d, %d people: NDCG@%d %.4f, %s, %v\n", r.Trial, r.People, c.At, r.Score, took, r.Params)
}

// print prints the trials, those that came furthest first, and what to type.
func (t tuned) print() error {
	fmt.Printf("protocol %s on validation, %d cases, seed %d, data %s\n\n", t.Protocol, t.Cases, t.Seed, t.Digest[:16])
	rungs := t.Result.Rungs
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "NDCG@%d of trial", t.At)
	for _, runs := range rungs {
		fmt.Fprintf(w, "\t%d people", runs[0].People)
	}
	fmt.Fprintln(w, "\tlearnt with")
	printed := map[int]bool{}
	for _, runs := range slices.Backward(rungs) {
		for _, run := range runs {
			if !printed[run.Trial] {
				printed[run.Trial] = true
				t.line(w, run)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	best, defaults := t.Result.Best, t.Result.Defaults
	fmt.Printf("\nbest: trial %d, NDCG@%d %.4f; the defaults: %.4f\n--model %s --set %s\n",
		best.Trial, t.At, best.Score, defaults.Score, t.Model, t.Set)
	return nil
}

// line prints what one trial scored in each rung that it came to.
func (t tuned) line(w *tabwriter.Writer, of tune.Run) {
	fmt.Fprintf(w, "%d", of.Trial)
	for _, runs := range t.Result.Rungs {
		at := slices.IndexFunc(runs, func(r tune.Run) bool { return r.Trial == of.Trial })
		if at < 0 {
			fmt.Fprint(w, "\t")
			continue
		}
		fmt.Fprintf(w, "\t%.4f", runs[at].Score)
	}
	fmt.Fprintf(w, "\t%v\n", of.Params)
}
