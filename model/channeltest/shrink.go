package channeltest

import (
	"bytes"
	"sync"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// A fuzzer that is given documents as they are spends its time in the middle of
// keys and signatures. So it is given them with a mark in place of each long
// value that the honest channel has, and they are put back before a reader sees
// them. A mark is the byte that msgpack never uses and a number; the last number
// is that byte itself.
const mark, itself = 0xc1, 0xff

// maxGrown bounds what marks may become, in bytes.
const maxGrown = 256 << 10

// values are the long values by number, each with its head.
var values = sync.OnceValue(func() (list [][]byte) {
	add := func(b []byte) { list = append(list, wire.AppendBin(nil, b)) }
	m := NewMirror()
	for i := range 9 {
		add(keyring(i).public.MLDSA65)
	}
	for _, f := range []struct {
		name string
		role trust.Role
	}{{bundle.RootName, trust.RoleRoot}, {bundle.HeadName, trust.RoleHead}, {bundle.ReleaseName(m.Release.Digest), trust.RoleManifest}} {
		e, err := trust.ParseEnvelope(m.Files[f.name], f.role)
		must(err)
		sigs, err := trust.ParseSignatures(e.Signatures)
		must(err)
		for _, s := range sigs {
			add(s.MLDSA65)
			add(s.Ed25519)
		}
		add(e.Signatures)
		add(e.Document)
		add(m.Files[f.name])
	}
	add(m.State)
	return list
})

// Shrink puts marks in place of long values.
func Shrink(doc []byte) (b []byte) {
	list := values()
	for len(doc) > 0 {
		at := -1
		for n, v := range list {
			if bytes.HasPrefix(doc, v) && (at < 0 || len(v) > len(list[at])) {
				at = n
			}
		}
		switch {
		case at >= 0:
			b, doc = append(b, mark, byte(at)), doc[len(list[at]):]
		case doc[0] == mark:
			b, doc = append(b, mark, itself), doc[1:]
		default:
			b, doc = append(b, doc[0]), doc[1:]
		}
	}
	return b
}

// Grow puts long values in place of marks.
func Grow(b []byte) (doc []byte) {
	for list := values(); len(b) > 0 && len(doc) < maxGrown; {
		switch {
		case b[0] == mark && len(b) > 1 && int(b[1]) < len(list):
			doc, b = append(doc, list[b[1]]...), b[2:]
		case b[0] == mark && len(b) > 1 && b[1] == itself:
			doc, b = append(doc, mark), b[2:]
		default:
			doc, b = append(doc, b[0]), b[1:]
		}
	}
	return doc
}
