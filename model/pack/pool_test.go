package pack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/train"
)

// poolShapes has every part of a pool with and without the others.
var poolShapes = map[string]modeltest.PoolShape{
	"nothing":        {},
	"columns":        {Columns: 3},
	"columns, again": {Columns: 8, Repeats: true},
	"net":            {Columns: 2, Net: true, Repeats: true},
	"factors":        {Columns: 1, Factors: true},
	"factors alone":  {Factors: true},
	"all":            {Columns: 5, Net: true, Factors: true, Repeats: true},
}

// shaped returns the shape of a name with n items.
func shaped(name string, n int) modeltest.PoolShape {
	s := poolShapes[name]
	s.Items = n
	return s
}

func openPool(t testing.TB, m *train.Model, opt Options) *bundle.Bundle {
	t.Helper()
	file, err := Pack(m, testKeys(t, 1), opt)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(testRoot(t, testKeys(t, 1)), file, created)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// samePool compares all numbers of two pools.
func samePool(t *testing.T, what string, got, want *bundle.Pool) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(quant.Sparse{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestPoolsComeBack as they were packed. Where there is no net, nothing needs
// candidates or a trend.
func TestPoolsComeBack(t *testing.T) {
	for name := range poolShapes {
		for _, n := range []int{1, 2, 33} {
			m := poolModel(shaped(name, n), 4)
			b := openPool(t, m, options)
			samePool(t, fmt.Sprintf("%s, %d items", name, n), b.Pool, m.Pool)
			if b.Manifest.Scoring.Scorer != bundle.ScorerPool || (b.Table != nil) != (m.Factors != nil) {
				t.Errorf("%s: %+v", name, b.Manifest.Scoring)
			}
			for i := range n {
				if m.Pool.Sparse.C == 0 {
					break
				}
				items, codes := b.Pool.Sparse.Row(nil, i)
				wantItems, wantCodes := m.Pool.Sparse.Row(nil, i)
				if !slices.Equal(items, wantItems) || !slices.Equal(codes, wantCodes) {
					t.Fatalf("%s: row %d differs", name, i)
				}
			}
		}
	}
	m := poolModel(modeltest.PoolShape{Items: 9, Columns: 1}, 0)
	m.Pool.Candidates, m.Pool.Trend = 100, make([]int8, 9)
	if b := openPool(t, m, options); b.Pool.Candidates != 0 || b.Pool.Trend != nil {
		t.Errorf("without a net: %d candidates, trend %v", b.Pool.Candidates, b.Pool.Trend)
	}
}

// TestPoolsArePruned on a copy.
func TestPoolsArePruned(t *testing.T) {
	m := poolModel(shaped("all", 60), 4)
	before := slices.Clone(m.Pool.Sparse.Items)
	opt := options
	opt.Neighbours = 3
	b := openPool(t, m, opt)
	want := *m.Pool
	want.Sparse = m.Pool.Sparse.Prune(3)
	samePool(t, "pruned to 3", b.Pool, &want)
	if most := slices.Max(b.Pool.Sparse.Counts); most != 3 {
		t.Errorf("a row has %d neighbours, want 3", most)
	}
	if !bytes.Equal(m.Pool.Sparse.Items, before) {
		t.Error("the model was changed")
	}
}

// TestFactorsOfPoolsAreCodedAsAsked: a pool may have any codec, and answers
// before the rows that rescore have come.
func TestFactorsOfPoolsAreCodedAsAsked(t *testing.T) {
	keys := testKeys(t, 1)
	root := testRoot(t, keys)
	requests := asked(40)
	for name, q := range quants {
		opt := options
		opt.Quant = q
		file, err := Pack(poolModel(shaped("all", 40), 8), keys, opt)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		whole, err := bundle.Open(root, file, created)
		if err != nil {
			t.Fatal(err)
		}
		want := answersOf(t, name, whole, requests)
		if q.Rescore == bundle.CodecNone {
			continue
		}
		arriving := bytes.Clone(file)
		late := arriving[lateFrom(t, file):]
		clear(late)
		b, err := bundle.OpenEarly(root, arriving, len(file)-len(late), created)
		if err != nil || !b.Early() {
			t.Fatalf("%s: early: %v", name, err)
		}
		r := slate.New(b)
		if err := r.Check(); err != nil {
			t.Fatalf("%s: early: %v", name, err)
		}
		first, err := r.Respond(nil, requests[1])
		if err != nil {
			t.Fatal(err)
		}
		if s, err := slate.ParseSlate(first); err != nil || !s.Receipt.Early {
			t.Errorf("%s: receipt %+v, %v, want early", name, s.Receipt, err)
		}
		copy(late, file[len(file)-len(late):])
		if err := b.Complete(); err != nil {
			t.Fatal(err)
		}
		for i, doc := range requests { // by the recommender that has answered from the codes
			if got, err := r.Respond(nil, doc); err != nil || !bytes.Equal(got, want[i]) {
				t.Errorf("%s: request %d after Complete: %x, %v, want %x", name, i, got, err, want[i])
			}
		}
	}
}

// handPool has known sums: item 0 gives 1 to item 1 and
// 4 to item 2, item 1 gives 1 to item 2, and an item gives 2 to itself.
func handPool(repeats bool) *train.Model {
	m := testModel(train.Popular, 4, 0)
	m.Algorithm = train.Auto
	rows := []quant.SparseRow{
		{Items: []int32{1, 2}, Weights: []float32{1, 4}}, {Items: []int32{2}, Weights: []float32{1}}, {}, {},
	}
	m.Pool = &bundle.Pool{Positions: 2, Buckets: []int{2}, Repeats: repeats, Sparse: quant.EncodeSparse(rows, 1)}
	m.Pool.Weights = []float32{
		1, .5, 2, 2, 0, 0, // histories of up to 2 events: the column for the newest and the others, self, dense
		0, 1, 2, 2, 0, 0,
	}
	return m
}

func seenAs(kind profile.Kind, ids ...string) (list []profile.Event) {
	for _, id := range ids {
		list = append(list, profile.Event{Item: id, Kind: kind, Weight: profile.One})
	}
	return list
}

// TestPoolSumsAndReasons has known answers.
func TestPoolSumsAndReasons(t *testing.T) {
	b := openPool(t, handPool(true), options)
	ask := func(req slate.Request) slate.Slate {
		t.Helper()
		req.K, req.Reasons = 4, 3
		s, err := slate.New(b).Recommend(req)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	type item struct {
		id      string
		reasons []slate.Reason
	}
	view := profile.KindView
	for _, c := range []struct {
		name string
		req  slate.Request
		want []item
	}{
		{"the newest counts whole", slate.Request{History: seenAs(view, "item1", "item0")}, []item{
			{"item2", []slate.Reason{{Event: 1, Share: 8888}, {Event: 0, Share: 1111}}}, // 4 + .5·1
			{"item1", []slate.Reason{{Event: 0, Share: 6666}, {Event: 1, Share: 3333}}}, // 2 for itself + 1
			{"item0", []slate.Reason{{Event: 1, Share: 10000}}},
			{"item3", nil},
		}},
		{"what is older counts half", slate.Request{History: seenAs(view, "item0", "item1")}, []item{
			{"item2", []slate.Reason{{Event: 0, Share: 6666}, {Event: 1, Share: 3333}}}, // .5·4 + 1
			{"item1", []slate.Reason{{Event: 1, Share: 8000}, {Event: 0, Share: 2000}}}, // 2 + .5·1
			{"item0", []slate.Reason{{Event: 0, Share: 10000}}},
			{"item3", nil},
		}},
		{"an event more is another bucket", slate.Request{History: seenAs(view, "item0", "nowhere", "item1", "item1")}, []item{
			{"item2", []slate.Reason{{Event: 0, Share: 10000}}}, // the newest counts nothing
			{"item1", []slate.Reason{{Event: 2, Share: 6666}, {Event: 0, Share: 3333}}},
			{"item0", []slate.Reason{{Event: 0, Share: 10000}}},
			{"item3", nil},
		}},
		{"hidden ones count nothing and do not come", slate.Request{History: append(seenAs(view, "item0"), seenAs(profile.KindHide, "item2")...)}, []item{
			{"item0", []slate.Reason{{Event: 0, Share: 10000}}},
			{"item1", []slate.Reason{{Event: 0, Share: 10000}}},
			{"item3", nil},
		}},
		{"the history is not shown", slate.Request{Seen: slate.SeenHide, History: seenAs(view, "item1", "item0")}, []item{
			{"item2", []slate.Reason{{Event: 1, Share: 8888}, {Event: 0, Share: 1111}}},
			{"item3", nil},
		}},
		{"nothing known", slate.Request{History: seenAs(view, "nowhere")}, []item{{"item0", nil}, {"item1", nil}, {"item2", nil}, {"item3", nil}}},
	} {
		var got []item
		s := ask(c.req)
		for _, it := range s.Items {
			got = append(got, item{it.ID, it.Reasons})
		}
		const tol = 40 // of 10000: a quarter of a row's largest weight has no code of its own
		near := cmp.Comparer(func(a, b slate.Reason) bool {
			return a.Event == b.Event && max(a.Share-b.Share, b.Share-a.Share) <= tol
		})
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(item{}), near); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestSeen: who may be answered with items of the history, and who says so.
func TestSeen(t *testing.T) {
	history := append(seenAs(profile.KindView, "item1", "item0"), seenAs(profile.KindHide, "item0")...)
	for _, c := range []struct {
		name  string
		model *train.Model
		seen  slate.Seen
		want  []string // nil: refused
	}{
		{"repeats", handPool(true), slate.SeenByBundle, []string{"item1", "item2", "item3"}},
		{"repeats, hidden", handPool(true), slate.SeenHide, []string{"item2", "item3"}},
		{"repeats, shown", handPool(true), slate.SeenShow, []string{"item1", "item2", "item3"}},
		{"no repeats", handPool(false), slate.SeenByBundle, []string{"item2", "item3"}},
		{"no repeats, hidden", handPool(false), slate.SeenHide, []string{"item2", "item3"}},
		{"no repeats, shown", handPool(false), slate.SeenShow, []string{"item1", "item2", "item3"}},
		{"neighbours", testModel(train.EASE, 4, 0), slate.SeenByBundle, []string{"item2", "item3"}},
		{"neighbours, hidden", testModel(train.EASE, 4, 0), slate.SeenHide, []string{"item2", "item3"}},
		{"neighbours, shown", testModel(train.EASE, 4, 0), slate.SeenShow, nil},
		{"popular, shown", testModel(train.Popular, 4, 0), slate.SeenShow, nil},
	} {
		r := slate.New(openPool(t, c.model, options))
		doc, err := r.Respond(nil, slate.Request{K: 4, Seen: c.seen, History: history}.Append(nil))
		if c.want == nil {
			if err == nil || err.Error() != "request: seen: only a pool can show items of the history" {
				t.Errorf("%s: %v, want a refusal", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		s, err := slate.ParseSlate(doc)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, it := range s.Items {
			got = append(got, it.ID)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) || s.Receipt.Ranked != len(c.want) {
			t.Errorf("%s: %v of %d ranked, want %v", c.name, got, s.Receipt.Ranked, c.want)
		}
	}
}

// TestPoolContradictionsAreRefused: see refuse.
func TestPoolContradictionsAreRefused(t *testing.T) {
	const n, d = 12, 3
	var list []refusal
	base := func(name, codec string) forged { return forgePool(t, shaped(name, n), quants[codec], d) }
	add := func(what, name, codec string, want error, late bool, change func(f *forged)) {
		if poolShapes[name].Factors == false {
			codec = ""
		}
		f := base(name, codec)
		change(&f)
		list = append(list, refusal{name + ", " + codec + ": " + what, f, want, late})
	}
	layout := bundle.ErrLayout

	// Each section: missing, too short, too long.
	optional := []bundle.Kind{bundle.KindTrend, bundle.KindGains}
	for _, c := range []struct{ name, codec string }{{"net", ""}, {"all", "int8"}, {"all", "pq-int8"}} {
		for _, s := range base(c.name, c.codec).sections {
			if s.kind < bundle.KindTrend {
				continue
			}
			late := s.kind >= bundle.KindRescore
			if !slices.Contains(optional, s.kind) {
				add(fmt.Sprint("without ", s.kind), c.name, c.codec, layout, false, func(f *forged) { f.drop(s.kind) })
			}
			for _, size := range []int{0, len(s.body) - 1, len(s.body) + 1} {
				body := append(slices.Clone(s.body), 1)[:size]
				add(fmt.Sprintf("%d of %d bytes of %v", size, len(s.body), s.kind), c.name, c.codec, layout, late, func(f *forged) { f.set(s.kind, body) })
			}
		}
	}

	// Foreign sections.
	for _, c := range []struct {
		name  string
		kinds []bundle.Kind
	}{
		{"nothing", []bundle.Kind{bundle.KindTrend, bundle.KindGains, bundle.KindNet, 14, bundle.KindRows, bundle.KindPoolCounts, bundle.KindPoolScales, bundle.KindRescore}},
		{"columns", []bundle.Kind{bundle.KindTrend, bundle.KindGains, bundle.KindNet, bundle.KindStarts, bundle.KindWeights}},
		{"net", []bundle.Kind{bundle.KindGains, bundle.KindRows, bundle.KindRowScales}},
		{"factors", []bundle.Kind{bundle.KindTrend, bundle.KindNet, bundle.KindGram, bundle.KindRidge, bundle.KindCentroids, bundle.KindRescore}},
	} {
		for _, kind := range c.kinds {
			add(fmt.Sprint("a foreign section ", kind), c.name, "int8", layout, false, func(f *forged) { f.set(kind, make([]byte, n)) })
		}
	}

	// Values in sections.
	putFloat := func(kind bundle.Kind, at int, v float64) func(f *forged) {
		return func(f *forged) {
			body := f.body(kind)
			binary.LittleEndian.PutUint32(body[4*at:], math.Float32bits(float32(v)))
			f.set(kind, body)
		}
	}
	put := func(kind bundle.Kind, at int, v byte) func(f *forged) {
		return func(f *forged) {
			body := f.body(kind)
			if at < 0 {
				at += len(body)
			}
			body[at] = v
			f.set(kind, body)
		}
	}
	in := bundle.NetInputs(poolShapes["net"].Columns)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1<<20 + 1, -1<<20 - 1} {
		add(fmt.Sprint("a weight of ", v), "columns", "", layout, false, putFloat(bundle.KindPoolWeights, 3, v))
		for what, at := range map[string]int{"decay": 1, "mean": 2, "scale": 2 + 2*in - 1, "bias": 2 + 2*in + 9} {
			add(fmt.Sprintf("a net's %s of %v", what, v), "net", "", layout, false, putFloat(bundle.KindNet, at, v))
		}
		add(fmt.Sprintf("a layer's scale of %v", v/128), "net", "", layout, false, putFloat(bundle.KindNet, 2+2*in, v/128))
	}
	for _, v := range []float64{-.5, 1.25} {
		add(fmt.Sprintf("a decay of %v", v), "net", "", layout, false, putFloat(bundle.KindNet, 0, v))
	}
	add("a code of -128", "columns", "", layout, false, put(bundle.KindPoolCodes, 0, 0x80))
	add("a net's code of -128", "net", "", layout, false, put(bundle.KindNet, -1, 0x80))
	add("a neighbour more", "columns", "", layout, false, func(f *forged) {
		counts := f.body(bundle.KindPoolCounts)
		counts[4]++
		f.set(bundle.KindPoolCounts, counts)
	})
	add("a neighbour in another row", "columns", "", layout, false, func(f *forged) {
		counts := f.body(bundle.KindPoolCounts)
		counts[4]++
		counts[5]--
		f.set(bundle.KindPoolCounts, counts)
	})
	add("items beyond the last", "columns", "", layout, false, put(bundle.KindPoolItems, 0, 0xff))
	add("another Rice parameter", "columns", "", layout, false, func(f *forged) { f.pool.rice += 3 })
	add("columns that the rows do not have", "columns", "", layout, false, func(f *forged) { f.pool.columns++ })
	for codec, most := range map[string]int{"int8": -3, "int4": 1, "binary": 12, "pq": -12, "float": 20} {
		kind := bundle.KindRows
		if codec == "pq" {
			kind = bundle.KindCentroids
		}
		add("factors that are too large", "factors", codec, nil, false, func(f *forged) { f.setExp(kind, most+1) })
	}
	add("factors that rescore and are too large", "factors", "pq-int8", nil, false, func(f *forged) { f.setExp(bundle.KindRescore, -2) })
	add("factors that rescore and are too large", "factors", "binary-int4", nil, false, func(f *forged) { f.setExp(bundle.KindRescore, 2) })

	// The shape.
	shape := func(what, name string, change func(p *forgedPool)) {
		add(what, name, "int8", nil, false, func(f *forged) { change(f.pool) })
	}
	shape("no positions", "columns", func(p *forgedPool) { p.positions = 0 })
	shape("33 positions", "columns", func(p *forgedPool) { p.positions = 33 })
	shape("17 buckets", "columns", func(p *forgedPool) {
		p.buckets = make([]int, 17)
		for b := range p.buckets {
			p.buckets[b] = b + 1
		}
	})
	for _, buckets := range [][]int{{0}, {1, 1}, {3, 2}, {bundle.MaxHistory + 1}} {
		shape(fmt.Sprint("buckets ", buckets), "columns", func(p *forgedPool) { p.buckets = buckets })
	}
	shape("9 columns", "columns", func(p *forgedPool) { p.columns = 9 })
	shape("a Rice parameter of 25", "columns", func(p *forgedPool) { p.rice = 25 })
	shape("a Rice parameter without columns", "nothing", func(p *forgedPool) { p.rice = 1 })
	shape("1001 candidates", "net", func(p *forgedPool) { p.candidates = 1001 })
	shape("1001 nearest", "factors", func(p *forgedPool) { p.nearest = 1001 })
	shape("nearest without factors", "columns", func(p *forgedPool) { p.nearest = 1 })
	shape("candidates without a net", "columns", func(p *forgedPool) { p.candidates = 1 })
	shape("a net without candidates", "net", func(p *forgedPool) { p.candidates = 0 })
	shape("repeats of 1", "columns", func(p *forgedPool) { p.repeats = uint8(1) })
	for _, hidden := range [][]int{{}, {9}, {9, 5, 5}, {0, 5}, {9, 0}, {65, 5}, {9, 65}} {
		shape(fmt.Sprint("layers of ", hidden), "net", func(p *forgedPool) { p.hidden = hidden })
	}
	add("a net's layers the other way round", "net", "", layout, false, func(f *forged) { f.pool.hidden = []int{5, 9} })

	// What belongs to a pool, and to format 3.
	add("no shape", "columns", "", nil, false, func(f *forged) { f.pool = nil })
	add("a scorer beyond", "columns", "", nil, false, func(f *forged) { f.scorer = 5 })
	add("another scorer", "nothing", "", nil, false, func(f *forged) { f.scorer = bundle.ScorerPopular })
	add("factors without a retrieval", "factors", "int8", nil, false, func(f *forged) { f.retrieval = nil })
	add("a retrieval without factors", "factors", "int8", nil, false, func(f *forged) { f.dim = 0; f.pool.nearest = 0 })
	add("format 2", "columns", "", nil, false, func(f *forged) { f.format2() })
	add("format 1", "columns", "", nil, false, func(f *forged) { f.format1() })
	for _, other := range []forged{forgeOther(t, train.Popular, n), forgeOther(t, train.EASE, n), forge(t, Quant{}, n, d)} {
		other.pool = base("columns", "").pool
		list = append(list, refusal{fmt.Sprintf("scorer %d with a pool", other.scorer), other, nil, false})
	}
	refuse(t, list)
}

// TestPoolEdgesAreAccepted, and what the largest numbers give is finite: no
// score is that of an infinity or of no number.
func TestPoolEdgesAreAccepted(t *testing.T) {
	keys := testKeys(t, 1)
	root := testRoot(t, keys)
	const n, d = 30, 16
	fill := func(f *forged, kind bundle.Kind, b byte) { f.set(kind, bytes.Repeat([]byte{b}, len(f.body(kind)))) }
	largest := func(codec string, exp int) forged {
		f := forgePool(t, shaped("all", n), quants[codec], d)
		f.set(bundle.KindPoolWeights, floats(len(f.body(bundle.KindPoolWeights))/4, 1<<20))
		fill(&f, bundle.KindPoolScales, 255)
		fill(&f, bundle.KindPoolCodes, 127)
		fill(&f, bundle.KindGains, 255)
		fill(&f, bundle.KindTrend, 127)
		in, h := bundle.NetInputs(5), 9+5+1
		net := append(floats(2, 1), floats(2*in+2*h, 1<<20)...)
		at := 2 + 2*in
		for _, units := range []int{9, 5, 1} {
			copy(net[4*at:], floats(units, 1<<13))
			at += 2 * units
		}
		f.set(bundle.KindNet, append(net, bytes.Repeat([]byte{127}, len(f.body(bundle.KindNet))-len(net))...))
		switch codec {
		case "int8":
			fill(&f, bundle.KindRows, 127) // of a tile's odd bytes; the even ones are near 0
			fill(&f, bundle.KindRowScales, 255)
			f.setExp(bundle.KindRows, exp)
		case "float":
			f.set(bundle.KindRows, floats(n*d, 1<<20))
			f.setExp(bundle.KindRows, exp)
		case "pq-int8":
			fill(&f, bundle.KindRowScales, 255)
			fill(&f, bundle.KindCentroids, 127)
			fill(&f, bundle.KindCentScales, 255)
			f.setExp(bundle.KindCentroids, exp)
			fill(&f, bundle.KindRescore, 127)
			fill(&f, bundle.KindRescoreScales, 255)
			f.setExp(bundle.KindRescore, -3)
		}
		return f
	}
	list := map[string]forged{
		"the largest, int8": largest("int8", -3), "the largest, float": largest("float", 20), "the largest, pq and int8": largest("pq-int8", -12),
	}
	f := forgePool(t, shaped("columns", n), Quant{}, 0)
	f.pool.positions, f.pool.buckets = 32, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, bundle.MaxHistory}
	f.set(bundle.KindPoolWeights, floats(17*5*32, -1<<20))
	list["as many positions and buckets as there may be"] = f
	f = forgePool(t, shaped("net", n), Quant{}, 0)
	f.pool.candidates, f.pool.hidden = bundle.MaxRanked, []int{64, 64}
	in := bundle.NetInputs(2)
	f.set(bundle.KindNet, append(floats(2+2*in+2*(64+64+1), 1), make([]byte, 64*in+64*64+64+in)...))
	list["the largest net"] = f
	f = forgePool(t, shaped("all", n), quants["int8"], d)
	f.drop(bundle.KindTrend)
	f.drop(bundle.KindGains)
	f.pool.nearest, f.pool.buckets = bundle.MaxRanked, nil
	f.set(bundle.KindPoolWeights, floats(7*4, 1))
	list["neither trend nor gains nor buckets"] = f
	f = forgePool(t, shaped("all", n), quants["float"], d)
	f.set(bundle.KindRows, floats(n*d, math.SmallestNonzeroFloat32)) // whose squares are 0
	f.setExp(bundle.KindRows, quant.MinExp)
	list["the smallest factors"] = f
	for name, f := range list {
		file := f.file(t, keys)
		b, err := bundle.Open(root, file, created)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := slate.New(b)
		for _, events := range []int{1, 4} {
			req := slate.Request{K: n, Reasons: 2, Seen: slate.SeenShow}
			for e := range events {
				req.History = append(req.History, profile.Event{Item: fmt.Sprint("item", e), Kind: profile.KindBuy, Weight: profile.MaxWeight})
			}
			s, err := r.Recommend(req)
			if err != nil || len(s.Items) != n {
				t.Fatalf("%s: %d items, %v", name, len(s.Items), err)
			}
			for _, it := range s.Items {
				if size := max(it.Score, -it.Score); size > int64(math.Float32bits(math.MaxFloat32)) {
					t.Errorf("%s: item %d has the score of no finite number, %x", name, it.Index, it.Score)
				}
				for _, reason := range it.Reasons {
					if max(reason.Share, -reason.Share) > 10000 {
						t.Errorf("%s: item %d has a reason of %d", name, it.Index, reason.Share)
					}
				}
			}
		}
	}
}

// TestPoolReasonsAddUp to the pool's scores where there is no net: shares of an
// item times its score are those of the sums, and the same for any list that it
// stands in.
func TestPoolReasonsAddUp(t *testing.T) {
	for name := range poolShapes {
		r := slate.New(openPool(t, poolModel(shaped(name, 60), 4), options))
		req := slate.Request{K: 60, Reasons: 16}
		for i := range 8 {
			req.History = append(req.History, seenAs(profile.Kind(1+i%4), fmt.Sprint("item", i*i%50))...)
		}
		all, err := r.Recommend(req)
		if err != nil {
			t.Fatal(err)
		}
		want := map[uint32][]slate.Reason{}
		for _, it := range all.Items {
			want[it.Index] = slices.Clone(it.Reasons)
			sum := 0
			for _, reason := range it.Reasons {
				sum += max(reason.Share, -reason.Share)
			}
			if len(it.Reasons) > 0 && (sum < 9980 || sum > 10000) {
				t.Errorf("%s: item %d: shares add up to %d", name, it.Index, sum)
			}
		}
		req.K = 7
		few, err := r.Recommend(req)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range few.Items {
			if !slices.Equal(it.Reasons, want[it.Index]) {
				t.Errorf("%s: item %d in a short list: %v, want %v", name, it.Index, it.Reasons, want[it.Index])
			}
		}
	}
}

// TestAVectorNeedsFactors of a pool, as of any bundle.
func TestAVectorNeedsFactors(t *testing.T) {
	vector := wire.Float32s(floats(4, 1))
	for name, shape := range poolShapes {
		r := slate.New(openPool(t, poolModel(shaped(name, 20), 4), options))
		_, err := r.Respond(nil, slate.Request{K: 3, Vector: vector, History: seenAs(profile.KindView, "item1")}.Append(nil))
		if (err == nil) != shape.Factors {
			t.Errorf("%s: %v", name, err)
		}
	}
}
