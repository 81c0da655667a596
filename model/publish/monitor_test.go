package publish

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/publish/translog"
)

// TestAMonitorFindsOutAPublisher: what a publisher with all keys may do to give
// one person another bundle, and what a monitor says of each.
func TestAMonitorFindsOutAPublisher(t *testing.T) {
	l, store := newLogged(t), newMemory()
	root := l.signedRoot(t, 0, 1)
	if _, err := PublishRoot(t.Context(), store, root, created); err != nil {
		t.Fatal(err)
	}
	if err := BeginLog(t.Context(), store, l.log.Signer); err != nil {
		t.Fatal(err)
	}
	var reports []Report
	for version := range uint64(2) {
		r, err := Publish(t.Context(), store, l.bundle(t, version+1, 1, 2), l.asking(l.options(root, created), l.witnesses[0]))
		if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, r)
	}
	seen := reports[0].Checkpoint
	watch := func(store *memory, seen []byte) (Watched, error) {
		return Monitor(context.WithoutCancel(t.Context()), store, root, name, seen, created+1)
	}
	w, err := watch(store, seen)
	if err != nil || w.Problems != nil || len(w.Entries) != 2 || !w.Entries[1].Served || w.Entries[0].Served || w.Others != 0 ||
		w.Entries[0].Release != reports[0].Head.Release || len(w.Witnesses) != 1 || w.Witnesses[0] != "eve" {
		t.Errorf("an honest channel: %+v, %v", w, err)
	}
	// The store of one who publishes what add appends.
	with := func(entries ...[]byte) *memory {
		s := store.copy(0)
		if _, err := translog.Append(t.Context(), logStore{s}, l.log.Signer, entries...); err != nil {
			t.Fatal(err)
		}
		return s
	}
	entry := func(version uint64, digest byte) []byte {
		return trust.LogEntry(name, trust.Release{Version: version, Digest: [32]byte{digest}})
	}
	unserved := store.copy(0)
	delete(unserved.files, bundle.ReleaseName(reports[1].Head.Release.Digest))
	headless := store.copy(0)
	delete(headless.files, bundle.HeadName)
	for _, c := range []struct {
		what  string
		store *memory
		words string
	}{
		{"one version, two manifests", with(entry(2, 9)), "version 2 has two manifests"},
		{"a version that was there before", with(entry(5, 9), entry(3, 8)), "entry 3 has version 3, and version 5 was there before"},
		{"an entry that is none", with([]byte("hello")), "entry 2 is none of a release"},
		{"nobody has seen it", with(entry(3, 9)), "0 of the witnesses have signed the log as it is, and devices want 1"},
		{"the manifest is gone", unserved, "is not to be had"},
		{"no head", headless, "there is no head"},
	} {
		w, err := watch(c.store, seen)
		if err != nil || !strings.Contains(strings.Join(w.Problems, "\n"), c.words) {
			t.Errorf("%s: %q, %v, want %q", c.what, w.Problems, err, c.words)
		}
	}
	if w, err := watch(with(trust.LogEntry("another", trust.Release{})), nil); err != nil || w.Others != 1 || len(w.Entries) != 2 {
		t.Errorf("another channel's entry: %+v, %v", w, err)
	}

	// Two logs under one key: a fork.
	a, b := with(entry(3, 1)), with(entry(3, 2))
	first, err := watch(a, seen)
	if err != nil {
		t.Fatal(err)
	}
	var fork *translog.ForkError
	if _, err := watch(b, first.Checkpoint); !errors.As(err, &fork) {
		t.Errorf("a fork: %v", err)
	}
	if _, err := watch(store, first.Checkpoint); !errors.Is(err, translog.ErrShrunk) {
		t.Errorf("a log from before: %v", err)
	}

	// A head whose release is in no log that the monitor can see.
	past := store.copy(0)
	for file, body := range with().files {
		if strings.HasPrefix(file, LogFolder) {
			past.files[file] = body
		}
	}
	past.files["log/checkpoint"] = seen
	if w, err := watch(past, nil); err != nil || !strings.Contains(strings.Join(w.Problems, "\n"), "is served and not in the log") {
		t.Errorf("a release that is not in the log: %q, %v", w.Problems, err)
	}

	plain := *l.root
	plain.Log = nil
	l.root = &plain
	quiet := newMemory()
	root = l.signedRoot(t, 0, 1)
	if _, err := PublishRoot(t.Context(), quiet, root, created); err != nil {
		t.Fatal(err)
	}
	if _, err := watch(quiet, nil); !errors.Is(err, ErrNoLog) {
		t.Errorf("a root without a log: %v", err)
	}
}
