package channeltest

import (
	"slices"
	"strconv"

	"github.com/nearside/nearside/model/core/wire"
)

// Edit is a document with one pair of one of its maps left out, or one added
// under a key that nobody knows.
type Edit struct {
	Path string // of the map's key, from the top: 4.0.1 is key 1 of key 0 of key 4; elements of arrays count too
	Key  int    // what is added: Unknown or Extension; 0: the pair is left out
	Doc  []byte
}

// Keys of pairs that are added: the last that every reader refuses, and the
// first that one passes over in a document that may have extensions.
const (
	Unknown   = 63
	Extension = 64
)

// Edits returns every edit of a document.
func Edits(doc []byte) (list []Edit) {
	top, rest := readTree(doc)
	if len(rest) > 0 {
		panic("channeltest: internal error: bytes after a document")
	}
	var walk func(n *tree, path string)
	walk = func(n *tree, path string) {
		for i := 0; i < len(n.children); i++ {
			name := path + strconv.Itoa(i)
			if n.isMap {
				name = path + strconv.FormatUint(n.keys[i], 10)
				keys, children := n.keys, n.children
				n.keys, n.children = slices.Delete(slices.Clone(keys), i, i+1), slices.Delete(slices.Clone(children), i, i+1)
				list = append(list, Edit{Path: name, Doc: top.append(nil)})
				n.keys, n.children = keys, children
			}
			walk(n.children[i], name+".")
		}
		for _, key := range []int{Unknown, Extension} {
			if !n.isMap {
				break
			}
			keys, children := n.keys, n.children
			n.keys, n.children = append(slices.Clone(keys), uint64(key)), append(slices.Clone(children), &tree{raw: []byte{0}})
			list = append(list, Edit{Path: path + strconv.Itoa(key), Key: key, Doc: top.append(nil)})
			n.keys, n.children = keys, children
		}
	}
	walk(top, "")
	return list
}

// tree is a value of a document.
type tree struct {
	raw      []byte // of anything but arrays and maps
	isMap    bool
	keys     []uint64
	children []*tree
}

// readTree reads a canonical value: documents of this package, which are.
func readTree(b []byte) (n *tree, rest []byte) {
	c := b[0]
	number := func(size int) (v int) {
		for _, c := range b[1 : 1+size] {
			v = v<<8 | int(c)
		}
		return v
	}
	count, head := 0, 1
	switch {
	case c&0xf0 == 0x80, c&0xf0 == 0x90:
		count = int(c & 0x0f)
	case c == 0xdc, c == 0xde:
		count, head = number(2), 3
	default:
		size := 1
		switch {
		case c&0xe0 == 0xa0:
			size += int(c & 0x1f)
		case c == 0xc4, c == 0xd9:
			size = 2 + number(1)
		case c == 0xc5, c == 0xda:
			size = 3 + number(2)
		case c == 0xc6, c == 0xdb:
			size = 5 + number(4)
		case c >= 0xcc && c <= 0xcf, c >= 0xd0 && c <= 0xd3:
			size += 1 << (c & 3)
		}
		return &tree{raw: b[:size]}, b[size:]
	}
	n = &tree{raw: nil, isMap: c&0xf0 == 0x80 || c == 0xde}
	for b = b[head:]; count > 0; count-- {
		if n.isMap {
			d := wire.NewDecoder(b)
			key := d.Uint(1 << 32)
			n.keys = append(n.keys, key)
			b = b[len(wire.AppendUint(nil, key)):]
		}
		var child *tree
		child, b = readTree(b)
		n.children = append(n.children, child)
	}
	return n, b
}

func (n *tree) append(dst []byte) []byte {
	switch {
	case n.raw != nil:
		return append(dst, n.raw...)
	case n.isMap:
		dst = wire.AppendMap(dst, len(n.children))
	default:
		dst = wire.AppendArray(dst, len(n.children))
	}
	for i, child := range n.children {
		if n.isMap {
			dst = wire.AppendUint(dst, n.keys[i])
		}
		dst = child.append(dst)
	}
	return dst
}
