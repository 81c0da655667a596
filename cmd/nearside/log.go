package main

import (
	"context"
	"fmt"

	"github.com/nearside/nearside/model/publish"
	"github.com/nearside/nearside/model/publish/translog"
)

type logCmd struct {
	Key string `required:"" placeholder:"NAME.key" help:"Secret key that keygen --log made."`
	To  string `required:"" placeholder:"DIR|URL" help:"Where the channel lies: a folder, or a bucket as s3://, gs:// or azblob://."`

	secretFlags
}

// Run begins a log: once, and never by itself, or a store that loses it would have
// it begin again, and the log would have signed two pasts.
func (c *logCmd) Run(ctx context.Context) error {
	signer, err := c.logSigner(c.Key)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, c.To)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := publish.BeginLog(ctx, store, signer); err != nil {
		return err
	}
	fmt.Printf("%s: log %s has begun\n", c.To, signer.Key.Name)
	return nil
}

// logSigner reads the secret key of a log or a witness.
func (f secretFlags) logSigner(path string) (*translog.Signer, error) {
	secret, err := f.load(path)
	if err != nil {
		return nil, err
	}
	signer, err := translog.ParseSigner(string(secret))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer, nil
}
