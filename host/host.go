package host

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/wasm/abi"
)

// Config says what to open. Root and Bundle are needed; the zero values of the
// rest are fine. The host keeps the slices; do not write to them.
type Config struct {
	Module      []byte           // nil: the embedded module
	Root        []byte           // root.nsr, or the state of a channel that the bundle belongs to
	Bundle      []byte           // bundle.nsb; every instance holds a copy
	Now         func() time.Time // called from many goroutines; nil: time.Now
	Instances   int              // warm instances, and so calls at one time; 0: one per processor
	CacheDir    string           // compiled code is kept here between starts; "": nowhere. Whoever writes here runs code here
	Interpreter bool             // slow, and no compiler to trust
	MemoryPages uint32           // limit of an instance, 64 KiB each; 0: 64 MiB and four times the bundle

	cache wazero.CompilationCache // of a Follower, for all its hosts; nil: the host has its own
}

// Host answers requests. It is safe for concurrent use.
type Host struct {
	config   Config
	cache    wazero.CompilationCache // the host's own; nil: none
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	manifest bundle.Manifest
	expires  int64  // Unix seconds: the earlier of the root's and the bundle's
	state    []byte // what to store, when the bundle was opened by a state

	idle   chan *guest // a nil stands for an instance that has to be made
	closed chan struct{}

	closing sync.Mutex // held by Close
	drained int        // instances that Close has taken out of idle
}

// ErrClosed says that the host was closed.
var ErrClosed = errors.New("host: closed")

// Error is what the module answered instead of a result.
type Error struct {
	Code    abi.Status
	Message string
}

func (e *Error) Error() string { return "host: " + e.Code.String() + ": " + e.Message }

// Is makes errors.Is find core's sentinels behind a code.
func (e *Error) Is(target error) bool {
	sentinel, ok := sentinels[e.Code]
	return ok && target == sentinel
}

// sentinels are core's errors that have a code of their own.
var sentinels = map[abi.Status]error{
	abi.StatusSignature:   trust.ErrSignature,
	abi.StatusExpired:     trust.ErrExpired,
	abi.StatusVersion:     bundle.ErrVersion,
	abi.StatusHash:        bundle.ErrHash,
	abi.StatusLayout:      bundle.ErrLayout,
	abi.StatusKnownAnswer: slate.ErrKnownAnswer,
	abi.StatusSize:        trust.ErrSize,
	abi.StatusThreshold:   trust.ErrThreshold,
	abi.StatusRootVersion: trust.ErrRootVersion,
	abi.StatusRootExpired: trust.ErrRootExpired,
	abi.StatusHeadExpired: trust.ErrHeadExpired,
	abi.StatusChannel:     trust.ErrChannel,
	abi.StatusRollback:    trust.ErrRollback,
	abi.StatusReplaced:    trust.ErrReplaced,
	abi.StatusFastForward: trust.ErrFastForward,
	abi.StatusMismatch:    trust.ErrMismatch,
	abi.StatusStopped:     trust.ErrStopped,
	abi.StatusLog:         trust.ErrLog,
	abi.StatusModule:      trust.ErrModule,
}

// MemoryPages returns the limit of an instance for a bundle of so many bytes,
// in pages of 64 KiB. The guest's heap may grow to twice what lives in it: the
// bundle, the tables made from it, which are smaller, and a request's buffers.
func MemoryPages(bundle int) uint32 { return uint32(min(65536, 1024+4*bundle>>16)) }

// Open compiles the module, makes the instances and has each verify the
// bundle. Compiling takes seconds without a cache. Errors of the module are
// *Error.
func Open(ctx context.Context, c Config) (*Host, error) {
	if c.Module == nil {
		var err error
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
		c.MemoryPages = MemoryPages(len(c.Bundle))
	}
	h := &Host{config: c, idle: make(chan *guest, c.Instances), closed: make(chan struct{})}
	if err := h.open(ctx); err != nil {
		return nil, errors.Join(err, h.free(ctx))
	}
	return h, nil
}

func (h *Host) open(ctx context.Context) error {
	if err := h.compile(ctx); err != nil {
		return err
	}
	var g *guest
	for range h.config.Instances {
		var err error
		if g, err = h.instantiate(ctx); err != nil {
			return err
		}
		h.idle <- g
	}
	doc, err := g.ask(ctx, abi.ExportManifest, nil)
	if err != nil {
		return err
	}
	if h.manifest, err = bundle.ParseManifest(doc); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	root, err := trustedRoot(h.config.Root)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	h.expires, h.state = min(root.Expires, h.manifest.Expires), g.state
	return nil
}

// trustedRoot returns the root that anchor, a root or a state, trusts.
func trustedRoot(anchor []byte) (*trust.Root, error) {
	if !trust.IsState(anchor) {
		return trust.ParseRoot(anchor)
	}
	s, err := trust.ParseState(anchor)
	if err != nil {
		return nil, err
	}
	return s.Root, nil
}

// Call asks an instance: export is nearside_manifest, nearside_items or
// nearside_recommend, request the document that ABI.md describes (none for the
// manifest), answer the caller's own copy of the result. Waiting for a free
// instance ends with ctx; a call that runs does not, but its work is bounded by
// the bundle's limits. Errors of the module are *Error; one of them is that the
// bundle has expired since it was opened.
func (h *Host) Call(ctx context.Context, export string, request []byte) (answer []byte, err error) {
	if err := h.ready(); err != nil {
		return nil, err
	}
	g, err := h.take(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.give(ctx, g)) }()
	return g.ask(ctx, export, request)
}

// Recommend answers req; a Now of 0 is filled in. Errors are those of Call.
func (h *Host) Recommend(ctx context.Context, req slate.Request) (slate.Slate, error) {
	if req.Now == 0 {
		req.Now = h.config.Now().Unix()
	}
	doc, err := h.Call(ctx, abi.ExportRecommend, req.Append(nil))
	if err != nil {
		return slate.Slate{}, err
	}
	s, err := slate.ParseSlate(doc)
	if err != nil {
		return slate.Slate{}, fmt.Errorf("host: the module's slate: %w", err)
	}
	return s, nil
}

// Items returns the size of the catalogue and what it says about some items.
// Errors are those of Call.
func (h *Host) Items(ctx context.Context, indices []uint32) (total int, items []slate.Entry, err error) {
	doc, err := h.Call(ctx, abi.ExportItems, slate.AppendItemsRequest(nil, indices))
	if err != nil {
		return 0, nil, err
	}
	total, items, err = slate.ParseItems(doc)
	if err != nil {
		return 0, nil, fmt.Errorf("host: the module's items: %w", err)
	}
	return total, items, nil
}

// Manifest returns what the publisher signed.
func (h *Host) Manifest() bundle.Manifest { return h.manifest }

// Close refuses new calls with ErrClosed, waits for those under way and frees
// everything. When ctx ends first, nothing is freed and Close can be called
// again.
func (h *Host) Close(ctx context.Context) error {
	h.closing.Lock()
	defer h.closing.Unlock()
	select {
	case <-h.closed: // by an earlier Close, whose ctx ended
	default:
		close(h.closed)
	}
	// Freeing the compiled code under a running call would crash the process.
	for ; h.drained < cap(h.idle); h.drained++ {
		if _, err := h.wait(ctx, nil); err != nil {
			return fmt.Errorf("host: calls are still under way: %w", err)
		}
	}
	return h.free(ctx)
}

// free frees what compile and instantiate made.
func (h *Host) free(ctx context.Context) error {
	var err error
	if h.runtime != nil {
		err = h.runtime.Close(ctx)
	}
	if h.cache != nil {
		err = errors.Join(err, h.cache.Close(ctx))
	}
	return err
}
