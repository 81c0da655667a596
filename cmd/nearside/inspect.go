package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
)

type inspectCmd struct {
	File string `arg:"" placeholder:"FILE" help:"Bundle, root, head, release, public key or state to look at."`
	Root string `placeholder:"FILE" help:"Root by whose keys signatures are counted; without it only the keys of a root count its own."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// inspection is the JSON of inspect. Times are Unix seconds, sizes bytes.
type inspection struct {
	Channel  string             `json:"channel"`
	Version  uint64             `json:"version"`
	Model    string             `json:"model"`
	Created  int64              `json:"created"`
	Expires  int64              `json:"expires"`
	ABI      uint64             `json:"abi"`
	Bytes    int                `json:"bytes"`
	Limits   inspectedLimits    `json:"limits"`
	Label    inspectedLabel     `json:"label"`
	HalfLife int64              `json:"half_life"` // seconds; 0: age does not matter
	Answers  int                `json:"known_answers"`
	Sections []inspectedSection `json:"sections"`

	Digest     string               `json:"digest"` // SHA-256 of the manifest
	Modules    []string             `json:"modules,omitempty"`
	Provenance *inspectedProvenance `json:"provenance,omitempty"`
	Signatures []string             `json:"signatures"`
	Signed     []signedBy           `json:"signed,omitempty"`

	Retrieval *inspectedRetrieval `json:"retrieval,omitempty"` // of a bundle with factors
	Pool      *inspectedPool      `json:"pool,omitempty"`
}

// inspectedPool is what the manifest says of a pool.
type inspectedPool struct {
	Columns    int     `json:"columns"`
	Neighbours float64 `json:"neighbours"` // of an item, on average
	Repeats    bool    `json:"repeats"`    // items of the history may be answered
	Nearest    int     `json:"nearest"`
	Candidates int     `json:"candidates"`
	Parameters int     `json:"net_parameters"` // weights and biases; 0: no net

	// Bytes per item.
	Items   float64 `json:"item_bytes"`   // of neighbours, their codes and counts
	Weights float64 `json:"weight_bytes"` // of their weights and scales
	Factors float64 `json:"factor_bytes"` // of factors, their scales and gains
}

type inspectedRetrieval struct {
	Codec        string `json:"codec"`
	BytesPerItem int    `json:"bytes_per_item,omitempty"` // of pq
	Rescore      string `json:"rescore"`
	Candidates   int    `json:"candidates"`
}

type inspectedLimits struct {
	Items   int `json:"items"`
	Dim     int `json:"dim"`
	K       int `json:"k"`
	History int `json:"history"`
}

type inspectedLabel struct {
	Users        uint64 `json:"users"`
	Events       uint64 `json:"events"`
	MinItemUsers uint64 `json:"min_item_users"`
	Dropped      uint64 `json:"dropped"`
}

type inspectedSection struct {
	Kind  string `json:"kind"`
	Bytes int    `json:"bytes"`
	Hash  string `json:"hash"` // RFC 6962 tree hash; in format 1 SHA-256
}

func (l inspectedLabel) String() string {
	return fmt.Sprintf("%d people, %d pairs, at least %d people behind each item; %d rows dropped", l.Users, l.Events, l.MinItemUsers, l.Dropped)
}

// inspectedState is what a device or a publisher remembers.
type inspectedState struct {
	Channel     string `json:"channel"`
	Root        uint64 `json:"root"`
	Time        int64  `json:"time"`
	Seq         uint64 `json:"sequence"`
	HeadExpires int64  `json:"head_expires"`
	Named       uint64 `json:"named"` // versions
	MinVersion  uint64 `json:"min_version"`
	Accepted    uint64 `json:"accepted"`
	Opened      uint64 `json:"opened"`
}

// inspectedNoteKey is the public key of a log or a witness.
type inspectedNoteKey struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

func (c *inspectCmd) Run() error {
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	root, err := readRoot(c.Root)
	if err != nil {
		return err
	}
	if k, err := pack.ParseKey(file); err == nil {
		return c.key(k)
	}
	if k, err := tlog.ParseKey(strings.TrimSpace(string(file))); err == nil {
		if c.JSON {
			return printJSON(inspectedNoteKey{k.Name, fmt.Sprintf("%08x", k.ID())})
		}
		fmt.Printf("public key  of a log or witness: %s, key id %08x\n", k.Name, k.ID())
		return nil
	}
	if trust.IsState(file) {
		return c.state(file)
	}
	d, err := pack.ParseDocument(file)
	if err == nil {
		var doc document
		if doc, err = inspectDocument(d, root); err == nil {
			return c.document(file, doc)
		}
	}
	if r, err := trust.ParseRoot(file); err == nil { // as it is, without signatures
		digest := trust.Digest(file)
		return c.document(file, document{Role: trust.RoleRoot, Digest: hex.EncodeToString(digest[:]), Root: inspectRoot(r), Signatures: []string{}})
	}
	return fmt.Errorf("%s: %w", c.File, err)
}

func (c *inspectCmd) key(k trust.Key) error {
	if c.JSON {
		return printJSON(inspectedKey{ID: keyID(k)})
	}
	fmt.Printf("public key  %s\n", keyID(k))
	return nil
}

func (c *inspectCmd) state(file []byte) error {
	s, err := trust.ParseState(file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if c.JSON {
		return printJSON(inspectedState{s.Channel, s.Root.Version, s.Time, s.Seq, s.HeadExpires,
			s.Named.Version, s.MinVersion, s.Accepted.Version, s.Opened.Version})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "state\tchannel %q, root %d until %s\n", s.Channel, s.Root.Version, utc(s.Root.Expires))
	fmt.Fprintf(w, "head\tsequence %d, issued %s, expires %s\n", s.Seq, utc(s.Time), utc(s.HeadExpires))
	fmt.Fprintf(w, "versions\tnamed %d, accepted %d, opened %d\n", s.Named.Version, s.Accepted.Version, s.Opened.Version)
	fmt.Fprintf(w, "stopped\tversions below %d\n", s.MinVersion)
	return w.Flush()
}

// document prints what is signed, and of a bundle all that its manifest says.
func (c *inspectCmd) document(file []byte, doc document) error {
	frame, err := bundle.ParseFrame(file)
	switch {
	case err != nil && c.JSON:
		return printJSON(doc)
	case err != nil:
		return doc.print(os.Stdout)
	}
	m, err := bundle.ParseManifest(frame.Manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if c.JSON {
		return printJSON(inspected(m, len(file), doc))
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "bundle\t%d bytes; its sections are not verified here\n", len(file))
	fmt.Fprintf(w, "release\tchannel %q, version %d\n", m.Channel, m.Version)
	fmt.Fprintf(w, "time\tcreated %s, expires %s\n", utc(m.Created), utc(m.Expires))
	fmt.Fprintf(w, "model\t%s, %d items, dimension %d\n", m.Model, m.Limits.Items, m.Limits.Dim)
	fmt.Fprintf(w, "limits\tk %d, history %d\n", m.Limits.K, m.Limits.History)
	fmt.Fprintf(w, "label\t%s\n", inspectedLabel(m.Privacy))
	printOrigin(w, doc.Manifest.Modules, doc.Manifest.Provenance)
	if m.Retrieval.Codec != bundle.CodecNone {
		fmt.Fprintf(w, "retrieval\t%s\n", retrievalText(m.Retrieval))
	}
	if m.Pool != nil {
		fmt.Fprintf(w, "pool\t%s\n", poolText(inspectPool(m)))
	}
	for _, s := range m.Sections {
		fmt.Fprintf(w, "section\t%s\t%d bytes\t%x\n", s.Kind, s.Bytes, s.Hash[:8])
	}
	doc.printSignatures(w)
	return w.Flush()
}

func inspected(m bundle.Manifest, bytes int, doc document) inspection {
	out := inspection{
		Channel: m.Channel, Version: m.Version, Model: m.Model,
		Created: m.Created, Expires: m.Expires, ABI: m.ABI, Bytes: bytes,
		Limits:   inspectedLimits(m.Limits),
		Label:    inspectedLabel(m.Privacy),
		HalfLife: m.Scoring.Weights.HalfLife,
		Answers:  len(m.KnownAnswers),

		Digest: doc.Digest, Modules: doc.Manifest.Modules, Provenance: doc.Manifest.Provenance,
		Signatures: doc.Signatures, Signed: doc.Signed,
	}
	if r := m.Retrieval; r.Codec != bundle.CodecNone {
		out.Retrieval = &inspectedRetrieval{r.Codec.String(), bytesOfPQ(r), r.Rescore.String(), r.Candidates}
	}
	if m.Pool != nil {
		p := inspectPool(m)
		out.Pool = &p
	}
	for _, s := range m.Sections {
		out.Sections = append(out.Sections, inspectedSection{s.Kind.String(), s.Bytes, hex.EncodeToString(s.Hash[:])})
	}
	return out
}

// inspectPool adds up what a pool takes.
func inspectPool(m bundle.Manifest) inspectedPool {
	out := inspectedPool{Columns: m.Pool.Sparse.C, Repeats: m.Pool.Repeats, Nearest: m.Pool.Nearest, Candidates: m.Pool.Candidates}
	for _, s := range m.Sections {
		each := float64(s.Bytes) / float64(m.Limits.Items)
		switch s.Kind {
		case bundle.KindPoolCounts, bundle.KindPoolItems:
			out.Items += each
		case bundle.KindPoolCodes:
			out.Neighbours = each / float64(out.Columns)
			out.Weights += each
		case bundle.KindPoolScales:
			out.Weights += each
		case bundle.KindGains, bundle.KindRows, bundle.KindRowScales, bundle.KindRescore, bundle.KindRescoreScales:
			out.Factors += each
		}
	}
	if net := m.Pool.Net; net != nil {
		out.Parameters = net.H1*(net.In+1) + net.H2*(net.H1+1) + net.H2 + net.In + 1
	}
	return out
}

func poolText(p inspectedPool) string {
	s := fmt.Sprintf("%d columns, %.1f neighbours per item", p.Columns, p.Neighbours)
	if p.Columns > 0 {
		s += fmt.Sprintf(", %.1f bytes per item and %.1f of weights", p.Items, p.Weights)
	}
	if p.Factors > 0 {
		s += fmt.Sprintf("; factors, %.1f bytes per item", p.Factors)
	}
	if p.Parameters > 0 {
		s += fmt.Sprintf("; a net of %d parameters ranks %d candidates again", p.Parameters, p.Candidates+p.Nearest)
	}
	if p.Repeats {
		s += "; repeats"
	} else {
		s += "; no repeats"
	}
	return s
}

// printJSON prints v indented on standard output.
func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// bytesOfPQ returns the bytes per item of codes and scale, or 0.
func bytesOfPQ(r bundle.Retrieval) int {
	if r.Codec != bundle.CodecPQ {
		return 0
	}
	return r.Groups/2 + 1
}
