package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nearside/nearside/model/core/trust"
)

// fetch gets a file of a channel by its name, of at most max bytes: endless data
// is trust.ErrSize.
type fetch func(ctx context.Context, name string, max int) ([]byte, error)

// newFetch returns what fetches from source: a URL, or a folder of this machine.
// A transport of nil is the ordinary one.
func newFetch(source string, transport http.RoundTripper) (fetch, error) {
	if source == "" {
		return nil, errors.New("host: channel: want a URL or a folder")
	}
	if !strings.Contains(source, "://") {
		return folder(source).fetch, nil
	}
	u, err := url.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("host: channel: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("host: channel %q: want http:// or https://, a host and a path, and nothing else", source)
	}
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: idleTimeout, MaxResponseHeaderBytes: maxHeaders,
		}
	}
	s := site{base: strings.TrimSuffix(source, "/"), stall: stallTimeout}
	s.client = &http.Client{Transport: transport, CheckRedirect: stayOnHost}
	return s.fetch, nil
}

// folder is a channel on this machine.
type folder string

func (f folder) fetch(_ context.Context, name string, max int) ([]byte, error) {
	file, err := os.Open(filepath.Join(string(f), filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	b, err := readAtMost(file, max)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("host: %s: %w", file.Name(), err)
	}
	return b, nil
}

// site is a channel on a web server. What it sends says nothing about the
// device: no cookies, no query strings, no conditions (an ETag is a server's word
// that comes back, and so could be a name for the device), the same headers
// always.
type site struct {
	base   string
	client *http.Client
	stall  time.Duration
}

const (
	userAgent    = "nearside"
	maxRedirects = 3
	maxHeaders   = 64 << 10
	idleTimeout  = time.Minute

	// stallTimeout and slowest bound how long a file may take, so that a server
	// cannot hold an update up: so long, and a second for each slowest bytes.
	stallTimeout = 30 * time.Second
	slowest      = 32 << 10
)

func (s site) fetch(ctx context.Context, name string, max int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.stall+time.Duration(max/slowest)*time.Second)
	defer cancel()
	address := s.base + "/" + name
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	req.Header.Set("User-Agent", userAgent)
	// What comes is bounded as it travels: nothing unpacks it.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	b, err := readAnswer(res, max)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, fmt.Errorf("host: %s: %w", address, err)
	}
	return b, nil
}

func readAnswer(res *http.Response, max int) ([]byte, error) {
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: want 200", res.StatusCode)
	}
	if coding := res.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, fmt.Errorf("content encoding %.40q: want none", coding)
	}
	return readAtMost(res.Body, max)
}

// readAtMost reads r to its end, and one byte more than max at the most.
func readAtMost(r io.Reader, max int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(max)+1))
	if err != nil {
		return nil, err
	}
	if len(b) > max {
		return nil, trust.ErrSize
	}
	return b, nil
}

// stayOnHost refuses redirects to other hosts, to plain HTTP, and to addresses
// that could carry a name for the device.
func stayOnHost(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer")
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case req.URL.Scheme != first.Scheme || req.URL.Host != first.Host:
		return fmt.Errorf("redirected to %s://%s: want the same host", req.URL.Scheme, req.URL.Host)
	case req.URL.RawQuery != "" || req.URL.User != nil:
		return errors.New("redirected to an address with a query or a user: want neither")
	}
	return nil
}
