package publish

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/publish/patch"
)

// leaf is a piece of a section, as it is put up.
type leaf struct {
	hash [32]byte
	body []byte
}

// leavesOf cuts the sections of a bundle.
func leavesOf(frame bundle.Frame) (list []leaf) {
	for _, s := range frame.Sections {
		for i, hash := range digest.LeafHashes(s) {
			list = append(list, leaf{hash, s[i*digest.LeafSize : min((i+1)*digest.LeafSize, len(s))]})
		}
	}
	return list
}

// putPatches puts up patches to a bundle from the newest releases that are up:
// those that are shorter than the chunks that they spare a device.
func (p *publication) putPatches(ctx context.Context, file []byte, frame bundle.Frame, digest [32]byte) (list []trust.Patch, err error) {
	all, err := releases(ctx, p.store)
	if err != nil || p.Patches == 0 {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r published) bool { return r.name == bundle.ReleaseName(digest) })
	leaves := leavesOf(frame)
	for _, r := range all[:min(p.Patches, trust.MaxPatches, len(all))] {
		old, err := p.rebuild(ctx, r, leaves)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err != nil { // it is not whole, or no key that counts has signed it: devices that have it fetch chunks
			continue
		}
		b, err := patch.Make(old, file)
		if err != nil {
			return nil, err
		}
		if len(b) >= spared(r, leaves) || len(b) > trust.MaxPatch {
			continue
		}
		if err := applies(b, old, frame); err != nil {
			return nil, err
		}
		listed := trust.Patch{From: trust.Digest(r.envelope.Document), Bytes: len(b), Digest: trust.Digest(b)}
		if err := p.put(ctx, bundle.PatchName(listed.Digest), b); err != nil {
			return nil, err
		}
		list = append(list, listed)
	}
	return list, nil
}

// rebuild makes the bundle of a release again, from chunks that it shares with
// the leaves of another one and from those that are up.
func (p *publication) rebuild(ctx context.Context, r published, leaves []leaf) ([]byte, error) {
	known := map[[32]byte][]byte{}
	for _, l := range leaves {
		known[l.hash] = l.body
	}
	m, err := bundle.ParseManifest(r.envelope.Document)
	if err != nil {
		return nil, err
	}
	chunks := make([][]byte, len(r.envelope.Leaves)/32)
	err = each(ctx, len(chunks), func(ctx context.Context, i int) (err error) {
		hash, ok := [32]byte(r.envelope.Leaves[32*i:]), false
		if chunks[i], ok = known[hash]; !ok {
			chunks[i], err = getChunk(ctx, p.store, hash)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var sections [][]byte
	for _, s := range m.Sections {
		n := digest.Leaves(s.Bytes)
		if n > len(chunks) {
			return nil, trust.ErrMismatch
		}
		sections = append(sections, slices.Concat(chunks[:n]...))
		chunks = chunks[n:]
	}
	file, err := pack.BundleOf(r.envelope, sections)
	if err != nil {
		return nil, err
	}
	_, err = bundle.Open(p.state.Root, file, m.Created) // whether it has expired does not matter
	return file, err
}

// spared returns how many bytes of chunks a device fetches that has a release.
func spared(r published, leaves []leaf) (n int) {
	has := map[[32]byte]bool{}
	for i := 0; i < len(r.envelope.Leaves); i += 32 {
		has[[32]byte(r.envelope.Leaves[i:])] = true
	}
	for _, l := range leaves {
		if !has[l.hash] {
			n += len(l.body)
			has[l.hash] = true
		}
	}
	return n
}

// applies says what is wrong with a patch.
func applies(b, old []byte, frame bundle.Frame) error {
	before, err := bundle.ParseFrame(old)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	want := slices.Concat(frame.Sections...)
	got, err := patch.Apply(slices.Concat(before.Sections...), b, len(want))
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("publish: internal error: a patch that makes something else: %w", patch.ErrChanges)
	}
	return nil
}
