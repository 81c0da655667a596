package web_test

import (
	"fmt"
	"testing"

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
			localStorage.clear();
			for (const { name } of await indexedDB.databases()) await new Promise((resolve) => (indexedDB.deleteDatabase(name).onsuccess = resolve));
			return runScenario(%q);
		})`, name)) {
			t.Errorf("%s: %s", name, line)
		}
	}
	b.noErrors()
}
