package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/publish/translog"
)

// The names of the files that keygen --out writes and pack reads.
const (
	keyFile  = "release.key"
	rootFile = "root.nsr"
)

type keygenCmd struct {
	Key  string `arg:"" optional:"" placeholder:"NAME.key" help:"Where the secret key goes; the public one goes to NAME.pub beside it, for nearside root."`
	Out  string `placeholder:"DIR" help:"For one person alone: a folder for release.key, which stays secret, and root.nsr, in which this key signs everything."`
	Days int    `default:"1095" help:"Days until devices no longer accept the root of --out."`

	Log     string `xor:"kind" placeholder:"ORIGIN" help:"Make the key of a transparency log of this name, such as example.org/news."`
	Witness string `xor:"kind" placeholder:"NAME" help:"Make the key of a witness of this name."`

	secretFlags
}

func (c *keygenCmd) Run() error {
	switch {
	case (c.Key == "") == (c.Out == ""):
		return &usageError{err: errors.New("want either NAME.key or --out DIR")}
	case c.Days < 1:
		return &usageError{err: fmt.Errorf("--days %d: want at least 1", c.Days)}
	case c.Key != "" && !strings.HasSuffix(c.Key, ".key"):
		return &usageError{err: fmt.Errorf("%s: want a name that ends in .key", c.Key)}
	case c.Key == "" && c.Log+c.Witness != "":
		return &usageError{err: errors.New("--log and --witness make NAME.key, and no root")}
	case c.Log+c.Witness != "":
		return c.note()
	case c.Key != "":
		return c.pair()
	}
	return c.alone()
}

// note writes the key of a log or a witness, and the verifier key that others
// know it by.
func (c *keygenCmd) note() error {
	secret, key, err := translog.NewKey(c.Log+c.Witness, tlog.MLDSA44Cosignature)
	if err != nil {
		return &usageError{err: err}
	}
	if err := c.save(c.Key, []byte(secret)); err != nil {
		return err
	}
	if err := writeFile(c.public(), []byte(key.String()+"\n")); err != nil {
		return err
	}
	fmt.Printf("%s: secret, stays on this machine\n", c.Key)
	fmt.Printf("%s: %s, key id %08x\n", c.public(), key.Name, key.ID())
	return nil
}

// public is where the public key goes.
func (c *keygenCmd) public() string { return strings.TrimSuffix(c.Key, ".key") + ".pub" }

// pair writes a secret key and its public one.
func (c *keygenCmd) pair() error {
	keys, err := c.make(c.Key)
	if err != nil {
		return err
	}
	doc, err := pack.EncodeKey(keys.Public())
	if err != nil {
		return err
	}
	public := c.public()
	if err := writeFile(public, doc); err != nil {
		return err
	}
	fmt.Printf("%s: secret, stays on this machine\n", c.Key)
	fmt.Printf("%s: key %s, give it to whoever makes the root\n", public, keyID(keys.Public()))
	return nil
}

// alone writes a secret key and a root in which it may sign everything.
func (c *keygenCmd) alone() error {
	if err := os.MkdirAll(c.Out, 0o700); err != nil {
		return err
	}
	key, public := filepath.Join(c.Out, keyFile), filepath.Join(c.Out, rootFile)
	keys, err := c.make(key)
	if err != nil {
		return err
	}
	one := pack.Signers{Threshold: 1, Keys: []trust.Key{keys.Public()}}
	p := pack.RootPlan{
		Version: 1, Expires: time.Now().AddDate(0, 0, c.Days).Unix(), Root: one, Manifest: one, Head: one,
	}
	root, err := p.Unsigned()
	if err != nil {
		return err
	}
	d, err := pack.ParseDocument(root)
	if err != nil {
		return err
	}
	if root, err = d.Sign(keys); err != nil {
		return err
	}
	if err := writeFile(public, root); err != nil {
		return err
	}
	fmt.Printf("%s: secret, keep it where bundles are signed\n", key)
	fmt.Printf("%s: ship it with the site's own code\n", public)
	return nil
}

// make draws a key and writes the secret one; it refuses where one is.
func (c *keygenCmd) make(path string) (*pack.Keys, error) {
	keys, err := pack.NewKeys(rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := keys.Bytes()
	if err != nil {
		return nil, err
	}
	return keys, c.save(path, secret)
}
