package audit

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
)

// TestTreeHeadsAreTheCores: two ways to one hash, at every length where
// something changes.
func TestTreeHeadsAreTheCores(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 9*digest.LeafSize+5)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	lengths := []int{0, 1}
	for leaves := 1; leaves <= 9; leaves++ {
		for _, more := range []int{-1, 0, 1} {
			lengths = append(lengths, leaves*digest.LeafSize+more)
		}
	}
	for _, n := range lengths {
		got, leaves := treeHead(data[:n])
		if want := digest.TreeHead(data[:n]); got != want || leaves != max(1, (n+digest.LeafSize-1)/digest.LeafSize) {
			t.Errorf("%d bytes: got %x of %d leaves, want %x", n, got, leaves, want)
		}
	}
}

func TestBytesThatNothingCovers(t *testing.T) {
	good := ials.options(t)
	for _, c := range []struct {
		name  string
		forge func(f *forged)
		words string
	}{
		{"a bit of the rows", func(f *forged) {
			at := f.kindOf(bundle.KindRows)
			f.sections[at] = bytes.Clone(f.sections[at])
			f.sections[at][17] ^= 4
		}, "section rows is not"},
		{"a section longer", func(f *forged) { f.sections[0] = append(bytes.Clone(f.sections[0]), 0) }, "section ids is not"},
		{"a section more", func(f *forged) { f.sections = append(f.sections, nil) }, "sections, the manifest lists"},
		{"a section less", func(f *forged) { f.sections = f.sections[1:] }, "sections, the manifest lists"},
		{"a value in the frame", func(f *forged) { f.extra = []byte("reader 4711") }, "neither signed nor hashed"},
		{"a value beside the signatures", func(f *forged) {
			f.signatures = func(list []value) []value { list[0].set(64, textOf("reader 4711")); return list }
		}, "the signatures carry 1 values"},
	} {
		opt := good
		f := forge(t, opt.Bundle)
		c.forge(f)
		opt.Bundle = f.file()
		s := subjectOf(t, opt)
		if s.openErr == nil {
			t.Errorf("%s: devices open the bundle", c.name)
		}
		t.Run(c.name, func(t *testing.T) { s.want(t, "A06", Fail, c.words) })
	}
}
