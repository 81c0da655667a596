package main

import (
	"fmt"
	"os"
	"time"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
)

type verifyVerb struct {
	Bundle string `arg:"" help:"The bundle." placeholder:"BUNDLE"`
	Root   string `required:"" help:"The root to trust." placeholder:"FILE"`
	Now    string `help:"Time to check expiry at, RFC 3339; the clock's when empty." placeholder:"TIME"`
}

func (v verifyVerb) Run(r run) error {
	now := time.Now()
	if v.Now != "" {
		var err error
		if now, err = time.Parse(time.RFC3339, v.Now); err != nil {
			return fmt.Errorf("--now %q: want RFC 3339, as in 2026-01-31T00:00:00Z", v.Now)
		}
	}
	b, err := openNative(v.Bundle, v.Root, now)
	if err != nil {
		return err
	}
	m := b.Manifest
	fmt.Fprintf(r.stdout, "%s: good\nsignature   Ed25519 and ML-DSA-65, by a key of %s\nmanifest    %x\nexpires     %s\nsections    %d, hashes and layout right\nanswers     %d known answers come out\n",
		v.Bundle, v.Root, b.Digest, time.Unix(m.Expires, 0).UTC().Format(time.RFC3339), len(m.Sections), len(m.KnownAnswers))
	return nil
}

// openNative opens a bundle with the native core, known answers included.
func openNative(path, rootPath string, now time.Time) (*bundle.Bundle, error) {
	doc, err := os.ReadFile(rootPath)
	if err != nil {
		return nil, err
	}
	root, err := bundle.ParseRoot(doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rootPath, err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Open(root, file, now.Unix())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := slate.New(b).Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}
