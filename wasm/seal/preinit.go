package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
)

// Preinitialise runs _initialize of a sealed module once and returns the
// module with the state that this left written back, in memory of its own:
//
//	section    before                   after
//	memory     the linker's estimate    the size that it has grown to
//	global     initial values           values after _initialize
//	code       _initialize starts Go    _initialize does nothing
//	data       what the linker placed   what memory holds, zeros left out
//
// An instance of it starts where one of the sealed module is after _initialize
// and goes on as that would. A host may call _initialize once, twice or never.
// Because nothing outside takes part, the bytes depend on the module alone.
//
// It refuses imports and whatever the Go linker does not write: a limit to
// memory, globals that are constant or other than integers, data that is not
// placed at once. What it cannot see is the table of functions: Go's compiler
// has no instruction that changes it. The module must be one that Seal made,
// and trusted: it runs here, for as long as it likes.
func Preinitialise(ctx context.Context, sealed []byte) ([]byte, error) {
	p, err := parse(sealed)
	if err != nil {
		return nil, err
	}
	// Why not the compiler, which gives the same state? To compile takes it
	// ten times as long as this takes, and not every processor has one.
	after, err := p.start(ctx, wazero.NewRuntimeConfigInterpreter())
	if err != nil {
		return nil, err
	}
	return p.with(after)
}

// start gives the module's state after _initialize. Nothing else here runs
// anything.
func (p parsed) start(ctx context.Context, engine wazero.RuntimeConfig) (after state, err error) {
	runtime := wazero.NewRuntimeWithConfig(ctx, engine)
	defer func() {
		if err = errors.Join(err, runtime.Close(ctx)); err != nil {
			after, err = state{}, fmt.Errorf("seal: pre-initialising: %w", err)
		}
	}()
	instance, err := runtime.InstantiateWithConfig(ctx, p.exposed(), wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		return state{}, err
	}
	if _, err := instance.ExportedFunction("_initialize").Call(ctx); err != nil {
		return state{}, fmt.Errorf("_initialize: %w", err)
	}
	view, ok := instance.Memory().Read(0, instance.Memory().Size())
	if !ok {
		return state{}, errors.New("_initialize took all of 4 GiB")
	}
	after.memory = bytes.Clone(view) // the view ends with the runtime
	for i := range p.globals {
		after.globals = append(after.globals, instance.ExportedGlobal(globalName(i)).Get())
	}
	return after, nil
}
