package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
)

// determinism (A14) asks all engines the same. The digest is SHA-256 over the
// answers' hashes.
func determinism(ctx context.Context, s *subject, f *finding) {
	if !s.opened(f) {
		return
	}
	n := s.opt.Scores
	f.note("requests", "%d, random with seed %d, histories of up to %d events", n, requestSeed, s.manifest.Limits.History)
	var names []Engine
	var want [][32]byte // of the first engine that answered
	var first Engine
	for _, e := range s.engines {
		names = append(names, e.name)
		hashes, version, err := e.answer(ctx, s, e.share(n))
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errNoEngine):
			f.note(string(e.name), "not run: %v", err)
			f.notRun("%s: %v", e.name, err)
			continue
		case err != nil:
			f.fail("%s: %v", e.name, err)
			continue
		}
		f.note(string(e.name), "%s, %d answers (%s)", digestOf(hashes), len(hashes), version)
		switch at := differs(want, hashes); {
		case at >= 0:
			f.fail("request %d: %s and %s answer differently", at, first, e.name)
		case len(hashes) < len(want):
			f.note(string(first)+", so many", "%s, %d answers", digestOf(want[:len(hashes)]), len(hashes))
		case want == nil:
			want, first = hashes, e.name
		}
	}
	for _, e := range Engines {
		if !slices.Contains(names, e) {
			f.note(string(e), "left out, as asked for")
		}
	}
	if len(names) < 2 {
		f.notRun("one engine alone has nothing to be compared with")
	}
}

func digestOf(hashes [][32]byte) string {
	h := sha256.New()
	for _, one := range hashes {
		h.Write(one[:])
	}
	return "sha256 " + hex.EncodeToString(h.Sum(nil))
}

// differs returns the first place that two lists have and at which they differ,
// or -1.
func differs(a, b [][32]byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}
