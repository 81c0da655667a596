package publish

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
)

// Pruned says what Prune has removed.
type Pruned struct {
	Releases, Chunks, Patches int
}

// Prune removes what none of the newest releases needs, of which it keeps so
// many, and always the one that the head names: devices may be under way with an
// earlier one. Roots and logs stay. Nothing may be published meanwhile.
func Prune(ctx context.Context, store Store, keep int) (n Pruned, err error) {
	if keep < 1 {
		return n, fmt.Errorf("publish: keep %d releases: want at least 1", keep)
	}
	file, err := store.Get(ctx, bundle.HeadName)
	_, head, err := readHead(file, err)
	if err != nil {
		return n, at(bundle.HeadName, err)
	}
	all, err := releases(ctx, store)
	if err != nil {
		return n, err
	}
	needed := map[string]bool{bundle.ReleaseName(head.Release.Digest): true}
	for _, r := range all[:min(keep, len(all))] {
		needed[r.name] = true
	}
	for _, r := range all {
		for i := 0; needed[r.name] && i < len(r.envelope.Leaves); i += 32 {
			needed[bundle.ChunkName([32]byte(r.envelope.Leaves[i:]))] = true
		}
	}
	for _, p := range head.Patches {
		needed[bundle.PatchName(p.Digest)] = true
	}
	// A release first and then its chunks: what is listed can be had.
	for _, folder := range []struct {
		name    string
		removed *int
	}{{"releases", &n.Releases}, {"patches", &n.Patches}, {"chunks", &n.Chunks}} {
		names, err := store.List(ctx, folder.name)
		if err != nil {
			return n, at(folder.name, err)
		}
		names = slices.DeleteFunc(names, func(name string) bool { return needed[name] })
		err = each(ctx, len(names), func(ctx context.Context, i int) error {
			return store.Delete(ctx, names[i])
		})
		if err != nil {
			return n, at(folder.name, err)
		}
		*folder.removed = len(names)
	}
	return n, nil
}

// published is a release that is up.
type published struct {
	name     string
	version  uint64
	envelope trust.Envelope
}

// releases returns what is up, the newest first.
func releases(ctx context.Context, store Store) ([]published, error) {
	names, err := store.List(ctx, "releases")
	if err != nil {
		return nil, at("releases", err)
	}
	all := make([]published, len(names))
	err = each(ctx, len(names), func(ctx context.Context, i int) error {
		file, err := store.Get(ctx, names[i])
		if err != nil {
			return at(names[i], err)
		}
		e, err := trust.ParseEnvelope(file, trust.RoleManifest)
		if err != nil {
			return at(names[i], err)
		}
		m, err := bundle.ParseManifest(e.Document)
		if err != nil {
			return at(names[i], err)
		}
		all[i] = published{names[i], m.Version, e}
		return nil
	})
	slices.SortFunc(all, func(a, b published) int { return cmp.Compare(b.version, a.version) })
	return all, err
}
