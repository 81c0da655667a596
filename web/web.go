// Package web is the browser's side of nearside: the JavaScript SDK and a
// demo page, embedded so that one binary can serve them.
//
// [Handler] serves the page at "/", the SDK below "/sdk/", and the three files
// of a model that the caller brings:
//
//	/                the demo page (its parts stand beside it)
//	/sdk/nearside.js the SDK's door; worker.js, guest.js, … beside it, the module again, sri.json
//	/sdk/faces/      its faces: element.js, react.js, vue.js, svelte.js
//	/nearside.wasm   the module
//	/bundle.nsb      the signed model
//	/root.nsr        the keys that may sign it
//
// The SDK's files can be published on any static host as they are. Two headers
// are worth copying from here: the page's Content-Security-Policy, and the
// workers', which forbids the thread that sees the history any connection.
package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed *.js faces/*.js
var sdk embed.FS

//go:embed demo
var demo embed.FS

// pagePolicy allows the page its own files and nothing else. demo/index.html
// says the same in a meta element, so that it holds on any static host.
const pagePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; " +
	"require-trusted-types-for 'script'; trusted-types nearside nearside-demo"

// workerPolicy lets the worker load its own modules and compile the one it is
// handed. A worker has the policy of its own response, not the page's. leak.js
// is the demo's worker that tries to send something.
const workerPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'none'"

// keeperPolicy is that of the demo's service worker, which asks this origin on
// behalf of the page.
const keeperPolicy = "default-src 'none'; connect-src 'self'"

// Files are what a page needs besides the SDK. The handler keeps the slices;
// do not write to them.
type Files struct {
	Module []byte // nearside.wasm
	Bundle []byte // the signed model
	Root   []byte // the keys that may sign it
}

// SDK returns the files that a page loads, by their path in one folder: the
// JavaScript, the module, and sri.json, which has the hash of each.
func SDK(module []byte) map[string][]byte {
	files := map[string][]byte{"nearside.wasm": module}
	readFolder(sdk, ".", files)
	readFolder(sdk, "faces", files)
	type integrity struct {
		Integrity string `json:"integrity"`
		Bytes     int    `json:"bytes"`
	}
	hashes := make(map[string]integrity)
	for name, body := range files {
		sum := sha512.Sum384(body)
		hashes[name] = integrity{"sha384-" + base64.StdEncoding.EncodeToString(sum[:]), len(body)}
	}
	list, err := json.MarshalIndent(hashes, "", "  ")
	if err != nil {
		panic("web: internal error: " + err.Error())
	}
	files["sri.json"] = append(list, '\n')
	return files
}

// Handler serves the demo page, the SDK and files. Every answer has an ETag and
// must be revalidated. It answers GET and HEAD, and 404 for any other path.
func Handler(files Files) http.Handler {
	pages := map[string]*page{
		"/bundle.nsb": newPage("bundle.nsb", files.Bundle),
		"/root.nsr":   newPage("root.nsr", files.Root),
	}
	for name, body := range SDK(files.Module) {
		pages["/sdk/"+name] = newPage(path.Base(name), body)
	}
	parts := make(map[string][]byte)
	readFolder(demo, "demo", parts)
	for name, body := range parts {
		pages["/"+path.Base(name)] = newPage(path.Base(name), body)
	}
	pages["/"] = pages["/index.html"]
	pages["/nearside.wasm"] = pages["/sdk/nearside.wasm"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := pages[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "web: method "+r.Method+": want GET or HEAD", http.StatusMethodNotAllowed)
		default:
			p.ServeHTTP(w, r)
		}
	})
}

// readFolder adds the files of a folder, without those of folders in it.
func readFolder(from embed.FS, dir string, files map[string][]byte) {
	entries, err := fs.ReadDir(from, dir)
	for _, e := range entries {
		if name := path.Join(dir, e.Name()); err == nil && !e.IsDir() {
			files[name], err = from.ReadFile(name)
		}
	}
	if err != nil {
		panic("web: internal error: " + err.Error())
	}
}

// page is one file with the headers that do not change.
type page struct {
	name, contentType, policy, etag string
	body                            []byte
}

// contentTypes has every kind of file that is served: the machine's own table
// of types is not to be relied on.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".wasm": "application/wasm",
	".nsb":  "application/octet-stream",
	".nsr":  "application/octet-stream",
}

func newPage(name string, body []byte) *page {
	p := &page{name: name, contentType: contentTypes[path.Ext(name)], policy: pagePolicy, body: body}
	switch {
	case name == "sw.js":
		p.policy = keeperPolicy
	case name == "leak.js", strings.HasSuffix(name, "worker.js"):
		p.policy = workerPolicy
	}
	sum := sha256.Sum256(body)
	p.etag = `"` + hex.EncodeToString(sum[:16]) + `"`
	return p
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", p.contentType)
	h.Set("ETag", p.etag)
	h.Set("Cache-Control", "no-cache")
	// frame-ancestors has no effect in a meta element, so it stands here only.
	h.Set("Content-Security-Policy", p.policy+"; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, p.name, time.Time{}, bytes.NewReader(p.body))
}
