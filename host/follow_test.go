package host

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/publish/patch"
	"github.com/nearside/nearside/model/train"
)

// followed is a channel on a web server, and a device that follows it with the
// module.
type followed struct {
	*Follower
	t    testing.TB
	p    *publisher
	site *webSite
	dir  string
	now  atomic.Int64

	mu      sync.Mutex
	reports []error
}

// follow publishes version 1 and begins to follow.
func follow(t testing.TB) *followed {
	t.Helper()
	p := newPublisher(t)
	p.publish(1)
	f := &followed{t: t, p: p, site: newWebSite(t, p), dir: filepath.Join(t.TempDir(), "device")}
	f.now.Store(created + 1000)
	f.start()
	t.Cleanup(f.end)
	return f
}

func (f *followed) config() FollowConfig {
	return FollowConfig{
		URL: f.site.URL + "/news/", Dir: f.dir, Root: f.p.first, Channel: channeltest.Name,
		Host: Config{Instances: 1, CacheDir: cache, Now: func() time.Time { return time.Unix(f.now.Load(), 0) }},
		Report: func(_ Travelled, err error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.reports = append(f.reports, err)
		},
	}
}

// reported returns what was reported since the last call.
func (f *followed) reported() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.reports
	f.reports = nil
	return errors.Join(all...)
}

func (f *followed) start() {
	f.t.Helper()
	var err error
	if f.Follower, err = Follow(context.Background(), f.config()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *followed) end() {
	f.t.Helper()
	if err := f.Close(context.Background()); err != nil {
		f.t.Error(err)
	}
}

// restart is what a crash or a new release of the program does.
func (f *followed) restart() {
	f.t.Helper()
	f.end()
	f.start()
}

// update wants an update to succeed, and returns it and the names asked for.
func (f *followed) update() (Travelled, string) {
	f.t.Helper()
	f.site.trace()
	got, err := f.Update(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return got, names(f.site.trace())
}

// refused wants an update to fail with an error that is want.
func (f *followed) refused(want error) {
	f.t.Helper()
	if got, err := f.Update(context.Background()); !errors.Is(err, want) || got != (Travelled{}) {
		f.t.Fatalf("an update: got %+v, %v, want %v", got, err, want)
	}
}

// answers wants a version to answer; 0: none.
func (f *followed) answers(want uint64) {
	f.t.Helper()
	s, err := f.Recommend(context.Background(), slate.Request{K: 1})
	switch {
	case want == 0 && !errors.Is(err, ErrNotOpen), want > 0 && err != nil:
		f.t.Fatalf("version %d should answer: %v", want, err)
	case s.Receipt.Version != want:
		f.t.Fatalf("version %d answers, want %d", s.Receipt.Version, want)
	}
}

// holds returns the names in a folder of the store.
func (f *followed) holds(folder string) (names []string) {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.dir, folder))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAFollowerTakesWhatTheChannelServes(t *testing.T) {
	f := follow(t)
	f.answers(0)
	got, asked := f.update()
	one := len(f.p.publish(1))
	if want := "root.nsr head.nsh releases chunks"; asked != want || !got.Changed || got.Reused != 0 || got.Bytes < int64(one) || got.Files != 9 {
		t.Errorf("first: %+v, fetched %s, want %s", got, asked, want)
	}
	f.answers(1)

	got, asked = f.update()
	if want := "root.nsr head.nsh"; asked != want || got.Changed || got.Reused != 0 {
		t.Errorf("nothing new: %+v, fetched %s, want %s", got, asked, want)
	}
	f.answers(1)

	two := f.p.publish(2)
	f.site.show(f.p)
	got, asked = f.update()
	if want := "root.nsr head.nsh releases chunks"; asked != want || !got.Changed || got.Reused == 0 || got.Bytes > int64(len(two)) {
		t.Errorf("a second version of %d bytes: %+v, fetched %s, want %s", len(two), got, asked, want)
	}
	f.answers(2)
	if m, err := f.Manifest(); err != nil || m.Version != 2 {
		t.Errorf("the manifest: version %d, %v", m.Version, err)
	}
	if total, _, err := f.Items(context.Background(), nil); err != nil || total != itemsOf {
		t.Errorf("items: %d, %v", total, err)
	}
	// Of the files of the first version nothing is left.
	if bundles, parts := f.holds(bundlesDir), f.holds(partsDir); len(bundles) != 1 || len(parts) != 0 {
		t.Errorf("there are bundles %v and parts %v", bundles, parts)
	}
	if err := f.reported(); err != nil {
		t.Error(err)
	}
}

func TestRootsThatWereMissedAreTakenInTheirOrder(t *testing.T) {
	f := follow(t)
	f.update()
	f.p.rotate(channeltest.Honest)
	others := channeltest.Honest
	others.Head.Keys = []int{5, 6}
	f.p.rotate(others)
	f.p.Seq = 0 // the numbers of other keys begin anew
	f.p.publish(2)
	f.site.show(f.p)
	got, asked := f.update()
	if want := "root.nsr roots/2.nsr root.nsr roots/3.nsr root.nsr head.nsh releases chunks"; asked != want || !got.Changed {
		t.Errorf("%+v, fetched %s, want %s", got, asked, want)
	}
	f.answers(2)
	if s := known(t, f.dir); s.Root.Version != 3 || s.Opened.Version != 2 {
		t.Errorf("root %d, opened %d, want 3 and 2", s.Root.Version, s.Opened.Version)
	}
	f.restart()
	f.answers(2)
}

// A root that says "longer" or names other keys is heeded without a new release.
func TestABundleIsOpenedAnewUnderANewRoot(t *testing.T) {
	f := follow(t)
	f.p.PutRoot(channeltest.Honest, expires-1000, 0, 1)
	f.site.show(f.p)
	f.update()
	f.p.rotate(channeltest.Honest)
	f.site.show(f.p)
	if got, asked := f.update(); got.Changed || asked != "root.nsr roots/3.nsr root.nsr head.nsh" {
		t.Errorf("a longer root: %+v, fetched %s", got, asked)
	}
	f.now.Store(expires - 500)
	f.answers(1)

	// The release is signed by others, and all its bytes are here.
	f.now.Store(created + 1000)
	others := channeltest.Honest
	others.Manifest.Keys = []int{1, 7}
	f.p.rotate(others)
	f.p.publish(1)
	f.site.show(f.p)
	got, asked := f.update()
	if want := "root.nsr roots/4.nsr root.nsr head.nsh root.nsr head.nsh releases"; asked != want || got.Reused == 0 {
		t.Errorf("other keys: %+v, fetched %s, want %s", got, asked, want)
	}
	f.answers(1)
	f.restart()
	f.answers(1)
	if err := f.reported(); err != nil {
		t.Error(err)
	}
}

// The server dies after any number of files: nothing is fetched twice but what
// says what is new.
func TestAnInterruptedUpdateGoesOn(t *testing.T) {
	f := follow(t)
	f.update()
	f.p.publish(2)
	f.site.show(f.p)
	served := map[string]int{} // how often each chunk was
	for files := range 100 {
		left := files
		f.site.set(func(w http.ResponseWriter, r *http.Request) bool {
			if left == 0 {
				panic(http.ErrAbortHandler)
			}
			left--
			if strings.Contains(r.URL.Path, "chunks") {
				served[r.URL.Path]++
			}
			return false
		})
		got, err := f.Update(context.Background())
		if err == nil {
			if files < 4 || len(served) < 2 || got.Reused == 0 {
				t.Errorf("an update with %d files, %d chunks: %+v", files, len(served), got)
			}
			break
		}
		f.answers(1)
		if files%2 == 0 {
			f.restart()
		}
	}
	f.answers(2)
	for name, n := range served {
		if n != 1 {
			t.Errorf("%s was fetched %d times", name, n)
		}
	}
}

// A version that never came as a whole leaves nothing behind when another one
// begins.
func TestPiecesThatNobodyWantsGo(t *testing.T) {
	f := follow(t)
	f.update()
	chunks := func(most int) {
		f.site.set(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "chunks") {
				if most--; most < 0 {
					panic(http.ErrAbortHandler)
				}
			}
			return false
		})
	}
	f.p.publish(2)
	f.site.show(f.p)
	chunks(1)
	f.refused(io.EOF)
	first := f.holds(partsDir)
	f.p.publish(3)
	f.site.show(f.p)
	chunks(0)
	f.refused(io.EOF)
	if second := f.holds(partsDir); len(first) != 1 || len(second) != 0 {
		t.Errorf("there are parts %v, and then %v, want one and none", first, second)
	}
}

func TestBadFilesLeaveTheLastGoodBundle(t *testing.T) {
	f := follow(t)
	f.update()
	f.p.publish(2)
	f.site.show(f.p)
	before := known(t, f.dir)
	// endless writes until the device has had enough.
	endless := func(w http.ResponseWriter) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	for _, c := range []struct {
		name, file string
		answer     func(w http.ResponseWriter, good []byte)
		want       error
	}{
		{"an endless root", "root.nsr", func(w http.ResponseWriter, _ []byte) { endless(w) }, trust.ErrSize},
		{"an endless head", "head.nsh", func(w http.ResponseWriter, _ []byte) { endless(w) }, trust.ErrSize},
		{"an endless release", "releases/", func(w http.ResponseWriter, _ []byte) { endless(w) }, trust.ErrSize},
		{"an endless chunk", "chunks/", func(w http.ResponseWriter, _ []byte) { endless(w) }, trust.ErrSize},
		{"a chunk that is a byte too long", "chunks/", func(w http.ResponseWriter, good []byte) { w.Write(append(slices.Clone(good), 0)) }, trust.ErrSize},
		{"a chunk that is a byte too short", "chunks/", func(w http.ResponseWriter, good []byte) { w.Write(good[1:]) }, bundle.ErrHash},
		{"an empty chunk", "chunks/", func(w http.ResponseWriter, good []byte) {}, bundle.ErrHash},
		{"a chunk with another bit", "chunks/", func(w http.ResponseWriter, good []byte) {
			bad := slices.Clone(good)
			bad[len(bad)/2] ^= 1
			w.Write(bad)
		}, bundle.ErrHash},
		{"a chunk cut off", "chunks/", func(w http.ResponseWriter, good []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			w.Write(good[:len(good)/2])
		}, io.ErrUnexpectedEOF},
		{"a head with another bit", "head.nsh", func(w http.ResponseWriter, good []byte) {
			bad := slices.Clone(good)
			bad[len(bad)-100] ^= 1
			w.Write(bad)
		}, trust.ErrSignature},
		{"no head", "head.nsh", func(w http.ResponseWriter, _ []byte) { w.WriteHeader(404) }, nil},
		{"no server behind the CDN", "root.nsr", func(w http.ResponseWriter, _ []byte) { w.WriteHeader(502) }, nil},
		{"a packed chunk", "chunks/", func(w http.ResponseWriter, good []byte) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(good)
		}, nil},
	} {
		f.site.set(func(w http.ResponseWriter, r *http.Request) bool {
			name := strings.TrimPrefix(r.URL.Path, "/news/")
			if !strings.HasPrefix(name, c.file) {
				return false
			}
			c.answer(w, f.p.Files[name])
			return true
		})
		if _, err := f.Update(context.Background()); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		f.answers(1)
		if what := lower(known(t, f.dir), before); what != "" {
			t.Errorf("%s: %s went back", c.name, what)
		}
		if got := f.holds(bundlesDir); len(got) != 1 {
			t.Errorf("%s: there are bundles %v", c.name, got)
		}
		for _, name := range f.holds(partsDir) {
			b, err := os.ReadFile(filepath.Join(f.dir, partsDir, name))
			if sum := digest.TreeHead(b); err != nil || hex.EncodeToString(sum[:]) != name {
				t.Errorf("%s: %s is kept, and wrong: %v", c.name, name, err)
			}
		}
	}
	f.site.set(nil)
	f.update()
	f.answers(2)
}

// patches returns what names the patch between two bundles, and puts it up.
func (p *publisher) patches(from, to []byte) []trust.Patch {
	p.t.Helper()
	diff, err := patch.Make(from, to)
	if err != nil {
		p.t.Fatal(err)
	}
	listed := trust.Patch{From: trust.Digest(channeltest.Frame(from).Manifest), Bytes: len(diff), Digest: trust.Digest(diff)}
	p.Files[bundle.PatchName(listed.Digest)] = diff
	return []trust.Patch{listed}
}

func TestAPatchTravelsInPlaceOfChunks(t *testing.T) {
	p := newPublisher(t)
	one, three := p.release(1), p.release(3)
	const byPatch, byChunks, both = "root.nsr head.nsh releases patches", "root.nsr head.nsh releases chunks", "root.nsr head.nsh releases patches chunks"
	for _, c := range []struct {
		name   string
		edit   func(p *publisher, list []trust.Patch) // of what is listed
		asked  string
		report error // nil: none
	}{
		{"a patch", func(*publisher, []trust.Patch) {}, byPatch, nil},
		{"from another bundle", func(_ *publisher, list []trust.Patch) { list[0].From[0] ^= 1 }, byChunks, nil},
		{"as long as the chunks", func(_ *publisher, list []trust.Patch) { list[0].Bytes = 1 << 17 }, byChunks, nil},
		{"gone", func(p *publisher, list []trust.Patch) { delete(p.Files, bundle.PatchName(list[0].Digest)) }, both, errAny},
		{"with another bit", func(p *publisher, list []trust.Patch) {
			name := bundle.PatchName(list[0].Digest)
			p.Files[name] = slices.Clone(p.Files[name])
			p.Files[name][9] ^= 1
		}, both, bundle.ErrHash},
		{"a byte shorter than listed", func(_ *publisher, list []trust.Patch) { list[0].Bytes++ }, both, bundle.ErrHash},
		{"a byte longer than listed", func(_ *publisher, list []trust.Patch) { list[0].Bytes-- }, both, trust.ErrSize},
		{"to another bundle", func(p *publisher, list []trust.Patch) { list[0] = p.patches(one, three)[0] }, both, bundle.ErrHash},
		{"no patch at all", func(p *publisher, list []trust.Patch) {
			list[0].Digest, list[0].Bytes = trust.Digest([]byte("no")), 2
			p.Files[bundle.PatchName(list[0].Digest)] = []byte("no")
		}, both, errAny},
	} {
		f := follow(t)
		f.update()
		two := f.p.release(2)
		list := f.p.patches(one, two)
		c.edit(f.p, list)
		f.p.PutHead(func(h *trust.Head) { h.Patches = list })
		f.site.show(f.p)
		got, asked := f.update()
		if asked != c.asked || !got.Changed || (c.asked == byPatch) != (got.Patched > 0) {
			t.Errorf("%s: %+v, fetched %s, want %s", c.name, got, asked, c.asked)
		}
		f.answers(2)
		if err := f.reported(); (err != nil) != (c.report != nil) || c.report != errAny && !errors.Is(err, c.report) {
			t.Errorf("%s: reported %v, want %v", c.name, err, c.report)
		}
	}
}

// errAny stands for an error without a name.
var errAny = errors.New("any")

func TestAFollowerStartsWithoutANetwork(t *testing.T) {
	f := follow(t)
	f.update()
	f.site.trace()
	f.site.set(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
	f.restart()
	if asked := f.site.trace(); len(asked) > 0 {
		t.Errorf("starting fetched %v", asked)
	}
	f.answers(1)
	f.refused(io.EOF)
	f.answers(1)
	// The bundle serves until it expires; the head, which expires earlier, only
	// says whether something newer is withheld.
	f.now.Store(expires - 1)
	f.answers(1)
	f.restart()
	f.answers(1)
	f.now.Store(expires)
	if _, err := f.Recommend(context.Background(), slate.Request{K: 1}); !errors.Is(err, trust.ErrExpired) {
		t.Errorf("at its expiry: %v", err)
	}
	f.restart()
	f.answers(0)
	if _, err := f.Recommend(context.Background(), slate.Request{K: 1}); !errors.Is(err, trust.ErrExpired) {
		t.Errorf("started after its expiry: %v", err)
	}
	if err := f.reported(); !errors.Is(err, trust.ErrExpired) {
		t.Errorf("reported: %v", err)
	}
}

func TestAnExpiredHeadKeepsTheLastGoodBundle(t *testing.T) {
	f := follow(t)
	f.update()
	f.p.release(2)
	f.p.PutHead(func(h *trust.Head) { h.Expires = created + 2000 })
	f.site.show(f.p)
	f.now.Store(created + 2000)
	f.refused(trust.ErrHeadExpired)
	f.answers(1)
	f.now.Store(created + 1999)
	f.update()
	f.answers(2)
}

func TestAStoppedVersionAnswersNobody(t *testing.T) {
	f := follow(t)
	f.update()
	f.p.PutHead(func(h *trust.Head) { h.MinVersion = 2 })
	f.site.show(f.p)
	f.refused(trust.ErrStopped)
	f.answers(0)
	f.restart()
	f.answers(0)
	f.refused(trust.ErrStopped)
	f.p.release(2)
	f.p.PutHead(func(h *trust.Head) { h.MinVersion = 2 })
	f.site.show(f.p)
	f.update()
	f.answers(2)
	// A stopped version is stopped before the next one has come.
	f.p.release(3)
	f.p.PutHead(func(h *trust.Head) { h.MinVersion = 3 })
	f.site.show(f.p)
	f.site.set(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "chunks") {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	f.refused(io.EOF)
	f.answers(0)
}

// What a mirror kept of earlier days takes nobody back to them.
func TestNothingOlderIsTaken(t *testing.T) {
	f := follow(t)
	old := maps.Clone(f.p.Files)
	f.update()
	f.p.rotate(channeltest.Honest)
	f.p.publish(2)
	f.site.show(f.p)
	f.update()
	before := known(t, f.dir)
	f.p.Files, old = old, f.p.Files
	f.site.show(f.p)
	f.refused(trust.ErrRollback) // the root
	f.p.Files, old = old, f.p.Files
	f.p.Files[bundle.HeadName] = old[bundle.HeadName]
	f.site.show(f.p)
	f.refused(trust.ErrRollback) // the head
	for range 2 {
		f.answers(2)
		if got := known(t, f.dir); !bytes.Equal(got.Append(nil), before.Append(nil)) {
			t.Errorf("the state has changed: %s is lower", lower(got, before))
		}
		f.restart()
	}
}

// The bundle on the disk is damaged: what is right of it is not fetched again.
func TestADamagedBundleIsMended(t *testing.T) {
	f := follow(t)
	f.update()
	s := known(t, f.dir)
	path := f.store.bundlePath(s.Opened.Digest)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		file  []byte // nil: none
		asked string
	}{
		{"a bit", append(append(slices.Clone(good[:len(good)/2]), good[len(good)/2]^1), good[len(good)/2+1:]...), "root.nsr head.nsh releases chunks"},
		{"a signature", bytes.Replace(good, []byte("\xa4sigs"), []byte("\xa4SIGS"), 1), "root.nsr head.nsh releases"},
		{"cut off", good[:len(good)-1], "root.nsr head.nsh releases chunks"},
		{"empty", []byte{}, "root.nsr head.nsh releases chunks"},
		{"gone", nil, "root.nsr head.nsh releases chunks"},
	} {
		f.end()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if c.file != nil {
			if err := os.WriteFile(path, c.file, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f.reported()
		f.start()
		f.answers(0)
		if f.reported() == nil {
			t.Errorf("%s: nothing was reported", c.name)
		}
		got, asked := f.update()
		if asked != c.asked || !got.Changed {
			t.Errorf("%s: %+v, fetched %s, want %s", c.name, got, asked, c.asked)
		}
		f.answers(1)
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, good) {
			t.Errorf("%s: the file is not as it was: %v", c.name, err)
		}
	}
}

func TestFollowRefuses(t *testing.T) {
	f := follow(t)
	f.update()
	f.end()
	stranger, others := channeltest.Empty(), channeltest.Honest
	others.Root.Keys = []int{0, 1, 9}
	stranger.PutRoot(others, expires, 0, 1)
	for _, c := range []struct {
		name string
		edit func(*FollowConfig)
		want string
	}{
		{"another channel in the folder", func(c *FollowConfig) { c.Channel = "test/other" }, `has followed channel "test/news": want "test/other"`},
		{"another root in the folder", func(c *FollowConfig) { c.Root = stranger.Files[bundle.RootName] }, "trusts another root of version 1"},
		{"no root", func(c *FollowConfig) { c.Root = nil }, "root"},
		{"no folder", func(c *FollowConfig) { c.Dir = "" }, "want a folder"},
		{"a file in place of the folder", func(c *FollowConfig) { c.Dir = filepath.Join(f.dir, "lock") }, "lock"},
		{"no URL", func(c *FollowConfig) { c.URL = "" }, "want a URL"},
		{"another scheme", func(c *FollowConfig) { c.URL = "ftp://example.org/" }, "want http:// or https://"},
		{"a query", func(c *FollowConfig) { c.URL += "?me=1" }, "and nothing else"},
		{"a fragment", func(c *FollowConfig) { c.URL += "#me" }, "and nothing else"},
		{"a user", func(c *FollowConfig) { c.URL = strings.Replace(c.URL, "//", "//me@", 1) }, "and nothing else"},
		{"a module that is none", func(c *FollowConfig) { c.Host.Module = []byte("asm") }, "host: module"},
	} {
		config := f.config()
		c.edit(&config)
		if got, err := Follow(context.Background(), config); got != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want %q", c.name, got, err, c.want)
		}
	}
	f.start() // none of them has kept the lock
	f.answers(1)
}

func TestOneFolderHasOneFollower(t *testing.T) {
	f := follow(t)
	if got, err := Follow(context.Background(), f.config()); got != nil || !errors.Is(err, ErrLocked) {
		t.Errorf("a second one: got %v, %v, want %v", got, err, ErrLocked)
	}
	f.restart()
	if err := f.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := f.Update(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("an update of a closed one: %v", err)
	}
	if _, err := f.Recommend(context.Background(), slate.Request{K: 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("a call of a closed one: %v", err)
	}
	if err := f.Close(context.Background()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// What is fetched, and how, is the same whatever the people who ask like.
func TestWhatIsFetchedDependsOnNobody(t *testing.T) {
	type look struct {
		trace  []string
		header []http.Header
	}
	var looks []look
	for person := range 3 {
		f := follow(t)
		var got look
		for version := uint64(1); version <= 3; version++ {
			f.p.publish(version)
			f.site.show(f.p)
			f.site.trace()
			if _, err := f.Update(context.Background()); err != nil {
				t.Fatal(err)
			}
			got.trace = append(got.trace, f.site.trace()...)
			for i := range 10 * person {
				req := slate.Request{K: 1 + i, Reasons: 1, History: []profile.Event{{Item: fmt.Sprintf("item-%d", i*i*person), Kind: profile.KindLike, Weight: profile.One}}}
				if _, err := f.Recommend(context.Background(), req); err != nil {
					t.Fatal(err)
				}
			}
		}
		got.header = f.site.header
		looks = append(looks, got)
	}
	for person, l := range looks {
		if !slices.Equal(l.trace, looks[0].trace) {
			t.Errorf("person %d: fetched %v, want %v", person, l.trace, looks[0].trace)
		}
		for i, h := range l.header {
			if want := (http.Header{"User-Agent": {userAgent}, "Accept-Encoding": {"identity"}}); !equalHeader(h, want) {
				t.Errorf("person %d, request %d: header %v, want %v", person, i, h, want)
			}
		}
	}
	for _, line := range looks[0].trace {
		if strings.ContainsAny(line, "?#") {
			t.Errorf("fetched %s", line)
		}
	}
}

func equalHeader(a, b http.Header) bool {
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// A call that is under way finishes on the old bundle, which is closed after it.
func TestCallsFinishOnTheBundleTheyBeganWith(t *testing.T) {
	f := follow(t)
	f.update()
	old, release, err := f.hold()
	if err != nil {
		t.Fatal(err)
	}
	f.p.publish(2)
	f.site.show(f.p)
	f.update()
	f.answers(2)
	s, err := old.Recommend(context.Background(), slate.Request{K: 1})
	if err != nil || s.Receipt.Version != 1 {
		t.Errorf("the call under way: version %d, %v", s.Receipt.Version, err)
	}
	if err := f.Close(ended()); !errors.Is(err, context.Canceled) {
		t.Errorf("closing with a call under way: %v", err)
	}
	release()
	f.retiring.Wait()
	if _, err := old.Recommend(context.Background(), slate.Request{K: 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("the old bundle afterwards: %v", err)
	}
}

// Many ask while versions come: every answer is one version's, and none is
// refused.
func TestVersionsComeWhileManyAsk(t *testing.T) {
	f := follow(t)
	f.update()
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := uint64(0)
			for {
				select {
				case <-done:
					return
				default:
				}
				s, err := f.Recommend(context.Background(), slate.Request{K: 3})
				if err != nil || s.Receipt.Version < last {
					t.Errorf("version %d after %d, %v", s.Receipt.Version, last, err)
					return
				}
				last = s.Receipt.Version
			}
		})
	}
	for version := uint64(2); version <= 4; version++ {
		f.p.publish(version)
		f.site.show(f.p)
		f.update()
	}
	close(done)
	wg.Wait()
	f.answers(4)
}

func TestTheHandlerFollows(t *testing.T) {
	f := follow(t)
	server := httptest.NewServer(f.Handler())
	defer server.Close()
	ask := func(status int, want string) {
		t.Helper()
		res, err := http.Post(server.URL+"/v1/recommend", "application/json", strings.NewReader(`{"k":1}`))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		health, err := http.Get(server.URL + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		health.Body.Close()
		if res.StatusCode != status || health.StatusCode != status || !strings.Contains(string(body), want) {
			t.Errorf("got status %d, %s, health %d, want %d and %s", res.StatusCode, body, health.StatusCode, status, want)
		}
	}
	ask(503, `"code":"not-open"`)
	f.update()
	ask(200, `"version":1`)
	f.p.publish(2)
	f.site.show(f.p)
	f.update()
	ask(200, `"version":2`)
	f.p.PutHead(func(h *trust.Head) { h.MinVersion = 3 })
	f.site.show(f.p)
	f.refused(trust.ErrStopped)
	ask(503, `"code":"stopped"`)
}

func TestRunUpdatesUntilItsContextEnds(t *testing.T) {
	f := follow(t)
	f.end()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	config := f.config()
	var versions []uint64
	config.Report = func(got Travelled, err error) {
		if err != nil {
			t.Error(err)
		}
		m, err := f.Manifest()
		if err != nil {
			t.Error(err)
		}
		versions = append(versions, m.Version)
		if len(versions) == 3 {
			cancel()
			return
		}
		f.p.publish(m.Version + 1)
		f.site.show(f.p)
	}
	var err error
	if f.Follower, err = Follow(ctx, config); err != nil {
		t.Fatal(err)
	}
	if err := f.Run(ctx, time.Millisecond); err != context.Canceled || !slices.Equal(versions, []uint64{1, 2, 3}) {
		t.Errorf("got %v and versions %v", err, versions)
	}
}

// A clock that stands behind what the publisher has signed does not make an
// expired bundle good.
func TestTimeDoesNotGoBehindTheHead(t *testing.T) {
	f := follow(t)
	f.update()
	f.p.PutHead(func(h *trust.Head) { h.Issued, h.Expires = expires, expires+1000 })
	f.site.show(f.p)
	f.refused(trust.ErrExpired)
	if _, err := f.Recommend(context.Background(), slate.Request{K: 1}); !errors.Is(err, trust.ErrExpired) {
		t.Errorf("got %v, want %v", err, trust.ErrExpired)
	}
	f.restart()
	f.answers(0)
	if got := f.Follower.now().Unix(); got != expires {
		t.Errorf("after a restart it is %d, want %d", got, expires)
	}
}

// The manifest says with which modules a bundle may run.
func TestABundleForAnotherModuleIsRefused(t *testing.T) {
	f := follow(t)
	m := &train.Model{Algorithm: train.Popular, Items: []data.Item{itemOf(0)}, Count: []uint32{9}}
	modules := [][32]byte{f.Follower.module}
	f.p.releaseOf(m, pack.Options{Version: 2, Modules: modules})
	f.p.PutHead(nil)
	f.site.show(f.p)
	f.update()
	f.answers(2)
	modules[0][0] ^= 1
	f.p.releaseOf(m, pack.Options{Version: 3, Modules: modules})
	f.p.PutHead(nil)
	f.site.show(f.p)
	f.refused(trust.ErrModule)
	f.answers(2)
}

// A host opens a bundle by the state of its channel as well as by a root.
func TestOpenByAState(t *testing.T) {
	p := newPublisher(t)
	file := p.publish(1)
	s, err := trust.NewState(p.first, channeltest.Name)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Open(context.Background(), Config{Root: s.Append(nil), Bundle: file, Now: now, CacheDir: cache, Instances: 1})
	if h != nil || !errors.Is(err, trust.ErrMismatch) {
		t.Fatalf("by a state that has not accepted it: %v, %v", h, err)
	}
	s, _, err = s.TakeHead(p.Files[bundle.HeadName], created)
	if err != nil {
		t.Fatal(err)
	}
	s = s.Accept()
	h = openWith(t, Config{Root: s.Append(nil), Bundle: file, Instances: 2})
	if want := s.Open(s.Accepted).Append(nil); !bytes.Equal(h.state, want) {
		t.Errorf("the state to store: got %x, want %x", h.state, want)
	}
	if _, err := h.Recommend(context.Background(), slate.Request{K: 1}); err != nil {
		t.Error(err)
	}
}
