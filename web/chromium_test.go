package web_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/web"
)

// blocks returns the README's blocks of code in a language, those without a file's name.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1) {
		list = append(list, match[1])
	}
	return list
}

// block returns the one that has a text.
func block(t *testing.T, language, text string) string {
	t.Helper()
	list := blocks(t, language)
	i := slices.IndexFunc(list, func(block string) bool { return strings.Contains(block, text) })
	if i < 0 {
		t.Fatalf("README.md has no block of %s with %q", language, text)
	}
	return list[i]
}

// TestTheScriptsInTheReadmeRun runs the blocks that open something, with a show
// that takes lists.
func TestTheScriptsInTheReadmeRun(t *testing.T) {
	two := web.Handler(twoStages(t))
	pages := http.NewServeMux()
	pages.Handle("/", two)
	pages.Handle("/news/", http.StripPrefix("/news/", http.FileServer(http.Dir(published(t)))))
	for path, text := range map[string]string{"/bundle.js": "receipt.early is true", "/channel.js": "channel: 'news/'"} {
		script := block(t, "js", text)
		if path == "/channel.js" { // whose root is the channel's
			script = strings.ReplaceAll(script, "'root.nsr'", "'news/root.nsr'")
		}
		pages.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, "import { open } from './sdk/nearside.js';\nglobalThis.shown = [];\nconst show = (list) => shown.push(list);\n"+script+"\nexport { nearside };")
		})
	}
	pages.HandleFunc("/blank", blank)
	b := newBrowser(t, pages)
	for _, path := range []string{"/bundle.js", "/channel.js"} {
		b.do(chromedp.Navigate(b.url + "/blank"))
		got := eval[int](b, `import('`+path+`').then(async ({ nearside }) => {
			await nearside.completed;
			await nearside.updated;
			for (const end = performance.now() + 10_000; shown.length < 2 && performance.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 10));
			return shown.filter(({ items }) => items.length === 10).length;
		})`)
		if got != 2 {
			t.Errorf("%s: got %d lists of ten, want the first and the one after it", path, got)
		}
	}
	b.noErrors()
}

// TestTheOfflineRecipeOfTheReadme puts the service worker beside the first page
// of the README, visits it once, and takes the network away.
func TestTheOfflineRecipeOfTheReadme(t *testing.T) {
	page := block(t, "html", `channel="news/"`) + block(t, "html", "serviceWorker.register")
	script := block(t, "js", "addEventListener('install'")
	pages := http.NewServeMux()
	pages.Handle("/sdk/", web.Handler(magazine(t)))
	pages.Handle("/news/", http.StripPrefix("/news/", http.FileServer(http.Dir(published(t)))))
	pages.HandleFunc("/sw.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, script)
	})
	pages.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, page)
	})
	var gone atomic.Bool
	b := newBrowser(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				conn.Close()
			}
			return
		}
		pages.ServeHTTP(w, r)
	}))
	const ready = `document.querySelectorAll('#for-you a').length === 10`
	b.do(chromedp.Navigate(b.url))
	b.until(ready)
	b.click("#for-you a")
	b.until(`document.querySelector('nearside-privacy').shadowRoot.textContent.includes('You opened ')`)
	eval[bool](b, `(async () => {
		await navigator.serviceWorker.ready;
		const { nearside } = document.querySelector('nearside-feed');
		await nearside.completed;
		await nearside.updated;
		for (const end = performance.now() + 10_000; performance.now() < end && !(await caches.match('sdk/nearside.wasm')); ) await new Promise((resolve) => setTimeout(resolve, 20));
		return nearside.profile.saved;
	})()`)
	list := eval[[]string](b, `[...document.querySelectorAll('#for-you a')].map((a) => a.textContent)`)

	gone.Store(true)
	b.do(chromedp.Navigate(b.url))
	b.until(ready)
	b.until(`document.querySelector('nearside-privacy').shadowRoot.textContent.includes('You opened ')`)
	if got := eval[[]string](b, `[...document.querySelectorAll('#for-you a')].map((a) => a.textContent)`); !slices.Equal(got, list) {
		t.Errorf("got %q without a network, want %q", got, list)
	}
	gone.Store(false)
	b.noErrors()
}

func TestTheExamplesInTheReadmeRun(t *testing.T) {
	pages := http.NewServeMux()
	pages.Handle("/", web.Handler(magazine(t)))
	pages.Handle("/news/", http.StripPrefix("/news/", http.FileServer(http.Dir(published(t)))))
	examples := make(map[string]string) // text by path
	for i, example := range blocks(t, "html") {
		path := fmt.Sprintf("/example%d.html", i)
		examples[path] = example
		pages.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, example)
		})
	}
	// open goes to the example that has a text; at the end none may be left.
	open := func(b *browser, text string) {
		t.Helper()
		for path, example := range examples {
			if strings.Contains(example, text) {
				delete(examples, path)
				b.do(chromedp.Navigate(b.url + path))
				return
			}
		}
		t.Fatalf("no ```html block of README.md that was not opened yet has %q", text)
	}
	b := newBrowser(t, pages)
	open(b, `channel="news/"`)
	b.until(`document.querySelectorAll('#for-you a').length === 10`)
	top := b.text("#for-you a")
	b.click("#for-you a")
	b.until(fmt.Sprintf(`document.querySelector('#for-you a').textContent !== %q`, top))
	b.until(`document.querySelector('nearside-privacy').shadowRoot.textContent.includes('You opened ')`)

	open(b, `<ol id="for-you"`)
	b.until(`document.querySelectorAll('#for-you button').length === 10`)
	first := b.text("#for-you button")
	b.click("#for-you button")
	b.until(fmt.Sprintf(`!document.querySelector('#for-you').innerText.includes(%q)`, first))
	b.click("#for-you button")
	eval[bool](b, `(async () => {
		const { Keeper, planned } = await import('/sdk/keeper.js');
		for (let stored = 0; stored < 2; ) { // leaving at once could lose the second
			const keeper = new Keeper('magazine', planned({}), alert);
			await keeper.saved;
			stored = keeper.state.events.length;
			await keeper.close();
		}
		return true;
	})()`)

	open(b, `id="remembered"`)
	b.until(`document.querySelectorAll('#remembered li').length === 2`)
	if got := b.text("#remembered li"); !strings.HasPrefix(got, "click: "+first) {
		t.Errorf("got the event %q, want a click on %q", got, first)
	}
	b.click("#interests button")
	b.until(`document.querySelector('#interests').innerText.includes(' is off')`)
	b.click("#pause")
	b.until(`document.querySelector('#pause').innerText === 'Resume'`)
	b.click("#remembered button")
	b.until(`document.querySelectorAll('#remembered li').length === 1`)
	b.click("#erase")
	b.until(`document.querySelectorAll('#remembered li').length === 0`)
	b.until(`document.querySelector('#pause').innerText === 'Pause' && document.querySelector('#interests').innerText === ''`)

	open(b, "<nearside-feed")
	b.until(`document.querySelector('nearside-feed').items.length === 2`)
	first = b.text("#articles a")
	b.click("#articles a")
	b.until(fmt.Sprintf(`document.querySelector('#articles a').textContent !== %q`, first))
	b.until(`document.querySelector('nearside-privacy').shadowRoot.textContent.includes('You opened ')`)
	open(b, "serviceWorker.register('sw.js')") // on the page that has the others it is TestTheOfflineRecipeOfTheReadme
	b.noErrors()
	for _, example := range examples {
		t.Errorf("a block of README.md was not opened:\n%s", example)
	}
}

// TestChromiumGivesTheSameBytes runs the vectors of testdata in the page.
func TestChromiumGivesTheSameBytes(t *testing.T) {
	module, err := wasm.Module()
	if errors.Is(err, wasm.ErrNotBuilt) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := filepath.Glob(filepath.Join("..", "testdata", "vectors", "*.json"))
	if err != nil || len(vectors) == 0 {
		t.Fatalf("got %d vectors, %v, want some", len(vectors), err)
	}
	pages := http.NewServeMux()
	pages.Handle("/web/", http.StripPrefix("/web/", http.FileServer(http.Dir("."))))
	pages.Handle("/testdata/", http.StripPrefix("/testdata/", http.FileServer(http.Dir(filepath.Join("..", "testdata")))))
	pages.HandleFunc("/nearside.wasm", func(w http.ResponseWriter, r *http.Request) { w.Write(module) })
	pages.HandleFunc("/blank", blank)
	b := newBrowser(t, pages)
	b.do(chromedp.Navigate(b.url + "/blank"))
	check := func(run, path string) {
		differences := eval[[]string](b, fmt.Sprintf(`(async () => {
			const vectors = await import('/web/test/vectors.js');
			const module = await WebAssembly.compile(await (await fetch('/nearside.wasm')).arrayBuffer());
			const files = async (name) => new Uint8Array(await (await fetch(new URL(name, %[2]q))).arrayBuffer());
			return vectors.%[1]s(module, await (await fetch(%[2]q)).json(), files);
		})()`, run, b.url+path))
		for _, line := range differences {
			t.Errorf("%s: %s", path, line)
		}
	}
	for _, path := range vectors {
		check("runVector", "/testdata/vectors/"+filepath.Base(path))
	}
	check("runBad", "/testdata/bundles/bad.json")
}

func blank(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Type", "text/html") }

// figures are medians over 200 lists for a history of 20 likes, in milliseconds.
type figures struct {
	Open  float64 // instance made, bundle verified, known answers checked
	First float64 // the first list
	Guest float64 // guest.recommend, on the page's own thread
	Page  float64 // nearside.recommend: the worker's answer, seen from the page
}

// TestFiguresInChromium asserts nothing about speed: the machine is shared.
func TestFiguresInChromium(t *testing.T) {
	pages := http.NewServeMux()
	pages.Handle("/", web.Handler(magazine(t)))
	pages.HandleFunc("/blank", blank)
	b := newBrowser(t, pages)
	b.do(chromedp.Navigate(b.url + "/blank"))
	got := eval[figures](b, `(async () => {
		const { instantiate } = await import('/sdk/guest.js');
		const { open } = await import('/sdk/nearside.js');
		const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
		const [module, root, bundle] = [await WebAssembly.compileStreaming(fetch('/nearside.wasm')), await bytes('/root.nsr'), await bytes('/bundle.nsb')];
		const now = Math.floor(Date.now() / 1000);
		const timed = async (work) => { const from = performance.now(); await work(); return performance.now() - from; };
		const median = async (work) => {
			const times = [];
			for (let i = 0; i < 200; i++) times.push(await timed(work));
			return times.sort((a, b) => a - b)[100];
		};

		let guest;
		const opening = await timed(async () => { guest = await instantiate(module); guest.open(root, bundle, now); });
		const ids = guest.items(Array.from({ length: 20 }, (_, i) => i)).items.map(({ id }) => id);
		const events = ids.map((item) => ({ item, kind: 'like', time: now, weight: 1 }));
		const ask = () => guest.recommend({ k: 10, now, events, reasons: 3, exclude: [] });

		const nearside = await open({ wasm: module, root, bundle });
		for (const item of ids) nearside.observe({ item, kind: 'like' });
		return { Open: opening, First: await timed(ask), Guest: await median(ask), Page: await median(() => nearside.recommend()) };
	})()`)
	t.Logf("opened in %.1f ms, first list %.2f ms, then %.2f ms in the module, %.2f ms seen from the page", got.Open, got.First, got.Guest, got.Page)
	b.noErrors()
}
