package patch

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

var update = flag.Bool("update", false, "rewrite testdata/patches")

const testdata = "../../../testdata"

// body returns what Make makes patches of.
func body(t testing.TB, file []byte) []byte {
	t.Helper()
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(frame.Sections...)
}

// checkMake makes the patch of two files, twice, and applies it.
func checkMake(t testing.TB, old, new []byte) (patch []byte) {
	t.Helper()
	patch, err := Make(old, new)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Make(old, new); err != nil || !bytes.Equal(patch, again) {
		t.Fatalf("the second patch is another: %v", err)
	}
	want := body(t, new)
	got, err := Apply(body(t, old), patch, len(want))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("the patch does not make the new body: %v", err)
	}
	return patch
}

// TestPatchesBetweenVectors makes each bundle of testdata/vectors from the one
// before it: every kind of section, and many that one side does not have.
func TestPatchesBetweenVectors(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(testdata, "vectors", "*.nsb"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%d bundles: %v", len(names), err)
	}
	var old []byte
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if same := checkMake(t, file, file); len(same) > 1000 {
			t.Errorf("%s: %d bytes from itself", name, len(same))
		}
		if old != nil {
			checkMake(t, old, file)
		}
		old = file
	}
}

// world is a model whose numbers and texts a seed says, and what a day changes
// of them.
type world struct {
	items, dim int
	scorer     bundle.Scorer
	day        uint64 // of it, and of nothing else, is what is not the same every day
}

func (w world) model() *train.Model {
	m := &train.Model{Alpha: .1, Reg: .003, Exponent: 1, Label: train.Label{Users: 9, Events: 99}}
	same, today := rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(2, w.day))
	for i := range w.items {
		title := "Title " + strconv.Itoa(i)
		if today.IntN(20) == 0 {
			title += " of day " + strconv.FormatUint(w.day, 10)
		}
		m.Items = append(m.Items, data.Item{
			ID: "item" + strconv.Itoa(i), Title: title, Tags: []string{"tag" + strconv.Itoa(i%3), "of" + strconv.Itoa(int(w.day)*i%7)},
		})
		m.Count = append(m.Count, uint32(1000+i+today.IntN(3)))
	}
	switch w.scorer {
	case bundle.ScorerFoldIn:
		m.Algorithm = train.IALS
	case bundle.ScorerNeighbours:
		m.Algorithm = train.EASE
		nb := &data.Matrix{Rows: w.items, Cols: w.items, Ptr: []int64{0}}
		for range w.items {
			for j := range w.items {
				if today.IntN(5) == 0 {
					nb.Col, nb.Val = append(nb.Col, int32(j)), append(nb.Val, float32(same.NormFloat64()))
				}
			}
			nb.Ptr = append(nb.Ptr, int64(len(nb.Col)))
		}
		m.Neighbours = nb
		return m
	case bundle.ScorerPool:
		m.Algorithm = train.Auto
		m.Pool = modeltest.Pool(3, modeltest.PoolShape{Items: w.items, Columns: 2, Factors: true, Net: true})
	}
	m.Dim = w.dim
	for range w.items * w.dim {
		m.Factors = append(m.Factors, float32(same.NormFloat64()+.001*today.NormFloat64()))
	}
	return m
}

// file packs the model. The key is another one each time, and no matter.
func (w world) file(t testing.TB, q pack.Quant) []byte {
	t.Helper()
	keys, err := pack.NewKeys(rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	file, err := pack.Pack(w.model(), keys, pack.Options{Created: 1000, Expires: 2000, Quant: q})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestPatchesOfADay: today's bundle has more items, other titles and other
// numbers.
func TestPatchesOfADay(t *testing.T) {
	for _, row := range []struct {
		name   string
		scorer bundle.Scorer
		quant  pack.Quant
		most   float64 // of the patch, as part of the new body
	}{
		{"int8", bundle.ScorerFoldIn, pack.Quant{}, .35},
		{"pq, rescored", bundle.ScorerFoldIn, pack.Quant{Codec: bundle.CodecPQ, Rescore: bundle.CodecInt8}, .9}, // all codes are new
		{"neighbours", bundle.ScorerNeighbours, pack.Quant{}, .9},
		{"pool", bundle.ScorerPool, pack.Quant{}, .7},
	} {
		t.Run(row.name, func(t *testing.T) {
			old := world{items: 200, dim: 16, scorer: row.scorer, day: 1}.file(t, row.quant)
			new := world{items: 211, dim: 16, scorer: row.scorer, day: 2}.file(t, row.quant)
			size := len(body(t, new))
			got := len(checkMake(t, old, new))
			if t.Logf("%d of %d bytes", got, size); float64(got) > row.most*float64(size) {
				t.Errorf("%d of %d bytes: want at most %v of them", got, size, row.most)
			}
			checkMake(t, new, old) // items may go
		})
	}
}

// TestUnchangedTextsCostNothing: a title in the middle that grows moves all that
// follow, and so do offsets of appended items.
func TestUnchangedTextsCostNothing(t *testing.T) {
	at := func(n int, longer bool) []byte {
		m := &train.Model{Algorithm: train.Popular}
		for i := range n {
			m.Items = append(m.Items, data.Item{ID: strconv.Itoa(1_000_000 + i), Title: hex.EncodeToString(digest(i))})
			m.Count = append(m.Count, 5)
		}
		if longer {
			m.Items[n/2].Title += " and more"
		}
		keys, _ := pack.NewKeys(rand.NewChaCha8([32]byte{1}))
		file, err := pack.Pack(m, keys, pack.Options{Created: 1000, Expires: 2000})
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	const n, most = 1000, 400 // an item has 83 bytes, and each of its parts takes a segment or two and a block
	if got := len(checkMake(t, at(n, false), at(n, true))); got > most {
		t.Errorf("%d bytes for one title", got)
	}
	if got := len(checkMake(t, at(n, false), at(n+1, false))); got > most {
		t.Errorf("%d bytes for one item", got)
	}
}

func digest(i int) []byte {
	sum := sha256.Sum256([]byte(strconv.Itoa(i)))
	return sum[:]
}

// TestApplyUndoesMakeOfAnything: for bytes of no meaning and parts of any shape.
func TestApplyUndoesMakeOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := func(label string) layout {
			l := layout{body: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, label)}
			cuts := rapid.SliceOfN(rapid.IntRange(0, len(l.body)), 0, 5).Draw(t, label+" cuts")
			cuts = append(cuts, 0, len(l.body))
			slices.Sort(cuts)
			for k, from := range cuts[:len(cuts)-1] {
				p := part{name: partName{kind: bundle.Kind(k)}, from: from, to: cuts[k+1]}
				if n := p.to - p.from; rapid.Bool().Draw(t, label+" rows") {
					p.rows = append(rapid.SliceOfN(rapid.IntRange(0, n), 0, 9).Draw(t, label+" row"), 0, n)
					slices.Sort(p.rows)
				}
				l.parts = append(l.parts, p)
			}
			return l
		}
		old, new := side("old"), side("new")
		copy(new.body, old.body[:min(len(old.body), rapid.IntRange(0, len(new.body)).Draw(t, "same"))])
		patch := between(&old, &new)
		got, err := Apply(old.body, patch, len(new.body))
		if err != nil || !bytes.Equal(got, new.body) {
			t.Fatalf("got %x and %v, want %x", got, err, new.body)
		}
	})
}

// changes packs what is to be added.
func changes(b []byte) []byte {
	var w bytes.Buffer
	z := gzip.NewWriter(&w)
	z.Write(b)
	z.Close()
	return w.Bytes()
}

// document writes a patch without judging it.
func document(kind string, segments [][]uint64, packed []byte) []byte {
	doc := wire.AppendMap(nil, 3)
	doc = wire.AppendString(wire.AppendUint(doc, 0), kind)
	doc = wire.AppendArray(wire.AppendUint(doc, 1), len(segments))
	for _, s := range segments {
		doc = wire.AppendArray(doc, len(s))
		for _, v := range s {
			doc = wire.AppendUint(doc, v)
		}
	}
	return wire.AppendBin(wire.AppendUint(doc, 2), packed)
}

// vector is an entry of testdata/patches/patches.json, which JavaScript reads too.
type vector struct {
	Name   string `json:"name"`
	Old    string `json:"old"` // hex, like the next two
	Patch  string `json:"patch"`
	New    string `json:"new,omitempty"`
	Size   int    `json:"size"`
	Reason string `json:"reason,omitempty"` // why it is refused: document, size, old or changes
}

// vectors are good and bad patches.
func vectors(t *testing.T) []vector {
	old, new := []byte("what was yesterday"), []byte("was is today, and more")
	good := [][]uint64{{6, 4}, {0, 18}} // "was ", and the rest from nowhere
	delta := append(make([]byte, 4), new[4:]...)
	doc := document("patch", good, changes(delta))
	cut := changes(delta)
	small, large := world{items: 5, dim: 4, scorer: bundle.ScorerFoldIn, day: 1}, world{items: 7, dim: 4, scorer: bundle.ScorerFoldIn, day: 2}
	from, to := small.file(t, pack.Quant{}), large.file(t, pack.Quant{})
	made := checkMake(t, from, to)
	list := []vector{
		{Name: "a patch", Old: hex.EncodeToString(old), Patch: hex.EncodeToString(doc), New: hex.EncodeToString(new), Size: len(new)},
		{Name: "between two bundles", Old: hex.EncodeToString(body(t, from)), Patch: hex.EncodeToString(made), New: hex.EncodeToString(body(t, to)), Size: len(body(t, to))},
		{Name: "sums are mod 256", Old: "ff80", Patch: hex.EncodeToString(document("patch", [][]uint64{{1, 2}}, changes([]byte{2, 0x90}))), New: "0110", Size: 2},
		{Name: "a part that comes twice", Old: "010203", Patch: hex.EncodeToString(document("patch", [][]uint64{{2, 2}, {1, 3}}, changes(make([]byte, 5)))), New: "0203010203", Size: 5},
		{Name: "nothing from nothing", Patch: hex.EncodeToString(document("patch", nil, changes(nil)))},
		{Name: "an extension", Old: "01", Patch: hex.EncodeToString(append(append([]byte{0x84}, document("patch", [][]uint64{{1, 1}}, changes([]byte{1}))[1:]...), 64, 1)), New: "02", Size: 1},
	}
	for _, bad := range []struct {
		name, reason string
		patch        []byte
		size         int
	}{
		{"no bytes", "document", nil, 1},
		{"half a document", "document", doc[:len(doc)/2], len(new)},
		{"a byte after it", "document", append(bytes.Clone(doc), 0), len(new)},
		{"another document", "document", document("mani", good, changes(delta)), len(new)},
		{"no changes", "document", append([]byte{0x82}, document("patch", good, nil)[1:len(document("patch", good, nil))-3]...), len(new)},
		{"an unknown key", "document", append(append([]byte{0x84}, doc[1:]...), 3, 1), len(new)},
		{"keys out of order", "document", append(append([]byte{0x84}, doc[1:]...), 1, 0x90), len(new)},
		{"a number in its longer form", "document", bytes.Replace(doc, []byte{0x92, 6, 4}, []byte{0x92, 0xcc, 6, 4}, 1), len(new)},
		{"a segment of three numbers", "document", document("patch", [][]uint64{{6, 4, 0}, {0, 18}}, changes(delta)), len(new)},
		{"a segment of one number", "document", document("patch", [][]uint64{{6}, {0, 18}}, changes(delta)), len(new)},
		{"a negative start", "document", bytes.Replace(doc, []byte{0x92, 6, 4}, []byte{0x92, 0xff, 4}, 1), len(new)},
		{"more segments than bytes", "document", []byte{0x83, 0, 0xa5, 'p', 'a', 't', 'c', 'h', 1, 0xdd, 0xff, 0xff, 0xff, 0xff}, 1},
		{"a length beyond what JavaScript counts", "document", document("patch", [][]uint64{{0, 1 << 60}}, changes(delta)), len(new)},
		{"segments too short", "size", document("patch", good[:1], changes(delta)), len(new)},
		{"segments too long", "size", document("patch", append(good, []uint64{0, 1}), changes(delta)), len(new)},
		{"no segments", "size", document("patch", nil, changes(delta)), len(new)},
		{"a body shorter than the patch's", "size", doc, len(new) - 1},
		{"a body longer than the patch's", "size", doc, len(new) + 1},
		{"a length of almost 2⁵³", "size", document("patch", [][]uint64{{0, 1<<53 - 1}}, changes(delta)), len(new)},
		{"lengths whose sum overflows", "size", document("patch", [][]uint64{{0, 1<<53 - 1}, {0, 1<<53 - 1}, {0, 24}}, changes(delta)), len(new)},
		{"a start behind the old body", "old", document("patch", [][]uint64{{20, 4}, {0, 18}}, changes(delta)), len(new)},
		{"an end behind the old body", "old", document("patch", [][]uint64{{16, 4}, {0, 18}}, changes(delta)), len(new)},
		{"a start of almost 2⁵³", "old", document("patch", [][]uint64{{1<<53 - 1, 4}, {0, 18}}, changes(delta)), len(new)},
		{"no gzip", "changes", document("patch", good, delta), len(new)},
		{"an empty bin", "changes", document("patch", good, nil), len(new)},
		{"half a stream", "changes", document("patch", good, cut[:len(cut)/2]), len(new)},
		{"a stream without its end", "changes", document("patch", good, cut[:len(cut)-8]), len(new)},
		{"a wrong checksum", "changes", document("patch", good, flip(cut, len(cut)-8)), len(new)},
		{"a wrong length in the stream", "changes", document("patch", good, flip(cut, len(cut)-4)), len(new)},
		{"changes too few", "changes", document("patch", good, changes(delta[:21])), len(new)},
		{"changes too many", "changes", document("patch", good, changes(append(bytes.Clone(delta), 0))), len(new)},
		{"a megabyte of zeros", "changes", document("patch", good, changes(make([]byte, 1<<20))), len(new)},
	} {
		list = append(list, vector{Name: bad.name, Old: hex.EncodeToString(old), Patch: hex.EncodeToString(bad.patch), Size: bad.size, Reason: bad.reason})
	}
	return list
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func reason(err error) string {
	var document *wire.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &document):
		return "document"
	case errors.Is(err, ErrSize):
		return "size"
	case errors.Is(err, ErrOld):
		return "old"
	case errors.Is(err, ErrChanges):
		return "changes"
	}
	return err.Error()
}

// TestVectors applies every patch of testdata/patches, as JavaScript does.
func TestVectors(t *testing.T) {
	path := filepath.Join(testdata, "patches", "patches.json")
	if *update {
		text, err := json.MarshalIndent(vectors(t), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 30 {
		t.Errorf("%d vectors", len(list))
	}
	seen := map[string]bool{}
	for _, v := range list {
		old, _ := hex.DecodeString(v.Old)
		patch, _ := hex.DecodeString(v.Patch)
		got, err := Apply(old, patch, v.Size)
		if reason(err) != v.Reason || hex.EncodeToString(got) != v.New {
			t.Errorf("%s: got %x and %v, want %s and reason %q", v.Name, got, err, v.New, v.Reason)
		}
		seen[v.Reason] = true
	}
	if len(seen) != 5 {
		t.Errorf("reasons %v: want all", seen)
	}
}

func TestApplyRefusesNegativeSizes(t *testing.T) {
	if _, err := Apply(nil, document("patch", nil, changes(nil)), -1); !errors.Is(err, ErrSize) {
		t.Errorf("got %v", err)
	}
}

// TestNothingStandsBehindTheChanges is no vector: engines differ in whether they
// read on behind a gzip stream.
func TestNothingStandsBehindTheChanges(t *testing.T) {
	one := changes([]byte{1})
	for name, packed := range map[string][]byte{
		"a byte": append(bytes.Clone(one), 0), "a second stream": append(bytes.Clone(one), changes(nil)...),
	} {
		if _, err := Apply(nil, document("patch", [][]uint64{{0, 1}}, packed), 1); !errors.Is(err, ErrChanges) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestMakeRefusesWhatIsNoBundle says which of the two it is.
func TestMakeRefusesWhatIsNoBundle(t *testing.T) {
	file := world{items: 5, dim: 4, scorer: bundle.ScorerFoldIn}.file(t, pack.Quant{})
	if _, err := Make(nil, file); err == nil || err.Error() != "patch: old bundle: bundle: frame: byte 0: want a map, but the document ends" {
		t.Errorf("no old one: got %v", err)
	}
	if _, err := Make(file, file[:9]); err == nil || err.Error()[:17] != "patch: new bundle" {
		t.Errorf("no new one: got %v", err)
	}
}
