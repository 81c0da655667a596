package translog_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	formats "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/publish"
	"github.com/nearside/nearside/model/publish/translog"
)

const (
	origin = "log.example/nearside"
	now    = 1_800_000_000
)

var ctx = context.Background()

// memory is a store that can be told to fail.
type memory struct {
	files map[string][]byte
	puts  int    // from the start
	fail  int    // which Put fails; 0: none
	late  bool   // it fails after it has written
	lose  string // a file that Get does not find
	sick  string // a file that Get fails with
}

var errStore = errors.New("the store is on fire")

func newMemory() *memory { return &memory{files: map[string][]byte{}} }

func (m *memory) Get(_ context.Context, name string) ([]byte, error) {
	b, ok := m.files[name]
	if name == m.sick {
		return nil, errStore
	}
	if !ok || name == m.lose {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return b, nil
}

func (m *memory) Put(_ context.Context, name string, body []byte) error {
	if m.puts++; m.puts != m.fail || m.late {
		m.files[name] = slices.Clone(body)
	}
	if m.puts == m.fail {
		return errStore
	}
	return nil
}

func (m *memory) clone() *memory { return &memory{files: maps.Clone(m.files)} }

func newSigner(tb testing.TB, name string, algorithm tlog.Algorithm) *translog.Signer {
	tb.Helper()
	secret, key, err := translog.NewKey(name, algorithm)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := translog.ParseSigner(secret)
	if err != nil {
		tb.Fatal(err)
	}
	if s.Key.String() != key.String() {
		tb.Fatalf("%s: drawn as %s, read as %s", name, key, s.Key)
	}
	return s
}

func entry(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "entry %d;", i), i%4) }

func entries(from, to int) (list [][]byte) {
	for i := from; i < to; i++ {
		list = append(list, entry(i))
	}
	return list
}

// newLog returns a log of n entries.
func newLog(tb testing.TB, store translog.Store, signer *translog.Signer, n int) (checkpoint []byte) {
	tb.Helper()
	if _, err := translog.Create(ctx, store, signer); err != nil {
		tb.Fatal(err)
	}
	return grow(tb, store, signer, entries(0, n)...)
}

func grow(tb testing.TB, store translog.Store, signer *translog.Signer, list ...[]byte) (checkpoint []byte) {
	tb.Helper()
	checkpoint, err := translog.Append(ctx, store, signer, list...)
	if err != nil {
		tb.Fatal(err)
	}
	return checkpoint
}

// cosign has the witness sign what is in the store, and adds its line.
func cosign(tb testing.TB, store translog.Store, w *translog.Witness) (checkpoint []byte) {
	tb.Helper()
	checkpoint, err := store.Get(ctx, "checkpoint")
	if err != nil {
		tb.Fatal(err)
	}
	var from uint64
	if w.Seen != nil {
		seen, err := tlog.ParseCheckpoint(w.Seen)
		if err != nil {
			tb.Fatal(err)
		}
		from = seen.Size
	}
	consistency, err := translog.ProveConsistency(ctx, store, from)
	if err != nil {
		tb.Fatal(err)
	}
	line, err := w.Cosign(checkpoint, consistency, now)
	if err != nil {
		tb.Fatal(err)
	}
	if checkpoint, err = translog.AddCosignatures(ctx, store, line, w.Signer.Key); err != nil {
		tb.Fatal(err)
	}
	return checkpoint
}

// rootOf is the head of these entries by other hands.
func rootOf(list [][]byte) []byte {
	if len(list) == 0 {
		return rfc6962.DefaultHasher.EmptyRoot()
	}
	if len(list) == 1 {
		return rfc6962.DefaultHasher.HashLeaf(list[0])
	}
	left := 1
	for 2*left < len(list) {
		left *= 2
	}
	return rfc6962.DefaultHasher.HashChildren(rootOf(list[:left]), rootOf(list[left:]))
}

// TestALogGrows publishes 300 entries in odd batches, to a folder, with each
// algorithm for the log, and holds every step to what others make of it.
func TestALogGrows(t *testing.T) {
	for _, algorithm := range []tlog.Algorithm{tlog.Ed25519, tlog.MLDSA44Cosignature} {
		store := publish.Dir(filepath.Join(t.TempDir(), "a", "log"))
		log := newSigner(t, origin, algorithm)
		w1 := &translog.Witness{Signer: newSigner(t, "w1.example", tlog.Ed25519Cosignature), Log: log.Key}
		w2 := &translog.Witness{Signer: newSigner(t, "w2.example", tlog.MLDSA44Cosignature), Log: log.Key}
		policy := tlog.Policy{Log: log.Key, Witnesses: []tlog.Key{w1.Signer.Key, w2.Signer.Key}, Quorum: 2}
		other := verifiers(t, log.Key, w1.Signer.Key, w2.Signer.Key)
		seen, err := translog.Create(ctx, store, log)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, n := range []int{1, 2, 0, 3, 1, 5, 61, 121, 61, 1, 1, 43} {
			grow(t, store, log, entries(size, size+n)...)
			size += n
			cosign(t, store, w1)
			if size != 3 { // a witness may miss one
				cosign(t, store, w2)
			}
			list, checkpoint, err := translog.Read(ctx, store, log.Key, seen)
			if err != nil {
				t.Fatalf("%d entries: %v", size, err)
			}
			seen = checkpoint
			if len(list) != size || !slices.EqualFunc(list, entries(0, size), bytes.Equal) {
				t.Fatalf("%d entries come back as %d others", size, len(list))
			}
			opened, err := note.Open(checkpoint, other)
			if err != nil {
				t.Fatalf("%d entries: %v: %s", size, err, checkpoint)
			}
			if want := fmt.Sprintf("%s\n%d\n%s\n", origin, size, sumdb.Hash(rootOf(list))); opened.Text != want {
				t.Fatalf("got the head %q, want %q", opened.Text, want)
			}
			if want := 3; len(opened.Sigs) != want && size != 3 {
				t.Errorf("%d entries: %d signatures, want %d", size, len(opened.Sigs), want)
			}
			for _, i := range []int{0, size / 2, size - 1} {
				check(t, &policy, store, i, size, size != 3)
			}
		}
		if size != 300 {
			t.Fatalf("%d entries, want 300", size)
		}
		for i := range size {
			check(t, &policy, store, i, size, true)
		}
		if _, err := translog.Prove(ctx, store, 300); err == nil {
			t.Error("entry 300 of 300 has a proof")
		}
	}
}

func check(t *testing.T, policy *tlog.Policy, store translog.Store, i, size int, quorum bool) {
	t.Helper()
	proof, err := translog.Prove(ctx, store, uint64(i))
	if err != nil {
		t.Fatalf("entry %d of %d: %v", i, size, err)
	}
	in, err := policy.Verify(proof, entry(i))
	if !quorum {
		if !errors.Is(err, tlog.ErrWitnesses) {
			t.Fatalf("entry %d of %d, a witness missing: %v", i, size, err)
		}
		return
	}
	if err != nil || in.Index != uint64(i) || in.Size != uint64(size) || len(in.Witnesses) != 2 {
		t.Fatalf("entry %d of %d: got %+v, %v", i, size, in, err)
	}
}

func verifiers(t *testing.T, keys ...tlog.Key) note.Verifiers {
	t.Helper()
	var list []note.Verifier
	for _, k := range keys {
		v, err := formats.NewVerifier(k.String())
		if err != nil {
			t.Fatalf("%s: %v", k, err)
		}
		list = append(list, v)
	}
	return note.VerifierList(list...)
}

// TestFilesAreThoseOfTheSpecification has its example of 70,000 entries.
func TestFilesAreThoseOfTheSpecification(t *testing.T) {
	store, log := newMemory(), newSigner(t, origin, tlog.Ed25519)
	list := make([][]byte, 70_000)
	for i := range list {
		list[i] = fmt.Append(nil, i)
	}
	newLog(t, store, log, 0)
	grow(t, store, log, list...)
	count := map[string]int{}
	for name, body := range store.files {
		folder := strings.Join(strings.SplitN(name, "/", 3)[:min(2, strings.Count(name, "/"))], "/")
		if !strings.Contains(name, ".p/") {
			folder += " full"
			if strings.HasPrefix(name, "tile/0") && len(body) != 8192 {
				t.Errorf("%s: %d bytes, want 8192", name, len(body))
			}
		}
		count[folder]++
	}
	want := map[string]int{"tile/0 full": 273, "tile/0": 1, "tile/1 full": 1, "tile/1": 1, "tile/2": 1, "tile/entries full": 273, "tile/entries": 1, " full": 1}
	if !maps.Equal(count, want) {
		t.Errorf("got %v, want %v", count, want)
	}
	for name, size := range map[string]int{"tile/0/273.p/112": 112 * 32, "tile/1/001.p/17": 17 * 32, "tile/2/000.p/1": 32, "tile/entries/000": 10*3 + 90*4 + 156*5} {
		if len(store.files[name]) != size {
			t.Errorf("%s: %d bytes, want %d", name, len(store.files[name]), size)
		}
	}
	// The next batch goes beyond index 999 of the tiles, whose names are longer.
	grow(t, store, log, list...)
	grow(t, store, log, list...)
	grow(t, store, log, list...)
	if _, ok := store.files["tile/0/x001/093.p/192"]; !ok {
		t.Errorf("280,000 entries have no tile/0/x001/093.p/192, but %v", slices.Sorted(maps.Keys(store.files))[1000:])
	}
	all, _, err := translog.Read(ctx, store, log.Key, nil)
	if err != nil || len(all) != 280_000 {
		t.Errorf("got %d entries, %v", len(all), err)
	}
	proof, err := translog.Prove(ctx, store, 279_999)
	if err != nil {
		t.Fatal(err)
	}
	policy := tlog.Policy{Log: log.Key}
	if _, err := policy.Verify(proof, list[69_999]); err != nil {
		t.Error(err)
	}
}

// TestAppendThatBreaksOff lets every Put of every batch fail once, before it
// has written and after, and once more with other entries afterwards. What a
// monitor and a witness have seen holds all the time.
func TestAppendThatBreaksOff(t *testing.T) {
	log := newSigner(t, origin, tlog.Ed25519)
	broken := 0
	for _, late := range []bool{false, true} {
		for _, sizes := range [][2]int{{0, 1}, {1, 2}, {3, 200}, {200, 57}, {200, 56}, {255, 1}, {255, 2}, {256, 1}, {256, 300}, {511, 2}} {
			before := newMemory()
			seen := newLog(t, before, log, sizes[0])
			for fail := 1; ; fail++ {
				store := before.clone()
				store.fail, store.late = fail, late
				_, err := translog.Append(ctx, store, log, entries(1000, 1000+sizes[1])...)
				if err == nil {
					if fail < 4 {
						t.Fatalf("an append writes %d files, want a bundle, a tile and the checkpoint", fail-1)
					}
					break
				}
				if !errors.Is(err, errStore) {
					t.Fatal(err)
				}
				broken++
				name := fmt.Sprintf("%d entries and %d, Put %d fails, late %v", sizes[0], sizes[1], fail, late)
				list, checkpoint, err := translog.Read(ctx, store, log.Key, seen)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if n := len(list); n != sizes[0] && n != sizes[0]+sizes[1] {
					t.Fatalf("%s: %d entries", name, n)
				}
				w := &translog.Witness{Signer: newSigner(t, "w.example", tlog.Ed25519Cosignature), Log: log.Key, Seen: seen}
				cosign(t, store, w)
				grow(t, store, log, entries(2000, 2003)...)
				again, _, err := translog.Read(ctx, store, log.Key, checkpoint)
				if err != nil || len(again) != len(list)+3 || !slices.EqualFunc(again[:len(list)], list, bytes.Equal) {
					t.Fatalf("%s, then 3 more: %d entries, %v", name, len(again), err)
				}
				cosign(t, store, w)
			}
		}
	}
	t.Logf("%d appends broken off", broken)
}

// TestWhatALogHasSignedStaysInPlace: no append writes what an earlier
// checkpoint needs.
func TestWhatALogHasSignedStaysInPlace(t *testing.T) {
	store, log := newMemory(), newSigner(t, origin, tlog.Ed25519)
	newLog(t, store, log, 0)
	for size := range 300 {
		before := store.clone()
		grow(t, store, log, entry(size))
		for name, body := range before.files {
			if name != "checkpoint" && !bytes.Equal(store.files[name], body) {
				t.Fatalf("entry %d changes %s", size, name)
			}
		}
	}
}

func TestForksAreFound(t *testing.T) {
	log := newSigner(t, origin, tlog.Ed25519)
	first := newMemory()
	newLog(t, first, log, 5)
	second := first.clone()
	common := slices.Clone(first.files["checkpoint"])
	seen := grow(t, first, log, entries(5, 9)...)
	newWitness := func(seen []byte) *translog.Witness {
		return &translog.Witness{Signer: newSigner(t, "w.example", tlog.Ed25519Cosignature), Log: log.Key, Seen: seen}
	}
	for n, wrong := range map[int]string{3: "fewer", 4: "as many", 7: "more"} {
		fork := second.clone()
		checkpoint := grow(t, fork, log, entries(100, 100+n)...)
		_, got, err := translog.Read(ctx, fork, log.Key, seen)
		var forked *translog.ForkError
		switch {
		case n == 3 && !errors.Is(err, translog.ErrShrunk):
			t.Errorf("%s entries than were seen: %v, want ErrShrunk", wrong, err)
		case n > 3 && (!errors.As(err, &forked) || !bytes.Equal(forked.Seen, seen) || !bytes.Equal(forked.Found, checkpoint)):
			t.Errorf("%s entries than were seen: %v, want the fork's two checkpoints", wrong, err)
		case got != nil:
			t.Errorf("%s: a checkpoint beside an error", wrong)
		}
		if _, _, err := translog.Read(ctx, fork, log.Key, common); err != nil {
			t.Errorf("%s: seen by who has seen only what the two have in common: %v", wrong, err)
		}
		if _, _, err := translog.Read(ctx, fork, log.Key, nil); err != nil {
			t.Errorf("%s: seen for the first time: %v", wrong, err)
		}
		w := newWitness(seen)
		proof, _ := translog.ProveConsistency(ctx, fork, 9)
		line, err := w.Cosign(checkpoint, proof, now)
		want := map[int]error{3: translog.ErrShrunk, 7: translog.ErrInconsistent}[n]
		if line != nil || !errors.Is(err, want) && !(n == 4 && errors.As(err, &forked)) || err == nil {
			t.Errorf("%s: the witness says %s, %v", wrong, line, err)
		}
		if !bytes.Equal(w.Seen, seen) {
			t.Errorf("%s: a checkpoint that is refused counts as seen", wrong)
		}
	}
}

// TestWitnessesWantAProof: of the tree that they saw, and no other.
func TestWitnessesWantAProof(t *testing.T) {
	log, stranger := newSigner(t, origin, tlog.Ed25519), newSigner(t, origin, tlog.Ed25519)
	store := newMemory()
	first := newLog(t, store, log, 6)
	second := grow(t, store, log, entries(6, 11)...)
	proof, err := translog.ProveConsistency(ctx, store, 6)
	if err != nil || len(proof) < 2 {
		t.Fatalf("%d hashes, %v", len(proof), err)
	}
	changed := slices.Clone(proof)
	changed[1][7] ^= 1
	foreign := newMemory()
	other := newLog(t, foreign, stranger, 11)
	for name, test := range map[string]struct {
		seen, checkpoint []byte
		proof            [][32]byte
		good             bool
	}{
		"goes on":                       {first, second, proof, true},
		"first time":                    {nil, second, nil, true},
		"the same again":                {second, second, nil, true},
		"first time, with a proof":      {nil, second, proof, false},
		"the same again, with a proof":  {second, second, proof, false},
		"no proof":                      {first, second, nil, false},
		"a hash too few":                {first, second, proof[1:], false},
		"a hash too many":               {first, second, append(slices.Clone(proof), proof[0]), false},
		"a wrong hash":                  {first, second, changed, false},
		"back":                          {second, first, nil, false},
		"another log of the same name":  {first, other, proof, false},
		"saw another log":               {other, second, nil, false},
		"not a checkpoint":              {first, []byte("checkpoint\n"), proof, false},
		"what was seen is no longer it": {[]byte("x"), second, proof, false},
	} {
		w := &translog.Witness{Signer: newSigner(t, "w.example", tlog.Ed25519Cosignature), Log: log.Key, Seen: test.seen}
		line, err := w.Cosign(test.checkpoint, test.proof, now)
		if (err == nil) != test.good || (line != nil) != test.good {
			t.Errorf("%s: got %q, %v", name, line, err)
		}
		if want := map[bool][]byte{true: test.checkpoint, false: test.seen}[test.good]; !bytes.Equal(w.Seen, want) {
			t.Errorf("%s: seen is %q afterwards, want %q", name, w.Seen, want)
		}
	}
	if _, err := (&translog.Witness{Signer: stranger, Log: log.Key}).Cosign(first, nil, now); !errors.Is(err, tlog.ErrKey) {
		t.Errorf("with a log's key: %v, want ErrKey", err)
	}
	if _, err := translog.ProveConsistency(ctx, store, 12); !errors.Is(err, translog.ErrShrunk) {
		t.Errorf("from 12 of 11: %v, want ErrShrunk", err)
	}
}

func TestCosignaturesAreAdded(t *testing.T) {
	store, log := newMemory(), newSigner(t, origin, tlog.Ed25519)
	old := newLog(t, store, log, 2)
	checkpoint := grow(t, store, log, entry(2))
	sign := func(s *translog.Signer, checkpoint []byte, at uint64) string {
		line, err := (&translog.Witness{Signer: s, Log: log.Key}).Cosign(checkpoint, nil, at)
		if err != nil {
			t.Fatal(err)
		}
		return string(line)
	}
	w1, w2, stranger := newSigner(t, "w1", tlog.Ed25519Cosignature), newSigner(t, "w2", tlog.MLDSA44Cosignature), newSigner(t, "w3", tlog.Ed25519Cosignature)
	early, late, second := sign(w1, checkpoint, 1), sign(w1, checkpoint, 2), sign(w2, checkpoint, 3)
	for _, step := range []struct {
		name, lines string
		want        string // "": refused, and nothing changes
	}{
		{"a first", early, string(checkpoint) + early},
		{"a stranger's", sign(stranger, checkpoint, 1), ""},
		{"of an earlier checkpoint", sign(w1, old, 9), ""},
		{"nothing", "", ""},
		{"no lines", "w1\n", ""},
		{"two, one a stranger's", sign(stranger, checkpoint, 1) + second, string(checkpoint) + early + second},
		{"a later one", late, string(checkpoint) + second + late},
		{"the same", late, string(checkpoint) + second + late},
		{"two, one of an earlier checkpoint", second + sign(w1, old, 9), ""},
	} {
		before := slices.Clone(store.files["checkpoint"])
		got, err := translog.AddCosignatures(ctx, store, []byte(step.lines), w1.Key, w2.Key)
		if (err == nil) != (step.want != "") || string(got) != step.want {
			t.Errorf("%s: got %q, %v", step.name, got, err)
		}
		if want := cmp.Or(step.want, string(before)); string(store.files["checkpoint"]) != want {
			t.Errorf("%s: the store has %q, want %q", step.name, store.files["checkpoint"], want)
		}
	}
	// A proof has no room for five signatures of ML-DSA-44, of which one is there.
	for i := range 5 {
		w := newSigner(t, fmt.Sprint("w", i), tlog.MLDSA44Cosignature)
		_, err := translog.AddCosignatures(ctx, store, []byte(sign(w, checkpoint, now)), w.Key)
		if full := i == 3; full != (err != nil) {
			t.Errorf("signature %d of ML-DSA-44: %v", i+2, err)
		}
		if err != nil {
			break
		}
	}
}

// TestDamagedStores: nothing is built upon, proved or read that the log has not
// signed.
func TestDamagedStores(t *testing.T) {
	log, stranger := newSigner(t, origin, tlog.Ed25519), newSigner(t, origin, tlog.Ed25519)
	good := newMemory()
	newLog(t, good, log, 300)
	bundle := good.files["tile/entries/001.p/44"]
	for name, test := range map[string]struct {
		file                 string
		body                 []byte
		append, prove, reads error
	}{
		"right edge of the tree":       {"tile/0/001.p/44", bytes.Repeat([]byte{1}, 44*32), translog.ErrTile, translog.ErrTile, nil},
		"right edge cut off":           {"tile/0/001.p/44", make([]byte, 43*32), translog.ErrTile, translog.ErrTile, nil},
		"tile above":                   {"tile/1/000.p/1", make([]byte, 32), translog.ErrTile, translog.ErrTile, nil},
		"tile within":                  {"tile/0/000", make([]byte, 8192), nil, translog.ErrTile, nil},
		"last entries":                 {"tile/entries/001.p/44", bytes.Replace(bundle, []byte("299"), []byte("298"), 1), translog.ErrTile, nil, translog.ErrTile},
		"last entries cut off":         {"tile/entries/001.p/44", bundle[:len(bundle)-1], translog.ErrTile, nil, translog.ErrTile},
		"last entry missing":           {"tile/entries/001.p/44", bundle[:len(bundle)-2-len(entry(299))], translog.ErrTile, nil, translog.ErrTile},
		"bytes after the last entries": {"tile/entries/001.p/44", append(slices.Clone(bundle), 0, 0), translog.ErrTile, nil, translog.ErrTile},
		"early entries":                {"tile/entries/000", bytes.Replace(good.files["tile/entries/000"], []byte("123"), []byte("321"), 1), nil, nil, translog.ErrTile},
		"another log's checkpoint":     {"checkpoint", newLog(t, newMemory(), stranger, 300), tlog.ErrLog, nil, tlog.ErrLog},
		"wrong signature":              {"checkpoint", bytes.Replace(good.files["checkpoint"], []byte("\n300\n"), []byte("\n301\n"), 1), tlog.ErrSignature, fs.ErrNotExist, tlog.ErrSignature},
		"lost tile":                    {"tile/0/001.p/44", nil, fs.ErrNotExist, fs.ErrNotExist, nil},
		"lost entries":                 {"tile/entries/001.p/44", nil, fs.ErrNotExist, nil, fs.ErrNotExist},
		"lost checkpoint":              {"checkpoint", nil, fs.ErrNotExist, fs.ErrNotExist, fs.ErrNotExist},
	} {
		store := good.clone()
		if store.files[test.file] = test.body; test.body == nil {
			store.lose = test.file
		}
		before := store.clone()
		if _, err := translog.Append(ctx, store, log, entry(300)); !errors.Is(err, test.append) {
			t.Errorf("%s: append: got %v, want %v", name, err, test.append)
		}
		if test.append != nil && !maps.EqualFunc(store.files, before.files, bytes.Equal) {
			t.Errorf("%s: append has written something", name)
		}
		store = before
		store.lose = map[bool]string{true: test.file}[test.body == nil]
		if _, err := translog.Prove(ctx, store, 5); !errors.Is(err, test.prove) {
			t.Errorf("%s: prove: got %v, want %v", name, err, test.prove)
		}
		list, _, err := translog.Read(ctx, store, log.Key, nil)
		if !errors.Is(err, test.reads) || err != nil && list != nil {
			t.Errorf("%s: read: got %d entries, %v; want %v", name, len(list), err, test.reads)
		}
	}
}

func TestCreateOnce(t *testing.T) {
	store, log := newMemory(), newSigner(t, origin, tlog.Ed25519)
	if _, err := translog.Append(ctx, store, log, entry(0)); !errors.Is(err, fs.ErrNotExist) || store.puts > 0 {
		t.Errorf("append before create: %v and %d files, want fs.ErrNotExist and none", err, store.puts)
	}
	checkpoint, err := translog.Create(ctx, store, log)
	if err != nil {
		t.Fatal(err)
	}
	empty := sha256.Sum256(nil)
	if want := fmt.Sprintf("%s\n0\n%s\n", origin, sumdb.Hash(empty)); !bytes.HasPrefix(checkpoint, []byte(want)) {
		t.Errorf("got %q, want %q", checkpoint, want)
	}
	if list, _, err := translog.Read(ctx, store, log.Key, nil); err != nil || len(list) != 0 {
		t.Errorf("an empty log: %d entries, %v", len(list), err)
	}
	if _, err := translog.Create(ctx, store, log); !errors.Is(err, fs.ErrExist) || !bytes.Equal(store.files["checkpoint"], checkpoint) {
		t.Errorf("twice: %v, want fs.ErrExist", err)
	}
	if _, err := translog.Append(ctx, store, log, make([]byte, translog.MaxEntry+1)); err == nil {
		t.Error("an entry of 65,536 bytes is accepted")
	}
	longest := bytes.Repeat([]byte("x"), translog.MaxEntry)
	grow(t, store, log, longest, nil)
	if list, _, err := translog.Read(ctx, store, log.Key, checkpoint); err != nil || len(list) != 2 || !bytes.Equal(list[0], longest) || len(list[1]) > 0 {
		t.Errorf("an entry of 65,535 bytes and one of none: got %d, %v", len(list), err)
	}
}

// TestSickStores: what a store fails to say is not that nothing is there.
func TestSickStores(t *testing.T) {
	log := newSigner(t, origin, tlog.Ed25519)
	for _, sick := range []string{"checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"} {
		store := newMemory()
		checkpoint := newLog(t, store, log, 3)
		store.sick, store.puts = sick, 0
		w := &translog.Witness{Signer: newSigner(t, "w", tlog.Ed25519Cosignature), Log: log.Key}
		line, err := w.Cosign(checkpoint, nil, now)
		if err != nil {
			t.Fatal(err)
		}
		for name, do := range map[string]func() error{
			"create":            func() error { _, err := translog.Create(ctx, store, log); return err },
			"append":            func() error { _, err := translog.Append(ctx, store, log, entry(3)); return err },
			"prove":             func() error { _, err := translog.Prove(ctx, store, 1); return err },
			"prove consistency": func() error { _, err := translog.ProveConsistency(ctx, store, 2); return err },
			"read":              func() error { _, _, err := translog.Read(ctx, store, log.Key, nil); return err },
			"add":               func() error { _, err := translog.AddCosignatures(ctx, store, line, w.Signer.Key); return err },
		} {
			needs := sick == "checkpoint" || name == "append" || strings.HasPrefix(name, "prove") && sick == "tile/0/000.p/3" || name == "read" && sick == "tile/entries/000.p/3"
			if err := do(); needs && !errors.Is(err, errStore) {
				t.Errorf("%s without %s: %v, want the store's error", name, sick, err)
			}
		}
		if sick == "checkpoint" && store.puts > 0 {
			t.Errorf("%d files are written to a store whose checkpoint can't be read", store.puts)
		}
	}
}

// TestEndlessLogs: sizes that loops over trees do not end with are refused, and
// witnesses, who compare heads alone, take any.
func TestEndlessLogs(t *testing.T) {
	secret, key, err := translog.NewKey(origin, tlog.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	log, err := translog.ParseSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []uint64{1<<40 + 1, 1<<62 + 1, 1<<63 - 1} {
		checkpoint, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, sumdb.Hash{})}, signer)
		if err != nil {
			t.Fatal(err)
		}
		store := newMemory()
		store.files["checkpoint"] = checkpoint
		if _, err := translog.Append(ctx, store, log, entry(0)); err == nil {
			t.Errorf("%d entries: append", size)
		}
		if _, err := translog.Prove(ctx, store, 0); err == nil {
			t.Errorf("%d entries: prove", size)
		}
		if _, _, err := translog.Read(ctx, store, key, nil); err == nil {
			t.Errorf("%d entries: read", size)
		}
		w := &translog.Witness{Signer: newSigner(t, "w", tlog.Ed25519Cosignature), Log: key}
		if _, err := w.Cosign(checkpoint, nil, now); err != nil {
			t.Errorf("%d entries: %v", size, err)
		}
		if _, err := w.Cosign(checkpoint, make([][32]byte, 62), now); !errors.Is(err, translog.ErrInconsistent) {
			t.Errorf("%d entries: %v, want ErrInconsistent", size, err)
		}
	}
}

func TestKeysAreThoseOfNotes(t *testing.T) {
	// A key for notes, as others write one.
	skey, vkey, err := note.GenerateKey(nil, "log.example")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := translog.ParseSigner(skey); err != nil || s.Key.String() != vkey {
		t.Errorf("%s is read as %v, %v", vkey, s, err)
	}
	skey, vkey, err = formats.GenerateMLDSAKey("w.example")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := translog.ParseSigner(skey); err != nil || s.Key.String() != vkey {
		t.Errorf("%s is read as %v, %v", vkey, s, err)
	}
	// And ours, as others read them.
	secret, key, err := translog.NewKey(origin, tlog.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := note.NewSigner(secret); err != nil || s.KeyHash() != key.ID() {
		t.Errorf("others read the key as %v, %v", s, err)
	}
	for _, algorithm := range []tlog.Algorithm{tlog.Ed25519Cosignature, tlog.MLDSA44Cosignature} {
		secret, key, err := translog.NewKey("w.example", algorithm)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := formats.NewSignerForCosignatureV1(secret); err != nil || s.KeyHash() != key.ID() {
			t.Errorf("others read the key as %v, %v", s, err)
		}
	}
	f := strings.Split(secret, "+")
	raw, err := base64.StdEncoding.DecodeString(strings.Join(f[4:], "+"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(id string, raw []byte) string {
		return "PRIVATE+KEY+" + origin + "+" + id + "+" + base64.StdEncoding.EncodeToString(raw)
	}
	if with(f[3], raw) != secret {
		t.Fatalf("%s is not put together as it was", key)
	}
	for name, bad := range map[string]string{
		"nothing":           "",
		"a public key":      key.String(),
		"another id":        with("00000000", raw),
		"another name":      strings.Replace(secret, origin, origin+"x", 1),
		"a byte short":      with(f[3], raw[:32]),
		"a byte long":       with(f[3], append(slices.Clone(raw), 0)),
		"trailing newline":  secret + "\n",
		"unknown algorithm": with(f[3], append([]byte{5}, raw[1:]...)),
	} {
		s, err := translog.ParseSigner(bad)
		if err == nil {
			t.Errorf("%s: read as %s", name, s.Key)
		} else if strings.Contains(err.Error(), secret[len(secret)-40:]) {
			t.Errorf("%s: the error tells the secret", name)
		}
	}
	for _, name := range []string{"", "a b", "a+b", strings.Repeat("x", 256)} {
		if _, _, err := translog.NewKey(name, tlog.Ed25519); !errors.Is(err, tlog.ErrKey) {
			t.Errorf("a key called %q: %v, want ErrKey", name, err)
		}
	}
	if _, _, err := translog.NewKey("x", 5); !errors.Is(err, tlog.ErrKey) {
		t.Errorf("a key of algorithm 5: %v, want ErrKey", err)
	}
}
