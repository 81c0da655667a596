package train

import (
	"context"
	"testing"
)

// TestAutoSaysHowFarItIs: the total is known from the first report on, and what
// is done of it never falls and ends there.
func TestAutoSaysHowFarItIs(t *testing.T) {
	for _, c := range []struct {
		name   string
		users  int
		params Params
	}{
		{"too few cases to learn from", 8, nil},
		{"weights, no net", 400, nil},
		{"weights and a net", 2500, Params{"dim": 8, "holdout": .3, "examples": 5000}},
		{"examples shown once", 2500, Params{"dim": 8, "holdout": .3, "examples": 1}},
	} {
		walked := walks(c.users, 60, false)
		for kind, in := range map[string]Input{
			"sequences": {Pairs: pairsOf(walked), Items: input(pairsOf(walked)).Items, Sequences: walked},
			"lists":     {Pairs: groups(c.users, 60), Items: input(groups(c.users, 60)).Items},
		} {
			from := risen(t, c.name+", "+kind, in, Config{Algorithm: Auto, Params: c.params})
			risen(t, c.name+", "+kind+", again", in, Config{Algorithm: Auto, From: from})
		}
	}
}

// risen trains and looks at the reports.
func risen(t *testing.T, name string, in Input, cfg Config) *Model {
	t.Helper()
	var last Progress
	var jump int64
	cfg.Progress = func(p Progress) {
		if p.Done < last.Done || p.Done > p.Total || last.Total != 0 && p.Total != last.Total {
			t.Errorf("%s: %+v after %+v", name, p, last)
		}
		jump = max(jump, p.Done-last.Done)
		last = p
	}
	m, err := Train(context.Background(), in, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if last.Total == 0 || last.Done != last.Total {
		t.Errorf("%s: ends at %+v", name, last)
	}
	if jump > last.Total/4 {
		t.Errorf("%s: jumps by %d of %d", name, jump, last.Total)
	}
	return m
}
