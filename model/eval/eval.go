// Package eval judges recommenders: it asks a Ranker about each case of a
// split and says how well the held-out items were ranked.
//
//	result, err := eval.Evaluate(ctx, split.Cases, newRanker, eval.Options{Count: model.Count})
//	fmt.Print(result)
//
// A case is ranked among the whole catalogue unless it has candidates of its
// own, which are there to compare with papers that sampled them. Krichene and
// Rendle, On Sampled Metrics for Item Recommendation (KDD 2020), show that a
// sample may put the better recommender second: choose by full rankings.
// Whether what is judged is the trained floats, their int8 codes or the shipped
// module is the Ranker's business: the ruler is the same for all. Float makes
// the first.
//
// The same cases and rankers give the same Result, whatever the number of
// workers. RESULTS.md holds the tables, each with the command that prints it.
//
// A ranking that breaks Ranker's promises is an error, not a score.
package eval

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nearside/nearside/model/data"
)

// Question is what a Ranker is asked. Its slices belong to whoever asks.
type Question struct {
	History []data.Event // in time order; may be empty
	Among   []int32      // ascending: rank only these; nil: the whole catalogue
	K       int          // how many are wanted, at least 1
}

// Ranker ranks a catalogue of n items for one person.
type Ranker interface {
	// Rank appends to dst the indices of the K best items for a person with
	// this history, best first and none twice. The history's items are left
	// out, whatever their kind, unless the ranker was made for repeats. Where
	// fewer than K items are left it may give them all.
	Rank(dst []int32, q Question) ([]int32, error)
}

// Options says how to judge.
type Options struct {
	Count   []uint32  // n: people who had the item in training; needed
	People  uint64    // in training; 0: Novelty is left out
	Tags    [][]int32 // n: what Tags returns; nil: Diversity and Metrics.Tags are left out
	Ks      []int     // lengths of the judged lists; nil: 10 and 20
	Workers int       // rankers that run at the same time; 0: one for each CPU

	// Repeats says that the rankers are made for repeats: what a person met may
	// come again, and is ranked as everything else. It is the rule for sessions
	// (Wu et al., AAAI 2019). Without it a ranking that holds an item of the
	// history is an error, and so is a case that asks for one.
	Repeats bool

	// NDCG and Lists are set to each case's, at the first of Ks, when they are
	// as long as the cases: to compare two rankers case by case.
	NDCG  []float64
	Lists [][]int32
}

// Evaluate asks rankers that newRanker makes, one for each worker, to rank the
// whole catalogue for every case. There must be at least one case. Each must
// have a target, and a history inside the catalogue. An item of a target may
// be outside it and is then missed. Where any case has candidates of its own,
// what Metrics says of the lists themselves is left out: a sample has no lists.
//
// A ranking has no ties: the ranker has broken them, by index where it is one
// of ours. What a ranker does not give comes after everything that it gives.
func Evaluate(ctx context.Context, cases []data.Case, newRanker func() (Ranker, error), opt Options) (Result, error) {
	t := trial{cases: cases, newRanker: newRanker, opt: opt}
	return t.run(ctx)
}

// trial is one evaluation.
type trial struct {
	cases     []data.Case
	newRanker func() (Ranker, error)
	opt       Options

	lists   *lists    // nil: not wanted
	tallies [][]tally // by case and K
}

// tally is what one case leaves, at one K.
type tally struct {
	measures
	listed
}

func (t *trial) run(ctx context.Context) (Result, error) {
	if t.opt.Ks == nil {
		t.opt.Ks = []int{10, 20}
	}
	if len(t.opt.Count) == 0 {
		return Result{}, errors.New("eval: Options.Count is empty: no catalogue")
	}
	if len(t.opt.Ks) == 0 || slices.Min(t.opt.Ks) < 1 {
		return Result{}, fmt.Errorf("eval: ks %v: want numbers of at least 1", t.opt.Ks)
	}
	if err := t.checkCases(); err != nil {
		return Result{}, err
	}
	workers := t.opt.Workers
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}

	// Every case writes to its own place and the sums are taken afterwards, so
	// that they do not depend on who did what.
	if !slices.ContainsFunc(t.cases, func(c data.Case) bool { return c.Among != nil }) {
		t.lists = newLists(t.opt)
	}
	t.tallies = make([][]tally, len(t.cases))
	var next atomic.Int64
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for range min(workers, len(t.cases)) {
		wg.Go(func() {
			w := worker{trial: t, mark: make([]int32, len(t.opt.Count))}
			if err := w.run(ctx, &next); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}
	return t.result(), nil
}

func (t *trial) checkCases() error {
	if len(t.cases) == 0 {
		return errors.New("eval: no cases")
	}
	n := len(t.opt.Count)
	for c := range t.cases {
		if len(t.cases[c].Target) == 0 {
			return fmt.Errorf("eval: case %d: no target", c)
		}
		for _, e := range t.cases[c].History {
			if e.Item < 0 || int(e.Item) >= n {
				return fmt.Errorf("eval: case %d: item %d in the history, but the catalogue has %d items", c, e.Item, n)
			}
		}
		if err := checkAmong(t.cases[c], n); err != nil {
			return fmt.Errorf("eval: case %d: %w", c, err)
		}
	}
	return nil
}

// checkAmong sees that the candidates of c are ascending items of n, and have
// what is asked for.
func checkAmong(c data.Case, n int) error {
	if c.Among == nil {
		return nil
	}
	last := int32(-1)
	for _, i := range c.Among {
		if i <= last || int(i) >= n {
			return fmt.Errorf("candidate %d after %d: want ascending items of %d", i, last, n)
		}
		last = i
	}
	for _, i := range c.Target {
		if _, ok := slices.BinarySearch(c.Among, i); !ok && i >= 0 && int(i) < n {
			return fmt.Errorf("item %d is asked for and no candidate", i)
		}
	}
	return nil
}

// worker answers cases with a ranker of its own.
type worker struct {
	*trial
	ranker  Ranker
	ranking []int32
	mark    []int32 // n: see check
}

func (w *worker) run(ctx context.Context, next *atomic.Int64) (err error) {
	if w.ranker, err = w.newRanker(); err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	for {
		c := int(next.Add(1) - 1)
		if c >= len(w.cases) || ctx.Err() != nil {
			return nil
		}
		if w.tallies[c], err = w.judge(c); err != nil {
			return fmt.Errorf("eval: case %d: %w", c, err)
		}
	}
}

// judge asks about case c and measures the answer.
func (w *worker) judge(c int) ([]tally, error) {
	asked := w.cases[c]
	q := Question{History: asked.History, Among: asked.Among, K: slices.Max(w.opt.Ks)}
	var err error
	if w.ranking, err = w.ranker.Rank(w.ranking[:0], q); err != nil {
		return nil, err
	}
	if err := w.check(c, q.K); err != nil {
		return nil, err
	}

	tallies := make([]tally, len(w.opt.Ks))
	for at, k := range w.opt.Ks {
		list := w.ranking[:min(k, len(w.ranking))]
		tallies[at].measures = measure(list, asked.Target, k)
		if w.lists != nil {
			tallies[at].listed = w.lists.add(at, list)
		}
		if at == 0 && len(w.opt.NDCG) == len(w.cases) {
			w.opt.NDCG[c] = tallies[0].ndcg()
		}
		if at == 0 && len(w.opt.Lists) == len(w.cases) {
			w.opt.Lists[c] = slices.Clone(list)
		}
	}
	return tallies, nil
}

// check tells whether the ranking of case c keeps Ranker's promises. It leaves
// marks of its own on the case's candidates, its history and what was ranked.
func (w *worker) check(c, k int) error {
	if len(w.ranking) > k {
		return fmt.Errorf("asked for %d items, the ranker gave %d", k, len(w.ranking))
	}
	asked, n := w.cases[c], len(w.opt.Count)
	candidate, met, ranked := int32(3*c+1), int32(3*c+2), int32(3*c+3)
	for _, i := range asked.Among {
		w.mark[i] = candidate
	}
	if !w.opt.Repeats {
		for _, e := range asked.History {
			w.mark[e.Item] = met
		}
		for _, i := range asked.Target {
			if i >= 0 && int(i) < n && w.mark[i] == met {
				return fmt.Errorf("item %d is asked for and in the history, and the rankers are not made for repeats", i)
			}
		}
	}
	for _, i := range w.ranking {
		if i < 0 || int(i) >= n {
			return fmt.Errorf("the ranker gave item %d of %d", i, n)
		}
		switch mark := w.mark[i]; {
		case mark == met:
			return fmt.Errorf("the ranker gave item %d, which is in the history", i)
		case mark == ranked:
			return fmt.Errorf("the ranker gave item %d twice", i)
		case asked.Among != nil && mark != candidate:
			return fmt.Errorf("the ranker gave item %d, which is no candidate", i)
		}
		w.mark[i] = ranked
	}
	return nil
}

// result takes the means over all cases, in the order of the cases.
func (t *trial) result() Result {
	result := Result{Cases: len(t.cases)}
	by := groupings(t.cases, t.opt.Repeats)
	for at, k := range t.opt.Ks {
		m := Metrics{K: k}
		for which, to := range m.estimates() {
			*to = EstimateOf(t.values(at, which))
		}
		for _, g := range by {
			groups := g.groups(t, at)
			m.Groups = append(m.Groups, groups...)
			if gap, ok := gapBetween(groups); ok && g.people {
				m.Gaps = append(m.Gaps, gap)
			}
		}
		if t.lists != nil {
			t.lists.fill(&m, at, t.tallies)
		}
		result.At = append(result.At, m)
	}
	if t.lists != nil {
		result.HistoryPopularity = t.lists.popularityOf(t.cases)
	}
	return result
}

// values returns one measure of every case.
func (t *trial) values(at, which int) []float64 {
	values := make([]float64, len(t.cases))
	for c := range t.tallies {
		values[c] = t.tallies[c][at].measures[which]
	}
	return values
}
