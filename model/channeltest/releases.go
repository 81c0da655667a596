package channeltest

import (
	"bytes"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/pack"
)

// release publishes version 3 and a head that names it, and then serves the
// manifest's envelope as edit has changed it.
func (m *Mirror) release(edit func(e *trust.Envelope)) {
	m.PutRelease(3, Expires)
	m.PutHead(nil)
	m.editRelease(edit)
}

func (m *Mirror) editRelease(edit func(e *trust.Envelope)) {
	name := bundle.ReleaseName(m.Release.Digest)
	e, err := trust.ParseEnvelope(m.Files[name], trust.RoleManifest)
	must(err)
	e.Document, e.Leaves = bytes.Clone(e.Document), bytes.Clone(e.Leaves)
	edit(&e)
	m.Files[name] = Envelope(e)
}

// manifest publishes a manifest that edit has changed, with all signatures
// right and a head that names it.
func (m *Mirror) manifest(edit func(doc []byte) []byte) {
	m.PutRelease(3, Expires)
	m.replace(Frame(m.Bundles[3]), edit, 1, 2)
}

// replace publishes a frame's manifest as edit has changed it, signed by keys,
// and a head that names it.
func (m *Mirror) replace(f bundle.Frame, edit func(doc []byte) []byte, keys ...int) {
	doc := edit(bytes.Clone(f.Manifest))
	m.Release.Bytes, m.Release.Digest = len(doc), trust.Digest(doc)
	m.Files[bundle.ReleaseName(m.Release.Digest)] = Envelope(trust.Envelope{
		Role: trust.RoleManifest, Channel: Name, Document: doc, Leaves: leavesOf(f),
		Signatures: signatures(Sign(trust.RoleManifest, Name, doc, keys...)),
	})
	m.PutHead(nil)
}

// sign signs a release anew.
func sign(role trust.Role, channel string, keys ...int) func(e *trust.Envelope) {
	return func(e *trust.Envelope) { e.Signatures = signatures(Sign(role, channel, e.Document, keys...)) }
}

// put publishes a release with options of its own and a head that names it.
func (m *Mirror) put(opt pack.Options) {
	opt.Version, opt.Created = 3, Created
	if opt.Channel == "" {
		opt.Channel = Name
	}
	if opt.Expires == 0 {
		opt.Expires = Expires
	}
	m.PutBundle(opt)
	m.PutHead(nil)
}

// abi is where a manifest says which version of ABI.md reads it.
var abi = []byte{6, bundle.ABIVersion, 7, 0x84}

// replaced returns an edit that puts new in place of old, which must be there.
func replaced(old, new []byte) func(doc []byte) []byte {
	return func(doc []byte) []byte {
		if bytes.Count(doc, old) != 1 {
			panic("channeltest: internal error: the manifest is not written like this any more")
		}
		return bytes.Replace(doc, old, new, 1)
	}
}

// releases: what lies under the name that the head gives a manifest.
var releases = []plan{
	// Arbitrary installation.
	{name: "a release that strangers have signed", want: trust.ErrSignature, do: func(m *Mirror) { m.release(sign(trust.RoleManifest, Name, 7, 8)) }},
	{name: "a release that nobody has signed", want: trust.ErrSignature, do: func(m *Mirror) { m.release(sign(trust.RoleManifest, Name)) }},
	{name: "a release that one key has signed", want: trust.ErrThreshold, do: func(m *Mirror) { m.release(sign(trust.RoleManifest, Name, 2)) }},
	{name: "a release that the keys of heads have signed", want: trust.ErrSignature, do: func(m *Mirror) { m.release(sign(trust.RoleManifest, Name, 3, 4)) }},
	{name: "a release signed as a head", want: trust.ErrSignature, do: func(m *Mirror) { m.release(sign(trust.RoleHead, Name, 1, 2)) }},
	{name: "a release signed as a root", want: trust.ErrSignature, do: func(m *Mirror) { m.release(sign(trust.RoleRoot, Name, 1, 2)) }},
	{name: "a release signed for another channel", want: trust.ErrSignature, do: func(m *Mirror) { m.release(sign(trust.RoleManifest, "test/other", 1, 2)) }},
	{name: "signatures of the release before", want: trust.ErrSignature, do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Signatures = Frame(m.Bundles[2]).Signatures })
	}},
	{name: "a right release", do: func(m *Mirror) { m.release(func(*trust.Envelope) {}) }, then: at(1, 3)},
	{name: "a release for which all and strangers have signed", do: func(m *Mirror) { m.release(sign(trust.RoleManifest, Name, 1, 2, 7)) }, then: at(1, 3)},

	// Mix-and-match.
	{name: "the release before under the new name", want: trust.ErrMismatch, do: func(m *Mirror) {
		old := m.Files[bundle.ReleaseName(m.Release.Digest)]
		m.release(func(*trust.Envelope) {})
		m.Files[bundle.ReleaseName(m.Release.Digest)] = old
	}},
	{name: "a bit of the manifest", want: trust.ErrMismatch, do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Document[len(e.Document)-1] ^= 1 })
	}},
	{name: "a byte after the manifest", want: trust.ErrMismatch, do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Document = append(e.Document, 0) })
	}},
	{name: "the head names another length", want: trust.ErrMismatch, do: func(m *Mirror) {
		m.PutRelease(3, Expires)
		m.PutHead(func(h *trust.Head) { h.Release.Bytes++ })
	}},
	{name: "the head names a higher version", want: trust.ErrMismatch, do: func(m *Mirror) {
		m.PutRelease(3, Expires)
		m.PutHead(func(h *trust.Head) { h.Release.Version = 4 })
	}},
	{name: "the head names a lower version", want: trust.ErrMismatch, do: func(m *Mirror) {
		m.PutRelease(3, Expires)
		m.PutHead(func(h *trust.Head) { h.Release.Version = 2 })
		m.Files[bundle.RootName] = honest().Files[bundle.RootName]
		m.Begin(m.Files[bundle.RootName])
	}},
	{name: "another channel's release", want: trust.ErrChannel, do: func(m *Mirror) {
		m.put(pack.Options{Channel: "test/other"})
	}},
	{name: "another channel's release in this channel's envelope", want: trust.ErrChannel, do: func(m *Mirror) {
		m.put(pack.Options{Channel: "test/other"})
		m.editRelease(func(e *trust.Envelope) { e.Channel = Name; sign(trust.RoleManifest, Name, 1, 2)(e) })
	}},
	{name: "this channel's release in another channel's envelope", want: trust.ErrChannel, do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Channel = "test/other"; sign(trust.RoleManifest, "test/other", 1, 2)(e) })
	}},
	{name: "leaves of the release before", want: bundle.ErrHash, do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Leaves = leavesOf(Frame(m.Bundles[2])) })
	}},
	{name: "a bit of a leaf", want: bundle.ErrHash, do: func(m *Mirror) { m.release(func(e *trust.Envelope) { e.Leaves[40] ^= 1 }) }},
	{name: "two leaves exchanged", want: bundle.ErrHash, do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Leaves = slices.Concat(e.Leaves[32:64], e.Leaves[:32], e.Leaves[64:]) })
	}},
	{name: "the last leaf missing", want: bundle.ErrHash, do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Leaves = e.Leaves[:len(e.Leaves)-32] })
	}},
	{name: "no leaves", want: bundle.ErrHash, do: func(m *Mirror) { m.release(func(e *trust.Envelope) { e.Leaves = nil }) }},
	{name: "a leaf that no section has", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Leaves = append(e.Leaves, e.Leaves[:32]...) })
	}},
	{name: "half a leaf", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Leaves = e.Leaves[:len(e.Leaves)-16] })
	}},

	// Freeze and rollback.
	{name: "a release that has expired", want: trust.ErrExpired, do: func(m *Mirror) { m.put(pack.Options{Expires: Now}) }},
	{name: "a release a second before its expiry", do: func(m *Mirror) { m.put(pack.Options{Expires: Now + 1}) }, then: at(1, 3)},
	{name: "a clock that is set back does not revive a release", want: trust.ErrExpired, do: func(m *Mirror) {
		m.PutHead(func(h *trust.Head) { h.Issued = Created + 6*Day })
		m.Settle()
		m.put(pack.Options{Expires: Created + 5*Day})
	}},
	{name: "a release after the root's expiry", want: trust.ErrRootExpired, do: func(m *Mirror) {
		m.release(func(*trust.Envelope) {})
		m.named()
		m.gets.Now = RootExpires
	}},
	{name: "a release below the least version is not asked for", do: func(m *Mirror) {
		m.PutRelease(3, Expires)
		m.PutHead(func(h *trust.Head) { h.MinVersion = 4 })
	}, then: func(m *Mirror) bool { s := m.Trusted(); return s.Named.Version == 3 && s.Accepted.Version == 2 }},
	{name: "a release at the least version", do: func(m *Mirror) {
		m.PutRelease(3, Expires)
		m.PutHead(func(h *trust.Head) { h.MinVersion = 3 })
	}, then: at(1, 3)},
	{name: "a release below what was accepted, though a head names it", want: trust.ErrRollback, do: func(m *Mirror) {
		m.release(func(*trust.Envelope) {})
		m.named()
		s := m.Trusted()
		s.Accepted.Version = 4 // a state that no head leads to
		m.State = s.Append(nil)
		m.anchor = m.State
	}},
	{name: "a release below the least version, without having been asked for", want: trust.ErrStopped, do: func(m *Mirror) {
		m.PutRelease(3, Expires)
		m.PutHead(func(h *trust.Head) { h.MinVersion = 4 })
		m.named()
	}},
	{name: "a bundle that was lost is fetched again", do: func(m *Mirror) { m.Lost = true }, then: func(m *Mirror) bool {
		return m.calls[len(m.calls)-1].Name == bundle.ReleaseName(m.Release.Digest)
	}},

	// Wrong software.
	{name: "a release for other modules", want: trust.ErrModule, do: func(m *Mirror) {
		m.put(pack.Options{Modules: [][32]byte{{1}, {2}}})
		m.Module = [32]byte{3}
	}},
	{name: "a release for some modules, to a device that does not know its own", want: trust.ErrModule, do: func(m *Mirror) {
		m.put(pack.Options{Modules: [][32]byte{{1}, {2}}})
	}},
	{name: "a release for this module", do: func(m *Mirror) {
		m.put(pack.Options{Modules: [][32]byte{{1}, {2}}})
		m.Module = [32]byte{2}
	}, then: at(1, 3)},
	{name: "a release of format 1, which has no leaves", want: bundle.ErrVersion, do: func(m *Mirror) {
		m.manifest(replaced(abi, []byte{6, 1, 7, 0x84}))
	}},
	{name: "a release of a format to come", want: bundle.ErrVersion, do: func(m *Mirror) {
		m.manifest(replaced(abi, []byte{6, bundle.ABIVersion + 1, 7, 0x84}))
	}},
	{name: "a release of format 2", do: func(m *Mirror) { m.manifest(replaced(abi, []byte{6, 2, 7, 0x84})) }, then: at(1, 3)},

	// Signed, and malformed all the same.
	{name: "a release of format 3 with what only format 4 has", want: syntax(trust.DocumentManifest), do: func(m *Mirror) {
		m.PutBundle(pack.Options{Channel: Name, Version: 3, Created: Created, Expires: Expires, Modules: [][32]byte{{1}}})
		m.replace(Frame(m.Bundles[3]), replaced(abi, []byte{6, 3, 7, 0x84}), 1, 2)
		m.Module = [32]byte{1}
	}},
	{name: "a manifest cut short", want: syntax(trust.DocumentManifest), do: func(m *Mirror) {
		m.manifest(func(doc []byte) []byte { return doc[:len(doc)-1] })
	}},
	{name: "a byte after a manifest", want: syntax(trust.DocumentManifest), do: func(m *Mirror) {
		m.manifest(func(doc []byte) []byte { return append(doc, 0) })
	}},
	{name: "a head in place of a manifest", want: syntax(trust.DocumentManifest), do: func(m *Mirror) {
		m.manifest(func([]byte) []byte { return headDoc(m.nextHead(nil)) })
	}},
	{name: "a manifest that says more than is known", want: syntax(trust.DocumentManifest), do: func(m *Mirror) {
		m.manifest(func(doc []byte) []byte { return wire.AppendUint(append(append([]byte{doc[0] + 1}, doc[1:]...), 17), 1) })
	}},
}

// named brings the device to the head, and gives it what the head names.
func (m *Mirror) named() {
	for _, name := range []string{bundle.RootName, bundle.HeadName} {
		_, err := m.do(Call{Followed: bundle.Followed{Name: name, File: m.Files[name]}, Now: m.Now})
		must(err)
	}
	m.rest()
	name := bundle.ReleaseName(m.Release.Digest)
	m.gets = &Call{Followed: bundle.Followed{Name: name, File: m.Files[name]}, Now: m.Now}
}

// give gives the device a file by a name, whether it has asked or not.
func give(name string, file func(m *Mirror) []byte) func(m *Mirror) {
	return func(m *Mirror) { m.gets = &Call{Followed: bundle.Followed{Name: name, File: file(m)}, Now: m.Now} }
}

// the returns a file as it is.
func the(name string) func(m *Mirror) []byte { return func(m *Mirror) []byte { return m.Files[name] } }

// extended returns a document with an extension: a value under a key that
// readers pass over in documents that are signed.
func extended(doc []byte) []byte {
	return wire.AppendUint(wire.AppendUint(append([]byte{doc[0] + 1}, doc[1:]...), Extension), 1)
}

// extends serves a file with an extension.
func extends(name string) func(m *Mirror) {
	return func(m *Mirror) { m.Files[name] = extended(m.Files[name]) }
}

// some returns a file of any bytes.
func some(b []byte) func(m *Mirror) []byte { return func(*Mirror) []byte { return b } }

var bomb = []byte{0xdd, 0xff, 0xff, 0xff, 0xff} // an array of 2³²−1

// endless: files that are too long, no files at all, and files under a name
// that was not asked for.
var endless = []plan{
	{name: "an endless newest root", want: trust.ErrSize, do: give(bundle.RootName, some(make([]byte, trust.MaxRootFile+1)))},
	{name: "an endless next root", want: trust.ErrSize, do: give(bundle.NextRootName(2), some(make([]byte, trust.MaxRootFile+1)))},
	{name: "an endless head", want: trust.ErrSize, do: give(bundle.HeadName, some(make([]byte, trust.MaxHeadFile+1)))},
	{name: "an endless release", want: Request, do: give("releases/x.nsm", some(make([]byte, trust.MaxReleaseFile+1)))},
	{name: "nothing but length: a root", want: syntax(trust.DocumentEnvelope), do: give(bundle.RootName, some(make([]byte, trust.MaxRootFile)))},
	{name: "nothing but length: a head", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, some(make([]byte, trust.MaxHeadFile)))},
	{name: "a head's document too long", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.serveHead(make([]byte, trust.MaxHead+1), nil)
	}},
	{name: "a root's document too long", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.serveRoot(2, make([]byte, trust.MaxRoot+1), nil)
	}},
	{name: "signatures too long", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.headSigs(func([]trust.Signature) []byte { return make([]byte, trust.MaxSignatures+1) })
	}},
	{name: "more leaves than a file may have", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) { e.Leaves = make([]byte, trust.MaxLeaves+32) })
	}},
	{name: "no newest root", want: syntax(trust.DocumentEnvelope), do: give(bundle.RootName, some(nil))},
	{name: "no head", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, some(nil))},
	{name: "an empty release", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.release(func(*trust.Envelope) {})
		m.Files[bundle.ReleaseName(m.Release.Digest)] = nil
	}},
	{name: "a bomb in place of the newest root", want: syntax(trust.DocumentEnvelope), do: give(bundle.RootName, some(bomb))},
	{name: "a bomb in place of the next root", want: syntax(trust.DocumentEnvelope), do: give(bundle.NextRootName(2), some(bomb))},
	{name: "a bomb in place of a head", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, some(bomb))},
	{name: "an error page in place of a head", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, some([]byte("<!doctype html>404")))},
	{name: "a byte after a head's envelope", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, func(m *Mirror) []byte {
		return append(bytes.Clone(m.Files[bundle.HeadName]), 0)
	})},
	{name: "an envelope that says more than is known", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, func(m *Mirror) []byte {
		file := m.Files[bundle.HeadName]
		return wire.AppendUint(append(append([]byte{0x86}, file[1:]...), 7), 1)
	})},
	{name: "a root's envelope with an extension", want: syntax(trust.DocumentEnvelope), do: extends(bundle.RootName)},
	{name: "a head's envelope with an extension", want: syntax(trust.DocumentEnvelope), do: extends(bundle.HeadName)},
	{name: "a release's envelope with an extension", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.release(func(*trust.Envelope) {})
		extends(bundle.ReleaseName(m.Release.Digest))(m)
	}},
	{name: "a head with a version of a root", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, func(m *Mirror) []byte {
		file := m.Files[bundle.HeadName]
		return wire.AppendUint(append(append([]byte{0x86}, file[1:]...), 5), 1)
	})},
	{name: "a head with the leaves of a manifest", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, func(m *Mirror) []byte {
		file := m.Files[bundle.HeadName]
		return wire.AppendBin(append(append([]byte{0x86}, file[1:]...), 6), nil)
	})},
	{name: "an envelope of another name", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, func(m *Mirror) []byte {
		return bytes.Replace(m.Files[bundle.HeadName], []byte("signed"), []byte("sealed"), 1)
	})},
	{name: "a release whose envelope says that it is a head", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.release(func(e *trust.Envelope) {})
		name := bundle.ReleaseName(m.Release.Digest)
		m.Files[name] = bytes.Replace(m.Files[name], []byte("\x01\xa8manifest"), []byte("\x01\xa4head"), 1)
	}},
	{name: "a root without its version", want: syntax(trust.DocumentEnvelope), do: give(bundle.RootName, func(m *Mirror) []byte {
		file := m.Files[bundle.RootName]
		return append([]byte{0x85}, file[1:len(file)-2]...)
	})},
	{name: "a head in place of the newest root", want: syntax(trust.DocumentEnvelope), do: give(bundle.RootName, the(bundle.HeadName))},
	{name: "a head in place of the next root", want: syntax(trust.DocumentEnvelope), do: give(bundle.NextRootName(2), the(bundle.HeadName))},
	{name: "a root's envelope in place of a head", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, the(bundle.RootName))},
	{name: "a bundle in place of a head", want: syntax(trust.DocumentEnvelope), do: give(bundle.HeadName, func(m *Mirror) []byte { return m.Bundles[2] })},

	{name: "a root that was not asked for", want: trust.ErrMismatch, do: give(bundle.NextRootName(3), the(bundle.RootName))},
	{name: "the trusted root by its number", want: trust.ErrMismatch, do: give(bundle.NextRootName(1), the(bundle.RootName))},
	{name: "a release that no head names", want: trust.ErrMismatch, do: func(m *Mirror) {
		m.PutRelease(3, Expires)
		name := bundle.ReleaseName(m.Release.Digest)
		give(name, the(name))(m)
	}},
	{name: "a name beside the channel's folder", want: trust.ErrMismatch, do: give("../root.nsr", the(bundle.RootName))},
	{name: "a name with a capital", want: trust.ErrMismatch, do: give("Head.nsh", the(bundle.HeadName))},
	{name: "a chunk, which is not followed to", want: trust.ErrMismatch, do: give(bundle.ChunkName([32]byte{}), some([]byte{1}))},
	{name: "a name longer than any", want: Request, do: give(string(bytes.Repeat([]byte("x"), 129)), the(bundle.HeadName))},
}

// opens has the device open a file.
func opens(file func(m *Mirror) []byte) func(m *Mirror) {
	return func(m *Mirror) { m.opens = file(m) }
}

// newest is the bundle that the device has accepted, as edit has changed it.
func newest(edit func(m *Mirror, f *bundle.Frame)) func(m *Mirror) {
	return opens(func(m *Mirror) []byte {
		f := Frame(m.Bundles[2])
		f.Sections = slices.Clone(f.Sections)
		edit(m, &f)
		return FrameFile(f)
	})
}

// FrameFile writes a bundle, which may be wrong in any way.
func FrameFile(f bundle.Frame) []byte {
	b := wire.AppendUint(wire.AppendUint(start("nearside", 6), 1), f.Version)
	b = wire.AppendString(wire.AppendUint(b, 2), f.Channel)
	b = bin(bin(b, 3, f.Manifest), 4, f.Signatures)
	b = wire.AppendArray(wire.AppendUint(b, 5), len(f.Sections))
	for _, s := range f.Sections {
		b = wire.AppendBin(b, s)
	}
	return b
}

// bundles: what a device that follows a channel is given to open.
var bundles = []plan{
	{name: "the accepted bundle", do: newest(func(*Mirror, *bundle.Frame) {}), then: at(1, 2)},
	{name: "a bundle that no head has named", want: trust.ErrMismatch, do: opens(func(m *Mirror) []byte {
		m.PutRelease(3, Expires)
		return m.Bundles[3]
	})},
	{name: "a bundle that a head names, and whose manifest was not right yet", want: trust.ErrMismatch, do: opens(func(m *Mirror) []byte {
		m.PutRelease(3, Expires)
		m.PutHead(nil)
		m.named()
		return m.Bundles[3]
	})},
	{name: "the bundle before", want: trust.ErrRollback, do: opens(func(m *Mirror) []byte { return m.Bundles[1] })},
	{name: "another bundle of the accepted version", want: trust.ErrMismatch, do: opens(func(m *Mirror) []byte {
		m.PutRelease(2, Expires+1)
		return m.Bundles[2]
	})},
	{name: "the last good bundle, while a newer one is on its way", do: opens(func(m *Mirror) []byte {
		m.PutRelease(3, Expires)
		m.PutHead(nil)
		must(m.Follow())
		m.rest()
		return m.Bundles[2]
	}), then: func(m *Mirror) bool { s := m.Trusted(); return s.Accepted.Version == 3 && s.Opened.Version == 2 }},
	{name: "a bundle that is stopped", want: trust.ErrStopped, do: opens(func(m *Mirror) []byte {
		m.PutHead(func(h *trust.Head) { h.MinVersion = 3 })
		must(m.Follow())
		m.rest()
		return m.Bundles[2]
	})},
	{name: "a bundle at the least version", do: opens(func(m *Mirror) []byte {
		m.PutHead(func(h *trust.Head) { h.MinVersion = 2 })
		must(m.Follow())
		m.rest()
		return m.Bundles[2]
	}), then: at(1, 2)},
	{name: "a bundle at its expiry", want: trust.ErrExpired, do: opens(func(m *Mirror) []byte { m.Now = Expires; return m.Bundles[2] })},
	{name: "a bundle a second before its expiry", do: opens(func(m *Mirror) []byte { m.Now = Expires - 1; return m.Bundles[2] }), then: at(1, 2)},
	{name: "a clock that is set back does not revive a bundle", want: trust.ErrExpired, do: opens(func(m *Mirror) []byte {
		m.PutHead(func(h *trust.Head) { h.Issued, h.Expires = Expires, Expires+Day })
		must(m.Follow())
		m.rest()
		return m.Bundles[2]
	})},
	{name: "a bundle after the root's expiry", want: trust.ErrRootExpired, do: opens(func(m *Mirror) []byte { m.Now = RootExpires; return m.Bundles[2] })},
	{name: "another channel's bundle", want: trust.ErrChannel, do: opens(func(m *Mirror) []byte {
		m.PutBundle(pack.Options{Channel: "test/other", Version: 2, Created: Created, Expires: Expires})
		return m.Bundles[2]
	})},
	{name: "a bundle that strangers have signed", want: trust.ErrSignature, do: newest(func(m *Mirror, f *bundle.Frame) {
		f.Signatures = signatures(Sign(trust.RoleManifest, Name, f.Manifest, 7, 8))
	})},
	{name: "a bundle that one key has signed", want: trust.ErrThreshold, do: newest(func(m *Mirror, f *bundle.Frame) {
		f.Signatures = signatures(Sign(trust.RoleManifest, Name, f.Manifest, 1))
	})},
	{name: "a bundle signed as a head", want: trust.ErrSignature, do: newest(func(m *Mirror, f *bundle.Frame) {
		f.Signatures = signatures(Sign(trust.RoleHead, Name, f.Manifest, 1, 2))
	})},
	{name: "a bundle with the signatures of the one before", want: trust.ErrSignature, do: newest(func(m *Mirror, f *bundle.Frame) {
		f.Signatures = Frame(m.Bundles[1]).Signatures
	})},
	{name: "a bundle in another channel's frame", want: trust.ErrSignature, do: newest(func(m *Mirror, f *bundle.Frame) { f.Channel = "test/other" })},
	{name: "a bundle in another channel's frame, signed for it", want: syntax(trust.DocumentManifest), do: newest(func(m *Mirror, f *bundle.Frame) {
		f.Channel = "test/other"
		f.Signatures = signatures(Sign(trust.RoleManifest, f.Channel, f.Manifest, 1, 2))
	})},
	{name: "sections of the bundle before", want: bundle.ErrHash, do: newest(func(m *Mirror, f *bundle.Frame) { f.Sections = Frame(m.Bundles[1]).Sections })},
	{name: "a bit of the last section", want: bundle.ErrHash, do: newest(func(m *Mirror, f *bundle.Frame) {
		last := bytes.Clone(f.Sections[len(f.Sections)-1])
		last[0] ^= 0x80
		f.Sections[len(f.Sections)-1] = last
	})},
	{name: "a section cut short", want: bundle.ErrHash, do: newest(func(m *Mirror, f *bundle.Frame) { f.Sections[0] = f.Sections[0][:8] })},
	{name: "two sections exchanged", want: bundle.ErrHash, do: newest(func(m *Mirror, f *bundle.Frame) {
		f.Sections[0], f.Sections[1] = f.Sections[1], f.Sections[0]
	})},
	{name: "a section missing", want: syntax(trust.DocumentManifest), do: newest(func(m *Mirror, f *bundle.Frame) { f.Sections = f.Sections[1:] })},
	{name: "no sections at all", want: syntax(trust.DocumentManifest), do: newest(func(m *Mirror, f *bundle.Frame) { f.Sections = nil })},
	{name: "a section that nobody has signed", want: syntax(trust.DocumentManifest), do: newest(func(m *Mirror, f *bundle.Frame) {
		f.Sections = append(f.Sections, []byte{1})
	})},
	{name: "a frame of another format", want: bundle.ErrVersion, do: newest(func(m *Mirror, f *bundle.Frame) { f.Version = 3 })},
	{name: "a frame of a format to come", want: bundle.ErrVersion, do: newest(func(m *Mirror, f *bundle.Frame) { f.Version = bundle.FormatVersion + 1 })},
	{name: "a bundle whose frame has an extension", want: syntax(trust.DocumentFrame), do: opens(func(m *Mirror) []byte {
		return extended(m.Bundles[2])
	})},
	{name: "a bundle whose signatures have an extension", want: syntax(trust.DocumentSignatures), do: newest(func(m *Mirror, f *bundle.Frame) {
		f.Signatures = extended(f.Signatures)
	})},
	{name: "a bomb in place of a bundle", want: syntax(trust.DocumentFrame), do: opens(func(*Mirror) []byte { return bomb })},
	{name: "an envelope in place of a bundle", want: syntax(trust.DocumentFrame), do: opens(func(m *Mirror) []byte {
		return m.Files[bundle.ReleaseName(m.Release.Digest)]
	})},
}
