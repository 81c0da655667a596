package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

type evalCmd struct {
	Source  source            `embed:""`
	Learner learner           `embed:""`
	Model   []train.Algorithm `enum:"${algorithms}" default:"popular,auto" help:"Models to judge: ${enum}."`
	Through []through         `enum:"float,native,module" default:"float" help:"What computes: the trained floats, the packed bytes natively, or in the sealed module."`
	At      []int             `default:"10,20" help:"Lengths of the judged lists."`
	Diverse []float64         `name:"diversity" default:"0" placeholder:"D,…" help:"How diverse packed lists are to be, 0 to 1: a row for each. Judge lists of one length."`
	Groups  bool              `help:"Print how well each group of people is served, too."`
	Quant   []string          `enum:"all,int8,pq,int4,binary,float" placeholder:"all,int8,…" help:"Print what each way to code ials factors costs and loses, through the module, instead of --model and --through."`
	JSON    bool              `name:"json" help:"Print JSON, with everything."`

	judging
	quantFlags
	contentFlags
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
	d, err := c.read(c.Source, c.contentFlags, slices.ContainsFunc(c.Model, train.Algorithm.Alone), c.Learner.Seed)
	if err != nil {
		return err
	}
	split, err := c.split(d.log, c.Source, c.Learner.Seed)
	if err != nil {
		return err
	}
	if len(c.Quant) > 0 {
		return c.runQuant(ctx, d, split, configs[0])
	}
	rows, err := c.rows(ctx, d, split, configs)
	if err != nil {
		return err
	}
	digest := d.log.Digest()
	out := evaluation{
		Protocol: c.Protocol, On: c.On, Seed: c.Learner.Seed, Digest: hex.EncodeToString(digest[:]),
		Items: d.log.Items.Len(), Skipped: split.Skipped, Overlap: split.Overlap,
		Rows: rows, Comparisons: compare(rows, c.At[0]),
	}
	if c.JSON {
		return printJSON(out)
	}
	return out.print(c.Groups)
}

// check finds flags that do not go together.
func (c *evalCmd) check() error {
	if len(c.At) == 0 {
		return &usageError{err: fmt.Errorf("--at: no lengths"), hint: "--at 10,20 judges lists of 10 and of 20"}
	}
	packed := len(c.Quant) > 0
	for _, by := range c.Through {
		packed = packed || by != byFloat
	}
	pools := len(c.Quant) == 0 && !slices.ContainsFunc(c.Model, func(a train.Algorithm) bool { return a != train.Auto })
	if c.repeats() && packed && !pools {
		return &usageError{
			err:  fmt.Errorf("--protocol %s: packed models leave out what a person had, sessions do not", c.Protocol),
			hint: "--through float judges the trained numbers; --model auto makes pools, which can repeat",
		}
	}
	for _, d := range c.Diverse {
		if _, err := diversityOf(d); err != nil {
			return err
		}
		switch {
		case d > 0 && slices.Contains(c.Through, byFloat):
			return &usageError{err: fmt.Errorf("--diversity %v: the trained floats have no diverse lists", d), hint: "--through native judges the packed bytes"}
		case d > 0 && len(c.At) > 1:
			return &usageError{err: fmt.Errorf("--diversity %v: a shorter diverse list is not the beginning of a longer one", d), hint: "--at 10 judges lists of 10"}
		case d > 0 && len(c.Quant) > 0:
			return &usageError{err: fmt.Errorf("--diversity %v: --quant has no diverse lists", d)}
		}
	}
	return c.judging.check()
}

// rows learns and judges every model.
func (c *evalCmd) rows(ctx context.Context, d *dataset, split data.Split, configs []train.Config) (rows []evaluationRow, err error) {
	for _, cfg := range configs {
		from := time.Now()
		m, err := d.learn(ctx, split.Train, cfg)
		if err != nil {
			return nil, err
		}
		seconds := time.Since(from).Seconds()
		if c.repeats() && len(rows) == 0 {
			row := evaluationRow{Model: "recency", Through: byFloat}
			baseline := func() (eval.Ranker, error) { return eval.Recency(), nil }
			if err := c.evaluate(ctx, &row, m, split.Cases, baseline); err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		judged, err := c.judge(ctx, m, split.Cases)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cfg.Algorithm, err)
		}
		for _, row := range judged {
			row.Seconds = seconds
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// judge makes one row for each of c.Through and c.Diverse.
func (c *evalCmd) judge(ctx context.Context, m *train.Model, cases []data.Case) (rows []evaluationRow, err error) {
	var p *packed
	for _, by := range c.Through {
		row := evaluationRow{Model: string(m.Algorithm), Through: by}
		if by != byFloat && p == nil {
			var q pack.Quant
			if c.BytesPerItem > 0 && m.Dim > 0 {
				if q, err = c.of("pq", m.Dim); err != nil {
					return nil, err
				}
			}
			if p, err = newPacked(m, longest(cases), c.repeats(), q); err != nil {
				return nil, err
			}
		}
		if by != byFloat {
			row.Bundle = len(p.file)
		}
		newRanker, done, err := c.ranker(ctx, by, m, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", by, err)
		}
		for _, row.Diversity = range c.Diverse {
			if p != nil {
				p.diversity, _ = diversityOf(row.Diversity) // checked
			}
			if err = c.evaluate(ctx, &row, m, cases, newRanker); err != nil {
				break
			}
			rows = append(rows, row)
		}
		done()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", by, err)
		}
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

// ranker returns a maker of rankers for one way of computing, and what ends
// it; p is m packed, and not needed for floats.
func (c *evalCmd) ranker(ctx context.Context, by through, m *train.Model, p *packed) (newRanker func() (eval.Ranker, error), done func(), err error) {
	switch by {
	case byNative:
		return p.native, func() {}, nil
	case byModule:
		newRanker, h, err := p.module(ctx, c.Learner.Workers)
		if err != nil {
			return nil, nil, err
		}
		return newRanker, func() { closeHost(ctx, h) }, nil
	}
	r, err := eval.Float(m, c.repeats())
	if err != nil {
		return nil, nil, err
	}
	return func() (eval.Ranker, error) { return r, nil }, func() {}, nil
}

// closeHost frees a host even when ctx is what ended its work.
func closeHost(ctx context.Context, h *host.Host) {
	_ = h.Close(context.WithoutCancel(ctx)) // the only error is a context that ends
}

// evaluate fills in what row's ranker makes of the cases.
func (c *evalCmd) evaluate(ctx context.Context, row *evaluationRow, m *train.Model, cases []data.Case, newRanker func() (eval.Ranker, error)) (err error) {
	row.ndcg = make([]float64, len(cases))
	row.Result, err = eval.Evaluate(ctx, cases, newRanker, eval.Options{
		Count: m.Count, People: m.Label.Users, Tags: eval.Tags(m.Items),
		Ks: c.At, Workers: c.Learner.Workers, Repeats: c.repeats(), NDCG: row.ndcg,
	})
	return err
}
