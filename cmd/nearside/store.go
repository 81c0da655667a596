package main

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nearside/nearside/model/publish"
)

// channelStore is a store that is open.
type channelStore interface {
	publish.Store
	Close() error
}

// openStore opens the store that a person has named: a folder, or a URL.
func openStore(_ context.Context, name string) (channelStore, error) {
	if strings.Contains(name, "://") {
		u, err := url.Parse(name)
		if err != nil {
			return nil, &usageError{err: err}
		}
		return nil, &usageError{err: fmt.Errorf("%s: stores of %q are not known", name, u.Scheme)}
	}
	return folder{publish.Dir(name)}, nil
}

// folder is a store that needs no closing.
type folder struct{ publish.Store }

func (folder) Close() error { return nil }

// openReader opens a channel to read: a store, or a web site that devices read too.
func openReader(ctx context.Context, name string) (publish.Reader, func() error, error) {
	if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
		return site(strings.TrimSuffix(name, "/")), func() error { return nil }, nil
	}
	store, err := openStore(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	return store, store.Close, nil
}

// site is a channel on the web, by its URL.
type site string

// fileTimeout is for one file of a channel, of which most have 64 KB.
const fileTimeout = time.Minute

func (s site) Get(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, string(s)+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return publish.ReadAll(name, answer.Body)
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s: %w", answer.Status, fs.ErrNotExist)
	}
	return nil, fmt.Errorf("%s: %s", s, answer.Status)
}
