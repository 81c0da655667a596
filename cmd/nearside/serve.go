package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/web"
)

type serveVerb struct {
	Bundle string `required:"" help:"The bundle." placeholder:"FILE"`
	Root   string `required:"" help:"The root to trust." placeholder:"FILE"`
	Addr   string `default:"127.0.0.1:8080" help:"Address to listen at." placeholder:"HOST:PORT"`
}

func (v serveVerb) Run(r run) error {
	root, err := os.ReadFile(v.Root)
	if err != nil {
		return err
	}
	file, err := os.ReadFile(v.Bundle)
	if err != nil {
		return err
	}
	return serve(r, v.Addr, root, file)
}

// serve serves the page, its files and the edge interface until r.ctx ends.
func serve(r run, addr string, root, file []byte) (err error) {
	module, err := wasm.Module()
	if err != nil {
		return err
	}
	h, err := host.Open(r.ctx, host.Config{Root: root, Bundle: file, CacheDir: cacheDir()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close(context.WithoutCancel(r.ctx))) }()
	edge := h.Handler()
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler(web.Files{Module: module, Bundle: file, Root: root}))
	mux.Handle("/v1/", edge)
	mux.Handle("/healthz", edge)
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return hinted{err, "--addr 127.0.0.1:0 takes any free port"}
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	url := "http://" + listener.Addr().String()
	fmt.Fprintf(r.stdout, "page  %s/\nedge  curl -s %s/v1/recommend -H 'Content-Type: application/json' -d '{\"history\":[{\"item\":\"1\"}],\"reasons\":2}'\n", url, url)
	select {
	case err := <-done:
		return err
	case <-r.ctx.Done():
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 5*time.Second)
		defer cancel()
		return server.Shutdown(ctx)
	}
}
