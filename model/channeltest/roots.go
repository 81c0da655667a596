package channeltest

import (
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// root serves the next root, changed by edit and signed by keys.
func (m *Mirror) root(edit func(r *trust.Root), keys ...int) {
	r := m.Shape.root(m.Version+1, RootExpires)
	if edit != nil {
		edit(r)
	}
	doc := rootDoc(r, false)
	m.serveRoot(m.Version+1, doc, Sign(trust.RoleRoot, "", doc, keys...))
}

// serveRoot serves a document as the newest root, and says that it is a version.
func (m *Mirror) serveRoot(version uint64, doc []byte, list []trust.Signature) {
	file := Envelope(trust.Envelope{Role: trust.RoleRoot, Document: doc, Signatures: signatures(list), Version: version})
	m.Files[bundle.RootName] = file
	m.Files[bundle.NextRootName(version)] = file
}

// shape is root for other keys.
func (m *Mirror) shape(s Shape, keys ...int) {
	m.root(func(r *trust.Root) { *r = *s.root(r.Version, r.Expires) }, keys...)
}

// rotated is the honest shape with other keys for roots.
var rotated = Shape{Root: Role{2, []int{5, 6, 9}}, Manifest: Honest.Manifest, Head: Honest.Head}

// roots: the next root is not what the one before it and its own keys have
// signed.
var roots = []plan{
	{name: "a root that strangers have signed", want: trust.ErrSignature, do: func(m *Mirror) { m.root(nil, 7, 8) }},
	{name: "a root that nobody has signed", want: trust.ErrSignature, do: func(m *Mirror) { m.root(nil) }},
	{name: "a root of strangers, signed by themselves", want: trust.ErrSignature, do: func(m *Mirror) { m.shape(rotated, 5, 6) }},
	{name: "a root that one old key has signed", want: trust.ErrThreshold, do: func(m *Mirror) { m.root(nil, 0) }},
	{name: "new keys and one old key", want: trust.ErrThreshold, do: func(m *Mirror) { m.shape(rotated, 0, 5, 6, 9) }},
	{name: "old keys and none of the new", want: trust.ErrSignature, do: func(m *Mirror) { m.shape(rotated, 0, 1, 2) }},
	{name: "old keys and one of the new", want: trust.ErrThreshold, do: func(m *Mirror) { m.shape(rotated, 0, 1, 5) }},
	{name: "a root that the keys of heads have signed", want: trust.ErrSignature, do: func(m *Mirror) { m.root(nil, 3, 4) }},
	{name: "a root signed as a manifest", want: trust.ErrSignature, do: func(m *Mirror) {
		doc := rootDoc(m.Shape.root(2, RootExpires), false)
		m.serveRoot(2, doc, Sign(trust.RoleManifest, "", doc, 1, 2))
	}},
	{name: "a root signed for the channel", want: trust.ErrSignature, do: func(m *Mirror) {
		doc := rootDoc(m.Shape.root(2, RootExpires), false)
		m.serveRoot(2, doc, Sign(trust.RoleRoot, Name, doc, 0, 1))
	}},
	{name: "a root's envelope with a channel", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		doc := rootDoc(m.Shape.root(2, RootExpires), false)
		m.Files[bundle.RootName] = Envelope(trust.Envelope{
			Role: trust.RoleRoot, Channel: Name, Document: doc, Signatures: signatures(Sign(trust.RoleRoot, Name, doc, 0, 1)), Version: 2,
		})
	}},
	{name: "a version left out", want: trust.ErrRootVersion, do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Version = 3 }, 0, 1)
		m.rename(bundle.NextRootName(2), 3)
	}},
	{name: "the envelope says the next version, the root the one after", want: trust.ErrRootVersion, do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Version = 3 }, 0, 1)
	}},
	{name: "the envelope says the version after the next", want: trust.ErrRootVersion, do: func(m *Mirror) {
		m.root(nil, 0, 1)
		m.rename(bundle.NextRootName(2), 3)
	}},
	{name: "the trusted root once more, as the next", want: trust.ErrRootVersion, do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Version = 1 }, 0, 1)
	}},
	{name: "the trusted root's file under the next name", want: trust.ErrRootVersion, do: func(m *Mirror) {
		first := m.Files[bundle.RootName]
		m.root(nil, 0, 1)
		m.Files[bundle.NextRootName(2)] = first
	}},
	{name: "an older root", want: trust.ErrRollback, do: func(m *Mirror) {
		first := m.Files[bundle.RootName]
		m.PutRoot(Honest, RootExpires, 0, 1)
		m.Settle()
		m.Files[bundle.RootName] = first
	}},
	{name: "the trusted root, said to be older", want: trust.ErrRollback, do: func(m *Mirror) {
		m.PutRoot(Honest, RootExpires, 0, 1)
		m.Settle()
		m.rename(bundle.RootName, 1)
	}},
	{name: "another root of the same version", want: trust.ErrReplaced, do: func(m *Mirror) {
		doc := rootDoc(m.Shape.root(1, RootExpires+1), false)
		m.serveRoot(1, doc, Sign(trust.RoleRoot, "", doc, 0, 1))
	}},
	{name: "the newest root is another one than its number's", want: trust.ErrReplaced, do: func(m *Mirror) {
		m.PutRoot(Honest, RootExpires, 0, 1)
		newest := m.Files[bundle.RootName]
		m.Version--
		m.PutRoot(Honest, RootExpires+1, 0, 1)
		m.Files[bundle.RootName] = newest
	}},
	{name: "the newer root that the head asks for is withheld", want: trust.ErrRootVersion, file: bundle.HeadName, do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.RootVersion = 2 }, 3, 4)
	}},
	{name: "a chain that breaks at its third root", want: trust.ErrSignature, do: func(m *Mirror) {
		m.PutRoot(Honest, RootExpires, 0, 1)
		m.Follow()
		m.rest()
		m.root(nil, 7, 8)
	}},
	{name: "a root that accepts nobody's roots", want: trust.ErrSignature, do: func(m *Mirror) {
		doc := rootDoc(m.Shape.root(2, RootExpires), true)
		m.serveRoot(2, doc, Sign(trust.RoleRoot, "", doc, 0, 1))
	}},

	// Signed, and malformed all the same.
	{name: "a root with a key twice", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Keys = append(r.Keys, r.Keys[0]) }, 0, 1)
	}},
	{name: "two keys with one Ed25519 half", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Keys[4].Ed25519 = r.Keys[0].Ed25519 }, 0, 1)
	}},
	{name: "two keys with one ML-DSA half", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Keys[4].MLDSA65 = r.Keys[3].MLDSA65 }, 0, 1)
	}},
	{name: "an ML-DSA half too short for a key", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Keys[4].MLDSA65 = r.Keys[4].MLDSA65[1:] }, 0, 1)
	}},
	{name: "a threshold of nobody", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Roles.Head.Threshold = 0 }, 0, 1)
	}},
	{name: "a threshold above the number of keys", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Roles.Head.Threshold = 3 }, 0, 1)
	}},
	{name: "a role with a key twice", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Roles.Head.Keys = []int{3, 3} }, 0, 1)
	}},
	{name: "a role whose keys are out of order", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Roles.Head.Keys = []int{4, 3} }, 0, 1)
	}},
	{name: "a role with a key that is not there", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Roles.Head.Keys = []int{3, 5} }, 0, 1)
	}},
	{name: "a root without keys", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		doc := rootDoc(&trust.Root{Version: 2, Expires: RootExpires}, true)
		m.serveRoot(2, doc, Sign(trust.RoleRoot, "", doc, 0, 1))
	}},
	{name: "a root with 17 keys", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.root(func(r *trust.Root) {
			for i := 20; len(r.Keys) < 17; i++ {
				r.Keys = append(r.Keys, keyring(i).public)
			}
		}, 0, 1)
	}},
	{name: "a root that says more than is known", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.rootBytes(func(doc []byte) []byte { return wire.AppendUint(append(append([]byte{0x86}, doc[1:]...), 9), 1) })
	}},
	{name: "a head in place of a root", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.rootBytes(func([]byte) []byte { return headDoc(m.nextHead(nil)) })
	}},
	{name: "a root cut short", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.rootBytes(func(doc []byte) []byte { return doc[:len(doc)-1] })
	}},
}

// firstRoots: the root with which a device begins.
var firstRoots = []plan{
	{name: "a first root that strangers have signed", want: trust.ErrSignature, do: func(m *Mirror) {
		m.root(nil, 7, 8)
		m.Begin(m.Files[bundle.RootName])
	}},
	{name: "a first root that one of its keys has signed", want: trust.ErrThreshold, do: func(m *Mirror) {
		m.root(nil, 2)
		m.Begin(m.Files[bundle.RootName])
	}},
	{name: "a first root whose envelope says another version", want: trust.ErrRootVersion, do: func(m *Mirror) {
		m.rename(bundle.RootName, 2)
		m.Begin(m.Files[bundle.RootName])
	}},
	{name: "a first root in an envelope, without roles", want: trust.ErrSignature, do: func(m *Mirror) {
		doc := rootDoc(m.Shape.root(1, RootExpires), true)
		m.serveRoot(1, doc, Sign(trust.RoleRoot, "", doc, 0, 1))
		m.Begin(m.Files[bundle.RootName])
	}},
	{name: "a first root that is none", want: syntax(trust.DocumentRoot), do: func(m *Mirror) { m.Begin([]byte("root")) }},
	{name: "a first root in an envelope that is none", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.Begin(m.Files[bundle.RootName][:100])
	}},
	{name: "a first root in an envelope, cut short", want: syntax(trust.DocumentRoot), do: func(m *Mirror) {
		m.rootBytes(func(doc []byte) []byte { return doc[:len(doc)-1] })
		m.Begin(m.Files[bundle.RootName])
	}},
	{name: "a first root too long to be stored", want: trust.ErrSize, do: func(m *Mirror) {
		m.Begin(longRoot(m.Shape, trust.MaxRoot+1))
	}},
	{name: "the longest first root", do: func(m *Mirror) {
		doc := longRoot(m.Shape, trust.MaxRoot)
		m.serveRoot(1, doc, Sign(trust.RoleRoot, "", doc, 0, 1))
		m.Begin(doc)
	}},
	{name: "a first root outside an envelope, for the page's own code vouches for it", do: func(m *Mirror) {
		e, err := trust.ParseEnvelope(m.Files[bundle.RootName], trust.RoleRoot)
		must(err)
		m.Begin(e.Document)
	}},
	{name: "a first root without roles follows no channel", want: trust.ErrReplaced, do: func(m *Mirror) {
		m.Begin(rootDoc(m.Shape.root(1, RootExpires), true))
	}},
	{name: "a first root without roles takes no head", want: trust.ErrSignature, do: func(m *Mirror) {
		m.Begin(rootDoc(m.Shape.root(1, RootExpires), true))
		m.gets = &Call{Followed: bundle.Followed{Name: bundle.HeadName, File: m.Files[bundle.HeadName]}, Now: Now}
	}},
}

// rename says of a root's file that it is another version.
func (m *Mirror) rename(name string, version uint64) {
	e, err := trust.ParseEnvelope(m.Files[bundle.RootName], trust.RoleRoot)
	must(err)
	e.Version = version
	file := Envelope(e)
	m.Files[name], m.Files[bundle.RootName] = file, file
}

// rootBytes serves the next root after edit has changed its document, signed.
func (m *Mirror) rootBytes(edit func(doc []byte) []byte) {
	doc := edit(rootDoc(m.Shape.root(2, RootExpires), false))
	m.serveRoot(2, doc, Sign(trust.RoleRoot, "", doc, 0, 1))
}

// longRoot is a root of n bytes, by an extension.
func longRoot(s Shape, n int) []byte {
	doc := rootDoc(s.root(1, RootExpires), false)
	doc = append(wire.AppendMap(nil, 6), doc[1:]...)
	doc = wire.AppendUint(doc, 64)
	const head = 5 // of a long bin
	return wire.AppendBin(doc, make([]byte, n-len(doc)-head))
}

// rotations: what the publisher does when keys come, go or are stolen.
var rotations = []plan{
	{name: "all keys of roots change", do: func(m *Mirror) { m.PutRoot(rotated, RootExpires, 0, 1, 5, 6) }, then: at(2, 2)},
	{name: "five roots at once, each signed by the one before", do: func(m *Mirror) {
		for i := range 5 {
			before := m.Shape.Root.Keys
			s := m.Shape
			s.Root = Role{2, []int{20 + 2*i, 21 + 2*i}}
			m.PutRoot(s, RootExpires, before[0], before[1], 20+2*i, 21+2*i)
		}
	}, then: at(6, 2)},
	{name: "an expired root on the way to a good one", do: func(m *Mirror) {
		m.PutRoot(Honest, Created, 0, 1)
		m.PutRoot(Honest, RootExpires, 0, 1)
	}, then: at(3, 2)},
	{name: "the last root has expired", want: trust.ErrRootExpired, do: func(m *Mirror) { m.PutRoot(Honest, Now, 0, 1) }},
	{name: "the last root expires in a second", do: func(m *Mirror) { m.PutRoot(Honest, Now+1, 0, 1) }, then: at(2, 2)},
	{name: "a root of which nothing but an extension is new", do: func(m *Mirror) {
		m.rootBytes(func(doc []byte) []byte { return wire.AppendUint(append(append([]byte{0x86}, doc[1:]...), 64), 1) })
	}, then: at(2, 2)},
	{name: "all 16 keys a root may have", do: func(m *Mirror) {
		s := m.Shape
		s.Root = Role{2, []int{0, 1, 2, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30}}
		m.PutRoot(s, RootExpires, 0, 1)
	}, then: at(2, 2)},

	{name: "a key that has left signs", want: trust.ErrThreshold, do: func(m *Mirror) {
		m.rotateHeads(Role{2, []int{4, 5}})
		m.head(nil, 3, 4)
	}},
	{name: "only keys that have left sign", want: trust.ErrSignature, do: func(m *Mirror) {
		m.rotateHeads(Role{2, []int{5, 6}})
		m.head(nil, 3, 4)
	}},
	{name: "a key that has left roots signs the next", want: trust.ErrThreshold, file: "root", do: func(m *Mirror) {
		s := m.Shape
		s.Root = Role{2, []int{1, 2, 5}}
		m.PutRoot(s, RootExpires, 0, 1, 2)
		m.Settle()
		m.root(nil, 0, 1)
	}},
	{name: "a release that keys have signed which have left", want: trust.ErrSignature, file: "releases/", do: func(m *Mirror) {
		m.PutRelease(3, Expires)
		s := m.Shape
		s.Manifest = Role{2, []int{5, 6}}
		m.PutRoot(s, RootExpires, 0, 1)
		m.PutHead(nil)
	}},
	{name: "the open bundle's keys have left", want: trust.ErrSignature, do: func(m *Mirror) {
		s := m.Shape
		s.Manifest = Role{2, []int{5, 6}}
		m.PutRoot(s, RootExpires, 0, 1)
		must(m.Follow())
		m.rest()
		m.opens = m.Bundles[2]
	}},

	// Recovery from numbers that a thief has used up, and no more than that.
	{name: "new keys for heads begin at 1", do: func(m *Mirror) {
		m.head(func(h *trust.Head) {
			h.Seq, h.Issued, h.Expires, h.MinVersion = 1<<20, RootExpires, RootExpires+1, 1<<53
		}, 3, 4)
		must(m.Follow())
		s := m.Shape
		s.Head = Role{2, []int{5, 6}}
		m.PutRoot(s, RootExpires, 0, 1)
		m.Seq = 0
		m.PutHead(nil)
	}, then: func(m *Mirror) bool {
		s := m.Trusted()
		return s.Seq == 1 && s.MinVersion == 0 && s.Time == Created+60
	}},
	{name: "another threshold for heads begins at 1", do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Seq = 1 << 20 }, 3, 4)
		must(m.Follow())
		s := m.Shape
		s.Head.Threshold = 1
		m.PutRoot(s, RootExpires, 0, 1)
		m.Seq = 0
		m.PutHead(nil)
	}, then: func(m *Mirror) bool { return m.Trusted().Seq == 1 }},
	{name: "one more key for heads begins at 1", do: func(m *Mirror) {
		s := m.Shape
		s.Head = Role{2, []int{3, 4, 5}}
		m.PutRoot(s, RootExpires, 0, 1)
		m.Seq = 0
		m.PutHead(nil)
	}, then: func(m *Mirror) bool { return m.Trusted().Seq == 1 }},
	{name: "new keys for manifests may begin at 1", do: func(m *Mirror) {
		s := m.Shape
		s.Manifest = Role{2, []int{5, 6}}
		m.PutRoot(s, RootExpires, 0, 1)
		m.PutRelease(1, Expires)
		m.PutHead(nil)
	}, then: func(m *Mirror) bool {
		s := m.Trusted()
		return s.Accepted.Version == 1 && s.Opened.Version == 2 && s.Seq == 3
	}},
	{name: "new keys for heads do not take manifests back", want: trust.ErrRollback, do: func(m *Mirror) {
		m.rotateHeads(Role{2, []int{5, 6}})
		m.PutRelease(1, Expires)
		m.PutHead(nil)
	}},
	{name: "new keys for manifests do not take heads back", want: trust.ErrRollback, do: func(m *Mirror) {
		old := m.Files[bundle.HeadName]
		m.PutHead(nil)
		m.Settle()
		s := m.Shape
		s.Manifest = Role{2, []int{5, 6}}
		m.PutRoot(s, RootExpires, 0, 1)
		m.Files[bundle.HeadName] = old
	}},
	{name: "new keys for roots take nothing back", want: trust.ErrRollback, do: func(m *Mirror) {
		old := m.Files[bundle.HeadName]
		m.PutHead(nil)
		m.Settle()
		m.PutRoot(rotated, RootExpires, 0, 1, 5, 6)
		m.Files[bundle.HeadName] = old
	}},
	{name: "keys that stand at other places are still the same", want: trust.ErrRollback, do: func(m *Mirror) {
		old := m.Files[bundle.HeadName]
		m.PutHead(nil)
		m.Settle()
		s := m.Shape
		s.Root = Role{2, []int{1, 2}}
		m.PutRoot(s, RootExpires, 0, 1, 2)
		m.Files[bundle.HeadName] = old
	}},
}

// rotateHeads gives heads other keys, and has the device take the root.
func (m *Mirror) rotateHeads(r Role) {
	s := m.Shape
	s.Head = r
	m.PutRoot(s, RootExpires, 0, 1)
	m.Seq = 0
	m.PutHead(nil)
	m.Settle()
}

// at says that a device trusts a version of the root and has accepted one of
// the release.
func at(root, release uint64) func(m *Mirror) bool {
	return func(m *Mirror) bool {
		s := m.Trusted()
		return s.Root.Version == root && s.Accepted.Version == release
	}
}
