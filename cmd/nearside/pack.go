package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

type packCmd struct {
	Model        string `arg:"" placeholder:"model.nsm" help:"What train wrote."`
	Keys         string `required:"" placeholder:"DIR" help:"Folder that keygen wrote."`
	Out          string `default:"bundle.nsb" placeholder:"FILE" help:"Where the bundle goes."`
	Channel      string `placeholder:"NAME" help:"Name of the line of releases: a-z 0-9 . _ / -"`
	Version      uint64 `placeholder:"N" help:"Grows with every release of a channel; by default the time in Unix seconds."`
	Days         int    `default:"30" help:"Days until devices refuse the bundle."`
	HalfLifeDays int    `default:"0" help:"Days after which an event counts half; 0: age does not matter."`
	Quant        string `enum:"auto,int8,pq,int4,binary,float" default:"auto" help:"How item factors are coded: int8, pq, int4, binary, float; auto is int4 for pools of 128 factors or more, and int8."`
	Neighbours   int    `placeholder:"N" help:"Neighbours kept of each item, the strongest; by default all that the model has."`

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
	keys, err := c.keys(filepath.Join(c.Keys, keyFile))
	if err != nil {
		return err
	}
	now := time.Now().Unix()
	if c.Version == 0 {
		c.Version = uint64(now)
	}
	file, err := pack.Pack(m, keys, pack.Options{
		Channel: c.Channel, Version: c.Version,
		Created: now, Expires: now + int64(c.Days)*day,
		HalfLife: int64(c.HalfLifeDays) * day, Neighbours: c.Neighbours,
		Quant: q,
	})
	if err != nil {
		return err
	}
	if err := writeFile(c.Out, file); err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes, %d items, signed, version %d, good for %d days\n",
		c.Out, len(file), len(m.Items), c.Version, c.Days)
	return nil
}

// writeFile replaces path: after a crash it holds the old bytes or the new
// ones, so that a web server that publishes the folder never sees half a
// bundle.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
