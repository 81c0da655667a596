package train

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/data"
)

// sequenceCase asks for the item that came after a history.
type sequenceCase struct {
	history []int32
	target  int32
}

// sequenceJudge ranks the catalogue for held-out cases as a device would.
type sequenceJudge []sequenceCase

// judgedCases bounds the cases: more of them tell epochs apart no better.
const judgedCases = 10_000

// holdOut makes cases of a random share of the sequences with three items or
// more, at least of one, by taking their last items away. It returns what is
// left of all sequences with at least two items.
func holdOut(seq *data.Sequences, share float64, rng *rand.Rand) (rows [][]int32, judge sequenceJudge) {
	var able []int
	for u := range seq.Users() {
		if len(seq.Row(u)) >= 3 {
			able = append(able, u)
		}
	}
	rng.Shuffle(len(able), func(i, j int) { able[i], able[j] = able[j], able[i] })
	able = able[:min(len(able), max(1, int(math.Round(share*float64(len(able))))))]
	held := make([]bool, seq.Users())
	for _, u := range able {
		held[u] = true
	}
	for _, u := range able[:min(len(able), judgedCases)] {
		row := seq.Row(u)
		judge = append(judge, sequenceCase{row[:len(row)-1], row[len(row)-1]})
	}
	for u := range seq.Users() {
		row := seq.Row(u)
		if held[u] {
			row = row[:len(row)-1]
		}
		if len(row) >= 2 {
			rows = append(rows, row)
		}
	}
	return rows, judge
}

// ndcg returns the mean over the cases of 1/log2(rank+1), for targets among the
// first ten.
func (j sequenceJudge) ndcg(ctx context.Context, workers int, factors []float32, w *bundle.Encoder) (float64, error) {
	ranks, err := j.ranks(ctx, workers, factors, w)
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, rank := range ranks {
		if rank <= 10 {
			sum += 1 / math.Log2(float64(rank+1))
		}
	}
	return sum / float64(len(ranks)), nil
}

// ranks returns the place of each case's target, from 1, among all items but
// those of the history. Equal scores are ranked by index.
func (j sequenceJudge) ranks(ctx context.Context, workers int, factors []float32, w *bundle.Encoder) ([]int, error) {
	d := w.Dim
	n := len(factors) / d
	items := panels(quant.MatrixOf(factors, n, d))
	ranks := make([]int, len(j))
	err := blocks(ctx, workers, len(j), lossRows, func() func(from, to int) error {
		encoder := score.NewSequence(*w)
		var rows []float32
		var persons, scores quant.Matrix
		return func(from, to int) error {
			persons, scores = zeros(persons, to-from, d), zeros(scores, to-from, len(items)*panel)
			for k, c := range j[from:to] {
				rows = rows[:0]
				for _, i := range c.history[max(0, len(c.history)-w.Length):] {
					rows = append(rows, factors[int(i)*d:int(i)*d+d]...)
				}
				if err := encoder.PersonTo(persons.Row(k), rows); err != nil {
					return err
				}
			}
			addScores(scores, persons, items)
			for k, c := range j[from:to] {
				for _, i := range c.history {
					scores.Row(k)[i] = float32(math.Inf(-1))
				}
				ranks[from+k] = rankOf(scores.Row(k)[:n], int(c.target))
			}
			return nil
		}
	})
	return ranks, err
}

// rankOf returns the place of target among scores, from 1.
func rankOf(scores []float32, target int) int {
	own, rank := scores[target], 1
	for i, v := range scores {
		if v > own || v == own && i < target {
			rank++
		}
	}
	return rank
}
