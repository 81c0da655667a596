package eval

import (
	"testing"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// TestIALSOnMovieLensM1 ranks a tenth of everybody's training items of the split
// m1 by models that are learnt in different ways from the rest.
func TestIALSOnMovieLensM1(t *testing.T) {
	if testing.Short() {
		t.Skip("four trainings take half a minute")
	}
	log := mustLog(t, mustFile(t, "f088986b22f14f17136f9c4ef6f1269201f83dfb9ce259f1fd4ed46d72a92599", "movielens-1m/ultragcn_m1/train.txt.gz"), data.Lists)
	split, err := data.HoldOut(log, .1, 0)
	if err != nil {
		t.Fatal(err)
	}
	ndcg := func(p train.Params) float64 {
		t.Helper()
		p["epochs"], p["reg"], p["alpha"] = 8, .01, .3
		m, err := train.Train(t.Context(), train.Input{Pairs: split.Train.Matrix()}, train.Config{Algorithm: train.IALS, Params: p})
		if err != nil {
			t.Fatal(err)
		}
		r := mustFloat(t, m)
		result, err := Evaluate(t.Context(), split.Cases, func() (Ranker, error) { return r, nil }, Options{Count: m.Count, Ks: []int{20}})
		if err != nil {
			t.Fatal(err)
		}
		got := result.At[0].NDCG
		t.Logf("%v: NDCG@20 %v", p, got)
		return got.Mean
	}
	if steps, exact := ndcg(train.Params{"dim": 64}), ndcg(train.Params{"dim": 64, "steps": 0}); steps < .995*exact {
		t.Errorf("three steps reach %.4f, the exact solver %.4f", steps, exact)
	}
	if !nightly {
		return // 128 factors take longer than all that is above
	}
	if shipped, learnt := ndcg(train.Params{"dim": 128, "ship": 32}), ndcg(train.Params{"dim": 32}); shipped < .99*learnt {
		t.Errorf("32 factors of 128 reach %.4f, 32 of 32 %.4f", shipped, learnt)
	}
}
