package web_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestProfilesInChromium runs the scenarios of test/profile.js, each on a page
// of its own of a site that has stored nothing.
func TestProfilesInChromium(t *testing.T) {
	b, _ := newFollower(t)
	b.do(chromedp.Navigate(b.url + "/blank"))
	names := eval[[]string](b.browser, `import('/web/test/profile.js').then(({ scenarios }) => Object.keys(scenarios))`)
	if len(names) < 10 {
		t.Fatalf("got the scenarios %q, want more", names)
	}
	for _, name := range names {
		b.do(chromedp.Navigate(b.url + "/blank"))
		for _, line := range eval[[]string](b.browser, fmt.Sprintf(`import('/web/test/profile.js').then(async ({ runScenario }) => {
			for (const { name } of await indexedDB.databases()) await new Promise((resolve) => (indexedDB.deleteDatabase(name).onsuccess = resolve));
			return runScenario(%q);
		})`, name)) {
			t.Errorf("%s: %s", name, line)
		}
	}
	b.noErrors()
}

// openProfile opens the magazine in a page and leaves it in globalThis.ns; at
// the % stand more options.
const openProfile = `(async () => {
	globalThis.warnings = [];
	const { open } = await import('/sdk/nearside.js');
	globalThis.ns = await open({ wasm: '/nearside.wasm', bundle: '/bundle.nsb', root: '/root.nsr', onWarning: (message) => warnings.push(message), %s });
	globalThis.items = async () => (await ns.profile.view()).events.map(({ item }) => item);
	return true;
})()`

// visitProfile opens the magazine on a fresh page.
func (b *browser) visitProfile(options string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + "/blank"))
	eval[bool](b, fmt.Sprintf(openProfile, options))
}

// remembered returns the items of the profile, oldest first.
func (b *browser) remembered() []string {
	b.t.Helper()
	return eval[[]string](b, `items()`)
}

// inStorage returns all that the site has stored, as text.
func (b *browser) inStorage() string {
	b.t.Helper()
	return eval[string](b, `import('/web/test/profile.js').then(({ everything }) => everything())`)
}

func TestTwoTabsShareAProfile(t *testing.T) {
	one, _ := newFollower(t)
	two := one.tab()
	tabs := []*browser{one.browser, two}
	for _, b := range tabs {
		b.visitProfile("")
	}
	// Neither waits for the other.
	for i, b := range tabs {
		eval[bool](b, fmt.Sprintf(`(globalThis.working = (async () => {
			for (let n = 0; n < 100; n++) {
				ns.observe({ item: 'tab%d-' + n });
				if (n %% 10 === 9) await ns.profile.saved;
			}
			return ns.profile.saved;
		})(), true)`, i))
	}
	for _, b := range tabs {
		if !eval[bool](b, `working`) {
			t.Errorf("not stored: %q", eval[[]string](b, `warnings`))
		}
	}
	const settled = `new Promise((resolve) => {
		const look = async () => { if ((await items()).length %s) { ns.profile.removeEventListener('change', look); resolve(true); } };
		ns.profile.addEventListener('change', look);
		look();
	})`
	var got [2][]string
	for i, b := range tabs {
		eval[bool](b, fmt.Sprintf(settled, "=== 200"))
		got[i] = b.remembered()
	}
	if !slices.Equal(got[0], got[1]) {
		t.Errorf("the tabs remember different things:\n%q\n%q", got[0], got[1])
	}
	for i := range tabs {
		prefix := fmt.Sprintf("tab%d-", i)
		n := 0
		for _, item := range got[0] {
			if strings.HasPrefix(item, prefix) {
				if want := prefix + strconv.Itoa(n); item != want {
					t.Fatalf("got %q as number %d of tab %d, want %q", item, n, i, want)
				}
				n++
			}
		}
		if n != 100 {
			t.Errorf("got %d events of tab %d, want 100", n, i)
		}
	}
	one.visitProfile("")
	if again := one.remembered(); !slices.Equal(again, got[0]) {
		t.Errorf("got %q on the next page, want %q", again, got[0])
	}

	eval[bool](two, `(ns.profile.edit({ off: ['canary'] }), ns.profile.pause(), ns.profile.saved)`)
	eval[bool](one.browser, `ns.profile.erase().then(() => true)`)
	eval[bool](two, fmt.Sprintf(settled, "=== 0"))
	if view := eval[struct {
		Paused    bool
		Interests []struct{ Tag string }
	}](two, `ns.profile.view()`); view.Paused || len(view.Interests) != 0 {
		t.Errorf("got %+v in the other tab after erasing, want neither a pause nor interests", view)
	}
	for line := range strings.Lines(one.inStorage()) {
		if line = strings.TrimSpace(line); line != "" && line != "{}" && !strings.HasPrefix(line, "nearside: http") {
			t.Errorf("got %q in storage after erasing, want nothing but copies of files", line)
		}
	}
	for _, b := range tabs {
		if list := eval[[]string](b, `warnings`); len(list) != 0 {
			t.Errorf("got the warnings %q", list)
		}
	}
	one.noErrors()
}

// TestErasingLeavesNothingOfThePerson looks at all that a site can store. What
// stays is the channel, which is the same for everybody, and an empty database.
func TestErasingLeavesNothingOfThePerson(t *testing.T) {
	b, _ := newFollower(t)
	b.do(chromedp.Navigate(b.url + "/blank"))
	eval[bool](b.browser, openChannel+`.then(async (ns) => {
		await ns.updated;
		const item = 'canary-item', time = 1800000000;
		for (const kind of ['view', 'like', 'hide']) ns.observe({ item, kind, time });
		ns.profile.edit({ off: ['canary-tag'] });
		ns.profile.pause();
		return ns.profile.saved;
	})`)
	if stored := b.inStorage(); strings.Count(stored, "canary-item") < 3 || !strings.Contains(stored, "canary-tag") {
		t.Fatalf("the canaries are not stored: %q", stored)
	}
	eval[bool](b.browser, `ns.recommend().then(() => ns.profile.erase()).then(() => true)`)
	stored := b.inStorage()
	if strings.Contains(stored, "canary") || strings.Contains(stored, "nearside-profiles/") {
		t.Errorf("got %q in storage after erasing, want nothing of the profile", stored)
	}
	if !strings.Contains(stored, "nearside/channels: ") {
		t.Errorf("got %q in storage after erasing, want the channel", stored)
	}
	const databases = `indexedDB.databases().then((list) => list.map(({ name, version }) => name + ' ' + version).sort())`
	if got := eval[[]string](b.browser, databases); !slices.Equal(got, []string{"nearside 1", "nearside-profiles 1"}) {
		t.Errorf("got the databases %q after erasing, want the channel's and an empty one", got)
	}
	b.visitProfile("")
	if got := b.remembered(); len(got) != 0 {
		t.Errorf("got %q on the next page, want nothing", got)
	}
	for _, request := range b.wire.seen(0) {
		if strings.Contains(request, "canary") {
			t.Errorf("a canary is in a request:\n%s", request)
		}
	}
	b.noErrors()
}

func TestGlobalPrivacyControl(t *testing.T) {
	b, _ := newFollower(t)
	b.visitProfile("")
	const note = `(ns.observe({ item: 'noted' }), ns.profile.saved)`
	if !eval[bool](b.browser, note) {
		t.Error("not stored without the signal")
	}
	source := `Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })`
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b.visitProfile("")
		if got := b.remembered(); len(got) != 0 {
			t.Errorf("got %q on a page with the signal, want nothing", got)
		}
		if eval[bool](b.browser, note) {
			t.Error("stored with the signal")
		}
		if got, stored := b.remembered(), b.inStorage(); !slices.Equal(got, []string{"noted"}) || strings.Contains(stored, "noted") {
			t.Errorf("got %q in memory and %q in storage, want it in memory only", got, stored)
		}
	}
	b.visitProfile(`consent: async () => 'granted'`)
	eval[bool](b.browser, note)
	eval[bool](b.browser, `new Promise((resolve) => {
		const look = async () => (await ns.profile.view()).stored ? resolve(true) : setTimeout(look, 1);
		look();
	})`)
	b.visitProfile(`consent: 'granted'`)
	if got := b.remembered(); !slices.Equal(got, []string{"noted"}) {
		t.Errorf("got %q after the person's own word, want what was noted", got)
	}
	b.visitProfile("")
	if stored := b.inStorage(); strings.Contains(stored, "noted") {
		t.Errorf("got %q in storage on a page with the signal and without a word, want nothing", stored)
	}
	b.noErrors()
}
