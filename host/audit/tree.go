package audit

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/wire"
)

// chunkTree (A06) hashes every section anew, by another road than the core's,
// and then builds the file from what is signed and from what signs: there is
// no byte in it that nobody has listed.
func chunkTree(_ context.Context, s *subject, f *finding) {
	frame := s.frame
	if s.frameErr != nil {
		f.fail("the bundle: %v", s.frameErr)
		return
	}
	if s.manifest.Sections == nil {
		f.fail("the manifest: %v", s.openErr)
		return
	}
	sections, _ := frame.at(5)
	version, _ := frame.at(1)
	f.note("file", "%d bytes", len(s.opt.Bundle))
	f.note("sections", "%d, the manifest lists %d", len(sections.list), len(s.manifest.Sections))
	if len(sections.list) != len(s.manifest.Sections) {
		f.fail("%d sections, the manifest lists %d", len(sections.list), len(s.manifest.Sections))
		return
	}
	leaves, hashed := 0, 0
	for i, want := range s.manifest.Sections {
		body := sections.list[i].content
		got, n := treeHead(body)
		if version.number == 1 {
			got, n = sha256.Sum256(body), 1
		}
		leaves, hashed = leaves+n, hashed+len(body)
		f.note(want.Kind.String(), "%d bytes, leaves %d, %x", len(body), n, got)
		if len(body) != want.Bytes || got != want.Hash {
			f.note(want.Kind.String()+", as listed", "%d bytes, %x", want.Bytes, want.Hash)
			f.fail("section %s is not the one that the manifest lists", want.Kind)
		}
	}
	f.note("leaves", "%d of up to %d bytes, RFC 6962; %d bytes hashed", leaves, digest.LeafSize, hashed)
	signing := len(frame.bin(4))
	f.note("manifest", "%d bytes, all of them signed", len(frame.bin(3)))
	f.note("signatures", "%d bytes: they sign, and nothing signs them", signing)
	f.note("the rest of the file", "%d bytes: types and lengths", len(s.opt.Bundle)-hashed-len(frame.bin(3))-signing)
	unlisted(f, s.opt.Bundle, frame)
	for _, e := range s.envelopes() {
		if v, err := readDocument(e.file); err == nil && v.extensions() > 0 {
			f.fail("the envelope of the %s carries %d values that nobody reads and nothing covers", e.name, v.extensions())
		}
	}
}

// unlisted fails when something is in the file that SPEC.md does not name: it
// would be covered by no hash and no signature.
func unlisted(f *finding, file []byte, frame value) {
	c := newComparer(file)
	head := wire.AppendString(append(wire.AppendMap(nil, 6), 0), "nearside")
	version, _ := frame.at(1)
	channel, _ := frame.at(2)
	sections, _ := frame.at(5)
	head = wire.AppendUint(append(head, 1), version.number)
	head = wire.AppendString(append(head, 2), string(channel.content))
	head = wire.AppendBin(append(head, 3), frame.bin(3))
	head = wire.AppendBin(append(head, 4), frame.bin(4))
	_, _ = c.Write(wire.AppendArray(append(head, 5), len(sections.list)))
	for _, s := range sections.list {
		_, _ = c.Write(wire.AppendBinHead(nil, len(s.content)))
		_, _ = c.Write(s.content)
	}
	if _, at := c.end(); at >= 0 {
		f.fail("byte %d on: something that is neither signed nor hashed", at)
	}
	signatures, err := readDocument(frame.bin(4))
	if err != nil {
		f.fail("the signatures: %v", err)
	} else if n := signatures.extensions(); n > 0 {
		f.fail("the signatures carry %d values that nobody reads and nothing covers", n)
	}
}

// treeHead is the Merkle tree hash of RFC 6962 over leaves of 64 KiB. The
// core's takes the tree apart from the top; this one grows it leaf by leaf, with
// complete subtrees waiting for their right sisters.
func treeHead(data []byte) (head [32]byte, leaves int) {
	type subtree struct {
		leaves int
		hash   [32]byte
	}
	var waiting []subtree // each smaller than the one before it
	join := func() {
		l, r := waiting[len(waiting)-2], waiting[len(waiting)-1]
		node := sha256.Sum256(slices.Concat([]byte{1}, l.hash[:], r.hash[:]))
		waiting = append(waiting[:len(waiting)-2], subtree{l.leaves + r.leaves, node})
	}
	for first := true; first || len(data) > 0; first = false {
		n := min(len(data), digest.LeafSize)
		waiting = append(waiting, subtree{1, sha256.Sum256(slices.Concat([]byte{0}, data[:n]))})
		data = data[n:]
		leaves++
		for len(waiting) > 1 && waiting[len(waiting)-2].leaves == waiting[len(waiting)-1].leaves {
			join()
		}
	}
	for len(waiting) > 1 {
		join()
	}
	return waiting[0].hash, leaves
}
