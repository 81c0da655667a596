package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/wasm/abi"
)

// deviceFlags name what a device that follows a channel begins with, and where it
// keeps what it has seen.
type deviceFlags struct {
	Root string `required:"" placeholder:"FILE" help:"Root whose keys are trusted; of a channel the first one."`
	Dir  string `placeholder:"DIR" help:"Folder for what is known of the channel, and its last good bundle."`
	Name string `placeholder:"CHANNEL" help:"Name of the channel."`
}

// config returns how to follow the channel at url.
func (d deviceFlags) config(url string) (c host.FollowConfig, err error) {
	root, err := os.ReadFile(d.Root)
	if err != nil {
		return c, err
	}
	return host.FollowConfig{URL: url, Dir: d.Dir, Root: root, Channel: d.Name, Host: host.Config{CacheDir: cacheDir()}}, nil
}

// deviceError is a failure of following a channel, with what whoever runs the
// device can do about it.
type deviceError struct{ err error }

func (e *deviceError) Error() string { return e.err.Error() }
func (e *deviceError) Unwrap() error { return e.err }

// hint says what to do, or "".
func (e *deviceError) hint() string {
	switch {
	case errors.Is(e.err, host.ErrLocked):
		return "--dir takes a folder that no other process uses"
	case errors.Is(e.err, host.ErrState):
		return "without the folder the device begins anew with the root, and can then be given old bundles again"
	case errors.Is(e.err, trust.ErrRollback), errors.Is(e.err, trust.ErrReplaced), errors.Is(e.err, trust.ErrFastForward):
		return "this server has other files than the device has seen: the last good bundle stays, try another server or ask the publisher"
	case errors.Is(e.err, trust.ErrHeadExpired):
		return "either nobody has signed a head lately, or something newer is withheld; the last good bundle stays"
	case errors.Is(e.err, trust.ErrExpired):
		return "the last good bundle is past its expiry, and the channel has none that is good for longer"
	case errors.Is(e.err, trust.ErrRootExpired):
		return "the channel has no root that follows; a device with a newer one from the publisher begins anew, in a folder of its own"
	case errors.Is(e.err, trust.ErrSignature), errors.Is(e.err, trust.ErrThreshold):
		return "--root takes the channel's first root; if it does, whoever serves these files is not the publisher"
	case errors.Is(e.err, trust.ErrStopped):
		return "the publisher wants this version used no more, and there is no newer one yet"
	case errors.Is(e.err, trust.ErrModule):
		return "the bundle is for other builds of the module than this one"
	case errors.Is(e.err, trust.ErrChannel):
		return "--name takes the channel's name, which nearside inspect prints of a bundle"
	case errors.Is(e.err, fs.ErrNotExist):
		return "a channel is a URL, or a folder as nearside publish makes it"
	}
	return ""
}

// closeFollower frees a follower at the end of a command.
func closeFollower(ctx context.Context, f *host.Follower) {
	if err := f.Close(context.WithoutCancel(ctx)); err != nil {
		fmt.Fprintf(os.Stderr, "nearside: warning: %v\n", err)
	}
}

type fetchCmd struct {
	URL  string `arg:"" name:"url" help:"Channel: its URL or folder."`
	JSON bool   `name:"json" help:"Print JSON."`

	deviceFlags `embed:""`
}

// fetched is what fetch prints as JSON.
type fetched struct {
	Channel  string `json:"channel"`
	Version  uint64 `json:"version"`
	Manifest string `json:"manifest"` // SHA-256, hexadecimal
	Expires  int64  `json:"expires"`  // Unix seconds
	Changed  bool   `json:"changed"`
	Files    int    `json:"files"`   // that travelled
	Bytes    int64  `json:"bytes"`   // of them
	Reused   int64  `json:"reused"`  // bytes of the bundle that were in the folder
	Patched  int64  `json:"patched"` // bytes of the bundle that a patch made
}

func (c *fetchCmd) Run(ctx context.Context) error {
	if c.Dir == "" {
		return &usageError{err: errors.New("missing flag: --dir"), hint: "--dir takes a folder for what is known of the channel"}
	}
	config, err := c.config(c.URL)
	if err != nil {
		return err
	}
	config.Host.Instances = 1
	var bar *progress
	config.Progress = func(done, total int64) { bar.set(done, total) }
	config.Report = func(_ host.Travelled, err error) { fmt.Fprintf(os.Stderr, "nearside: warning: %v\n", err) }
	f, err := host.Follow(ctx, config)
	if err != nil {
		return &deviceError{err}
	}
	defer closeFollower(ctx, f)
	bar = newProgress("fetch")
	travelled, err := f.Update(ctx)
	bar.end()
	if err != nil {
		return &deviceError{err}
	}
	m, err := f.Manifest()
	if err != nil {
		return err
	}
	doc, err := f.Call(ctx, abi.ExportManifest, nil)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(doc)
	if c.JSON {
		return printJSON(fetched{
			Channel: m.Channel, Version: m.Version, Manifest: hex.EncodeToString(digest[:]), Expires: m.Expires,
			Changed: travelled.Changed, Files: travelled.Files, Bytes: travelled.Bytes, Reused: travelled.Reused, Patched: travelled.Patched,
		})
	}
	word := "still"
	if travelled.Changed {
		word = "now"
	}
	fmt.Printf("%s: channel %q, %s version %d, until %s\n", c.Dir, m.Channel, word, m.Version, utc(m.Expires))
	fmt.Printf("travelled: %d files, %d bytes; of the bundle %d bytes were here, and a patch made %d\n",
		travelled.Files, travelled.Bytes, travelled.Reused, travelled.Patched)
	return nil
}
