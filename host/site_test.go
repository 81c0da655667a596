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

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

const day = channeltest.Day

// publisher puts up the files of a channel, chunks and all.
type publisher struct {
	*channeltest.Channel
	t     testing.TB
	first []byte // the root that devices begin with
}

func newPublisher(t testing.TB) *publisher {
	p := &publisher{channeltest.Empty(), t, nil}
	p.PutRoot(channeltest.Honest, expires+10*day, 0, 1)
	p.first = p.Files[bundle.RootName]
	return p
}

// itemsOf is how many items a bundle has: enough for sections of several leaves.
const itemsOf = 4000

func itemOf(i int) data.Item {
	return data.Item{ID: fmt.Sprintf("item-%d", i), Title: fmt.Sprintf("The title of item %d, which says what it is about", i)}
}

// release puts up a version without a head, and returns its bundle. From one to
// the next what is popular changes, and the title of one item.
func (p *publisher) release(version uint64) []byte {
	m := &train.Model{Algorithm: train.Popular, Label: train.Label{Users: 9, Events: 99, MinItemUsers: 5}}
	for i := range itemsOf {
		m.Items = append(m.Items, itemOf(i))
		m.Count = append(m.Count, uint32(itemsOf+(i*int(version))%97))
	}
	m.Items[itemsOf/2].Title = fmt.Sprintf("Version %d", version)
	return p.releaseOf(m, pack.Options{Version: version})
}

// releaseOf is release for any model.
func (p *publisher) releaseOf(m *train.Model, opt pack.Options) []byte {
	opt.Channel, opt.Created, opt.Expires = channeltest.Name, created, expires
	p.PutModel(m, opt)
	file := p.Bundles[opt.Version]
	for _, s := range channeltest.Frame(file).Sections {
		for i, leaf := range digest.LeafHashes(s) {
			p.Files[bundle.ChunkName(leaf)] = s[i*digest.LeafSize : min((i+1)*digest.LeafSize, len(s))]
		}
	}
	return file
}

// publish puts a version up as a whole, and returns its bundle.
func (p *publisher) publish(version uint64) []byte {
	file := p.release(version)
	p.PutHead(nil)
	return file
}

// rotate puts up the next root with the keys of a shape.
func (p *publisher) rotate(s channeltest.Shape) { p.PutRoot(s, expires+10*day, 0, 1) }

// save writes the channel to a folder.
func (p *publisher) save(dir string) {
	p.t.Helper()
	for name, b := range p.Files {
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
	b, ok := p.Files[name]
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
	s.files = maps.Clone(p.Files)
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
		config: FollowConfig{Dir: dir, Root: root, Channel: channeltest.Name, Host: Config{Now: now}},
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
