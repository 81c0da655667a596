package publish

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

const (
	created = 1_800_000_000
	day     = 24 * 60 * 60
	name    = "test/news"
)

// memory is a store that breaks before its n-th Put.
type memory struct {
	mu    sync.Mutex
	files map[string][]byte
	puts  int // so far
	fails int // the Put that fails, from 1 on; 0: none
}

var errBroken = errors.New("the store broke down")

func newMemory() *memory { return &memory{files: map[string][]byte{}} }

func (m *memory) Get(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return b, nil
}

func (m *memory) Put(_ context.Context, name string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.puts++; m.fails > 0 && m.puts >= m.fails {
		return errBroken
	}
	m.files[name] = body
	return nil
}

func (m *memory) List(_ context.Context, folder string) (names []string, err error) {
	for name := range m.files {
		if strings.HasPrefix(name, folder+"/") {
			names = append(names, name)
		}
	}
	return names, nil
}

func (m *memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

// copy returns a store with the same files that breaks at a Put.
func (m *memory) copy(fails int) *memory {
	return &memory{files: maps.Clone(m.files), fails: fails}
}

// people are the keys of a channel: 0 to 2 sign roots, 1 and 2 manifests, 3 heads.
type people struct {
	keys []*pack.Keys
	root *trust.Root
}

func newPeople(t testing.TB) *people {
	t.Helper()
	p := &people{root: &trust.Root{Version: 1, Expires: created + 1000*day, Roles: trust.Roles{
		Root:     trust.Keyset{Threshold: 2, Keys: []int{0, 1, 2}},
		Manifest: trust.Keyset{Threshold: 2, Keys: []int{1, 2}},
		Head:     trust.Keyset{Threshold: 1, Keys: []int{3}},
	}}}
	for seed := range byte(4) {
		p.keys = append(p.keys, keys(t, seed))
		p.root.Keys = append(p.root.Keys, p.keys[seed].Public())
	}
	return p
}

func keys(t testing.TB, seed byte) *pack.Keys {
	t.Helper()
	k, err := pack.NewKeys(bytes.NewReader(bytes.Repeat([]byte{1 + seed}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signedRoot returns the people's root, signed by some of them.
func (p *people) signedRoot(t testing.TB, signers ...int) []byte {
	t.Helper()
	file, err := pack.SignedRoot(p.root, p.some(signers)...)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (p *people) some(places []int) (list []*pack.Keys) {
	for _, i := range places {
		list = append(list, p.keys[i])
	}
	return list
}

// rotate has another key in a place from now on.
func (p *people) rotate(t testing.TB, place int, seed byte) {
	t.Helper()
	next := *p.root
	next.Version++
	next.Keys = append([]trust.Key{}, p.root.Keys...)
	p.keys[place] = keys(t, seed)
	next.Keys[place] = p.keys[place].Public()
	p.root = &next
}

// bundle packs a version, of which popularity alone differs from others, signed
// by some.
func (p *people) bundle(t testing.TB, version uint64, signers ...int) []byte {
	t.Helper()
	return p.pack(t, packOptions(version, created), signers...)
}

func packOptions(version uint64, at int64) pack.Options {
	return pack.Options{Channel: name, Version: version, Created: at, Expires: created + 30*day}
}

func (p *people) pack(t testing.TB, opt pack.Options, signers ...int) []byte {
	t.Helper()
	const n = 6000 // ids of more than a leaf
	m := &train.Model{Algorithm: train.Popular, Label: train.Label{Users: 9, Events: 99, MinItemUsers: 5}}
	for i := range n {
		m.Items = append(m.Items, data.Item{ID: "item" + strconv.Itoa(i)})
		m.Count = append(m.Count, uint32(n-i)+uint32(opt.Version))
	}
	file, err := pack.Pack(m, nil, opt)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := pack.ParseDocument(file)
	if err == nil {
		file, err = doc.Sign(p.some(signers)...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// options are those of the people's publisher at a time.
func (p *people) options(anchor []byte, now int64) Options {
	return Options{Anchor: anchor, Keys: []*pack.Keys{p.keys[3]}, Now: now}
}

// newChannel publishes a first root and version 1.
func newChannel(t testing.TB) (*people, *memory, []byte) {
	t.Helper()
	p, store := newPeople(t), newMemory()
	root := p.signedRoot(t, 0, 1)
	if _, err := PublishRoot(t.Context(), store, root, created); err != nil {
		t.Fatal(err)
	}
	if _, err := Publish(t.Context(), store, p.bundle(t, 1, 1, 2), p.options(root, created)); err != nil {
		t.Fatal(err)
	}
	return p, store, root
}

// device updates a device that begins with an anchor and returns what it opened.
func device(t testing.TB, store Reader, anchor []byte, now int64) (*trust.State, *bundle.Bundle, error) {
	t.Helper()
	s, err := begin(anchor, name)
	if err != nil {
		t.Fatal(err)
	}
	return Fetch(t.Context(), store, s, now, true)
}

func TestPublishADay(t *testing.T) {
	p, store, root := newChannel(t)
	first := maps.Clone(store.files)
	s, b, err := device(t, store, root, created)
	if err != nil || b.Manifest.Version != 1 || s.Seq != 1 {
		t.Fatalf("a device: %v", err)
	}
	report, err := Publish(t.Context(), store, p.bundle(t, 2, 1, 2), p.options(root, created+day))
	if err != nil {
		t.Fatal(err)
	}
	if report.Head.Seq != 2 || report.Chunks != 3 || report.NewChunks != 1 || report.NewBytes != 24000 {
		t.Errorf("head %d, %d chunks, %d new of %d bytes; want head 2, and of 3 chunks the one with the popularity",
			report.Head.Seq, report.Chunks, report.NewChunks, report.NewBytes)
	}
	if got, want := report.Head.Expires, int64(created+8*day); got != want {
		t.Errorf("the head expires at %d, want %d", got, want)
	}
	for file, body := range first {
		if file != bundle.HeadName && !bytes.Equal(store.files[file], body) {
			t.Errorf("%s has changed", file)
		}
	}
	s, b, err = device(t, store, s.Append(nil), created+day)
	if err != nil || b.Manifest.Version != 2 {
		t.Fatalf("a device that has version 1: %v", err)
	}

	// A week later the head has expired; a new one is made all the same.
	late := int64(created + 9*day)
	if _, _, err := device(t, store, s.Append(nil), late); !errors.Is(err, trust.ErrHeadExpired) {
		t.Errorf("an old head: %v", err)
	}
	if report, err = Refresh(t.Context(), store, p.options(root, late)); err != nil || report.Head.Seq != 3 || report.Chunks != 0 {
		t.Fatalf("refresh: head %d, %d chunks, %v", report.Head.Seq, report.Chunks, err)
	}
	if _, b, err := device(t, store, s.Append(nil), late); err != nil || b != nil {
		t.Errorf("a device that has version 2: bundle %v, %v", b, err)
	}

	// Version 2 is stopped, and 3 takes its place in one go.
	opt := p.options(root, late)
	opt.MinVersion = 3
	if _, err = Publish(t.Context(), store, p.bundle(t, 3, 1, 2), opt); err != nil {
		t.Fatal(err)
	}
	if s, b, err = device(t, store, s.Append(nil), late); err != nil || b.Manifest.Version != 3 || s.MinVersion != 3 {
		t.Errorf("after the stop: %v", err)
	}
	// Then 3 too, with nothing instead; the least version does not fall again.
	opt.MinVersion = 4
	if _, err = Refresh(t.Context(), store, opt); err != nil {
		t.Fatal(err)
	}
	if report, err = Refresh(t.Context(), store, p.options(root, late)); err != nil || report.Head.MinVersion != 4 {
		t.Fatalf("refresh of a stopped channel: least version %d, %v", report.Head.MinVersion, err)
	}
	if s, b, err = device(t, store, s.Append(nil), late); err != nil || b != nil || s.MinVersion != 4 {
		t.Errorf("a stopped channel: %v", err)
	}
}

// step is something that a publisher does, with so many puts.
type step struct {
	name string
	do   func(Store) error
	puts int
}

// everyPut does one step after the other, each with every one of its puts failing
// first. Devices with the anchors must be able to follow in between.
func everyPut(t *testing.T, store *memory, anchors [][]byte, steps []step) {
	t.Helper()
	for _, step := range steps {
		for fails := 1; ; fails++ {
			broken := store.copy(fails)
			err := step.do(broken)
			for _, anchor := range anchors {
				if _, _, err := device(t, broken, anchor, created+2); err != nil {
					t.Errorf("%s, broken at put %d: %v", step.name, fails, err)
				}
			}
			if err == nil {
				if fails != step.puts+1 {
					t.Errorf("%s: done with %d puts, want %d", step.name, fails-1, step.puts)
				}
				break
			}
			if !errors.Is(err, errBroken) {
				t.Fatalf("%s, broken at put %d: %v", step.name, fails, err)
			}
			broken.fails = 0
			if err := step.do(broken); err != nil {
				t.Errorf("%s again, broken at put %d: %v", step.name, fails, err)
			}
		}
		if err := step.do(store); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
}

// TestEveryPutMayBeTheLast: whatever is under way when the store breaks down,
// devices find the channel as it was or as it is to be, and doing the same again
// completes it.
func TestEveryPutMayBeTheLast(t *testing.T) {
	p, store, root := newChannel(t)
	one, _, err := device(t, store, root, created)
	if err != nil {
		t.Fatal(err)
	}
	two := p.bundle(t, 2, 1, 2)
	twice := p.options(root, created+1)
	old := p.keys[3]
	p.rotate(t, 3, 50)
	twice.Keys = []*pack.Keys{old, p.keys[3]} // so that the head holds under both roots
	next := p.signedRoot(t, 0, 1)
	three := p.bundle(t, 3, 1, 2)
	everyPut(t, store, [][]byte{root, one.Append(nil)}, []step{
		{"publish", func(s Store) error {
			opt := p.options(root, created+1)
			opt.Keys[0], opt.Patches = old, 1
			_, err := Publish(t.Context(), s, two, opt)
			return err
		}, 4}, // a chunk, the release, a patch, the head
		{"refresh", func(s Store) error { _, err := Refresh(t.Context(), s, twice); return err }, 1},
		{"rotate", func(s Store) error { _, err := PublishRoot(t.Context(), s, next, created+1); return err }, 2},
		{"publish with the new key", func(s Store) error {
			_, err := Publish(t.Context(), s, three, p.options(root, created+2))
			return err
		}, 3},
	})
	if s, b, err := device(t, store, one.Append(nil), created+2); err != nil || b.Manifest.Version != 3 || s.Root.Version != 2 {
		t.Errorf("in the end: %v", err)
	}
}

func TestPublishRefuses(t *testing.T) {
	p, store, root := newChannel(t)
	two := p.bundle(t, 2, 1, 2)
	at := p.options(root, created+day)
	with := func(edit func(*Options)) Options {
		opt := at
		edit(&opt)
		return opt
	}
	stranger := newPeople(t)
	for i := range stranger.keys {
		stranger.keys[i] = keys(t, 100+byte(i))
		stranger.root.Keys[i] = stranger.keys[i].Public()
	}
	for _, c := range []struct {
		what string
		file []byte
		opt  Options
		want error
	}{
		{"one of two signatures", p.bundle(t, 2, 1), at, ErrUnsigned},
		{"none", p.bundle(t, 2), at, ErrUnsigned},
		{"a key of another role beside one", p.bundle(t, 2, 0, 1), at, ErrUnsigned},
		{"another channel", p.pack(t, pack.Options{Channel: "test/sport", Version: 2, Created: created, Expires: created + 30*day}, 1, 2), at, trust.ErrChannel},
		{"the same bundle", p.bundle(t, 1, 1, 2), at, ErrVersion},
		{"an older version", p.pack(t, packOptions(1, created-1), 1, 2), at, ErrVersion},
		{"a stopped version", two, with(func(o *Options) { o.MinVersion = 3 }), trust.ErrStopped},
		{"an expired bundle", two, with(func(o *Options) { o.Now = created + 30*day }), trust.ErrExpired},
		{"an expired root", two, with(func(o *Options) { o.Now = created + 1000*day }), trust.ErrRootExpired},
		{"no head key", two, with(func(o *Options) { o.Keys = nil }), ErrUnsigned},
		{"a manifest key for the head", two, with(func(o *Options) { o.Keys = p.keys[1:2] }), ErrUnsigned},
		{"somebody else's root", two, with(func(o *Options) { o.Anchor = stranger.signedRoot(t, 0, 1) }), trust.ErrReplaced},
		{"no root", two, with(func(o *Options) { o.Anchor = []byte("root") }), nil},
		{"no bundle", []byte("bundle"), at, nil},
		{"a clock before the present head", two, with(func(o *Options) { o.Now = created - 8*day }), ErrClock},
	} {
		before := maps.Clone(store.files)
		_, err := Publish(t.Context(), store, c.file, c.opt)
		if err == nil || c.want != nil && !errors.Is(err, c.want) && !errors.Is(err, ErrSame) {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
		if !bytes.Equal(before[bundle.HeadName], store.files[bundle.HeadName]) {
			t.Fatalf("%s: the head was changed", c.what)
		}
	}
	if _, err := Publish(t.Context(), newMemory(), two, at); !errors.Is(err, ErrNoRoot) {
		t.Errorf("without a root: %v", err)
	}
	empty := store.copy(0)
	delete(empty.files, bundle.HeadName)
	if _, err := Refresh(t.Context(), empty, at); !errors.Is(err, ErrNoHead) {
		t.Errorf("refresh without a head: %v", err)
	}
	// A head that nobody's key has signed is not simply replaced.
	damaged := store.copy(0)
	file := bytes.Clone(damaged.files[bundle.HeadName])
	file[len(file)-1] ^= 1
	damaged.files[bundle.HeadName] = file
	if _, err := Publish(t.Context(), damaged, two, at); !errors.Is(err, trust.ErrSignature) {
		t.Errorf("beside a damaged head: %v", err)
	}
}

// TestAStaleCopyIsFoundOut: a publisher that remembers refuses to go on from an
// older copy of the channel, and one that does not makes a head that devices
// refuse.
func TestAStaleCopyIsFoundOut(t *testing.T) {
	p, store, root := newChannel(t)
	stale := store.copy(0)
	report, err := Publish(t.Context(), store, p.bundle(t, 2, 1, 2), p.options(root, created+day))
	if err != nil {
		t.Fatal(err)
	}
	three := p.bundle(t, 3, 1, 2)
	if _, err := Publish(t.Context(), stale, three, p.options(report.State, created+day)); !errors.Is(err, trust.ErrRollback) {
		t.Errorf("with the state: got %v, want %v", err, trust.ErrRollback)
	}
	if _, err := Publish(t.Context(), stale, three, p.options(root, created+day)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := device(t, stale, report.State, created+day); !errors.Is(err, trust.ErrReplaced) {
		t.Errorf("a device: got %v, want %v", err, trust.ErrReplaced)
	}
	// The state goes on where it left off, in the right store.
	if _, err := Publish(t.Context(), store, three, p.options(report.State, created+2*day)); err != nil {
		t.Errorf("with the state: %v", err)
	}
	// A hidden head does not make a publisher with a memory count anew.
	hidden := store.copy(0)
	delete(hidden.files, bundle.HeadName)
	if report, err = Publish(t.Context(), hidden, p.bundle(t, 4, 1, 2), p.options(report.State, created+2*day)); err != nil || report.Head.Seq != 3 {
		t.Errorf("without a head: sequence %d, %v, want 3", report.Head.Seq, err)
	}
}

// TestPublishRepairsChunks: a chunk that is there but damaged is put again.
func TestPublishRepairsChunks(t *testing.T) {
	p, store, root := newChannel(t)
	broken := 0
	for file := range store.files {
		if strings.HasPrefix(file, "chunks/") {
			store.files[file] = append([]byte("<html>"), make([]byte, 100_000*(broken%2))...)
			broken++
		}
	}
	if _, _, err := device(t, store, root, created); err == nil {
		t.Fatal("a device opened damaged chunks")
	}
	report, err := Publish(t.Context(), store, p.bundle(t, 2, 1, 2), p.options(root, created))
	if err != nil || report.NewChunks != 3 {
		t.Fatalf("%d chunks, %v, want 3", report.NewChunks, err)
	}
	if _, _, err := device(t, store, root, created); err != nil {
		t.Error(err)
	}
}

func TestPublishRoot(t *testing.T) {
	p, store, root := newChannel(t)
	try := func(file []byte, now int64) error {
		_, err := PublishRoot(t.Context(), store, file, now)
		return err
	}
	if err := try(root, created); err != nil {
		t.Errorf("the same root again: %v", err)
	}
	before := *p.root
	p.root.Expires++
	if err := try(p.signedRoot(t, 0, 1), created); !errors.Is(err, trust.ErrReplaced) {
		t.Errorf("another first root: %v", err)
	}
	*p.root = before

	lost := p.keys[2]
	p.rotate(t, 2, 60)
	if err := try(p.signedRoot(t, 0), created); !errors.Is(err, ErrUnsigned) {
		t.Errorf("signed by one: %v", err)
	}
	if err := try(p.signedRoot(t, 0, 2), created); !errors.Is(err, ErrUnsigned) || !strings.Contains(err.Error(), "1 of the 2 keys that sign a root by root 1") {
		t.Errorf("signed by one of the old: %v", err)
	}
	p.root.Version = 3
	if err := try(p.signedRoot(t, 0, 1), created); !errors.Is(err, trust.ErrRootVersion) {
		t.Errorf("root 3 after root 1: %v", err)
	}
	p.root.Version = 2
	if err := try(p.signedRoot(t, 0, 1), p.root.Expires); !errors.Is(err, trust.ErrRootExpired) {
		t.Errorf("an expired root: %v", err)
	}
	report, err := PublishRoot(t.Context(), store, p.signedRoot(t, 0, 1), created)
	if err != nil || report.NeedsHead || !report.NeedsPack {
		t.Fatalf("%+v, %v, want a root for which the release has to be signed anew", report, err)
	}
	if err := try(root, created); !errors.Is(err, trust.ErrRollback) {
		t.Errorf("an older root: %v", err)
	}
	if _, err := Publish(t.Context(), store, p.bundle(t, 2, 1, 2), p.options(root, created)); err != nil {
		t.Errorf("with the new key: %v", err)
	}
	p.keys = append(p.keys, lost)
	if _, err := Publish(t.Context(), store, p.bundle(t, 3, 1, 4), p.options(root, created)); !errors.Is(err, ErrUnsigned) {
		t.Errorf("with the lost key: %v", err)
	}
	if _, err := PublishRoot(t.Context(), newMemory(), p.signedRoot(t, 0, 1), created); !errors.Is(err, ErrNoRoot) {
		t.Errorf("a second root in an empty store: %v", err)
	}
}

// TestAStolenHeadKey: a thief uses the numbers up and stops everything; after a
// new root has another key for heads, the publisher and all devices begin anew.
func TestAStolenHeadKey(t *testing.T) {
	p, store, root := newChannel(t)
	first, _, err := device(t, store, root, created)
	if err != nil {
		t.Fatal(err)
	}
	thief := p.options(root, created+day)
	thief.MinVersion = trust.MaxVersion
	if _, err := Refresh(t.Context(), store, thief); err != nil {
		t.Fatal(err)
	}
	victim, _, err := device(t, store, first.Append(nil), created+day)
	if err != nil || victim.MinVersion != trust.MaxVersion {
		t.Fatalf("the thief's head: %v", err)
	}
	if _, err := Publish(t.Context(), store, p.bundle(t, 2, 1, 2), p.options(root, created+day)); !errors.Is(err, trust.ErrStopped) {
		t.Errorf("with the stolen key: %v", err)
	}
	p.rotate(t, 3, 70)
	report, err := PublishRoot(t.Context(), store, p.signedRoot(t, 0, 1), created)
	if err != nil || !report.NeedsHead || report.NeedsPack {
		t.Fatalf("%+v, %v, want a root for which the head has to be made anew", report, err)
	}
	opt := p.options(root, created+day)
	if _, err := Refresh(t.Context(), store, opt); !errors.Is(err, ErrNoHead) {
		t.Errorf("a refresh of what the thief said: %v", err)
	}
	if _, err := Publish(t.Context(), store, p.bundle(t, 1, 1, 2), opt); err != nil {
		t.Fatalf("the bundle of before: %v", err)
	}
	for what, anchor := range map[string][]byte{"a new device": root, "one that never met the thief": first.Append(nil), "the victim": victim.Append(nil)} {
		s, _, err := device(t, store, anchor, created+day)
		if err != nil || s.MinVersion != 0 || s.Named.Version != 1 {
			t.Errorf("%s: least version %d, %v", what, s.MinVersion, err)
		}
	}
}

func TestPrune(t *testing.T) {
	p, store, root := newChannel(t)
	for version := uint64(2); version <= 4; version++ {
		if _, err := Publish(t.Context(), store, p.bundle(t, version, 1, 2), p.options(root, created+int64(version))); err != nil {
			t.Fatal(err)
		}
	}
	store.files["chunks/"+strings.Repeat("0", 64)] = nil // of a publication that broke off
	store.files["patches/"+strings.Repeat("0", 64)] = nil
	n, err := Prune(t.Context(), store, 2)
	if want := (Pruned{Releases: 2, Chunks: 3, Patches: 1}); err != nil || n != want {
		t.Errorf("got %+v, %v, want %+v", n, err, want)
	}
	if _, b, err := device(t, store, root, created+4); err != nil || b.Manifest.Version != 4 {
		t.Errorf("a device: %v", err)
	}
	if n, err = Prune(t.Context(), store, 2); err != nil || n != (Pruned{}) {
		t.Errorf("again: %+v, %v", n, err)
	}
	if _, err = Prune(t.Context(), store, 0); err == nil {
		t.Error("nothing was kept")
	}
}
