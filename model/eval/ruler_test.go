package eval

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// The tests in this file prove the ruler: models without chance must have the
// values that independent computations on the same files have.

// mustLog reads a log as it is.
func mustLog(t *testing.T, path string, format data.Format) *data.Log {
	t.Helper()
	l, _, err := data.ReadEvents(path, data.Options{Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestSessionsPopularity gives everybody the items with most events. Recency
// is there to be printed beside them.
func TestSessionsPopularity(t *testing.T) {
	if testing.Short() {
		t.Skip("reads two million events")
	}
	for _, test := range []struct {
		dir, train, test string
		p20, mrr20       float64 // per cent
	}{
		{"yoochoose/srgnn_1_64", "da000be516f4c54ebc762a27b7b4a41ea2eba547e2f3504638caa8d6d2685b5a",
			"9decf90095ee67e3ee68404e9960b0481161252e5fd530efc8a68835e4155cc3", 7.31, 1.69},
		{"tmall-sessions", "8d76b061b4a868e7705ae34b1b10ec38c1f1017899c7bd8700ede26823794965",
			"ee18f78ca3d2898d080b13f3cbd3d15acdc8b71dad1813008476e72b73f2a4ec", 1.97, .90},
		{"nowplaying-sessions", "d25aa0b2de389e399417a40da7076fd5f445e896562447c3f0b64d2964c83e65",
			"174e8f0f6f503722676c01b79622d85935199baa42de0a88d075748422d4f8ae", 1.80, .60},
		{"retailrocket-sessions", "ed1e31407031b88db62d978991d6e288b04d866cb706366f469b08fdc6f33f3d",
			"07f9e0f834b61821acc59b48dec6798f8579c6fef564369fdc9e35b7cb39dd6f", 2.38, .50},
	} {
		t.Run(test.dir, func(t *testing.T) {
			l := mustLog(t, mustFile(t, test.train, test.dir+"/all_train_seq.plain.txt.gz"), data.Sessions)
			cases, report, err := data.ReadCases(mustFile(t, test.test, test.dir+"/test.plain.txt.gz"), &l.Items)
			if err != nil {
				t.Fatal(err)
			}
			events := make([]uint32, l.Items.Len())
			order := make([]int32, l.Items.Len())
			for i := range order {
				order[i] = int32(i)
			}
			for _, i := range l.Item {
				events[i]++
			}
			slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(events[b], events[a]) })
			opt := Options{Ks: []int{20}, Count: events, Repeats: true}
			result := mustEvaluate(t, cases, fixed(order...), opt)
			recency, err := Evaluate(t.Context(), cases, func() (Ranker, error) { return Recency(), nil }, opt)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v\npopularity: %vrecency: %v", report, result, recency)
			p20, mrr20 := 100*result.At[0].Recall.Mean, 100*result.At[0].MRR.Mean
			if math.Abs(p20-test.p20) > .005 || math.Abs(mrr20-test.mrr20) > .005 {
				t.Errorf("got P@20 and MRR@20 %.2f / %.2f, want %.2f / %.2f", p20, mrr20, test.p20, test.mrr20)
			}
		})
	}
}

// TestMovieLensM1 is the split m1 of SimpleX and UltraGCN (CIKM 2021).
func TestMovieLensM1(t *testing.T) {
	if testing.Short() {
		t.Skip("EASE of 3,043 items takes some ten seconds")
	}
	const dir = "movielens-1m/ultragcn_m1/"
	log := mustLog(t, mustFile(t, "f088986b22f14f17136f9c4ef6f1269201f83dfb9ce259f1fd4ed46d72a92599", dir+"train.txt.gz"), data.Lists)
	held := mustLog(t, mustFile(t, "7ca364f7f9321417b521745833b12719a2feb13253bccece2c04d5afe9fc3e15", dir+"test.txt.gz"), data.Lists)
	split, err := data.Given(log, held)
	if err != nil {
		t.Fatal(err)
	}
	if split.Skipped != 0 || len(split.Cases) != 6022 {
		t.Errorf("got %d cases and %d rows skipped, want 6022 and 0", len(split.Cases), split.Skipped)
	}
	for _, test := range []struct {
		cfg            train.Config
		recall20, ndcg float64
	}{
		{train.Config{Algorithm: train.Popular}, .1161, .1176},
		{train.Config{Algorithm: train.EASE, Params: train.Params{"lambda": 1000, "neighbours": 0}}, .2755, .2674},
	} {
		m, err := train.Train(t.Context(), train.Input{Pairs: split.Train.Matrix()}, test.cfg)
		if err != nil {
			t.Fatal(err)
		}
		r := mustFloat(t, m)
		result, err := Evaluate(t.Context(), split.Cases, func() (Ranker, error) { return r, nil }, Options{Count: m.Count, Ks: []int{20}})
		if err != nil {
			t.Fatal(err)
		}
		recall, ndcg := result.At[0].Recall.Mean, result.At[0].NDCG.Mean
		if math.Abs(recall-test.recall20) > exact || math.Abs(ndcg-test.ndcg) > exact {
			t.Errorf("%s: got R@20 and N@20 %.4f / %.4f, want %.4f / %.4f", test.cfg.Algorithm, recall, ndcg, test.recall20, test.ndcg)
		}
	}
}
