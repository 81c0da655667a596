package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

type evalCmd struct {
	Source   source            `embed:""`
	Learner  learner           `embed:""`
	Model    []train.Algorithm `enum:"${algorithms}" default:"popular,ials" help:"Models to judge: ${enum}."`
	Protocol string            `enum:"loo,temporal,strong,given,sessions" required:"" help:"What is held out: each user's last event (loo), the newest events (temporal), part of some users (strong), or what --test has (given, sessions). Only sessions lets lists repeat what a user had."`
	Test     string            `placeholder:"FILE" help:"given: the log of held-out events; sessions: lines of items, a tab and the item that came next. --events has the others."`
	Through  []through         `enum:"float,native,module" default:"float" help:"What computes: the trained floats, the packed bytes natively, or in the sealed module."`
	At       []int             `default:"10,20" help:"Lengths of the judged lists."`
	Share    float64           `default:"0.2" help:"temporal: share of events held out; strong: of each held-out user's items."`
	HeldOut  int               `placeholder:"N" help:"strong: users held out; by default a tenth."`
	Quant    []string          `enum:"all,int8,pq,int4,binary,float" placeholder:"all,int8,…" help:"Print what each way to code ials factors costs and loses, through the module, instead of --model and --through."`
	JSON     bool              `name:"json" help:"Print JSON."`

	quantFlags
}

// evaluation is the JSON of eval.
type evaluation struct {
	Protocol string          `json:"protocol"`
	Seed     uint64          `json:"seed"`
	Digest   string          `json:"digest"`  // data.Log.Digest of the cleaned log
	Skipped  int             `json:"skipped"` // rows of which no fair question could be made
	Rows     []evaluationRow `json:"rows"`
}

type evaluationRow struct {
	Model   string      `json:"model"`
	Through through     `json:"through"`
	Result  eval.Result `json:"result"`
}

func (c *evalCmd) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if len(c.Quant) > 0 {
		c.Model = []train.Algorithm{train.IALS}
	}
	configs, err := c.Learner.configs(c.Model...)
	if err != nil {
		return err
	}
	source := c.Source
	if c.repeats() {
		source.KeepRepeats = true
		if source.Format == "" && len(source.Columns) == 0 {
			source.Format = string(data.Sessions)
		}
	}
	d, err := source.read()
	if err != nil {
		return err
	}
	split, err := c.split(d.log)
	if err != nil {
		return err
	}
	if len(c.Quant) > 0 {
		return c.runQuant(ctx, d, split, configs[0])
	}
	digest := d.log.Digest()
	out := evaluation{Protocol: c.Protocol, Seed: c.Learner.Seed, Digest: hex.EncodeToString(digest[:]), Skipped: split.Skipped}
	for _, cfg := range configs {
		m, err := d.learn(ctx, split.Train, cfg)
		if err != nil {
			return err
		}
		rows, err := c.judge(ctx, m, split.Cases)
		if err != nil {
			return fmt.Errorf("%s: %w", cfg.Algorithm, err)
		}
		out.Rows = append(out.Rows, rows...)
	}
	if c.JSON {
		return printJSON(out)
	}
	return out.print()
}

// repeats says whether lists may hold what the person had already.
func (c *evalCmd) repeats() bool { return c.Protocol == "sessions" }

// check finds flags that do not go together.
func (c *evalCmd) check() error {
	if (c.Protocol == "given" || c.Protocol == "sessions") != (c.Test != "") {
		return &usageError{
			err:  fmt.Errorf("--protocol %s, --test %q: one wants the other", c.Protocol, c.Test),
			hint: "--protocol given --test FILE: FILE has the held-out events; --protocol sessions --test FILE: the prepared cases",
		}
	}
	if c.repeats() && (len(c.Quant) > 0 || slices.ContainsFunc(c.Through, func(t through) bool { return t != byFloat })) {
		return &usageError{
			err:  errors.New("--protocol sessions: packed models leave out what a person had, sessions do not"),
			hint: "--through float judges the trained numbers",
		}
	}
	return nil
}

func (c *evalCmd) split(log *data.Log) (data.Split, error) {
	switch c.Protocol {
	case "sessions":
		cases, report, err := data.ReadCases(c.Test, &log.Items)
		if err != nil {
			return data.Split{}, err
		}
		fmt.Fprintln(os.Stderr, report)
		return data.Split{Train: log, Cases: cases}, nil
	case "given":
		return c.given(log)
	case "temporal":
		return data.Temporal(log, c.Share)
	case "strong":
		heldOut := c.HeldOut
		if heldOut == 0 {
			heldOut = max(1, log.Users.Len()/10)
		}
		return data.StrongGeneralisation(log, heldOut, c.Share, c.Learner.Seed)
	}
	return data.LeaveLastOut(log)
}

// given reads the held-out events.
func (c *evalCmd) given(log *data.Log) (data.Split, error) {
	bar := newProgress("reading")
	test, report, err := data.ReadEvents(c.Test, data.Options{
		Format: data.Format(c.Source.Format), Columns: c.Source.Columns, MinRating: c.Source.MinRating,
		Lenient: c.Source.Lenient, Progress: bar.set,
	})
	bar.end()
	if err != nil {
		return data.Split{}, err
	}
	fmt.Fprintln(os.Stderr, report)
	return data.Given(log, test)
}

// judge makes one row for each of c.Through.
func (c *evalCmd) judge(ctx context.Context, m *train.Model, cases []data.Case) (rows []evaluationRow, err error) {
	history := longest(cases)
	var p *packed
	for _, by := range c.Through {
		if by != byFloat && p == nil {
			if p, err = newPacked(m, history, pack.Quant{}); err != nil {
				return nil, err
			}
		}
		result, err := c.evaluate(ctx, by, m, p, cases)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", by, err)
		}
		rows = append(rows, evaluationRow{Model: string(m.Algorithm), Through: by, Result: result})
	}
	return rows, nil
}

// longest returns the length of the longest history.
func longest(cases []data.Case) (history int) {
	for _, cs := range cases {
		history = max(history, len(cs.History))
	}
	return history
}

// evaluate judges one way of computing; p is m packed, and not needed for
// floats.
func (c *evalCmd) evaluate(ctx context.Context, by through, m *train.Model, p *packed, cases []data.Case) (eval.Result, error) {
	opt := eval.Options{Count: m.Count, Ks: c.At, Workers: c.Learner.Workers, Repeats: c.repeats()}
	switch by {
	case byNative:
		return eval.Evaluate(ctx, cases, p.native, opt)
	case byModule:
		newRanker, h, err := p.module(ctx, c.Learner.Workers)
		if err != nil {
			return eval.Result{}, err
		}
		defer closeHost(ctx, h)
		return eval.Evaluate(ctx, cases, newRanker, opt)
	}
	r, err := eval.Float(m, c.repeats())
	if err != nil {
		return eval.Result{}, err
	}
	return eval.Evaluate(ctx, cases, func() (eval.Ranker, error) { return r, nil }, opt)
}

// closeHost frees a host even when ctx is what ended its work.
func closeHost(ctx context.Context, h *host.Host) {
	_ = h.Close(context.WithoutCancel(ctx)) // the only error is a context that ends
}

// print prints one row for each model, way of computing and length.
func (e evaluation) print() error {
	fmt.Printf("protocol %s, %d cases, seed %d, data %s\n\n", e.Protocol, e.Rows[0].Result.Cases, e.Seed, e.Digest[:16])
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "model\tthrough\tk\tNDCG\trecall\trecall/min\tMRR\thit\tcoverage\tpopularity")
	for _, row := range e.Rows {
		for _, m := range row.Result.At {
			fmt.Fprintf(w, "%s\t%s\t%d\t%v\t%v\t%v\t%v\t%v\t%.4f\t%.4f\n", row.Model, row.Through, m.K,
				m.NDCG, m.Recall, m.RecallCapped, m.MRR, m.Hit, m.Coverage, m.Popularity)
		}
	}
	return w.Flush()
}
