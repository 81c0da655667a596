package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/publish"
)

type publishCmd struct {
	File    string   `arg:"" optional:"" placeholder:"FILE" help:"Signed bundle, or the first or next root; without it the channel's release stays."`
	To      string   `required:"" placeholder:"DIR|URL" help:"Where the channel lies: a folder, or a bucket as s3://, gs:// or azblob://."`
	Root    string   `placeholder:"FILE" help:"Root that is trusted here: what the store says is held against it. Not for roots."`
	HeadKey []string `placeholder:"NAME.key,…" help:"Secret keys that sign the head."`
	Hours   int      `default:"168" help:"Hours until devices no longer believe the head: within them the next one has to be there."`
	Refresh bool     `help:"Put up a new head for the release that is there."`
	Stop    uint64   `placeholder:"VERSION" help:"Stop a version and all before it: devices no longer use them."`
	Prune   int      `placeholder:"N" help:"Remove what none of the newest N releases needs."`
	Patches int      `default:"3" help:"From how many of the newest releases a patch is made, where it is shorter than the chunks it spares."`
	LogKey  string   `placeholder:"NAME.key" help:"Secret key of the channel's log, to have the release in it."`
	State   string   `placeholder:"FILE" help:"What was published last, kept from run to run: finds out a store that serves something older. Of the log it is kept in FILE.log."`
	JSON    bool     `name:"json" help:"Print JSON."`

	cosigners
	secretFlags
}

// publishedChannel is the JSON of publish. Times are Unix seconds.
type publishedChannel struct {
	Root        uint64          `json:"root"`
	RootExpires int64           `json:"root_expires"`
	Head        *inspectedHead  `json:"head,omitempty"`
	Chunks      int             `json:"chunks"`
	NewChunks   int             `json:"new_chunks"`
	NewBytes    int             `json:"new_bytes"`
	NeedsHead   bool            `json:"needs_head"` // after a root: the present head is not signed as it asks
	NeedsPack   bool            `json:"needs_pack"` // after a root: the release is not
	Pruned      *publish.Pruned `json:"pruned,omitempty"`
}

func (c *publishCmd) Run(ctx context.Context) error {
	if c.Hours < 1 {
		return &usageError{err: fmt.Errorf("--hours %d: want at least 1", c.Hours)}
	}
	file, role, err := c.read()
	if err != nil {
		return err
	}
	head := role == trust.RoleManifest || c.Refresh || c.Stop > 0
	switch {
	case role == trust.RoleRoot && head:
		return &usageError{err: errors.New("a root is put up alone"), hint: "and then the head"}
	case role == "" && !head && c.Prune == 0:
		return &usageError{err: errors.New("nothing to do"), hint: "give a bundle, a root, --refresh, --stop VERSION or --prune N"}
	case c.LogKey == "" && (c.Cosignature != nil || c.Witness != nil):
		return &usageError{err: errors.New("--cosignature and --witness belong to a --log-key")}
	case c.Patches < 0:
		return &usageError{err: fmt.Errorf("--patches %d: want at least 0", c.Patches)}
	case head && (c.Root == "" || len(c.HeadKey) == 0):
		return &usageError{err: errors.New("missing flags: --root=FILE, --head-key=NAME.key"),
			hint: "a head is signed, and for a channel whose root is trusted here"}
	}
	store, err := openStore(ctx, c.To)
	if err != nil {
		return err
	}
	defer store.Close()
	var out publishedChannel
	if role == trust.RoleRoot {
		if err := c.root(ctx, store, file, &out); err != nil {
			return err
		}
	}
	if head {
		if err := c.head(ctx, store, file, &out); err != nil {
			return err
		}
	}
	if c.Prune > 0 {
		pruned, err := publish.Prune(ctx, store, c.Prune)
		if err != nil {
			return err
		}
		out.Pruned = &pruned
	}
	if c.JSON {
		return printJSON(out)
	}
	c.print(out)
	return nil
}

// read returns the file and what it is; nothing when none was named.
func (c *publishCmd) read() (file []byte, role trust.Role, err error) {
	if c.File == "" {
		return nil, "", nil
	}
	if file, err = os.ReadFile(c.File); err != nil {
		return nil, "", err
	}
	d, err := pack.ParseDocument(file)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", c.File, err)
	}
	if d.Role == trust.RoleHead {
		return nil, "", &usageError{err: fmt.Errorf("%s: a head: want a bundle or a root", c.File), hint: "publish makes heads itself"}
	}
	return file, d.Role, nil
}

func (c *publishCmd) root(ctx context.Context, store publish.Store, file []byte, out *publishedChannel) error {
	r, err := publish.PublishRoot(ctx, store, file, time.Now().Unix())
	if err != nil {
		return err
	}
	out.Root, out.RootExpires, out.NeedsHead, out.NeedsPack = r.Version, r.Expires, r.NeedsHead, r.NeedsPack
	return nil
}

// head puts up a bundle, when there is one, and a head.
func (c *publishCmd) head(ctx context.Context, store publish.Store, file []byte, out *publishedChannel) error {
	opt := publish.Options{Now: time.Now().Unix(), Expire: int64(c.Hours) * 60 * 60, Patches: c.Patches}
	if c.Stop > 0 {
		opt.MinVersion = c.Stop + 1
	}
	var err error
	if opt.Anchor, err = c.anchor(); err != nil {
		return err
	}
	for _, path := range c.HeadKey {
		k, err := c.keys(path)
		if err != nil {
			return err
		}
		opt.Keys = append(opt.Keys, k)
	}
	if opt.Log, err = c.log(); err != nil {
		return err
	}
	var r publish.Report
	if file != nil {
		r, err = publish.Publish(ctx, store, file, opt)
	} else {
		r, err = publish.Refresh(ctx, store, opt)
	}
	if err != nil {
		return err
	}
	out.Root, out.RootExpires, out.Head = r.RootVersion, r.RootExpires, inspectHead(r.Head)
	out.Chunks, out.NewChunks, out.NewBytes = r.Chunks, r.NewChunks, r.NewBytes
	if c.State == "" {
		return nil
	}
	if r.Checkpoint != nil {
		if err := writeFile(c.State+logSuffix, r.Checkpoint); err != nil {
			return err
		}
	}
	return writeFile(c.State, r.State)
}

// logSuffix is of the file beside --state.
const logSuffix = ".log"

// log returns how releases are logged; nil: they are not.
func (c *publishCmd) log() (*publish.Log, error) {
	if c.LogKey == "" {
		return nil, nil
	}
	signer, err := c.logSigner(c.LogKey)
	if err != nil {
		return nil, err
	}
	log := &publish.Log{Signer: signer, Cosign: c.ask}
	if c.State != "" {
		if log.Seen, err = os.ReadFile(c.State + logSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return log, nil
}

// anchor returns the state of the last run, or else the root.
func (c *publishCmd) anchor() ([]byte, error) {
	if c.State != "" {
		state, err := os.ReadFile(c.State)
		if !errors.Is(err, fs.ErrNotExist) {
			return state, err
		}
	}
	return os.ReadFile(c.Root)
}

func (c *publishCmd) print(out publishedChannel) {
	if out.Root > 0 {
		fmt.Printf("%s: root %d, until %s\n", c.To, out.Root, utc(out.RootExpires))
	}
	if h := out.Head; h != nil {
		fmt.Printf("%s: channel %q serves version %d, head %d, until %s\n", c.To, h.Channel, h.Version, h.Seq, utc(h.Expires))
		if out.Chunks > 0 {
			fmt.Printf("%s: %d of %d chunks are new, %d bytes\n", c.To, out.NewChunks, out.Chunks, out.NewBytes)
		}
		if h.Patches > 0 {
			fmt.Printf("%s: %d patches from earlier releases\n", c.To, h.Patches)
		}
		if h.ProofBytes > 0 {
			fmt.Printf("%s: the head proves that the release is in the log\n", c.To)
		}
		if h.MinVersion > 0 {
			fmt.Printf("%s: versions up to %d are stopped\n", c.To, h.MinVersion-1)
		}
		if h.MinVersion > h.Version {
			fmt.Printf("%s: nothing is left to use until a version above %d is published\n", c.To, h.MinVersion-1)
		}
	}
	if out.NeedsPack {
		fmt.Printf("%s: too few keys of the new root have signed the release: pack it as a new version, sign and publish that\n", c.To)
	} else if out.NeedsHead {
		fmt.Printf("%s: the head is not signed, or not proved, as the new root asks: publish again with its keys\n", c.To)
	}
	if p := out.Pruned; p != nil {
		fmt.Printf("%s: removed %d releases, %d chunks, %d patches\n", c.To, p.Releases, p.Chunks, p.Patches)
	}
}
