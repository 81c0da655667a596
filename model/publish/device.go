package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
)

// Fetch follows a channel as a device does, from a state on, and returns the
// state that it comes to. With chunks it fetches the release as well, opens it,
// computes its known answers and returns its bundle; that is nil when the channel
// has nothing that the device has not opened already. Any module of those that
// the manifest names will do: which one runs is for devices to know.
func Fetch(ctx context.Context, from Reader, s *trust.State, now int64, chunks bool) (*trust.State, *bundle.Bundle, error) {
	var f bundle.Followed
	for {
		step, err := bundle.Follow(s, f, now)
		if err != nil {
			return nil, nil, at(f.Name, err)
		}
		s = step.State
		if step.Want == "" {
			if step.Release == nil || !chunks {
				return s, nil, nil
			}
			return open(ctx, from, s, step.Release, now)
		}
		if f, err = fetch(ctx, from, step.Want); err != nil {
			return nil, nil, err
		}
	}
}

// fetch gets a file that a device wants.
func fetch(ctx context.Context, from Reader, name string) (f bundle.Followed, err error) {
	f.Name = name
	if f.File, err = from.Get(ctx, name); err != nil {
		return f, at(name, err)
	}
	if e, err := trust.ParseEnvelope(f.File, trust.RoleManifest); err == nil {
		if m, err := bundle.ParseManifest(e.Document); err == nil && len(m.Modules) > 0 {
			f.Module = m.Modules[0]
		}
	}
	return f, nil
}

// open makes a bundle of a release's chunks and opens it.
func open(ctx context.Context, from Reader, s *trust.State, r *bundle.Release, now int64) (*trust.State, *bundle.Bundle, error) {
	chunks := make([][]byte, len(r.Leaves)/32)
	err := each(ctx, len(chunks), func(ctx context.Context, i int) (err error) {
		chunks[i], err = getChunk(ctx, from, [32]byte(r.Leaves[32*i:]))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	var file []byte
	for i, frame := range r.Frame {
		n := digest.Leaves(r.Bytes[i])
		file = append(file, frame...)
		file = append(file, slices.Concat(chunks[:n]...)...)
		chunks = chunks[n:]
	}
	b, err := bundle.OpenIn(s, file, len(file), now)
	if err == nil {
		err = slate.New(b).Check()
	}
	if err != nil {
		return nil, nil, at(bundle.ReleaseName(r.Digest), err)
	}
	return s.Open(b.Release()), b, nil
}

// errChunk says that a chunk is not what its name says.
var errChunk = errors.New("not the bytes that its name is the hash of")

// getChunk gets a leaf and checks it.
func getChunk(ctx context.Context, from Reader, leaf [32]byte) ([]byte, error) {
	name := bundle.ChunkName(leaf)
	body, err := from.Get(ctx, name)
	if err == nil && (len(body) > digest.LeafSize || digest.TreeHead(body) != leaf) {
		err = errChunk
	}
	if err != nil {
		return nil, at(name, err)
	}
	return body, nil
}

// at says in which file of the channel err is.
func at(name string, err error) error {
	if name == "" {
		return fmt.Errorf("publish: %w", err)
	}
	return fmt.Errorf("publish: %s: %w", name, err)
}

// many is how many files travel at once: a distant store answers each after tens
// of milliseconds.
const many = 16

// each runs f for 0 … n-1, many at a time, until one fails.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(many, n) {
		wg.Go(func() {
			for i := range next {
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// overlay is a channel with files that are not up yet.
type overlay struct {
	Reader
	files map[string][]byte
}

func (o overlay) Get(ctx context.Context, name string) ([]byte, error) {
	if b, ok := o.files[name]; ok {
		return b, nil
	}
	return o.Reader.Get(ctx, name)
}
