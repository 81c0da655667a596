package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/train"
)

// twoStages is a coarse scan and rows that rescore.
var twoStages = Quant{Codec: bundle.CodecPQ, Bytes: 2, Rescore: bundle.CodecInt8, Candidates: 20}

// quants has every codec, alone and with each kind of rows that rescore.
var quants = map[string]Quant{
	"int8":        {Codec: bundle.CodecInt8},
	"int4":        {Codec: bundle.CodecInt4},
	"float":       {Codec: bundle.CodecFloat},
	"binary":      {Codec: bundle.CodecBinary, Candidates: 20},
	"pq":          {Codec: bundle.CodecPQ, Bytes: 2, Candidates: 20},
	"pq-int8":     twoStages,
	"binary-int4": {Codec: bundle.CodecBinary, Rescore: bundle.CodecInt4, Candidates: 20},
	"int4-int8":   {Codec: bundle.CodecInt4, Rescore: bundle.CodecInt8, Candidates: 20},
	"float-int4":  {Codec: bundle.CodecFloat, Rescore: bundle.CodecInt4, Candidates: 20},
}

func packedAs(t testing.TB, q Quant, n, d int) []byte {
	t.Helper()
	opt := options
	opt.Quant = q
	file, err := Pack(testModel(train.IALS, n, d), testKeys(t, 1), opt)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// lateFrom returns where the rows that rescore start in a file that ends with
// them.
func lateFrom(t testing.TB, file []byte) int {
	t.Helper()
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	doc := frame.Manifest
	m, err := bundle.ParseManifest(doc)
	if err != nil {
		t.Fatal(err)
	}
	at := len(file)
	for _, s := range m.Sections {
		if s.Kind >= bundle.KindRescore {
			at -= len(wire.AppendBin(nil, make([]byte, s.Bytes)))
		}
	}
	return at
}

// sameEarly compares all that two bundles hold besides the rows that rescore.
func sameEarly(t testing.TB, what string, got, want *bundle.Bundle) {
	t.Helper()
	n, d := want.Manifest.Limits.Items, want.Manifest.Limits.Dim
	if diff := cmp.Diff(want.Manifest, got.Manifest); diff != "" || got.Digest != want.Digest || !bytes.Equal(got.ManifestBytes, want.ManifestBytes) {
		t.Fatalf("%s: the manifest differs: %s", what, diff)
	}
	if !bytes.Equal(got.Popularity, want.Popularity) || !bytes.Equal(got.Gram, want.Gram) || !bytes.Equal(got.Ridge, want.Ridge) {
		t.Fatalf("%s: popularity, gram or ridge differ", what)
	}
	a, b := make([]float32, d), make([]float32, d)
	for i := range n {
		got.Table.DecodeTo(a, i)
		want.Table.DecodeTo(b, i)
		if at, ok := got.Lookup(want.ID(i)); !ok || at != i || got.Title(i) != want.Title(i) || !slices.Equal(got.Tags(i), want.Tags(i)) || !slices.Equal(a, b) {
			t.Fatalf("%s: item %d differs", what, i)
		}
	}
}

// asked are requests of several kinds, as documents.
func asked(n int) [][]byte {
	var list [][]byte
	event := func(i int) profile.Event {
		return profile.Event{Item: fmt.Sprintf("item%d", i%n), Kind: profile.KindView, Weight: profile.One}
	}
	for _, r := range []slate.Request{
		{K: 3},
		{K: 10, History: []profile.Event{event(1)}, Reasons: 2},
		{K: n, History: []profile.Event{event(0), event(3), event(2)}, Reasons: 3, NoTags: []string{"tag1"}, Unavailable: []byte{9}},
	} {
		list = append(list, r.Append(nil))
	}
	return list
}

func answersOf(t testing.TB, what string, b *bundle.Bundle, requests [][]byte) (all [][]byte) {
	t.Helper()
	r := slate.New(b)
	if err := r.Check(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for i, doc := range requests {
		got, err := r.Respond(nil, doc)
		if err != nil {
			t.Fatalf("%s: request %d: %v", what, i, err)
		}
		all = append(all, got)
	}
	return all
}

// TestEveryPrefixWaitsOrOpens walks through every length of a file that is
// still arriving. What has not come is garbage.
func TestEveryPrefixWaitsOrOpens(t *testing.T) {
	const n, d = 20, 4
	file, root := packedAs(t, twoStages, n, d), testRoot(t, testKeys(t, 1))
	from := lateFrom(t, file)
	whole, err := bundle.Open(root, file, created)
	if err != nil {
		t.Fatal(err)
	}
	requests := asked(n)
	want := answersOf(t, "whole", whole, requests)

	arriving := bytes.Repeat([]byte{0xc1}, len(file))
	need := 0
	for have := range len(file) {
		copy(arriving[:have], file)
		b, err := bundle.OpenEarly(root, arriving, have, created)
		var partial *bundle.PartialError
		switch {
		case have < from:
			if !errors.As(err, &partial) {
				t.Fatalf("%d of %d bytes: %v, want a partial error", have, len(file), err)
			}
			if partial.Need <= have || partial.Need > from || partial.Need < need {
				t.Fatalf("%d bytes: need %d: want more than that, at most %d, and not less than the %d of a byte before", have, partial.Need, from, need)
			}
			need = partial.Need
			continue
		case err != nil:
			t.Fatalf("%d of %d bytes: %v", have, len(file), err)
		}
		if !b.Early() || b.Rescore != nil {
			t.Fatalf("%d bytes: early %v, rows that rescore %v", have, b.Early(), b.Rescore != nil)
		}
		if have%7 > 0 && have != from && have != len(file)-1 {
			continue
		}
		what := fmt.Sprintf("%d of %d bytes", have, len(file))
		sameEarly(t, what, b, whole)
		early := answersOf(t, what, b, requests)
		if err := b.Complete(); err == nil || !b.Early() {
			t.Fatalf("%s: completed before the rest had come", what)
		}
		if again := answersOf(t, what, b, requests); !slices.EqualFunc(early, again, bytes.Equal) {
			t.Fatalf("%s: other answers after a failed Complete", what)
		}
		copy(arriving[have:], file[have:])
		for range 2 { // the second call has nothing to do
			if err := b.Complete(); err != nil || b.Early() {
				t.Fatalf("%s: Complete: %v, early %v", what, err, b.Early())
			}
		}
		sameEarly(t, what, b, whole)
		if got := answersOf(t, what, b, requests); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("%s: other answers than of a bundle that was whole", what)
		}
		for i := have; i < len(arriving); i++ {
			arriving[i] = 0xc1
		}
	}
	file[len(file)-1] ^= 1
	if err := whole.Complete(); err != nil { // which looks at nothing
		t.Errorf("Complete of a bundle that was whole: %v", err)
	}
	file[len(file)-1] ^= 1
	for _, have := range []int{-1, len(file) + 1} {
		b, err := bundle.OpenEarly(root, slices.Grow(slices.Clip(file), 8), have, created)
		if b != nil || err == nil || !strings.HasSuffix(err.Error(), "a part that lies within the file") {
			t.Errorf("%d of %d bytes: %v", have, len(file), err)
		}
	}
}

// TestCompleteRefusesAnotherFrame: a host that changes what it has shown
// already, so that there are fewer sections than the manifest lists.
func TestCompleteRefusesAnotherFrame(t *testing.T) {
	file, root := packedAs(t, twoStages, 12, 3), testRoot(t, testKeys(t, 1))
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	from, n := lateFrom(t, file), len(frame.Sections)
	b, err := bundle.OpenEarly(root, file, from, created)
	if err != nil {
		t.Fatal(err)
	}
	// The last section becomes a part of the one before, which has one byte of
	// length as it has.
	count := bytes.Index(file, frame.Sections[0]) - 3
	if file[count] != 0x90|byte(n) || file[from] != 0xc4 {
		t.Fatalf("%d sections begin with %#x, the late ones with %#x", n, file[count], file[from])
	}
	file[count]--
	file[from+1] = byte(len(file) - from - 2)
	if f, err := bundle.ParseFrame(file); err != nil || len(f.Sections) != n-1 {
		t.Fatalf("%d sections, %v", len(f.Sections), err)
	}
	var syntax *trust.SyntaxError
	if err := b.Complete(); !errors.As(err, &syntax) || syntax.Document != trust.DocumentManifest || !b.Early() {
		t.Errorf("got %v, early %v", err, b.Early())
	}
}

// TestNeedLeadsToAnOpenBundle does what a host does that trusts Need.
func TestNeedLeadsToAnOpenBundle(t *testing.T) {
	root := testRoot(t, testKeys(t, 1))
	for name, q := range quants {
		file := packedAs(t, q, 40, 8)
		have, tries := 0, 0
		for {
			_, err := bundle.OpenEarly(root, file, have, created)
			var partial *bundle.PartialError
			if !errors.As(err, &partial) {
				if err != nil {
					t.Errorf("%s: %d of %d bytes: %v", name, have, len(file), err)
				}
				break
			}
			have, tries = partial.Need, tries+1
		}
		if tries > 20 { // one or two for each value of the frame
			t.Errorf("%s: %d tries to open %d bytes", name, tries, len(file))
		}
		if whole := q.Rescore == bundle.CodecNone; whole != (have == len(file)) {
			t.Errorf("%s: opened with %d of %d bytes", name, have, len(file))
		}
	}
}

// TestCompleteRefusesEveryFlippedBit flips every bit that comes late. The
// bundle goes on without.
func TestCompleteRefusesEveryFlippedBit(t *testing.T) {
	const n, d = 12, 3
	for _, q := range []Quant{twoStages, quants["binary-int4"]} {
		file, root := packedAs(t, q, n, d), testRoot(t, testKeys(t, 1))
		from := lateFrom(t, file)
		b, err := bundle.OpenEarly(root, file, from, created)
		if err != nil {
			t.Fatal(err)
		}
		requests := asked(n)
		want := answersOf(t, "early", b, requests)
		for bit := 8 * from; bit < 8*len(file); bit++ {
			file[bit/8] ^= 1 << (bit % 8)
			err := b.Complete()
			file[bit/8] ^= 1 << (bit % 8)
			var syntax *trust.SyntaxError
			if !errors.Is(err, bundle.ErrHash) && !errors.As(err, &syntax) || !b.Early() || b.Rescore != nil {
				t.Fatalf("bit %d of byte %d: %v, early %v", bit%8, bit/8, err, b.Early())
			}
		}
		if got := answersOf(t, "afterwards", b, requests); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Error("other answers after Complete has refused")
		}
		if err := b.Complete(); err != nil {
			t.Error(err)
		}
	}
}

// TestNoFlippedBitOpensEarly flips the bits of what comes first; the last byte
// is missing. Not every bit of the signatures, which are most of the file.
func TestNoFlippedBitOpensEarly(t *testing.T) {
	file, root := packedAs(t, twoStages, 5, 2), testRoot(t, testKeys(t, 1))
	from := lateFrom(t, file)
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	manifest := frame.Manifest
	// The heads of a bin and of a map and "sigs" stand behind the manifest.
	signed := bytes.Index(file, manifest) + len(manifest)
	flipped := bytes.Clone(file)
	for bit := range len(file) * 8 {
		at := bit / 8
		if at > signed+60 && at < signed+3400 && bit%29 != 0 || testing.Short() && bit%5 != 0 {
			continue
		}
		flipped[at] ^= 1 << (bit % 8)
		b, early := bundle.OpenEarly(root, flipped, len(file)-1, created)
		whole := bundle.ErrHash
		if at >= from || bit%4 == 0 { // TestEveryBitFlipIsRefused does the rest
			_, whole = bundle.Open(root, flipped, created)
		}
		flipped[at] ^= 1 << (bit % 8)
		if whole == nil {
			t.Fatalf("bit %d of byte %d: opens", bit%8, at)
		}
		if early == nil && !b.Early() {
			t.Fatalf("bit %d of byte %d: is whole without its last byte", bit%8, at)
		}
		// One bit more in the frame's head announces pairs behind the sections.
		if at > 0 && at < from && early == nil {
			t.Fatalf("bit %d of byte %d: opens early", bit%8, at)
		}
	}
	for have := range len(file) {
		if b, err := bundle.Open(root, file[:have], created); err == nil || b != nil {
			t.Fatalf("a file cut to %d of %d bytes is accepted", have, len(file))
		}
	}
}

// A refusal is a bundle that contradicts itself.
type refusal struct {
	name string
	f    forged
	want error // nil: a syntax error
	late bool  // only Complete can tell
}

// TestContradictionsAreRefused signs bundles that contradict themselves; see
// refuse.
func TestContradictionsAreRefused(t *testing.T) {
	var list []refusal
	add := func(name string, f forged, want error, late bool) {
		list = append(list, refusal{name, f, want, late})
	}
	const n, d = 5, 3
	base := func(codec string) forged { return forge(t, quants[codec], n, d) }
	with := func(codec string, change func(f *forged)) forged {
		f := base(codec)
		change(&f)
		return f
	}

	// Each section of each codec: missing, too short, too long, foreign.
	for name := range quants {
		for _, s := range base(name).sections {
			if s.kind < bundle.KindRows {
				continue
			}
			late := s.kind >= bundle.KindRescore
			add(fmt.Sprintf("%s without %v", name, s.kind), with(name, func(f *forged) { f.drop(s.kind) }), bundle.ErrLayout, false)
			for _, size := range []int{0, len(s.body) - 1, len(s.body) + 1} {
				body := append(slices.Clone(s.body), 1)[:size]
				add(fmt.Sprintf("%s with %d of %d bytes of %v", name, size, len(s.body), s.kind), with(name, func(f *forged) { f.set(s.kind, body) }), bundle.ErrLayout, late)
			}
		}
		for _, kind := range []bundle.Kind{bundle.KindTrend, 14, bundle.KindRowScales, bundle.KindCentroids, bundle.KindCentScales, 22, bundle.KindStarts, bundle.KindScales, bundle.KindPoolCounts, bundle.KindRescore, bundle.KindRescoreScales, 34, 255} {
			f := base(name)
			if f.body(kind) == nil {
				f.set(kind, []byte{1})
				add(fmt.Sprintf("%s with a foreign section %d", name, kind), f, bundle.ErrLayout, false)
			}
		}
	}
	for _, a := range []train.Algorithm{train.EASE, train.Popular} {
		for _, kind := range []bundle.Kind{bundle.KindRows, bundle.KindRowScales, bundle.KindGram, bundle.KindRescore, bundle.KindRescoreScales} {
			f := forgeOther(t, a, n)
			f.set(kind, []byte{1})
			add(fmt.Sprintf("%s with section %v", a, kind), f, bundle.ErrLayout, false)
		}
		f := forgeOther(t, a, n)
		f.dim = 8
		add(string(a)+" with factors", f, nil, false)
		f = forgeOther(t, a, n)
		f.retrieval = base("int8").retrieval
		add(string(a)+" with a retrieval", f, nil, false)
		f = forgeOther(t, a, n)
		f.earlyKey = true
		add(string(a)+" with no early answers", f, nil, false)
	}

	// Values in sections.
	put16 := func(kind bundle.Kind, at int, v uint16) func(f *forged) {
		return func(f *forged) {
			body := f.body(kind)
			binary.LittleEndian.PutUint16(body[2*at:], v)
			f.set(kind, body)
		}
	}
	putFloat := func(kind bundle.Kind, at int, v float64) func(f *forged) {
		return func(f *forged) {
			body := f.body(kind)
			binary.LittleEndian.PutUint32(body[4*at:], math.Float32bits(float32(v)))
			f.set(kind, body)
		}
	}
	putCode := func(kind bundle.Kind, at int) func(f *forged) {
		return func(f *forged) {
			body := f.body(kind)
			body[at] = 0x80
			f.set(kind, body)
		}
	}
	for _, name := range []string{"int8", "int4"} {
		for _, at := range []int{0, n - 1} {
			add(fmt.Sprintf("%s with scale %d of 0", name, at), with(name, put16(bundle.KindRowScales, at, 0)), bundle.ErrLayout, false)
		}
	}
	add("pq with a centroid's scale of 0", with("pq", put16(bundle.KindCentScales, 31, 0)), bundle.ErrLayout, false)
	add("pq-int8 with a scale of 0 that rescores", with("pq-int8", put16(bundle.KindRescoreScales, 4, 0)), bundle.ErrLayout, true)
	add("binary-int4 with a scale of 0 that rescores", with("binary-int4", put16(bundle.KindRescoreScales, 0, 0)), bundle.ErrLayout, true)
	add("int8 with a code of -128", with("int8", putCode(bundle.KindRows, 5)), bundle.ErrLayout, false) // an odd byte of a tile
	add("pq with a centroid's code of -128", with("pq", putCode(bundle.KindCentroids, 0)), bundle.ErrLayout, false)
	add("pq-int8 with a code of -128 that rescores", with("pq-int8", putCode(bundle.KindRescore, 7)), bundle.ErrLayout, true)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1 << 20} {
		add(fmt.Sprintf("float with a factor of %v", v), with("float", putFloat(bundle.KindRows, n*d-1, v)), bundle.ErrLayout, false)
	}
	add("float above its exponent", with("float", func(f *forged) { f.setExp(bundle.KindRows, -120) }), bundle.ErrLayout, false)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		add(fmt.Sprintf("a gram of %v", v), with("pq", putFloat(bundle.KindGram, d*d-1, v)), bundle.ErrLayout, false)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), 0, -1} {
		add(fmt.Sprintf("a ridge of %v", v), with("pq", putFloat(bundle.KindRidge, 4, v)), bundle.ErrLayout, false)
	}

	// The retrieval.
	ask := func(codec string, change func(r *bundle.Retrieval)) forged {
		return with(codec, func(f *forged) { change(f.retrieval) })
	}
	for _, m := range []int{0, 1, 3, 257, 258} {
		add(fmt.Sprintf("pq of %d groups", m), ask("pq", func(r *bundle.Retrieval) { r.Groups = m }), nil, false)
	}
	add("pq of more groups than it has", ask("pq", func(r *bundle.Retrieval) { r.Groups = 8 }), bundle.ErrLayout, false)
	add("int8 of 4 groups", ask("int8", func(r *bundle.Retrieval) { r.Groups = 4 }), nil, false)
	for _, name := range []string{"pq", "binary", "pq-int8", "int4-int8"} {
		for _, c := range []int{0, bundle.MaxCandidates + 1} {
			add(fmt.Sprintf("%s with %d candidates", name, c), ask(name, func(r *bundle.Retrieval) { r.Candidates = c }), nil, false)
		}
	}
	for _, name := range []string{"int8", "int4", "float"} {
		add(name+" with candidates", ask(name, func(r *bundle.Retrieval) { r.Candidates = 5 }), nil, false)
	}
	for _, c := range []bundle.Codec{bundle.CodecNone, 6, 255} {
		add(fmt.Sprintf("codec %d", c), ask("int8", func(r *bundle.Retrieval) { r.Codec = c }), nil, false)
	}
	for _, c := range []bundle.Codec{bundle.CodecPQ, bundle.CodecBinary, bundle.CodecFloat} {
		add(fmt.Sprintf("rescoring with %v", c), ask("pq-int8", func(r *bundle.Retrieval) { r.Rescore = c }), nil, false)
	}
	add("int8 rows as int4", ask("int8", func(r *bundle.Retrieval) { r.Codec = bundle.CodecInt4 }), bundle.ErrLayout, false)
	add("int8 rows as floats", ask("int8", func(r *bundle.Retrieval) { r.Codec = bundle.CodecFloat }), bundle.ErrLayout, false)
	add("rows that rescore as int4", ask("pq-int8", func(r *bundle.Retrieval) { r.Rescore = bundle.CodecInt4 }), bundle.ErrLayout, true)
	add("rows that rescore and no word of them", ask("pq-int8", func(r *bundle.Retrieval) { r.Rescore = bundle.CodecNone }), bundle.ErrLayout, false)
	add("a word of rows that rescore and none", ask("pq", func(r *bundle.Retrieval) { r.Rescore = bundle.CodecInt8 }), bundle.ErrLayout, false)

	// What belongs to a format.
	add("no retrieval", with("int8", func(f *forged) { f.retrieval = nil }), nil, false)
	add("format 2 without a retrieval", with("int8", func(f *forged) { f.format2(); f.retrieval = nil }), nil, false)
	add("no early answers", with("pq-int8", func(f *forged) { f.earlyKey = true }), nil, false)
	add("early answers and nothing early", with("pq", func(f *forged) { f.early = []bundle.KnownAnswer{{Request: []byte{1}}} }), nil, false)
	one := func(change func(f *forged)) forged {
		return with("int8", func(f *forged) { f.format1(); change(f) })
	}
	add("format 1 with a retrieval", one(func(f *forged) { f.retrieval = &bundle.Retrieval{Codec: bundle.CodecInt8} }), nil, false)
	add("format 1 with early answers", one(func(f *forged) { f.early = []bundle.KnownAnswer{{Request: []byte{1}}} }), nil, false)
	add("format 1 with no early answers", one(func(f *forged) { f.earlyKey = true }), nil, false)
	add("format 1 with rows that rescore", one(func(f *forged) {
		f.set(bundle.KindRescore, make([]byte, n*d))
		f.set(bundle.KindRescoreScales, bytes.Repeat([]byte{1}, 2*n))
	}), bundle.ErrLayout, false)
	add("format 1 for interface 2", one(func(f *forged) { f.abi = 2 }), bundle.ErrVersion, false)
	add("format 2 for interface 1", with("int8", func(f *forged) { f.format2(); f.abi = 1 }), bundle.ErrVersion, false)
	add("format 2 for interface 3", with("int8", func(f *forged) { f.format2(); f.abi = 3 }), bundle.ErrVersion, false)
	add("format 3 for interface 2", with("int8", func(f *forged) { f.abi = 2 }), bundle.ErrVersion, false)
	add("format 5", with("int8", func(f *forged) { f.format, f.abi = 5, 5 }), bundle.ErrVersion, false)
	add("format 0", with("int8", func(f *forged) { f.format, f.abi = 0, 0 }), bundle.ErrVersion, false)
	add("no factors", with("pq-int8", func(f *forged) { f.dim = 0 }), bundle.ErrLayout, false)
	add("too many factors", with("pq-int8", func(f *forged) { f.dim = quant.MaxDim + 1 }), nil, false)

	// The frame and the order in it.
	swap := func(f *forged) {
		f.sections[len(f.sections)-1], f.sections[len(f.sections)-2] = f.sections[len(f.sections)-2], f.sections[len(f.sections)-1]
	}
	add("late sections the wrong way round", with("pq-int8", swap), nil, false)
	add("rows after what is late", with("pq-int8", func(f *forged) {
		last := len(f.sections) - 1
		f.sections[last], f.sections[last-4] = f.sections[last-4], f.sections[last]
	}), nil, false)
	add("one section twice", with("pq-int8", func(f *forged) { f.sections = append(f.sections, f.sections[len(f.sections)-1]) }), nil, false)
	add("a frame without its name", with("pq-int8", func(f *forged) { f.noMagic = true }), nil, false)
	for _, claim := range []int{0, 1, 100, 70000, bundle.MaxFile} {
		add(fmt.Sprintf("%d bytes of rows that rescore in the manifest alone", claim), with("pq-int8", func(f *forged) {
			f.claims = map[bundle.Kind]int{bundle.KindRescore: claim}
		}), bundle.ErrHash, true)
		add(fmt.Sprintf("%d bytes of rows in the manifest alone", claim), with("pq-int8", func(f *forged) {
			f.claims = map[bundle.Kind]int{bundle.KindRows: claim}
		}), bundle.ErrHash, false)
	}

	add("a byte more of rows that rescore in the manifest alone", with("pq-int8", func(f *forged) {
		f.claims = map[bundle.Kind]int{bundle.KindRescore: len(f.body(bundle.KindRescore)) + 1} // what is early should end a byte before
	}), bundle.ErrHash, true)

	refuse(t, list)
}

// refuse sees that each bundle is refused by Open; early ones are refused as
// soon as they could open, but for lies about what has not come, which Complete
// refuses.
func refuse(t *testing.T, list []refusal) {
	t.Helper()
	keys := testKeys(t, 1)
	root := testRoot(t, keys)
	right := func(err error, want error) bool {
		if want == nil {
			var syntax *trust.SyntaxError
			return errors.As(err, &syntax)
		}
		return errors.Is(err, want)
	}
	for _, r := range list {
		file := r.f.file(t, keys)
		if b, err := bundle.Open(root, file, created); !right(err, r.want) || b != nil {
			t.Errorf("%s: %v, want %v", r.name, err, r.want)
			continue
		}
		opened := false
		haves := []int{0, 1, 60}
		for at, i := len(file), len(r.f.sections); i >= max(0, len(r.f.sections)-3); i-- {
			haves = append(haves, at-1, at+1, at)
			if i > 0 {
				at -= len(wire.AppendBin(nil, r.f.sections[i-1].body))
			}
		}
		for _, have := range haves {
			if have >= len(file) {
				continue
			}
			b, err := bundle.OpenEarly(root, file, have, created)
			var partial *bundle.PartialError
			switch {
			case errors.As(err, &partial):
				if partial.Need <= have || partial.Need > len(file) {
					t.Fatalf("%s: %d of %d bytes: need %d", r.name, have, len(file), partial.Need)
				}
			case err != nil:
				if !right(err, r.want) {
					t.Errorf("%s: %d of %d bytes: %v, want %v", r.name, have, len(file), err, r.want)
				}
			default:
				opened = true
				if err := b.Complete(); !right(err, r.want) || !b.Early() || b.Rescore != nil {
					t.Errorf("%s: Complete: %v, want %v, early %v", r.name, err, r.want, b.Early())
				}
			}
		}
		if opened != r.late {
			t.Errorf("%s: opened early: %v, want %v", r.name, opened, r.late)
		}
	}
}

// TestEdgesAreAccepted: what lies just within the bounds.
func TestEdgesAreAccepted(t *testing.T) {
	keys := testKeys(t, 1)
	root := testRoot(t, keys)
	const n, d = 33, 5
	list := map[string]forged{}
	for name, q := range quants {
		list[name] = forge(t, q, n, d)
	}
	f := forge(t, quants["binary"], n, d)
	f.set(bundle.KindRowScales, append(make([]byte, n-1), 255))
	list["binary with scales of 0 and 255"] = f
	f = forge(t, quants["int4"], n, d)
	f.set(bundle.KindRowScales, bytes.Repeat([]byte{0xff}, 2*n))
	f.set(bundle.KindRows, make([]byte, n*quant.Stride4(d)))
	list["int4 with scales of 65535 and codes of -8"] = f
	f = forge(t, quants["float"], n, d)
	f.set(bundle.KindRows, floats(n*d, -math.Ldexp(1, 60)))
	f.setExp(bundle.KindRows, 60)
	list["floats of -2^60"] = f
	f = forge(t, quants["float"], n, d)
	f.set(bundle.KindRows, floats(n*d, math.SmallestNonzeroFloat32))
	f.setExp(bundle.KindRows, quant.MinExp)
	list["floats of 2^-149"] = f
	f = forge(t, quants["pq"], n, d)
	f.retrieval.Groups, f.retrieval.Candidates = quant.MaxGroups, bundle.MaxCandidates
	f.set(bundle.KindRows, bytes.Repeat([]byte{0xf0}, quant.PQBytes(n, quant.MaxGroups)))
	f.set(bundle.KindRowScales, bytes.Repeat([]byte{255}, n))
	f.set(bundle.KindCentroids, bytes.Repeat([]byte{127}, 16*256*d))
	f.set(bundle.KindCentScales, bytes.Repeat([]byte{0xff}, 2*16*256))
	f.setExp(bundle.KindCentroids, 60)
	list["256 groups of the largest centroids"] = f
	f = forge(t, quants["int8"], n, d)
	f.format1()
	f.set(bundle.KindRows, make([]byte, n*d)) // format 1 has no tiles
	list["format 1"] = f
	f = forge(t, quants["int8"], n, d)
	f.format2()
	list["format 2"] = f
	list["ease"], list["popular"] = forgeOther(t, train.EASE, n), forgeOther(t, train.Popular, n)
	for _, name := range []string{"ease", "popular"} {
		f := list[name]
		f.format1()
		list["format 1 "+name] = f
	}
	for name, f := range list {
		file := f.file(t, keys)
		b, err := bundle.Open(root, file, created)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		answersOf(t, name, b, asked(n)[:1])
		for _, doc := range asked(n) { // an extreme gram may have no solution
			if _, err := slate.New(b).Respond(nil, doc); err != nil && !errors.Is(err, score.ErrGram) && !errors.Is(err, score.ErrSequence) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestBytesBehindTheFileAreRefused, however few of them are there.
func TestBytesBehindTheFileAreRefused(t *testing.T) {
	root := testRoot(t, testKeys(t, 1))
	for name, q := range quants {
		file := packedAs(t, q, 5, 2)
		long := append(bytes.Clone(file), 0, 0)
		for _, have := range []int{len(file), len(file) + 1, len(file) + 2} {
			if _, err := bundle.OpenEarly(root, long, have, created); err == nil {
				t.Errorf("%s: two bytes behind the end, %d of them there: accepted", name, have-len(file))
			}
		}
		b, err := bundle.OpenEarly(root, long, len(file)-1, created)
		if err == nil {
			if err := b.Complete(); err == nil {
				t.Errorf("%s: two bytes behind the end are completed", name)
			}
		}
	}
}

// TestPackRefusesWhatNoBundleHolds before it trains or signs anything.
func TestPackRefusesWhatNoBundleHolds(t *testing.T) {
	for _, q := range []Quant{
		{Codec: bundle.CodecInt8, Candidates: 5},
		{Codec: bundle.CodecFloat, Candidates: 5},
		{Codec: bundle.CodecFloat + 1},
		{Codec: bundle.CodecInt8, Bytes: 4},
		{Codec: bundle.CodecPQ, Bytes: 1},
		{Codec: bundle.CodecPQ, Bytes: -2},
		{Codec: bundle.CodecPQ, Bytes: 130},
		{Codec: bundle.CodecPQ, Rescore: bundle.CodecPQ},
		{Codec: bundle.CodecPQ, Candidates: -1},
		{Codec: bundle.CodecPQ, Candidates: bundle.MaxCandidates + 1},
	} {
		opt := options
		opt.Quant = q
		if file, err := Pack(testModel(train.IALS, 5, 4), testKeys(t, 1), opt); err == nil || file != nil || !strings.HasPrefix(err.Error(), "pack: ") {
			t.Errorf("%+v: %v, want an error of pack", q, err)
		}
	}
	for _, a := range []train.Algorithm{train.EASE, train.Popular} {
		opt := options
		opt.Quant = Quant{Codec: bundle.CodecInt4}
		if _, err := Pack(testModel(a, 5, 0), testKeys(t, 1), opt); err == nil {
			t.Errorf("%s with a codec is packed", a)
		}
	}
}
