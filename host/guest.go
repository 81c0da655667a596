package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/nearside/nearside/wasm/abi"
)

// guest is one instance of the module. This file alone touches its memory.
// One goroutine at a time.
type guest struct {
	module api.Module
	broken bool // it trapped: its state is unknown, and it must not be called again
}

// call runs an export and returns its only result.
func (g *guest) call(ctx context.Context, export string, args ...uint64) (uint32, error) {
	f := g.module.ExportedFunction(export)
	if f == nil {
		return 0, fmt.Errorf("host: the module has no export %q", export)
	}
	results, err := f.Call(ctx, args...)
	if err != nil {
		g.broken = true
		return 0, fmt.Errorf("host: %s trapped: %w", export, err)
	}
	if len(results) != 1 {
		return 0, nil
	}
	return uint32(results[0]), nil
}

// put copies b into a buffer of the guest.
func (g *guest) put(ctx context.Context, b []byte) (ptr uint64, err error) {
	p, err := g.call(ctx, abi.ExportAlloc, uint64(len(b)))
	if err != nil {
		return 0, err
	}
	if p == 0 {
		return 0, fmt.Errorf("host: the module gives no buffer of %d bytes", len(b))
	}
	if !g.module.Memory().Write(p, b) {
		g.broken = true
		return 0, errors.New("host: the module gave a buffer outside its memory")
	}
	return uint64(p), nil
}

// answer turns a status into a copy of the result, or into an *Error.
func (g *guest) answer(ctx context.Context, status uint32) ([]byte, error) {
	ptr, err := g.call(ctx, abi.ExportResult)
	if err != nil {
		return nil, err
	}
	n, err := g.call(ctx, abi.ExportResultLen)
	if err != nil {
		return nil, err
	}
	view, ok := g.module.Memory().Read(ptr, n)
	if !ok {
		g.broken = true
		return nil, errors.New("host: the module's result lies outside its memory")
	}
	if code := abi.Status(status); code != abi.StatusOK {
		return nil, &Error{Code: code, Message: string(view)}
	}
	return append([]byte(nil), view...), nil // the view is the guest's
}

// open hands root and bundle to the guest.
func (g *guest) open(ctx context.Context, root, bundle []byte, now int64) error {
	rootPtr, err := g.put(ctx, root)
	if err != nil {
		return err
	}
	bundlePtr, err := g.put(ctx, bundle)
	if err != nil {
		return err
	}
	status, err := g.call(ctx, abi.ExportOpen, rootPtr, uint64(len(root)), bundlePtr, uint64(len(bundle)), uint64(now))
	if err != nil {
		return err
	}
	_, err = g.answer(ctx, status)
	return err
}

// ask calls an export that takes one document; a nil request takes none.
func (g *guest) ask(ctx context.Context, export string, request []byte) ([]byte, error) {
	var args []uint64
	if request != nil {
		ptr, err := g.put(ctx, request)
		if err != nil {
			return nil, err
		}
		args = []uint64{ptr, uint64(len(request))}
	}
	status, err := g.call(ctx, export, args...)
	if err != nil {
		return nil, err
	}
	return g.answer(ctx, status)
}
