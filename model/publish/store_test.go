package publish

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/trust"
)

func TestDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site", "news")
	d := Dir(path)
	const chunk = "chunks/aa"
	if _, err := d.Get(t.Context(), chunk); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if names, err := d.List(t.Context(), "chunks"); err != nil || names != nil {
		t.Errorf("a missing folder: %v, %v", names, err)
	}
	for _, body := range []string{"one", "another"} {
		if err := d.Put(t.Context(), chunk, []byte(body)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Get(t.Context(), chunk); err != nil || string(got) != body {
			t.Errorf("got %q, %v, want %q", got, err, body)
		}
	}
	info, err := os.Stat(filepath.Join(path, chunk))
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v: want a file that a web server may read", info, err)
	}
	// A file under way is no file.
	if err := os.WriteFile(filepath.Join(path, "chunks", tempPrefix+"1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := d.List(t.Context(), "chunks"); err != nil || !slices.Equal(names, []string{chunk}) {
		t.Errorf("got %v, %v, want %v", names, err, chunk)
	}
	if err := d.Put(t.Context(), chunk, make([]byte, digest.LeafSize+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Get(t.Context(), chunk); !errors.Is(err, trust.ErrSize) {
		t.Errorf("a chunk longer than a leaf: %v", err)
	}
	if err := d.Delete(t.Context(), chunk); err != nil {
		t.Fatal(err)
	}
	for _, outside := range []string{"../x", "/x", "chunks/../../x", ""} {
		if err := d.Put(t.Context(), outside, nil); err == nil {
			t.Errorf("%q was written", outside)
		}
		if _, err := d.Get(t.Context(), outside); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", outside, err)
		}
	}
}

// TestDirReplacesWhole: somebody who has a file open goes on reading the old one.
func TestDirReplacesWhole(t *testing.T) {
	path := t.TempDir()
	d := Dir(path)
	old, new := bytes.Repeat([]byte{1}, 1000), bytes.Repeat([]byte{2}, 10)
	if err := d.Put(t.Context(), "head.nsh", old); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(path, "head.nsh"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := d.Put(t.Context(), "head.nsh", new); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadAll("head.nsh", f); err != nil || !bytes.Equal(got, old) {
		t.Errorf("a reader of the old file got %d bytes, %v", len(got), err)
	}
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files, %v, want 1", len(entries), err)
	}
}

func TestCacheControl(t *testing.T) {
	for name, want := range map[string]string{
		"root.nsr": "no-cache", "head.nsh": "no-cache", "log/checkpoint": "no-cache",
		"roots/2.nsr": "public, max-age=31536000, immutable", "chunks/00": "public, max-age=31536000, immutable",
		"log/tile/0/000.p/3": "public, max-age=31536000, immutable", "logs/tile": "no-cache",
	} {
		if got := CacheControl(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
