package eval

import (
	"slices"
	"testing"
	"time"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// TestRefitIsAsGoodAsAFullFit learns from the oldest 90 % of MovieLens 100K, goes
// on from that with all of it, and compares with a full fit by items that none of
// them has seen: a random fifth of each person's or, for what learns what comes
// next, each person's last. The newest tenth is mostly of people whom yesterday's
// model does not know. Two full fits of iALS with other seeds differ by 1 %, so
// the mean over some seeds is compared. A net of all examples would take minutes.
func TestRefitIsAsGoodAsAFullFit(t *testing.T) {
	if testing.Short() {
		t.Skip("learns dozens of models")
	}
	path := mustFile(t, "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490", "movielens-100k/u.data.gz")
	log, _, err := data.ReadEvents(path, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		cfg     train.Config
		ordered bool
		long    bool // takes minutes
		seeds   uint64
		loss    float64 // how much NDCG, relative, a refit may lose
	}{
		{"ials", train.Config{Algorithm: train.IALS}, false, false, 8, .005},
		{"auto, lists", train.Config{Algorithm: train.Auto}, false, true, 4, .005}, // too few cases for a net
		{"auto, sequences", train.Config{Algorithm: train.Auto, Params: train.Params{"examples": 20000}}, true, true, 2, .005},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.long && !nightly {
				t.Skip("learns for minutes: only when NEARSIDE_NIGHTLY is set")
			}
			var full, refit outcome
			for seed := range test.seeds {
				cfg := test.cfg
				cfg.Seed = seed
				f, r := fitTwice(t, log, cfg, test.ordered)
				full.add(f)
				refit.add(r)
			}
			n := float64(test.seeds)
			t.Logf("NDCG@20 %.4f of a refit, %.4f of a full fit: %+.2f %%; %.2f s and %.2f s to learn: %.0f %%",
				refit.ndcg/n, full.ndcg/n, 100*(refit.ndcg/full.ndcg-1), refit.seconds/n, full.seconds/n, 100*refit.seconds/full.seconds)
			if refit.ndcg < full.ndcg*(1-test.loss) {
				t.Errorf("NDCG@20 %.4f: want at least %.4f, a full fit's less %v", refit.ndcg/n, full.ndcg/n*(1-test.loss), test.loss)
			}
		})
	}
}

// outcome is how good a model is, and how long it took.
type outcome struct{ ndcg, seconds float64 }

func (o *outcome) add(more outcome) {
	o.ndcg += more.ndcg
	o.seconds += more.seconds
}

// fitTwice learns from what is not held out of log anew, and from yesterday's
// model. The seed of cfg chooses the fifth, too.
func fitTwice(t *testing.T, log *data.Log, cfg train.Config, ordered bool) (full, refit outcome) {
	t.Helper()
	cleaning := data.Cleaning{MinUserItems: 2, MinItemUsers: 5}
	log, _ = data.Clean(log, cleaning)
	split, err := data.HoldOut(log, .2, cfg.Seed)
	if ordered {
		split, err = data.LeaveLastOut(log)
	}
	if err != nil {
		t.Fatal(err)
	}
	yesterday, _ := data.Clean(oldest(split.Train, .9), cleaning)
	split = itemsAfter(split, &yesterday.Items)
	fit := func(log *data.Log, from *train.Model) (*train.Model, float64) {
		cfg.From = from
		in := train.Input{Pairs: log.Matrix(), Items: items(log)}
		if ordered {
			in.Sequences = log.Sequences()
		}
		begin := time.Now()
		m, err := train.Train(t.Context(), in, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return m, time.Since(begin).Seconds()
	}
	ndcg := func(m *train.Model) float64 {
		r := mustFloat(t, m)
		newRanker := func() (Ranker, error) { return r, nil }
		result, err := Evaluate(t.Context(), split.Cases, newRanker, Options{Count: m.Count, Ks: []int{20}})
		if err != nil {
			t.Fatal(err)
		}
		return result.At[0].NDCG.Mean
	}
	from, _ := fit(yesterday, nil)
	m, seconds := fit(split.Train, nil)
	full = outcome{ndcg(m), seconds}
	m, seconds = fit(split.Train, from)
	return full, outcome{ndcg(m), seconds}
}

// itemsAfter is data.Log.ItemsAfter for a split.
func itemsAfter(s data.Split, first *data.IDs) data.Split {
	before := &s.Train.Items
	s.Train = s.Train.ItemsAfter(first)
	index := func(i int32) int32 {
		i, _ = s.Train.Items.Index(before.ID(i))
		return i
	}
	for k := range s.Cases {
		c := &s.Cases[k]
		for e := range c.History {
			c.History[e].Item = index(c.History[e].Item)
		}
		for e := range c.Target {
			c.Target[e] = index(c.Target[e])
		}
		slices.Sort(c.Target)
	}
	return s
}

// oldest returns a share of the rows of log, the oldest.
func oldest(log *data.Log, share float64) *data.Log {
	times := slices.Sorted(slices.Values(log.Time))
	cut := times[int(share*float64(len(times)))]
	old := &data.Log{}
	for e, at := range log.Time {
		if at < cut {
			old.User = append(old.User, old.Users.Add(log.Users.ID(log.User[e])))
			old.Item = append(old.Item, old.Items.Add(log.Items.ID(log.Item[e])))
			old.Time = append(old.Time, at)
		}
	}
	return old
}

// items names the items of a log.
func items(log *data.Log) []data.Item {
	list := make([]data.Item, log.Items.Len())
	for i := range list {
		list[i].ID = log.Items.ID(int32(i))
	}
	return list
}
