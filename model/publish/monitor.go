package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/publish/translog"
)

// LogFolder is where a channel has its transparency log.
const LogFolder = "log/"

// Logged is a release in the log.
type Logged struct {
	Index   int
	Channel string
	Release trust.Release // Bytes is 0 when its manifest was not to be had
	Served  bool          // the channel's head names it
}

// Watched is what a monitor has found.
type Watched struct {
	Root       uint64   // version of the newest root
	Log        string   // whose the log is
	Entries    []Logged // of this channel
	Others     int      // how many entries are of other channels
	Witnesses  []string // of the root's policy, that have seen the log as it is
	Problems   []string // why somebody may be getting something else, in sentences
	Checkpoint []byte   // to be kept for the next time
}

// ErrNoLog says that a root asks for no log, so that nothing can be watched.
var ErrNoLog = errors.New("publish: the root names no log")

// Monitor reads the log of a channel and lists every release that it has ever
// named: a device that asks for a proof takes no other. The log must go on from
// the checkpoint that was seen before, unless that is nil; that it does not is an
// error, with both in a *translog.ForkError. What is wrong within an honest log
// is among the problems.
func Monitor(ctx context.Context, from Reader, anchor []byte, channel string, seen []byte, now int64) (Watched, error) {
	s, err := begin(anchor, channel)
	if err != nil {
		return Watched{}, err
	}
	if s, err = takeRoots(ctx, from, s); err != nil {
		return Watched{}, err
	}
	policy := s.Root.Log
	if policy == nil {
		return Watched{}, ErrNoLog
	}
	entries, checkpoint, err := translog.Read(ctx, under{from, LogFolder}, policy.Log, seen)
	if err != nil {
		return Watched{}, fmt.Errorf("publish: %w", err)
	}
	w := Watched{Root: s.Root.Version, Log: policy.Log.Name, Checkpoint: checkpoint}
	if w.Witnesses, err = witnesses(policy, checkpoint); err != nil {
		return Watched{}, fmt.Errorf("publish: %w", err)
	}
	if len(w.Witnesses) < policy.Quorum {
		w.problem("%d of the witnesses have signed the log as it is, and devices want %d", len(w.Witnesses), policy.Quorum)
	}
	w.list(ctx, from, channel, entries)
	w.hold(ctx, from, s, now)
	return w, nil
}

func (w *Watched) problem(format string, args ...any) {
	w.Problems = append(w.Problems, fmt.Sprintf(format, args...))
}

// list reads the entries of the channel.
func (w *Watched) list(ctx context.Context, from Reader, channel string, entries [][]byte) {
	var newest trust.Release
	for i, entry := range entries {
		name, r, err := trust.ParseLogEntry(entry)
		if err != nil {
			w.problem("entry %d is none of a release: %v", i, err)
			continue
		}
		if name != channel {
			w.Others++
			continue
		}
		switch {
		case newest == trust.Release{}:
		case r.Version == newest.Version && r.Digest != newest.Digest:
			w.problem("version %d has two manifests: %x and %x", r.Version, newest.Digest, r.Digest)
		case r.Version < newest.Version:
			w.problem("entry %d has version %d, and version %d was there before", i, r.Version, newest.Version)
		}
		if r.Version >= newest.Version {
			newest = r
		}
		file, err := from.Get(ctx, bundle.ReleaseName(r.Digest))
		if e, err2 := trust.ParseEnvelope(file, trust.RoleManifest); err == nil && err2 == nil && trust.Digest(e.Document) == r.Digest {
			r.Bytes = len(e.Document)
		}
		w.Entries = append(w.Entries, Logged{Index: i, Channel: name, Release: r})
	}
}

// hold compares what the channel serves here and now with the log.
func (w *Watched) hold(ctx context.Context, from Reader, s *trust.State, now int64) {
	file, err := from.Get(ctx, bundle.HeadName)
	if err != nil {
		w.problem("there is no head: %v", err)
		return
	}
	_, head, err := s.TakeHead(file, now)
	if err != nil {
		w.problem("devices do not take the head: %v", err)
		return
	}
	found := false
	for i := range w.Entries {
		e := &w.Entries[i]
		e.Served = e.Release.Digest == head.Release.Digest && e.Release.Version == head.Release.Version
		found = found || e.Served
		if e.Served && e.Release.Bytes == 0 {
			w.problem("the manifest of the version that is served, %d, is not to be had", head.Release.Version)
		}
	}
	if !found {
		w.problem("version %d, manifest %x, is served and not in the log", head.Release.Version, head.Release.Digest)
	}
}

// witnesses returns the names of those that signed a checkpoint.
func witnesses(p *tlog.Policy, checkpoint []byte) (names []string, err error) {
	c, err := tlog.ParseCheckpoint(checkpoint)
	if err != nil {
		return nil, err
	}
	for _, k := range p.Witnesses {
		signed, err := c.SignedBy(k)
		if err != nil {
			return nil, fmt.Errorf("witness %s: %w", k.Name, err)
		}
		if signed {
			names = append(names, k.Name)
		}
	}
	return names, nil
}

// under reads the files of a folder.
type under struct {
	Reader
	folder string
}

func (u under) Get(ctx context.Context, name string) ([]byte, error) {
	return u.Reader.Get(ctx, u.folder+name)
}
