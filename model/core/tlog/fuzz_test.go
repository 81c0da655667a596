package tlog_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/modeltest"
)

// FuzzProof holds the package to the oracles, with the proof as it comes and,
// because no mutation makes a signature, with the checkpoint's text signed once
// more by all whom the policy knows. What it takes in memory is bounded by the
// length of the proof.
func FuzzProof(f *testing.F) {
	c := newCast(f)
	p, o := policyOf(1, c.ed, c.w1, c.w3) // no ML-DSA-44, to be quick: its parser is the same
	tr := newTree(f, 11)
	head := headText(origin, 11, tr.root(f))
	good := string(tr.prove(f, 6, checkpoint(head, c.ed, c.w1, c.w3)))
	f.Add([]byte(good), entry(6))
	f.Add([]byte(strings.Replace(good, "\nindex", "\nextra AAEC\nindex", 1)), entry(6))
	f.Add(tr.prove(f, 10, checkpoint(head+"an extension\n", c.ed, c.w1, c.stranger)), entry(10))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"+checkpoint(headText(origin, 1, newTree(f, 1).root(f)), c.ed)), entry(0))
	f.Fuzz(func(t *testing.T, b, entry []byte) {
		if len(b) > 2*tlog.MaxBytes || len(entry) > 1<<10 {
			return // longer ones tell nothing new
		}
		try := func(b []byte) {
			_ = compare(t, p, o, b, entry)
			if err := modeltest.Frugal(b, func() { _, _ = p.Verify(b, entry) }); err != nil {
				t.Fatal(err)
			}
		}
		try(b)
		if start := bytes.Index(b, []byte("\n\n")) + 2; start > 1 {
			text, _, _ := bytes.Cut(b[start:], []byte("\n\n"))
			if bytes.Count(text, []byte("\n")) >= 2 {
				try(append(bytes.Clone(b[:start]), checkpoint(string(text)+"\n", c.ed, c.w1)...))
			}
		}
		if k, err := tlog.ParseKey(string(b)); err == nil && k.String() != string(b) {
			t.Fatalf("%q is read as %s", b, k)
		}
	})
}

// TestMemory is the worst that a proof of the longest length can ask for.
func TestMemory(t *testing.T) {
	c := newCast(t)
	p, _ := policyOf(0, c.ed, c.w1, c.w2, c.w3)
	ml, _ := policyOf(0, c.ml, c.w2)
	tr := newTree(t, 3)
	head := headText(origin, 3, tr.root(t))
	fill := func(s string, unit string) string {
		for len(s)+len(unit) <= tlog.MaxBytes {
			s += unit
		}
		return s
	}
	proof := string(tr.prove(t, 1, checkpoint(head, c.ed)))
	for name, test := range map[string]struct {
		policy *tlog.Policy
		proof  string
	}{
		"hashes":           {p, fill("c2sp.org/tlog-proof@v1\nindex 0\n", strings.Repeat("A", 43)+"=\n")},
		"extra":            {p, fill("c2sp.org/tlog-proof@v1\nextra ", "AAAA")},
		"signatures":       {p, fill(proof, c.w1.line([]byte(head), now))},
		"empty signatures": {p, fill(proof, "— x AAAAAAA=\n")},
		"long signature":   {p, fill(proof+"— x ", "AAAA")},
		"long name":        {p, fill(proof+"— ", "x")},
		"extension lines":  {p, fill("c2sp.org/tlog-proof@v1\nindex 0\n\n"+head, "x\n")},
		"empty lines":      {p, fill("c2sp.org/tlog-proof@v1\nindex 0\n", "\n")},
		"ML-DSA-44":        {ml, fill(string(tr.prove(t, 1, checkpoint(head, c.ml))), c.w2.line([]byte(head), now))},
	} {
		b := []byte(test.proof)
		if err := modeltest.Frugal(b, func() { _, _ = test.policy.Verify(b, entry(1)) }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
