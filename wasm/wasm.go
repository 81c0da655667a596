// Package wasm holds the built module, nearside.wasm, for programs that embed
// it. Its interface is described in ABI.md; package seal says what is special
// about it; command build makes it.
package wasm

import (
	"embed"
	"errors"
	"io/fs"
)

// ErrNotBuilt means that this program was compiled before nearside.wasm was
// built.
var ErrNotBuilt = errors.New("wasm: bin/nearside.wasm is not built: run `make wasm`, then compile again")

//go:embed all:bin
var files embed.FS

// Module returns the bytes of nearside.wasm, in memory of the caller's own,
// or ErrNotBuilt.
func Module() ([]byte, error) { return module(files) }

func module(files fs.FS) ([]byte, error) {
	data, err := fs.ReadFile(files, "bin/nearside.wasm")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotBuilt
	}
	return data, err
}
