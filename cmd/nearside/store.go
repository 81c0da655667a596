package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"

	"github.com/nearside/nearside/model/publish"
)

// channelStore is a store that is open.
type channelStore interface {
	publish.Store
	Close() error
}

// s3Checksums is a parameter of S3's URLs.
const s3Checksums = "response_checksum_validation"

// openStore opens the store that a person has named: a folder, or a bucket, of
// which the path of the URL is a folder.
func openStore(ctx context.Context, name string) (channelStore, error) {
	if !strings.Contains(name, "://") {
		return folder{publish.Dir(name)}, nil
	}
	u, err := url.Parse(name)
	if err != nil {
		return nil, &usageError{err: err}
	}
	if mux := blob.DefaultURLMux(); !mux.ValidBucketScheme(u.Scheme) {
		return nil, &usageError{
			err:  fmt.Errorf("%s: no store of kind %q: want a folder or one of %s", name, u.Scheme, strings.Join(mux.BucketSchemes(), ", ")),
			hint: "https:// is for nearside verify, which only reads",
		}
	}
	prefix := strings.Trim(u.Path, "/")
	if u.Host == "" {
		prefix = "" // the path is all of the name
	} else {
		u.Path = ""
	}
	if q := u.Query(); u.Scheme == "s3" && !q.Has(s3Checksums) {
		q.Set(s3Checksums, "when_required") // else its client logs each answer without one; all that is read here is checked anyway
		u.RawQuery = q.Encode()
	}
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if prefix != "" {
		b = blob.PrefixedBucket(b, prefix+"/")
	}
	return bucket{b}, nil
}

// bucket is a store of objects, which replaces each of them whole.
type bucket struct{ *blob.Bucket }

// missing makes what a bucket says of an object that is not there an fs.ErrNotExist.
func missing(err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

func (b bucket) Get(ctx context.Context, name string) ([]byte, error) {
	r, err := b.NewReader(ctx, name, nil)
	if err != nil {
		return nil, missing(err)
	}
	defer r.Close()
	return publish.ReadAll(name, r)
}

func (b bucket) Put(ctx context.Context, name string, body []byte) error {
	return b.WriteAll(ctx, name, body, &blob.WriterOptions{
		ContentType: "application/octet-stream", CacheControl: publish.CacheControl(name),
	})
}

func (b bucket) List(ctx context.Context, folder string) (names []string, err error) {
	list := b.Bucket.List(&blob.ListOptions{Prefix: folder + "/"})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		names = append(names, object.Key)
	}
}

func (b bucket) Delete(ctx context.Context, name string) error {
	return missing(b.Bucket.Delete(ctx, name))
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
