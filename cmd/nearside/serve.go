package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/web"
)

type serveCmd struct {
	Bundle  string        `xor:"source" required:"" placeholder:"FILE" help:"Signed bundle."`
	Channel string        `xor:"source" required:"" placeholder:"URL" help:"Channel to follow: its URL or folder. It serves no page."`
	Every   time.Duration `default:"10m" help:"With --channel: how often to look for something newer."`
	Addr    string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen."`

	deviceFlags `embed:""`
}

func (c *serveCmd) Run(ctx context.Context) error {
	switch {
	case c.Channel != "" && c.Dir == "":
		return &usageError{err: errors.New("missing flag: --dir"), hint: "--dir takes a folder for what is known of the channel"}
	case c.Channel != "" && c.Every <= 0:
		return &usageError{err: fmt.Errorf("--every %v: want more than 0", c.Every)}
	case c.Channel != "":
		return c.follow(ctx)
	case c.Dir != "" || c.Name != "":
		return &usageError{err: errors.New("--dir and --name are for --channel")}
	}
	root, file, err := signed{c.Bundle, c.Root}.read()
	if err != nil {
		return err
	}
	return serve(ctx, c.Addr, root, file)
}

// follow serves the newest bundle of a channel until ctx ends.
func (c *serveCmd) follow(ctx context.Context) error {
	config, err := c.config(c.Channel)
	if err != nil {
		return err
	}
	used := uint64(0)
	var f *host.Follower
	config.Report = func(t host.Travelled, err error) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "nearside: warning: %v\n", err)
			return
		}
		if m, err := f.Manifest(); err == nil && m.Version != used {
			used = m.Version
			fmt.Fprintf(os.Stderr, "nearside: version %d is in use\n", used)
		}
	}
	if f, err = host.Follow(ctx, config); err != nil {
		return &deviceError{err}
	}
	defer closeFollower(ctx, f)
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { _ = f.Run(ctx, c.Every) }) // it ends with ctx, and says no more than that
	return listen(ctx, c.Addr, f.Handler(), func(url string) {
		fmt.Printf("channel %q   edge POST %s/v1/recommend   ctrl-c ends\n", c.Name, url)
	})
}

// serve serves the page and the edge interface of one bundle until ctx ends.
func serve(ctx context.Context, addr string, root, file []byte) error {
	module, err := wasm.Module()
	if err != nil {
		return err
	}
	h, err := host.Open(ctx, host.Config{Module: module, Root: root, Bundle: file, CacheDir: cacheDir()})
	if err != nil {
		return err
	}
	defer closeHost(ctx, h)
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler(web.Files{Module: module, Bundle: file, Root: root}))
	mux.Handle("/v1/", h.Handler())
	mux.Handle("/healthz", h.Handler())
	return listen(ctx, addr, mux, func(url string) {
		fmt.Printf("page %s/   edge POST %s/v1/recommend   ctrl-c ends\n", url, url)
	})
}

// Limits of a connection: a request and an answer are a few KB each.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 5 * time.Second // for answers under way when the server ends
)

// listen serves handler on addr until ctx ends, and then lets the answers
// under way finish. ready is told the address before the first request.
func listen(ctx context.Context, addr string, handler http.Handler, ready func(url string)) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	ready("http://" + l.Addr().String())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close() // a browser's idle connections are no reason to stay
}
