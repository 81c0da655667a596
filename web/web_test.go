package web

import (
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
)

var testFiles = Files{Module: []byte("\x00asm\x01\x00\x00\x00"), Bundle: []byte("bundle"), Root: []byte("root")}

// ask sends one request to a handler of testFiles; header is key, value, ….
func ask(method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler(testFiles).ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFilesAreServedWithTheirTypes(t *testing.T) {
	for _, row := range []struct{ path, contentType, holds string }{
		{"/", "text/html; charset=utf-8", "<!doctype html>"},
		{"/index.html", "text/html; charset=utf-8", "<!doctype html>"},
		{"/demo.js", "text/javascript; charset=utf-8", "import"},
		{"/style.css", "text/css; charset=utf-8", ":root"},
		{"/sdk/nearside.js", "text/javascript; charset=utf-8", "export async function open"},
		{"/sdk/worker.js", "text/javascript; charset=utf-8", "onmessage"},
		{"/sdk/faces/element.js", "text/javascript; charset=utf-8", "import './feed.js'"},
		{"/nearside.wasm", "application/wasm", "\x00asm"},
		{"/bundle.nsb", "application/octet-stream", "bundle"},
		{"/root.nsr", "application/octet-stream", "root"},
	} {
		r := ask(http.MethodGet, row.path)
		if r.StatusCode != http.StatusOK {
			t.Errorf("GET %s: got status %d, want 200", row.path, r.StatusCode)
		}
		if got := r.Header.Get("Content-Type"); got != row.contentType {
			t.Errorf("GET %s: got type %q, want %q", row.path, got, row.contentType)
		}
		if !strings.Contains(read(t, r), row.holds) {
			t.Errorf("GET %s: got a body without %q", row.path, row.holds)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	for _, target := range []string{"/", "/sdk/nearside.js", "/sdk/worker.js", "/nearside.wasm", "/bundle.nsb"} {
		h := ask(http.MethodGet, target).Header
		for key, want := range map[string]string{
			"Cache-Control":                "no-cache",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Embedder-Policy": "require-corp",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy":              "no-referrer",
			"X-Content-Type-Options":       "nosniff",
		} {
			if got := h.Get(key); got != want {
				t.Errorf("%s: got %s: %q, want %q", target, key, got, want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe-inline") {
			t.Errorf("%s: got policy %q, want one that begins with nothing and allows nothing inline", target, policy)
		}
	}
}

func TestTheWorkerMayNotConnect(t *testing.T) {
	for _, worker := range []string{"/sdk/worker.js", "/sdk/channel-worker.js"} {
		policy := ask(http.MethodGet, worker).Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "connect-src 'none'") {
			t.Errorf("%s: got policy %q, want connect-src 'none'", worker, policy)
		}
	}
}

func TestThePageHasTheSamePolicyOnAnyHost(t *testing.T) {
	meta := `<meta http-equiv="Content-Security-Policy" content="` + pagePolicy + `">`
	if !strings.Contains(read(t, ask(http.MethodGet, "/")), meta) {
		t.Errorf("demo/index.html does not have %s", meta)
	}
}

func TestEveryEmbeddedFileHasAType(t *testing.T) {
	handler := Handler(testFiles)
	for dir, prefix := range map[string]string{".": "/sdk/", "faces": "/sdk/faces/", "demo": "/"} {
		files := map[string]embed.FS{".": sdk, "faces": sdk, "demo": demo}[dir]
		entries, err := files.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, prefix+e.Name(), nil))
			if w.Code != http.StatusOK || contentTypes[path.Ext(e.Name())] == "" {
				t.Errorf("%s%s: got status %d and type %q", prefix, e.Name(), w.Code, w.Header().Get("Content-Type"))
			}
		}
	}
}

func TestTheSDKSaysItsHashes(t *testing.T) {
	var hashes map[string]struct {
		Integrity string
		Bytes     int
	}
	if err := json.Unmarshal([]byte(read(t, ask(http.MethodGet, "/sdk/sri.json"))), &hashes); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nearside.js", "channel-worker.js", "faces/feed.js", "nearside.wasm"} {
		body := read(t, ask(http.MethodGet, "/sdk/"+name))
		sum := sha512.Sum384([]byte(body))
		if got, want := hashes[name].Integrity, "sha384-"+base64.StdEncoding.EncodeToString(sum[:]); got != want || hashes[name].Bytes != len(body) {
			t.Errorf("%s: got %+v, want %s and %d bytes", name, hashes[name], want, len(body))
		}
	}
}

func TestAKnownETagIsNotModified(t *testing.T) {
	etag := ask(http.MethodGet, "/bundle.nsb").Header.Get("ETag")
	if etag == "" || etag == ask(http.MethodGet, "/root.nsr").Header.Get("ETag") {
		t.Fatalf("got ETag %q, want one of its own", etag)
	}
	r := ask(http.MethodGet, "/bundle.nsb", "If-None-Match", etag)
	if got := read(t, r); r.StatusCode != http.StatusNotModified || got != "" {
		t.Errorf("got status %d and body %q, want 304 and none", r.StatusCode, got)
	}
}

func TestOnlyGetAndHead(t *testing.T) {
	r := ask(http.MethodHead, "/bundle.nsb")
	if got := read(t, r); r.StatusCode != http.StatusOK || got != "" || r.ContentLength != 6 {
		t.Errorf("HEAD: got status %d, length %d, body %q, want 200, 6, none", r.StatusCode, r.ContentLength, got)
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		r := ask(method, "/bundle.nsb")
		if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: got status %d, Allow %q, want 405, GET, HEAD", method, r.StatusCode, r.Header.Get("Allow"))
		}
	}
}

func TestOtherPathsAreNotFound(t *testing.T) {
	for _, target := range []string{"/demo/", "/demo/index.html", "/sdk", "/sdk/", "/sdk/web.go", "/sdk/sw.js", "/sdk/test/msgpack.test.js", "/sdk/package.json", "/../web.go", "//", "/favicon.ico"} {
		if r := ask(http.MethodGet, target); r.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: got status %d, want 404", target, r.StatusCode)
		}
	}
}
