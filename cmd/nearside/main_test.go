package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nearside": func() { scryptWork = 8; main() }})
}

// TestScripts runs whole sessions, each in a folder as sessions says; the condition [module] says that the module is built.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: sessions(t),
		Condition: func(cond string) (bool, error) {
			if cond != "module" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := wasm.Module()
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfile": waitFile,
			"code":     exitsWith,
			"serves":   serves,
		},
	})
}

// sessions returns what puts into a session's folder events.csv and items.csv of
// a small magazine, vectors.npy, and what Spark saved in spark-als.
func sessions(t *testing.T) func(*testscript.Env) error {
	cache := t.TempDir()
	world := modeltest.Magazine(1, modeltest.Size{Items: 120, Readers: 300})
	events, items := eventsCSV(t, world.Log), itemsCSV(t, world.Items)
	vectors, err := os.ReadFile("../../model/data/testdata/vectors/f4.npy")
	if err != nil {
		t.Fatal(err)
	}
	return func(env *testscript.Env) error {
		env.Setenv(passphraseVariable, "nobody's secret")
		env.Setenv("XDG_CACHE_HOME", cache) // the module is compiled once for all scripts
		return errors.Join(
			os.WriteFile(filepath.Join(env.WorkDir, "events.csv"), events, 0o644),
			os.WriteFile(filepath.Join(env.WorkDir, "items.csv"), items, 0o644),
			os.WriteFile(filepath.Join(env.WorkDir, "vectors.npy"), vectors, 0o644),
			os.CopyFS(filepath.Join(env.WorkDir, "spark-als"), os.DirFS("../../model/data/testdata/vectors/spark-als")))
	}
}

// waitFile waits until the file named by its argument is there.
func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfile file")
	}
	for range 20_000 { // 20 s
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
	ts.Fatalf("%s did not appear", args[0])
}

// exitsWith runs a command and compares its exit code, which exec does not.
func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code n command [arg...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit interface{ ExitCode() int }
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s: got exit code %d, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func eventsCSV(t *testing.T, l *data.Log) []byte {
	rows := [][]string{{"user", "item", "time", "kind"}}
	for e := range l.Len() {
		kind := profile.KindView
		if l.Kind != nil {
			kind = l.Kind[e]
		}
		rows = append(rows, []string{l.Users.ID(l.User[e]), l.Items.ID(l.Item[e]), strconv.FormatInt(l.Time[e], 10), kind.String()})
	}
	return writeCSV(t, rows)
}

func itemsCSV(t *testing.T, items []data.Item) []byte {
	rows := [][]string{{"id", "title", "tags"}}
	for _, it := range items {
		rows = append(rows, []string{it.ID, it.Title, strings.Join(it.Tags, "|")})
	}
	return writeCSV(t, rows)
}

func writeCSV(t *testing.T, rows [][]string) []byte {
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMatrixCountsKinds is why a purchase and a view differ in training as
// they do on the device.
func TestMatrixCountsKinds(t *testing.T) {
	var l data.Log
	u := l.Users.Add("u")
	for i, kind := range []profile.Kind{profile.KindView, profile.KindLike, profile.KindBuy} {
		l.User = append(l.User, u)
		l.Item = append(l.Item, l.Items.Add(strconv.Itoa(i)))
		l.Kind = append(l.Kind, kind)
	}
	l.Weight = []float32{1, 1, 0.5}
	_, val := matrix(&l).Row(0)
	for i, want := range []float32{1, 2, 1.5} {
		if val[i] != want {
			t.Errorf("item %d: got %v, want %v", i, val[i], want)
		}
	}
	if l.Weight[1] != 1 {
		t.Errorf("the log's own weight became %v", l.Weight[1])
	}
}

// TestPackedRankerAcceptsAnyHistory asks with more events than a bundle
// allows: no item of the history may come back.
func TestPackedRankerAcceptsAnyHistory(t *testing.T) {
	log := modeltest.Checkerboard(40, 40)
	m, err := train.Train(t.Context(), train.Input{Pairs: log.Matrix()}, train.Config{Algorithm: train.Popular})
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Count {
		m.Items = append(m.Items, data.Item{ID: log.Items.ID(int32(i))})
	}
	p, err := newPacked(m, 3, false, pack.Quant{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.native()
	if err != nil {
		t.Fatal(err)
	}
	var history []data.Event
	seen := map[int32]bool{}
	for i := int32(0); i < 10; i++ {
		history = append(history, data.Event{Item: i, Kind: profile.KindView, Weight: 1})
		seen[i] = true
	}
	got, err := r.Rank(nil, eval.Question{History: history, K: 40})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 30 {
		t.Errorf("got %d items, want 30", len(got))
	}
	for _, i := range got {
		if seen[i] {
			t.Errorf("item %d of the history came back", i)
		}
	}
	got, err = r.Rank(nil, eval.Question{History: history, Among: []int32{3, 7, 17, 38, 39}, K: 40})
	slices.Sort(got)
	if want := []int32{17, 38, 39}; err != nil || !slices.Equal(got, want) {
		t.Errorf("among candidates: got %v and error %v, want %v", got, err, want)
	}
}

// TestPoolsRankAlikeEverywhere: what eval calls float, the packed bytes natively
// and the module give the same lists, whatever may repeat.
func TestPoolsRankAlikeEverywhere(t *testing.T) {
	const n, d = 60, 4
	rng := rand.New(rand.NewPCG(1, 9))
	for _, shape := range []modeltest.PoolShape{
		{Items: n, Columns: 3, Net: true, Repeats: true}, {Items: n, Columns: 2}, {Items: n, Columns: 2, Net: true, Factors: true},
	} {
		m := &train.Model{Algorithm: train.Auto, Count: make([]uint32, n), Pool: modeltest.Pool(3, shape)}
		for i := range m.Count {
			m.Count[i] = uint32(rng.IntN(50))
			m.Items = append(m.Items, data.Item{ID: "i" + strconv.Itoa(i)})
		}
		q := pack.Quant{}
		if shape.Factors {
			q.Codec, m.Dim = bundle.CodecFloat, d
			for range n * d {
				m.Factors = append(m.Factors, float32(rng.NormFloat64()))
			}
		}
		for _, repeats := range []bool{false, true} {
			float, err := eval.Float(m, repeats)
			if err != nil {
				t.Fatal(err)
			}
			p, err := newPacked(m, 8, repeats, q)
			if err != nil {
				t.Fatal(err)
			}
			native, err := p.native()
			if err != nil {
				t.Fatal(err)
			}
			rankers := map[through]eval.Ranker{byNative: native}
			if _, err := wasm.Module(); err == nil {
				newRanker, h, err := p.module(t.Context(), 1)
				if err != nil {
					t.Fatal(err)
				}
				defer closeHost(t.Context(), h)
				if rankers[byModule], err = newRanker(); err != nil {
					t.Fatal(err)
				}
			}
			for range 50 {
				q := eval.Question{K: 1 + rng.IntN(n+5)}
				for range rng.IntN(9) {
					q.History = append(q.History, data.Event{
						Item: int32(rng.IntN(n)), Kind: profile.Kind(1 + rng.IntN(5)), Weight: []float32{.3, 1, 2}[rng.IntN(3)],
					})
				}
				for i := range int32(n) {
					if rng.IntN(2) == 0 {
						q.Among = append(q.Among, i)
					}
				}
				if rng.IntN(2) == 0 {
					q.Among = nil
				}
				want, err := float.Rank(nil, q)
				if err != nil {
					t.Fatal(err)
				}
				for by, r := range rankers {
					if got, err := r.Rank(nil, q); err != nil || !slices.Equal(got, want) {
						t.Fatalf("%+v, repeats %v, %s, %+v: %v, %v, want %v", shape, repeats, by, q, got, err, want)
					}
				}
			}
		}
	}
}

// TestDemoCleansAsTrainDoes holds two places together.
func TestDemoCleansAsTrainDoes(t *testing.T) {
	var c cli
	parser, err := kong.New(&c, kong.Vars{"algorithms": algorithms()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"train", "--events", "x"}); err != nil {
		t.Fatal(err)
	}
	if got := c.Train.Source.cleaning(); got != demoCleaning {
		t.Errorf("train cleans with %+v, demo with %+v", got, demoCleaning)
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"--out=a/b.nsm": "--out=a/b.nsm",
		"":              "''",
		"my log.csv":    "'my log.csv'",
		"it's":          `'it'\''s'`,
		"$HOME":         "'$HOME'",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q): got %s, want %s", in, got, want)
		}
	}
}

func TestInstant(t *testing.T) {
	for in, want := range map[string]int64{
		"1800000000":           1800000000,
		"2027-01-15T08:00:00Z": 1800000000,
		"2027-01-15":           1799971200,
	} {
		var got instant
		if err := got.UnmarshalText([]byte(in)); err != nil || got.unix() != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "-1", "tomorrow"} {
		var got instant
		if err := got.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q: got %d, want an error", in, got)
		}
	}
}

// TestServerEndsWithItsContext asks a server once and ends it.
func TestServerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })
	address := make(chan string, 1)
	ended := make(chan error, 1)
	go func() { ended <- listen(ctx, "127.0.0.1:0", handler, func(url string) { address <- url }) }()
	answer, err := http.Get(<-address)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || string(body) != "hello" {
		t.Errorf("got %q, %v, want hello", body, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
}
