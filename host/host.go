package host

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/wasm/abi"
)

// Config says what to open. Root and Bundle are needed; the zero values of the
// rest are fine.
type Config struct {
	Module      []byte           // nil: the embedded module
	Root        []byte           // root.nsr
	Bundle      []byte           // bundle.nsb
	Now         func() time.Time // nil: time.Now
	Instances   int              // warm instances, and so requests at one time; 0: one per processor
	CacheDir    string           // compiled code is kept here between starts; "": nowhere. Whoever writes here runs code here
	Interpreter bool             // slow, and no compiler to trust
	MemoryPages uint32           // limit of an instance, 64 KiB each; 0: 64 MiB and four times the bundle
}

// Host answers requests. It is safe for concurrent use.
type Host struct {
	config   Config
	runtime  wazero.Runtime
	cache    wazero.CompilationCache
	compiled wazero.CompiledModule
	idle     chan *guest // a nil stands for an instance that has to be made
	manifest bundle.Manifest
}

// Error is what the module answered instead of a result.
type Error struct {
	Code    abi.Status
	Message string
}

func (e *Error) Error() string { return "host: " + e.Code.String() + ": " + e.Message }

// Is makes errors.Is find core's sentinels behind a code.
func (e *Error) Is(target error) bool {
	switch e.Code {
	case abi.StatusSignature:
		return target == bundle.ErrSignature
	case abi.StatusExpired:
		return target == bundle.ErrExpired
	case abi.StatusVersion:
		return target == bundle.ErrVersion
	case abi.StatusHash:
		return target == bundle.ErrHash
	case abi.StatusLayout:
		return target == bundle.ErrLayout
	case abi.StatusKnownAnswer:
		return target == slate.ErrKnownAnswer
	}
	return false
}

// Open compiles the module, makes the instances and has each verify the
// bundle. Compiling takes a second or two without a cache.
func Open(ctx context.Context, c Config) (h *Host, err error) {
	if c.Module == nil {
		if c.Module, err = wasm.Module(); err != nil {
			return nil, err
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Instances <= 0 {
		c.Instances = runtime.GOMAXPROCS(0)
	}
	if c.MemoryPages == 0 {
		// The Go heap may stand at twice what lives in it: the bundle, its
		// tables, and a request's buffers.
		c.MemoryPages = uint32(min(65536, 1024+4*len(c.Bundle)>>16))
	}
	// Why not WithCloseOnContextDone? It makes hot loops about five times
	// slower. The work of a call is bounded by the bundle's signed limits.
	config := wazero.NewRuntimeConfigCompiler()
	if c.Interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	h = &Host{config: c, idle: make(chan *guest, c.Instances)}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close(ctx))
			h = nil
		}
	}()
	if c.CacheDir != "" {
		if h.cache, err = wazero.NewCompilationCacheWithDir(c.CacheDir); err != nil {
			return h, fmt.Errorf("host: compile cache: %w", err)
		}
		config = config.WithCompilationCache(h.cache)
	}
	h.runtime = wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(c.MemoryPages))
	if h.compiled, err = h.runtime.CompileModule(ctx, c.Module); err != nil {
		return h, fmt.Errorf("host: module: %w", err)
	}
	if imports := h.compiled.ImportedFunctions(); len(imports) > 0 {
		module, name, _ := imports[0].Import()
		return h, fmt.Errorf("host: the module imports %q %q: want a sealed module, which imports nothing", module, name)
	}
	for range c.Instances {
		g, err := h.instantiate(ctx)
		if err != nil {
			return h, err
		}
		h.idle <- g
	}
	g := <-h.idle
	doc, err := g.ask(ctx, abi.ExportManifest, nil)
	h.idle <- g
	if err != nil {
		return h, err
	}
	if h.manifest, err = bundle.ParseManifest(doc); err != nil {
		return h, err
	}
	return h, nil
}

// instantiate makes an instance and opens the bundle in it.
func (h *Host) instantiate(ctx context.Context) (*guest, error) {
	module, err := h.runtime.InstantiateModule(ctx, h.compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.ExportInitialize))
	if err != nil {
		return nil, fmt.Errorf("host: instance: %w", err)
	}
	g := &guest{module: module}
	version, err := g.call(ctx, abi.ExportABI)
	if err == nil && version != abi.Version {
		err = fmt.Errorf("host: the module speaks version %d of the interface, want %d", version, abi.Version)
	}
	if err == nil {
		err = g.open(ctx, h.config.Root, h.config.Bundle, h.config.Now().Unix())
	}
	if err != nil {
		return nil, errors.Join(err, module.Close(ctx))
	}
	return g, nil
}

// Call asks an instance: export is one of the module's exports that take a
// document, request that document, answer the result. Waiting for a free
// instance ends with ctx. Errors of the module are *Error.
func (h *Host) Call(ctx context.Context, export string, request []byte) (answer []byte, err error) {
	var g *guest
	select {
	case g = <-h.idle:
	case <-ctx.Done():
		return nil, fmt.Errorf("host: no instance became free: %w", ctx.Err())
	}
	defer func() {
		// An instance stays callable after a trap, on a heap that may be
		// broken: it is thrown away, and the next caller makes another.
		if g != nil && g.broken {
			err = errors.Join(err, g.module.Close(ctx))
			g = nil
		}
		h.idle <- g
	}()
	if g == nil {
		if g, err = h.instantiate(ctx); err != nil {
			return nil, err
		}
	}
	return g.ask(ctx, export, request)
}

// Recommend answers req; a Now of 0 is filled in. Errors of the module are
// *Error.
func (h *Host) Recommend(ctx context.Context, req slate.Request) (slate.Slate, error) {
	if req.Now == 0 {
		req.Now = h.config.Now().Unix()
	}
	doc, err := h.Call(ctx, abi.ExportRecommend, req.Append(nil))
	if err != nil {
		return slate.Slate{}, err
	}
	return slate.ParseSlate(doc)
}

// Items returns the size of the catalogue and what it says about some items.
func (h *Host) Items(ctx context.Context, indices []uint32) (total int, items []slate.Entry, err error) {
	doc, err := h.Call(ctx, abi.ExportItems, slate.AppendItemsRequest(nil, indices))
	if err != nil {
		return 0, nil, err
	}
	return slate.ParseItems(doc)
}

// Manifest returns what the publisher signed.
func (h *Host) Manifest() bundle.Manifest { return h.manifest }

// Close frees everything. No call may be under way.
func (h *Host) Close(ctx context.Context) error {
	var err error
	if h.runtime != nil {
		err = h.runtime.Close(ctx)
	}
	if h.cache != nil {
		err = errors.Join(err, h.cache.Close(ctx))
	}
	return err
}
