package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
)

type recommendCmd struct {
	Signed    signed   `embed:""`
	History   []string `placeholder:"ID,…" help:"What the person viewed, oldest first; each counts as one view at an unknown time."`
	Seen      string   `enum:"bundle,hide,show" default:"bundle" help:"Whether items of the history may be answered: as the bundle says, hide, or show, which pools can."`
	Exclude   []string `placeholder:"ID,…" help:"What must not be shown, besides the history."`
	K         int      `short:"k" name:"k" default:"10" help:"How many items."`
	Through   string   `enum:"module,native" default:"module" help:"What computes: the sealed module or the same code natively."`
	Diversity float64  `placeholder:"D" help:"How much unlikeness in tags and author to what stands before counts beside the score, 0 to 1."`
	Explain   bool     `help:"Say which of the history's items speak for each item."`
	JSON      bool     `name:"json" help:"Print JSON."`
	Now       instant  `placeholder:"T" help:"Time of the request; by default now."`
}

// explained is how many reasons --explain gives for an item.
const explained = 3

func (c *recommendCmd) Run(ctx context.Context) error {
	diversity, err := diversityOf(c.Diversity)
	if err != nil {
		return err
	}
	root, file, err := c.Signed.read()
	if err != nil {
		return err
	}
	seen := map[string]slate.Seen{"bundle": slate.SeenByBundle, "hide": slate.SeenHide, "show": slate.SeenShow}
	req := slate.Request{K: c.K, Now: c.Now.unix(), Exclude: c.Exclude, Seen: seen[c.Seen], Diversity: diversity}
	for _, id := range c.History {
		req.History = append(req.History, profile.Event{Item: id, Kind: profile.KindView, Weight: profile.One})
	}
	if c.Explain {
		req.Reasons = explained
	}
	recommend := throughModule
	if c.Through == "native" {
		recommend = throughNative
	}
	answer, err := recommend(ctx, root, file, req)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Signed.Bundle, err)
	}
	if c.JSON {
		return printJSON(host.Answer(answer, req.History))
	}
	printSlate(answer, req.History)
	return nil
}

// diversityOf returns a request's diversity for one on the command line.
func diversityOf(d float64) (uint32, error) {
	if !(d >= 0 && d <= 1) {
		return 0, &usageError{err: fmt.Errorf("--diversity %v: want 0 to 1", d)}
	}
	return uint32(math.Round(d * profile.One)), nil
}

// throughNative answers one request with the core in this process.
func throughNative(_ context.Context, root, file []byte, req slate.Request) (slate.Slate, error) {
	_, b, err := openNative(root, file, req.Now)
	if err != nil {
		return slate.Slate{}, err
	}
	return askNative(slate.New(b), b.Manifest.Limits, req)
}

// askNative sends req the way the module would get it, as a document, so that
// both refuse the same requests.
func askNative(r *slate.Recommender, limits bundle.Limits, req slate.Request) (slate.Slate, error) {
	req, err := slate.ParseRequest(req.Append(nil), limits)
	if err != nil {
		return slate.Slate{}, err
	}
	return r.Recommend(req)
}

// throughModule answers one request with the sealed module.
func throughModule(ctx context.Context, root, file []byte, req slate.Request) (slate.Slate, error) {
	h, err := host.Open(ctx, host.Config{
		Root: root, Bundle: file, Instances: 1, CacheDir: cacheDir(),
		Now: func() time.Time { return time.Unix(req.Now, 0) },
	})
	if err != nil {
		return slate.Slate{}, err
	}
	defer closeHost(ctx, h)
	return h.Recommend(ctx, req)
}

// cacheDir is where compiled modules are kept between runs; "" where the
// person has no such folder, and then each run compiles, which takes seconds.
func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir = filepath.Join(dir, "nearside")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	return dir
}

// printSlate prints an answer for people. history is the request's.
func printSlate(s slate.Slate, history []profile.Event) {
	for i, it := range s.Items {
		name := it.ID
		if it.Title != "" {
			name += "  " + it.Title
		}
		fmt.Printf("%3d  %s\n", i+1, name)
		var reasons []string
		for _, r := range it.Reasons {
			reasons = append(reasons, fmt.Sprintf("%s %d %%", history[r.Event].Item, r.Share/100))
		}
		if reasons != nil {
			fmt.Printf("     because of %s\n", strings.Join(reasons, ", "))
		}
	}
	r := s.Receipt
	fmt.Printf("\n%d items ranked from %d events", r.Ranked, r.Used)
	if r.Unknown > 0 {
		fmt.Printf(", %d more on items that the catalogue does not have", r.Unknown)
	}
	if r.Cold {
		fmt.Printf("; nothing usable in the history, so the order is popularity")
	}
	fmt.Printf("\nchannel %q, version %d, manifest %x\n", r.Channel, r.Version, r.Manifest)
}
