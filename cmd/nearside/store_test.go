package main

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	_ "gocloud.dev/blob/fileblob" // file://, in tests
	"gocloud.dev/blob/memblob"

	"github.com/nearside/nearside/model/core/trust"
)

// TestStoresAreAlike asks each kind of store the same.
func TestStoresAreAlike(t *testing.T) {
	file, err := openStore(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir, err := openStore(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	memory := bucket{memblob.OpenBucket(nil)}
	for what, store := range map[string]channelStore{"folder": dir, "file bucket": file, "memory bucket": memory} {
		const chunk = "chunks/aa"
		if _, err := store.Get(t.Context(), chunk); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a missing file: %v", what, err)
		}
		if names, err := store.List(t.Context(), "chunks"); err != nil || len(names) > 0 {
			t.Errorf("%s: an empty folder: %v, %v", what, names, err)
		}
		for _, body := range []string{"one", "another", ""} {
			if err := store.Put(t.Context(), chunk, []byte(body)); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if got, err := store.Get(t.Context(), chunk); err != nil || string(got) != body {
				t.Errorf("%s: got %q, %v, want %q", what, got, err, body)
			}
		}
		if err := store.Put(t.Context(), "chunksfrom", nil); err != nil {
			t.Fatal(err)
		}
		if names, err := store.List(t.Context(), "chunks"); err != nil || !slices.Equal(names, []string{chunk}) {
			t.Errorf("%s: got %v, %v, want %s", what, names, err, chunk)
		}
		if err := store.Put(t.Context(), chunk, make([]byte, 65537)); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Get(t.Context(), chunk); !errors.Is(err, trust.ErrSize) {
			t.Errorf("%s: a chunk longer than a leaf: %v", what, err)
		}
		if err := store.Delete(t.Context(), chunk); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := store.Delete(t.Context(), chunk); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: deleted twice: %v", what, err)
		}
	}
	// What a bucket serves, it serves with the headers that caches need.
	for name, want := range map[string]string{"head.nsh": "no-cache", "chunks/bb": "public, max-age=31536000, immutable"} {
		if err := memory.Put(t.Context(), name, nil); err != nil {
			t.Fatal(err)
		}
		attributes, err := memory.Attributes(t.Context(), name)
		if err != nil || attributes.CacheControl != want || attributes.ContentType != "application/octet-stream" {
			t.Errorf("%s: %+v, %v", name, attributes, err)
		}
	}
	for _, store := range []channelStore{dir, file, memory} {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestBucketsByURL opens what needs no network to be opened: the path of a URL is a
// folder of the bucket.
func TestBucketsByURL(t *testing.T) {
	t.Setenv("AZURE_STORAGE_ACCOUNT", "nobody")
	t.Setenv("AZURE_STORAGE_KEY", "bm9ib2R5")
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1") // or it looks for credentials on the network
	for _, name := range []string{"s3://site/news?region=eu-central-1", "gs://site/news", "azblob://site/news"} {
		store, err := openStore(t.Context(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := store.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"ftp://site/news", "https://site/news", "s3://site\x00"} {
		if _, err := openStore(t.Context(), name); exitCode(err) != 2 {
			t.Errorf("%s: %v, want misuse", name, err)
		}
	}
}

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

// TestBucketOverHTTP puts a file into a bucket as S3 would see it: in the folder that
// the URL names, and with the headers that caches need.
func TestBucketOverHTTP(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "nobody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "nobody's")
	files := map[string][]byte{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := files[r.URL.Path]
		switch {
		case r.Method == http.MethodPut:
			if got := r.Header.Get("Cache-Control"); got != "no-cache" {
				t.Errorf("Cache-Control %q, want no-cache", got)
			}
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			files[r.URL.Path] = b
		case !ok:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
		default:
			w.Write(body)
		}
	}))
	defer server.Close()
	store, err := openStore(t.Context(), "s3://site/some/news?region=us-east-1&use_path_style=true&request_checksum_calculation=when_required&endpoint="+server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Get(t.Context(), "head.nsh"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := store.Put(t.Context(), "head.nsh", []byte("head")); err != nil {
		t.Fatal(err)
	}
	if got := files["/site/some/news/head.nsh"]; string(got) != "head" {
		t.Errorf("the bucket has %q in %q", got, slices.Collect(maps.Keys(files)))
	}
	if got, err := store.Get(t.Context(), "head.nsh"); err != nil || string(got) != "head" {
		t.Errorf("got %q, %v", got, err)
	}
}
