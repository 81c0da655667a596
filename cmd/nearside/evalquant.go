package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/train"
)

// quantTable is the JSON of eval --quant.
type quantTable struct {
	Protocol string     `json:"protocol"`
	Seed     uint64     `json:"seed"`
	Digest   string     `json:"digest"` // data.Log.Digest of the training part
	Items    int        `json:"items"`
	Cases    int        `json:"cases"`
	Rows     []quantRow `json:"rows"` // the first is the trained floats
}

// quantRow is what one way to code the factors costs and loses. Lists have 10
// items.
type quantRow struct {
	Name         string        `json:"name"`
	BytesPerItem int           `json:"bytes_per_item"` // of codes and scales; 0 for the trained floats
	Bundle       int           `json:"bundle"`         // bytes
	NDCG         eval.Estimate `json:"ndcg"`
	Loss         float64       `json:"loss"`         // of NDCG, relative to the trained floats
	LossCI       float64       `json:"loss_ci"`      // half of its 95 % confidence interval over the cases
	Recall       eval.Estimate `json:"recall"`       // of the held-out items
	FloatRecall  float64       `json:"float_recall"` // share of the trained floats' ten that the list has
	MedianMS     float64       `json:"median_ms"`    // of a request in the module under wazero
}

// quantPlan is one row to be made.
type quantPlan struct {
	codec string
	flags quantFlags
}

// plans lists the rows of the table: for all, each codec, and pq at several
// sizes with and without rows that rescore.
func (c *evalCmd) plans(d int) (plans []quantPlan) {
	if !slices.Contains(c.Quant, "all") {
		for _, codec := range c.Quant {
			plans = append(plans, quantPlan{codec, c.quantFlags})
		}
		return plans
	}
	auto := quantFlags{Rescore: "auto", Candidates: c.Candidates}
	codes := func(n int) quantFlags {
		return quantFlags{Rescore: "none", BytesPerItem: n, Candidates: c.Candidates}
	}
	return []quantPlan{
		{"float", auto}, {"int8", auto}, {"int4", auto}, {"pq", auto}, {"pq", codes(max(2, 3*d/8))},
		{"pq", codes(max(2, d/4))}, {"pq", codes(max(2, d/8))}, {"binary", auto},
		{"binary", quantFlags{Rescore: "none", Candidates: c.Candidates}},
	}
}

// runQuant prints the table of c.Quant.
func (c *evalCmd) runQuant(ctx context.Context, d *dataset, split data.Split, cfg train.Config) error {
	m, err := d.learn(ctx, split.Train, cfg)
	if err != nil {
		return err
	}
	float, err := eval.Float(m, false)
	if err != nil {
		return err
	}
	base := &comparison{cases: split.Cases}
	result, err := base.run(ctx, m, c.Learner.Workers, func() (eval.Ranker, error) { return float, nil })
	if err != nil {
		return err
	}
	digest := split.Train.Digest()
	table := quantTable{
		Protocol: c.Protocol, Seed: c.Learner.Seed, Digest: hex.EncodeToString(digest[:]),
		Items: len(m.Items), Cases: len(split.Cases),
		Rows: []quantRow{{Name: "trained floats", NDCG: result.NDCG, Recall: result.Recall, FloatRecall: 1}},
	}
	plans := c.plans(m.Dim)
	bar := newProgress("judging")
	for i, plan := range plans {
		bar.set(int64(i), int64(len(plans)))
		row, err := c.quantRow(ctx, m, plan, base)
		if err != nil {
			return fmt.Errorf("%s: %w", plan.codec, err)
		}
		table.Rows = append(table.Rows, row)
	}
	bar.end()
	if c.JSON {
		return printJSON(table)
	}
	return table.print()
}

// quantRow packs, opens the bundle in the module and judges it.
func (c *evalCmd) quantRow(ctx context.Context, m *train.Model, plan quantPlan, base *comparison) (quantRow, error) {
	q, err := plan.flags.of(plan.codec, m.Dim)
	if err != nil {
		return quantRow{}, err
	}
	p, err := newPacked(m, longest(base.cases), false, q)
	if err != nil {
		return quantRow{}, err
	}
	newRanker, h, err := p.module(ctx, c.Learner.Workers)
	if err != nil {
		return quantRow{}, err
	}
	defer closeHost(ctx, h)
	coded := &comparison{cases: base.cases}
	result, err := coded.run(ctx, m, c.Learner.Workers, newRanker)
	if err != nil {
		return quantRow{}, err
	}
	scanned, rescored := q.BytesPerItem(m.Dim)
	row := quantRow{
		Name: quantName(p.bundle.Manifest.Retrieval), BytesPerItem: scanned + rescored, Bundle: len(p.file),
		NDCG: result.NDCG, Recall: result.Recall, FloatRecall: base.overlap(coded), MedianMS: coded.medianMS(),
	}
	row.Loss, row.LossCI = base.loss(coded)
	return row, nil
}

// quantName is the short form of retrievalText.
func quantName(r bundle.Retrieval) string {
	s := r.Codec.String()
	if r.Codec == bundle.CodecPQ {
		s = fmt.Sprintf("%s %d B", s, bytesOfPQ(r))
	}
	if r.Rescore != bundle.CodecNone {
		s += " + " + r.Rescore.String()
	}
	return s
}

// comparison is what a ranker made of the cases.
type comparison struct {
	cases []data.Case
	ndcg  []float64 // by case
	lists [][]int32 // by case

	mu      sync.Mutex
	rankers []*timedRanker
}

// comparedAt is the length of the lists that are compared.
const comparedAt = 10

func (c *comparison) run(ctx context.Context, m *train.Model, workers int, newRanker func() (eval.Ranker, error)) (eval.Metrics, error) {
	c.ndcg, c.lists = make([]float64, len(c.cases)), make([][]int32, len(c.cases))
	result, err := eval.Evaluate(ctx, c.cases, func() (eval.Ranker, error) {
		r, err := newRanker()
		if err != nil {
			return nil, err
		}
		timed := &timedRanker{Ranker: r}
		c.mu.Lock()
		c.rankers = append(c.rankers, timed)
		c.mu.Unlock()
		return timed, nil
	}, eval.Options{Count: m.Count, Ks: []int{comparedAt}, Workers: workers, NDCG: c.ndcg, Lists: c.lists})
	if err != nil {
		return eval.Metrics{}, err
	}
	return result.At[0], nil
}

// overlap returns the share of c's lists that other found.
func (c *comparison) overlap(other *comparison) float64 {
	found, of := 0, 0
	for i, list := range other.lists {
		for _, item := range list {
			if slices.Contains(c.lists[i], item) {
				found++
			}
		}
		of += len(c.lists[i])
	}
	return float64(found) / float64(max(of, 1))
}

// medianMS returns the median time of a request.
func (c *comparison) medianMS() float64 {
	var all []time.Duration
	for _, r := range c.rankers {
		all = append(all, r.took...)
	}
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}

// loss returns by how much the NDCG of other is less, relative to c's, and half
// of the 95 % confidence interval of that over the cases, which both were asked
// about.
func (c *comparison) loss(other *comparison) (loss, ci float64) {
	paired := make([]float64, len(c.cases))
	var mean float64
	for i := range paired {
		paired[i] = c.ndcg[i] - other.ndcg[i]
		mean += c.ndcg[i] / float64(len(paired))
	}
	e := eval.EstimateOf(paired)
	return e.Mean / mean, e.CI / mean
}

// timedRanker says how long a ranker took. It is for one goroutine.
type timedRanker struct {
	eval.Ranker
	took []time.Duration
}

func (r *timedRanker) Rank(dst []int32, q eval.Question) ([]int32, error) {
	from := time.Now()
	list, err := r.Ranker.Rank(dst, q)
	r.took = append(r.took, time.Since(from))
	return list, err
}

func (t quantTable) print() error {
	fmt.Printf("protocol %s, %d items, %d cases, seed %d, data %s; lists of %d\n\n", t.Protocol, t.Items, t.Cases, t.Seed, t.Digest[:16], comparedAt)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "codes\tbytes/item\tbundle\tNDCG\tloss\trecall\tof floats' ten\tmedian ms")
	for i, r := range t.Rows {
		if i == 0 {
			fmt.Fprintf(w, "%s\t\t\t%v\t\t%v\t1\t\n", r.Name, r.NDCG, r.Recall)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%v\t%.1f ±%.1f %%\t%v\t%.3f\t%.2f\n",
			r.Name, r.BytesPerItem, r.Bundle, r.NDCG, 100*r.Loss, 100*r.LossCI, r.Recall, r.FloatRecall, r.MedianMS)
	}
	return w.Flush()
}
