package patch

import (
	"errors"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/wire"
)

// layout is a body and how it is made up.
type layout struct {
	body  []byte
	parts []part
}

// part is a run of the body whose old and new bytes are compared with each other:
// a section or, where it has two runs that grow with the items, one of them.
type part struct {
	name     partName
	from, to int   // in the body
	rows     []int // where the rows begin, from the part's start on, and where the last ends; nil: they do not move
}

// partName tells the parts of a body apart.
type partName struct {
	kind bundle.Kind
	text bool // what the offsets of the section point into
}

// part returns the part of a name, or one without bytes.
func (l *layout) part(name partName) part {
	for _, p := range l.parts {
		if p.name == name {
			return p
		}
	}
	return part{}
}

var errSections = errors.New("want sections as the manifest has them")

// read takes a bundle file apart.
func read(file []byte) (l layout, err error) {
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		return l, err
	}
	m, err := bundle.ParseManifest(frame.Manifest)
	if err != nil {
		return l, err
	}
	sections := frame.Sections
	if len(sections) != len(m.Sections) {
		return l, errSections
	}
	r := reader{manifest: &m, raw: map[bundle.Kind][]byte{}}
	for i, s := range m.Sections {
		r.raw[s.Kind] = sections[i]
	}
	for i, s := range m.Sections {
		body := sections[i]
		head, rows := r.split(s.Kind, body)
		if head < 0 || len(rows) > 0 && (rows[len(rows)-1] != len(body)-head || !slices.IsSorted(rows)) {
			return l, errSections
		}
		from := len(l.body)
		if head > 0 {
			l.parts = append(l.parts, part{name: partName{kind: s.Kind}, from: from, to: from + head})
		}
		l.parts = append(l.parts, part{name: partName{s.Kind, head > 0}, from: from + head, to: from + len(body), rows: rows})
		l.body = append(l.body, body...)
	}
	return l, nil
}

// reader knows the sections of a bundle.
type reader struct {
	manifest *bundle.Manifest
	raw      map[bundle.Kind][]byte
}

// split says how many bytes of offsets a section begins with, and where the rows
// of what follows begin and end, where these move: nil where they do not. A head
// below 0 says that the section is not what it should be.
func (r *reader) split(kind bundle.Kind, body []byte) (head int, rows []int) {
	n := r.manifest.Limits.Items
	switch kind {
	case bundle.KindIDs, bundle.KindTitles, bundle.KindAuthors, bundle.KindURLs, bundle.KindImages:
		return behind(body, 0, n, 1)
	case bundle.KindTagNames:
		if len(body) < 4 {
			return -1, nil
		}
		return behind(body, 4, int(wire.Uint32s(body).At(0)), 1)
	case bundle.KindTags:
		return behind(body, 0, n, 2)
	case bundle.KindNeighbours:
		return 0, offsets(r.raw[bundle.KindStarts], 4)
	case bundle.KindWeights:
		return 0, offsets(r.raw[bundle.KindStarts], 1)
	case bundle.KindPoolItems, bundle.KindPoolCodes:
		if r.manifest.Pool == nil {
			return -1, nil
		}
		if kind == bundle.KindPoolItems {
			return 0, r.poolItems(body)
		}
		rows = []int{0}
		for i, count := range r.raw[bundle.KindPoolCounts] {
			rows = append(rows, rows[i]+int(count)*r.manifest.Pool.Sparse.C)
		}
		return 0, rows
	}
	return 0, nil
}

// behind returns the rows behind n+1 offsets, which begin at a place, in elements
// of size bytes.
func behind(body []byte, at, n, size int) (head int, rows []int) {
	head = at + 4*(n+1)
	if n < 0 || len(body) < head {
		return -1, nil
	}
	return head, offsets(body[at:head], size)
}

// offsets returns the places that offsets count in elements of size bytes.
func offsets(list wire.Uint32s, size int) (rows []int) {
	for i := range list.Len() {
		rows = append(rows, size*int(list.At(i)))
	}
	return rows
}

// poolItems returns where the rows of Rice codes begin.
func (r *reader) poolItems(body []byte) []int {
	rice := r.manifest.Pool.Sparse.Rice
	rows := []int{0}
	for i, count := range r.raw[bundle.KindPoolCounts] {
		bit := 8 * rows[i]
		for range count {
			for bit < 8*len(body) && body[bit/8]>>(bit%8)&1 == 1 {
				bit++
			}
			bit += 1 + rice
		}
		rows = append(rows, (bit+7)/8)
	}
	return rows
}
