package translog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/nearside/nearside/model/core/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tileName returns the name of a tile of hashes or, at level -1, of entries.
// (x/mod has the height in it, and calls entries data.)
func tileName(t sumdb.Tile) string {
	name := strings.TrimPrefix(t.Path(), "tile/8/")
	if t.L == -1 {
		name = "entries" + strings.TrimPrefix(name, "data")
	}
	return "tile/" + name
}

// treeReader reads hashes of a tree from the tiles of a store, and believes
// those that lead to the tree's head.
type treeReader struct {
	sumdb.HashReader
	size int64
}

func openTree(ctx context.Context, store Reader, head *tlog.Checkpoint) *treeReader {
	tree := sumdb.Tree{N: int64(head.Size), Hash: head.Root}
	return &treeReader{sumdb.TileHashReader(tree, &tileReader{ctx: ctx, store: store, known: map[sumdb.Tile][]byte{}}), tree.N}
}

// treeError is what a reader of hashes failed with.
func treeError(err error) error {
	var failed *storeError
	if errors.As(err, &failed) {
		return fmt.Errorf("translog: %w", failed.err)
	}
	return fmt.Errorf("translog: %w: %w", ErrTile, err)
}

// storeError is the store's, and not one of the tree that it holds.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }

// tileReader gets tiles for one call of this package; hence the context in it.
type tileReader struct {
	ctx   context.Context
	store Reader
	known map[sumdb.Tile][]byte
}

func (r *tileReader) Height() int { return tileHeight }

func (r *tileReader) ReadTiles(tiles []sumdb.Tile) ([][]byte, error) {
	list := make([][]byte, len(tiles))
	for i, t := range tiles {
		data, ok := r.known[t]
		if !ok {
			var err error
			if data, err = r.store.Get(r.ctx, tileName(t)); err != nil {
				return nil, &storeError{err}
			}
		}
		list[i] = data
	}
	return list, nil
}

func (r *tileReader) SaveTiles(tiles []sumdb.Tile, data [][]byte) {
	for i, t := range tiles {
		r.known[t] = data[i]
	}
}

// lastBundle returns the bundle that the next entry goes into, which must hold
// the entries of the tree. It is nil where that begins a new one.
func (t *treeReader) lastBundle(ctx context.Context, store Reader) ([]byte, error) {
	width := int(t.size % tileWidth)
	if width == 0 {
		return nil, nil
	}
	first := t.size - int64(width)
	entries, bundle, err := getBundle(ctx, store, first/tileWidth, width)
	if err != nil {
		return nil, err
	}
	indexes := make([]int64, width)
	for i := range indexes {
		indexes[i] = sumdb.StoredHashIndex(0, first+int64(i))
	}
	hashes, err := t.ReadHashes(indexes)
	if err != nil {
		return nil, treeError(err)
	}
	for i, e := range entries {
		if sumdb.RecordHash(e) != hashes[i] {
			return nil, fmt.Errorf("translog: entry %d: %w", first+int64(i), ErrTile)
		}
	}
	return slices.Clip(bundle), nil // appended to, and the store may keep its own
}

// getBundle reads a bundle of entries, which alias it.
func getBundle(ctx context.Context, store Reader, n int64, width int) (entries [][]byte, bundle []byte, err error) {
	name := tileName(sumdb.Tile{H: tileHeight, L: -1, N: n, W: width})
	if bundle, err = store.Get(ctx, name); err != nil {
		return nil, nil, fmt.Errorf("translog: %w", err)
	}
	rest := bundle
	for range width {
		if len(rest) < 2 {
			return nil, nil, fmt.Errorf("translog: %s: %w: fewer than %d entries", name, ErrTile, width)
		}
		length := int(binary.BigEndian.Uint16(rest))
		if rest = rest[2:]; len(rest) < length {
			return nil, nil, fmt.Errorf("translog: %s: %w: an entry is cut off", name, ErrTile)
		}
		entries = append(entries, rest[:length:length])
		rest = rest[length:]
	}
	if len(rest) > 0 {
		return nil, nil, fmt.Errorf("translog: %s: %w: bytes after the entries", name, ErrTile)
	}
	return entries, bundle, nil
}

// grownTree is a tree in the store with hashes of more entries.
type grownTree struct {
	*treeReader
	known  int64 // hashes in the store
	hashes []sumdb.Hash
}

func (g *grownTree) ReadHashes(indexes []int64) ([]sumdb.Hash, error) {
	var stored []int64
	for _, i := range indexes {
		if i < g.known {
			stored = append(stored, i)
		}
	}
	var old []sumdb.Hash
	if len(stored) > 0 {
		var err error
		if old, err = g.treeReader.ReadHashes(stored); err != nil {
			return nil, err
		}
	}
	list := make([]sumdb.Hash, len(indexes))
	for at, i := range indexes {
		if i < g.known {
			list[at], old = old[0], old[1:]
		} else {
			list[at] = g.hashes[i-g.known]
		}
	}
	return list, nil
}
