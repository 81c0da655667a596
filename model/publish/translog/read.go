package translog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/nearside/nearside/model/core/tlog"
)

// ErrShrunk says that a log has fewer entries than it had: a file from before,
// or worse.
var ErrShrunk = errors.New("the log has fewer entries than the checkpoint that was seen")

// ForkError holds two checkpoints, both signed by the log, of which the second
// does not go on from the first. With the entries they prove what it did.
type ForkError struct{ Seen, Found []byte }

func (e *ForkError) Error() string { return "the log does not go on from the checkpoint that was seen" }

// Read returns all entries of a log, and its checkpoint, which a monitor keeps
// for the next time. The entries are those that the log, whose key is given,
// signed, and begin with those under the checkpoint seen before, unless that is
// nil. Of what else was wrong the error tells ErrTile, ErrShrunk and a
// *ForkError.
func Read(ctx context.Context, store Reader, log tlog.Key, seen []byte) (entries [][]byte, checkpoint []byte, err error) {
	var before *tlog.Checkpoint
	if seen != nil {
		if before, err = openHead("seen checkpoint", seen, &log); err != nil {
			return nil, nil, err
		}
	}
	checkpoint, head, err := getHead(ctx, store, &log)
	if err != nil {
		return nil, nil, err
	}
	if before != nil && before.Size > head.Size {
		return nil, nil, fmt.Errorf("translog: %d entries, and %d were seen: %w", head.Size, before.Size, ErrShrunk)
	}
	heads := &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := heads.NewEmptyRange(0)
	forked := before != nil && before.Size == 0 && !hasRoot(tree, before)
	for size := uint64(0); size < head.Size; {
		width := min(tileWidth, head.Size-size)
		bundle, _, err := getBundle(ctx, store, int64(size/tileWidth), int(width))
		if err != nil {
			return nil, nil, err
		}
		for _, e := range bundle {
			if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(e), nil); err != nil {
				return nil, nil, fmt.Errorf("translog: %w", err)
			}
			if size++; before != nil && size == before.Size {
				forked = !hasRoot(tree, before)
			}
		}
		entries = append(entries, bundle...)
	}
	if !hasRoot(tree, head) {
		return nil, nil, fmt.Errorf("translog: %d entries: %w", head.Size, ErrTile)
	}
	if forked {
		return nil, nil, fmt.Errorf("translog: %d entries, of which %d were seen: %w", head.Size, before.Size, &ForkError{seen, checkpoint})
	}
	return entries, checkpoint, nil
}

func hasRoot(tree *compact.Range, head *tlog.Checkpoint) bool {
	root, err := tree.GetRootHash(nil)
	if tree.End() == 0 {
		root = rfc6962.DefaultHasher.EmptyRoot()
	}
	return err == nil && bytes.Equal(root, head.Root[:])
}
