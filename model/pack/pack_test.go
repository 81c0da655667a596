package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/train"
)

const created, expires = 1_800_000_000, 1_800_600_000

var options = Options{Channel: "test/one", Version: 7, Created: created, Expires: expires}

// testKeys are the same in every run.
func testKeys(t testing.TB, seed byte) *Keys {
	k, err := NewKeys(bytes.NewReader(bytes.Repeat([]byte{seed}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testRoot(t testing.TB, k *Keys) *trust.Root {
	doc, err := k.Root(1, expires+1) // a bundle expires first
	if err != nil {
		t.Fatal(err)
	}
	root, err := trust.ParseRoot(doc)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// testModel is a model with random parameters and n items.
func testModel(a train.Algorithm, n, d int) *train.Model {
	rnd := rand.New(rand.NewPCG(1, 2))
	m := &train.Model{Algorithm: a, Dim: d, Alpha: .1, Reg: .003, Exponent: 1, Label: train.Label{Users: 9, Events: 99, MinItemUsers: 5, Dropped: 3}}
	for i := range n {
		m.Items = append(m.Items, data.Item{ID: "item" + strconv.Itoa(i), Title: "Title " + strconv.Itoa(i), Tags: []string{"tag" + strconv.Itoa(i%3)}})
		m.Count = append(m.Count, uint32(n-i))
	}
	switch a {
	case train.IALS:
		for range n * d {
			m.Factors = append(m.Factors, float32(rnd.NormFloat64()))
		}
	case train.Sequence:
		m.Alpha, m.Reg, m.Exponent = 0, 0, 0
		for range n * d {
			m.Factors = append(m.Factors, float32(rnd.NormFloat64()))
		}
		m.Encoder = testEncoder(rnd, d)
	case train.EASE:
		nb := &data.Matrix{Rows: n, Cols: n, Ptr: []int64{0}}
		for i := range n {
			for j := range n {
				if i != j && rnd.IntN(2) == 0 {
					nb.Col, nb.Val = append(nb.Col, int32(j)), append(nb.Val, float32(rnd.NormFloat64()))
				}
			}
			nb.Ptr = append(nb.Ptr, int64(len(nb.Col)))
		}
		m.Neighbours = nb
	case train.Auto:
		m = poolModel(modeltest.PoolShape{Items: n, Columns: 3, Net: true, Repeats: true}, 0)
	}
	return m
}

// testEncoder has random weights, of two blocks for histories of 5 items.
func testEncoder(rnd *rand.Rand, d int) []byte {
	e := modeltest.Encoder(rnd, d, 6, 5, 2, .5)
	doc, err := train.AppendEncoder(nil, &e)
	if err != nil {
		panic(err)
	}
	return doc
}

// poolModel is a testModel with a pool of shape, and d factors where it has any.
func poolModel(shape modeltest.PoolShape, d int) *train.Model {
	a := train.Popular
	if shape.Factors {
		a = train.IALS
	}
	m := testModel(a, shape.Items, d)
	m.Algorithm, m.Pool = train.Auto, modeltest.Pool(1, shape)
	return m
}

func packed(t testing.TB, a train.Algorithm, n, d int) []byte {
	t.Helper()
	file, err := Pack(testModel(a, n, d), testKeys(t, 1), options)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEveryAlgorithmPacksAndOpens(t *testing.T) {
	for _, a := range []train.Algorithm{train.IALS, train.EASE, train.Popular, train.Auto, train.Sequence} {
		for _, n := range []int{1, 2, 50} {
			b, err := bundle.Open(testRoot(t, testKeys(t, 1)), packed(t, a, n, 8), created)
			if err != nil {
				t.Fatalf("%s, %d items: %v", a, n, err)
			}
			if b.Manifest.Model != string(a) || b.Manifest.Privacy.Users != 9 || len(b.Manifest.KnownAnswers) != 3 {
				t.Errorf("%s: manifest %+v", a, b.Manifest)
			}
			if i, ok := b.Lookup("item0"); !ok || i != 0 || b.Title(0) != "Title 0" || b.Tags(n - 1)[0] != "tag"+strconv.Itoa((n-1)%3) {
				t.Errorf("%s: catalogue does not come back", a)
			}
			if _, ok := b.Lookup("nothing"); ok {
				t.Errorf("%s: an unknown id is found", a)
			}
		}
	}
}

// TestAManifestMaySayEverything that format 4 has, all at once.
func TestAManifestMaySayEverything(t *testing.T) {
	opt := options
	opt.Quant, opt.Modules, opt.Provenance = twoStages, [][32]byte{{1}}, &bundle.Provenance{Code: "v1", Seed: 7}
	file, err := Pack(poolModel(shaped("all", 9), 3), testKeys(t, 1), opt)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(testRoot(t, testKeys(t, 1)), file, created)
	if err != nil {
		t.Fatal(err)
	}
	if m := b.Manifest; m.Pool == nil || m.EarlyAnswers == nil || m.Modules == nil || m.Provenance == nil || m.Retrieval == (bundle.Retrieval{}) {
		t.Errorf("something is missing in %+v", m)
	}
}

// TestTheFileIsPlainMsgpack opens a bundle with the library alone, as an
// auditor would.
func TestTheFileIsPlainMsgpack(t *testing.T) {
	read := func(b []byte) map[any]any {
		d := msgpack.NewDecoder(bytes.NewReader(b))
		d.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
		doc, err := d.DecodeInterface()
		if err != nil {
			t.Fatal(err)
		}
		return doc.(map[any]any)
	}
	doc := read(packed(t, train.IALS, 20, 4))
	if doc[int8(0)] != "nearside" || len(doc[int8(5)].([]any)) == 0 {
		t.Errorf("frame is %v", doc[int8(0)])
	}
	if manifest := read(doc[int8(3)].([]byte)); manifest[int8(2)] != "ials" {
		t.Errorf("model is %v, want ials", manifest[int8(2)])
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	file, root := packed(t, train.IALS, 5, 2), testRoot(t, testKeys(t, 1))
	for n := range len(file) {
		_, err := bundle.Open(root, file[:n], created)
		var syntax *trust.SyntaxError
		if !errors.As(err, &syntax) || syntax.Document != trust.DocumentFrame {
			t.Fatalf("first %d of %d bytes: %v, want a syntax error of the frame", n, len(file), err)
		}
	}
	if _, err := bundle.Open(root, append(bytes.Clone(file), 0), created); err == nil {
		t.Error("a trailing byte is accepted")
	}
}

// TestEveryBitFlipIsRefused flips every bit of the file and names the errors
// that each part may give.
func TestEveryBitFlipIsRefused(t *testing.T) {
	file, root := packed(t, train.IALS, 5, 2), testRoot(t, testKeys(t, 1))
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	manifest := frame.Manifest
	from := bytes.Index(file, manifest)
	to := from + len(manifest)
	flipped := bytes.Clone(file)
	for bit := range len(file) * 8 {
		at := bit / 8
		if testing.Short() && (at < from || at >= to) && bit%5 != 0 {
			continue
		}
		flipped[at] ^= 1 << (bit % 8)
		_, err := bundle.Open(root, flipped, created)
		flipped[at] ^= 1 << (bit % 8)
		var syntax *trust.SyntaxError
		switch {
		case err == nil:
			t.Fatalf("bit %d of byte %d: accepted", bit%8, at)
		case at >= from && at < to && !errors.Is(err, trust.ErrSignature):
			t.Fatalf("bit %d of byte %d in the manifest: %v, want %v", bit%8, at, err, trust.ErrSignature)
		case !errors.Is(err, trust.ErrSignature) && !errors.Is(err, bundle.ErrHash) && !errors.Is(err, bundle.ErrVersion) && !errors.As(err, &syntax):
			t.Fatalf("bit %d of byte %d: unexpected %v", bit%8, at, err)
		}
	}
}

func TestWrongKeyExpiryAndBombs(t *testing.T) {
	file := packed(t, train.Popular, 5, 0)
	root := testRoot(t, testKeys(t, 1))
	if _, err := bundle.Open(testRoot(t, testKeys(t, 2)), file, created); !errors.Is(err, trust.ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	if _, err := bundle.Open(root, file, expires); !errors.Is(err, trust.ErrExpired) {
		t.Errorf("at its expiry: %v", err)
	}
	if _, err := bundle.Open(root, file, expires-1); err != nil {
		t.Errorf("a second before its expiry: %v", err)
	}
	for _, bomb := range []string{"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff", "\x86\x00\xdb\xff\xff\xff\xff", "", "\x86"} {
		if _, err := bundle.Open(root, []byte(bomb), created); err == nil {
			t.Errorf("%x is accepted as a bundle", bomb)
		}
		if _, err := trust.ParseRoot([]byte(bomb)); err == nil {
			t.Errorf("%x is accepted as a root", bomb)
		}
	}
}

// TestSignedNonsenseIsRefused re-signs bundles whose sections lie.
func TestSignedNonsenseIsRefused(t *testing.T) {
	m, keys := testModel(train.EASE, 10, 0), testKeys(t, 1)
	root := testRoot(t, keys)
	opt := options
	opt.K, opt.History = 10, 10
	set := func(kind bundle.Kind, at int, v uint32) func([]section) {
		return func(list []section) {
			for i := range list {
				if list[i].kind == kind {
					list[i].body = bytes.Clone(list[i].body)
					binary.LittleEndian.PutUint32(list[i].body[4*at:], v)
				}
			}
		}
	}
	cut := func(kind bundle.Kind) func([]section) {
		return func(list []section) {
			for i := range list {
				if list[i].kind == kind {
					list[i].body = list[i].body[:len(list[i].body)-1]
				}
			}
		}
	}
	for name, break_ := range map[string]func([]section){
		"ids that fall":             set(bundle.KindIDs, 1, 1<<30),
		"ids cut":                   cut(bundle.KindIDs),
		"a neighbour out of range":  set(bundle.KindNeighbours, 0, 10),
		"neighbours cut":            cut(bundle.KindNeighbours),
		"starts that fall":          set(bundle.KindStarts, 1, 1<<31),
		"scales of zero":            set(bundle.KindScales, 0, 0),
		"popularity cut":            cut(bundle.KindPopularity),
		"tags out of range":         set(bundle.KindTags, 11, 0xffffffff),
		"more tags than are stored": set(bundle.KindTagNames, 0, 60000),
		"a section of another kind": func(list []section) { list[len(list)-1].kind = 99 },
	} {
		opt.Quant = opt.Quant.withDefaults(m)
		list, err := layOut(m, opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		break_(list)
		file, err := write(m, []*Keys{keys}, opt, list, answers{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Open(root, file, created); !errors.Is(err, bundle.ErrLayout) {
			t.Errorf("%s: %v, want %v", name, err, bundle.ErrLayout)
		}
	}
}

func TestSameModelSameManifest(t *testing.T) {
	a, errA := bundle.ParseFrame(packed(t, train.IALS, 30, 8))
	b, errB := bundle.ParseFrame(packed(t, train.IALS, 30, 8))
	if errA != nil || errB != nil || !bytes.Equal(a.Manifest, b.Manifest) {
		t.Error("two packings of one model have different manifests")
	}
}

// TestFoldInIsTheRidgeSolution compares the module's arithmetic with gonum's
// on the float model: the order of the best items and the scores' proportions.
func TestFoldInIsTheRidgeSolution(t *testing.T) {
	const n, d = 60, 8
	m := testModel(train.IALS, n, d)
	b, err := bundle.Open(testRoot(t, testKeys(t, 1)), packed(t, train.IALS, n, d), created)
	if err != nil {
		t.Fatal(err)
	}
	history := []int{3, 17, 40}
	Y := mat.NewDense(n, d, nil)
	for i, x := range m.Factors {
		Y.Set(i/d, i%d, float64(x))
	}
	var A mat.Dense
	A.Mul(Y.T(), Y)
	A.Scale(float64(m.Alpha), &A)
	rhs := mat.NewVecDense(d, nil)
	for _, h := range history {
		y := Y.RowView(h)
		var outer mat.Dense
		outer.Outer(1, y, y)
		A.Add(&A, &outer)
		rhs.AddVec(rhs, y)
	}
	for f := range d {
		A.Set(f, f, A.At(f, f)+float64(m.Reg)*(3+float64(m.Alpha)*n))
	}
	var x, want mat.VecDense
	if err := x.SolveVec(&A, rhs); err != nil {
		t.Fatal(err)
	}
	want.MulVec(Y, &x)

	var events []profile.Event
	for _, h := range history {
		events = append(events, profile.Event{Item: m.Items[h].ID, Kind: profile.KindView, Weight: profile.One})
	}
	s, err := slate.New(b).Recommend(slate.Request{K: n, History: events, Reasons: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Items) != n-3 || s.Receipt.Used != 3 || s.Receipt.Ranked != n-3 {
		t.Fatalf("got %d items, receipt %+v", len(s.Items), s.Receipt)
	}
	unit := want.AtVec(int(s.Items[0].Index)) / float64(s.Items[0].Score)
	const tol = .02 // of the largest score: int8 rows have 1/254 of theirs
	for _, it := range s.Items {
		if got, w := float64(it.Score)*unit, want.AtVec(int(it.Index)); math.Abs(got-w) > tol*want.AtVec(int(s.Items[0].Index)) {
			t.Errorf("item %d: score %v, ridge solution %v", it.Index, got, w)
		}
		var sum int
		for _, r := range it.Reasons {
			sum += max(r.Share, -r.Share)
		}
		if sum < 9990 || sum > 10000 {
			t.Errorf("item %d: shares add up to %d, want 10000 but for rounding", it.Index, sum)
		}
	}
}

// TestNeighbourSumAndReasons has a known answer: two rows added up.
func TestNeighbourSumAndReasons(t *testing.T) {
	m := testModel(train.EASE, 4, 0)
	m.Neighbours = &data.Matrix{Rows: 4, Cols: 4, Ptr: []int64{0, 2, 4, 4, 4}, Col: []int32{2, 3, 2, 3}, Val: []float32{.3, .1, .1, .2}}
	file, err := Pack(m, testKeys(t, 1), options)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(testRoot(t, testKeys(t, 1)), file, created)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(req slate.Request) slate.Slate {
		s, err := slate.New(b).Recommend(req)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	view := func(id string, w uint32) profile.Event {
		return profile.Event{Item: id, Kind: profile.KindView, Weight: w}
	}
	s := ask(slate.Request{K: 4, Reasons: 2, History: []profile.Event{view("nowhere", profile.One), view("item0", profile.One), view("item1", profile.One)}})
	if len(s.Items) != 2 || s.Items[0].ID != "item2" || s.Items[1].ID != "item3" || s.Receipt.Unknown != 1 || s.Receipt.Used != 2 {
		t.Fatalf("got %+v", s)
	}
	if r := s.Items[0].Reasons; len(r) != 2 || r[0].Event != 1 || r[0].Share < 7450 || r[0].Share > 7550 || r[1].Event != 2 {
		t.Errorf("reasons for item2: %+v, want three quarters from event 1", r)
	}
	// Heavier weight turns the order round: .1+3·.2 for item3 beats .3+3·.1.
	s = ask(slate.Request{K: 4, History: []profile.Event{view("item0", profile.One), view("item1", 3*profile.One)}})
	if s.Items[0].ID != "item3" {
		t.Errorf("with item1 three times as heavy %s comes first, want item3", s.Items[0].ID)
	}
	// Cold start, excluded and hidden items.
	s = ask(slate.Request{K: 2, Reasons: 1, Exclude: []string{"item0", "nowhere"}})
	if !s.Receipt.Cold || s.Items[0].ID != "item1" || s.Items[1].ID != "item2" || s.Items[0].Reasons != nil {
		t.Errorf("cold start: %+v", s)
	}
	s = ask(slate.Request{K: 4, History: []profile.Event{{Item: "item0", Kind: profile.KindHide, Weight: profile.One}}})
	if !s.Receipt.Cold || len(s.Items) != 3 || s.Items[0].ID != "item1" {
		t.Errorf("a hidden item: %+v", s)
	}
}
