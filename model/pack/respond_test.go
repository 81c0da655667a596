package pack

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/train"
)

// A world is a bundle that is asked, and the model that it was packed from.
type world struct {
	m     *train.Model
	b     *bundle.Bundle
	whole bool // every item is a candidate, of a pool for vectors only
}

// fixed says that a request's filters change neither who is a candidate nor the
// score of those that are left.
func (w world) fixed(req slate.Request) bool {
	return w.whole && (w.m.Pool == nil || len(req.Vector) > 0)
}

// worldDim and worldItems are no multiple of 4, 8, 16 or 32.
const worldItems, worldDim = 77, 6

// worlds returns a bundle of every codec, each also with few candidates and
// before the rows that rescore have come, and of the other algorithms.
func worlds(t testing.TB) map[string]world {
	t.Helper()
	return worldsOf(t, func(*train.Model) {})
}

// worldsOf is worlds of models that are changed.
func worldsOf(t testing.TB, change func(*train.Model)) map[string]world {
	t.Helper()
	all := map[string]world{}
	addModel := func(name string, m *train.Model, q Quant, early bool) {
		for i := range m.Items {
			m.Items[i].Tags = nil
			for tag := range 4 {
				if i>>tag&1 != 0 {
					m.Items[i].Tags = append(m.Items[i].Tags, fmt.Sprintf("tag%d", tag))
				}
			}
			m.Count[i] = uint32(i * 7 % 5) // ties
			if m.Factors != nil && i%9 == 8 {
				copy(m.Factors[i*worldDim:(i+1)*worldDim], m.Factors[:worldDim])
			}
		}
		change(m)
		opt := options
		opt.Quant = q
		keys := testKeys(t, 1)
		file, err := Pack(m, keys, opt)
		if err != nil {
			t.Fatal(err)
		}
		have := len(file)
		if early {
			have--
		}
		b, err := bundle.OpenEarly(testRoot(t, keys), file, have, created)
		if err != nil {
			t.Fatal(err)
		}
		whole := q.Candidates == 0 || q.Candidates >= worldItems || early && !q.Codec.Coarse()
		all[name] = world{m: m, b: b, whole: whole}
	}
	add := func(name string, a train.Algorithm, q Quant, early bool) {
		addModel(name, testModel(a, worldItems, worldDim), q, early)
	}
	for name := range poolShapes {
		addModel("pool, "+name, poolModel(shaped(name, worldItems), worldDim), Quant{}, false)
	}
	for _, early := range []bool{false, true} {
		q := quants["binary-int4"]
		q.Candidates = worldItems
		addModel(fmt.Sprint("pool, rescored, early ", early), poolModel(shaped("all", worldItems), worldDim), q, early)
	}
	add("sequence", train.Sequence, Quant{}, false)
	for name, q := range quants {
		if q.Candidates > 0 {
			q.Candidates = worldItems
		}
		add(name, train.IALS, q, false)
		if q.Rescore != bundle.CodecNone {
			add(name+", early", train.IALS, q, true)
		}
		if q.Candidates > 0 {
			q.Candidates = 12
			add(name+", 12 candidates", train.IALS, q, false)
		}
	}
	add("ease", train.EASE, Quant{}, false)
	add("popular", train.Popular, Quant{}, false)
	return all
}

func drawRequest(t *rapid.T, factors, pool bool) slate.Request {
	id := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("item%d", rapid.IntRange(0, worldItems+5).Draw(t, "item"))
	})
	tag := rapid.SampledFrom([]string{"tag0", "tag1", "tag2", "tag3", "nowhere", ""})
	r := slate.Request{
		K:       rapid.IntRange(1, worldItems+3).Draw(t, "k"),
		Reasons: rapid.IntRange(0, 3).Draw(t, "reasons"),
		Exclude: rapid.SliceOfN(id, 0, 5).Draw(t, "exclude"),
		AnyTags: rapid.SliceOfN(tag, 0, 3).Draw(t, "any"),
		NoTags:  rapid.SliceOfN(tag, 0, 2).Draw(t, "none"),
		// The last byte has bits of items that are not there.
		Unavailable: rapid.SliceOfN(rapid.Byte(), 0, (worldItems+7)/8).Draw(t, "unavailable"),
	}
	for range rapid.IntRange(0, 6).Draw(t, "events") {
		r.History = append(r.History, profile.Event{
			Item: id.Draw(t, "id"), Kind: profile.Kind(rapid.IntRange(1, profile.Kinds-1).Draw(t, "kind")),
			Weight: rapid.Uint32Range(0, 4*profile.One).Draw(t, "weight"),
		})
	}
	r.Seen = slate.Seen(rapid.IntRange(0, 1).Draw(t, "seen"))
	if pool && rapid.Bool().Draw(t, "shown") {
		r.Seen = slate.SeenShow
	}
	if factors && rapid.IntRange(0, 2).Draw(t, "vector") == 0 {
		v := rapid.SliceOfN(rapid.Float32Range(-9, 9), worldDim, worldDim).Draw(t, "factors")
		r.Vector = wire.AppendFloat32s(nil, v)
	}
	return r
}

// shown says, slowly, which items a request lets through.
func shown(m *train.Model, r slate.Request) map[int]bool {
	all := map[int]bool{}
	has := func(i int, tags []string) bool {
		return slices.ContainsFunc(m.Items[i].Tags, func(tag string) bool { return slices.Contains(tags, tag) })
	}
	show := r.Seen == slate.SeenShow || r.Seen == slate.SeenByBundle && m.Pool != nil && m.Pool.Repeats
	for i, it := range m.Items {
		seen := slices.ContainsFunc(r.History, func(e profile.Event) bool {
			return e.Item == it.ID && (!show || e.Kind == profile.KindHide)
		})
		gone := i/8 < len(r.Unavailable) && r.Unavailable[i/8]>>(i%8)&1 == 1
		if !seen && !gone && !slices.Contains(r.Exclude, it.ID) && (len(r.AnyTags) == 0 || has(i, r.AnyTags)) && !has(i, r.NoTags) {
			all[i] = true
		}
	}
	return all
}

// TestFiltersAreWhatTheySay compares an answer with one to which nothing is
// filtered, out of which the slow definition picks. A recommender that has been
// asked before gives the same bytes as one that has not.
func TestFiltersAreWhatTheySay(t *testing.T) {
	all := worlds(t)
	names := slices.Sorted(maps.Keys(all))
	kept := map[string]*slate.Recommender{}
	for name, w := range all {
		kept[name] = slate.New(w.b)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "world")
		w := all[name]
		req := drawRequest(t, w.b.Table != nil, w.b.Pool != nil)
		ask := func(req slate.Request) slate.Slate {
			doc, err := slate.New(w.b).Respond(nil, req.Append(nil))
			if err != nil {
				t.Fatalf("%+v: %v", req, err)
			}
			if again, err := kept[name].Respond(nil, req.Append(nil)); err != nil || !bytes.Equal(again, doc) {
				t.Fatalf("%+v: asked before: %x, %v, want %x", req, again, err, doc)
			}
			s, err := slate.ParseSlate(doc)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		got := ask(req)
		allowed := shown(w.m, req)
		if got.Receipt.Ranked != len(allowed) {
			t.Fatalf("ranked %d, want %d", got.Receipt.Ranked, len(allowed))
		}
		if want := min(req.K, len(allowed)); len(got.Items) != want {
			t.Fatalf("%d items, want %d", len(got.Items), want)
		}
		full := req
		full.K, full.Exclude, full.AnyTags, full.NoTags, full.Unavailable = worldItems, nil, nil, nil, nil
		var want []slate.Item
		reasons := map[uint32]slate.Item{}
		for _, it := range ask(full).Items {
			if allowed[int(it.Index)] {
				want = append(want, it)
			}
			reasons[it.Index] = it
		}
		if w.fixed(req) {
			if diff := gocmp.Diff(want[:min(req.K, len(want))], got.Items, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		}
		for k, it := range got.Items {
			if !allowed[int(it.Index)] {
				t.Fatalf("item %d is in the answer", it.Index)
			}
			alone := []gocmp.Option{cmpopts.EquateEmpty()}
			if w.b.Pool != nil {
				alone = append(alone, cmpopts.IgnoreFields(slate.Item{}, "Score"))
			}
			if diff := gocmp.Diff(reasons[it.Index], it, alone...); diff != "" {
				t.Fatalf("item %d alone (-want +got):\n%s", it.Index, diff)
			}
			if it.ID != w.m.Items[it.Index].ID || it.Title != w.m.Items[it.Index].Title {
				t.Fatalf("item %d is called %q, %q", it.Index, it.ID, it.Title)
			}
			if k > 0 {
				last := got.Items[k-1]
				if last.Score < it.Score || last.Score == it.Score && last.Index >= it.Index {
					t.Fatalf("item %d with %d stands before item %d with %d", last.Index, last.Score, it.Index, it.Score)
				}
			}
		}
		var known, unknown int
		for _, e := range req.History {
			if _, ok := w.b.Lookup(e.Item); ok {
				known++
			} else {
				unknown++
			}
		}
		if got.Receipt.Used != known || got.Receipt.Unknown != unknown || got.Receipt.Early != (w.b.Early() && !got.Receipt.Cold) {
			t.Fatalf("receipt %+v, want %d used and %d unknown", got.Receipt, known, unknown)
		}
		if len(req.Vector) > 0 && (got.Receipt.Cold || len(got.Items) > 0 && got.Items[0].Reasons != nil) {
			t.Fatalf("a vector, and cold %v, reasons %v", got.Receipt.Cold, got.Items[0].Reasons)
		}
	})
}

// TestAVectorRanksByTheDecodedRows: by the integers that package quant gives,
// and by the float dot products as far as the query's 16 bits go.
func TestAVectorRanksByTheDecodedRows(t *testing.T) {
	all := worlds(t)
	names := slices.Sorted(maps.Keys(all))
	rapid.Check(t, func(t *rapid.T) {
		w := all[rapid.SampledFrom(names).Draw(t, "world")]
		if w.b.Table == nil || !w.whole {
			return
		}
		v := rapid.SliceOfN(rapid.Float32Range(-1, 1), worldDim, worldDim).Draw(t, "vector")
		if rapid.Bool().Draw(t, "large") {
			for f := range v {
				v[f] *= math.MaxFloat32
			}
		}
		s, err := slate.New(w.b).Recommend(slate.Request{K: worldItems, Vector: wire.AppendFloat32s(nil, v)})
		if err != nil {
			t.Fatal(err)
		}
		table := w.b.Table
		if w.b.Rescore != nil {
			table = w.b.Rescore
		}
		q := quant.NewQuery(worldDim)
		q.Set(v)
		table.Prepare(q)
		list := make([]quant.Candidate, worldItems)
		for i := range list {
			list[i].Item = i
		}
		table.Score(list, q)
		slices.SortFunc(list, func(a, b quant.Candidate) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
		})
		var largest float64
		dots, row := make([]float64, worldItems), make([]float32, worldDim)
		for i := range dots {
			table.DecodeTo(row, i)
			for f, x := range row {
				dots[i] += float64(x) * float64(v[f])
			}
		}
		for i := range dots {
			var size float64
			table.DecodeTo(row, i)
			for _, x := range row {
				size += math.Abs(float64(x))
			}
			for _, x := range v {
				largest = max(largest, size*math.Abs(float64(x)))
			}
		}
		const tol = 1. / 32767 // half a step of the query's codes, for two rows
		for k, it := range s.Items {
			if int(it.Index) != list[k].Item || it.Score != list[k].Score {
				t.Fatalf("place %d: item %d with %d, want %+v", k, it.Index, it.Score, list[k])
			}
			if k > 0 && dots[it.Index] > dots[s.Items[k-1].Index]+tol*largest {
				t.Fatalf("place %d: item %d with %v comes after item %d with %v", k, it.Index, dots[it.Index], s.Items[k-1].Index, dots[s.Items[k-1].Index])
			}
		}
	})
}

// everything is a request that uses all that there is, for a bundle of w.
func everything(w world) slate.Request {
	r := slate.Request{
		K: 10, Now: created, Reasons: 3, Exclude: []string{"item70", "nowhere"}, AnyTags: []string{"tag0", "tag1", "nowhere"},
		NoTags: []string{"tag3"}, Unavailable: []byte{0x81, 0, 0xff},
	}
	for i := range 9 {
		r.History = append(r.History, profile.Event{
			Item: fmt.Sprintf("item%d", i*10), Kind: profile.Kind(1 + i%5), Time: created - int64(i*86400), Weight: profile.One,
		})
	}
	return r
}

// TestRespondDoesNotAllocate once it has answered, whatever it is asked in
// turn.
func TestRespondDoesNotAllocate(t *testing.T) {
	for name, w := range worlds(t) {
		r := slate.New(w.b)
		req := everything(w)
		diverse := req
		diverse.Diversity = profile.One / 2
		docs := [][]byte{
			req.Append(nil), slate.Request{K: worldItems}.Append(nil),
			diverse.Append(nil), slate.Request{K: 3, Diversity: profile.One}.Append(nil),
		}
		if w.b.Pool != nil {
			req.Seen = slate.SeenShow
			docs = append(docs, req.Append(nil))
		}
		if w.b.Table != nil {
			req.Vector = floats(worldDim, .5)
			docs = append(docs, req.Append(nil))
		}
		var dst []byte
		var err error
		at := 0
		allocs := testing.AllocsPerRun(10*len(docs), func() {
			for range docs { // so that the first run is the warm-up of all
				if dst, err = r.Respond(dst[:0], docs[at%len(docs)]); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				at++
			}
		})
		if allocs != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, allocs)
		}
	}
}

// TestARecommenderDoesNotGrow with the number of its calls, refused ones
// included.
func TestARecommenderDoesNotGrow(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for name, w := range worlds(t) {
		r := slate.New(w.b)
		good := everything(w).Append(nil)
		bad := [][]byte{nil, good[:len(good)-1], good[:len(good)/2], slate.Request{K: 1, Vector: []byte{1}}.Append(nil)}
		var dst []byte
		round := func(n int) {
			for i := range n {
				var err error
				if dst, err = r.Respond(dst[:0], good); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				var refused *slate.RequestError
				if _, err := r.Respond(nil, bad[i%len(bad)]); !errors.As(err, &refused) {
					t.Fatalf("%s: %x: %v", name, bad[i%len(bad)], err)
				}
			}
		}
		round(20)
		before := heap()
		round(400)
		if after := heap(); after > before+16<<10 {
			t.Errorf("%s: 400 calls keep %d bytes", name, after-before)
		}
		runtime.KeepAlive(r)
	}
}

// FuzzRespond asks bundles of every kind anything at all: no panic, an answer
// that reads back, and the same one again.
func FuzzRespond(f *testing.F) {
	all := worlds(f)
	names := slices.Sorted(maps.Keys(all))
	recommenders := make([]*slate.Recommender, len(names))
	for i, name := range names {
		w := all[name]
		recommenders[i] = slate.New(w.b)
		req := everything(w)
		f.Add(uint8(i), req.Append(nil))
		req.Diversity = profile.One / 3
		f.Add(uint8(i), req.Append(nil))
		req.Vector = floats(worldDim, -1)
		f.Add(uint8(i), req.Append(nil))
	}
	f.Add(uint8(0), slate.Request{K: 1000}.Append(nil))
	f.Fuzz(func(t *testing.T, which uint8, doc []byte) {
		i := int(which) % len(names)
		got, err := recommenders[i].Respond(nil, doc)
		if err != nil {
			var refused *slate.RequestError
			if !errors.As(err, &refused) {
				t.Fatalf("%s: %v", names[i], err)
			}
			return
		}
		s, err := slate.ParseSlate(got)
		if err != nil {
			t.Fatalf("%s: the answer: %v", names[i], err)
		}
		if !bytes.Equal(s.Append(nil), got) {
			t.Fatalf("%s: the answer reads back as another", names[i])
		}
		if len(s.Items) > s.Receipt.Ranked || s.Receipt.Ranked > worldItems {
			t.Fatalf("%s: %d items out of %d", names[i], len(s.Items), s.Receipt.Ranked)
		}
		req, err := slate.ParseRequest(doc, all[names[i]].b.Manifest.Limits)
		if err != nil {
			t.Fatalf("%s: an answer, and %v", names[i], err)
		}
		for k := range s.Items[min(1, len(s.Items)):] {
			if req.Diversity > 0 {
				break // the order is not that of the scores
			}
			if a, b := s.Items[k], s.Items[k+1]; a.Score < b.Score || a.Score == b.Score && a.Index >= b.Index {
				t.Fatalf("%s: %+v stands before %+v", names[i], a, b)
			}
		}
		again, err := slate.New(all[names[i]].b).Respond(nil, doc)
		if err != nil || !bytes.Equal(got, again) {
			t.Fatalf("%s: a fresh recommender answers %x, %v, want %x", names[i], again, err, got)
		}
	})
}

// TestASystemWithoutAFiniteSolutionIsRefused: what a NaN becomes as an integer
// is the engine's choice, so none may come so far.
func TestASystemWithoutAFiniteSolutionIsRefused(t *testing.T) {
	keys := testKeys(t, 1)
	open := func(gram, ridge float64) *slate.Recommender {
		f := forge(t, Quant{Codec: bundle.CodecFloat}, 3, 1)
		f.set(bundle.KindRows, slices.Concat(floats(1, 0x1p40), floats(1, 0x1p-70), floats(1, 0x1p-60)))
		f.setExp(bundle.KindRows, 40)
		f.set(bundle.KindGram, floats(1, gram))
		f.set(bundle.KindRidge, floats(f.history+1, ridge))
		b, err := bundle.Open(testRoot(t, keys), f.file(t, keys), created)
		if err != nil {
			t.Fatal(err)
		}
		return slate.New(b)
	}
	event := func(i int) profile.Event {
		return profile.Event{Item: fmt.Sprintf("item%d", i), Kind: profile.KindView, Weight: profile.One}
	}
	// The system is 2^-140, all that is left of -2^80 + 2^80 + 2^-140.
	s, err := open(-0x1p80, 0x1p-149).Recommend(slate.Request{K: 3, History: []profile.Event{event(0), event(1)}})
	if !errors.Is(err, score.ErrGram) {
		t.Errorf("a person of 2^180: %+v, %v, want %v", s, err, score.ErrGram)
	}
	// The person is 2^70, and the part of item 1 in item 0's score 2^110.
	s, err = open(0, 0x1p-149).Recommend(slate.Request{K: 3, Reasons: 3, History: []profile.Event{event(1)}})
	if err != nil || len(s.Items) != 2 || s.Items[0].Index != 0 || s.Items[0].Reasons != nil || len(s.Items[1].Reasons) != 1 {
		t.Errorf("a part beyond float32: %+v, %v, want no reason for item 0 and one for item 2", s.Items, err)
	}
}

// TestKnownAnswersThatCannotBeComputedAreWrong, be it for the request.
func TestKnownAnswersThatCannotBeComputedAreWrong(t *testing.T) {
	keys := testKeys(t, 1)
	for name, doc := range map[string][]byte{"no request": {0x80}, "nothing": {}, "beyond the limits": slate.Request{K: 51}.Append(nil)} {
		f := forge(t, twoStages, 5, 2)
		f.early = []bundle.KnownAnswer{{Request: doc}}
		file := f.file(t, keys)
		b, err := bundle.OpenEarly(testRoot(t, keys), file, len(file)-1, created)
		if err != nil {
			t.Fatal(err)
		}
		if err := slate.New(b).Check(); !errors.Is(err, slate.ErrKnownAnswer) {
			t.Errorf("%s: %v, want %v", name, err, slate.ErrKnownAnswer)
		}
	}
}
