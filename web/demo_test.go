package web_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/nearside/nearside/web"
)

var screenshots = flag.String("screenshots", "", "write screenshots of the demo page into this `folder`")

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

	// An interest that is off counts for nothing, and neither does what comes while nothing is noted.
	b.click("#interests button")
	b.until(`document.querySelector('#list-heading').textContent === 'Start here'`)
	if got := b.titles(); slices.Contains(got, cold[0]) {
		t.Errorf("got %q with the interest off, want a list without %q, which was liked", got, cold[0])
	}
	b.click("#interests [aria-pressed=false]")
	b.until(`document.querySelector('#list-heading').textContent === 'For you'`)
	b.click("#pause")
	b.until(`document.querySelector('#pause').textContent === 'Note again what I do'`)
	b.click(cards + " .like")
	b.until(`document.querySelector('#status').textContent.startsWith('You liked ')`)
	if got := eval[int](b, `document.querySelectorAll('#events li').length`); got != 1 {
		t.Errorf("got %d events after one that came in a pause, want 1", got)
	}
	b.click("#forget")
	b.until(`document.querySelector('#list-heading').textContent === 'Start here'`)
	if got := b.titles(); !slices.Equal(got, cold) {
		t.Errorf("got %q after forgetting everything, want %q", got, cold)
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
	b.do(chromedp.KeyEvent(kb.Escape)) // the focus is still in the results
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
	eval[bool](b, `(async () => {
		// The page has the file already, so nothing is fetched for this.
		const { Keeper, planned } = await import('/sdk/keeper.js');
		const another = new Keeper('magazine', planned({}), alert);
		await another.saved;
		another.note({ item: '`+canary+`', kind: 'like', time: Math.floor(Date.now() / 1000), weight: 1 });
		await another.close();
		return true;
	})()`)
	b.until(`document.querySelectorAll('#events li').length === 2`)
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

func TestListsComeBeforeTheRows(t *testing.T) {
	files := twoStages(t)
	const late = 1000 // bytes, fewer than the rows that rescore have
	for _, end := range []struct {
		name, says string
		rest       []byte // after the server has waited
	}{
		{"all comes", "int8, ", files.Bundle[len(files.Bundle)-late:]},
		{"a bit is wrong", "int8, refused: hash", slices.Concat(files.Bundle[len(files.Bundle)-late:len(files.Bundle)-1], []byte{^files.Bundle[len(files.Bundle)-1]})},
		{"the rest is cut off", "int8, refused: network", nil},
	} {
		t.Run(end.name, func(t *testing.T) {
			release := make(chan bool)
			pages := http.NewServeMux()
			pages.Handle("/", web.Handler(files))
			pages.HandleFunc("/bundle.nsb", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(len(files.Bundle)))
				w.Write(files.Bundle[:len(files.Bundle)-late])
				w.(http.Flusher).Flush()
				select {
				case <-release:
				case <-r.Context().Done():
				}
				w.Write(end.rest)
			})
			b := newBrowser(t, pages)
			b.do(chromedp.Navigate(b.url))
			b.until(`document.querySelectorAll('` + cards + `').length === 8`)
			cold := b.titles()
			b.click(cards + " .like")
			b.until(`document.querySelector('#list-heading').textContent === 'For you'`)
			if got := b.titles(); slices.Contains(got, cold[0]) {
				t.Errorf("got %q after liking %q, want a list without it", got, cold[0])
			}
			if got := b.text("#model"); !strings.Contains(got, "pq, ") || !strings.Contains(got, "int8, on their way") {
				t.Errorf("got the model %q before the rows are there, want pq, and int8 on their way", got)
			}
			if eval[bool](b, `'ready' in document.documentElement.dataset`) {
				t.Error("the door is shut before the rows are there")
			}

			close(release)
			b.until(`'ready' in document.documentElement.dataset`)
			got := b.text("#model")
			if !strings.Contains(got, end.says) || strings.Contains(got, "on their way") {
				t.Errorf("got the model %q, want %s", got, end.says)
			}
			b.click(cards + " .like")
			b.until(`document.querySelectorAll('#events li').length === 2`)
			if got := b.text("#list-heading"); got != "For you" {
				t.Errorf("got heading %q, want For you", got)
			}
		})
	}
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
