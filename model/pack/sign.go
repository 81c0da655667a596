package pack

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/trust"
)

// EncodeRoot returns the document of a root. A root that devices would refuse
// is an error.
func EncodeRoot(r *trust.Root) ([]byte, error) {
	w := newWriter()
	pairs := 5
	if r.Log != nil {
		pairs++
	}
	w.document("root", pairs)
	w.uintField(1, r.Version)
	w.uintField(2, uint64(r.Expires))
	w.key(3)
	w.array(len(r.Keys))
	for _, k := range r.Keys {
		w.mapLen(2)
		w.binField(0, k.Ed25519[:])
		w.binField(1, k.MLDSA65)
	}
	w.key(4)
	w.mapLen(3)
	for i, set := range []trust.Keyset{r.Roles.Root, r.Roles.Manifest, r.Roles.Head} {
		w.key(uint64(i))
		w.mapLen(2)
		w.uintField(0, uint64(set.Threshold))
		w.key(1)
		w.array(len(set.Keys))
		for _, k := range set.Keys {
			w.uint(uint64(k))
		}
	}
	if p := r.Log; p != nil {
		w.key(5)
		w.mapLen(3)
		w.stringField(0, p.Log.String())
		w.key(1)
		w.array(len(p.Witnesses))
		for _, k := range p.Witnesses {
			w.keep(w.enc.EncodeString(k.String()))
		}
		w.uintField(2, uint64(p.Quorum))
	}
	doc, err := w.bytes()
	if err != nil {
		return nil, err
	}
	if _, err := trust.ParseRoot(doc); err != nil {
		return nil, fmt.Errorf("pack: a root that no device takes: %w", err)
	}
	return doc, nil
}

// EncodeHead returns the document of a head. One that devices would refuse to
// read is an error.
func EncodeHead(h trust.Head) ([]byte, error) {
	w := newWriter()
	pairs := 8
	if h.Proof != nil {
		pairs++
	}
	if h.Patches != nil {
		pairs++
	}
	w.document("head", pairs)
	w.stringField(1, h.Channel)
	w.uintField(2, h.Seq)
	w.uintField(3, uint64(h.Issued))
	w.uintField(4, uint64(h.Expires))
	w.uintField(5, h.RootVersion)
	w.key(6)
	w.mapLen(3)
	w.uintField(0, h.Release.Version)
	w.uintField(1, uint64(h.Release.Bytes))
	w.binField(2, h.Release.Digest[:])
	w.uintField(7, h.MinVersion)
	if h.Proof != nil {
		w.binField(8, h.Proof)
	}
	if h.Patches != nil {
		w.key(9)
		w.array(len(h.Patches))
		for _, p := range h.Patches {
			w.mapLen(3)
			w.binField(0, p.From[:])
			w.uintField(1, uint64(p.Bytes))
			w.binField(2, p.Digest[:])
		}
	}
	doc, err := w.bytes()
	if err != nil {
		return nil, err
	}
	if _, err := trust.ParseHead(doc); err != nil {
		return nil, fmt.Errorf("pack: a head that no device takes: %w", err)
	}
	return doc, nil
}

// EncodeEnvelope returns the file of an envelope.
func EncodeEnvelope(e trust.Envelope) ([]byte, error) {
	w := newWriter()
	pairs := 5
	if e.Role != trust.RoleHead {
		pairs++
	}
	w.document("signed", pairs)
	w.stringField(1, string(e.Role))
	w.stringField(2, e.Channel)
	w.binField(3, e.Document)
	w.binField(4, e.Signatures)
	switch e.Role {
	case trust.RoleRoot:
		w.uintField(5, e.Version)
	case trust.RoleManifest:
		w.binField(6, e.Leaves)
	}
	file, err := w.bytes()
	if err != nil {
		return nil, err
	}
	if _, err := trust.ParseEnvelope(file, e.Role); err != nil {
		return nil, fmt.Errorf("pack: an envelope that no device takes: %w", err)
	}
	return file, nil
}

// SignedRoot returns the envelope of a root, signed with keys.
func SignedRoot(r *trust.Root, keys ...*Keys) ([]byte, error) {
	doc, err := EncodeRoot(r)
	if err != nil {
		return nil, err
	}
	return envelope(trust.Envelope{Role: trust.RoleRoot, Version: r.Version, Document: doc}, keys)
}

// SignedHead returns the envelope of a head, signed with keys.
func SignedHead(h trust.Head, keys ...*Keys) ([]byte, error) {
	doc, err := EncodeHead(h)
	if err != nil {
		return nil, err
	}
	return envelope(trust.Envelope{Role: trust.RoleHead, Channel: h.Channel, Document: doc}, keys)
}

// ReleaseOf returns the envelope of a bundle's manifest, with its signatures
// and the hashes of its sections' leaves.
func ReleaseOf(f bundle.Frame) ([]byte, error) {
	e := trust.Envelope{Role: trust.RoleManifest, Channel: f.Channel, Document: f.Manifest, Signatures: f.Signatures}
	for _, s := range f.Sections {
		for _, leaf := range digest.LeafHashes(s) {
			e.Leaves = append(e.Leaves, leaf[:]...)
		}
	}
	return EncodeEnvelope(e)
}

// BundleOf returns the bundle of a manifest's envelope and its sections, of which
// ReleaseOf made the envelope.
func BundleOf(e trust.Envelope, sections [][]byte) ([]byte, error) {
	m, err := bundle.ParseManifest(e.Document)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return encodeFrame(bundle.Frame{
		Version: m.ABI, Channel: e.Channel, Manifest: e.Document, Signatures: e.Signatures, Sections: sections,
	})
}

func envelope(e trust.Envelope, keys []*Keys) (file []byte, err error) {
	if e.Signatures, err = addSignatures(nil, e.Role, e.Channel, e.Document, keys); err != nil {
		return nil, err
	}
	return EncodeEnvelope(e)
}

// addSignatures returns a signatures document with those of list and of keys. A
// key that has signed already signs anew.
func addSignatures(list []trust.Signature, role trust.Role, channel string, doc []byte, keys []*Keys) ([]byte, error) {
	list = slices.Clone(list)
	for _, k := range keys {
		s, err := k.sign(role, channel, doc)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(old trust.Signature) bool { return old.KeyID == s.KeyID })
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b trust.Signature) int { return bytes.Compare(a.KeyID[:], b.KeyID[:]) })
	w := newWriter()
	w.document("sigs", 2)
	w.key(1)
	w.array(len(list))
	for _, s := range list {
		w.mapLen(3)
		w.binField(0, s.KeyID[:])
		w.binField(1, s.Ed25519)
		w.binField(2, s.MLDSA65)
	}
	return w.bytes()
}

// Document is what is signed in a file: a bundle or an envelope.
type Document struct {
	Role       trust.Role
	Channel    string
	Bytes      []byte
	Signatures []trust.Signature

	frame    *bundle.Frame // of a bundle
	envelope trust.Envelope
}

// ErrNotSignable says that a file is nothing that is signed.
var ErrNotSignable = errors.New("pack: not a bundle, a root or a head")

// ParseDocument reads a file that is, or is to be, signed. It verifies nothing.
func ParseDocument(file []byte) (d Document, err error) {
	signatures := []byte(nil)
	f, err := bundle.ParseFrame(file)
	switch {
	case err == nil:
		d = Document{Role: trust.RoleManifest, Channel: f.Channel, Bytes: f.Manifest, frame: &f}
		signatures = f.Signatures
	case errors.Is(err, bundle.ErrVersion):
		return Document{}, fmt.Errorf("pack: %w", err)
	default:
		for _, role := range []trust.Role{trust.RoleRoot, trust.RoleHead, trust.RoleManifest} {
			if e, err := trust.ParseEnvelope(file, role); err == nil {
				d = Document{Role: role, Channel: e.Channel, Bytes: e.Document, envelope: e}
				signatures = e.Signatures
			}
		}
	}
	if d.Role == "" {
		return Document{}, ErrNotSignable
	}
	if d.Signatures, err = trust.ParseSignatures(signatures); err != nil {
		return Document{}, fmt.Errorf("pack: %w", err)
	}
	return d, nil
}

// Signers returns which keys of a root, by their places, have signed the document
// in the role that it is of. A wrong signature is an error.
func (d Document) Signers(root *trust.Root) ([]int, error) {
	signatures, err := addSignatures(d.Signatures, d.Role, d.Channel, d.Bytes, nil)
	if err != nil {
		return nil, err
	}
	return root.Signers(d.Role, d.Channel, d.Bytes, signatures)
}

// Sign returns the file with the signatures of keys added to those it has.
func (d Document) Sign(keys ...*Keys) ([]byte, error) {
	signatures, err := addSignatures(d.Signatures, d.Role, d.Channel, d.Bytes, keys)
	if err != nil {
		return nil, err
	}
	if d.frame == nil {
		e := d.envelope
		e.Signatures = signatures
		return EncodeEnvelope(e)
	}
	f := *d.frame
	f.Signatures = signatures
	return encodeFrame(f)
}

// encodeFrame returns the file of a bundle.
func encodeFrame(f bundle.Frame) ([]byte, error) {
	w := newWriter()
	w.document("nearside", 6)
	w.uintField(1, cmp.Or(f.Version, bundle.FormatVersion))
	w.stringField(2, f.Channel)
	w.binField(3, f.Manifest)
	w.binField(4, f.Signatures)
	w.key(5)
	w.array(len(f.Sections))
	for _, s := range f.Sections {
		w.bin(s)
	}
	return w.bytes()
}
