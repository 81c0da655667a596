package publish

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/publish/translog"
)

// logged are people with a log and two witnesses, one of whom must have seen what
// is published.
type logged struct {
	*people
	log       *Log
	witnesses []*translog.Witness
}

func signer(t testing.TB, name string) *translog.Signer {
	t.Helper()
	secret, _, err := translog.NewKey(name, tlog.MLDSA44Cosignature)
	if err != nil {
		t.Fatal(err)
	}
	s, err := translog.ParseSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newLogged(t testing.TB) *logged {
	l := &logged{people: newPeople(t), log: &Log{Signer: signer(t, "test/log")}}
	l.root.Log = &tlog.Policy{Log: l.log.Signer.Key, Quorum: 1}
	for _, name := range []string{"eve", "frank"} {
		w := &translog.Witness{Signer: signer(t, name), Log: l.log.Signer.Key}
		l.witnesses = append(l.witnesses, w)
		l.root.Log.Witnesses = append(l.root.Log.Witnesses, w.Signer.Key)
	}
	return l
}

// asking returns the options with a log whose witness is asked.
func (l *logged) asking(opt Options, w *translog.Witness) Options {
	log := *l.log
	log.Cosign = func(_ context.Context, checkpoint []byte, consistency func(uint64) ([][32]byte, error)) ([]byte, error) {
		from := uint64(0)
		if w.Seen != nil {
			c, err := tlog.ParseCheckpoint(w.Seen)
			if err != nil {
				return nil, err
			}
			from = c.Size
		}
		path, err := consistency(from)
		if err != nil {
			return nil, err
		}
		return w.Cosign(checkpoint, path, created)
	}
	opt.Log = &log
	return opt
}

func TestReleasesAreLogged(t *testing.T) {
	l, store := newLogged(t), newMemory()
	root := l.signedRoot(t, 0, 1)
	if _, err := PublishRoot(t.Context(), store, root, created); err != nil {
		t.Fatal(err)
	}
	one := l.bundle(t, 1, 1, 2)
	opt := l.options(root, created)
	if _, err := Publish(t.Context(), store, one, opt); !errors.Is(err, ErrLogKey) {
		t.Errorf("without a log's key: %v", err)
	}
	opt.Log = &Log{Signer: signer(t, "test/log")}
	if _, err := Publish(t.Context(), store, one, opt); !errors.Is(err, ErrLogKey) {
		t.Errorf("with another's key: %v", err)
	}
	opt.Log = l.log
	if _, err := Publish(t.Context(), store, one, opt); !errors.Is(err, ErrLogBegun) {
		t.Errorf("without a log: %v", err)
	}
	if err := BeginLog(t.Context(), store, l.log.Signer); err != nil {
		t.Fatal(err)
	}
	if err := BeginLog(t.Context(), store, l.log.Signer); !errors.Is(err, fs.ErrExist) {
		t.Errorf("begun twice: %v", err)
	}
	if _, err := Publish(t.Context(), store, one, opt); !errors.Is(err, ErrUnseen) {
		t.Errorf("without a witness: %v", err)
	}
	report, err := Publish(t.Context(), store, one, l.asking(opt, l.witnesses[1]))
	if err != nil {
		t.Fatal(err)
	}
	seen := report.Checkpoint
	if _, b, err := device(t, store, root, created); err != nil || b.Manifest.Version != 1 {
		t.Fatalf("a device: %v", err)
	}
	entries, _, err := translog.Read(t.Context(), LogOf(store), l.log.Signer.Key, seen)
	if err != nil || len(entries) != 1 || !bytes.Equal(entries[0], trust.LogEntry(name, report.Head.Release)) {
		t.Errorf("%d entries, %v, want the release once", len(entries), err)
	}
	// A refresh needs neither key nor witness.
	if report, err = Refresh(t.Context(), store, l.options(root, created+1)); err != nil || report.Checkpoint != nil {
		t.Errorf("refresh: %v", err)
	}

	// A version that was logged and not published is not made again as another.
	if _, err = Publish(t.Context(), store, l.bundle(t, 2, 1, 2), opt); !errors.Is(err, ErrUnseen) {
		t.Fatal(err)
	}
	other := l.asking(l.options(root, created+2), l.witnesses[0])
	if _, err = Publish(t.Context(), store, l.packOther(t, 2), other); !errors.Is(err, ErrVersion) {
		t.Errorf("another version 2: %v", err)
	}
	if _, err = Publish(t.Context(), store, l.bundle(t, 2, 1, 2), other); err != nil {
		t.Errorf("version 2 itself: %v", err)
	}

	// A log that has been taken back is found out before it is signed.
	back := store.copy(0)
	back.files["log/checkpoint"] = seen
	if report, err = Publish(t.Context(), store, l.bundle(t, 3, 1, 2), other); err != nil {
		t.Fatal(err)
	}
	other.Log.Seen = report.Checkpoint
	if _, err = Publish(t.Context(), back, l.bundle(t, 4, 1, 2), other); !errors.Is(err, translog.ErrShrunk) {
		t.Errorf("an older log: %v", err)
	}
	if _, err = Publish(t.Context(), store, l.bundle(t, 4, 1, 2), other); err != nil {
		t.Errorf("the log as it is: %v", err)
	}
	w, err := Monitor(t.Context(), store, root, name, seen, created+2)
	if err != nil || len(w.Entries) != 4 || w.Problems != nil {
		t.Errorf("a monitor: %d entries, problems %q, %v", len(w.Entries), w.Problems, err)
	}
}

// packOther is a version of another model than bundle packs.
func (l *logged) packOther(t testing.TB, version uint64) []byte {
	return l.pack(t, packOptions(version, created-1), 1, 2)
}

// TestARootThatAsksForALog: a channel gets a log, and whatever breaks off on the
// way, devices follow.
func TestARootThatAsksForALog(t *testing.T) {
	l, store := newLogged(t), newMemory()
	next := *l.root
	next.Version = 2
	next.Log = &tlog.Policy{Log: l.log.Signer.Key}
	l.root.Log = nil
	root := l.signedRoot(t, 0, 1)
	if _, err := PublishRoot(t.Context(), store, root, created); err != nil {
		t.Fatal(err)
	}
	if _, err := Publish(t.Context(), store, l.bundle(t, 1, 1, 2), l.options(root, created)); err != nil {
		t.Fatal(err)
	}
	one, _, err := device(t, store, root, created)
	if err != nil {
		t.Fatal(err)
	}
	l.root = &next
	rotated := l.signedRoot(t, 0, 1)
	two := l.bundle(t, 2, 1, 2)
	opt := l.options(root, created+1)
	opt.Log = l.log

	// Without a proof in time there is a gap, which the next head closes.
	gap := store.copy(0)
	if report, err := PublishRoot(t.Context(), gap, rotated, created); err != nil || !report.NeedsHead || report.NeedsPack {
		t.Errorf("%+v, %v, want a root for which the head needs a proof", report, err)
	}
	if _, err := Refresh(t.Context(), gap, l.options(root, created)); !errors.Is(err, ErrLogKey) {
		t.Errorf("a head without a proof: %v", err)
	}
	if err := BeginLog(t.Context(), gap, l.log.Signer); err != nil {
		t.Fatal(err)
	}
	if report, err := Refresh(t.Context(), gap, opt); err != nil || report.Head.Seq != 2 {
		t.Errorf("head %d, %v, want 2: the keys for heads are the same", report.Head.Seq, err)
	}
	if _, _, err := device(t, gap, one.Append(nil), created+1); err != nil {
		t.Errorf("a device of before: %v", err)
	}

	everyPut(t, store, [][]byte{root, one.Append(nil)}, []step{
		{"begin", func(s Store) error {
			err := BeginLog(t.Context(), s, l.log.Signer)
			return err
		}, 1},
		{"a proof that nobody asks for", func(s Store) error { _, err := Refresh(t.Context(), s, opt); return err }, 4}, // the entry, a tile, the checkpoint, the head
		{"rotate", func(s Store) error {
			report, err := PublishRoot(t.Context(), s, rotated, created)
			if report.NeedsHead {
				t.Error("the head has no proof")
			}
			return err
		}, 2},
		{"publish", func(s Store) error { _, err := Publish(t.Context(), s, two, opt); return err }, 6},
	})
	if s, b, err := device(t, store, one.Append(nil), created+2); err != nil || b.Manifest.Version != 2 || s.Root.Version != 2 {
		t.Errorf("in the end: %v", err)
	}
}
