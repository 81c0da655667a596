package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/nearside/nearside/model/publish"
	"github.com/nearside/nearside/model/publish/translog"
)

type monitorCmd struct {
	Channel string `arg:"" placeholder:"DIR|URL" help:"Where the channel lies: its web address, a folder or a bucket."`
	Root    string `required:"" placeholder:"FILE" help:"Root that is trusted."`
	Name    string `required:"" placeholder:"NAME" help:"Name of the channel."`
	State   string `placeholder:"FILE" help:"The log's checkpoint that was seen last, kept from run to run: a log that has changed its past is found out."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// watchedChannel is the JSON of monitor.
type watchedChannel struct {
	Root      uint64          `json:"root"`
	Log       string          `json:"log"`
	Witnesses []string        `json:"witnesses"`
	Others    int             `json:"other_entries"` // of other channels in the same log
	Releases  []loggedRelease `json:"releases"`
	Problems  []string        `json:"problems"`
}

type loggedRelease struct {
	Index    int    `json:"index"`
	Version  uint64 `json:"version"`
	Manifest string `json:"manifest"`
	Bytes    int    `json:"bytes"` // 0: the manifest is not to be had any more
	Served   bool   `json:"served"`
}

// errWatched is a problem that a monitor has printed.
var errWatched = errors.New("somebody may be getting something else")

func (c *monitorCmd) Run(ctx context.Context) error {
	root, err := os.ReadFile(c.Root)
	if err != nil {
		return err
	}
	from, closeReader, err := openReader(ctx, c.Channel)
	if err != nil {
		return err
	}
	defer closeReader()
	var seen []byte
	if c.State != "" {
		if seen, err = os.ReadFile(c.State); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	w, err := publish.Monitor(ctx, from, root, c.Name, seen, time.Now().Unix())
	var fork *translog.ForkError
	if errors.As(err, &fork) {
		// Both checkpoints are signed: together they prove what the log did.
		fmt.Fprintf(os.Stderr, "seen before:\n%s\nfound now:\n%s\n", fork.Seen, fork.Found)
	}
	if err != nil {
		return err
	}
	if c.State != "" {
		if err := writeFile(c.State, w.Checkpoint); err != nil {
			return err
		}
	}
	if c.JSON {
		err = printJSON(watched(w))
	} else {
		err = c.print(w)
	}
	if err == nil && len(w.Problems) > 0 {
		return errWatched
	}
	return err
}

func watched(w publish.Watched) watchedChannel {
	out := watchedChannel{Root: w.Root, Log: w.Log, Witnesses: w.Witnesses, Others: w.Others, Releases: []loggedRelease{}, Problems: w.Problems}
	for _, e := range w.Entries {
		out.Releases = append(out.Releases, loggedRelease{e.Index, e.Release.Version, hex.EncodeToString(e.Release.Digest[:]), e.Release.Bytes, e.Served})
	}
	return out
}

func (c *monitorCmd) print(w publish.Watched) error {
	fmt.Printf("root %d asks for log %s; seen as it is by %d witnesses %v\n", w.Root, w.Log, len(w.Witnesses), w.Witnesses)
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "entry\tversion\tmanifest\t")
	for _, e := range w.Entries {
		note := ""
		switch {
		case e.Served:
			note = "served now"
		case e.Release.Bytes == 0:
			note = "manifest not to be had"
		}
		fmt.Fprintf(t, "%d\t%d\t%x\t%s\n", e.Index, e.Release.Version, e.Release.Digest, note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if w.Others > 0 {
		fmt.Printf("%d entries are of other channels\n", w.Others)
	}
	for _, p := range w.Problems {
		fmt.Printf("problem: %s\n", p)
	}
	if len(w.Problems) == 0 {
		fmt.Printf("%s: every release of %q that a device takes is in this list\n", c.Channel, c.Name)
	}
	return nil
}
