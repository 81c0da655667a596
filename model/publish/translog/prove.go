package translog

import (
	"context"
	"fmt"

	"github.com/transparency-dev/formats/proof"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/nearside/nearside/model/core/tlog"
)

// Prove returns a tlog-proof that the log has its entry at the index, with the
// checkpoint as it is now, cosignatures included. It does not ask whose log it
// is; who verifies does.
func Prove(ctx context.Context, store Reader, index uint64) ([]byte, error) {
	checkpoint, head, err := getHead(ctx, store, nil)
	if err != nil {
		return nil, err
	}
	if index >= head.Size {
		return nil, fmt.Errorf("translog: no entry %d in a log of %d", index, head.Size)
	}
	path, err := sumdb.ProveRecord(int64(head.Size), int64(index), openTree(ctx, store, head))
	if err != nil {
		return nil, treeError(err)
	}
	p := proof.TLogProof{Index: index, Checkpoint: checkpoint}
	for _, h := range path {
		p.Hashes = append(p.Hashes, h)
	}
	b := p.Marshal()
	if len(b) > tlog.MaxBytes {
		return nil, fmt.Errorf("translog: a proof of %d bytes, and verifiers read %d at the most: want fewer signatures", len(b), tlog.MaxBytes)
	}
	return b, nil
}

// ProveConsistency returns the proof that the log goes on from its first
// entries, so many of them, for a witness or monitor that saw no more.
func ProveConsistency(ctx context.Context, store Reader, from uint64) ([][32]byte, error) {
	_, head, err := getHead(ctx, store, nil)
	if err != nil {
		return nil, err
	}
	if from > head.Size {
		return nil, fmt.Errorf("translog: the log has %d entries, and %d were seen: %w", head.Size, from, ErrShrunk)
	}
	if from == 0 {
		return nil, nil
	}
	hashes, err := sumdb.ProveTree(int64(head.Size), int64(from), openTree(ctx, store, head))
	if err != nil {
		return nil, treeError(err)
	}
	list := make([][32]byte, len(hashes))
	for i, h := range hashes {
		list[i] = h
	}
	return list, nil
}
