package host

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
)

// releaseOf says how the file is made of frames and sections.
func releaseOf(frames, sections [][]byte) (r *bundle.Release, file []byte) {
	r = &bundle.Release{Frame: frames}
	for i, s := range sections {
		r.Bytes = append(r.Bytes, len(s))
		for _, leaf := range digest.LeafHashes(s) {
			r.Leaves = append(r.Leaves, leaf[:]...)
		}
		file = append(append(file, frames[i]...), s...)
	}
	return r, file
}

func TestAPlanIsFilledByHash(t *testing.T) {
	const size = digest.LeafSize
	zeros := make([]byte, size)
	long := bytes.Repeat([]byte{1}, 2*size+100)
	long[0] = 2
	r, want := releaseOf(
		[][]byte{[]byte("head"), {}, {1}, {2}, {3}, {4}},
		[][]byte{long, {}, zeros, zeros[:size-1], append(bytes.Clone(zeros), 0), {7}})
	p, err := newPlan(r)
	if err != nil {
		t.Fatal(err)
	}
	list, missing := p.missing()
	// Of long three leaves, a leaf of zeros once, one that is a byte shorter, and
	// two of one byte.
	if want := len(long) + size + size - 1 + 2; len(list) != 7 || missing != want {
		t.Errorf("%d leaves and %d bytes are missing, want 7 and %d", len(list), missing, want)
	}
	if got := p.put(zeros); got != 2*size {
		t.Errorf("a leaf that stands twice filled %d bytes, want %d", got, 2*size)
	}
	for _, b := range [][]byte{zeros, []byte("nobody wants it"), nil, make([]byte, size+1)} {
		if got := p.put(b); got != 0 {
			t.Errorf("%d bytes that nobody wants filled %d", len(b), got)
		}
	}
	for _, place := range list {
		p.put(want[place.at : place.at+place.n])
	}
	if list, missing := p.missing(); len(list) != 0 || missing != 0 || !bytes.Equal(p.file, want) {
		t.Errorf("at the end %d leaves and %d bytes are missing, and the file is right: %v", len(list), missing, bytes.Equal(p.file, want))
	}
}

func TestPlansRefuse(t *testing.T) {
	leaves := func(n int) []byte { return make([]byte, 32*n) }
	for _, c := range []struct {
		name string
		r    bundle.Release
	}{
		{"a length too few", bundle.Release{Frame: [][]byte{{}}, Leaves: leaves(1)}},
		{"a leaf too few", bundle.Release{Frame: [][]byte{{}}, Bytes: []int{digest.LeafSize + 1}, Leaves: leaves(1)}},
		{"a leaf too many", bundle.Release{Frame: [][]byte{{}}, Bytes: []int{digest.LeafSize}, Leaves: leaves(2)}},
		{"no leaf", bundle.Release{Frame: [][]byte{{}}, Bytes: []int{0}}},
		{"a length below 0", bundle.Release{Frame: [][]byte{{}}, Bytes: []int{-1}, Leaves: leaves(1)}},
		{"a byte too much", bundle.Release{Frame: [][]byte{{0}}, Bytes: []int{bundle.MaxFile}, Leaves: leaves(digest.Leaves(bundle.MaxFile))}},
		{"a byte too much, in two", bundle.Release{Frame: [][]byte{{}, {0}}, Bytes: []int{bundle.MaxFile, 0}, Leaves: leaves(digest.Leaves(bundle.MaxFile) + 1)}},
	} {
		if p, err := newPlan(&c.r); err == nil {
			t.Errorf("%s: a file of %d bytes", c.name, len(p.file))
		}
	}
	if _, size, err := layOut(&bundle.Release{Frame: [][]byte{{0}}, Bytes: []int{bundle.MaxFile - 1}, Leaves: leaves(digest.Leaves(bundle.MaxFile))}); err != nil || size != bundle.MaxFile {
		t.Errorf("the longest file: %d, %v", size, err)
	}
}

// FuzzAssemble lays out arbitrary releases: places are in order, within the file,
// and cover the sections; and what is put in is found there.
func FuzzAssemble(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 5, 0, 0, 1, 0, 0, 0}, make([]byte, 96))
	f.Add([]byte{0, 1, 0, 0, 0}, make([]byte, 32))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0x3f}, make([]byte, 32))
	f.Fuzz(func(t *testing.T, shape, leaves []byte) {
		r := bundle.Release{Leaves: leaves}
		for len(shape) >= 5 { // a byte of what stands before a section, four of its length
			r.Frame = append(r.Frame, make([]byte, shape[0]))
			r.Bytes = append(r.Bytes, int(int32(binary.LittleEndian.Uint32(shape[1:]))))
			shape = shape[5:]
		}
		for range shape {
			r.Bytes = append(r.Bytes, 0)
		}
		places, size, err := layOut(&r)
		if err != nil {
			return
		}
		at, i := 0, 0
		for s, n := range r.Bytes {
			at += len(r.Frame[s])
			for end := at + n; ; i++ {
				p := places[i]
				if p.at != at || p.n < 0 || p.n > digest.LeafSize || p.at+p.n > end {
					t.Fatalf("place %d is %+v in a section that ends at %d", i, p, end)
				}
				if at += p.n; at == end {
					i++
					break
				}
			}
		}
		if at != size || i != len(places) || size > bundle.MaxFile || len(leaves) != 32*len(places) {
			t.Fatalf("%d places of %d and %d bytes of %d are laid out", i, len(places), at, size)
		}
		if size > 1<<20 {
			return
		}
		// The same shape with leaves that exist.
		var sections [][]byte
		for s, n := range r.Bytes {
			section := bytes.Repeat([]byte{byte(s)}, n)
			copy(section, leaves)
			sections = append(sections, section)
		}
		real, want := releaseOf(r.Frame, sections)
		p, err := newPlan(real)
		if err != nil {
			t.Fatal(err)
		}
		filled := 0
		for _, s := range sections {
			for ; len(s) > 0; s = s[min(len(s), digest.LeafSize):] {
				filled += p.put(s[:min(len(s), digest.LeafSize)])
			}
		}
		if _, missing := p.missing(); missing > 0 || !bytes.Equal(p.file, want) {
			t.Fatalf("%d bytes of %d were filled, %d are missing", filled, size, missing)
		}
	})
}
