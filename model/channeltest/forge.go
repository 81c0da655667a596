package channeltest

import (
	"bytes"
	"slices"

	"github.com/cloudflare/circl/sign/ed25519"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"

	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// What package pack refuses to write is written here, as it stands: documents
// that break the rules, and signatures over anything.

// signed is what key i makes of any bytes and any ML-DSA context.
func signed(i int, text []byte, context string) trust.Signature {
	k := keyring(i)
	_, sk := mldsa65.NewKeyFromSeed(&k.seed)
	s := trust.Signature{KeyID: k.public.ID(), Ed25519: ed25519.Sign(ed25519.NewKeyFromSeed(k.seed[:]), text), MLDSA65: make([]byte, mldsa65.SignatureSize)}
	must(mldsa65.SignTo(sk, text, []byte(context), false, s.MLDSA65))
	return s
}

// Sign returns the signatures of keys over doc in a role, ordered by key id.
func Sign(role trust.Role, channel string, doc []byte, keys ...int) (list []trust.Signature) {
	for _, i := range keys {
		list = append(list, signed(i, trust.SignedBytes(role, channel, doc), trust.MLDSAContext(role)))
	}
	return ordered(list)
}

func ordered(list []trust.Signature) []trust.Signature {
	slices.SortFunc(list, func(a, b trust.Signature) int { return bytes.Compare(a.KeyID[:], b.KeyID[:]) })
	return list
}

// signatures is the document of a list, which may be out of order.
func signatures(list []trust.Signature) []byte {
	b := start("sigs", 2)
	b = wire.AppendArray(wire.AppendUint(b, 1), len(list))
	for _, s := range list {
		b = bin(bin(bin(wire.AppendMap(b, 3), 0, s.KeyID[:]), 1, s.Ed25519), 2, s.MLDSA65)
	}
	return b
}

// Envelope writes an envelope, which may be wrong in any way.
func Envelope(e trust.Envelope) []byte {
	pairs := 5
	if e.Role != trust.RoleHead {
		pairs++
	}
	b := start("signed", pairs)
	b = wire.AppendString(wire.AppendUint(b, 1), string(e.Role))
	b = wire.AppendString(wire.AppendUint(b, 2), e.Channel)
	b = bin(bin(b, 3, e.Document), 4, e.Signatures)
	switch e.Role {
	case trust.RoleRoot:
		b = wire.AppendUint(wire.AppendUint(b, 5), e.Version)
	case trust.RoleManifest:
		b = bin(b, 6, e.Leaves)
	}
	return b
}

// headDoc writes a head, which may break the rules.
func headDoc(h trust.Head) []byte {
	pairs := 8
	if h.Proof != nil {
		pairs++
	}
	if h.Patches != nil {
		pairs++
	}
	b := wire.AppendString(wire.AppendUint(start("head", pairs), 1), h.Channel)
	for k, v := range []uint64{h.Seq, uint64(h.Issued), uint64(h.Expires), h.RootVersion} {
		b = wire.AppendUint(wire.AppendUint(b, uint64(2+k)), v)
	}
	b = wire.AppendMap(wire.AppendUint(b, 6), 3)
	b = wire.AppendUint(wire.AppendUint(b, 0), h.Release.Version)
	b = wire.AppendUint(wire.AppendUint(b, 1), uint64(h.Release.Bytes))
	b = bin(b, 2, h.Release.Digest[:])
	b = wire.AppendUint(wire.AppendUint(b, 7), h.MinVersion)
	if h.Proof != nil {
		b = bin(b, 8, h.Proof)
	}
	if h.Patches != nil {
		b = wire.AppendArray(wire.AppendUint(b, 9), len(h.Patches))
		for _, p := range h.Patches {
			b = bin(wire.AppendMap(b, 3), 0, p.From[:])
			b = wire.AppendUint(wire.AppendUint(b, 1), uint64(p.Bytes))
			b = bin(b, 2, p.Digest[:])
		}
	}
	return b
}

// rootDoc writes a root, which may break the rules; without roles when
// withoutRoles is set.
func rootDoc(r *trust.Root, withoutRoles bool) []byte {
	pairs := 4
	if !withoutRoles {
		pairs++
	}
	if r.Log != nil {
		pairs++
	}
	b := wire.AppendUint(wire.AppendUint(start("root", pairs), 1), r.Version)
	b = wire.AppendUint(wire.AppendUint(b, 2), uint64(r.Expires))
	b = wire.AppendArray(wire.AppendUint(b, 3), len(r.Keys))
	for _, k := range r.Keys {
		b = bin(bin(wire.AppendMap(b, 2), 0, k.Ed25519[:]), 1, k.MLDSA65)
	}
	if !withoutRoles {
		b = wire.AppendMap(wire.AppendUint(b, 4), 3)
		for i, set := range []trust.Keyset{r.Roles.Root, r.Roles.Manifest, r.Roles.Head} {
			b = wire.AppendMap(wire.AppendUint(b, uint64(i)), 2)
			b = wire.AppendUint(wire.AppendUint(b, 0), uint64(set.Threshold))
			b = wire.AppendArray(wire.AppendUint(b, 1), len(set.Keys))
			for _, k := range set.Keys {
				b = wire.AppendUint(b, uint64(k))
			}
		}
	}
	if p := r.Log; p != nil {
		b = wire.AppendMap(wire.AppendUint(b, 5), 3)
		b = wire.AppendString(wire.AppendUint(b, 0), p.Log.String())
		b = wire.AppendArray(wire.AppendUint(b, 1), len(p.Witnesses))
		for _, w := range p.Witnesses {
			b = wire.AppendString(b, w.String())
		}
		b = wire.AppendUint(wire.AppendUint(b, 2), uint64(p.Quorum))
	}
	return b
}

// start begins a map of n pairs whose first says which document it is.
func start(document string, n int) []byte {
	return wire.AppendString(wire.AppendUint(wire.AppendMap(nil, n), 0), document)
}

func bin(dst []byte, key uint64, b []byte) []byte {
	return wire.AppendBin(wire.AppendUint(dst, key), b)
}

// Signatures is the document with the signatures of keys over doc in a role of
// the channel.
func Signatures(role trust.Role, doc []byte, keys ...int) []byte {
	return signatures(Sign(role, Name, doc, keys...))
}

// Resign returns the file of an envelope with other signatures.
func Resign(e trust.Envelope, keys ...int) []byte {
	e.Signatures = signatures(Sign(e.Role, e.Channel, e.Document, keys...))
	return Envelope(e)
}
