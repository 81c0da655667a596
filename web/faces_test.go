package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/nearside/nearside/web"
)

// A page that allows nothing that runs text as code. Where no policy may make a
// script's URL there is no worker either, and the page's own thread ranks.
const (
	strict     = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
	noWorker   = strict + "trusted-types 'none'"
	withWorker = strict + "trusted-types default"
)

// workerOnly is the policy of a page that lets the SDK have its worker.
const workerOnly = `trustedTypes.createPolicy('default', { createScriptURL: (url) => (/^[^?#]*\/worker\.js$/.test(url) ? url : null) });`

// faceSite is a built example whose bundle comes when it is released.
type faceSite struct {
	*http.ServeMux
	dir     string
	policy  string
	release chan bool
}

// newFaceSite builds an example of examples/, or skips the test where what
// builds it is not installed.
func newFaceSite(t *testing.T, name, policy string) *faceSite {
	t.Helper()
	if _, err := os.Stat(filepath.Join("node_modules", "esbuild")); err != nil {
		t.Skip("no esbuild: run make npm")
	}
	site := &faceSite{ServeMux: http.NewServeMux(), dir: t.TempDir(), policy: policy, release: make(chan bool)}
	// Development builds: they tell when what the server rendered is not what the browser does.
	out, err := exec.CommandContext(t.Context(), "node", filepath.Join("examples", "build.js"), name, site.dir, "development").CombinedOutput()
	if err != nil {
		t.Fatalf("examples/build.js: %v\n%s", err, out)
	}
	model := web.Handler(magazine(t))
	site.Handle("/nearside.wasm", model)
	site.Handle("/root.nsr", model)
	site.HandleFunc("/bundle.nsb", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-site.release:
			model.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
	for _, file := range []string{"app.js", "style.css"} {
		site.HandleFunc("/"+file, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(site.dir, file)) })
	}
	site.HandleFunc("/worker.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'none'")
		http.ServeFile(w, r, filepath.Join(site.dir, "worker.js"))
	})
	site.HandleFunc("/policy.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, workerOnly)
	})
	index, err := os.ReadFile(filepath.Join(site.dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	site.page("/{$}", string(index))
	return site
}

// page adds a page.
func (s *faceSite) page(path, html string) {
	if s.policy == withWorker {
		html = strings.Replace(html, "<head>", `<head><script src="policy.js"></script>`, 1)
	}
	s.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", s.policy)
		io.WriteString(w, html)
	})
}

// links returns the titles of the list, in order.
func (b *browser) links() []string {
	b.t.Helper()
	return eval[[]string](b, `[...document.querySelectorAll('.list > li > a')].map((a) => a.textContent)`)
}

// shifts returns how far the page has moved by itself, as browsers measure it.
func (b *browser) shifts() float64 {
	b.t.Helper()
	return eval[float64](b, `(async () => {
		const frames = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve))));
		await frames();
		let sum = 0;
		new PerformanceObserver((list) => list.getEntries().forEach(({ value, hadRecentInput }) => { if (!hadRecentInput) sum += value; }))
			.observe({ type: 'layout-shift', buffered: true });
		await frames();
		return sum;
	})()`)
}

func TestFrameworksFollowTheReader(t *testing.T) {
	for _, name := range []string{"react", "vue", "svelte"} {
		t.Run(name, func(t *testing.T) {
			policy := noWorker
			if name == "svelte" { // makes a policy of its own as soon as it is loaded
				policy = strict + "trusted-types svelte-trusted-html"
			}
			site := newFaceSite(t, name, policy)
			b := newBrowser(t, site)
			b.do(chromedp.Navigate(b.url))
			if got := b.links(); len(got) != 6 || got[0] != "What the server chose first" {
				t.Fatalf("got %q before the model has come, want what the server chose", got)
			}
			close(site.release)
			b.until(`document.querySelector('[data-status=ready]')`)
			cold := b.links()
			if len(cold) != 6 || strings.HasPrefix(cold[0], "What the server") {
				t.Fatalf("got %q, want a list of six", cold)
			}

			b.click(".list > li:nth-child(2) a")
			b.until(`document.querySelector('.reasons').textContent !== ''`)
			if got := b.links(); slices.Contains(got, cold[1]) {
				t.Errorf("got %q after opening %q, want a list without it", got, cold[1])
			}
			if got, want := b.text(".reasons"), "100 %: "+cold[1]+"."; got != want {
				t.Errorf("got reason %q, want %q", got, want)
			}
			b.click("button")
			b.until(`document.querySelector('.reasons').textContent === ''`)
			if got := b.links(); !slices.Equal(got, cold) {
				t.Errorf("got %q after forgetting everything, want %q", got, cold)
			}
			if got := b.shifts(); got != 0 {
				t.Errorf("got a layout shift of %g, want none", got)
			}
			if got := strings.Count(strings.Join(b.wire.seen(0), ""), "/bundle.nsb HTTP"); got != 1 {
				t.Errorf("the bundle was fetched %d times, want once, in React's StrictMode too", got)
			}
			b.noErrors()
			if got := b.text("[role=alert]"); got != "" {
				t.Errorf("the page says %q", got)
			}
		})
	}
}

// settle waits until the list is what the profile says.
func (b *browser) settle() {
	b.t.Helper()
	eval[bool](b, `document.querySelector('nearside-feed').refresh().then(() => true)`)
}

const why = `document.querySelector('.list > li:nth-child(%d) nearside-why').shadowRoot.querySelector('%s')`
const privacy = `document.querySelector('nearside-privacy').shadowRoot.querySelector('%s')`

// TestReactWithoutAProvider has one component open a model and show a list: what
// it observes before the model is there is part of the first list.
func TestReactWithoutAProvider(t *testing.T) {
	site := newFaceSite(t, filepath.Join("..", "testdata", "faces", "react-alone"), noWorker)
	b := newBrowser(t, site)
	b.do(chromedp.Navigate(b.url))
	b.until(`globalThis.observe && document.querySelector('[data-status=waiting]')`)
	eval[bool](b, `(observe({ item: 'nowhere' }), true)`)
	close(site.release)
	b.until(`document.querySelector('[data-status=ready]')?.textContent === '6'`)
	if got := eval[string](b, `document.querySelector('p').dataset.unknown`); got != "1" {
		t.Errorf("got %s events of unknown items in the first list, want the one from before", got)
	}
	b.noErrors()
}

func TestElementsFollowTheReader(t *testing.T) {
	for name, policy := range map[string]string{"in a worker": withWorker, "without one": noWorker} {
		t.Run(name, func(t *testing.T) {
			site := newFaceSite(t, "element", policy)
			b := newBrowser(t, site)
			b.do(chromedp.EmulateViewport(1100, 800), chromedp.Navigate(b.url))
			b.until(`customElements.get('nearside-privacy')`)
			if got := b.links(); len(got) != 6 || got[0] != "What the server chose first" {
				t.Fatalf("got %q before the model has come, want what the server chose", got)
			}
			close(site.release)
			b.until(`document.querySelector('nearside-feed').items.length === 6`)
			cold := b.links()
			if strings.HasPrefix(cold[0], "What the server") {
				t.Fatalf("got %q, want a list", cold)
			}
			if got := b.shifts(); got != 0 {
				t.Errorf("got a layout shift of %g, want none", got)
			}
			if got := eval[string](b, `document.querySelector('.list a').getAttribute('href')`); !strings.HasPrefix(got, "#read/") {
				t.Errorf("got the address %q, want one by the feed's href", got)
			}
			hasWorker := strings.Contains(strings.Join(b.wire.seen(0), ""), "/worker.js")
			if hasWorker != (policy == withWorker) {
				t.Errorf("worker.js was fetched: %v", hasWorker)
			}

			// A disclosure, by keyboard.
			b.click(".list > li:nth-child(2) a")
			b.until(fmt.Sprintf(`document.querySelector('.list a').textContent !== %q`, cold[0]))
			eval[bool](b, `(`+fmt.Sprintf(why, 1, "summary")+`.focus(), true)`)
			b.do(chromedp.KeyEvent(kb.Enter))
			b.until(fmt.Sprintf(why, 1, "details") + `.open`)
			if got, want := eval[string](b, fmt.Sprintf(why, 1, "li")+`.innerText`), "100 % because you opened "+cold[1]; got != want {
				t.Errorf("got the reason %q, want %q", got, want)
			}

			// What is remembered, and the ways to take it back.
			b.until(fmt.Sprintf(privacy, "summary") + `.textContent === 'Remembered: 1'`)
			press := func(selector string) {
				t.Helper()
				eval[bool](b, `(`+fmt.Sprintf(privacy, selector)+`.click(), true)`)
			}
			has := func(selector, property, want string) {
				t.Helper()
				b.until(fmt.Sprintf(privacy, selector) + `?.` + property + ` === ` + want)
			}
			has("[part=note]", "textContent", `'Kept in this browser, and nowhere else.'`)
			press("input")
			has("input", "checked", "false")
			b.until(`document.querySelector('.list a').textContent === ` + quote(cold[0])) // the interest does not count
			press("input")
			has("input", "checked", "true")
			press("[part=actions] button:nth-child(1)")
			has("[part=actions] button:nth-child(1)", "textContent", `'Resume'`)
			b.settle()
			b.click(".list > li:nth-child(3) a") // is not noted
			press("[part=actions] button:nth-child(1)")
			has("[part=actions] button:nth-child(1)", "textContent", `'Pause'`)
			has("summary", "textContent", `'Remembered: 1'`)
			eval[bool](b, `(() => {
				const address = URL.createObjectURL;
				URL.createObjectURL = (blob) => address(globalThis.saved = blob);
				HTMLAnchorElement.prototype.click = function () { document.body.dataset.saved = this.download; };
				return true;
			})()`)
			press("[part=actions] button:nth-child(2)")
			b.until(`document.body.dataset.saved === 'profile.json'`)
			saved := eval[string](b, `saved.text()`)
			var profile struct {
				Nearside string
				Events   []struct{ Item, Kind string }
			}
			if json.Unmarshal([]byte(saved), &profile) != nil || profile.Nearside != "profile" || len(profile.Events) != 1 || profile.Events[0].Kind != "click" {
				t.Errorf("got the download %q, want a profile of one click", saved)
			}
			b.settle()
			b.click(".list > li:nth-child(1) a")
			has("summary", "textContent", `'Remembered: 2'`)
			press("summary")
			eval[bool](b, `(`+fmt.Sprintf(privacy, "li button")+`.focus(), true)`)
			if got, want := eval[string](b, fmt.Sprintf(privacy, "li button")+`.ariaLabel`), "Forget You opened "; !strings.HasPrefix(got, want) {
				t.Errorf("got the label %q, want it to begin with %q", got, want)
			}
			b.do(chromedp.KeyEvent(kb.Enter))
			has("summary", "textContent", `'Remembered: 1'`)
			if !eval[bool](b, `document.querySelector('nearside-privacy').shadowRoot.activeElement === `+fmt.Sprintf(privacy, "li button")) {
				t.Error("the focus is not on the next event's button")
			}
			press("[part=actions] button:nth-child(3)")
			has("summary", "textContent", `'Remembered: 0'`)
			has("[role=status]", "textContent", `'Done.'`)
			b.until(`document.querySelector('.list a').textContent === ` + quote(cold[0]))
			if got := b.links(); !slices.Equal(got, cold) {
				t.Errorf("got %q after forgetting everything, want %q", got, cold)
			}
			b.noErrors()
		})
	}
}

// quote gives a JavaScript string.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// feedPage is a page of a feed with rows whose ids are given.
func feedPage(attributes string, ids ...string) string {
	var rows strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&rows, `<li data-item="%s"><a href="#from-server">From the server: %s</a> <b>The editors</b> <button>Hide</button></li>`, id, id)
	}
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="stylesheet" href="style.css"><script type="module" src="app.js"></script></head>
		<body><nearside-feed ` + attributes + ` bundle="bundle.nsb" root="root.nsr" wasm="nearside.wasm">
		<ol class="list">` + rows.String() + `</ol>
		<template><li><a data-field="url title"></a> <img data-field="image" alt=""> <b data-field="author"></b> <i data-field="tags"></i> <button data-kind="hide">Hide</button></li></template>
		</nearside-feed><p id="below">Below</p></body></html>`
}

func TestAFeedKeepsItsRows(t *testing.T) {
	site := newFaceSite(t, "element", noWorker)
	site.page("/cold", feedPage("", "a", "b", "c"))
	b := newBrowser(t, site)
	close(site.release)
	b.do(chromedp.Navigate(b.url + "/cold"))
	b.until(`document.querySelector('nearside-feed').items.length === 3`)
	cold := eval[[]string](b, `document.querySelector('nearside-feed').items.map(({ id }) => id)`)

	// The server has the first where the third will be, and something else before.
	site.release = make(chan bool)
	site.page("/known", feedPage("", "a", "b", cold[0]))
	b.do(chromedp.Navigate(b.url + "/known"))
	b.until(`document.readyState === 'complete'`)
	eval[bool](b, `(document.querySelector('li:last-child').mine = true, document.querySelector('li:last-child a').focus(), true)`)
	close(site.release)
	b.until(`document.querySelector('nearside-feed').items.length === 3`)
	if !eval[bool](b, `document.querySelector('li').mine && document.activeElement === document.querySelector('li a')`) {
		t.Error("the row that the server had is another one, or has lost the focus")
	}
	if got := b.links(); !strings.HasPrefix(got[0], "From the server") || strings.HasPrefix(got[1], "From the server") {
		t.Errorf("got %q, want the first as it came", got)
	}
	if got := b.shifts(); got != 0 {
		t.Errorf("got a layout shift of %g, want none", got)
	}
	if got := b.text("li:nth-child(2) i"); strings.Count(got, ", ") != 2 {
		t.Errorf("got the tags %q, want three", got)
	}
	if b.text("li:nth-child(2) b") == "" {
		t.Error("got no author")
	}

	// A button notes what it says, and nothing else of a row counts.
	b.click("li:nth-child(2) i")
	b.click("li:nth-child(2) button")
	b.until(`document.querySelector('nearside-feed').items.every(({ id }) => id !== ` + quote(cold[1]) + `)`)
	kinds := eval[string](b, `document.querySelector('nearside-feed').nearside.profile.saved.then(() => document.querySelector('nearside-feed').nearside.profile.view()).then(({ events }) => events.map(({ kind }) => kind).join())`)
	if kinds != "hide" {
		t.Errorf("got the events %q, want hide", kinds)
	}

	// What is measured as moving: more rows than there were.
	site.page("/more", feedPage(`k="6"`, "a"))
	b.do(chromedp.Navigate(b.url + "/more"))
	b.until(`document.querySelector('nearside-feed').items.length === 6`)
	if b.shifts() == 0 {
		t.Error("got no layout shift where five rows are more than there were")
	}

	// Other options make another list, and the elements with the same attributes share what is open.
	before := len(b.wire.seen(0))
	eval[bool](b, `(() => {
		document.querySelector('nearside-feed').setAttribute('k', 5);
		const copy = document.querySelector('nearside-feed').cloneNode(true);
		document.body.append(copy);
		copy.setAttribute('href', 'javascript:alert("{id}")');
		copy.options = { filter: { exclude: [`+quote(cold[0])+`] } };
		return true;
	})()`)
	b.until(`document.querySelector('nearside-feed').items.length === 5`)
	b.until(`document.querySelector('p ~ nearside-feed').items.length === 5`)
	if !eval[bool](b, `document.querySelector('p ~ nearside-feed').items.every(({ id }) => id !== `+quote(cold[0])+`)`) {
		t.Error("what the options exclude is in the list")
	}
	if got := eval[int](b, `document.querySelectorAll('p ~ nearside-feed a[href]:not([href="#from-server"])').length`); got != 0 {
		t.Errorf("got %d links that run code", got)
	}

	// What the page has opened itself.
	eval[bool](b, `(() => {
		const [panel, own] = [document.createElement('nearside-privacy'), document.createElement('nearside-feed')];
		own.id = 'own';
		panel.setAttribute('for', 'own');
		document.body.append(panel, own);
		own.nearside = document.querySelector('nearside-feed').nearside;
		return true;
	})()`)
	b.until(`document.querySelectorAll('#own li a').length === 10`)
	b.until(`document.querySelector('nearside-privacy').shadowRoot.textContent.includes('You hid ')`)
	if got := b.wire.seen(before); len(got) != 0 {
		t.Errorf("a second feed with the same attributes fetched\n%s", strings.Join(got, "\n"))
	}
	b.noErrors()
}

func TestAFeedMayChangeOnTheNextVisitOnly(t *testing.T) {
	site := newFaceSite(t, "element", noWorker)
	close(site.release)
	site.page("/still", feedPage(`live="off" kind="like"`, "a", "b", "c"))
	b := newBrowser(t, site)
	b.do(chromedp.Navigate(b.url + "/still"))
	b.until(`document.querySelector('nearside-feed').items.length === 3`)
	first := b.links()
	b.click(".list a")
	if got := eval[string](b, `document.querySelector('nearside-feed').refresh().then(() => document.querySelector('nearside-feed').nearside.profile.saved)
		.then(() => document.querySelector('nearside-feed').nearside.profile.view()).then(({ events }) => events.map(({ kind }) => kind).join())`); got != "like" {
		t.Errorf("got the events %q, want like", got)
	}
	if got := b.links(); !slices.Equal(got, first) {
		t.Errorf("got %q after a click, want %q until the next visit", got, first)
	}
	b.do(chromedp.Navigate(b.url + "/still"))
	b.until(`document.querySelector('nearside-feed').items.length === 3`)
	if got := b.links(); slices.Contains(got, first[0]) {
		t.Errorf("got %q on the next visit, want a list without %q", got, first[0])
	}
	b.noErrors()
}

func TestWhatTheServerChoseStaysWhenThereIsNoModel(t *testing.T) {
	site := newFaceSite(t, "element", noWorker)
	site.page("/gone", strings.Replace(feedPage("", "a", "b"), "root.nsr", "gone.nsr", 1))
	close(site.release)
	b := newBrowser(t, site)
	b.do(chromedp.Navigate(b.url + "/gone"))
	got := eval[string](b, `new Promise((resolve) => {
		document.addEventListener('nearside-error', ({ detail: { error } }) => resolve(error.code));
		const feed = document.querySelector('nearside-feed');
		feed.replaceWith(feed.cloneNode(true)); // it may have failed already
	})`)
	if got != "network" || len(b.links()) != 2 {
		t.Errorf("got the error %q and %q, want network, and what the server chose", got, b.links())
	}
	b.noErrors()
}
