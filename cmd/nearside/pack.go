package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/publish"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm"
)

type packCmd struct {
	Model        string   `arg:"" placeholder:"model.nsm" help:"What train wrote."`
	Keys         string   `xor:"signed" required:"" placeholder:"DIR" help:"Folder that keygen --out wrote."`
	Unsigned     bool     `xor:"signed" required:"" help:"Sign nothing: that is for nearside sign, on other machines."`
	From         string   `placeholder:"FILE" help:"Yesterday's bundle, whose codes stay where they are near enough, so that devices fetch little. MODEL should be what train --from made of yesterday's."`
	Out          string   `default:"bundle.nsb" placeholder:"FILE" help:"Where the bundle goes; may be --from."`
	Channel      string   `placeholder:"NAME" help:"Name of the line of releases: a-z 0-9 . _ / -"`
	Version      uint64   `placeholder:"N" help:"Grows with every release of a channel; by default the time in Unix seconds."`
	Days         int      `default:"30" help:"Days until devices refuse the bundle."`
	HalfLifeDays int      `default:"0" help:"Days after which an event counts half; 0: age does not matter."`
	Quant        string   `enum:"auto,int8,pq,int4,binary,float" default:"auto" help:"How item factors are coded: int8, pq, int4, binary, float; auto is int4 for pools of 128 factors or more, and int8."`
	Neighbours   int      `placeholder:"N" help:"Neighbours kept of each item, the strongest; by default all that the model has."`
	Module       []string `placeholder:"FILE" help:"Module that the bundle may run with and no other; may be given again. auto is the one in this command. A device with another refuses the bundle."`

	quantFlags
	secretFlags
}

const day = 24 * 60 * 60 // seconds

func (c *packCmd) Run() error {
	switch {
	case c.Days < 1:
		return &usageError{err: fmt.Errorf("--days %d: want at least 1", c.Days)}
	case c.Neighbours < 0:
		return &usageError{err: fmt.Errorf("--neighbours %d: want at least 0", c.Neighbours)}
	case c.HalfLifeDays < 0:
		return &usageError{err: fmt.Errorf("--half-life-days %d: want at least 0", c.HalfLifeDays)}
	}
	m, err := train.Read(c.Model)
	if err != nil {
		return err
	}
	if c.Quant == "auto" {
		c.Quant = m.Codec().String()
	}
	q, err := c.of(c.Quant, m.Dim)
	if err != nil {
		return err
	}
	modules, err := c.modules()
	if err != nil {
		return err
	}
	var keys *pack.Keys // none: unsigned
	signed := "not signed yet"
	if !c.Unsigned {
		if keys, err = c.keys(filepath.Join(c.Keys, keyFile)); err != nil {
			return err
		}
		signed = "signed"
	}
	now := time.Now().Unix()
	if c.Version == 0 {
		c.Version = uint64(now)
	}
	file, err := c.pack(m, keys, pack.Options{
		Channel: c.Channel, Version: c.Version,
		Created: now, Expires: now + int64(c.Days)*day,
		HalfLife: int64(c.HalfLifeDays) * day, Neighbours: c.Neighbours,
		Quant: q, Modules: modules, Provenance: provenance(m),
	})
	if err != nil {
		return err
	}
	if err := writeFile(c.Out, file); err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes, %d items, %s, version %d, good for %d days\n",
		c.Out, len(file), len(m.Items), signed, c.Version, c.Days)
	return nil
}

// pack packs from yesterday's bundle, where there is one, and says what stayed.
func (c *packCmd) pack(m *train.Model, keys *pack.Keys, opt pack.Options) ([]byte, error) {
	if c.From == "" {
		return pack.Pack(m, keys, opt)
	}
	earlier, err := os.ReadFile(c.From)
	if err != nil {
		return nil, err
	}
	file, kept, err := pack.PackFrom(m, keys, opt, earlier)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--from %s: %w", c.From, err)
	case kept.Why != "":
		fmt.Fprintf(os.Stderr, "nothing of %s stays: %s\n", c.From, kept.Why)
	default:
		fmt.Fprintf(os.Stderr, "of %s, %d of %d rows are written anew\n", c.From, kept.Written, kept.Rows)
	}
	return file, nil
}

// modules returns the hashes of the modules that the bundle may run with.
func (c *packCmd) modules() (sums [][32]byte, err error) {
	for _, path := range c.Module {
		module := []byte(nil)
		if path == "auto" {
			module, err = wasm.Module()
		} else {
			module, err = os.ReadFile(path)
		}
		if err != nil {
			return nil, err
		}
		sums = append(sums, sha256.Sum256(module))
	}
	return sums, nil
}

// provenance says what a model was made of; nil: it was not learnt from a log.
func provenance(m *train.Model) *bundle.Provenance {
	if m.Label.Digest == [32]byte{} {
		return nil
	}
	return &bundle.Provenance{Data: m.Label.Digest, Code: "nearside " + codeVersion(), Seed: m.Seed}
}

// writeFile replaces path: after a crash it holds the old bytes or the new
// ones, so that a web server that publishes the folder never sees half a
// bundle.
func writeFile(path string, b []byte) error {
	return publish.Dir(filepath.Dir(path)).Put(context.Background(), filepath.Base(path), b)
}
