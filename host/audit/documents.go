package audit

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/nearside/nearside/model/core/bundle"
)

// named is a document and what it is called in a report.
type named struct {
	name string
	doc  []byte
}

// documents returns everything that SPEC.md calls a document.
func (s *subject) documents() []named {
	list := []named{{"root", s.opt.Root}, {"bundle", s.opt.Bundle}}
	if s.opt.Head != nil {
		list = append(list, named{"head", s.opt.Head})
	}
	for _, e := range s.envelopes() {
		list = append(list, named{e.name + ", document", e.Document}, named{e.name + ", signatures", e.Signatures})
	}
	if s.frameErr != nil {
		return list // what is wrong with it is said of the bundle
	}
	list = append(list, named{"manifest", s.frame.bin(3)}, named{"signatures", s.frame.bin(4)})
	if encoder := s.section(bundle.KindEncoder); encoder != nil {
		list = append(list, named{"encoder", encoder})
	}
	for i, a := range s.manifest.KnownAnswers {
		list = append(list, named{fmt.Sprintf("known request %d", i), a.Request})
	}
	for i, a := range s.manifest.EarlyAnswers {
		list = append(list, named{fmt.Sprintf("early request %d", i), a.Request})
	}
	return list
}

// canonicalForm (A02) reads every document, writes it anew the one way that
// SPEC.md allows, and compares. So there is nothing in how a document is
// written that could tell one copy from another.
func canonicalForm(_ context.Context, s *subject, f *finding) {
	for _, d := range s.documents() {
		v, sum, at, err := canonical(d.doc)
		if err != nil {
			f.note(d.name, "sha256 %s", hexHash(d.doc))
			f.fail("%s: %v", d.name, err)
			continue
		}
		if at < 0 {
			f.note(d.name, "%d bytes, sha256 %s, written anew the same", len(d.doc), hexHash(d.doc))
		} else {
			f.note(d.name, "%d bytes, sha256 %s, written anew %s", len(d.doc), hexHash(d.doc), hex.EncodeToString(sum[:]))
			f.fail("%s: byte %d is not what the canonical form has there", d.name, at)
		}
		if n := v.extensions(); n > 0 {
			f.note(d.name+", unknown keys", "%d", n)
		}
	}
}
