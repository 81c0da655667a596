package host

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

const channelName = "test/news"

// publisher puts up the files of a channel. Keys 0 to 2 sign roots, 1 and 2
// manifests, 3 heads.
type publisher struct {
	t     testing.TB
	files map[string][]byte // by name; a map that is handed out does not change any more
	root  *trust.Root
	keys  []*pack.Keys
	seq   uint64
	first []byte // the root that devices begin with
}

func newPublisher(t testing.TB) *publisher {
	t.Helper()
	p := &publisher{t: t, files: map[string][]byte{}}
	for seed := range byte(4) {
		p.keys = append(p.keys, keys(t, 10+seed))
	}
	p.root = &trust.Root{Version: 1, Expires: expires + 10*86400, Roles: trust.Roles{
		Root:     trust.Keyset{Threshold: 2, Keys: []int{0, 1, 2}},
		Manifest: trust.Keyset{Threshold: 2, Keys: []int{1, 2}},
		Head:     trust.Keyset{Threshold: 1, Keys: []int{3}},
	}}
	for _, k := range p.keys {
		p.root.Keys = append(p.root.Keys, k.Public())
	}
	file, err := pack.SignedRoot(p.root, p.keys[0], p.keys[1])
	if err != nil {
		t.Fatal(err)
	}
	p.put(bundle.RootName, file)
	p.first = file
	return p
}

// put puts a file up.
func (p *publisher) put(name string, b []byte) {
	p.files = maps.Clone(p.files)
	p.files[name] = b
}

// packed has what a version packs to, without signatures: most tests have the
// same few.
var packed sync.Map

// itemsOf is how many items the bundles of a test have: enough for sections of
// several leaves.
const itemsOf = 4000

// pack returns the signed bundle of a version. From one to the next what is
// popular changes, and the title of one item.
func (p *publisher) pack(version uint64, signers ...*pack.Keys) []byte {
	p.t.Helper()
	unsigned, ok := packed.Load(version)
	if !ok {
		m := &train.Model{Algorithm: train.Popular, Label: train.Label{Users: 9, Events: 99, MinItemUsers: 5}}
		for i := range itemsOf {
			m.Items = append(m.Items, itemOf(i))
			if i == itemsOf/2 {
				m.Items[i].Title = fmt.Sprintf("Version %d", version)
			}
			m.Count = append(m.Count, uint32(itemsOf+(i*int(version))%97))
		}
		file, err := pack.Pack(m, nil, pack.Options{Channel: channelName, Version: version, Created: created, Expires: expires})
		if err != nil {
			p.t.Fatal(err)
		}
		unsigned, _ = packed.LoadOrStore(version, file)
	}
	doc, err := pack.ParseDocument(unsigned.([]byte))
	if err != nil {
		p.t.Fatal(err)
	}
	file, err := doc.Sign(signers...)
	if err != nil {
		p.t.Fatal(err)
	}
	return file
}

func itemOf(i int) data.Item {
	return data.Item{ID: fmt.Sprintf("item-%d", i), Title: fmt.Sprintf("The title of item %d, which says what it is about", i)}
}

// release puts up a version's manifest and chunks, and returns its bundle.
func (p *publisher) release(version uint64) []byte {
	p.t.Helper()
	file := p.pack(version, p.keys[1], p.keys[2])
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		p.t.Fatal(err)
	}
	envelope, err := pack.ReleaseOf(frame)
	if err != nil {
		p.t.Fatal(err)
	}
	p.put(bundle.ReleaseName(trust.Digest(frame.Manifest)), envelope)
	for _, s := range frame.Sections {
		for i, leaf := range digest.LeafHashes(s) {
			p.files[bundle.ChunkName(leaf)] = s[i*digest.LeafSize : min((i+1)*digest.LeafSize, len(s))]
		}
	}
	return file
}

// head puts up the next head, which names a bundle, changed by edit.
func (p *publisher) head(file []byte, edit func(*trust.Head)) {
	p.t.Helper()
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := bundle.ParseManifest(frame.Manifest)
	if err != nil {
		p.t.Fatal(err)
	}
	p.seq++
	h := trust.Head{
		Channel: channelName, Seq: p.seq, Issued: created + int64(p.seq), Expires: created + 7*86400, RootVersion: p.root.Version,
		Release: trust.Release{Version: m.Version, Bytes: len(frame.Manifest), Digest: trust.Digest(frame.Manifest)},
	}
	if edit != nil {
		edit(&h)
	}
	signed, err := pack.SignedHead(h, p.keys[3])
	if err != nil {
		p.t.Fatal(err)
	}
	p.put(bundle.HeadName, signed)
}

// publish puts a version up as a whole, and returns its bundle.
func (p *publisher) publish(version uint64) []byte {
	p.t.Helper()
	file := p.release(version)
	p.head(file, nil)
	return file
}

// rotate puts up the next root, changed by edit, signed by the keys 0 to 2 as
// they were and as they are.
func (p *publisher) rotate(edit func(*trust.Root)) {
	p.t.Helper()
	next := *p.root
	next.Version++
	next.Keys = append([]trust.Key{}, p.root.Keys...)
	signers := append([]*pack.Keys{}, p.keys[:3]...)
	if edit != nil {
		edit(&next)
	}
	for i, k := range p.keys[:3] {
		if k != signers[i] {
			signers = append(signers, k)
		}
	}
	file, err := pack.SignedRoot(&next, signers...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.root = &next
	p.put(bundle.NextRootName(next.Version), file)
	p.put(bundle.RootName, file)
}

// replace gives a place in the root another key.
func (p *publisher) replace(place int, seed byte) func(*trust.Root) {
	return func(r *trust.Root) {
		p.keys = append([]*pack.Keys{}, p.keys...)
		p.keys[place] = keys(p.t, seed)
		r.Keys[place] = p.keys[place].Public()
	}
}

// save writes the channel to a folder.
func (p *publisher) save(dir string) {
	p.t.Helper()
	for name, b := range p.files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
}

// fetch is the channel without a network.
func (p *publisher) fetch(_ context.Context, name string, max int) ([]byte, error) {
	b, ok := p.files[name]
	switch {
	case !ok:
		return nil, os.ErrNotExist
	case len(b) > max:
		return nil, trust.ErrSize
	}
	return b, nil
}

// webSite serves a channel over HTTP and keeps what was asked for.
type webSite struct {
	*httptest.Server

	mu     sync.Mutex
	files  map[string][]byte
	asked  []string                                               // method and URL of each request
	header []http.Header                                          // of each request
	answer func(w http.ResponseWriter, r *http.Request) (ok bool) // asked first, when it is there
}

func newWebSite(t testing.TB, p *publisher) *webSite {
	t.Helper()
	s := &webSite{}
	s.show(p)
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// show puts up what p has put up.
func (s *webSite) show(p *publisher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = p.files
}

func (s *webSite) set(answer func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// trace returns what was asked for since the last call.
func (s *webSite) trace() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *webSite) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.String())
	s.header = append(s.header, r.Header)
	files, answer := s.files, s.answer
	s.mu.Unlock()
	if answer != nil && answer(w, r) {
		return
	}
	b, ok := files[strings.TrimPrefix(r.URL.Path, "/news/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(b)
}

// names returns what a trace asks for, without what is the same in all.
func names(trace []string) string {
	var list []string
	for _, line := range trace {
		name := strings.TrimPrefix(line, "GET /news/")
		if folder, _, ok := strings.Cut(name, "/"); ok && folder != "roots" {
			name = folder
		}
		if n := len(list); n > 0 && strings.HasPrefix(list[n-1], name) && name == "chunks" {
			continue
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

// nativeJudge is core in place of the module.
type nativeJudge struct{}

func (nativeJudge) follow(_ context.Context, request []byte) ([]byte, error) {
	s, f, now, err := bundle.ParseFollow(request)
	if err != nil {
		return nil, err
	}
	step, err := bundle.Follow(s, f, now)
	if err != nil {
		return nil, err
	}
	return step.Append(nil), nil
}

func (nativeJudge) open(_ context.Context, state, file []byte) (*Host, []byte, error) {
	s, err := trust.ParseState(state)
	if err != nil {
		return nil, nil, err
	}
	b, err := bundle.OpenIn(s, file, len(file), now().Unix())
	if err != nil {
		return nil, nil, err
	}
	if err := slate.New(b).Check(); err != nil {
		return nil, nil, err
	}
	h := &Host{config: Config{Now: now}, manifest: b.Manifest, expires: min(s.Root.Expires, b.Manifest.Expires), closed: make(chan struct{})}
	return h, s.Open(b.Release()).Append(nil), nil
}

func (nativeJudge) close(context.Context) error { return nil }

// followNative is Follow with core in place of the module, on a disk and a
// channel that may fail.
func followNative(dir string, root []byte, d disk, get fetch) (*Follower, error) {
	s, err := openStore(dir, d)
	if err != nil {
		return nil, err
	}
	f := &Follower{
		config: FollowConfig{Dir: dir, Root: root, Channel: channelName, Host: Config{Now: now}},
		store:  s, fetch: get, judge: nativeJudge{},
	}
	if err := f.start(context.Background()); err != nil {
		return nil, joinClose(err, f)
	}
	return f, nil
}

func joinClose(err error, f *Follower) error {
	if closing := f.Close(context.Background()); closing != nil {
		return fmt.Errorf("%w, and closing: %w", err, closing)
	}
	return err
}

// known returns the state that a folder holds, which must be whole enough to be
// read, or nil.
func known(t testing.TB, dir string) *trust.State {
	t.Helper()
	s := &store{dir: dir}
	doc, _, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	if doc == nil {
		return nil
	}
	state, err := trust.ParseState(doc)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// lower says in what a is below b, or "". A root with other keys for a role takes
// that role's numbers back, which no test here does between two looks.
func lower(a, b *trust.State) string {
	switch {
	case b == nil:
		return ""
	case a == nil:
		return "there is no state any more"
	case a.Root.Version < b.Root.Version:
		return "the root"
	case a.Seq < b.Seq || a.Time < b.Time:
		return "the head"
	case a.MinVersion < b.MinVersion:
		return "the least version"
	case a.Accepted.Version < b.Accepted.Version:
		return "the accepted version"
	case a.Opened.Version < b.Opened.Version:
		return "the opened version"
	}
	return ""
}
