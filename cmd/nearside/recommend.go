package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
)

type recommendVerb struct {
	Bundle  string   `required:"" help:"The bundle." placeholder:"FILE"`
	Root    string   `required:"" help:"The root to trust." placeholder:"FILE"`
	History []string `help:"Ids of items the person had." placeholder:"ID,ID"`
	K       int      `short:"k" default:"10" help:"How many items."`
	Through string   `default:"module" enum:"module,native" help:"What computes: module or native."`
	Explain bool     `help:"Say why, from the history."`
	JSON    bool     `help:"Print JSON."`
}

func (v recommendVerb) Run(r run) error {
	req := slate.Request{K: v.K, Now: time.Now().Unix()}
	if v.Explain {
		req.Reasons = 3
	}
	for _, id := range v.History {
		req.History = append(req.History, profile.Event{Item: id, Kind: profile.KindClick, Weight: profile.One})
	}
	s, err := v.answer(r, req)
	if err != nil {
		return err
	}
	a := host.Answer(s, req.History)
	if v.JSON {
		e := json.NewEncoder(r.stdout)
		e.SetIndent("", "  ")
		return e.Encode(a)
	}
	for i, it := range a.Items {
		title := it.Title
		if title == "" {
			title = it.ID
		}
		fmt.Fprintf(r.stdout, "%3d  %s\n", i+1, title)
		var why []string
		for _, reason := range it.Reasons {
			why = append(why, fmt.Sprintf("%s %.0f %%", reason.Item, 100*reason.Share))
		}
		if len(why) > 0 {
			fmt.Fprintf(r.stdout, "     because of %s\n", strings.Join(why, ", "))
		}
	}
	if a.Receipt.Unknown > 0 {
		fmt.Fprintf(r.stderr, "nearside: %d of the history are not in the catalogue\n", a.Receipt.Unknown)
	}
	if a.Receipt.Cold {
		fmt.Fprintln(r.stderr, "nearside: nothing to go by in the history: these are the most popular")
	}
	return nil
}

func (v recommendVerb) answer(r run, req slate.Request) (slate.Slate, error) {
	if v.Through == "native" {
		b, err := openNative(v.Bundle, v.Root, time.Now())
		if err != nil {
			return slate.Slate{}, err
		}
		// Through its document, so that limits hold as they do in the module.
		if req, err = slate.ParseRequest(req.Append(nil), b.Manifest.Limits); err != nil {
			return slate.Slate{}, err
		}
		return slate.New(b).Recommend(req)
	}
	h, err := openHost(r, v.Bundle, v.Root, 1)
	if err != nil {
		return slate.Slate{}, err
	}
	s, err := h.Recommend(r.ctx, req)
	if closeErr := h.Close(r.ctx); err == nil {
		err = closeErr
	}
	return s, err
}

// openHost opens the module over a bundle. Compiled code is kept in the user's
// cache folder, if there is one.
func openHost(r run, bundlePath, rootPath string, instances int) (*host.Host, error) {
	root, err := os.ReadFile(rootPath)
	if err != nil {
		return nil, err
	}
	file, err := os.ReadFile(bundlePath)
	if err != nil {
		return nil, err
	}
	return host.Open(r.ctx, host.Config{Root: root, Bundle: file, Instances: instances, CacheDir: cacheDir()})
}

func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "nearside")
}
