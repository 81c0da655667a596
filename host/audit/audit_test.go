package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm"
)

const created, expires, now = 1_800_000_000, 1_900_000_000, 1_800_001_000

func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := wasm.Module(); errors.Is(err, wasm.ErrNotBuilt) {
		fmt.Println("skipped: every test of audit looks at the module:", err)
		return
	}
	os.Exit(m.Run())
}

// world is a model of a checkerboard of 40 items, and how it is packed.
type world struct {
	algorithm train.Algorithm // "": ials
	quant     pack.Quant
	pool      *modeltest.PoolShape
	halfLife  int64
	change    func(items []data.Item)
}

var (
	ials    = world{algorithm: train.IALS, halfLife: 30 * 86400}
	popular = world{algorithm: train.Popular}
	pooled  = world{
		algorithm: train.IALS, halfLife: 30 * 86400,
		pool: &modeltest.PoolShape{Items: 40, Columns: 2, Net: true, Factors: true},
	}
)

// keysOf returns keys whose seeds are seed all over.
func keysOf(seed byte) *pack.Keys {
	k, err := pack.NewKeys(bytes.NewReader(bytes.Repeat([]byte{seed}, 64)))
	if err != nil {
		panic(err)
	}
	return k
}

func rootOf(t testing.TB, k *pack.Keys, expires int64) []byte {
	t.Helper()
	root, err := k.Root(1, expires)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// packed are worlds that were trained before.
var packed = map[string]Options{}

// options packs w and audits it with the embedded module.
func (w world) options(t testing.TB) Options {
	t.Helper()
	key := fmt.Sprint(w.algorithm, w.quant, w.pool, w.halfLife)
	if opt, ok := packed[key]; ok && w.change == nil {
		return opt
	}
	log := modeltest.Checkerboard(60, 40)
	params := map[train.Algorithm]train.Params{
		train.IALS: {"dim": 8, "epochs": 5}, train.EASE: {"lambda": 5},
		train.Sequence: {"dim": 8, "blocks": 2, "length": 12, "epochs": 2},
	}
	m, err := train.Train(context.Background(), train.Input{Pairs: log.Matrix(), Sequences: log.Sequences()},
		train.Config{Algorithm: w.algorithm, Params: params[w.algorithm]})
	if err != nil {
		t.Fatal(err)
	}
	if w.pool != nil {
		m.Algorithm, m.Pool = train.Auto, modeltest.Pool(7, *w.pool)
	}
	for i := range int32(log.Items.Len()) {
		m.Items = append(m.Items, data.Item{ID: log.Items.ID(i), Title: "Field " + log.Items.ID(i), Tags: []string{[]string{"light", "dark"}[i%2]}})
	}
	if w.change != nil {
		w.change(m.Items)
	}
	file, err := pack.Pack(m, keysOf(1), pack.Options{
		Channel: "test", Version: 7, Created: created, Expires: expires, HalfLife: w.halfLife, Quant: w.quant,
	})
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Bundle: file, Root: rootOf(t, keysOf(1), expires+1), Now: now, Scores: 100, Command: "audit"}
	if w.change == nil {
		packed[key] = opt
	}
	return opt
}

// compiled is the embedded module on wazero's compiler, for all tests: it takes
// seconds. It allows any test's bundle.
var compiled = sync.OnceValues(func() (*machine, error) {
	module, err := wasm.Module()
	if err != nil {
		return nil, err
	}
	return newMachine(context.Background(), Compiler, module, 1<<20)
})

// subjectOf is what Run makes of opt.
func subjectOf(t testing.TB, opt Options) *subject {
	t.Helper()
	s, err := newSubject(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if opt.Module == nil {
			delete(s.machines, Compiler) // others use it
		}
		s.close()
	})
	if opt.Module == nil {
		if s.machines[Compiler], err = compiled(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// make runs one check of the table.
func (s *subject) make(t testing.TB, id string) finding {
	t.Helper()
	list, err := chosen([]string{id})
	if err != nil {
		t.Fatal(err)
	}
	f := finding{verdict: Pass}
	list[0].run(t.Context(), s, &f)
	return f
}

// want makes a check and compares its verdict; the reason must have words in
// it.
func (s *subject) want(t testing.TB, id string, want Verdict, words string) finding {
	t.Helper()
	f := s.make(t, id)
	if f.verdict != want || !strings.Contains(f.reason, words) {
		t.Errorf("%s: got %s, %q, want %s, %q\n%s", id, f.verdict, f.reason, want, words, f.text())
	}
	if (f.reason == "") != (f.verdict == Pass) {
		t.Errorf("%s: %s with the reason %q", id, f.verdict, f.reason)
	}
	return f
}

func (f finding) text() string {
	var b strings.Builder
	writeFacts(&b, "\t", f.evidence)
	return b.String()
}

// value returns the value of the first fact of that name.
func (f finding) value(name string) string {
	for _, fact := range f.evidence {
		if fact.Name == name {
			return fact.Value
		}
	}
	return ""
}

func TestTheTableIsInOrder(t *testing.T) {
	if !slices.IsSortedFunc(table, func(a, b check) int { return strings.Compare(a.id, b.id) }) {
		t.Error("the checks are not in the order of their ids")
	}
}

func TestWorstVerdict(t *testing.T) {
	for _, c := range []struct {
		verdicts []Verdict
		want     Verdict
		code     int
		words    string
	}{
		{nil, Pass, 0, "0 checks: 0 pass"},
		{[]Verdict{Pass}, Pass, 0, "1 check: 1 pass"},
		{[]Verdict{Pass, NotRun, Pass}, NotRun, 3, "3 checks: 2 pass, 1 not run"},
		{[]Verdict{NotRun, Fail, Pass}, Fail, 1, "3 checks: 1 pass, 1 fail, 1 not run"},
		{[]Verdict{Pass, ""}, Fail, 1, "2 checks: 1 pass, 1 fail"},
	} {
		var r Report
		for _, v := range c.verdicts {
			r.Checks = append(r.Checks, Check{Verdict: v})
		}
		r.Summary = summarise(r.Checks)
		if got := r.Worst(); got != c.want || got.ExitCode() != c.code || r.Summary.String() != c.words {
			t.Errorf("%q: got %s, %d, %q, want %s, %d, %q", c.verdicts, got, got.ExitCode(), r.Summary, c.want, c.code, c.words)
		}
	}
}

func TestAFailureOutweighsWhatWasNotRun(t *testing.T) {
	f := finding{verdict: Pass}
	f.notRun("no %s", "node")
	f.fail("request %d differs", 3)
	f.notRun("no go")
	f.fail("and another")
	if f.verdict != Fail || f.reason != "request 3 differs; and another" {
		t.Errorf("got %s, %q", f.verdict, f.reason)
	}
}

// TestTheReportIsTheSameEveryTime: byte for byte, whatever else is different.
func TestTheReportIsTheSameEveryTime(t *testing.T) {
	opt := ials.options(t)
	opt.Only, opt.Engines = []string{"A08", "A14", "A08"}, []string{"compiler", "native"}
	var reports [2][]byte
	for i := range reports {
		steps := int64(0)
		opt.Progress = func(done, total int64) {
			if steps++; done != steps || total != 2 {
				t.Errorf("told of %d of %d, want %d of 2", done, total, steps)
			}
		}
		r, err := Run(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Checks) != 2 || r.Worst() != Pass || r.Checks[1].Command != "audit --only A14" {
			t.Errorf("got %+v", r)
		}
		if r.Header.Bundle != hexHash(opt.Bundle) || r.Header.Channel != "test" || r.Header.Version != 7 || r.Header.Time != now {
			t.Errorf("got header %+v", r.Header)
		}
		if reports[i], err = json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(reports[0], reports[1]) {
		t.Errorf("got two reports:\n%s\n%s", reports[0], reports[1])
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for _, opt := range []Options{{Only: []string{"A99"}}, {Engines: []string{"native", "wasmtime"}}} {
		var option *OptionError
		if r, err := Run(t.Context(), opt); r != nil || !errors.As(err, &option) {
			t.Errorf("%+v: got %v, %v, want an *OptionError", opt, r, err)
		}
	}
}

func TestAnInterruptGivesNoReport(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := Run(ctx, popular.options(t)); r != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v, want %v", r, err, context.Canceled)
	}
}

// TestNothingPassesOfAFileThatIsNoBundle: every check that looks into it says
// so, and none panics.
func TestNothingPassesOfAFileThatIsNoBundle(t *testing.T) {
	opt := popular.options(t)
	whole := opt.Bundle
	for _, file := range [][]byte{nil, []byte("nearside"), whole[:len(whole)/2], bytes.Repeat([]byte{0xdd, 0xff}, 100)} {
		opt.Bundle = file
		s := subjectOf(t, opt)
		for _, c := range table {
			if slices.Contains([]string{"A07", "A08", "A24"}, c.id) {
				continue // of the module alone
			}
			if f := s.make(t, c.id); f.verdict == Pass {
				t.Errorf("%d bytes: %s passes", len(file), c.id)
			}
		}
	}
}
