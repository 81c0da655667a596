package tune

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/train"
)

// space is where hill lies: its top is at reg 0.01, dim 64, whatever mode is.
var space = []train.Param{
	{Name: "reg", Default: 1, Min: 1e-9, Max: 1e9, Low: 1e-4, High: 1, Log: true},
	{Name: "dim", Default: 32, Min: 1, Max: 1024, Whole: true, Low: 16, High: 128},
	{Name: "mode", Default: 2, Min: 0, Max: 9, Whole: true},
}

// hill scores 1 at the optimum. The fewer people, the more chance is in it.
func hill(_ context.Context, p train.Params, people int) (float64, error) {
	random := rand.New(rand.NewPCG(math.Float64bits(p["reg"]), uint64(people)))
	return height(p) + .3*random.NormFloat64()/math.Sqrt(float64(people)), nil
}

func height(p train.Params) float64 {
	reg, dim := math.Log10(p["reg"]/.01), (p["dim"]-64)/64
	return 1 - reg*reg - dim*dim
}

func config() Config { return Config{Space: space, Trials: 27, People: 900, Seed: 7} }

func TestSearchFindsTheTop(t *testing.T) {
	for seed := range uint64(10) {
		cfg := config()
		cfg.Seed = seed
		got, err := Search(t.Context(), cfg, hill)
		if err != nil {
			t.Fatal(err)
		}
		best := math.Inf(-1) // of what was drawn
		for _, r := range got.Rungs[0] {
			best = max(best, height(r.Params))
		}
		const tol = .05 // five standard deviations of what chance adds with 900 people
		if height(got.Best.Params) < best-tol {
			t.Errorf("seed %d: got %v of height %.3f, want %.3f", seed, got.Best.Params, height(got.Best.Params), best)
		}
		if got.Defaults.Params["reg"] != 1 || got.Best.Score < got.Defaults.Score {
			t.Errorf("seed %d: best %+v, defaults %+v", seed, got.Best, got.Defaults)
		}
	}
}

// TestRungsAreThirds: the defaults are the worst trial by far, and stay.
func TestRungsAreThirds(t *testing.T) {
	for _, c := range []struct {
		trials int
		want   [3]int
	}{{2, [3]int{2, 2, 2}}, {3, [3]int{3, 2, 2}}, {9, [3]int{9, 4, 3}}, {27, [3]int{27, 10, 5}}} {
		cfg := config()
		cfg.Trials = c.trials
		got, err := Search(t.Context(), cfg, hill)
		if err != nil {
			t.Fatal(err)
		}
		for rung, runs := range got.Rungs {
			if len(runs) != c.want[rung] {
				t.Errorf("%d trials, rung %d: %d runs, want %d", c.trials, rung, len(runs), c.want[rung])
			}
			for _, r := range runs {
				if want := [3]int{100, 300, 900}[rung]; r.People != want {
					t.Errorf("rung %d: %d people, want %d", rung, r.People, want)
				}
			}
		}
	}
}

func TestDrawStaysInTheSpace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(1e-6, 1e3).Draw(t, "low")
		p := train.Param{
			Name: "p", Low: low, High: low * rapid.Float64Range(1.001, 1e6).Draw(t, "factor"),
			Log: rapid.Bool().Draw(t, "log"),
		}
		seed, trial := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 1000).Draw(t, "trial")
		got := draw([]train.Param{p}, nil, seed, trial)
		if v := got["p"]; v < p.Low || v > p.High {
			t.Errorf("got %v, want it from %v to %v", v, p.Low, p.High)
		}
		if again := draw([]train.Param{p}, nil, seed, trial); !cmp.Equal(got, again) {
			t.Errorf("got %v and then %v", got, again)
		}
	})
}

func TestDrawIsEvenOnItsScale(t *testing.T) {
	const n = 2000
	below, whole := 0, true
	for trial := range n {
		p := draw(space, train.Params{"mode": 3}, 1, trial+1)
		if p["reg"] < 1e-2 { // the middle of the logarithms
			below++
		}
		whole = whole && p["dim"] == math.Trunc(p["dim"]) && p["mode"] == 3
	}
	if below < n/2-150 || below > n/2+150 || !whole { // seven standard deviations
		t.Errorf("%d of %d are below the middle; whole and fixed numbers kept: %v", below, n, whole)
	}
}

// TestDeclaredSpacesCanBeDrawn: what a model says of where to search is part of
// what it allows.
func TestDeclaredSpacesCanBeDrawn(t *testing.T) {
	for _, a := range train.Algorithms() {
		for _, p := range Searched(a.Parameters(), nil) {
			if p.Low < p.Min || p.High > p.Max || p.Low > p.High || p.Log && p.Low <= 0 {
				t.Errorf("%s: %s is searched from %v to %v, allowed from %v to %v", a, p.Name, p.Low, p.High, p.Min, p.Max)
			}
			for trial := range 100 {
				v := draw([]train.Param{p}, nil, 1, trial+1)[p.Name]
				if !(v >= p.Low && v <= p.High) || p.Whole && v != math.Trunc(v) {
					t.Errorf("%s: %s %v: want it from %v to %v", a, p.Name, v, p.Low, p.High)
				}
			}
		}
	}
}

func TestFixedNumbersAreNotSearched(t *testing.T) {
	cfg := config()
	cfg.Fixed = train.Params{"reg": .1, "mode": 5}
	got, err := Search(t.Context(), cfg, hill)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got.Rungs[0] {
		if r.Params["reg"] != .1 || r.Params["mode"] != 5 {
			t.Errorf("trial %d: %v", r.Trial, r.Params)
		}
	}
}

// withoutTime compares results but for how long they took.
var withoutTime = cmpopts.IgnoreFields(Run{}, "Seconds")

// TestResumedSearchEndsTheSame interrupts after every number of runs, in the
// middle of a line, too.
func TestResumedSearchEndsTheSame(t *testing.T) {
	cfg := config()
	cfg.Trials = 9
	want, err := Search(t.Context(), cfg, hill)
	if err != nil {
		t.Fatal(err)
	}
	const runs = 9 + 4 + 3
	for stop := range runs {
		cfg.State = filepath.Join(t.TempDir(), "state")
		cfg.About = map[string]string{"data": "a hill"}
		ctx, cancel := context.WithCancel(t.Context())
		asked := 0
		counted := func(ctx context.Context, p train.Params, people int) (float64, error) {
			if asked == stop {
				cancel()
				return 0, ctx.Err()
			}
			asked++
			return hill(ctx, p, people)
		}
		if _, err := Search(ctx, cfg, counted); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after %d: got error %v", stop, err)
		}
		appendTo(t, cfg.State, `{"trial":1,"peo`)
		stop = -1
		got, err := Search(t.Context(), cfg, counted)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, withoutTime); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if asked != runs {
			t.Errorf("%d runs in all, want %d", asked, runs)
		}
		if lines := strings.Count(readFile(t, cfg.State), "\n"); lines != 1+runs {
			t.Errorf("%d lines, want %d", lines, 1+runs)
		}
	}
}

func TestMoreTrialsGoOnWithTheSameState(t *testing.T) {
	cfg := config()
	cfg.State, cfg.Trials = filepath.Join(t.TempDir(), "state"), 9
	if _, err := Search(t.Context(), cfg, hill); err != nil {
		t.Fatal(err)
	}
	cfg.Trials = 27
	known := 0
	cfg.Progress = func(_ Run, k bool) {
		if k {
			known++
		}
	}
	got, err := Search(t.Context(), cfg, hill)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Search(t.Context(), config(), hill)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, withoutTime); diff != "" || known < 9 {
		t.Errorf("%d runs were known; (-want +got):\n%s", known, diff)
	}
}

func TestStateOfAnotherSearchIsRefused(t *testing.T) {
	cfg := config()
	cfg.State, cfg.About = filepath.Join(t.TempDir(), "state"), "data a"
	if _, err := Search(t.Context(), cfg, hill); err != nil {
		t.Fatal(err)
	}
	before := readFile(t, cfg.State)
	about, seed, changed, none := cfg, cfg, cfg, cfg
	about.About = "data b"
	seed.Seed++
	changed.Space = []train.Param{space[0], space[1]}
	changed.Space[0].Low = 1e-3
	none.State = filepath.Join(t.TempDir(), "notes")
	appendTo(t, none.State, "milk\nbread\n")
	for name, c := range map[string]Config{"data": about, "seed": seed, "space": changed, "file": none} {
		if _, err := Search(t.Context(), c, hill); !errors.Is(err, ErrOtherState) {
			t.Errorf("another %s: got error %v", name, err)
		}
	}
	if after := readFile(t, cfg.State); after != before {
		t.Error("the state was changed")
	}
	if got := readFile(t, none.State); got != "milk\nbread\n" {
		t.Errorf("a file that is no state became %q", got)
	}
	appendTo(t, cfg.State, "a run\n")
	if _, err := Search(t.Context(), cfg, hill); err == nil || !strings.Contains(err.Error(), `"a run": want a run`) {
		t.Errorf("a broken line: got error %v", err)
	}
}

func TestSearchRefuses(t *testing.T) {
	flat := func(context.Context, train.Params, int) (float64, error) { return .5, nil }
	nan := func(context.Context, train.Params, int) (float64, error) { return math.NaN(), nil }
	broken := func(context.Context, train.Params, int) (float64, error) { return 0, errors.New("singular") }
	for _, c := range []struct {
		name   string
		change func(*Config)
		judge  Judge
		want   string
	}{
		{"no space", func(c *Config) { c.Space = space[2:] }, hill, "no number has a range"},
		{"all fixed", func(c *Config) { c.Fixed = train.Params{"reg": 1, "dim": 8} }, hill, "no number has a range"},
		{"one trial", func(c *Config) { c.Trials = 1 }, hill, "1 trials: want at least 2"},
		{"few people", func(c *Config) { c.People = 89 }, hill, "89 people to learn from, 9 in the first rung"},
		{"no people", func(c *Config) { c.People = 0 }, hill, "0 people to learn from"},
		{"flat", func(*Config) {}, flat, "27 trials with 100 people all score 0.5"},
		{"no number", func(*Config) {}, nan, "score NaN: want a number"},
		{"broken", func(*Config) {}, broken, "trial 0, 100 people, dim=32,reg=1: singular"},
		{"no folder", func(c *Config) { c.State = "no/such/folder" }, hill, "no/such/folder"},
	} {
		cfg := config()
		c.change(&cfg)
		if _, err := Search(t.Context(), cfg, c.judge); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.want)
		}
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
