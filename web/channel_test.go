package web_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/web"
)

// mirror serves testdata/channel below /news/, as it stood at one version.
type mirror struct {
	mu      sync.Mutex
	version int
	down    bool
	chunks  int  // how many more are served; after that requests hang until the page leaves
	scarce  bool // there are no patches then
}

func (m *mirror) set(version int, down bool, chunks int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version, m.down, m.chunks, m.scarce = version, down, chunks, chunks < plenty
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/news/")
	m.mu.Lock()
	version, down := m.version, m.down
	if strings.HasPrefix(name, "chunks/") {
		m.chunks--
	}
	scarce, hang := m.scarce, m.chunks < 0
	m.mu.Unlock()
	switch {
	case down:
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	case strings.HasPrefix(name, "patches/") && scarce:
		http.NotFound(w, r)
		return
	case hang:
		<-r.Context().Done()
		return
	}
	folder := filepath.Join("..", "testdata", "channel")
	if version == 1 {
		if b, err := os.ReadFile(filepath.Join(folder, "before", name)); err == nil {
			w.Write(b)
			return
		}
	}
	b, err := os.ReadFile(filepath.Join(folder, "news", name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Write(b)
}

const plenty = 1 << 30 // chunks

// follower is a browser whose pages follow a mirror.
type follower struct {
	*browser
	pages *http.ServeMux
}

func newFollower(t *testing.T) (follower, *mirror) {
	t.Helper()
	pages, m := newChannelSite(t)
	return follower{newBrowser(t, pages), pages}, m
}

// newChannelSite serves the SDK, a bundle and a mirror.
func newChannelSite(t *testing.T) (*http.ServeMux, *mirror) {
	t.Helper()
	m := &mirror{version: 1, chunks: plenty}
	pages := http.NewServeMux()
	pages.Handle("/", web.Handler(magazine(t)))
	pages.Handle("/news/", m)
	pages.HandleFunc("/first.nsr", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("..", "testdata", "channel", "before", "root.nsr"))
	})
	pages.Handle("/web/", http.StripPrefix("/web/", http.FileServer(http.Dir("."))))
	pages.HandleFunc("/blank", blank)
	return pages, m
}

// visit is what a page says of its bundle, or of why it has none.
type visit struct {
	Opened  string // version and whether it is early, or the code of what open threw
	Updated string // true, false or a code
	After   string // version and whether it is early
}

// visit opens a fresh page that follows the channel, and waits until it has
// looked for something newer. The page's clock stands where the files are good;
// the worker has none.
func (b *browser) visit() visit {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + "/blank"))
	return eval[visit](b, openChannel+`.then(async (ns) => {
		const opened = await answer(ns);
		const updated = await ns.updated.then(String, ({ code }) => code);
		return { Opened: opened, Updated: updated, After: await answer(ns) };
	}, ({ code, message }) => ({ Opened: code, Updated: message, After: '' }))`)
}

const openChannel = `(async () => {
	Date.now = () => 1800001000 * 1000;
	globalThis.answer = async (ns) => {
		ns.observe({ item: (await ns.items([3])).items[0].id });
		const { receipt } = await ns.recommend({ k: 5 });
		await ns.profile.erase();
		return receipt.version + (receipt.early ? ' early' : '');
	};
	const { open } = await import('/sdk/nearside.js');
	globalThis.ns = await open({ wasm: '/nearside.wasm', channel: '/news/', name: 'test/news', root: '/first.nsr' });
	return ns;
})()`

// news returns the paths below /news/ that were asked for from the nth request
// on, hashes cut short.
func (b *browser) news(n int) []string {
	var paths []string
	for _, request := range b.wire.seen(n) {
		// The browser's proxy sees whole URLs.
		line, _, _ := strings.Cut(request, " HTTP/")
		if _, path, ok := strings.Cut(line, "/news/"); ok {
			if dir, _, ok := strings.Cut(path, "/"); ok && dir != "roots" {
				path = dir
			}
			paths = append(paths, path)
		}
	}
	return paths
}

func TestAChannelIsFollowedInChromium(t *testing.T) {
	b, m := newFollower(t)
	want := func(what string, got, want visit) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	asked := func(what string, from int, want ...string) {
		t.Helper()
		if got := slices.Compact(b.news(from)); !slices.Equal(got, want) {
			t.Errorf("%s: asked for %v, want %v", what, got, want)
		}
	}
	first := b.visit()
	if first.Updated != "true" || first.After != "1" {
		t.Fatalf("the first visit: %+v", first)
	}
	asked("the first visit", 0, "root.nsr", "head.nsh", "releases", "chunks")

	n := len(b.wire.seen(0))
	want("a second visit", b.visit(), visit{"1", "false", "1"})
	asked("a second visit", n, "root.nsr", "head.nsh")

	m.set(1, true, plenty)
	want("a visit without the server", b.visit(), visit{"1", "network", "1"})

	m.set(2, false, plenty)
	n = len(b.wire.seen(0))
	want("a new release", b.visit(), visit{"1", "true", "2"})
	asked("a new release", n, "root.nsr", "roots/2.nsr", "root.nsr", "head.nsh", "releases", "patches")

	n = len(b.wire.seen(0))
	m.set(1, false, plenty)
	want("a mirror that has gone back", b.visit(), visit{"2", "rollback", "2"})
	asked("a mirror that has gone back", n, "root.nsr")
	for _, request := range b.wire.seen(0) {
		line, head, _ := strings.Cut(request, "\r\n")
		head = "\n" + strings.ToLower(head)
		if strings.Contains(line, "/news/") && (strings.Contains(line, "?") || strings.Contains(head, "\ncookie:") || strings.Contains(head, "\nreferer:")) {
			t.Errorf("a request says more than it should:\n%s", request)
		}
	}
	b.noErrors()
}

// TestATabThatIsClosedLeavesOldOrNew leaves the page in the middle of an
// update, and looks at what the next page finds without a server.
func TestATabThatIsClosedLeavesOldOrNew(t *testing.T) {
	b, m := newFollower(t)
	if got := b.visit(); got.After != "1" {
		t.Fatalf("the first visit: %+v", got)
	}
	for served := range 3 { // of the seven that are new
		m.set(2, false, served)
		n := len(b.wire.seen(0))
		b.do(chromedp.Navigate(b.url + "/blank"))
		if !eval[bool](b.browser, openChannel+`.then(() => true)`) {
			t.Fatal("the last good bundle does not open")
		}
		for strings.Count(strings.Join(b.news(n), " "), "chunks") <= served {
			eval[bool](b.browser, `new Promise((resolve) => requestAnimationFrame(() => resolve(true)))`)
		}
		m.set(2, true, plenty)
		if got := b.visit(); got != (visit{"1", "network", "1"}) {
			t.Errorf("after %d chunks: %+v", served, got)
		}
	}
	m.set(2, false, plenty)
	if got := b.visit(); got != (visit{"1", "true", "2"}) {
		t.Errorf("at last: %+v", got)
	}
}

// tab returns another tab of the same site.
func (b *browser) tab() *browser {
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	return &browser{t: b.t, ctx: ctx, wire: b.wire, url: b.url}
}

func TestTwoTabsFollowOneChannel(t *testing.T) {
	one, m := newFollower(t)
	two := one.tab()
	tabs := []*browser{one.browser, two}
	for _, b := range tabs {
		b.do(chromedp.Navigate(b.url + "/blank"))
	}
	// Both begin at the same time: neither waits for the other's answer.
	begin := func(script string) []string {
		t.Helper()
		var results []string
		for _, b := range tabs {
			eval[bool](b, fmt.Sprintf(`(globalThis.result = %s.then(String, ({ code, message }) => code + ': ' + message), true)`, script))
		}
		for _, b := range tabs {
			results = append(results, eval[string](b, `globalThis.result`))
		}
		return results
	}
	got := begin(openChannel + `.then((ns) => ns.updated.then(() => answer(ns)))`)
	if !slices.Equal(got, []string{"1", "1"}) {
		t.Fatalf("two first visits at once: %q", got)
	}
	m.set(2, false, plenty)
	got = begin(`ns.update().then(() => answer(ns))`)
	if !slices.Equal(got, []string{"2", "2"}) {
		t.Errorf("two updates at once: %q", got)
	}
	m.set(1, false, plenty)
	if got = begin(`ns.update()`); !strings.HasPrefix(got[0], "rollback: ") || !strings.HasPrefix(got[1], "rollback: ") {
		t.Errorf("two updates from a mirror that has gone back: %q", got)
	}
	m.set(2, true, plenty)
	if got := two.visit(); got != (visit{"2", "network", "2"}) {
		t.Errorf("afterwards: %+v", got)
	}
}

// TestAttacksInChromium carries out all attacks, whereas testdata/channel has
// some, for Node.
func TestAttacksInChromium(t *testing.T) {
	b, _ := newFollower(t)
	files := map[string][]byte{}
	var list []channeltest.Vector
	attacks, _ := channeltest.Attacks()
	for _, a := range attacks {
		list = append(list, a.Vector(func(file []byte) string {
			name := fmt.Sprintf("%x", sha256.Sum256(file))
			files[name] = file
			return name
		}))
	}
	b.pages.HandleFunc("/attacks/", func(w http.ResponseWriter, r *http.Request) { w.Write(files[path.Base(r.URL.Path)]) })
	b.pages.HandleFunc("/attacks.json", func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(list) })
	b.do(chromedp.Navigate(b.url + "/blank"))
	for _, line := range eval[[]string](b.browser, `(async () => {
		const { runAttacks } = await import('/web/test/vectors.js');
		const module = await WebAssembly.compileStreaming(fetch('/nearside.wasm'));
		const list = await (await fetch('/attacks.json')).json();
		return runAttacks(module, list, async (name) => new Uint8Array(await (await fetch('/attacks/' + name)).arrayBuffer()));
	})()`) {
		t.Error(line)
	}
}

func TestIndexedDBIsAStore(t *testing.T) {
	b, _ := newFollower(t)
	b.do(chromedp.Navigate(b.url + "/blank"))
	wrong := eval[[]string](b.browser, `(async () => {
		const { openStore } = await import('/web/store.js');
		const { runStore } = await import('/web/test/store.js');
		const warnings = [];
		const wrong = await runStore((name) => openStore(name, (message) => warnings.push(message)));
		return [...wrong, ...warnings];
	})()`)
	for _, line := range wrong {
		t.Error(line)
	}
	// It is still there for the next page.
	b.do(chromedp.Navigate(b.url + "/blank"))
	if got := eval[int](b.browser, `import('/web/store.js').then(async ({ openStore }) => (await (await openStore('a/b', alert)).read()).state.length)`); got != 2 {
		t.Errorf("got a state of %d bytes on the next page, want 2", got)
	}
}
