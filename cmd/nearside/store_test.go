package main

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/nearside/nearside/model/core/trust"
)

func TestSiteIsRead(t *testing.T) {
	files := map[string]string{"/news/head.nsh": "head", "/news/chunks/00": string(make([]byte, 100_000))}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch body, ok := files[r.URL.Path]; {
		case r.URL.Path == "/news/root.nsr":
			http.Error(w, "overloaded", http.StatusServiceUnavailable)
		case !ok:
			http.NotFound(w, r)
		default:
			w.Write([]byte(body))
		}
	}))
	defer server.Close()
	from, done, err := openReader(t.Context(), server.URL+"/news/")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if b, err := from.Get(t.Context(), "head.nsh"); err != nil || string(b) != "head" {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := from.Get(t.Context(), "roots/2.nsr"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := from.Get(t.Context(), "chunks/00"); !errors.Is(err, trust.ErrSize) {
		t.Errorf("a chunk longer than a leaf: %v", err)
	}
	if _, err := from.Get(t.Context(), "root.nsr"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a server that is down: %v", err)
	}
}
