package host

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/train"
)

func TestHTTP(t *testing.T) {
	root, file := world(t, train.EASE)
	server := httptest.NewServer(open(t, root, file, false, 1).Handler())
	defer server.Close()
	const get, post, path, kind = http.MethodGet, http.MethodPost, "/v1/recommend", "application/json"
	event := func(rest string) string { return `{"history":[{"item":"i0"` + rest + `}]}` }
	for _, c := range []struct {
		name, method, path, kind, body string
		status                         int
		want                           string // part of the body
	}{
		{"a history", post, path, kind, `{"k":3,"reasons":1,"history":[{"item":"i2","kind":"like","time":1799990000,"weight":0.5},{"item":"nowhere"}],"exclude":["i4"]}`, 200, `"unknown":1,"cold":false`},
		{"reasons name the item", post, path, kind, `{"k":1,"reasons":1,"history":[{"item":"nowhere"},{"item":"i2"}]}`, 200, `"reasons":[{"item":"i2","event":1,"share":1}]`},
		{"nothing asked", post, path, kind + "; charset=utf-8", `{}`, 200, `"cold":true`},
		{"no JSON", post, path, kind, `{`, 400, `"code":"request"`},
		{"empty body", post, path, kind, ``, 400, `"code":"request"`},
		{"two objects", post, path, kind, `{}{}`, 400, `after the object`},
		{"a field that is not ours", post, path, kind, `{"user":"me"}`, 400, `\"user\"`},
		{"an event field that is not ours", post, path, kind, event(`,"ip":"::1"`), 400, `\"ip\"`},
		{"an unknown kind", post, path, kind, event(`,"kind":"love"`), 400, `history[0]: kind \"love\"`},
		{"a weight of 16", post, path, kind, event(`,"weight":16`), 200, `"used":1`},
		{"a weight of 17", post, path, kind, event(`,"weight":17`), 400, `weight 17: want 0 to 16`},
		{"a weight below 0", post, path, kind, event(`,"weight":-0.5`), 400, `weight -0.5: want 0 to 16`},
		{"a weight of words", post, path, kind, event(`,"weight":"much"`), 400, `"code":"request"`},
		{"a time before 1970", post, path, kind, event(`,"time":-1`), 400, `time -1`},
		{"an event without an item", post, path, kind, `{"history":[{}]}`, 400, `item \"\": want 1 to 256 bytes`},
		{"k below 0", post, path, kind, `{"k":-1}`, 400, `k -1: want 1 to 1000`},
		{"k of 1000", post, path, kind, `{"k":1000}`, 200, `"ranked":40`},
		{"a tag that half of them have", post, path, kind, `{"any_tags":["light"]}`, 200, `"ranked":20`},
		{"all but a tag and an item", post, path, kind, `{"no_tags":["light"],"exclude":["i1"]}`, 200, `"ranked":19`},
		{"the history not seen again", post, path, kind, `{"seen":false,"history":[{"item":"i2"}]}`, 200, `"ranked":39`},
		{"the history seen again, by no pool", post, path, kind, `{"seen":true,"history":[{"item":"i2"}]}`, 400, `seen: only a pool`},
		{"seen of 1", post, path, kind, `{"seen":1}`, 400, `"code":"request"`},
		{"a diverse list", post, path, kind, `{"diversity":0.5,"k":40}`, 200, `"ranked":40`},
		{"a diversity above 1", post, path, kind, `{"diversity":1.01}`, 400, `diversity 1.01: want 0 to 1`},
		{"a diversity below 0", post, path, kind, `{"diversity":-0.1}`, 400, `diversity -0.1: want 0 to 1`},
		{"65 tags", post, path, kind, `{"no_tags":["a"` + strings.Repeat(`,"a"`, 64) + `]}`, 400, `"code":"limit"`},
		{"k of 1001", post, path, kind, `{"k":1001}`, 400, `"code":"limit"`},
		{"17 reasons", post, path, kind, `{"reasons":17}`, 400, `"code":"limit"`},
		{"reasons below 0", post, path, kind, `{"reasons":-1}`, 400, `"code":"request"`},
		{"a history of 501", post, path, kind, `{"history":[` + strings.Repeat(`{"item":"i1"},`, 500) + `{"item":"i1"}]}`, 400, `"code":"limit"`},
		{"a history of 500", post, path, kind, `{"history":[` + strings.Repeat(`{"item":"i1"},`, 499) + `{"item":"i1"}]}`, 200, `"used":500`},
		{"too long an id to exclude", post, path, kind, `{"exclude":["` + strings.Repeat("x", 257) + `"]}`, 400, `"code":`},
		{"another type", post, path, "text/plain", `{}`, 415, `content type \"text/plain\": want application/json`},
		{"no type", post, path, "", `{}`, 415, `application/json`},
		{"too long", post, path, kind, `{"exclude":["` + strings.Repeat("x", maxBody) + `"]}`, 413, `"code":"limit"`},
		{"too long after the object", post, path, kind, `{}` + strings.Repeat(" ", maxBody), 413, `"code":"limit"`},
		{"GET", get, path, "", ``, 405, `want POST`},
		{"health", get, "/healthz", "", ``, 200, `{"channel":"test","version":1}`},
		{"health by POST", post, "/healthz", kind, `{}`, 405, `want GET`},
		{"another path", get, "/v1/items", "", ``, 404, `/v1/items`},
	} {
		req, err := http.NewRequest(c.method, server.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.kind != "" {
			req.Header.Set("Content-Type", c.kind)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != c.status || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: got %d %s, want %d with %s", c.name, res.StatusCode, body, c.status, c.want)
		}
		if got := res.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control: got %q, want no-store", c.name, got)
		}
		if !json.Valid(body) || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %q of type %q, want JSON", c.name, body, res.Header.Get("Content-Type"))
		}
		if (c.status == 405) != (res.Header.Get("Allow") != "") {
			t.Errorf("%s: Allow: got %q", c.name, res.Header.Get("Allow"))
		}
	}
}

// TestHTTPShowsWhatWasSeen when asked to, and otherwise as the bundle says.
func TestHTTPShowsWhatWasSeen(t *testing.T) {
	root, file := worldOf(t, worlds["pool"])
	server := httptest.NewServer(open(t, root, file, false, 1).Handler())
	defer server.Close()
	for body, want := range map[string]string{
		`{"history":[{"item":"i2"}]}`:                           `"ranked":40`,
		`{"seen":true,"history":[{"item":"i2"}]}`:               `"ranked":40`,
		`{"seen":false,"history":[{"item":"i2"}]}`:              `"ranked":39`,
		`{"seen":true,"history":[{"item":"i2","kind":"hide"}]}`: `"ranked":39`,
	} {
		res, err := server.Client().Post(server.URL+"/v1/recommend", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != 200 || !strings.Contains(string(answer), want) {
			t.Errorf("%s: got %d %s, want %s", body, res.StatusCode, answer, want)
		}
	}
}

func TestHTTPSaysWhenItCannotServe(t *testing.T) {
	root, file := world(t, train.Popular)
	h := open(t, root, file, false, 1)
	serve := func(ctx context.Context, method, path string) (status int, body string) {
		r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(`{}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	ctx := context.Background()
	g, err := h.take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := serve(ended(), "POST", "/v1/recommend"); status != 503 || !strings.Contains(body, `"busy"`) {
		t.Errorf("all instances taken: got %d %s, want 503 busy", status, body)
	}
	if err := h.give(ctx, g); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for method, path := range map[string]string{"POST": "/v1/recommend", "GET": "/healthz"} {
		if status, body := serve(ctx, method, path); status != 503 || !strings.Contains(body, `"not-open"`) {
			t.Errorf("%s after Close: got %d %s, want 503 not-open", path, status, body)
		}
	}
}
