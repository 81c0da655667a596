package web_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/web"
)

const recipes = "testdata/bundlers"

// TestTheRecipesWork makes a page with each recipe of README.md from the packed
// npm package, and opens it under the strict policy of web.Handler.
func TestTheRecipesWork(t *testing.T) {
	npm := npmPackage(t)
	files := magazine(t)
	workers := workersOf(t, npm)
	for _, recipe := range []struct {
		name  string
		build []string // makes dist of a project
	}{
		{name: "unbundled"},
		{name: "vite", build: []string{"npx", "vite", "build"}},
		// The command webpack is another package, and does no more than this.
		{name: "webpack", build: []string{"node", "--input-type=module", "-e", `
			import webpack from 'webpack';
			const { default: config } = await import(process.cwd() + '/webpack.config.js');
			webpack(config, (error, stats) => { if (error ?? stats.hasErrors()) throw error ?? new Error(stats.toString()); });
		`}},
		{name: "esbuild", build: []string{"sh", "build.sh"}},
	} {
		t.Run(recipe.name, func(t *testing.T) {
			var site string
			if recipe.build == nil {
				site = unbundled(t, npm)
			} else {
				dir := project(t, npm, recipe.name)
				command(t, dir, recipe.build...)
				site = filepath.Join(dir, "dist")
				if !exists(filepath.Join(site, "index.html")) { // webpack and esbuild leave it to us
					copyFiles(t, recipes, site, "index.html")
				}
			}
			b := newBrowser(t, siteHandler(t, site, files))
			b.followsAClick()
			b.noErrors()
			if modules := b.requested(".wasm"); len(modules) != 1 {
				t.Errorf("got %d requests for the module, want one: %q", len(modules), modules)
			}
			if len(b.requested("worker")) == 0 {
				t.Errorf("no file of a worker's name was asked for: %q", b.requested(""))
			}
			for _, worker := range workers {
				if !slices.ContainsFunc(scripts(t, site), func(name string) bool {
					return strings.Contains(name, "/"+worker) || strings.Contains(name, "_"+worker)
				}) {
					t.Errorf("%s.js is not on the site", worker)
				}
			}
		})
	}
	t.Run("unbundled with hashes", func(t *testing.T) {
		site := unbundled(t, npm)
		addIntegrity(t, site)
		handler := siteHandler(t, site, files)
		b := newBrowser(t, handler)
		b.followsAClick()

		const load = `import('./nearside/nearside.js').then(() => 'loaded', () => 'refused')`
		if got := eval[string](b, load); got != "loaded" {
			t.Errorf("the SDK as it is was %s, want loaded", got)
		}
		deep := filepath.Join(site, "nearside/records.js")
		body, err := os.ReadFile(deep)
		if err == nil {
			err = os.WriteFile(deep, append(body, ';'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		b = newBrowser(t, handler) // the other one may have the file still
		b.do(chromedp.Navigate(b.url))
		if got := eval[string](b, load); got != "refused" {
			t.Errorf("the SDK with one byte more was %s, want refused", got)
		}
	})
	t.Run("vite without a build", func(t *testing.T) {
		dir := project(t, npm, "vite")
		addModel(t, dir, files)
		newBrowser(t, viteServer(t, dir)).followsAClick()
	})
}

// TestTheRecipesOfTheReadmeAreTheseFiles: a block of code whose first line names
// a file is that file.
func TestTheRecipesOfTheReadmeAreTheseFiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]bool)
	for _, block := range regexp.MustCompile("(?ms)^```[a-z]+ ([a-z./]+)\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1) {
		file, err := os.ReadFile(filepath.Join(recipes, block[1]))
		if err != nil {
			t.Error(err)
			continue
		}
		if string(file) != block[2] {
			t.Errorf("README.md has for %s:\n%s\nwant\n%s", block[1], block[2], file)
		}
		shown[block[1]] = true
	}
	err = fs.WalkDir(os.DirFS(recipes), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !shown[name] {
			t.Errorf("README.md does not show %s", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// followsAClick opens the page of app.js, and clicks on its first item.
func (b *browser) followsAClick() {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url))
	b.until(`document.querySelectorAll('#for-you button').length === 10`)
	first := b.text("#for-you button")
	b.click("#for-you button")
	b.until(fmt.Sprintf(`!document.querySelector('#for-you').innerText.includes(%q)`, first))
}

// unbundled returns a site with the package's folder on it.
func unbundled(t *testing.T, npm string) string {
	t.Helper()
	site := t.TempDir()
	copyFiles(t, recipes, site)
	copyFiles(t, filepath.Join(recipes, "unbundled"), site)
	if err := os.CopyFS(filepath.Join(site, "nearside"), os.DirFS(npm)); err != nil {
		t.Fatal(err)
	}
	return site
}

// addIntegrity puts the hashes of sri.json into the import map of a page.
func addIntegrity(t *testing.T, site string) {
	t.Helper()
	page := filepath.Join(site, "index.html")
	index, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	sri, err := os.ReadFile(filepath.Join(site, "nearside/sri.json"))
	if err != nil {
		t.Fatal(err)
	}
	var hashes map[string]struct{ Integrity string }
	var entries struct {
		Imports   map[string]string `json:"imports"`
		Integrity map[string]string `json:"integrity"`
	}
	if err := json.Unmarshal(sri, &hashes); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(importMap.FindSubmatch(index)[1], &entries); err != nil {
		t.Fatal(err)
	}
	entries.Integrity = make(map[string]string)
	for name, hash := range hashes {
		entries.Integrity["./nearside/"+name] = hash.Integrity
	}
	text, err := json.Marshal(entries)
	if err == nil {
		err = os.WriteFile(page, importMap.ReplaceAllLiteral(index, slices.Concat([]byte(`<script type="importmap">`), text, []byte(`</script>`))), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var workerURL = regexp.MustCompile(`new Worker\(new URL\('\./([a-z-]+)\.js'`)

// workersOf returns the names of the workers that a package starts, without .js.
func workersOf(t *testing.T, npm string) []string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(npm, "*.js"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, source := range sources {
		body, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range workerURL.FindAllSubmatch(body, -1) {
			names = append(names, string(found[1]))
		}
	}
	if len(names) == 0 {
		t.Fatal("the package starts no worker")
	}
	return names
}

// scripts returns the paths of a site's scripts.
func scripts(t *testing.T, site string) []string {
	t.Helper()
	var paths []string
	err := fs.WalkDir(os.DirFS(site), ".", func(name string, _ fs.DirEntry, err error) error {
		if path.Ext(name) == ".js" {
			paths = append(paths, "/"+name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// project returns a folder with the files of a recipe, in which nearside and the
// tools are installed.
func project(t *testing.T, npm, recipe string) string {
	t.Helper()
	dir := t.TempDir()
	copyFiles(t, recipes, dir)
	if own := filepath.Join(recipes, recipe); exists(own) {
		copyFiles(t, own, dir)
	}
	if err := os.CopyFS(filepath.Join(dir, "node_modules/nearside"), os.DirFS(npm)); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{".bin", "esbuild", "vite", "webpack"} {
		target, err := filepath.Abs(filepath.Join("node_modules", tool))
		if err == nil {
			err = os.Symlink(target, filepath.Join(dir, "node_modules", tool))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// addModel writes a model where app.js looks for it.
func addModel(t *testing.T, dir string, files web.Files) {
	t.Helper()
	for name, body := range map[string][]byte{"bundle.nsb": files.Bundle, "root.nsr": files.Root} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// npmPackage returns the folder of an unpacked tarball, or skips the test when
// what makes one is not there.
func npmPackage(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("packing takes seconds: not with -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node, which makes the npm package")
	}
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		t.Skip("no node_modules: run `make npm`")
	}
	if _, err := wasm.Module(); errors.Is(err, wasm.ErrNotBuilt) {
		t.Skip(err)
	}
	dir := t.TempDir()
	tarball := strings.TrimSpace(command(t, ".", "node", "package.mjs", dir))
	command(t, dir, "tar", "-xzf", tarball)
	return filepath.Join(dir, "package") // as npm has it in each tarball
}

// command runs a program in a folder and returns what it prints.
func command(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return string(out)
}

// copyFiles copies a folder's files, or those of these names.
func copyFiles(t *testing.T, from, to string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() || names != nil && !slices.Contains(names, entry.Name()) {
			continue
		}
		body, err := os.ReadFile(filepath.Join(from, entry.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, entry.Name()), body, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// viteServer starts the server that comes with Vite, and leads to it. It has a
// socket of its own, which gets nowhere: the page logs that as an error.
func viteServer(t *testing.T, dir string) http.Handler {
	t.Helper()
	vite := exec.CommandContext(t.Context(), "node", "node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", "0")
	vite.Dir, vite.Env = dir, append(os.Environ(), "NO_COLOR=1")
	out, err := vite.StdoutPipe()
	if err == nil {
		err = vite.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vite.Wait() }) // the test's context has ended it
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if at := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(lines.Text()); at != "" {
			target, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			proxy := httputil.NewSingleHostReverseProxy(target)
			proxy.ErrorLog = log.New(io.Discard, "", 0) // the socket
			return proxy
		}
	}
	t.Fatalf("vite did not say where it serves:\n%s", &said)
	return nil
}

var importMap = regexp.MustCompile(`(?s)<script type="importmap">(.*?)</script>`)

// siteHandler serves a folder and a model under the policies of web.Handler: the
// worker's for what has worker in its name, otherwise the page's, but for
// Trusted Types. An import map
// stands in the page itself, so the policy has its hash.
func siteHandler(t *testing.T, dir string, files web.Files) http.Handler {
	t.Helper()
	policy := func(target string) string {
		w := httptest.NewRecorder()
		web.Handler(files).ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		return w.Header().Get("Content-Security-Policy")
	}
	page, worker := policy("/"), policy("/sdk/worker.js")
	// Under Trusted Types the page of a bundle makes a policy of its own: see README.md.
	page = strings.Replace(page, "; require-trusted-types-for 'script'; trusted-types nearside nearside-demo", "", 1)
	index, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if found := importMap.FindSubmatch(index); found != nil {
		sum := sha256.Sum256(found[1])
		page = strings.Replace(page, "script-src 'self'", "script-src 'self' 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", 1)
	}
	addModel(t, dir, files)
	site := http.FileServer(http.Dir(dir))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", page)
		if strings.Contains(path.Base(r.URL.Path), "worker") {
			w.Header().Set("Content-Security-Policy", worker)
		}
		site.ServeHTTP(w, r)
	})
}

// requested returns the first lines of the requests with a word in their path.
func (b *browser) requested(word string) []string {
	var lines []string
	for _, request := range b.wire.seen(0) {
		line, _, _ := strings.Cut(request, "\r\n")
		if strings.Contains(path.Base(line[:strings.LastIndex(line, " ")]), word) {
			lines = append(lines, line)
		}
	}
	return lines
}
