package publish

import (
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/publish/patch"
)

// body returns what the sections of a bundle hold, and the digest of its manifest.
func body(t *testing.T, file []byte) ([]byte, [32]byte) {
	t.Helper()
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(frame.Sections...), trust.Digest(frame.Manifest)
}

func TestPatchesLeadToTheRelease(t *testing.T) {
	p, store, root := newChannel(t)
	files := [][]byte{p.bundle(t, 1, 1, 2)}
	var head trust.Head
	for version := uint64(2); version <= 4; version++ {
		files = append(files, p.bundle(t, version, 1, 2))
		opt := p.options(root, created+int64(version))
		opt.Patches = 2
		report, err := Publish(t.Context(), store, files[version-1], opt)
		if err != nil {
			t.Fatal(err)
		}
		head = report.Head
	}
	if len(head.Patches) != 2 {
		t.Fatalf("%d patches, want 2", len(head.Patches))
	}
	want, _ := body(t, files[3])
	for i, listed := range head.Patches {
		old, digest := body(t, files[2-i]) // the newest first
		if listed.From != digest {
			t.Errorf("patch %d is from %x, want %x", i, listed.From, digest)
		}
		b := store.files[bundle.PatchName(listed.Digest)]
		if len(b) != listed.Bytes || len(b) >= 24000 || trust.Digest(b) != listed.Digest {
			t.Errorf("patch %d: %d bytes, listed as %d", i, len(b), listed.Bytes)
		}
		if got, err := patch.Apply(old, b, len(want)); err != nil || !slices.Equal(got, want) {
			t.Errorf("patch %d makes something else: %v", i, err)
		}
	}
	if report, err := Refresh(t.Context(), store, p.options(root, created+5)); err != nil || !slices.Equal(report.Head.Patches, head.Patches) {
		t.Errorf("a refresh lists %d patches, %v", len(report.Head.Patches), err)
	}
	if n, err := Prune(t.Context(), store, 1); err != nil || n.Patches != 3 {
		t.Errorf("%d patches pruned, %v, want those of the heads before", n.Patches, err)
	}
}

// TestNoPatch: from a release that is not whole, or that no key of the root has
// signed, there is none, and the release is published all the same.
func TestNoPatch(t *testing.T) {
	p, store, root := newChannel(t)
	two := p.bundle(t, 2, 1, 2)
	opt := p.options(root, created+1)
	opt.Patches = 5
	publish := func(what string, store *memory) {
		t.Helper()
		report, err := Publish(t.Context(), store, two, opt)
		if err != nil || len(report.Head.Patches) != 0 {
			t.Errorf("%s: %d patches, %v", what, len(report.Head.Patches), err)
		}
	}
	lacking := store.copy(0)
	one, err := bundle.ParseFrame(p.bundle(t, 1, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leavesOf(one) {
		delete(lacking.files, bundle.ChunkName(l.hash))
	}
	publish("without chunks", lacking)

	p.rotate(t, 1, 80)
	p.rotate(t, 2, 81)
	p.root.Version = 2
	p.keys = append(p.keys, keys(t, 1)) // root 1 had it at place 1, and it signs for both
	if _, err := PublishRoot(t.Context(), store, p.signedRoot(t, 0, 4, 1), created); err != nil {
		t.Fatal(err)
	}
	two = p.bundle(t, 2, 1, 2)
	publish("after all keys for manifests have changed", store)
}
