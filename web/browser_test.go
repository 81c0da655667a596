package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

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
	t      testing.TB
	ctx    context.Context
	wire   *wire
	server *httptest.Server // the wire's
	url    string

	mu       sync.Mutex
	requests []string // what the DevTools protocol saw, URL and body
	errors   []string // uncaught exceptions and console.error
	console  []string // everything that is said there
}

// newBrowser starts a Chromium, or skips the test when there is none.
func newBrowser(t testing.TB, handler http.Handler) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes seconds: not with -short")
	}
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

	b := &browser{t: t, ctx: ctx, wire: w, server: server, url: server.URL}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	return b
}

// chromium returns the path of a browser.
func chromium(t testing.TB) string {
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
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.errors = append(b.errors, text)
	case *runtime.EventConsoleAPICalled:
		for _, arg := range e.Args {
			b.console = append(b.console, arg.Description+string(arg.Value))
			if e.Type == "error" {
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

// seen returns what the DevTools protocol told of requests so far.
func (b *browser) seen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// messages returns every line of the console so far.
func (b *browser) messages() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.console)
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
