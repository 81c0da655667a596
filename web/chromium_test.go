package web_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/nearside/nearside/web"
)

var screenshots = flag.String("screenshots", "", "write screenshots of the demo page into this `folder`")

// wire is the one way out of the browser: it is its proxy as well as the server
// of the page, and keeps every request as it came.
type wire struct {
	handler http.Handler
	host    string // of the page; requests for another one are refused

	mu       sync.Mutex
	requests []string
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	dump, err := httputil.DumpRequest(r, true)
	if err != nil {
		dump = []byte(r.Method + " " + r.URL.String() + ": " + err.Error())
	}
	w.mu.Lock()
	w.requests = append(w.requests, string(dump))
	w.mu.Unlock()
	if r.Host != w.host {
		http.Error(rw, "web: no way to "+r.Host, http.StatusBadGateway)
		return
	}
	w.handler.ServeHTTP(rw, r)
}

// seen returns the requests from the nth on.
func (w *wire) seen(n int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests[n:len(w.requests):len(w.requests)]
}

// browser is a tab of a fresh Chromium whose only way out is a wire.
type browser struct {
	t    *testing.T
	ctx  context.Context
	wire *wire
	url  string

	mu       sync.Mutex
	requests []string // what the DevTools protocol saw, URL and body
	errors   []string // uncaught exceptions and console.error
}

// newBrowser starts a Chromium, or skips the test when there is none.
func newBrowser(t *testing.T, handler http.Handler) *browser {
	t.Helper()
	w := &wire{handler: handler}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.host = server.Listener.Addr().String()

	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.ProxyServer(server.URL),
		chromedp.Flag("proxy-bypass-list", "<-loopback>"), // loopback through the proxy too
		// Errands of Chromium's own that would be on the wire too. No flag stops
		// the one that asks who is signed in, so it asks at a port that Chromium
		// never opens.
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-features", "AutofillServerCommunication,Translate"),
		chromedp.Flag("gaia-url", "http://127.0.0.1:9"),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancelTimeout := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancelTimeout)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)

	b := &browser{t: t, ctx: ctx, wire: w, url: server.URL}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	return b
}

// chromium returns the path of a browser.
func chromium(t *testing.T) string {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	if path := os.Getenv("NEARSIDE_CHROMIUM"); path != "" {
		names = []string{path}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("no browser: %s is not on the PATH; run `apt-get install chromium`, or name one in NEARSIDE_CHROMIUM", strings.Join(names, ", "))
	return ""
}

// note keeps what the tab tells of itself.
func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		var body strings.Builder
		for _, entry := range e.Request.PostDataEntries {
			body.Write(entry.Bytes)
		}
		b.requests = append(b.requests, fmt.Sprintf("%s %s %v %s", e.Request.Method, e.Request.URL, e.Request.Headers, &body))
	case *network.EventWebSocketCreated:
		b.requests = append(b.requests, "WebSocket "+e.URL)
	case *network.EventWebTransportCreated:
		b.requests = append(b.requests, "WebTransport "+e.URL)
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" {
			for _, arg := range e.Args {
				b.errors = append(b.errors, arg.Description+string(arg.Value))
			}
		}
	}
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns the value of a JavaScript expression, awaited.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// until waits for a JavaScript condition, which is tried once a frame.
func (b *browser) until(condition string) {
	b.t.Helper()
	const patience = 20_000 // ms
	ok := eval[bool](b, fmt.Sprintf(`new Promise((resolve) => {
		const end = performance.now() + %d;
		const look = () => (%s) ? resolve(true) : performance.now() > end ? resolve(false) : requestAnimationFrame(look);
		look();
	})`, patience, condition))
	if !ok {
		b.t.Fatalf("waited in vain for %s; the page says %q and %q", condition,
			b.text("#list-note"), b.errors)
	}
}

// text returns what a selector's first element shows.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ''`, selector))
}

// click presses the mouse on a selector's first element.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// ready opens the demo page and waits until it has shut the door.
func (b *browser) ready() {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url))
	b.until(`'ready' in document.documentElement.dataset`)
}

const cards = `#list .card:not(.leaving)`

// titles returns what the list shows, in order.
func (b *browser) titles() []string {
	b.t.Helper()
	return eval[[]string](b, `[...document.querySelectorAll('`+cards+` h3')].map((h) => h.textContent)`)
}

func TestTheDemoFollowsEachClick(t *testing.T) {
	b := newBrowser(t, web.Handler(magazine(t)))
	b.ready()
	if got := b.text("#list-heading"); got != "Start here" {
		t.Fatalf("got heading %q without a history, want Start here", got)
	}
	cold := b.titles()
	if len(cold) != 8 {
		t.Fatalf("got %d cards, want 8: %q", len(cold), cold)
	}

	b.click(cards + " .like")
	b.until(`document.querySelector('#list-heading').textContent === 'For you'`)
	warm := b.titles()
	if slices.Contains(warm, cold[0]) || slices.Equal(warm[:8], cold) {
		t.Errorf("got %q after liking the first of %q, want another list without it", warm, cold)
	}
	if got := b.text("#events li"); !strings.Contains(got, cold[0]) || !strings.Contains(got, "liked") {
		t.Errorf("got the event %q, want %q, liked", got, cold[0])
	}
	if got := b.text("#status"); !strings.Contains(got, "You liked "+cold[0]) || !strings.Contains(got, "begins with "+warm[0]) {
		t.Errorf("got %q read out, want what was liked and what is first now", got)
	}

	second := cards + ":nth-child(2)"
	b.click(second + " .ask")
	b.until(`document.querySelector('` + second + ` .ask').ariaExpanded === 'true'`)
	if got := b.text(second + " .why"); !strings.Contains(got, "You liked "+cold[0]) || !strings.Contains(got, "100 %") {
		t.Errorf("got the reasons %q, want all of it from %q", got, cold[0])
	}

	b.click(second + " .hide")
	b.until(`document.querySelectorAll('#events li').length === 2`)
	if got := b.titles(); slices.Contains(got, warm[1]) {
		t.Errorf("got %q after hiding %q", got, warm[1])
	}
	if got := b.text("#events li"); !strings.Contains(got, warm[1]) || !strings.Contains(got, "hid") {
		t.Errorf("got the event %q, want %q, hid", got, warm[1])
	}

	before := b.titles()
	b.ready()
	if got := b.titles(); !slices.Equal(got, before) {
		t.Errorf("got %q after loading the page again, want %q", got, before)
	}

	b.click("#events .remove")
	b.until(`document.querySelectorAll('#events li').length === 1`)
	b.click("#forget")
	b.until(`document.querySelector('#list-heading').textContent === 'Start here'`)
	if got := b.titles(); !slices.Equal(got, cold) {
		t.Errorf("got %q after forgetting everything, want %q", got, cold)
	}
	if got := eval[int](b, `localStorage.length`); got != 0 {
		t.Errorf("got %d keys in localStorage after forgetting everything, want 0", got)
	}
	b.noErrors()
}

func TestTheDemoWorksByKeyboard(t *testing.T) {
	b := newBrowser(t, web.Handler(magazine(t)))
	b.ready()
	cold := b.titles()
	b.do(chromedp.Focus(chromedp.CSS("#query")))
	b.do(chromedp.KeyEvent(strings.ToUpper(cold[3])))
	b.until(`!document.querySelector('#results').hidden`)
	b.do(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelectorAll('#events li').length === 1`)
	if got := b.text("#events li"); !strings.Contains(got, cold[3]) || !strings.Contains(got, "liked") {
		t.Errorf("got the event %q, want %q, liked", got, cold[3])
	}
	b.do(chromedp.Focus(chromedp.CSS("#query")), chromedp.KeyEvent(kb.Escape))
	b.until(`document.querySelector('#results').hidden`)

	// The focus stays in the list: on the card that took the liked one's place.
	b.do(chromedp.Focus(chromedp.CSS(cards+":nth-child(3) .like")), chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelectorAll('#events li').length === 2`)
	if !eval[bool](b, `document.activeElement === document.querySelector('`+cards+`:nth-child(3) .like')`) {
		t.Errorf("the focus is on %s", eval[string](b, `document.activeElement.outerHTML`))
	}
	b.noErrors()
}

func TestNothingLeavesTheDevice(t *testing.T) {
	const canary = "canary-7f3e91c2"
	b := newBrowser(t, web.Handler(magazine(t)))
	b.ready()
	loaded, noted := len(b.wire.seen(0)), len(b.seen())
	if loaded == 0 || noted == 0 {
		t.Fatalf("got %d requests on the wire and %d in the protocol while loading, want some", loaded, noted)
	}

	// A history with a word that nothing else has, and everything that a person
	// can do with it.
	b.click(cards + " .like")
	b.until(`document.querySelectorAll('#events li').length === 1`)
	eval[bool](b, `(() => {
		const key = localStorage.key(0);
		const history = JSON.parse(localStorage.getItem(key));
		history.events.push({ item: '`+canary+`', kind: 'like', time: 1700000000, weight: 1 });
		localStorage.setItem(key, JSON.stringify(history));
		return true;
	})()`)
	b.click(cards + " .open")
	b.until(`document.querySelectorAll('#events li').length === 3`)
	if got := b.text("#events"); !strings.Contains(got, canary) {
		t.Fatalf("got the history %q, want the canary in it", got)
	}
	b.do(chromedp.SendKeys(chromedp.CSS("#query"), canary))
	b.click("#subjects button:last-child")
	b.click(cards + " .hide")
	b.until(`document.querySelectorAll('#events li').length === 4`)

	if got := b.wire.seen(loaded); len(got) != 0 {
		t.Errorf("got %d requests on the wire after loading, want none:\n%s", len(got), strings.Join(got, "\n"))
	}
	if got := b.seen()[noted:]; len(got) != 0 {
		t.Errorf("got %d requests in the protocol after loading, want none: %q", len(got), got)
	}
	if got := b.text("#verdict") + ", " + b.text("#verdict-note"); !strings.HasPrefix(got, "Nothing, 0 requests since ") {
		t.Errorf("the page says %q, want Nothing, 0 requests since …", got)
	}

	// Nor does the next visit take it along, when there is a history from the start.
	b.ready()
	for _, request := range append(b.wire.seen(0), b.seen()...) {
		if strings.Contains(request, canary) {
			t.Errorf("the canary is in a request:\n%s", request)
		}
	}
	b.noErrors()
}

func TestTheDoorIsShut(t *testing.T) {
	b := newBrowser(t, web.Handler(magazine(t)))
	b.ready()
	loaded := len(b.wire.seen(0))
	const refused = `fetch('/bundle.nsb').then(() => 'let through', () => 'refused')`
	if got := eval[string](b, refused); got != "refused" {
		t.Errorf("a fetch of the page after loading was %s, want refused", got)
	}
	b.until(`document.querySelector('#verdict-note').textContent.endsWith('1 refused')`)

	// The worker has a policy of its own.
	targets, err := chromedp.Targets(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(targets, func(target *target.Info) bool { return target.Type == "worker" })
	if i < 0 {
		t.Fatalf("got no worker among %d targets", len(targets))
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(targets[i].TargetID))
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string](refused, chromedp.EvalAwaitPromise))
	if err != nil || got != "refused" {
		t.Errorf("a fetch of the worker was %q, %v, want refused", got, err)
	}
	if got := b.wire.seen(loaded); len(got) != 0 {
		t.Errorf("got requests on the wire, want none:\n%s", strings.Join(got, "\n"))
	}
}

// seen returns what the DevTools protocol told of requests so far.
func (b *browser) seen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// noErrors fails the test when the page threw or logged an error.
func (b *browser) noErrors() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.errors {
		b.t.Errorf("the page's console: %s", text)
	}
}

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
	pages.HandleFunc("/blank", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
	})
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

// TestScreenshots writes what the page looks like into the folder of the
// -screenshots flag, for people to look at.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("only with -screenshots DIR")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, site := range []struct {
		name  string
		files func(*testing.T) web.Files
		likes []string
	}{
		{"magazine", magazine, []string{"astronomy", "chess", "railways"}},
		{"movies", movies, []string{"matrix", "alien", "blade runner"}},
	} {
		t.Run(site.name, func(t *testing.T) {
			b := newBrowser(t, web.Handler(site.files(t)))
			for _, screen := range []struct {
				name          string
				width, height int64
			}{{"desktop", 1280, 900}, {"tablet", 768, 1024}, {"phone", 375, 812}} {
				for _, theme := range []string{"light", "dark"} {
					save := func(scene string, png []byte) {
						name := fmt.Sprintf("%s-%s-%s-%s.png", site.name, scene, screen.name, theme)
						if err := os.WriteFile(filepath.Join(*screenshots, name), png, 0o644); err != nil {
							t.Fatal(err)
						}
					}
					b.do(chromedp.EmulateViewport(screen.width, screen.height))
					b.media("prefers-color-scheme", theme, "prefers-reduced-motion", "reduce")
					b.ready()
					save("cold", run(b, chromedp.CaptureScreenshot()))
					for i, query := range site.likes {
						b.do(chromedp.SendKeys(chromedp.CSS("#query"), query))
						if i == 0 {
							save("search", run(b, chromedp.CaptureScreenshot()))
						}
						b.click("#results .like")
						b.until(fmt.Sprintf(`document.querySelectorAll('#events li').length === %d`, i+1))
						b.do(chromedp.KeyEvent(kb.Escape))
					}
					b.click(cards + ":nth-child(3) .ask")
					eval[bool](b, `(document.activeElement.blur(), scrollTo(0, 0), true)`)
					save("warm", run(b, chromedp.CaptureScreenshot()))
					save("page", run(b, chromedp.FullScreenshot(100)))
					b.click("#forget")
					b.until(`document.querySelectorAll('#events li').length === 0`)
				}
			}
			b.noErrors()
		})
	}
}

// run returns what an action returns.
func run[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// media sets CSS media features, given as name, value, ….
func (b *browser) media(features ...string) {
	b.t.Helper()
	var params emulation.SetEmulatedMediaParams
	for i := 0; i < len(features); i += 2 {
		params.Features = append(params.Features, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, params); err != nil {
		b.t.Fatal(err)
	}
}
