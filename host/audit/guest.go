package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/wasm/abi"
)

// guest is one instance of the module. One caller at a time.
//
// Why an interface? So that tests can put a guest that lies in its place.
type guest interface {
	// call runs an export. An error is a trap, or an export that is not there.
	call(ctx context.Context, export string, args ...uint64) (uint32, error)
	// memory is the linear memory itself, until the next call.
	memory() []byte
	close(ctx context.Context) error
}

// session speaks with a guest as ABI.md says. Its errors mean that the guest is
// not to be asked again.
type session struct{ guest }

// put copies b into a buffer of the guest.
func (s session) put(ctx context.Context, b []byte) (ptr uint64, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	p, err := s.call(ctx, abi.ExportAlloc, uint64(len(b)))
	if err != nil {
		return 0, err
	}
	if m := s.memory(); p == 0 || uint64(p)+uint64(len(b)) > uint64(len(m)) {
		return 0, fmt.Errorf("%s gives no buffer of %d bytes", abi.ExportAlloc, len(b))
	} else {
		copy(m[p:], b)
	}
	return uint64(p), nil
}

// status runs an export that returns one, and copies its result.
func (s session) status(ctx context.Context, export string, args ...uint64) (abi.Status, []byte, error) {
	status, err := s.call(ctx, export, args...)
	if err != nil {
		return 0, nil, err
	}
	ptr, err := s.call(ctx, abi.ExportResult)
	if err != nil {
		return 0, nil, err
	}
	n, err := s.call(ctx, abi.ExportResultLen)
	if err != nil {
		return 0, nil, err
	}
	m := s.memory()
	if uint64(ptr)+uint64(n) > uint64(len(m)) {
		return 0, nil, errors.New("the module's result lies outside its memory")
	}
	return abi.Status(status), bytes.Clone(m[ptr : ptr+n]), nil
}

// open hands a root and a bundle over; why is the module's sentence.
func (s session) open(ctx context.Context, root, bundle []byte, now int64) (status abi.Status, why string, err error) {
	rootPtr, err := s.put(ctx, root)
	if err != nil {
		return 0, "", err
	}
	bundlePtr, err := s.put(ctx, bundle)
	if err != nil {
		return 0, "", err
	}
	status, result, err := s.status(ctx, abi.ExportOpen, rootPtr, uint64(len(root)), bundlePtr, uint64(len(bundle)), uint64(now))
	return status, string(result), err
}

// recommend asks for a slate: its document or, with another status than ok,
// the module's sentence.
func (s session) recommend(ctx context.Context, request []byte) (abi.Status, []byte, error) {
	ptr, err := s.put(ctx, request)
	if err != nil {
		return 0, nil, err
	}
	return s.status(ctx, abi.ExportRecommend, ptr, uint64(len(request)))
}

// machine is the module, compiled for one of wazero's engines.
type machine struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

// newMachine compiles a module whose instances have as much memory as package
// host gives them for a bundle of that many bytes. There is no cache on disk:
// whoever could write to one would decide what is audited.
func newMachine(ctx context.Context, e Engine, module []byte, bundle int) (*machine, error) {
	config := wazero.NewRuntimeConfigCompiler()
	if e == Interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	m := &machine{runtime: wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(host.MemoryPages(bundle)))}
	var err error
	if m.compiled, err = m.runtime.CompileModule(ctx, module); err != nil {
		return nil, errors.Join(fmt.Errorf("the module does not compile: %w", err), m.runtime.Close(ctx))
	}
	return m, nil
}

// start makes an instance. There are no host modules, so that a module with
// imports has none.
func (m *machine) start(ctx context.Context) (session, error) {
	module, err := m.runtime.InstantiateModule(ctx, m.compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.ExportInitialize))
	if err != nil {
		return session{}, fmt.Errorf("the module does not start: %w", err)
	}
	i := &instance{module: module, functions: map[string]api.Function{}}
	if i.linear = module.ExportedMemory(abi.ExportMemory); i.linear == nil {
		return session{}, errors.Join(errors.New("the module exports no memory"), module.Close(ctx))
	}
	return session{i}, nil
}

// instance is a guest on wazero.
type instance struct {
	module    api.Module
	linear    api.Memory
	functions map[string]api.Function // by export: looking one up anew allocates a stack
}

func (i *instance) call(ctx context.Context, export string, args ...uint64) (uint32, error) {
	f := i.functions[export]
	if f == nil {
		if f = i.module.ExportedFunction(export); f == nil {
			return 0, fmt.Errorf("the module has no export %q", export)
		}
		i.functions[export] = f
	}
	results, err := f.Call(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%s traps: %w", export, err)
	}
	if len(results) != 1 {
		return 0, fmt.Errorf("%s returns %d values, want 1", export, len(results))
	}
	return uint32(results[0]), nil
}

func (i *instance) memory() []byte {
	view, ok := i.linear.Read(0, i.linear.Size())
	if !ok {
		return nil // of 4 GiB, which no limit here allows
	}
	return view
}

func (i *instance) close(ctx context.Context) error { return i.module.Close(ctx) }
