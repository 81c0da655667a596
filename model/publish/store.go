package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/trust"
)

// Reader is a channel that can be read, by the names of SPEC.md.
type Reader interface {
	// Get returns a file. That there is none is an fs.ErrNotExist.
	Get(ctx context.Context, name string) ([]byte, error)
}

// Store is where a channel lies.
type Store interface {
	Reader

	// Put replaces a file: whoever reads it meanwhile gets the old or the new one.
	Put(ctx context.Context, name string, body []byte) error
	// List returns the names of the files in a folder.
	List(ctx context.Context, folder string) ([]string, error)
	// Delete removes a file.
	Delete(ctx context.Context, name string) error
}

// maxLogFile bounds a file of a transparency log: 256 entries of 64 KiB.
const maxLogFile = 16 << 20

// limit returns the most bytes that a file of a channel may have.
func limit(name string) int {
	switch folder, _, _ := strings.Cut(name, "/"); folder {
	case bundle.RootName, "roots":
		return trust.MaxRootFile
	case bundle.HeadName:
		return trust.MaxHeadFile
	case "releases":
		return trust.MaxReleaseFile
	case "chunks":
		return digest.LeafSize
	case "patches":
		return trust.MaxPatch
	}
	return maxLogFile
}

// ReadAll reads a file of a channel, for a Reader. One that is longer than a
// file of this name may be is an error.
func ReadAll(name string, r io.Reader) ([]byte, error) {
	most := limit(name)
	b, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(b) > most {
		err = fmt.Errorf("publish: %s: more than %d bytes: %w", name, most, trust.ErrSize)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// CacheControl returns the header that a file of a channel is to be served
// with: what has a hash or a number in its name never changes, and all else has
// to be asked for anew.
func CacheControl(name string) string {
	folder, rest, _ := strings.Cut(name, "/")
	switch {
	case slices.Contains([]string{"roots", "releases", "chunks", "patches"}, folder), folder == "log" && strings.HasPrefix(rest, "tile/"):
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// Dir returns the store in a folder, which is made with the first file.
func Dir(path string) Store { return dir(path) }

type dir string

// tempPrefix begins the names of files that are still being written.
const tempPrefix = ".put-"

func (d dir) path(name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", fmt.Errorf("publish: %q: want a path that stays in its folder", name)
	}
	return filepath.Join(string(d), filepath.FromSlash(name)), nil
}

func (d dir) Get(_ context.Context, name string) ([]byte, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(name, f)
}

// Put writes a file beside the old one, waits until it is on the disk, and only
// then gives it its name: after a crash, and for a web server that publishes the
// folder, there is the old file or the new one.
func (d dir) Put(_ context.Context, name string, body []byte) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, tempPrefix+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(folder)
}

// syncDir makes names in a folder last.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d dir) List(_ context.Context, folder string) (names []string, err error) {
	path, err := d.path(folder)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), tempPrefix) {
			names = append(names, folder+"/"+e.Name())
		}
	}
	return names, err
}

func (d dir) Delete(_ context.Context, name string) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	return os.Remove(path)
}
