package eval

import (
	"testing"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/train"
)

// TestTrainedModelsFindTheMissingSquare goes from a log to a score: on the
// checkerboard the one right answer comes first for everybody, and popularity
// cannot know it.
func TestTrainedModelsFindTheMissingSquare(t *testing.T) {
	const n = 32
	log := modeltest.Checkerboard(n, n)
	cases := make([]data.Case, n)
	for u := range cases {
		cases[u].Target = []int32{int32(u)}
	}
	for e, u := range log.User {
		cases[u].History = append(cases[u].History, met(log.Item[e])...)
	}
	for _, cfg := range []train.Config{
		{Algorithm: train.EASE, Params: train.Params{"lambda": 1}},
		{Algorithm: train.IALS, Params: train.Params{"dim": 4, "epochs": 5}},
		{Algorithm: train.Popular},
	} {
		m, err := train.Train(t.Context(), train.Input{Pairs: log.Matrix()}, cfg)
		if err != nil {
			t.Fatalf("%s: %v", cfg.Algorithm, err)
		}
		r := mustFloat(t, m)
		result, err := Evaluate(t.Context(), cases, func() (Ranker, error) { return r, nil }, Options{Ks: []int{1}, Count: m.Count})
		if err != nil {
			t.Fatalf("%s: %v", cfg.Algorithm, err)
		}
		got := result.At[0].Hit.Mean
		if knows := cfg.Algorithm != train.Popular; knows != (got == 1) {
			t.Errorf("%s: got hit rate %v, want 1 where the history counts", cfg.Algorithm, got)
		}
	}
}
