package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nearside/nearside/model/pack"
)

// The names of the files that keygen writes and pack reads.
const (
	keyFile  = "release.key"
	rootFile = "root.nsr"
)

type keygenCmd struct {
	Out  string `required:"" placeholder:"DIR" help:"Folder for release.key, which stays secret, and root.nsr, which is published."`
	Days int    `default:"1095" help:"Days until devices no longer accept the root."`

	secretFlags
}

func (c *keygenCmd) Run() error {
	if c.Days < 1 {
		return &usageError{err: fmt.Errorf("--days %d: want at least 1", c.Days)}
	}
	keys, err := pack.NewKeys(rand.Reader)
	if err != nil {
		return err
	}
	root, err := keys.Root(1, time.Now().AddDate(0, 0, c.Days).Unix())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o700); err != nil {
		return err
	}
	key, public := filepath.Join(c.Out, keyFile), filepath.Join(c.Out, rootFile)
	secret, err := keys.Bytes()
	if err != nil {
		return err
	}
	if err := c.save(key, secret); err != nil { // first: it refuses where a key is
		return err
	}
	if err := os.WriteFile(public, root, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: secret, keep it where bundles are signed\n", key)
	fmt.Printf("%s: ship it with the site's own code\n", public)
	return nil
}
