package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/publish"
)

// signed holds the flags that name a bundle and who may have signed it.
type signed struct {
	Bundle string `required:"" placeholder:"FILE" help:"Signed bundle."`
	Root   string `required:"" placeholder:"FILE" help:"Root whose keys are trusted."`
}

// read returns the two files as they are.
func (s signed) read() (root, file []byte, err error) {
	if root, err = os.ReadFile(s.Root); err != nil {
		return nil, nil, err
	}
	if file, err = os.ReadFile(s.Bundle); err != nil {
		return nil, nil, err
	}
	return root, file, nil
}

// openNative does all that the module does before it answers: it checks the
// bundle and then its known answers.
func openNative(rootDoc, file []byte, now int64) (*trust.Root, *bundle.Bundle, error) {
	root, err := trust.ParseRoot(rootDoc)
	if err != nil {
		return nil, nil, err
	}
	b, err := bundle.Open(root, file, now)
	if err != nil {
		return nil, nil, err
	}
	if err := slate.New(b).Check(); err != nil {
		return nil, nil, err
	}
	return root, b, nil
}

// instant is a time on the command line, in Unix seconds; 0: now.
type instant int64

// UnmarshalText reads Unix seconds, RFC 3339 or a date, which begins at
// midnight UTC.
func (t *instant) UnmarshalText(text []byte) error {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && n > 0 {
		*t = instant(n)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, string(text)); err == nil {
			*t = instant(at.Unix())
			return nil
		}
	}
	return fmt.Errorf("time %q: want Unix seconds, RFC 3339 or YYYY-MM-DD", text)
}

// unix returns t in Unix seconds.
func (t instant) unix() int64 {
	if t == 0 {
		return time.Now().Unix()
	}
	return int64(t)
}

type verifyCmd struct {
	Bundle string  `arg:"" placeholder:"bundle.nsb" help:"Bundle to check, or a channel: its folder or URL."`
	Root   string  `required:"" placeholder:"FILE" help:"Root whose keys are trusted."`
	Now    instant `placeholder:"T" help:"Time to check at: Unix seconds, RFC 3339 or a date; by default now."`
}

func (c *verifyCmd) Run(ctx context.Context) error {
	info, err := os.Stat(c.Bundle)
	if strings.Contains(c.Bundle, "://") || err == nil && info.IsDir() {
		return c.channel(ctx)
	}
	rootDoc, file, err := signed{c.Bundle, c.Root}.read()
	if err != nil {
		return err
	}
	root, b, err := openNative(rootDoc, file, c.Now.unix())
	if err != nil {
		return fmt.Errorf("%s: %w", c.Bundle, err)
	}
	fmt.Printf("root          version %d, %d key(s), until %s\n", root.Version, len(root.Keys), utc(root.Expires))
	c.print(b)
	return nil
}

// channel follows a channel as a new device does.
func (c *verifyCmd) channel(ctx context.Context) error {
	root, err := os.ReadFile(c.Root)
	if err != nil {
		return err
	}
	from, closeReader, err := openReader(ctx, c.Bundle)
	if err != nil {
		return err
	}
	defer closeReader()
	head, err := from.Get(ctx, bundle.HeadName)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Bundle, err)
	}
	e, err := trust.ParseEnvelope(head, trust.RoleHead)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", c.Bundle, bundle.HeadName, err)
	}
	s, err := trust.NewState(root, e.Channel) // whose head it is its signatures say
	if err != nil {
		return fmt.Errorf("%s: %w", c.Root, err)
	}
	s, b, err := publish.Fetch(ctx, from, s, c.Now.unix(), true)
	if err != nil {
		return err
	}
	fmt.Printf("root          version %d, %d key(s), until %s\n", s.Root.Version, len(s.Root.Keys), utc(s.Root.Expires))
	fmt.Printf("head          sequence %d, issued %s, until %s\n", s.Seq, utc(s.Time), utc(s.HeadExpires))
	if b == nil {
		fmt.Printf("%s: versions below %d are stopped, and there is nothing above\n", c.Bundle, s.MinVersion)
		return nil
	}
	c.print(b)
	return nil
}

// print says what was checked of a bundle.
func (c *verifyCmd) print(b *bundle.Bundle) {
	m := b.Manifest
	fmt.Printf("signatures    Ed25519 and ML-DSA-65 over manifest %x\n", b.Digest)
	fmt.Printf("release       channel %q, version %d, until %s\n", m.Channel, m.Version, utc(m.Expires))
	fmt.Printf("sections      %d, by SHA-256 and layout\n", len(m.Sections))
	fmt.Printf("known answers %d, computed here\n", len(m.KnownAnswers))
	fmt.Printf("%s: ok\n", c.Bundle)
}

// utc writes a time in Unix seconds for people.
func utc(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
