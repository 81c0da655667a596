package translog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/nearside/nearside/model/core/tlog"
)

// ErrInconsistent says that a proof does not show a log to go on from what was
// seen of it. The log may, and the proof be wrong.
var ErrInconsistent = errors.New("no proof that the log goes on from the checkpoint that was seen")

// Witness is a party that has seen a log grow and says so.
type Witness struct {
	Signer *Signer  // of one of the cosignature algorithms
	Log    tlog.Key // whose checkpoints it signs
	Seen   []byte   // the checkpoint that it signed last; nil: none yet
}

// Cosign returns the witness's line under a checkpoint, at now in Unix seconds,
// and has the checkpoint in Seen. Save that before the line leaves the house: a
// witness that forgets what it saw signs a fork. One call at a time. The proof says that the log
// goes on from what was seen; it is empty for a first checkpoint, and for the
// same tree again.
func (w *Witness) Cosign(checkpoint []byte, consistency [][32]byte, now uint64) (line []byte, err error) {
	if w.Signer.Key.Algorithm == tlog.Ed25519 {
		return nil, fmt.Errorf("translog: %q signs notes and is no key of a witness: %w", w.Signer.Key.Name, tlog.ErrKey)
	}
	head, err := openHead("checkpoint", checkpoint, &w.Log)
	if err != nil {
		return nil, err
	}
	before := &tlog.Checkpoint{Root: [32]byte(rfc6962.DefaultHasher.EmptyRoot())}
	if w.Seen != nil {
		if before, err = openHead("seen checkpoint", w.Seen, &w.Log); err != nil {
			return nil, err
		}
	}
	if head.Size < before.Size {
		return nil, fmt.Errorf("translog: %d entries, and %d were seen: %w", head.Size, before.Size, ErrShrunk)
	}
	if head.Size == before.Size && head.Root != before.Root {
		return nil, fmt.Errorf("translog: %d entries: %w", head.Size, &ForkError{w.Seen, checkpoint})
	}
	var path [][]byte
	for _, h := range consistency {
		path = append(path, h[:])
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, before.Size, head.Size, path, before.Root[:], head.Root[:]); err != nil {
		return nil, fmt.Errorf("translog: %d entries, of which %d were seen: %w: %w", head.Size, before.Size, ErrInconsistent, err)
	}
	n, err := unverified(checkpoint)
	if err != nil {
		return nil, err
	}
	alone, err := note.Sign(&note.Note{Text: n.Text}, w.Signer.at(now))
	if err != nil {
		return nil, fmt.Errorf("translog: %w", err)
	}
	w.Seen = slices.Clone(checkpoint)
	return alone[len(n.Text)+len("\n"):], nil
}

// AddCosignatures adds lines of witnesses to the checkpoint in the store, in
// the place of earlier ones by the same keys, and returns it. Lines by others
// are left out; that none is left is an error, and so is a line of a witness
// that is not of this checkpoint.
func AddCosignatures(ctx context.Context, store Store, lines []byte, witnesses ...tlog.Key) (checkpoint []byte, err error) {
	checkpoint, _, err = getHead(ctx, store, nil)
	if err != nil {
		return nil, err
	}
	n, err := unverified(checkpoint)
	if err != nil {
		return nil, err
	}
	more, err := unverified(slices.Concat([]byte(n.Text), []byte("\n"), lines))
	if err != nil {
		return nil, err
	}
	known := false
	for _, s := range more.UnverifiedSigs {
		if !slices.ContainsFunc(witnesses, func(w tlog.Key) bool { return w.Name == s.Name && w.ID() == s.Hash }) {
			continue
		}
		known = true
		n.UnverifiedSigs = append(slices.DeleteFunc(n.UnverifiedSigs, func(old note.Signature) bool {
			return old.Name == s.Name && old.Hash == s.Hash
		}), s)
	}
	if !known {
		return nil, errors.New("translog: no cosignature is of a witness that is known")
	}
	if checkpoint, err = note.Sign(n); err != nil {
		return nil, fmt.Errorf("translog: %w", err)
	}
	head, err := openHead("checkpoint", checkpoint, nil)
	if err != nil {
		return nil, err
	}
	for _, w := range witnesses {
		if _, err := head.SignedBy(w); err != nil {
			return nil, fmt.Errorf("translog: cosignature of %q: %w", w.Name, err)
		}
	}
	if err := put(ctx, store, checkpointName, checkpoint); err != nil {
		return nil, err
	}
	return checkpoint, nil
}

// unverified takes a note apart.
func unverified(b []byte) (*note.Note, error) {
	_, err := note.Open(b, nil)
	var n *note.UnverifiedNoteError
	if !errors.As(err, &n) {
		return nil, fmt.Errorf("translog: %w", err)
	}
	return n.Note, nil
}
