package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/nearside/nearside/model/core/bundle"
)

type inspectVerb struct {
	Bundle string `arg:"" help:"The bundle." placeholder:"BUNDLE"`
	JSON   bool   `help:"Print JSON."`
}

// inspection is what inspect --json prints.
type inspection struct {
	Verified bool      `json:"verified"` // always false: inspect trusts nothing and checks nothing
	Bytes    int       `json:"bytes"`
	Manifest string    `json:"manifest"` // SHA-256
	Channel  string    `json:"channel"`
	Model    string    `json:"model"`
	Version  uint64    `json:"version"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Items    int       `json:"items"`
	Dim      int       `json:"dim"`
	MaxK     int       `json:"k_max"`
	History  int       `json:"history_max"`
	HalfLife int64     `json:"half_life_seconds"`
	Privacy  struct {
		Users        uint64 `json:"users"`
		Events       uint64 `json:"events"`
		MinItemUsers uint64 `json:"min_item_users"`
		Dropped      uint64 `json:"dropped"`
	} `json:"privacy"`
	Sections []inspectedSection `json:"sections"`
	Answers  int                `json:"known_answers"`
}

type inspectedSection struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func (v inspectVerb) Run(r run) error {
	file, err := os.ReadFile(v.Bundle)
	if err != nil {
		return err
	}
	doc, err := bundle.ManifestOf(file)
	if err != nil {
		return fmt.Errorf("%s: %w", v.Bundle, err)
	}
	m, err := bundle.ParseManifest(doc)
	if err != nil {
		return fmt.Errorf("%s: %w", v.Bundle, err)
	}
	in := inspection{
		Bytes: len(file), Manifest: fmt.Sprintf("%x", sha256.Sum256(doc)), Channel: m.Channel, Model: m.Model, Version: m.Version,
		Created: time.Unix(m.Created, 0).UTC(), Expires: time.Unix(m.Expires, 0).UTC(), Items: m.Limits.Items, Dim: m.Limits.Dim,
		MaxK: m.Limits.K, History: m.Limits.History, HalfLife: m.Scoring.Weights.HalfLife, Answers: len(m.KnownAnswers),
	}
	in.Privacy.Users, in.Privacy.Events = m.Privacy.Users, m.Privacy.Events
	in.Privacy.MinItemUsers, in.Privacy.Dropped = m.Privacy.MinItemUsers, m.Privacy.Dropped
	for _, s := range m.Sections {
		in.Sections = append(in.Sections, inspectedSection{s.Kind.String(), s.Bytes, fmt.Sprintf("%x", s.Hash)})
	}
	if v.JSON {
		e := json.NewEncoder(r.stdout)
		e.SetIndent("", "  ")
		return e.Encode(in)
	}
	w := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "bundle\t%s, %d bytes, not verified\n", v.Bundle, in.Bytes)
	fmt.Fprintf(w, "manifest\t%s\n", in.Manifest)
	fmt.Fprintf(w, "model\t%s, version %d, channel %q\n", in.Model, in.Version, in.Channel)
	fmt.Fprintf(w, "created\t%s\nexpires\t%s\n", in.Created.Format(time.RFC3339), in.Expires.Format(time.RFC3339))
	fmt.Fprintf(w, "catalogue\t%d items, %d factors\n", in.Items, in.Dim)
	fmt.Fprintf(w, "limits\tk %d, history %d\n", in.MaxK, in.History)
	fmt.Fprintf(w, "learnt from\t%d people, %d pairs; at least %d people behind each item; %d rows dropped\n",
		in.Privacy.Users, in.Privacy.Events, in.Privacy.MinItemUsers, in.Privacy.Dropped)
	fmt.Fprintf(w, "known answers\t%d\n", in.Answers)
	for _, s := range in.Sections {
		fmt.Fprintf(w, "section\t%s\t%d bytes\t%s…\n", s.Name, s.Bytes, s.SHA256[:12])
	}
	return w.Flush()
}
