package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
)

// document is what people read before they sign, and what inspect prints: of a
// root, a head or a manifest. Times are Unix seconds.
type document struct {
	Role       trust.Role         `json:"role"`
	Digest     string             `json:"digest"` // SHA-256 of what is signed
	Root       *inspectedRoot     `json:"root,omitempty"`
	Head       *inspectedHead     `json:"head,omitempty"`
	Manifest   *inspectedManifest `json:"manifest,omitempty"`
	Signatures []string           `json:"signatures"`       // ids of keys that claim to have signed
	Signed     []signedBy         `json:"signed,omitempty"` // by the roots that are known, checked
}

type inspectedRoot struct {
	Version uint64                       `json:"version"`
	Expires int64                        `json:"expires"`
	Keys    []inspectedKey               `json:"keys"`
	Roles   map[trust.Role]inspectedRole `json:"roles"`
	Log     *inspectedLog                `json:"log,omitempty"`
	Differs []string                     `json:"differs,omitempty"` // from the root that is trusted
}

type inspectedKey struct {
	ID    string       `json:"id"`
	Roles []trust.Role `json:"roles"`
}

type inspectedRole struct {
	Threshold int `json:"threshold"`
	Keys      int `json:"keys"`
}

type inspectedLog struct {
	Key       string   `json:"key"`
	Witnesses []string `json:"witnesses"`
	Quorum    int      `json:"quorum"`
}

type inspectedHead struct {
	Channel     string `json:"channel"`
	Seq         uint64 `json:"sequence"`
	Issued      int64  `json:"issued"`
	Expires     int64  `json:"expires"`
	RootVersion uint64 `json:"root_version"`
	Version     uint64 `json:"version"`  // of the release
	Manifest    string `json:"manifest"` // its digest
	MinVersion  uint64 `json:"min_version"`
	ProofBytes  int    `json:"proof_bytes"`
	Patches     int    `json:"patches"`
}

type inspectedManifest struct {
	Channel    string               `json:"channel"`
	Version    uint64               `json:"version"`
	Model      string               `json:"model"`
	Items      int                  `json:"items"`
	Created    int64                `json:"created"`
	Expires    int64                `json:"expires"`
	Label      inspectedLabel       `json:"label"`
	Modules    []string             `json:"modules,omitempty"`
	Provenance *inspectedProvenance `json:"provenance,omitempty"`
}

type inspectedProvenance struct {
	Data string `json:"data"` // digest of the log
	Code string `json:"code"`
	Seed uint64 `json:"seed"`
}

// signedBy says how many of the keys that a root asks for have signed.
type signedBy struct {
	Root uint64 `json:"root"` // its version
	Have int    `json:"have"`
	Want int    `json:"want"`
}

// roles in the order in which people read them.
var roles = []trust.Role{trust.RoleRoot, trust.RoleManifest, trust.RoleHead}

// inspectDocument reads what is, or is to be, signed. trusted is the root whose keys count;
// nil: not known. A root has its own keys too.
func inspectDocument(d pack.Document, trusted *trust.Root) (document, error) {
	digest := trust.Digest(d.Bytes)
	out := document{Role: d.Role, Digest: hex.EncodeToString(digest[:]), Signatures: []string{}}
	for _, s := range d.Signatures {
		out.Signatures = append(out.Signatures, hex.EncodeToString(s.KeyID[:]))
	}
	counting := []*trust.Root{}
	if trusted != nil {
		counting = append(counting, trusted)
	}
	switch d.Role {
	case trust.RoleRoot:
		r, err := trust.ParseRoot(d.Bytes)
		if err != nil {
			return document{}, err
		}
		out.Root = inspectRoot(r)
		if trusted != nil && trusted.Version != r.Version {
			out.Root.Differs = differences(trusted, r)
		}
		if trusted == nil || trusted.Version != r.Version {
			counting = append(counting, r)
		}
	case trust.RoleHead:
		h, err := trust.ParseHead(d.Bytes)
		if err != nil {
			return document{}, err
		}
		out.Head = inspectHead(h)
	default:
		m, err := bundle.ParseManifest(d.Bytes)
		if err != nil {
			return document{}, err
		}
		out.Manifest = inspectManifest(m)
	}
	for _, r := range counting {
		signers, err := d.Signers(r)
		if err != nil {
			return document{}, fmt.Errorf("by the keys of root %d: %w", r.Version, err)
		}
		out.Signed = append(out.Signed, signedBy{r.Version, len(signers), r.Roles.Of(d.Role).Threshold})
	}
	return out, nil
}

func inspectRoot(r *trust.Root) *inspectedRoot {
	out := &inspectedRoot{Version: r.Version, Expires: r.Expires, Roles: map[trust.Role]inspectedRole{}}
	if p := r.Log; p != nil {
		out.Log = &inspectedLog{Key: p.Log.String(), Witnesses: []string{}, Quorum: p.Quorum}
		for _, w := range p.Witnesses {
			out.Log.Witnesses = append(out.Log.Witnesses, w.String())
		}
	}
	for i, k := range r.Keys {
		key := inspectedKey{ID: keyID(k), Roles: []trust.Role{}}
		for _, role := range roles {
			if slices.Contains(r.Roles.Of(role).Keys, i) {
				key.Roles = append(key.Roles, role)
			}
		}
		out.Keys = append(out.Keys, key)
	}
	for _, role := range roles {
		set := r.Roles.Of(role)
		out.Roles[role] = inspectedRole{set.Threshold, len(set.Keys)}
	}
	return out
}

func inspectHead(h trust.Head) *inspectedHead {
	return &inspectedHead{
		Channel: h.Channel, Seq: h.Seq, Issued: h.Issued, Expires: h.Expires, RootVersion: h.RootVersion,
		Version: h.Release.Version, Manifest: hex.EncodeToString(h.Release.Digest[:]), MinVersion: h.MinVersion,
		ProofBytes: len(h.Proof), Patches: len(h.Patches),
	}
}

func inspectManifest(m bundle.Manifest) *inspectedManifest {
	out := &inspectedManifest{
		Channel: m.Channel, Version: m.Version, Model: m.Model, Items: m.Limits.Items,
		Created: m.Created, Expires: m.Expires, Label: inspectedLabel(m.Privacy),
	}
	for _, sum := range m.Modules {
		out.Modules = append(out.Modules, hex.EncodeToString(sum[:]))
	}
	if p := m.Provenance; p != nil {
		out.Provenance = &inspectedProvenance{hex.EncodeToString(p.Data[:]), p.Code, p.Seed}
	}
	return out
}

// keyID writes the id of a key.
func keyID(k trust.Key) string {
	id := k.ID()
	return hex.EncodeToString(id[:])
}

// differences says what is another in the next root.
func differences(old, next *trust.Root) (list []string) {
	for _, role := range roles {
		before, after := old.Roles.Of(role), next.Roles.Of(role)
		list = append(list, lacks("without", role, old, before, next, after)...)
		list = append(list, lacks("with", role, next, after, old, before)...)
		if before.Threshold != after.Threshold {
			list = append(list, fmt.Sprintf("%s: %d must sign instead of %d", role, after.Threshold, before.Threshold))
		}
	}
	if before, after := inspectRoot(old).Log.String(), inspectRoot(next).Log.String(); before != after {
		list = append(list, fmt.Sprintf("log: %s instead of %s", after, before))
	}
	return list
}

// lacks names the keys of a role in root a that the role does not have in b.
func lacks(what string, role trust.Role, a *trust.Root, in *trust.Keyset, b *trust.Root, not *trust.Keyset) (list []string) {
	for _, i := range in.Keys {
		has := slices.ContainsFunc(not.Keys, func(j int) bool { return b.Keys[j].ID() == a.Keys[i].ID() })
		if !has {
			list = append(list, fmt.Sprintf("%s: %s %s", role, what, keyID(a.Keys[i])))
		}
	}
	return list
}

func (l *inspectedLog) String() string {
	if l == nil {
		return "none"
	}
	return fmt.Sprintf("%s, seen by %d of %s", l.Key, l.Quorum, strings.Join(l.Witnesses, " "))
}

// print writes a document for people.
func (d document) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	switch {
	case d.Root != nil:
		d.Root.print(w)
	case d.Head != nil:
		d.Head.print(w)
	default:
		d.Manifest.print(w)
	}
	d.printSignatures(w)
	return w.Flush()
}

// printSignatures says what is signed and by how many.
func (d document) printSignatures(w io.Writer) {
	fmt.Fprintf(w, "SHA-256\t%s\n", d.Digest)
	for _, s := range d.Signed {
		fmt.Fprintf(w, "signed\tby %d of the %d keys that root %d asks for\n", s.Have, s.Want, s.Root)
	}
	if len(d.Signed) > 0 {
		return
	}
	for _, id := range d.Signatures {
		fmt.Fprintf(w, "signature\tnot checked, of key %s\n", id)
	}
	if len(d.Signatures) == 0 {
		fmt.Fprintf(w, "signature\tnone\n")
	}
}

func (r *inspectedRoot) print(w io.Writer) {
	fmt.Fprintf(w, "root\tversion %d, until %s\n", r.Version, utc(r.Expires))
	for _, k := range r.Keys {
		var names []string
		for _, role := range k.Roles {
			names = append(names, string(role))
		}
		fmt.Fprintf(w, "key\t%s  %s\n", k.ID, strings.Join(names, ", "))
	}
	for _, role := range roles {
		if set := r.Roles[role]; set.Keys > 0 {
			fmt.Fprintf(w, "%s\t%d of %d keys must sign\n", role, set.Threshold, set.Keys)
		}
	}
	fmt.Fprintf(w, "log\t%s\n", r.Log)
	for _, line := range r.Differs {
		fmt.Fprintf(w, "changes\t%s\n", line)
	}
}

func (h *inspectedHead) print(w io.Writer) {
	fmt.Fprintf(w, "head\tchannel %q, sequence %d, made for root %d\n", h.Channel, h.Seq, h.RootVersion)
	fmt.Fprintf(w, "time\tissued %s, expires %s\n", utc(h.Issued), utc(h.Expires))
	fmt.Fprintf(w, "release\tversion %d, manifest %s\n", h.Version, h.Manifest)
	fmt.Fprintf(w, "stopped\tversions below %d\n", h.MinVersion)
	fmt.Fprintf(w, "besides\t%d patches, a proof of %d bytes\n", h.Patches, h.ProofBytes)
}

func (m *inspectedManifest) print(w io.Writer) {
	fmt.Fprintf(w, "manifest\tchannel %q, version %d\n", m.Channel, m.Version)
	fmt.Fprintf(w, "time\tcreated %s, expires %s\n", utc(m.Created), utc(m.Expires))
	fmt.Fprintf(w, "model\t%s, %d items\n", m.Model, m.Items)
	fmt.Fprintf(w, "label\t%s\n", m.Label)
	printOrigin(w, m.Modules, m.Provenance)
}

// printOrigin says what a bundle runs with and what it was made of.
func printOrigin(w io.Writer, modules []string, p *inspectedProvenance) {
	for _, sum := range modules {
		fmt.Fprintf(w, "module\t%s\n", sum)
	}
	if p != nil {
		fmt.Fprintf(w, "made of\tlog %s, by %s, seed %d\n", p.Data, p.Code, p.Seed)
	}
}
