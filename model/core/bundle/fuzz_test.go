package bundle_test

import (
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
)

// FuzzDocuments feeds the readers of untrusted documents: no panic, and a
// manifest that is accepted keeps to its bounds.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte{0x84, 0, 0xa4, 'r', 'o', 'o', 't', 1, 1, 2, 1, 3, 0x90})
	f.Add([]byte{0x8c, 0, 0xa4, 'm', 'a', 'n', 'i', 1, 0xa0})
	f.Add([]byte{0x86, 0, 0xa8, 'n', 'e', 'a', 'r', 's', 'i', 'd', 'e', 1, 1})
	f.Fuzz(func(t *testing.T, doc []byte) {
		if root, err := trust.ParseRoot(doc); err == nil {
			if len(root.Keys) == 0 {
				t.Fatal("a root without keys is accepted")
			}
			_, _ = bundle.Open(root, doc, 0)
		}
		if m, err := bundle.ParseManifest(doc); err == nil {
			if m.Limits.Items < 1 || m.Limits.Items > bundle.MaxItems || len(m.Sections) > bundle.MaxSections {
				t.Fatalf("limits %+v and %d sections are accepted", m.Limits, len(m.Sections))
			}
		}
		_, _ = bundle.ParseFrame(doc)
	})
}
