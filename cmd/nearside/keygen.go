package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nearside/nearside/model/pack"
)

// Names of the files that keygen writes and pack reads.
const (
	rootName = "root.nsr"
	keyName  = "release.key"
)

type keygenVerb struct {
	Out  string `required:"" help:"Folder for root.nsr and the secret release.key." placeholder:"DIR"`
	Days int    `default:"730" help:"How long devices accept the root."`
}

func (v keygenVerb) Run(r run) error {
	if err := os.MkdirAll(v.Out, 0o700); err != nil {
		return err
	}
	keys, err := pack.NewKeys(rand.Reader)
	if err != nil {
		return err
	}
	root, err := keys.Root(1, time.Now().AddDate(0, 0, v.Days).Unix())
	if err != nil {
		return err
	}
	secret := filepath.Join(v.Out, keyName)
	if err := keys.Save(secret); err != nil {
		return hinted{err, "choose another folder: whoever loses a key can't sign for its root again"}
	}
	if err := writeFile(filepath.Join(v.Out, rootName), root); err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "%s: give this to devices, with your site's own code\n%s: keep this secret\n", filepath.Join(v.Out, rootName), secret)
	return nil
}
