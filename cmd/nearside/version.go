package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/wasm/abi"
)

type versionCmd struct{}

// codeVersion returns the version that this command was built from.
func codeVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}

func (c *versionCmd) Run() error {
	fmt.Printf("nearside %s, %s\n", codeVersion(), runtime.Version())
	fmt.Printf("bundle format %d, module interface %d\n", bundle.FormatVersion, abi.Version)
	module, err := wasm.Module()
	if errors.Is(err, wasm.ErrNotBuilt) {
		fmt.Println("module not built")
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("module %d bytes, SHA-256 %x\n", len(module), sha256.Sum256(module))
	return nil
}
