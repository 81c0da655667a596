package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/wasm"
)

// FollowConfig says which channel to follow. URL, Dir and Root are needed.
type FollowConfig struct {
	URL     string // of the channel: http://, https://, or a folder of this machine
	Dir     string // for the state and the last good bundle, of this Follower alone. Whoever writes here can take it back
	Root    []byte // root.nsr to begin with; once there is a state, that alone says whom to trust
	Channel string // its name
	Host    Config // for each bundle; Root and Bundle are not looked at

	Transport http.RoundTripper            // nil: an ordinary one
	Progress  func(done, total int64)      // told how much of a new bundle's file is there; nil: nobody
	Report    func(t Travelled, err error) // told of each update of Run, and of what else fails, by any goroutine; nil: nobody
}

// Follower answers requests from the newest bundle of a channel. It is safe for
// concurrent use.
//
// What is believed, the module decides, in an instance of its own that never
// sees a request: what is fetched depends on the channel and on what the device
// has seen of it, and on nobody's history.
type Follower struct {
	config FollowConfig
	store  *store
	fetch  fetch
	judge  judge
	module [32]byte     // SHA-256 of the module
	time   atomic.Int64 // Unix seconds: the clock does not stand behind it

	updating sync.Mutex // held by an update, and to close
	anchor   []byte     // the state as it is stored, or the root to begin with
	openedBy uint64     // version of the root by which the bundle in use was opened
	closed   bool

	mu       sync.RWMutex // held to look at the next two, or to change them
	inUse    *lease       // nil: there is no bundle in use
	why      error        // why there is none
	retiring sync.WaitGroup
}

// lease counts the calls that use a host, which is closed after them.
type lease struct {
	host  *Host
	calls sync.WaitGroup
}

// ErrNotOpen says that there is no bundle to answer from.
var ErrNotOpen = errors.New("host: no bundle is open")

// Follow locks c.Dir and opens the last good bundle that is in it, without the
// network. When there is none, or it has expired, calls fail with ErrNotOpen
// until an Update has brought another one. Close the Follower in the end.
func Follow(ctx context.Context, c FollowConfig) (*Follower, error) {
	if c.Dir == "" {
		return nil, errors.New("host: want a folder to keep the state of the channel in")
	}
	fetch, err := newFetch(c.URL, c.Transport)
	if err != nil {
		return nil, err
	}
	if c.Host.Module == nil {
		if c.Host.Module, err = wasm.Module(); err != nil {
			return nil, err
		}
	}
	f := &Follower{config: c, fetch: fetch, module: sha256.Sum256(c.Host.Module)}
	if f.config.Host.Now == nil {
		f.config.Host.Now = time.Now
	}
	if f.store, err = openStore(c.Dir, osDisk{}); err != nil {
		return nil, err
	}
	hosts := f.config.Host
	hosts.Now = f.now
	if f.judge, err = newModuleJudge(ctx, hosts); err != nil {
		return nil, errors.Join(err, f.store.close())
	}
	if err := errors.Join(f.start(ctx), ctx.Err()); err != nil {
		return nil, errors.Join(err, f.Close(context.WithoutCancel(ctx)))
	}
	return f, nil
}

// start takes up what the store has.
func (f *Follower) start(ctx context.Context) error {
	f.why = ErrNotOpen
	whole, err := f.load()
	if err != nil || !trust.IsState(f.anchor) {
		return err
	}
	s, err := trust.ParseState(f.anchor)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if err := f.continues(s); err != nil {
		return err
	}
	if !whole {
		f.report(f.store.mend(f.anchor)) // a disk that is full is no reason to answer nobody
	}
	f.time.Store(s.Time)
	if s.Opened == (trust.Release{}) {
		return nil
	}
	if err := f.reopen(ctx, s); err != nil {
		f.stop(ctx, err)
		f.report(fmt.Errorf("host: the last good bundle: %w", err))
	}
	return nil
}

// load reads the state from the disk. whole is false when one copy of it is not.
func (f *Follower) load() (whole bool, err error) {
	state, whole, err := f.store.load()
	if f.anchor = state; state == nil {
		f.anchor = f.config.Root
	}
	return whole, err
}

// continues makes sure that a state is one that c could have begun.
func (f *Follower) continues(s *trust.State) error {
	if s.Channel != f.config.Channel {
		return fmt.Errorf("host: %s has followed channel %q: want %q", f.config.Dir, s.Channel, f.config.Channel)
	}
	root, err := trust.ParseRoot(f.config.Root)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if root.Version == s.Root.Version && !sameKeys(root, s.Root) {
		return fmt.Errorf("host: %s trusts another root of version %d: want the one it was begun with, or one that follows it", f.config.Dir, root.Version)
	}
	return nil
}

func sameKeys(a, b *trust.Root) bool {
	if len(a.Keys) != len(b.Keys) {
		return false
	}
	for i := range a.Keys {
		if a.Keys[i].ID() != b.Keys[i].ID() {
			return false
		}
	}
	return true
}

// now is the clock, or the latest time that the publisher has signed when the
// clock stands behind it.
func (f *Follower) now() time.Time {
	now := f.config.Host.Now()
	if seen := time.Unix(f.time.Load(), 0); now.Before(seen) {
		return seen
	}
	return now
}

// report tells Report of what no caller hears of.
func (f *Follower) report(err error) {
	if err != nil && f.config.Report != nil {
		f.config.Report(Travelled{}, err)
	}
}

// Call is Host.Call on the bundle in use.
func (f *Follower) Call(ctx context.Context, export string, request []byte) ([]byte, error) {
	h, release, err := f.hold()
	if err != nil {
		return nil, err
	}
	defer release()
	return h.Call(ctx, export, request)
}

// Recommend is Host.Recommend on the bundle in use.
func (f *Follower) Recommend(ctx context.Context, req slate.Request) (slate.Slate, error) {
	h, release, err := f.hold()
	if err != nil {
		return slate.Slate{}, err
	}
	defer release()
	return h.Recommend(ctx, req)
}

// Items is Host.Items on the bundle in use.
func (f *Follower) Items(ctx context.Context, indices []uint32) (total int, items []slate.Entry, err error) {
	h, release, err := f.hold()
	if err != nil {
		return 0, nil, err
	}
	defer release()
	return h.Items(ctx, indices)
}

// Manifest returns what the publisher signed of the bundle in use.
func (f *Follower) Manifest() (bundle.Manifest, error) {
	h, release, err := f.hold()
	if err != nil {
		return bundle.Manifest{}, err
	}
	defer release()
	return h.Manifest(), nil
}

// Handler is Host.Handler on the bundle in use.
func (f *Follower) Handler() http.Handler { return handler{f.hold}.mux() }

// hold returns the host in use, which is not closed before release is called.
func (f *Follower) hold() (h *Host, release func(), err error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.inUse != nil:
		f.inUse.calls.Add(1)
		return f.inUse.host, f.inUse.calls.Done, nil
	case errors.Is(f.why, ErrClosed) || errors.Is(f.why, ErrNotOpen):
		return nil, nil, f.why
	}
	return nil, nil, fmt.Errorf("%w: %w", ErrNotOpen, f.why)
}

// ready says why no call can be answered, if so.
func (f *Follower) ready() error {
	h, release, err := f.hold()
	if err != nil {
		return err
	}
	defer release()
	return h.ready()
}

// swap takes h into use, or nothing for the reason why. Calls under way finish
// on the host that was in use, which is then closed.
func (f *Follower) swap(ctx context.Context, h *Host, why error) {
	var next *lease
	if h != nil {
		next = &lease{host: h}
	}
	f.mu.Lock()
	old := f.inUse
	f.inUse, f.why = next, why
	f.mu.Unlock()
	if old == nil {
		return
	}
	f.retiring.Go(func() {
		old.calls.Wait()
		f.report(old.host.Close(context.WithoutCancel(ctx)))
	})
}

// stop takes the bundle out of use.
func (f *Follower) stop(ctx context.Context, why error) { f.swap(ctx, nil, why) }

// Close refuses new calls with ErrClosed, waits for the update and the calls that
// are under way, and frees everything. When ctx ends first, the folder stays locked
// and Close can be called again.
func (f *Follower) Close(ctx context.Context) error {
	f.updating.Lock()
	defer f.updating.Unlock()
	if f.closed {
		return nil
	}
	f.stop(ctx, ErrClosed)
	ended := make(chan struct{})
	go func() {
		f.retiring.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("host: calls are still under way: %w", ctx.Err())
	}
	f.closed = true
	return errors.Join(f.judge.close(ctx), f.store.close())
}

// Run updates now, and again every time that has passed, until ctx ends. When an
// update fails the last good bundle stays in use.
func (f *Follower) Run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		t, err := f.Update(ctx)
		if ctx.Err() == nil && f.config.Report != nil {
			f.config.Report(t, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
