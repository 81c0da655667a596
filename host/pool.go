package host

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/wasm/abi"
)

// compile makes the runtime and compiles the module, once for all instances.
func (h *Host) compile(ctx context.Context) (err error) {
	// Why not WithCloseOnContextDone? It makes hot loops about five times
	// slower. The work of a call is bounded by the bundle's signed limits.
	config := wazero.NewRuntimeConfigCompiler()
	if h.config.Interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	switch {
	case h.config.cache != nil:
		config = config.WithCompilationCache(h.config.cache)
	case h.config.CacheDir != "":
		if h.cache, err = newCache(h.config.CacheDir); err != nil {
			return err
		}
		config = config.WithCompilationCache(h.cache)
	}
	h.runtime = wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(h.config.MemoryPages))
	ctx = experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	if h.compiled, err = h.runtime.CompileModule(ctx, h.config.Module); err != nil {
		return fmt.Errorf("host: module: %w", err)
	}
	// The runtime has no host modules, so any other import fails to link.
	for _, f := range h.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		return fmt.Errorf("host: the module imports %q %q: want a sealed module, which imports nothing", module, name)
	}
	return nil
}

// newCache returns a cache of compiled code, which is only in memory when dir is
// "".
func newCache(dir string) (wazero.CompilationCache, error) {
	if dir == "" {
		return wazero.NewCompilationCache(), nil
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("host: cache dir %q: %w", dir, err)
	}
	return cache, nil
}

// bare makes an instance in which nothing is open.
func (h *Host) bare(ctx context.Context) (*guest, error) {
	module, err := h.runtime.InstantiateModule(ctx, h.compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.ExportInitialize))
	if err != nil {
		return nil, fmt.Errorf("host: instance: %w", err)
	}
	g, err := newGuest(ctx, module)
	if err != nil {
		return nil, errors.Join(err, module.Close(ctx))
	}
	return g, nil
}

// instantiate makes an instance and opens the bundle in it.
func (h *Host) instantiate(ctx context.Context) (*guest, error) {
	g, err := h.bare(ctx)
	if err != nil {
		return nil, err
	}
	if err := g.open(ctx, h.config.Root, h.config.Bundle, h.config.Now().Unix()); err != nil {
		return nil, errors.Join(err, g.module.Close(ctx))
	}
	return g, nil
}

// ready says why no call can be answered, if so.
func (h *Host) ready() error {
	select {
	case <-h.closed:
		return ErrClosed
	default:
	}
	if h.config.Now().Unix() >= h.expires {
		return &Error{Code: abi.StatusExpired, Message: trust.ErrExpired.Error()}
	}
	return nil
}

// wait takes what is in idle: at once if something is there, whatever ctx says.
func (h *Host) wait(ctx context.Context, closed <-chan struct{}) (*guest, error) {
	select {
	case g := <-h.idle:
		return g, nil
	default:
	}
	select {
	case g := <-h.idle:
		return g, nil
	case <-closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// take waits for an instance of the caller's own.
func (h *Host) take(ctx context.Context) (*guest, error) {
	g, err := h.wait(ctx, h.closed)
	if err != nil && err != ErrClosed {
		return nil, fmt.Errorf("host: no instance became free: %w", err)
	}
	if g != nil || err != nil {
		return g, err
	}
	if g, err = h.instantiate(ctx); err != nil {
		h.idle <- nil
		return nil, err
	}
	return g, nil
}

// give puts an instance back. One that broke stays callable, but on a heap in
// an unknown state: it is thrown away, and the next caller makes another.
func (h *Host) give(ctx context.Context, g *guest) error {
	if !g.broken {
		h.idle <- g
		return nil
	}
	err := g.module.Close(ctx)
	h.idle <- nil
	return err
}
