package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/wasm/abi"
)

type versionCmd struct{}

func (c *versionCmd) Run() error {
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Printf("nearside %s, %s\n", info.Main.Version, info.GoVersion)
	}
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
