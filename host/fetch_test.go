package host

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nearside/nearside/model/core/trust"
)

func TestAFileIsReadToItsBound(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "roots"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "roots", "2.nsr"), make([]byte, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	for _, source := range []string{dir, server.URL, server.URL + "/"} {
		get, err := newFetch(source, nil)
		if err != nil {
			t.Fatal(err)
		}
		for max, want := range map[int]error{99: trust.ErrSize, 100: nil, 101: nil, 1 << 30: nil} {
			b, err := get(context.Background(), "roots/2.nsr", max)
			if !errors.Is(err, want) || err == nil && len(b) != 100 || err != nil && b != nil {
				t.Errorf("%s, at most %d: %d bytes, %v, want %v", source, max, len(b), err, want)
			}
		}
		if b, err := get(context.Background(), "roots/3.nsr", 100); b != nil || err == nil {
			t.Errorf("%s, no file: %q, %v", source, b, err)
		}
		if _, err := get(context.Background(), "roots", 100); err == nil {
			t.Errorf("%s: a folder was read", source)
		}
	}
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	var last http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked for %s", r.URL)
	}))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = r.Header
		http.SetCookie(w, &http.Cookie{Name: "me", Value: "7", Path: "/"})
		w.Header().Set("ETag", `"me-7"`)
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/file", http.StatusFound)
		case "/there":
			http.Redirect(w, r, other.URL+"/file", http.StatusFound)
		case "/query":
			http.Redirect(w, r, "/file?me=7", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusMovedPermanently)
		case "/scheme":
			http.Redirect(w, r, strings.Replace("http://"+r.Host, "http", "https", 1)+"/file", http.StatusFound)
		default:
			_, _ = io.WriteString(w, "file")
		}
	}))
	defer server.Close()
	get, err := newFetch(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"here": "", "file": "", "there": "want the same host", "scheme": "want the same host", "query": "want neither", "loop": "more than 3 redirects",
	} {
		b, err := get(context.Background(), name, 10)
		if want == "" && (err != nil || string(b) != "file") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v, want %q", name, b, err, want)
		}
		for _, key := range []string{"Cookie", "Referer", "If-None-Match", "If-Modified-Since"} {
			if v := last.Get(key); v != "" {
				t.Errorf("%s: the request said %s: %s", name, key, v)
			}
		}
		if got := last.Get("User-Agent"); got != userAgent {
			t.Errorf("%s: the request came from %q", name, got)
		}
	}
}

// A server that sends a byte now and then does not hold an update up.
func TestAServerThatStallsIsLeft(t *testing.T) {
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte{1})
		w.(http.Flusher).Flush()
		<-ended
	}))
	defer server.Close()
	defer close(ended)
	s := site{base: server.URL, client: &http.Client{}, stall: 10 * time.Millisecond}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	begun := time.Now()
	if b, err := s.fetch(ctx, "file", 10); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 10*time.Second {
		t.Errorf("got %v, %v, want %v", b, err, context.DeadlineExceeded)
	}
}
