package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestTheCorePathInFirefox has a page do what the README begins with, in a second
// engine: it opens a bundle and then a channel, learns, remembers and forgets,
// and tells what came of it in a request. Nothing drives the browser besides.
func TestTheCorePathInFirefox(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes seconds: not with -short")
	}
	const script = `
		const say = (text) => fetch('/result', { method: 'POST', body: text });
		try {
			const { open } = await import('/sdk/nearside.js');
			const warnings = [];
			const use = async (options) => {
				const ns = await open({ ...options, worker: true, onWarning: (message) => warnings.push(message) });
				await ns.completed;
				const { items: [item] } = await ns.items([3]);
				ns.observe({ item: item.id, kind: 'like' });
				const { items, receipt } = await ns.recommend();
				const heard = items.some(({ reasons }) => reasons.some(({ id }) => id === item.id));
				const saved = await ns.profile.saved;
				await ns.close();
				const again = await open({ ...options });
				const { events } = await again.profile.view();
				await again.profile.erase();
				const left = (await again.profile.view()).events.length;
				await again.close();
				return [items.length, receipt.used, heard, saved, events.length, left].join(' ');
			};
			const bundle = await use({ bundle: '/bundle.nsb', root: '/root.nsr' });
			Date.now = () => 1800001000 * 1000;
			const channel = await use({ channel: '/news/', name: 'test/news', root: '/first.nsr' });
			await say([bundle, channel, ...warnings].join('; '));
		} catch (error) {
			await say(String(error.code) + ': ' + error.message + error.stack);
		}`
	pages, _ := newChannelSite(t)
	result := make(chan string, 1)
	pages.HandleFunc("/result", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		select {
		case result <- string(body):
		default:
		}
	})
	pages.HandleFunc("/firefox.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, script)
	})
	pages.HandleFunc("/firefox", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<!doctype html><script type="module" src="/firefox.js"></script>`)
	})
	server := httptest.NewServer(pages)
	defer server.Close()

	exited := firefox(t, server.URL+"/firefox")
	select {
	case got := <-result:
		if want := "10 1 true true 1 0; 10 1 true true 1 0"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	case err := <-exited:
		t.Fatalf("Firefox ended without a word: %v", err)
	}
}

// firefox opens a page in a fresh Firefox, which goes with the test, or skips the
// test when there is none. The channel tells of its end, if it comes before.
func firefox(t *testing.T, url string) <-chan error {
	t.Helper()
	path, err := exec.LookPath("firefox-esr")
	if err != nil {
		if path, err = exec.LookPath("firefox"); err != nil {
			t.Skip("no Firefox on the PATH; run `apt-get install firefox-esr`")
		}
	}
	profile := t.TempDir()
	const prefs = `user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.normandy.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
`
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-remote", "--profile", profile, url)
	cmd.Env = append(os.Environ(), "MOZ_DISABLE_CONTENT_SANDBOX=1", "HOME="+profile)
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	gone := make(chan bool)
	go func() {
		exited <- cmd.Wait()
		close(gone)
	}()
	t.Cleanup(func() { // before the profile's folder goes
		cancel()
		<-gone
	})
	return exited
}
