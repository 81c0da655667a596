package main

import (
	"fmt"
	"io/fs"
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
	files, bytes := 0, 0
	write := func(name string, body []byte) error {
		files, bytes = files+1, bytes+len(body)
		path := filepath.Join(c.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, body, 0o644)
	}
	err = fs.WalkDir(web.SDK(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := fs.ReadFile(web.SDK(), name)
		if err != nil {
			return err
		}
		return write(name, body)
	})
	if err != nil {
		return err
	}
	if err := write("nearside.wasm", module); err != nil {
		return err
	}
	fmt.Printf("%s: %d files, %.1f MB\n", c.Dir, files, float64(bytes)/1e6)
	return nil
}
