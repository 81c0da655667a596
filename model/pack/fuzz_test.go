package pack

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/train"
)

// edit changes doc: three bytes of edits are a place and what is added there,
// at most 8 times.
func edit(doc, edits []byte) {
	for ; len(edits) >= 3 && len(doc) > 0; edits = edits[3:] {
		doc[(int(edits[0])<<8|int(edits[1]))%len(doc)] += edits[2]
	}
}

// FuzzOpenEarly changes bundles, signs some of them again, and opens what has
// come of them: no panic; what a part says holds for the whole; and what opens
// answers.
func FuzzOpenEarly(f *testing.F) {
	const n, d = 9, 3
	keys := testKeys(f, 1)
	root := testRoot(f, keys)
	bases := map[string]forged{"ease": forgeOther(f, train.EASE, n), "popular": forgeOther(f, train.Popular, n)}
	for name, q := range quants {
		bases[name] = forge(f, q, n, d)
	}
	for name := range poolShapes {
		bases["pool, "+name] = forgePool(f, shaped(name, n), Quant{}, d)
	}
	bases["pool, rescored"] = forgePool(f, shaped("all", n), twoStages, d)
	names := slices.Sorted(maps.Keys(bases))
	for i := range names {
		f.Add(uint8(i), uint16(0), []byte{}, []byte{}, uint8(0), []byte{})
		f.Add(uint8(i), uint16(2), []byte{}, []byte{1, 20, 200}, uint8(1), []byte{0, 3, 1})
		f.Add(uint8(i), uint16(40), []byte{20, 1, 1}, []byte{}, uint8(0), []byte{})
		f.Add(uint8(i), uint16(300), []byte{}, []byte{}, uint8(200), []byte{0, 1, 128})
	}
	requests := asked(n)
	// manifest and body are edited before they are signed, file afterwards;
	// missing bytes are not there yet; which section has the body.
	f.Fuzz(func(t *testing.T, base uint8, missing uint16, file, manifest []byte, section uint8, body []byte) {
		forged := bases[names[int(base)%len(names)]]
		forged.sections = slices.Clone(forged.sections)
		s := &forged.sections[int(section)%len(forged.sections)]
		s.body = bytes.Clone(s.body)
		edit(s.body, body[:min(len(body), 24)])
		doc := forged.manifest(t)
		edit(doc, manifest[:min(len(manifest), 24)])
		bin := forged.frame(t, keys, doc)
		edit(bin, file[:min(len(file), 24)])

		have := max(0, len(bin)-int(missing))
		whole, wholeErr := bundle.Open(root, bin, created)
		early, err := bundle.OpenEarly(root, bin, have, created)
		var partial *bundle.PartialError
		if errors.As(wholeErr, &partial) {
			t.Fatalf("a whole file: %v", wholeErr)
		}
		if errors.As(err, &partial) {
			if partial.Need <= have || partial.Need > len(bin) {
				t.Fatalf("%d of %d bytes: need %d", have, len(bin), partial.Need)
			}
			_, err := bundle.OpenEarly(root, bin, partial.Need, created)
			if need := partial.Need; errors.As(err, &partial) && partial.Need <= need {
				t.Fatalf("%d of %d bytes: need %d, twice", have, len(bin), need)
			}
			return
		}
		if wholeErr == nil && err != nil {
			t.Fatalf("%d of %d bytes: %v; the whole opens", have, len(bin), err)
		}
		if err != nil {
			return
		}
		for more := have + 1; more < len(bin); more += 1 + len(bin)/4 {
			if _, err := bundle.OpenEarly(root, bin, more, created); err != nil && wholeErr == nil {
				t.Fatalf("%d of %d bytes: %v; %d are enough", more, len(bin), err, have)
			}
		}
		answer := func(b *bundle.Bundle) (all [][]byte) {
			r := slate.New(b)
			for _, doc := range requests {
				got, err := r.Respond(nil, doc)
				var refused *slate.RequestError
				if err != nil && !errors.As(err, &refused) && !errors.Is(err, score.ErrGram) && !errors.Is(err, score.ErrSequence) {
					t.Fatal(err)
				}
				all = append(all, got)
			}
			return all
		}
		before := answer(early)
		if !early.Early() {
			return
		}
		completed := early.Complete()
		if (completed == nil) != (wholeErr == nil) || early.Early() == (wholeErr == nil) {
			t.Fatalf("Complete: %v, early %v; the whole: %v", completed, early.Early(), wholeErr)
		}
		want := before
		if wholeErr == nil {
			sameEarly(t, "completed", early, whole)
			want = answer(whole)
		}
		if got := answer(early); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("after Complete, %v: got %x, want %x", completed, got, want)
		}
	})
}
