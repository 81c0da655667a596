package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/publish/translog"
)

// Log is how a publisher has releases in the channel's transparency log.
type Log struct {
	Signer *translog.Signer // the log's key

	// Seen is the checkpoint that the last run returned; nil: not known. With it
	// a store that serves an older log is found out before anything is signed.
	Seen []byte

	// Cosign asks witnesses for their lines under a checkpoint; consistency
	// proves that it goes on from an earlier one, of so many entries. nil, or no
	// lines: what the checkpoint in the store has must do.
	Cosign func(ctx context.Context, checkpoint []byte, consistency func(from uint64) ([][32]byte, error)) (lines []byte, err error)
}

// Why a release does not get into the log.
var (
	ErrLogKey   = errors.New("publish: the root asks for a log, and this is not its key")
	ErrLogBegun = errors.New("publish: the channel's log has not begun")
	ErrUnseen   = errors.New("publish: fewer witnesses have seen the log than the root asks for")
)

// BeginLog begins a channel's log. Where there is one the error is fs.ErrExist.
func BeginLog(ctx context.Context, store Store, signer *translog.Signer) error {
	_, err := translog.Create(ctx, logStore{store}, signer)
	return err
}

// LogOf returns the log of a channel.
func LogOf(channel Reader) translog.Reader { return under{channel, LogFolder} }

// logStore is the log of a channel that is published.
type logStore struct{ store Store }

func (l logStore) Get(ctx context.Context, name string) ([]byte, error) {
	return l.store.Get(ctx, LogFolder+name)
}

func (l logStore) Put(ctx context.Context, name string, body []byte) error {
	return l.store.Put(ctx, LogFolder+name, body)
}

// proof returns a proof that a release is in the log, and the log's checkpoint:
// the proof of the head before while that will do; nil when nobody asks for one.
func (p *publication) proof(ctx context.Context, r trust.Release, before []byte) (proof, checkpoint []byte, err error) {
	policy, entry := p.state.Root.Log, trust.LogEntry(p.state.Channel, r)
	if before != nil {
		if policy == nil {
			return before, nil, nil
		}
		if _, err := policy.Verify(before, entry); err == nil {
			return before, nil, nil
		}
	}
	switch {
	case p.Log == nil && policy == nil:
		return nil, nil, nil
	case p.Log == nil, policy != nil && p.Log.Signer.Key.String() != policy.Log.String():
		return nil, nil, fmt.Errorf("%w: %q", ErrLogKey, policy.Log.Name)
	}
	index, err := p.logEntry(ctx, r, entry)
	if err != nil {
		return nil, nil, err
	}
	store := logStore{p.store}
	if checkpoint, err = p.cosign(ctx, store); err != nil {
		return nil, nil, err
	}
	if proof, err = translog.Prove(ctx, store, index); err != nil {
		return nil, nil, fmt.Errorf("publish: %w", err)
	}
	if policy != nil {
		if _, err := policy.Verify(proof, entry); err != nil {
			return nil, nil, fmt.Errorf("publish: %w", err)
		}
	}
	return proof, checkpoint, nil
}

// logEntry returns where the log has an entry, which is added unless it is there.
// A version has one entry, and no earlier one comes after it.
func (p *publication) logEntry(ctx context.Context, r trust.Release, entry []byte) (uint64, error) {
	entries, _, err := translog.Read(ctx, logStore{p.store}, p.Log.Signer.Key, p.Log.Seen)
	if errors.Is(err, fs.ErrNotExist) && p.Log.Seen == nil {
		return 0, fmt.Errorf("%w: %w", ErrLogBegun, err)
	}
	if err != nil {
		return 0, fmt.Errorf("publish: %w", err)
	}
	for i, e := range entries {
		if bytes.Equal(e, entry) {
			return uint64(i), nil
		}
		channel, other, err := trust.ParseLogEntry(e)
		if err == nil && channel == p.state.Channel && other.Version >= r.Version {
			return 0, fmt.Errorf("%w: %d, and the log has %d", ErrVersion, r.Version, other.Version)
		}
	}
	if _, err := translog.Append(ctx, logStore{p.store}, p.Log.Signer, entry); err != nil {
		return 0, fmt.Errorf("publish: %w", err)
	}
	return uint64(len(entries)), nil
}

// cosign has as many witnesses sign the log as the root asks for, and returns
// its checkpoint.
func (p *publication) cosign(ctx context.Context, store logStore) ([]byte, error) {
	checkpoint, err := store.Get(ctx, "checkpoint")
	if err != nil {
		return nil, at(LogFolder+"checkpoint", err)
	}
	policy := p.state.Root.Log
	if policy == nil {
		return checkpoint, nil
	}
	seen, err := witnesses(policy, checkpoint)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	if len(seen) < policy.Quorum && p.Log.Cosign != nil {
		lines, err := p.Log.Cosign(ctx, checkpoint, func(from uint64) ([][32]byte, error) {
			return translog.ProveConsistency(ctx, store, from)
		})
		if err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		if len(lines) > 0 {
			if checkpoint, err = translog.AddCosignatures(ctx, store, lines, policy.Witnesses...); err != nil {
				return nil, fmt.Errorf("publish: %w", err)
			}
		}
		if seen, err = witnesses(policy, checkpoint); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
	}
	if len(seen) < policy.Quorum {
		return nil, fmt.Errorf("%w: %d of %d", ErrUnseen, len(seen), policy.Quorum)
	}
	return checkpoint, nil
}
