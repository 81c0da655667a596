package translog

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/note"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/nearside/nearside/model/core/tlog"
)

const (
	// MaxEntry is the length of the longest entry.
	MaxEntry = 1<<16 - 1

	// maxEntries is more than one publisher ever has to say. Above 2^62 x/mod
	// v0.43.0 looks for a power of two and does not end.
	maxEntries = 1 << 40

	checkpointName = "checkpoint"
)

// ErrTile says that what the store has is not what the log signed.
var ErrTile = errors.New("the files are not those of the tree that the log signed")

// Create signs and writes the checkpoint of a log without entries. Where there
// is a checkpoint the error is fs.ErrExist.
//
// Why does Append not do this? A store that loses a file, or says so, would
// have the log begin anew, and sign the fork.
func Create(ctx context.Context, store Store, signer *Signer) (checkpoint []byte, err error) {
	switch _, err := store.Get(ctx, checkpointName); {
	case err == nil:
		return nil, fmt.Errorf("translog: a log is there already: %w", fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("translog: %w", err)
	}
	empty, _ := sumdb.TreeHash(0, nil)
	return putHead(ctx, store, signer, 0, empty)
}

// Append adds entries to a log and returns its new checkpoint, signed by the
// log alone; without entries that is the one which is there. The log must be the signer's, and what is built upon must be what
// it signed. When it fails the log is what it was, or, where the store failed
// with the checkpoint itself and did write it, what it was to become.
func Append(ctx context.Context, store Store, signer *Signer, entries ...[]byte) (checkpoint []byte, err error) {
	for i, e := range entries {
		if len(e) > MaxEntry {
			return nil, fmt.Errorf("translog: entry %d has %d bytes, want %d at the most", i, len(e), MaxEntry)
		}
	}
	checkpoint, old, err := getHead(ctx, store, &signer.Key)
	if err != nil {
		return nil, err
	}
	size := int64(old.Size) + int64(len(entries))
	if size > maxEntries {
		return nil, fmt.Errorf("translog: a log of %d entries, want %d at the most", size, int64(maxEntries))
	}
	t := openTree(ctx, store, old)
	bundle, err := t.lastBundle(ctx, store)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return checkpoint, nil
	}
	grown := &grownTree{treeReader: t, known: sumdb.StoredHashCount(int64(old.Size))}
	for i, e := range entries {
		hashes, err := sumdb.StoredHashes(int64(old.Size)+int64(i), e, grown)
		if err != nil {
			return nil, treeError(err)
		}
		grown.hashes = append(grown.hashes, hashes...)
	}
	root, err := sumdb.TreeHash(size, grown) // reads the old tree's right edge, down from its head
	if err != nil {
		return nil, treeError(err)
	}
	if err := putBundles(ctx, store, int64(old.Size), bundle, entries); err != nil {
		return nil, err
	}
	for _, tile := range sumdb.NewTiles(tileHeight, int64(old.Size), size) {
		data, err := sumdb.ReadTileData(tile, grown)
		if err != nil {
			return nil, treeError(err)
		}
		if err := put(ctx, store, tileName(tile), data); err != nil {
			return nil, err
		}
	}
	return putHead(ctx, store, signer, uint64(size), root)
}

// putBundles writes the entries from the size on, after those that are in the
// last bundle already.
func putBundles(ctx context.Context, store Store, size int64, bundle []byte, entries [][]byte) error {
	for len(entries) > 0 {
		tile := sumdb.Tile{H: tileHeight, L: -1, N: size / tileWidth}
		n := min(int64(len(entries)), tileWidth-size%tileWidth)
		for _, e := range entries[:n] {
			bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(e)))
			bundle = append(bundle, e...)
		}
		size, entries = size+n, entries[n:]
		tile.W = int(size - tile.N*tileWidth)
		if err := put(ctx, store, tileName(tile), bundle); err != nil {
			return err
		}
		bundle = nil
	}
	return nil
}

// getHead reads the checkpoint. With a key, the log must be the key's.
func getHead(ctx context.Context, store Reader, key *tlog.Key) ([]byte, *tlog.Checkpoint, error) {
	checkpoint, err := store.Get(ctx, checkpointName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("translog: no log is here, or not yet: %w", err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("translog: %w", err)
	}
	head, err := openHead("checkpoint", checkpoint, key)
	if err != nil {
		return nil, nil, err
	}
	if head.Size > maxEntries {
		return nil, nil, fmt.Errorf("translog: a log of %d entries, want %d at the most", head.Size, int64(maxEntries))
	}
	return checkpoint, head, nil
}

// openHead reads a checkpoint, which errors call by what it is, of the key's
// log; nil: of whichever.
func openHead(what string, checkpoint []byte, key *tlog.Key) (*tlog.Checkpoint, error) {
	head, err := tlog.ParseCheckpoint(checkpoint)
	if err != nil {
		return nil, fmt.Errorf("translog: %s: %w", what, err)
	}
	if key == nil {
		return head, nil
	}
	signed, err := head.SignedBy(*key)
	if err != nil {
		return nil, fmt.Errorf("translog: %s of %q: %w", what, head.Origin, err)
	}
	if !signed || head.Origin != key.Name {
		return nil, fmt.Errorf("translog: %s of %q: %w", what, head.Origin, tlog.ErrLog)
	}
	return head, nil
}

// putHead signs a head and writes it. An ML-DSA-44 signature is at the time 0,
// which is to say nothing of when.
func putHead(ctx context.Context, store Store, signer *Signer, size uint64, root sumdb.Hash) ([]byte, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Key.Name, size, base64.StdEncoding.EncodeToString(root[:]))
	checkpoint, err := note.Sign(&note.Note{Text: text}, signer.at(0))
	if err != nil {
		return nil, fmt.Errorf("translog: %w", err)
	}
	if err := put(ctx, store, checkpointName, checkpoint); err != nil {
		return nil, err
	}
	return checkpoint, nil
}

func put(ctx context.Context, store Store, name string, body []byte) error {
	if err := store.Put(ctx, name, body); err != nil {
		return fmt.Errorf("translog: %w", err)
	}
	return nil
}
