package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/nearside/nearside/wasm/abi"
)

// guest is one instance of the module. This file alone touches its memory.
// One goroutine at a time.
type guest struct {
	module    api.Module
	memory    api.Memory
	functions map[string]api.Function // by export: looking one up anew allocates a stack
	broken    bool                    // its state is unknown, and it must not be called again
	state     []byte                  // of the channel, once a bundle is open by one: what the device is to store
}

// newGuest finds a module's exports and asks which interface it speaks.
func newGuest(ctx context.Context, module api.Module) (*guest, error) {
	g := &guest{module: module, memory: module.ExportedMemory(abi.ExportMemory), functions: make(map[string]api.Function)}
	if g.memory == nil {
		return nil, fmt.Errorf("host: the module has no export %q", abi.ExportMemory)
	}
	for _, name := range []string{
		abi.ExportABI, abi.ExportAlloc, abi.ExportOpen, abi.ExportOpenEarly, abi.ExportNeeded, abi.ExportComplete, abi.ExportManifest, abi.ExportItems,
		abi.ExportRecommend, abi.ExportFollow, abi.ExportResult, abi.ExportResultLen,
	} {
		f := module.ExportedFunction(name)
		if f == nil {
			return nil, fmt.Errorf("host: the module has no export %q", name)
		}
		if t := f.Definition().ResultTypes(); len(t) != 1 || t[0] != api.ValueTypeI32 {
			return nil, fmt.Errorf("host: the module's export %q returns other than one i32", name)
		}
		g.functions[name] = f
	}
	version, err := g.call(ctx, abi.ExportABI)
	if err == nil && version != abi.Version {
		err = fmt.Errorf("host: the module speaks version %d of the interface, want %d", version, abi.Version)
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// call runs an export and returns its result.
func (g *guest) call(ctx context.Context, export string, args ...uint64) (uint32, error) {
	results, err := g.functions[export].Call(ctx, args...)
	if err != nil {
		g.broken = true
		return 0, fmt.Errorf("host: %s trapped: %w", export, err)
	}
	return uint32(results[0]), nil
}

// put copies b into a buffer of the guest, which the next call uses up. An
// empty b has none: its pointer is 0.
func (g *guest) put(ctx context.Context, b []byte) (ptr uint64, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	if len(b) > abi.MaxAlloc {
		return 0, &Error{Code: abi.StatusMemory, Message: fmt.Sprintf("%d bytes: want at most %d", len(b), abi.MaxAlloc)}
	}
	p, err := g.call(ctx, abi.ExportAlloc, uint64(len(b)))
	if err != nil {
		return 0, err
	}
	if !g.memory.Write(p, b) {
		g.broken = true
		return 0, errors.New("host: the module gave a buffer outside its memory")
	}
	return uint64(p), nil
}

// status runs an export that returns a status, and copies its result out or
// turns it into an *Error.
func (g *guest) status(ctx context.Context, export string, args ...uint64) ([]byte, error) {
	status, err := g.call(ctx, export, args...)
	if err != nil {
		return nil, err
	}
	ptr, err := g.call(ctx, abi.ExportResult)
	if err != nil {
		return nil, err
	}
	n, err := g.call(ctx, abi.ExportResultLen)
	if err != nil {
		return nil, err
	}
	view, ok := g.memory.Read(ptr, n)
	if !ok {
		g.broken = true
		return nil, errors.New("host: the module's result lies outside its memory")
	}
	if code := abi.Status(status); code != abi.StatusOK {
		return nil, &Error{Code: code, Message: string(view)}
	}
	return bytes.Clone(view), nil
}

// open hands a bundle to the guest, and a root or a state to open it by.
func (g *guest) open(ctx context.Context, anchor, bundle []byte, now int64) error {
	anchorPtr, err := g.put(ctx, anchor)
	if err != nil {
		return err
	}
	bundlePtr, err := g.put(ctx, bundle)
	if err != nil {
		return err
	}
	g.state, err = g.status(ctx, abi.ExportOpen, anchorPtr, uint64(len(anchor)), bundlePtr, uint64(len(bundle)), uint64(now))
	return err
}

// follow asks what a file of a channel leads to.
func (g *guest) follow(ctx context.Context, request []byte) (step []byte, err error) {
	ptr, err := g.put(ctx, request)
	if err != nil {
		return nil, err
	}
	return g.status(ctx, abi.ExportFollow, ptr, uint64(len(request)))
}

// ask passes request to one of the exports that answer with a document.
func (g *guest) ask(ctx context.Context, export string, request []byte) ([]byte, error) {
	switch export {
	case abi.ExportManifest:
		return g.status(ctx, export)
	case abi.ExportItems, abi.ExportRecommend:
		ptr, err := g.put(ctx, request)
		if err != nil {
			return nil, err
		}
		return g.status(ctx, export, ptr, uint64(len(request)))
	}
	return nil, fmt.Errorf("host: export %q: want %s, %s or %s", export, abi.ExportManifest, abi.ExportItems, abi.ExportRecommend)
}
