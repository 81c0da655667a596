package host

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/wasm/abi"
)

const created, expires = 1_800_000_000, 1_900_000_000

func now() time.Time { return time.Unix(created+1000, 0) }

// cache keeps the compiled module between tests: it is compiled once.
var cache string

func TestMain(m *testing.M) {
	if os.Getenv(killedDevice) != "" {
		if err := liveUntilKilled(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if _, err := wasm.Module(); errors.Is(err, wasm.ErrNotBuilt) {
		fmt.Println("skipped: every test of host runs the module:", err)
		return 0
	}
	dir, err := os.MkdirTemp("", "nearside-cache")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	cache = dir
	return m.Run()
}

func keys(t testing.TB, seed byte) *pack.Keys {
	t.Helper()
	k, err := pack.NewKeys(bytes.NewReader(bytes.Repeat([]byte{seed}, 64)))
	if err != nil {
		t.Fatal(err)
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

// world trains and packs a checkerboard of 40 items.
func world(t testing.TB, algorithm train.Algorithm) (root, file []byte) {
	t.Helper()
	return worldOf(t, testWorld{algorithm: algorithm})
}

// testWorld is a model of a checkerboard of 40 items, and how its factors are
// coded.
type testWorld struct {
	algorithm train.Algorithm
	quant     pack.Quant
	pool      *modeltest.PoolShape // nil: none; with one the algorithm gives its factors
}

// worldOf is world for any model.
func worldOf(t testing.TB, w testWorld) (root, file []byte) {
	t.Helper()
	log := modeltest.Checkerboard(60, 40)
	params := map[train.Algorithm]train.Params{train.IALS: {"dim": 8, "epochs": 5}, train.EASE: {"lambda": 5}, train.Sequence: {"dim": 8, "blocks": 2, "length": 12, "epochs": 2}}
	m, err := train.Train(context.Background(), train.Input{Pairs: log.Matrix(), Sequences: log.Sequences()}, train.Config{Algorithm: w.algorithm, Params: params[w.algorithm]})
	if err != nil {
		t.Fatal(err)
	}
	if w.pool != nil {
		m.Algorithm, m.Pool = train.Auto, modeltest.Pool(7, *w.pool)
	}
	for i := range int32(log.Items.Len()) {
		m.Items = append(m.Items, data.Item{ID: log.Items.ID(i), Title: "Field " + log.Items.ID(i), Tags: []string{[]string{"light", "dark"}[i%2]}})
	}
	k := keys(t, 1)
	if file, err = pack.Pack(m, k, pack.Options{Channel: "test", Created: created, Expires: expires, HalfLife: 30 * 86400, Quant: w.quant}); err != nil {
		t.Fatal(err)
	}
	return rootOf(t, k, expires+1), file
}

// openWith opens c, whose Now is now unless it has one, and closes it.
func openWith(t testing.TB, c Config) *Host {
	t.Helper()
	if c.Now == nil {
		c.Now = now
	}
	c.CacheDir = cache
	h, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func open(t testing.TB, root, file []byte, interpreter bool, instances int) *Host {
	t.Helper()
	return openWith(t, Config{Root: root, Bundle: file, Instances: instances, Interpreter: interpreter})
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestManyCallersShareTheInstances(t *testing.T) {
	root, file := world(t, train.IALS)
	h := open(t, root, file, false, 2)
	here := native(t, root, file)
	list := requests(50, itemIDs(t, h))
	want := make([][]byte, len(list))
	for i, req := range list {
		s, err := here.Recommend(req)
		if err != nil {
			t.Fatal(err)
		}
		want[i] = s.Append(nil)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i, req := range list {
				if got, err := h.Call(context.Background(), abi.ExportRecommend, req.Append(nil)); err != nil || !bytes.Equal(got, want[i]) {
					t.Errorf("request %d: got %x, %v, want %x", i, got, err, want[i])
				}
			}
		})
	}
	wg.Wait()
}

func TestOpenRefuses(t *testing.T) {
	root, file := world(t, train.Popular)
	late := func() time.Time { return time.Unix(expires, 0) }
	// (module (import "env" "f" (func)))
	importing := []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x09\x01\x03env\x01f\x00\x00")
	for _, c := range []struct {
		name   string
		config Config
		want   error  // nil: only the words matter
		words  string // part of the error
	}{
		{"another root", Config{Root: rootOf(t, keys(t, 2), expires), Bundle: file}, trust.ErrSignature, "signature"},
		{"an expired bundle", Config{Root: root, Bundle: file, Now: late}, trust.ErrExpired, "expired"},
		{"no root", Config{Bundle: file}, nil, "memory"},
		{"a root that is none", Config{Root: []byte("root"), Bundle: file}, nil, "root"},
		{"a module that imports", Config{Module: importing, Root: root, Bundle: file}, nil, `imports "env" "f"`},
		{"a module without exports", Config{Module: importing[:8], Root: root, Bundle: file}, nil, `no export "memory"`},
		{"no module", Config{Module: []byte("asm"), Root: root, Bundle: file}, nil, "host: module: "},
		{"too little memory", Config{Root: root, Bundle: file, MemoryPages: 1}, nil, "host: "},
	} {
		c.config.CacheDir, c.config.Instances = cache, 1
		if c.config.Now == nil {
			c.config.Now = now
		}
		h, err := Open(context.Background(), c.config)
		if h != nil || err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: got %v, %v, want no host and %q (%v)", c.name, h, err, c.words, c.want)
		}
	}
}

func TestCallRefusesOtherExports(t *testing.T) {
	root, file := world(t, train.Popular)
	h := open(t, root, file, false, 1)
	for _, export := range []string{"", abi.ExportOpen, abi.ExportAlloc, "nearside_Recommend"} {
		if got, err := h.Call(context.Background(), export, []byte{0}); err == nil || got != nil {
			t.Errorf("%q: got %x, %v, want an error", export, got, err)
		}
	}
}

func TestCallOfTheManifestGivesIt(t *testing.T) {
	root, file := world(t, train.Popular)
	h := open(t, root, file, false, 1)
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	want := frame.Manifest
	got, err := h.Call(context.Background(), abi.ExportManifest, nil)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
	if m := h.Manifest(); m.Channel != "test" || m.Limits.Items != 40 {
		t.Errorf("got channel %q, %d items, want test, 40", m.Channel, m.Limits.Items)
	}
}

// A pointer that alloc did not give is an error, and the instance goes on.
func TestGarbagePointersDoNotTrap(t *testing.T) {
	root, file := world(t, train.Popular)
	h := open(t, root, file, false, 1)
	ctx := context.Background()
	g, err := h.take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]uint64{{0, 0}, {1, 1}, {12345, 10}, {0xffffffff, 0xffffffff}, {0x80000000, 1 << 30}} {
		_, err := g.status(ctx, abi.ExportRecommend, args...)
		if got := statusOf(t, err); got != abi.StatusMemory || g.broken {
			t.Errorf("%v: got %v, broken %v, want memory", args, got, g.broken)
		}
	}
	if err := h.give(ctx, g); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Recommend(ctx, slate.Request{K: 1}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestAnInstanceThatTrappedIsReplaced(t *testing.T) {
	root, file := world(t, train.IALS)
	h := openWith(t, Config{Root: root, Bundle: file, Instances: 1, MemoryPages: 512})
	req := slate.Request{K: 5, History: []profile.Event{{Item: "i3", Kind: profile.KindLike, Weight: profile.One}}}
	want, err := h.Recommend(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		// Twice the memory that an instance may have.
		_, err := h.Call(context.Background(), abi.ExportRecommend, make([]byte, 64<<20))
		if err == nil || !strings.Contains(err.Error(), "trapped") {
			t.Fatalf("got %v, want a trap", err)
		}
		got, err := h.Recommend(context.Background(), req)
		if err != nil || !bytes.Equal(got.Append(nil), want.Append(nil)) {
			t.Fatalf("after a trap: got %v, %v, want %v", got, err, want)
		}
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	root, file := world(t, train.Popular)
	h := open(t, root, file, false, 1)
	g, err := h.take(ended())
	if err != nil {
		t.Fatalf("an instance is free: %v", err)
	}
	if _, err := h.Recommend(ended(), slate.Request{K: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if err := h.give(context.Background(), g); err != nil {
		t.Fatal(err)
	}
}

func TestCloseWaitsForCalls(t *testing.T) {
	root, file := world(t, train.Popular)
	ctx := context.Background()
	h, err := Open(ctx, Config{Root: root, Bundle: file, Now: now, Instances: 2, CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(ended()); !errors.Is(err, context.Canceled) {
		t.Errorf("with a call under way: got %v, want %v", err, context.Canceled)
	}
	if _, err := h.Recommend(ctx, slate.Request{K: 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("a new call: got %v, want ErrClosed", err)
	}
	if _, err := g.ask(ctx, abi.ExportRecommend, slate.Request{K: 1}.Append(nil)); err != nil {
		t.Errorf("the call under way: %v", err)
	}
	if err := h.give(ctx, g); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(ended()); err != nil {
		t.Errorf("with no call under way: %v", err)
	}
	if err := h.Close(ctx); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// A bundle that was good at the start is refused once it has expired, and so is
// one whose root has.
func TestExpiryIsSeenWhileRunning(t *testing.T) {
	_, file := world(t, train.Popular)
	for _, rootExpires := range []int64{expires + 1000, expires - 1000} {
		var clock atomic.Int64
		clock.Store(created)
		h := openWith(t, Config{
			Root: rootOf(t, keys(t, 1), rootExpires), Bundle: file, Instances: 1,
			Now: func() time.Time { return time.Unix(clock.Load(), 0) },
		})
		last := min(rootExpires, expires) - 1
		clock.Store(last)
		if _, err := h.Recommend(context.Background(), slate.Request{K: 1}); err != nil {
			t.Errorf("at %d: %v", last, err)
		}
		clock.Store(last + 1)
		if _, err := h.Recommend(context.Background(), slate.Request{K: 1}); !errors.Is(err, trust.ErrExpired) {
			t.Errorf("at %d: got %v, want %v", last+1, err, trust.ErrExpired)
		}
	}
}
