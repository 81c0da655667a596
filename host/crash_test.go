package host

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
)

// device is a folder of a device, and the channel that it follows.
type device struct {
	t   testing.TB
	p   *publisher
	dir string
}

// newDevices returns a device that has seen nothing of a channel with two
// versions and a rotation of the root between them, and one that has seen the
// first of them.
func newDevices(t testing.TB) (fresh, old device) {
	t.Helper()
	p := newPublisher(t)
	p.publish(1)
	fresh = device{t, p, filepath.Join(t.TempDir(), "device")}
	old = device{t, p, filepath.Join(t.TempDir(), "device")}
	if err := old.update(hastyDisk{}, p.fetch); err != nil {
		t.Fatal(err)
	}
	p.rotate(channeltest.Honest)
	p.publish(2)
	return fresh, old
}

// with returns the same device with other files on its disk: those of m, which
// lie below from.
func (d device) with(m image, from string) device {
	d.t.Helper()
	d.dir = filepath.Join(d.t.TempDir(), "device")
	for _, folder := range []string{bundlesDir, partsDir} {
		if err := os.MkdirAll(filepath.Join(d.dir, folder), 0o700); err != nil {
			d.t.Fatal(err)
		}
	}
	for path, b := range m {
		rel, err := filepath.Rel(from, path)
		if err != nil {
			d.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.dir, rel), b, 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	return d
}

// update does what a process does: it starts, updates and ends.
func (d device) update(on disk, get fetch) error {
	f, err := followNative(d.dir, d.p.first, on, get)
	if err != nil {
		return err
	}
	_, err = f.Update(context.Background())
	return joinClose(err, f)
}

// starts wants a restart to find the bundle that was opened last to open, and no
// state lower than before. It returns the version, or 0 while there is none.
func (d device) starts(what string, before *trust.State) uint64 {
	d.t.Helper()
	s := known(d.t, d.dir)
	if went := lower(s, before); went != "" {
		d.t.Fatalf("%s: %s went back", what, went)
	}
	f, err := followNative(d.dir, d.p.first, hastyDisk{}, d.p.fetch)
	if err != nil {
		d.t.Fatalf("%s: a restart: %v", what, err)
	}
	m, err := f.Manifest()
	if err = errors.Join(err, f.ready()); err != nil && s != nil && s.Opened.Version > 0 {
		d.t.Fatalf("%s: after a restart no bundle is open: %v", what, err)
	}
	if _, whole, err := f.store.load(); !whole || err != nil {
		d.t.Fatalf("%s: after a restart one copy of the state is not whole, %v", what, err)
	}
	if err := f.Close(context.Background()); err != nil {
		d.t.Fatal(err)
	}
	return m.Version
}

// hastyDisk does not wait for anything to be durable.
type hastyDisk struct{ osDisk }

func (d hastyDisk) create(name string) (file, error) {
	f, err := d.osDisk.create(name)
	return hastyFile{f}, err
}
func (hastyDisk) syncDir(string) error { return nil }

type hastyFile struct{ file }

func (hastyFile) Sync() error { return nil }

// tracedDisk tells of every call before it is made, and may fail it: at once, or
// once it has had its effect.
type tracedDisk struct {
	call func(operation) failure
}

// operation is a call of a disk.
type operation struct {
	kind     kind
	name, to string
	data     []byte
	state    *trust.State // of a mark: what the device has acted on
}

type kind string

const (
	opCreate  kind = "create"
	opWrite   kind = "write"
	opSync    kind = "sync"
	opRename  kind = "rename"
	opSyncDir kind = "syncdir"
	opMark    kind = "mark"
)

type failure int

const (
	succeed   failure = iota
	failEarly         // nothing has happened, or half of a write
	failLate          // it has happened all the same
)

var errDisk = errors.New("the disk fails")

// do makes a call that is to fail as wanted.
func (d tracedDisk) do(o operation, call, half func() error) error {
	switch d.call(o) {
	case failEarly:
		return errors.Join(errDisk, half())
	case failLate:
		return errors.Join(errDisk, call())
	}
	return call()
}

func nothing() error { return nil }

func (d tracedDisk) create(name string) (f file, err error) {
	err = d.do(operation{kind: opCreate, name: name}, func() error {
		f, err = osDisk{}.create(name)
		return err
	}, nothing)
	if err != nil && f != nil {
		return nil, errors.Join(err, f.Close())
	}
	return tracedFile{f, name, d}, err
}

func (d tracedDisk) rename(from, to string) error {
	return d.do(operation{kind: opRename, name: from, to: to}, func() error { return osDisk{}.rename(from, to) }, nothing)
}

func (d tracedDisk) syncDir(name string) error {
	return d.do(operation{kind: opSyncDir, name: name}, nothing, nothing)
}

type tracedFile struct {
	file
	name string
	disk tracedDisk
}

func (f tracedFile) Write(b []byte) (n int, err error) {
	write := func(b []byte) func() error {
		return func() error {
			n, err = f.file.Write(b)
			return err
		}
	}
	return n, f.disk.do(operation{kind: opWrite, name: f.name, data: bytes.Clone(b)}, write(b), write(b[:len(b)/2]))
}

func (f tracedFile) Sync() error {
	return f.disk.do(operation{kind: opSync, name: f.name}, nothing, nothing)
}

// Each call of the disk fails once. The process may go on or be started anew:
// always the old bundle or the new one answers, and the next update brings the
// new one.
func TestEachWriteMayFail(t *testing.T) {
	_, old := newDevices(t)
	files, before := snapshot(t, old.dir), known(t, old.dir)
	for _, how := range []failure{failEarly, failLate} {
		for at := 0; ; at++ {
			d := old.with(files, old.dir)
			calls, what := 0, ""
			on := tracedDisk{func(o operation) failure {
				calls++
				if calls-1 != at {
					return succeed
				}
				what = fmt.Sprintf("call %d, %s %s, fails", at, o.kind, filepath.Base(o.name))
				return how
			}}
			f, err := followNative(d.dir, d.p.first, on, d.p.fetch)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Update(context.Background())
			if what == "" {
				if err = joinClose(err, f); err != nil || at < 40 {
					t.Fatalf("an update with %d calls: %v", calls, err)
				}
				break
			}
			if !errors.Is(err, errDisk) {
				t.Fatalf("%s: the update did not: %v", what, err)
			}
			if err := f.ready(); err != nil {
				t.Fatalf("%s: nothing answers: %v", what, err)
			}
			acted := known(t, d.dir)
			if went := lower(acted, before); went != "" {
				t.Fatalf("%s: %s went back", what, went)
			}
			goesOn := at%2 == 0
			if goesOn {
				if _, err := f.Update(context.Background()); err != nil {
					t.Fatalf("%s: the next update: %v", what, err)
				}
				if _, whole, err := f.store.load(); !whole || err != nil {
					t.Fatalf("%s: after the next update one copy of the state is not whole, %v", what, err)
				}
			}
			if err := f.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := d.starts(what, acted); got == 0 || goesOn && got != 2 {
				t.Fatalf("%s: version %d answers", what, got)
			}
			d.ends(what, acted)
		}
	}
}

// ends wants the next update to bring version 2.
func (d device) ends(what string, before *trust.State) {
	d.t.Helper()
	if err := d.update(hastyDisk{}, d.p.fetch); err != nil {
		d.t.Fatalf("%s: the next update: %v", what, err)
	}
	if got := d.starts(what, before); got != 2 {
		d.t.Fatalf("%s: at last version %d answers", what, got)
	}
}

// The power fails before each call of the disk. What was not synced is there, or
// not, or half of it; a state that the device has acted on is never gone.
func TestThePowerMayFail(t *testing.T) {
	fresh, old := newDevices(t)
	for _, d := range []device{fresh, old} {
		durable := image{}
		if d == old {
			durable = snapshot(t, d.dir)
		}
		trace := traced(d)
		tried := map[string]bool{}
		for n := range len(trace) + 1 {
			var acted *trust.State
			for _, o := range trace[:n] {
				if o.kind == opMark {
					acted = o.state
				}
			}
			for _, how := range []powerLoss{{}, {names: true}, {names: true, half: true}, {half: true}, {names: true, all: true}, {all: true}} {
				m := crashed(durable, trace[:n], how)
				key := m.sum()
				if acted != nil {
					key += string(acted.Append(nil))
				}
				if tried[key] {
					continue
				}
				tried[key] = true
				what := fmt.Sprintf("the power fails after %d of %d calls, %+v", n, len(trace), how)
				after := d.with(m, d.dir)
				if got := after.starts(what, acted); got == 0 && d == old {
					t.Fatalf("%s: nothing answers", what)
				}
				after.ends(what, acted)
			}
		}
		if len(tried) < 40 {
			t.Errorf("%d images of a disk were tried", len(tried))
		}
	}
}

// traced updates a device, and returns what its disk was asked, with marks
// where the device acted on its state.
func traced(d device) (trace []operation) {
	d.t.Helper()
	mark := func() { trace = append(trace, operation{kind: opMark, state: known(d.t, d.dir)}) }
	on := tracedDisk{func(o operation) failure {
		trace = append(trace, o)
		return succeed
	}}
	err := d.update(on, func(ctx context.Context, name string, max int) ([]byte, error) {
		mark()
		return d.p.fetch(ctx, name, max)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	mark()
	return trace
}

// image is what a disk holds: files by path.
type image map[string][]byte

func snapshot(t testing.TB, dir string) image {
	t.Helper()
	m := image{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			m[path], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m image) sum() string {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(h, "%q %x\n", path, sha256.Sum256(m[path]))
	}
	return string(h.Sum(nil))
}

// powerLoss says what is left of what was not synced: of names, and of what
// files hold, which is nothing, half or all of it.
type powerLoss struct{ names, half, all bool }

// inode is a file without its name.
type inode struct{ content, synced []byte }

// crashed returns what a disk holds on which some calls were made before the
// power failed.
func crashed(durable image, calls []operation, how powerLoss) image {
	kept, seen := map[string]*inode{}, map[string]*inode{} // names that are synced, and that a process sees
	for path, b := range durable {
		kept[path] = &inode{content: b, synced: b}
	}
	maps.Copy(seen, kept)
	for _, o := range calls {
		switch o.kind {
		case opCreate:
			if n, ok := seen[o.name]; ok {
				n.content, n.synced = nil, nil
			} else {
				seen[o.name] = &inode{}
			}
		case opWrite:
			seen[o.name].content = append(seen[o.name].content, o.data...)
		case opSync:
			seen[o.name].synced = seen[o.name].content
		case opRename:
			seen[o.to] = seen[o.name]
			delete(seen, o.name)
		case opSyncDir:
			for path := range kept {
				if _, ok := seen[path]; !ok && filepath.Dir(path) == o.name {
					delete(kept, path)
				}
			}
			for path, n := range seen {
				if filepath.Dir(path) == o.name {
					kept[path] = n
				}
			}
		}
	}
	if how.names {
		kept = seen
	}
	m := image{}
	for path, n := range kept {
		m[path] = n.synced
		if lost := n.content[len(n.synced):]; how.half {
			m[path] = n.content[:len(n.synced)+len(lost)/2]
		} else if how.all {
			m[path] = n.content
		}
	}
	return m
}

// Names of the variables that make this binary the process that is killed.
const (
	killedDevice = "NEARSIDE_TEST_DEVICE" // its folder
	killedSite   = "NEARSIDE_TEST_SITE"   // folder of the channel
)

// The channel that is followed has so many versions, and another root with each
// so manieth.
const (
	killedVersions = 30
	rotateEvery    = 4
)

// atVersion fetches from a channel saved by TestKilledAnywhere, as it was when a
// version was new.
func atVersion(site string, version *int) fetch {
	return func(ctx context.Context, name string, max int) ([]byte, error) {
		if name == bundle.RootName || name == bundle.HeadName {
			name = fmt.Sprintf("at/%d/%s", *version, name)
		}
		return folder(site).fetch(ctx, name, max)
	}
}

// liveUntilKilled follows a channel from version to version, and tells on
// standard output which update is done.
func liveUntilKilled() error {
	dir, site := os.Getenv(killedDevice), os.Getenv(killedSite)
	first, err := os.ReadFile(filepath.Join(site, "first.nsr"))
	if err != nil {
		return err
	}
	version := 1
	f, err := followNative(dir, first, osDisk{}, atVersion(site, &version))
	if err != nil {
		return err
	}
	if s, err := trust.ParseState(f.anchor); err == nil { // there was a life before
		version = max(1, int(s.Named.Version), rotateEvery*int(s.Root.Version-1))
	}
	for fmt.Println("alive"); version <= killedVersions; version++ {
		if _, err := f.Update(context.Background()); err != nil {
			return err
		}
		s, err := trust.ParseState(f.anchor)
		if err != nil {
			return err
		}
		fmt.Println("done", s.Root.Version, s.Seq, s.Opened.Version)
	}
	return nil
}

// A process that updates is killed at any time, again and again. What it has
// said is done is never undone, and what it leaves opens.
func TestKilledAnywhere(t *testing.T) {
	kills := 100
	if os.Getenv("NEARSIDE_NIGHTLY") != "" {
		kills = 2000
	}
	p, site, work := newPublisher(t), t.TempDir(), t.TempDir()
	for version := 1; version <= killedVersions; version++ {
		if version%rotateEvery == 0 {
			p.rotate(channeltest.Honest)
		}
		p.publish(uint64(version))
		for _, name := range []string{bundle.RootName, bundle.HeadName} {
			p.Files[fmt.Sprintf("at/%d/%s", version, name)] = p.Files[name]
		}
	}
	p.Files["first.nsr"] = p.first
	p.save(site)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	killed, lives, unsaid := 0, 0, 0
	var said trust.State // by the processes that had the folder, the last of it
	said.Root = &trust.Root{}
	for dir := ""; killed < kills; lives++ {
		if dir == "" {
			dir, said = filepath.Join(work, fmt.Sprint(lives)), trust.State{Root: &trust.Root{}}
		}
		life := exec.Command(program)
		life.Env = append(os.Environ(), killedDevice+"="+dir, killedSite+"="+site)
		var complaints bytes.Buffer
		life.Stderr = &complaints
		out, err := life.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := life.Start(); err != nil {
			t.Fatal(err)
		}
		// Every other one is killed while it starts.
		lines := bufio.NewScanner(out)
		if lives%2 == 0 {
			lines.Scan()
		}
		timer := time.AfterFunc(time.Duration(random.IntN(60_000))*time.Microsecond, func() { _ = life.Process.Kill() })
		for lines.Scan() {
			if _, err := fmt.Sscan(strings.TrimPrefix(lines.Text(), "done"), &said.Root.Version, &said.Seq, &said.Opened.Version); err != nil && lines.Text() != "alive" {
				t.Fatalf("life %d says %q", lives, lines.Text())
			}
		}
		err = life.Wait()
		timer.Stop()
		if complaints.Len() > 0 {
			t.Fatalf("life %d: %s", lives, &complaints)
		}
		if _, err := os.Stat(dir); err != nil {
			killed++ // before it did anything
			continue
		}
		got := known(t, dir)
		if got == nil {
			got = &trust.State{Root: &trust.Root{}}
		}
		said.Time, said.Accepted = got.Time, said.Opened
		if went := lower(got, &said); went != "" {
			t.Fatalf("life %d said %+v, and after it %s is back at %+v", lives, said, went, got)
		}
		if got.Opened.Version > said.Opened.Version {
			unsaid++
		}
		if got.Opened.Version > 0 {
			d := device{t: t, p: p, dir: dir}
			if version := d.starts(fmt.Sprintf("life %d", lives), got); version != got.Opened.Version {
				t.Fatalf("life %d: version %d answers, want %d", lives, version, got.Opened.Version)
			}
		}
		if err == nil { // it has seen all versions
			if got.Opened.Version != killedVersions {
				t.Fatalf("life %d ended at version %d", lives, got.Opened.Version)
			}
			dir = ""
			continue
		}
		killed++
	}
	t.Logf("%d of %d processes were killed, %d of them between what they did and what they said", killed, lives, unsaid)
}

// Whoever holds a host has one that is not closed, while versions come and go.
func TestNobodyHoldsAClosedHost(t *testing.T) {
	_, old := newDevices(t)
	f, err := followNative(old.dir, old.p.first, hastyDisk{}, old.p.fetch)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				h, release, err := f.hold()
				if err != nil {
					t.Error(err)
					return
				}
				if err := h.ready(); err != nil {
					t.Error(err)
				}
				release()
			}
		})
	}
	for version := uint64(2); version < 12; version++ {
		if _, err := f.Update(context.Background()); err != nil {
			t.Error(err)
		}
		old.p.publish(version + 1)
	}
	close(done)
	wg.Wait()
	if err := f.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
