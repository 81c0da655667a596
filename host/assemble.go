package host

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/publish/patch"
)

// plan is the file of a release that is being put together. Nothing gets into it
// but bytes whose hash the release has.
type plan struct {
	file   []byte
	bytes  []int              // of each section
	places []place            // of the leaves, in the file's order
	wanted map[[32]byte][]int // places that still lack a leaf
}

// place is where a leaf stands in the file.
type place struct {
	leaf  [32]byte
	at, n int
}

// newPlan returns the plan of a release with nothing in it but what stands
// between the sections.
func newPlan(r *bundle.Release) (*plan, error) {
	places, size, err := layOut(r)
	if err != nil {
		return nil, err
	}
	p := &plan{file: make([]byte, size), bytes: r.Bytes, places: places, wanted: make(map[[32]byte][]int, len(places))}
	at := 0
	for i, head := range r.Frame {
		at += copy(p.file[at:], head) + r.Bytes[i]
	}
	for i, place := range places {
		if place.n > 0 {
			p.wanted[place.leaf] = append(p.wanted[place.leaf], i)
		}
	}
	return p, nil
}

// layOut returns where the leaves of a release stand, and how long its file is.
func layOut(r *bundle.Release) (places []place, size int, err error) {
	if len(r.Frame) != len(r.Bytes) {
		return nil, 0, errors.New("host: a release: want a length for each section")
	}
	leaves := r.Leaves
	for i, n := range r.Bytes {
		if n < 0 || n > bundle.MaxFile || len(r.Frame[i]) > bundle.MaxFile-n || size > bundle.MaxFile-n-len(r.Frame[i]) {
			return nil, 0, fmt.Errorf("host: a release: want a file of at most %d bytes", bundle.MaxFile)
		}
		size += len(r.Frame[i])
		if len(leaves) < 32*digest.Leaves(n) {
			return nil, 0, errors.New("host: a release: want the hashes of all leaves")
		}
		for from := 0; from == 0 || from < n; from += digest.LeafSize {
			places = append(places, place{leaf: [32]byte(leaves), at: size + from, n: min(digest.LeafSize, n-from)})
			leaves = leaves[32:]
		}
		size += n
	}
	if len(leaves) > 0 {
		return nil, 0, errors.New("host: a release: want no leaf that no section has")
	}
	return places, size, nil
}

// put takes in a leaf wherever it is wanted, and returns how many bytes that
// are.
func (p *plan) put(leaf []byte) (filled int) {
	if len(leaf) > digest.LeafSize {
		return 0
	}
	hash := digest.TreeHead(leaf) // of a single leaf
	for _, i := range p.wanted[hash] {
		filled += copy(p.file[p.places[i].at:][:p.places[i].n], leaf)
	}
	delete(p.wanted, hash)
	return filled
}

// wants says whether a leaf is still to come.
func (p *plan) wants(leaf [32]byte) bool { return len(p.wanted[leaf]) > 0 }

// reuse takes in the leaves of sections, whoever may have changed them.
func (p *plan) reuse(sections [][]byte) (filled int) {
	for _, section := range sections {
		for len(section) > 0 {
			n := min(digest.LeafSize, len(section))
			filled += p.put(section[:n])
			section = section[n:]
		}
	}
	return filled
}

// patch takes in what a patch makes of the sections of another bundle.
func (p *plan) patch(sections [][]byte, diff []byte) (filled int, err error) {
	size := 0
	for _, n := range p.bytes {
		size += n
	}
	body, err := patch.Apply(slices.Concat(sections...), diff, size)
	if err != nil {
		return 0, err
	}
	for _, n := range p.bytes {
		filled += p.reuse([][]byte{body[:n]})
		body = body[n:]
	}
	return filled, nil
}

// missing returns the places of leaves that are still wanted, each leaf once,
// and how many bytes these are.
func (p *plan) missing() (places []place, bytes int) {
	for i, place := range p.places {
		if at := p.wanted[place.leaf]; len(at) > 0 && at[0] == i {
			places = append(places, place)
			bytes += place.n
		}
	}
	return places, bytes
}
