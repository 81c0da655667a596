package main

import (
	"fmt"
	"os"
	"time"

	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
)

type rootCmd struct {
	RootKeys     []string       `required:"" placeholder:"KEY.pub,…" help:"Who signs the next roots."`
	ManifestKeys []string       `required:"" placeholder:"KEY.pub,…" help:"Who signs bundles."`
	HeadKeys     []string       `required:"" placeholder:"KEY.pub,…" help:"Who says daily what the channel serves."`
	Threshold    map[string]int `mapsep:"," placeholder:"ROLE=N,…" help:"How many of the keys of root, manifest and head must sign; by default 2 of several, and 1 for head."`

	rootFlags
	logFlags
}

// rootFlags are those of all verbs that make roots.
type rootFlags struct {
	Days int    `default:"1095" help:"Days until devices no longer accept the root."`
	Out  string `placeholder:"FILE" help:"Where the root goes, which nobody has signed yet."`
}

func (c *rootCmd) Run() error {
	p := pack.RootPlan{Version: 1}
	for _, role := range []struct {
		files   []string
		signers *pack.Signers
		most    int
	}{{c.RootKeys, &p.Root, 2}, {c.ManifestKeys, &p.Manifest, 2}, {c.HeadKeys, &p.Head, 1}} {
		for _, path := range role.files {
			k, err := publicKey(path)
			if err != nil {
				return err
			}
			role.signers.Keys = append(role.signers.Keys, k)
		}
		role.signers.Threshold = min(role.most, len(role.files))
	}
	if err := thresholds(&p, c.Threshold); err != nil {
		return err
	}
	if err := c.logFlags.apply(&p); err != nil {
		return err
	}
	return c.write(p, nil, rootFile)
}

// write writes the root that was planned, and prints it beside the one before.
func (f rootFlags) write(p pack.RootPlan, before *trust.Root, name string) error {
	if f.Days < 1 {
		return &usageError{err: fmt.Errorf("--days %d: want at least 1", f.Days)}
	}
	if f.Out != "" {
		name = f.Out
	}
	p.Expires = time.Now().AddDate(0, 0, f.Days).Unix()
	file, err := p.Unsigned()
	if err != nil {
		return &usageError{err: err, hint: "--threshold root=N,manifest=N,head=N says how many keys must sign"}
	}
	d, err := pack.ParseDocument(file)
	if err != nil {
		return err
	}
	doc, err := inspectDocument(d, before)
	if err != nil {
		return err
	}
	if err := doc.print(os.Stdout); err != nil {
		return err
	}
	return writeFile(name, file)
}
