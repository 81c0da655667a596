package main

import (
	"fmt"
	"strings"

	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
)

type rotateCmd struct {
	From      string         `arg:"" placeholder:"root.nsr" help:"Root that the new one follows."`
	Replace   []string       `sep:"none" placeholder:"OLD=KEY.pub" help:"Put a key into every role of another one, which is named by its .pub file or the first 8 digits of its id; may be given again."`
	Add       []string       `sep:"none" placeholder:"ROLE=KEY.pub" help:"Give a key the role root, manifest or head; may be given again."`
	Remove    []string       `sep:"none" placeholder:"KEY" help:"Take a key out of every role; may be given again."`
	Threshold map[string]int `mapsep:"," placeholder:"ROLE=N,…" help:"How many of the keys of root, manifest and head must sign."`

	rootFlags
	logFlags
}

func (c *rotateCmd) Run() error {
	old, p, err := follow(c.From)
	if err != nil {
		return err
	}
	if err := c.change(old, &p); err != nil {
		return err
	}
	if err := thresholds(&p, c.Threshold); err != nil {
		return err
	}
	if err := c.logFlags.apply(&p); err != nil {
		return err
	}
	return c.write(p, old, nextRoot)
}

// nextRoot is where the root that follows goes by default.
const nextRoot = "next.nsr"

// follow returns a root, and the plan of one that follows it and says the same.
func follow(path string) (*trust.Root, pack.RootPlan, error) {
	old, err := readRoot(path)
	if err != nil {
		return nil, pack.RootPlan{}, err
	}
	p := pack.PlanOf(old)
	p.Version++
	return old, p, nil
}

// change replaces, removes and adds keys.
func (c *rotateCmd) change(old *trust.Root, p *pack.RootPlan) error {
	for _, pair := range c.Replace {
		name, path, err := cut(pair, "--replace")
		if err != nil {
			return err
		}
		gone, err := keyOf(old, name)
		if err != nil {
			return err
		}
		k, err := publicKey(path)
		if err != nil {
			return err
		}
		p.Replace(gone, k)
	}
	for _, name := range c.Remove {
		gone, err := keyOf(old, name)
		if err != nil {
			return err
		}
		p.Remove(gone)
	}
	for _, pair := range c.Add {
		name, path, err := cut(pair, "--add")
		if err != nil {
			return err
		}
		role, err := roleOf(name)
		if err != nil {
			return err
		}
		k, err := publicKey(path)
		if err != nil {
			return err
		}
		signers := p.Roles()[role]
		signers.Keys = append(signers.Keys, k)
	}
	return nil
}

// cut splits what a flag is given.
func cut(pair, flag string) (name, path string, err error) {
	name, path, ok := strings.Cut(pair, "=")
	if !ok {
		return "", "", &usageError{err: fmt.Errorf("%s %s: want two names with = between them", flag, pair)}
	}
	return name, path, nil
}
