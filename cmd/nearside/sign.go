package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
)

type signCmd struct {
	File string `arg:"" placeholder:"FILE" help:"Bundle, root or head."`
	Key  string `required:"" placeholder:"NAME.key" help:"Secret key to sign with."`
	Root string `placeholder:"FILE" help:"Root that is trusted: counts whose signatures are still missing. For a root the one before it, whose keys must sign too: what changes is printed."`
	Out  string `placeholder:"FILE" help:"Where the signed file goes; by default back to where it came from."`

	secretFlags
}

// Run prints what is to be signed before it asks for the key's passphrase.
func (c *signCmd) Run() error {
	trusted, err := readRoot(c.Root)
	if err != nil {
		return err
	}
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	d, err := pack.ParseDocument(file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	doc, err := inspectDocument(d, trusted)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if err := doc.print(os.Stdout); err != nil {
		return err
	}
	k, err := c.keys(c.Key)
	if err != nil {
		return err
	}
	if err := mayCount(d, trusted, k.Public()); err != nil {
		return fmt.Errorf("%s: %w", c.Key, err)
	}
	if file, err = d.Sign(k); err != nil {
		return err
	}
	if d, err = pack.ParseDocument(file); err != nil {
		return err
	}
	if doc, err = inspectDocument(d, trusted); err != nil {
		return err
	}
	out := c.File
	if c.Out != "" {
		out = c.Out
	}
	if err := writeFile(out, file); err != nil {
		return err
	}
	fmt.Printf("%s: signed with %s", out, keyID(k.Public()))
	for _, s := range doc.Signed {
		fmt.Printf(", %d of %d for root %d", s.Have, s.Want, s.Root)
	}
	fmt.Println()
	return nil
}

// mayCount refuses a key whose signature no root that is known asks for.
func mayCount(d pack.Document, trusted *trust.Root, k trust.Key) error {
	var known []*trust.Root
	if trusted != nil {
		known = append(known, trusted)
	}
	if d.Role == trust.RoleRoot {
		r, err := trust.ParseRoot(d.Bytes)
		if err != nil {
			return err
		}
		known = append(known, r)
		if trusted == nil && r.Version > 1 {
			return nil // it may be one of the root before, which alone can say so
		}
	}
	for _, r := range known {
		if slices.ContainsFunc(r.Roles.Of(d.Role).Keys, func(i int) bool { return r.Keys[i].ID() == k.ID() }) {
			return nil
		}
	}
	if len(known) == 0 {
		return nil
	}
	return &usageError{err: fmt.Errorf("key %s signs no %s by root %d", keyID(k), d.Role, known[0].Version),
		hint: "nearside inspect prints which keys of a root have which role"}
}
