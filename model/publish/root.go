package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
)

// RootReport says what a new root means for what the channel serves.
type RootReport struct {
	Version   uint64
	Expires   int64 // Unix seconds
	NeedsHead bool  // the present head is not signed or proved as the new root asks: publish the bundle again
	NeedsPack bool  // the release is not: pack it as a new version, have it signed, and publish that
}

// PublishRoot puts up the first root of a channel, or the one that follows the
// root that is there, and has to be signed as both ask. now is in Unix seconds.
func PublishRoot(ctx context.Context, store Store, file []byte, now int64) (RootReport, error) {
	e, err := trust.ParseEnvelope(file, trust.RoleRoot)
	if err != nil {
		return RootReport{}, fmt.Errorf("publish: %w", err)
	}
	files := map[string][]byte{bundle.RootName: file, bundle.NextRootName(e.Version): file}
	next, err := trust.ParseRoot(e.Document)
	if err != nil {
		return RootReport{}, fmt.Errorf("publish: %w", err)
	}
	if err := enough(next, e); err != nil {
		return RootReport{}, err
	}
	device, err := trustedRoot(ctx, store, file, e.Version)
	if err != nil {
		return RootReport{}, err
	}
	if e.Version > device.Root.Version+1 {
		return RootReport{}, fmt.Errorf("publish: root %d, and the channel has root %d: %w", e.Version, device.Root.Version, trust.ErrRootVersion)
	}
	if e.Version == device.Root.Version+1 {
		if err := enough(device.Root, e); err != nil {
			return RootReport{}, err
		}
	}
	if device, err = takeRoots(ctx, overlay{store, files}, device); err != nil {
		return RootReport{}, err
	}
	if now >= device.Root.Expires {
		return RootReport{}, fmt.Errorf("publish: %w", trust.ErrRootExpired)
	}
	// The numbered one first: a device that learns of a root must find the way to it.
	for _, name := range []string{bundle.NextRootName(e.Version), bundle.RootName} {
		there, err := store.Get(ctx, name)
		switch {
		case err == nil && bytes.Equal(there, file):
			continue
		case err == nil && name != bundle.RootName && !sameDocument(there, e.Document):
			return RootReport{}, at(name, ErrTaken)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return RootReport{}, at(name, err)
		}
		if err := store.Put(ctx, name, file); err != nil {
			return RootReport{}, at(name, err)
		}
	}
	first, err := store.Get(ctx, bundle.NextRootName(1))
	if err != nil {
		return RootReport{}, at(bundle.NextRootName(1), err)
	}
	if device, err = begin(first, ""); err != nil {
		return RootReport{}, err
	}
	if device, err = takeRoots(ctx, store, device); err != nil {
		return RootReport{}, fmt.Errorf("a new device would not take it: %w", err)
	}
	return serves(ctx, store, device)
}

// trustedRoot returns the state of a device that the new root is for: one that
// trusts the root which is there, or, where there is none, the first root itself.
func trustedRoot(ctx context.Context, store Reader, file []byte, version uint64) (*trust.State, error) {
	present, err := store.Get(ctx, bundle.RootName)
	switch {
	case errors.Is(err, fs.ErrNotExist) && version == 1:
		return begin(file, "")
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: root %d follows root %d, which has to be there first", ErrNoRoot, version, version-1)
	case err != nil:
		return nil, at(bundle.RootName, err)
	}
	return begin(present, "")
}

// sameDocument says whether a root's file holds a document; which of its
// signatures are there does not matter.
func sameDocument(file, document []byte) bool {
	e, err := trust.ParseEnvelope(file, trust.RoleRoot)
	return err == nil && bytes.Equal(e.Document, document)
}

// serves compares what a channel serves with the newest root, which a device has
// taken.
func serves(ctx context.Context, store Reader, device *trust.State) (RootReport, error) {
	root := device.Root
	r := RootReport{Version: root.Version, Expires: root.Expires}
	file, err := store.Get(ctx, bundle.HeadName)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	e, head, err := readHead(file, err)
	if err != nil {
		return r, at(bundle.HeadName, err)
	}
	follower := *device
	follower.Channel = e.Channel
	_, _, err = follower.TakeHead(file, 0) // whether it has expired does not matter
	r.NeedsHead = err != nil
	name := bundle.ReleaseName(head.Release.Digest)
	if file, err = store.Get(ctx, name); err != nil {
		return r, at(name, err)
	}
	release, err := trust.ParseEnvelope(file, trust.RoleManifest)
	if err != nil {
		return r, at(name, err)
	}
	r.NeedsPack = root.Verify(trust.RoleManifest, release.Channel, release.Document, release.Signatures) != nil
	return r, nil
}

// readHead reads a head that nobody believes.
func readHead(file []byte, err error) (e trust.Envelope, h trust.Head, _ error) {
	if err == nil {
		e, err = trust.ParseEnvelope(file, trust.RoleHead)
	}
	if err == nil {
		h, err = trust.ParseHead(e.Document)
	}
	return e, h, err
}
