package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/web"
)

type serveCmd struct {
	Signed signed `embed:""`
	Addr   string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen."`
}

func (c *serveCmd) Run(ctx context.Context) error {
	root, file, err := c.Signed.read()
	if err != nil {
		return err
	}
	return serve(ctx, c.Addr, root, file)
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
