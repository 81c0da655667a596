package channeltest

import (
	"bytes"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// heads: what the keys of heads have signed, by theft or by mistake, or long
// ago.
var heads = []plan{
	// Rollback.
	{name: "the first head again", want: trust.ErrRollback, do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Seq = 1 }, 3, 4)
	}},
	{name: "a head of the same sequence with other bytes", want: trust.ErrReplaced, do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Seq = 2; h.Expires++ }, 3, 4)
	}},
	{name: "the same head again", do: func(m *Mirror) {}, then: at(1, 2)},
	{name: "an older release under a newer head", want: trust.ErrRollback, do: func(m *Mirror) {
		m.PutRelease(1, Expires)
		m.PutHead(nil)
	}},
	{name: "another release of the same version", want: trust.ErrReplaced, do: func(m *Mirror) {
		m.PutRelease(2, Expires+1)
		m.PutHead(nil)
	}},
	{name: "the least version falls", want: trust.ErrRollback, do: func(m *Mirror) {
		m.PutHead(func(h *trust.Head) { h.MinVersion = 2 })
		m.Settle()
		m.PutHead(func(h *trust.Head) { h.MinVersion = 1 })
	}},
	{name: "an old head to a device that has begun anew, which cannot know", do: func(m *Mirror) {
		m.Begin(m.Files[bundle.RootName])
	}, then: at(1, 2)},

	{name: "a first head that names version 0 of something", want: trust.ErrMismatch, file: "releases/", do: func(m *Mirror) {
		m.PutHead(func(h *trust.Head) { h.Release.Version = 0 })
		m.Begin(m.Files[bundle.RootName])
	}},

	// Fast-forward.
	{name: "the largest step of a sequence", do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Seq = 2 + trust.MaxSeqStep }, 3, 4)
	}, then: func(m *Mirror) bool { return m.Trusted().Seq == 2+trust.MaxSeqStep }},
	{name: "a step too large", want: trust.ErrFastForward, do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Seq = 3 + trust.MaxSeqStep }, 3, 4)
	}},
	{name: "the largest sequence", want: trust.ErrFastForward, do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Seq = trust.MaxSeq }, 3, 4)
	}},
	{name: "any sequence is a first one", do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Seq = trust.MaxSeq }, 3, 4)
		m.Begin(m.Files[bundle.RootName])
	}, then: func(m *Mirror) bool { return m.Trusted().Seq == trust.MaxSeq }},

	// Freeze.
	{name: "a head at its expiry", want: trust.ErrHeadExpired, do: func(m *Mirror) { m.Now = HeadExpires }},
	{name: "a head a second before its expiry", do: func(m *Mirror) { m.Now = HeadExpires - 1 }, then: at(1, 2)},
	{name: "a head past its expiry, which the device has seen before", want: trust.ErrHeadExpired, do: func(m *Mirror) { m.Now = HeadExpires + Day }},
	{name: "a clock that is set back does not revive a head", want: trust.ErrHeadExpired, do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Issued, h.Expires = Created+6*Day, Created+9*Day }, 3, 4)
		m.Settle()
		m.head(func(h *trust.Head) { h.Issued, h.Expires = Created+Day, Created+6*Day }, 3, 4)
	}},
	{name: "a clock that was far ahead once", do: func(m *Mirror) {
		m.Now = RootExpires + 100*Day
		if !Is(m.Follow(), trust.ErrRootExpired) {
			panic("channeltest: internal error: a root lives for ever")
		}
		m.rest()
		m.Now = Now
	}, then: at(1, 2)},
	{name: "a device that was away until its head had expired", do: func(m *Mirror) {
		m.Now = HeadExpires + Day
		m.head(func(h *trust.Head) { h.Issued, h.Expires = HeadExpires, HeadExpires+7*Day }, 3, 4)
	}, then: at(1, 2)},
	{name: "a head that outlives the root", want: trust.ErrRootExpired, do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Expires = RootExpires + Day }, 3, 4)
		m.Now = RootExpires
	}},
	{name: "a head a second before the root's expiry", do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Expires = RootExpires + Day }, 3, 4)
		m.Now = RootExpires - 1
	}, then: at(1, 2)},
	{name: "a head of a root that the device was not served", want: trust.ErrRootVersion, do: func(m *Mirror) {
		m.PutRoot(Honest, RootExpires, 0, 1)
		m.PutHead(nil)
		m.Files[bundle.RootName] = honest().Files[bundle.RootName]
	}},
	{name: "a head of the root before", do: func(m *Mirror) { m.PutRoot(Honest, RootExpires, 0, 1) }, then: at(2, 2)},

	// Wrong channel.
	{name: "another channel's head", want: trust.ErrChannel, do: func(m *Mirror) {
		m.otherHead("test/other", func(h *trust.Head) { h.Channel = "test/other" })
	}},
	{name: "another channel's head in this channel's envelope", want: trust.ErrChannel, do: func(m *Mirror) {
		m.otherHead(Name, func(h *trust.Head) { h.Channel = "test/other" })
	}},
	{name: "this channel's head in another channel's envelope", want: trust.ErrChannel, do: func(m *Mirror) {
		m.otherHead("test/other", nil)
	}},
	{name: "a head of no channel", want: trust.ErrChannel, do: func(m *Mirror) {
		m.otherHead("", func(h *trust.Head) { h.Channel = "" })
	}},
	{name: "a channel that begins like this one", want: trust.ErrChannel, do: func(m *Mirror) {
		m.otherHead(Name+"/", func(h *trust.Head) { h.Channel = Name + "/" })
	}},
	{name: "a channel whose name is none", want: syntax(trust.DocumentEnvelope), do: func(m *Mirror) {
		m.otherHead("Test/News", func(h *trust.Head) { h.Channel = "Test/News" })
	}},

	// Signed, and malformed all the same.
	{name: "a sequence of 0", want: syntax(trust.DocumentHead), do: func(m *Mirror) { m.head(func(h *trust.Head) { h.Seq = 0 }, 3, 4) }},
	{name: "a sequence beyond the largest", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Seq = trust.MaxSeq + 1 }, 3, 4)
	}},
	{name: "a version beyond the largest", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Release.Version = trust.MaxVersion + 1 }, 3, 4)
	}},
	{name: "issued when it expires", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Issued = h.Expires }, 3, 4)
	}},
	{name: "a manifest longer than one may be", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Release.Bytes = trust.MaxManifest + 1 }, 3, 4)
	}},
	{name: "17 patches", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Patches = make([]trust.Patch, trust.MaxPatches+1) }, 3, 4)
	}},
	{name: "16 patches and the longest proof, where none is asked for", do: func(m *Mirror) {
		m.head(func(h *trust.Head) {
			h.Patches, h.Proof = make([]trust.Patch, trust.MaxPatches), make([]byte, trust.MaxProof)
		}, 3, 4)
	}, then: at(1, 2)},
	{name: "a proof too long", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Proof = make([]byte, trust.MaxProof+1) }, 3, 4)
	}},
	{name: "a patch too long", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.head(func(h *trust.Head) { h.Patches = []trust.Patch{{Bytes: trust.MaxPatch + 1}} }, 3, 4)
	}},
	{name: "a head that says more than is known", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.headBytes(func(doc []byte) []byte { return wire.AppendUint(append(append([]byte{0x89}, doc[1:]...), 10), 1) })
	}},
	{name: "a release that says more than is known", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.headBytes(func(doc []byte) []byte {
			at := bytes.Index(doc, []byte{6, 0x83, 0, 2}) + 1
			digest := len(doc) - 2 // key 7 and a 0 are last
			return append(append(append(bytes.Clone(doc[:at]), 0x84), doc[at+1:digest]...), 3, 1, 7, 0)
		})
	}},
	{name: "a patch that says more than is known", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.headBytes(func(doc []byte) []byte {
			doc = append(append([]byte{0x89}, doc[1:]...), 9, 0x91, 0x84)
			doc = wire.AppendUint(wire.AppendUint(bin(doc, 0, make([]byte, 32)), 1), 5)
			return append(bin(doc, 2, make([]byte, 32)), 3, 1)
		})
	}},
	{name: "a head with an extension", do: func(m *Mirror) {
		m.headBytes(func(doc []byte) []byte { return wire.AppendUint(append(append([]byte{0x89}, doc[1:]...), 64), 1) })
	}, then: at(1, 2)},
	{name: "a head cut short", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.headBytes(func(doc []byte) []byte { return doc[:len(doc)-1] })
	}},
	{name: "a byte after a head", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.headBytes(func(doc []byte) []byte { return append(doc, 0) })
	}},
	{name: "a root in place of a head", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.headBytes(func([]byte) []byte { return rootDoc(m.Shape.root(2, RootExpires), false) })
	}},
	{name: "a manifest that the keys of heads have signed as a head", want: syntax(trust.DocumentHead), do: func(m *Mirror) {
		m.headBytes(func([]byte) []byte { return Frame(m.Bundles[2]).Manifest })
	}},
}

// headBytes serves the next head after edit has changed its document, signed.
func (m *Mirror) headBytes(edit func(doc []byte) []byte) {
	doc := edit(headDoc(m.nextHead(nil)))
	m.serveHead(doc, Sign(trust.RoleHead, Name, doc, 3, 4))
}

// otherHead serves a head in the envelope of any channel, signed for it.
func (m *Mirror) otherHead(channel string, edit func(h *trust.Head)) {
	doc := headDoc(m.nextHead(edit))
	m.Files[bundle.HeadName] = Envelope(trust.Envelope{
		Role: trust.RoleHead, Channel: channel, Document: doc, Signatures: signatures(Sign(trust.RoleHead, channel, doc, 3, 4)),
	})
}
