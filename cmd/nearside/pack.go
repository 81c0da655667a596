package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

type packVerb struct {
	Model        string  `arg:"" help:"What train wrote." placeholder:"MODEL"`
	Keys         string  `required:"" help:"Folder that keygen wrote." placeholder:"DIR"`
	Out          string  `default:"bundle.nsb" help:"Where the bundle goes." placeholder:"FILE"`
	Channel      string  `help:"Channel the bundle is for: a-z, 0-9, . _ / and -."`
	Version      uint64  `default:"1" help:"Release number; grows."`
	Days         int     `default:"30" help:"How long devices accept the bundle."`
	HalfLifeDays float64 `help:"Days after which an event counts half; 0: age does not matter."`
	Neighbours   int     `default:"100" help:"ease: weights kept per item; 0 keeps all."`
}

func (v packVerb) Run(r run) error {
	m, err := train.Read(v.Model)
	if err != nil {
		return err
	}
	keys, err := pack.LoadKeys(filepath.Join(v.Keys, keyName))
	if err != nil {
		return hinted{err, "nearside keygen --out " + v.Keys + " makes a key"}
	}
	now := time.Now()
	file, err := pack.Pack(m, keys, pack.Options{
		Channel: v.Channel, Version: v.Version, Created: now.Unix(), Expires: now.AddDate(0, 0, v.Days).Unix(),
		HalfLife: int64(v.HalfLifeDays * 86400), Neighbours: v.Neighbours,
	})
	if err != nil {
		return err
	}
	if err := writeFile(v.Out, file); err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "%s: %d bytes, %.1f per item\n", v.Out, len(file), float64(len(file))/float64(len(m.Items)))
	return nil
}
