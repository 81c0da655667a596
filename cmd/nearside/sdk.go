package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/web"
)

type sdkCmd struct {
	Dir string `arg:"" help:"Folder of the site, made when it is not there: site/sdk."`
}

func (c *sdkCmd) Help() string {
	return "The files that a page needs, as they are: no build step, no package manager. A page beside the folder begins with\n\n" +
		"  import { open } from './sdk/nearside.js';\n\n" +
		"web/README.md has pages to copy."
}

func (c *sdkCmd) Run() error {
	module, err := wasm.Module()
	if err != nil {
		return err
	}
	files, bytes := web.SDK(module), 0
	for name, body := range files {
		path := filepath.Join(c.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, body, 0o644); err != nil {
			return err
		}
		bytes += len(body)
	}
	fmt.Printf("%s: %d files, %.1f MB\n", c.Dir, len(files), float64(bytes)/1e6)
	return nil
}
