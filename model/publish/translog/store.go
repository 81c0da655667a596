package translog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Store holds the files of one log, under names with slashes.
type Store interface {
	// Get returns a file. The error is fs.ErrNotExist when there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put writes a file, or overwrites it, whole or not at all.
	Put(ctx context.Context, name string, body []byte) error
}

// Dir is a Store in a folder, which can be served as it is.
type Dir string

// Get reads a file.
func (d Dir) Get(_ context.Context, name string) ([]byte, error) {
	at, err := d.at(name)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(at)
}

// Put writes a file so that after a loss of power there is the old one or the
// new one.
func (d Dir) Put(_ context.Context, name string, body []byte) error {
	at, err := d.at(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(at), ".put-*")
	if err != nil {
		return err
	}
	_, err = file.Write(body)
	err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), at)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	// The name is in its folder, and folders that are new are in theirs.
	for folder := path.Dir(name); ; folder = path.Dir(folder) {
		if err := syncFolder(filepath.Join(string(d), filepath.FromSlash(folder))); err != nil {
			return err
		}
		if folder == "." {
			return nil
		}
	}
}

func (d Dir) at(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." {
		return "", fmt.Errorf("translog: %q is no name of a file", name)
	}
	return filepath.Join(string(d), filepath.FromSlash(name)), nil
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
