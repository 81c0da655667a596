package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/nearside/nearside/web"
)

// strictPolicy is the strictest under which a page can use the SDK.
const strictPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; " +
	"require-trusted-types-for 'script'; trusted-types nearside"

// site serves the SDK, a bundle and empty pages, and can be in trouble.
type site struct {
	files web.Files
	inner http.Handler

	mu       sync.Mutex
	gone     bool              // every connection breaks, but those for the page's own scripts
	replaced map[string][]byte // by path: what is served in the place of a file
}

func newSite(files web.Files) *site {
	s := &site{files: files, replaced: map[string][]byte{}}
	pages := http.NewServeMux()
	pages.Handle("/", web.Handler(files))
	pages.HandleFunc("/blank", blank)
	pages.HandleFunc("/strict", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", strictPolicy)
		blank(w, r)
	})
	s.inner = pages
	return s
}

func (s *site) set(gone bool, replaced map[string][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone, s.replaced = gone, replaced
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	gone, body := s.gone, s.replaced[r.URL.Path]
	s.mu.Unlock()
	switch {
	case gone && !strings.HasSuffix(r.URL.Path, ".js"):
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			conn.Close()
		}
	case body != nil:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(body)
	default:
		s.inner.ServeHTTP(w, r)
	}
}

// openBundle is JavaScript that opens the site's bundle as globalThis.ns.
const openBundle = `(async () => {
	const { open } = await import('/sdk/nearside.js');
	globalThis.warnings ??= [];
	globalThis.ns = await open({ bundle: '/bundle.nsb', root: '/root.nsr', onWarning: (message) => warnings.push(message), ...globalThis.options });
	return ns;
})()`

// outcome tells what comes of a promise of the page: 'fine', or a code.
const outcome = `.then(() => 'fine', ({ code, message }) => code ?? message)`

func (b *browser) openIn(page string) string {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + page))
	return eval[string](b, openBundle+`.then((ns) => ns.completed)`+outcome)
}

// TestAStrictPolicy has the browser refuse everything but what the README says
// the SDK needs, Trusted Types included.
func TestAStrictPolicy(t *testing.T) {
	s := newSite(magazine(t))
	b := newBrowser(t, s)
	b.do(chromedp.Navigate(b.url + "/strict"))
	eval[bool](b, `(globalThis.refused = [], addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => refused.push(violatedDirective + ' ' + blockedURI)), true)`)
	if got := eval[string](b, openBundle+`.then(async (ns) => {
		const { items: [{ id }] } = await ns.recommend();
		ns.observe({ item: id });
		const { receipt: { used } } = await ns.recommend();
		return used + ' used';
	}).catch(String)`); got != "1 used" {
		t.Errorf("got %q, want a list that learns", got)
	}
	if got := eval[[]string](b, `[...refused, ...warnings]`); len(got) != 0 {
		t.Errorf("got %q, want nothing refused and no warning", got)
	}
	b.noErrors()
}

func TestAPageWithoutItsServer(t *testing.T) {
	s := newSite(magazine(t))
	b := newBrowser(t, s)
	if got := b.openIn("/blank"); got != "fine" {
		t.Fatalf("the first visit: %s", got)
	}
	first := eval[json.RawMessage](b, `ns.recommend().then(({ items }) => items)`)
	// The page is there, as a service worker would have it; the files are the SDK's concern.
	eval[bool](b, `ns.close().then(() => true)`)
	// Copies are put away behind an open bundle.
	copies := func(want ...string) {
		t.Helper()
		got := eval[[]string](b, fmt.Sprintf(`(async () => {
			for (const end = performance.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
				const paths = (await (await caches.open('nearside')).keys()).map(({ url }) => new URL(url).pathname + new URL(url).search).sort();
				if (paths.join() === %q || performance.now() > end) return paths;
			}
		})()`, strings.Join(want, ",")))
		if !slices.Equal(got, want) {
			t.Fatalf("got copies of %q, want %q", got, want)
		}
	}
	copies("/bundle.nsb", "/root.nsr", "/sdk/nearside.wasm")
	for _, trouble := range []struct {
		name     string
		gone     bool
		replaced map[string][]byte
		want     string
	}{
		{"gone", true, nil, "fine"},
		{"a bundle that was changed on the wire", false, map[string][]byte{"/bundle.nsb": flipped(s.files.Bundle)}, "hash"},
		{"a bundle that is cut off", false, map[string][]byte{"/bundle.nsb": s.files.Bundle[:len(s.files.Bundle)/2]}, "syntax"},
		{"somebody else's login page", false, map[string][]byte{"/sdk/nearside.wasm": []byte("<!doctype html>"), "/bundle.nsb": []byte("<!doctype html>")}, "module"},
		{"gone after that", true, nil, "fine"}, // what was not right has not taken a copy's place
	} {
		s.set(trouble.gone, trouble.replaced)
		if got := eval[string](b, openBundle+`.then((ns) => ns.completed)`+outcome); got != trouble.want {
			t.Errorf("%s: got %s, want %s", trouble.name, got, trouble.want)
			continue
		}
		if trouble.want == "fine" {
			if again := eval[json.RawMessage](b, `ns.recommend().then(({ items }) => items)`); !bytes.Equal(again, first) {
				t.Errorf("%s: another list than before", trouble.name)
			}
			eval[bool](b, `ns.close().then(() => true)`)
		}
	}

	// Another version takes the place of the one before, whatever its query.
	s.set(false, nil)
	eval[bool](b, `(globalThis.options = { bundle: '/bundle.nsb?v=2' }, true)`)
	eval[bool](b, openBundle+`.then((ns) => ns.completed).then(() => true)`)
	copies("/bundle.nsb?v=2", "/root.nsr", "/sdk/nearside.wasm")
	b.noErrors()
}

func flipped(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// TestAWorkerThatIsKilled ends the thread while it works, as a browser does that
// runs out of memory.
func TestAWorkerThatIsKilled(t *testing.T) {
	for name, open := range map[string]string{"bundle": openBundle, "channel": openChannel} {
		t.Run(name, func(t *testing.T) {
			f, _ := newFollower(t)
			b := f.browser
			b.do(chromedp.Navigate(b.url + "/blank"))
			got := eval[[]string](b, `(async () => {
				const threads = [];
				globalThis.Worker = class extends Worker {
					constructor(...args) {
						super(...args);
						threads.push(this);
					}
				};
				await `+open+`;
				await ns.completed;
				const { items } = await ns.items([0, 1]);
				ns.observe({ item: items[0].id, kind: 'like' });
				const want = JSON.stringify((await ns.recommend()).items);
				const outcomes = [];
				for (let round = 0; round < 3; round++) {
					const asked = [ns.recommend(), ns.recommend(), ns.profile.view()];
					threads.at(-1).terminate();
					const [one, two, view] = await Promise.all(asked);
					outcomes.push(view.events.length + ' ' + [one, two].every(({ items }) => JSON.stringify(items) === want));
				}
				const updating = ns.update();
				threads.at(-1).terminate();
				outcomes.push(await updating`+`.then(String, ({ code }) => code));
				threads.at(-1).terminate();
				await new Promise((resolve) => setTimeout(resolve, 100)); // it is known by now
				await ns.close();
				outcomes.push(await ns.recommend().then(String, ({ code }) => code));
				return [...outcomes, threads.length + ' threads'];
			})()`)
			want := []string{"1 true", "1 true", "1 true", "false", "closed", "5 threads"}
			if name == "bundle" {
				want = []string{"1 true", "1 true", "1 true", "request", "closed", "4 threads"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			b.noErrors()
		})
	}
}

// TestWithoutLocks opens where the browser refuses locks, as it does when it
// blocks cookies: in the page, in the worker and for a channel's updates.
func TestWithoutLocks(t *testing.T) {
	f, _ := newFollower(t)
	b := f.browser
	refuse := `LockManager.prototype.request = () => Promise.reject(new DOMException('refused', 'SecurityError'));`
	f.pages.HandleFunc("/sdk/channel-worker.js", func(w http.ResponseWriter, r *http.Request) {
		body, err := os.ReadFile("channel-worker.js")
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, refuse+string(body))
	})
	for _, worker := range []string{"true", "false"} {
		b.do(chromedp.Navigate(b.url + "/blank"))
		eval[bool](b, `(() => { `+refuse+` return true; })()`)
		script := strings.Replace(openChannel, "root: '/first.nsr'", "root: '/first.nsr', worker: "+worker, 1)
		if got := eval[string](b, script+`.then(async (ns) => [await ns.updated, await answer(ns)].join())`+outcome+``); got != "fine" {
			t.Errorf("worker: %s: got %s, want fine", worker, got)
		}
	}
	b.noErrors()
}

// TestASlowNetwork opens over a line of 400 kbit/s, looks at what the page is
// told, and gives up.
func TestASlowNetwork(t *testing.T) {
	b := newBrowser(t, newSite(magazine(t)))
	b.do(chromedp.Navigate(b.url + "/blank"))
	if _, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Latency: 400, DownloadThroughput: 50_000, UploadThroughput: 50_000}},
	}); err != nil {
		t.Fatal(err)
	}
	got := eval[struct {
		Code      string
		Took      float64 // from giving up to the end
		Snapshots []struct {
			At            float64
			Phase         string
			Loaded, Total int
		}
	}](b, `(async () => {
		const { open } = await import('/sdk/nearside.js');
		const giveUp = new AbortController();
		const snapshots = [];
		let at = 0;
		const onProgress = ({ phase, loaded, total }) => {
			snapshots.push({ At: performance.now(), Phase: phase, Loaded: loaded, Total: total });
			if (snapshots.length === 12) { at = performance.now(); giveUp.abort(); }
		};
		const code = await open({ bundle: '/bundle.nsb', root: '/root.nsr', signal: giveUp.signal, onProgress })`+outcome+`;
		const end = performance.now();
		await new Promise((resolve) => setTimeout(resolve, 300)); // is anything told afterwards?
		return { Code: code, Took: end - at, Snapshots: snapshots };
	})()`)
	if got.Code != "aborted" || got.Took > 200 {
		t.Errorf("got %q after %.0f ms, want aborted at once", got.Code, got.Took)
	}
	if len(got.Snapshots) != 12 {
		t.Errorf("got %d snapshots, want 12 and none after giving up", len(got.Snapshots))
	}
	for i, s := range got.Snapshots {
		if s.Phase != "download" || s.Total != 0 && s.Loaded >= s.Total {
			t.Errorf("snapshot %d: got %+v, want a download that goes on", i, s)
		}
		if i > 0 && (s.Loaded < got.Snapshots[i-1].Loaded || s.At-got.Snapshots[i-1].At < 90) {
			t.Errorf("snapshot %d: got %+v after %+v, want more bytes and 100 ms between", i, s, got.Snapshots[i-1])
		}
	}
	if last := got.Snapshots[len(got.Snapshots)-1]; last.Total == 0 || last.Loaded == 0 {
		t.Errorf("got %+v at last, want bytes and their total", last)
	}
	b.noErrors()
}

// TestAClockThatIsSetBack sets the page's clock back by a year, and on again.
func TestAClockThatIsSetBack(t *testing.T) {
	b := newBrowser(t, newSite(magazine(t)))
	if got := b.openIn("/blank"); got != "fine" {
		t.Fatal(got)
	}
	got := eval[[]string](b, `(async () => {
		const real = Date.now;
		const { items } = await ns.items([0, 1, 2]);
		const seen = async () => (await ns.profile.view()).events.map(({ item }) => items.findIndex(({ id }) => id === item)).join() + ' ' + (await ns.recommend()).receipt.used;
		const states = [];
		for (const [i, shift] of [0, -365 * 86_400_000, 60_000].entries()) {
			Date.now = () => real() + shift;
			ns.observe({ item: items[i].id });
			states.push(await seen());
		}
		await ns.profile.saved;
		await ns.close();
		Date.now = real;
		await `+openBundle+`;
		return [...states, await seen()];
	})()`)
	// What was noted in the past is a year old, not older than what is kept, and in its place.
	if want := []string{"0 1", "0,1 2", "0,1,2 3", "0,1,2 3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	b.noErrors()
}

// TestACanaryHistory remembers words that nothing else has, works with them, and
// looks for them in all that leaves the page, as they are and disguised.
func TestACanaryHistory(t *testing.T) {
	b, m := newFollower(t)
	b.do(chromedp.Navigate(b.url + "/blank"))
	const canary = "canary-5b1e77d0c4"
	eval[bool](b.browser, openChannel+`.then(async (ns) => {
		const { items: [{ id }] } = await ns.items([3]);
		ns.observe({ item: '`+canary+`' });
		ns.observe({ item: id, kind: 'like' });
		ns.profile.edit({ off: ['`+canary+`'] });
		for (const options of [{}, { context: ['`+canary+`'] }, { filter: { exclude: ['`+canary+`'], noTags: ['`+canary+`'] } }]) await ns.recommend(options);
		await ns.similar('`+canary+`');
		for await (const list of ns.pages({ k: 20 })) break;
		ns.explain('`+canary+`');
		ns.profile.import(JSON.parse(JSON.stringify(ns.profile.export())));
		await ns.profile.view();
		await ns.profile.saved;
		return true;
	})`)
	m.set(2, false, plenty) // an update while there is a history
	eval[bool](b.browser, `ns.update().then(() => ns.recommend()).then(() => ns.profile.saved)`)
	if stored := b.inStorage(); !strings.Contains(stored, canary) {
		t.Fatal("the canary is not remembered")
	}
	b.do(chromedp.Navigate(b.url + "/blank")) // the next visit has it from the start
	eval[bool](b.browser, openChannel+`.then((ns) => ns.recommend().then(() => ns.close())).then(() => true)`)

	seen := strings.Join(slices.Concat(b.wire.seen(0), b.seen(), b.messages(),
		eval[[]string](b.browser, `[document.cookie, location.href, document.title, ...performance.getEntriesByType('resource').map(({ name }) => name)]`)), "\n")
	if len(b.wire.seen(0)) < 10 {
		t.Fatalf("got %d requests, want some to look at", len(b.wire.seen(0)))
	}
	for name, disguise := range disguises(canary) {
		if strings.Contains(strings.ToLower(seen), strings.ToLower(disguise)) {
			t.Errorf("the canary left the page, %s: %q", name, disguise)
		}
	}
	b.noErrors()
}

// disguises are ways in which a word can be written. Base 64 of a text that has
// the word in it depends on where it stands, to three positions.
func disguises(word string) map[string]string {
	sum := sha256.Sum256([]byte(word))
	all := map[string]string{
		"raw": word, "in hex": hex.EncodeToString([]byte(word)), "URL-encoded": strings.ReplaceAll(word, "-", "%2D"),
		"hashed, in hex": hex.EncodeToString(sum[:16]), "hashed, in base 64": base64.RawStdEncoding.EncodeToString(sum[:15]),
		"hashed, in base 64 for URLs": base64.RawURLEncoding.EncodeToString(sum[:15]),
	}
	for shift := range 3 {
		inner := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + word))
		from, to := (8*shift+5)/6, 8*(shift+len(word))/6 // of which every bit is the word's
		all[fmt.Sprintf("in base 64, shifted by %d", shift)] = inner[from:to]
	}
	return all
}

// TestTheMainThreadStaysFree watches for tasks of more than 50 ms from open to
// the first list. What the machine does besides makes tasks long now and then;
// one of ours would be long in every visit.
func TestTheMainThreadStaysFree(t *testing.T) {
	b := newBrowser(t, newSite(movies(t)))
	var longest []float64 // ms
	for range 6 {
		b.do(chromedp.Navigate(b.url + "/blank"))
		long := eval[[]float64](b, `(async () => {
			const long = [];
			const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)));
			observer.observe({ type: 'longtask' });
			await `+openBundle+`;
			await ns.recommend();
			await new Promise((resolve) => setTimeout(resolve, 200));
			return [...long, ...observer.takeRecords().map(({ duration }) => duration)];
		})()`)
		if len(long) == 0 {
			b.noErrors()
			return
		}
		longest = append(longest, slices.Max(long))
	}
	t.Errorf("got tasks of %v ms on the main thread in six visits, want one visit with none above 50", longest)
}
