package channeltest

import (
	"bytes"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// Who signs what: keys 0, 1, 2 roots, 1, 2 manifests, 3, 4 heads. Each role
// needs two. Keys from 5 on are nobody's.

// head serves the next head, changed by edit and signed by keys.
func (m *Mirror) head(edit func(h *trust.Head), keys ...int) {
	doc := headDoc(m.nextHead(edit))
	m.serveHead(doc, Sign(trust.RoleHead, Name, doc, keys...))
}

func (m *Mirror) serveHead(doc []byte, list []trust.Signature) {
	m.Files[bundle.HeadName] = Envelope(trust.Envelope{Role: trust.RoleHead, Channel: Name, Document: doc, Signatures: signatures(list)})
}

// signedHead serves an honest head whose right signatures edit has changed.
func (m *Mirror) signedHead(edit func(list []trust.Signature) []trust.Signature) {
	doc := headDoc(m.nextHead(nil))
	m.serveHead(doc, edit(Sign(trust.RoleHead, Name, doc, 3, 4)))
}

// headSigs is signedHead for a whole signatures document.
func (m *Mirror) headSigs(write func(list []trust.Signature) []byte) {
	doc := headDoc(m.nextHead(nil))
	sigs := write(Sign(trust.RoleHead, Name, doc, 3, 4))
	m.Files[bundle.HeadName] = Envelope(trust.Envelope{Role: trust.RoleHead, Channel: Name, Document: doc, Signatures: sigs})
}

// by serves an honest head signed in a way of its own: text and context are
// what is under both signatures.
func (m *Mirror) by(text func(doc []byte) []byte, context string) {
	doc := headDoc(m.nextHead(nil))
	var list []trust.Signature
	for _, i := range []int{3, 4} {
		list = append(list, signed(i, text(doc), context))
	}
	m.serveHead(doc, ordered(list))
}

func prefixed(role trust.Role, channel string) func(doc []byte) []byte {
	return func(doc []byte) []byte { return trust.SignedBytes(role, channel, doc) }
}

var headContext = trust.MLDSAContext(trust.RoleHead)

// arbitrary: others put what they like under the names of a channel.
var arbitrary = []plan{
	{name: "a head that strangers have signed", want: trust.ErrSignature, do: func(m *Mirror) { m.head(nil, 7, 8) }},
	{name: "a head that nobody has signed", want: trust.ErrSignature, do: func(m *Mirror) { m.head(nil) }},
	{name: "a head that the keys of manifests have signed", want: trust.ErrSignature, do: func(m *Mirror) { m.head(nil, 1, 2) }},
	{name: "a head that the keys of roots have signed", want: trust.ErrSignature, do: func(m *Mirror) { m.head(nil, 0, 1) }},
	{name: "a stranger signs under the id of a key", want: trust.ErrSignature, do: func(m *Mirror) {
		m.signedHead(func(list []trust.Signature) []trust.Signature {
			forged := Sign(trust.RoleHead, Name, headDoc(m.nextHead(nil)), 7)[0]
			forged.KeyID = list[0].KeyID
			list[0] = forged
			return list
		})
	}},
	{name: "signatures of an earlier head stand under a new one", want: trust.ErrSignature, do: func(m *Mirror) {
		old, err := trust.ParseEnvelope(m.Files[bundle.HeadName], trust.RoleHead)
		must(err)
		m.headSigs(func([]trust.Signature) []byte { return old.Signatures })
	}},
	{name: "signed for another role", want: trust.ErrSignature, do: func(m *Mirror) {
		m.by(prefixed(trust.RoleManifest, Name), trust.MLDSAContext(trust.RoleManifest))
	}},
	{name: "signed for another channel", want: trust.ErrSignature, do: func(m *Mirror) { m.by(prefixed(trust.RoleHead, "test/other"), headContext) }},
	{name: "signed for every channel", want: trust.ErrSignature, do: func(m *Mirror) { m.by(prefixed(trust.RoleHead, ""), headContext) }},
	{name: "signed without what goes before the document", want: trust.ErrSignature, do: func(m *Mirror) {
		m.by(func(doc []byte) []byte { return doc }, headContext)
	}},
	{name: "signed with another length", want: trust.ErrSignature, do: func(m *Mirror) {
		m.by(func(doc []byte) []byte { return trust.SignedBytes(trust.RoleHead, Name, append(bytes.Clone(doc), 0)) }, headContext)
	}},
	{name: "channel and document share a byte otherwise", want: trust.ErrSignature, do: func(m *Mirror) {
		m.by(prefixed(trust.RoleHead, Name+"\x00"), headContext)
	}},
	{name: "the context of another role", want: trust.ErrSignature, do: func(m *Mirror) {
		m.by(prefixed(trust.RoleHead, Name), trust.MLDSAContext(trust.RoleManifest))
	}},
	{name: "no context", want: trust.ErrSignature, do: func(m *Mirror) { m.by(prefixed(trust.RoleHead, Name), "") }},
	{name: "Ed25519 alone is broken", want: trust.ErrSignature, do: func(m *Mirror) {
		m.signedHead(halves(func(s *trust.Signature) { s.MLDSA65 = make([]byte, len(s.MLDSA65)) }))
	}},
	{name: "ML-DSA alone is broken", want: trust.ErrSignature, do: func(m *Mirror) {
		m.signedHead(halves(func(s *trust.Signature) { s.Ed25519 = make([]byte, len(s.Ed25519)) }))
	}},
	{name: "two keys exchange their Ed25519 halves", want: trust.ErrSignature, do: func(m *Mirror) {
		m.signedHead(func(l []trust.Signature) []trust.Signature {
			l[0].Ed25519, l[1].Ed25519 = l[1].Ed25519, l[0].Ed25519
			return l
		})
	}},
	{name: "two keys exchange their ML-DSA halves", want: trust.ErrSignature, do: func(m *Mirror) {
		m.signedHead(func(l []trust.Signature) []trust.Signature {
			l[0].MLDSA65, l[1].MLDSA65 = l[1].MLDSA65, l[0].MLDSA65
			return l
		})
	}},
	{name: "two keys exchange their ids", want: trust.ErrSignature, do: func(m *Mirror) {
		m.signedHead(func(l []trust.Signature) []trust.Signature {
			l[0].KeyID, l[1].KeyID = l[1].KeyID, l[0].KeyID
			return ordered(l)
		})
	}},
	{name: "a signature of which half is a stranger's", want: trust.ErrSignature, do: func(m *Mirror) {
		doc := headDoc(m.nextHead(nil))
		list, strange := Sign(trust.RoleHead, Name, doc, 3, 4), Sign(trust.RoleHead, Name, doc, 7)
		list[1].Ed25519 = strange[0].Ed25519
		m.serveHead(doc, list)
	}},
	{name: "a wrong signature beside enough right ones", want: trust.ErrSignature, file: "root", do: func(m *Mirror) {
		doc := rootDoc(m.Shape.root(2, RootExpires), false)
		list := Sign(trust.RoleRoot, "", doc, 0, 1, 2)
		list[2].Ed25519 = list[1].Ed25519
		m.serveRoot(2, doc, list)
	}},
}

// halves changes a half of every signature.
func halves(edit func(s *trust.Signature)) func(list []trust.Signature) []trust.Signature {
	return func(list []trust.Signature) []trust.Signature {
		for i := range list {
			edit(&list[i])
		}
		return list
	}
}

// thresholds: a thief has fewer keys than it takes, and counts them twice.
var thresholds = []plan{
	{name: "one stolen key for heads", want: trust.ErrThreshold, do: func(m *Mirror) { m.head(nil, 3) }},
	{name: "one stolen key for heads, and strangers", want: trust.ErrThreshold, do: func(m *Mirror) { m.head(nil, 4, 7, 8, 9) }},
	{name: "one stolen key for heads, and all keys of other roles", want: trust.ErrThreshold, do: func(m *Mirror) { m.head(nil, 0, 1, 2, 3) }},
	{name: "enough keys, and strangers", do: func(m *Mirror) { m.head(nil, 3, 4, 7, 8) }},
	{name: "sixteen signatures, of which two count", do: func(m *Mirror) {
		m.head(nil, 3, 4, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33)
	}},
	{name: "seventeen signatures", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.head(nil, 3, 4, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34)
	}},
	{name: "a signature twice", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.signedHead(func(l []trust.Signature) []trust.Signature { return []trust.Signature{l[0], l[0]} })
	}},
	{name: "two signatures of one key", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		doc := headDoc(m.nextHead(nil))
		one, other := Sign(trust.RoleHead, Name, doc, 3)[0], Sign(trust.RoleHead, Name, doc, 3)[0]
		m.serveHead(doc, []trust.Signature{one, other})
	}},
	{name: "key ids out of order", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.signedHead(func(l []trust.Signature) []trust.Signature { return []trust.Signature{l[1], l[0]} })
	}},
	{name: "an Ed25519 half too short", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.signedHead(halves(func(s *trust.Signature) { s.Ed25519 = s.Ed25519[:63] }))
	}},
	{name: "an ML-DSA half too short", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.signedHead(halves(func(s *trust.Signature) { s.MLDSA65 = s.MLDSA65[:3308] }))
	}},
	{name: "an ML-DSA half too long", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.signedHead(halves(func(s *trust.Signature) { s.MLDSA65 = append(s.MLDSA65, 0) }))
	}},
	{name: "no ML-DSA half", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.headSigs(func(list []trust.Signature) []byte {
			b := wire.AppendArray(wire.AppendUint(start("sigs", 2), 1), len(list))
			for _, s := range list {
				b = bin(bin(wire.AppendMap(b, 2), 0, s.KeyID[:]), 1, s.Ed25519)
			}
			return b
		})
	}},
	{name: "a key id too short", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.headSigs(func(list []trust.Signature) []byte {
			b := wire.AppendArray(wire.AppendUint(start("sigs", 2), 1), len(list))
			for _, s := range list {
				b = bin(bin(bin(wire.AppendMap(b, 3), 0, s.KeyID[:15]), 1, s.Ed25519), 2, s.MLDSA65)
			}
			return b
		})
	}},
	{name: "a signature that says more than is known", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.headSigs(func(list []trust.Signature) []byte {
			b := wire.AppendArray(wire.AppendUint(start("sigs", 2), 1), len(list))
			for _, s := range list {
				b = bin(bin(bin(wire.AppendMap(b, 4), 0, s.KeyID[:]), 1, s.Ed25519), 2, s.MLDSA65)
				b = wire.AppendUint(wire.AppendUint(b, 3), 1)
			}
			return b
		})
	}},
	{name: "signatures that say more than is known", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.headSigs(func(list []trust.Signature) []byte {
			doc := signatures(list)
			return wire.AppendUint(append(append([]byte{0x83}, doc[1:]...), 2), 1)
		})
	}},
	{name: "a signature with an extension", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.headSigs(func(list []trust.Signature) []byte {
			b := wire.AppendArray(wire.AppendUint(start("sigs", 2), 1), len(list))
			for _, s := range list {
				b = append(b, extended(bin(bin(bin(wire.AppendMap(nil, 3), 0, s.KeyID[:]), 1, s.Ed25519), 2, s.MLDSA65))...)
			}
			return b
		})
	}},
	{name: "signatures with an extension", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.headSigs(func(list []trust.Signature) []byte { return extended(signatures(list)) })
	}},
	{name: "another document in place of signatures", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.headSigs(func(list []trust.Signature) []byte {
			return bytes.Replace(signatures(list), []byte("sigs"), []byte("sign"), 1)
		})
	}},
	{name: "no signatures document", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.headSigs(func([]trust.Signature) []byte { return nil })
	}},
	{name: "a signatures document without a list", want: syntax(trust.DocumentSignatures), do: func(m *Mirror) {
		m.headSigs(func([]trust.Signature) []byte { return start("sigs", 1) })
	}},
}
