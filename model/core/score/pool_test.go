package score

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/modeltest"
)

// poolShape says what a random pool has.
type poolShape struct {
	n, columns, d    int
	repeats, net     bool
	candidates       int
	positive         bool // no weight or factor is below 0
	gains, emptyRows bool
}

func drawShape(t *rapid.T) poolShape {
	s := poolShape{
		n:       rapid.SampledFrom([]int{1, 2, 20, 64, 65, 200}).Draw(t, "items"),
		columns: rapid.IntRange(0, quant.MaxColumns).Draw(t, "columns"),
		d:       rapid.SampledFrom([]int{0, 1, 4, 7, 16}).Draw(t, "factors"),
		repeats: rapid.Bool().Draw(t, "repeats"), net: rapid.Bool().Draw(t, "net"),
		positive: rapid.Bool().Draw(t, "positive"), gains: rapid.Bool().Draw(t, "gains"), emptyRows: rapid.Bool().Draw(t, "empty rows"),
	}
	s.candidates = rapid.IntRange(1, 40).Draw(t, "candidates")
	return s
}

// randomParts makes a pool of that shape.
func randomParts(rng *rand.Rand, s poolShape) Parts {
	value := func() float32 {
		if s.positive {
			return rng.Float32()
		}
		return 2*rng.Float32() - 1
	}
	p := &bundle.Pool{Positions: 1 + rng.IntN(5), Buckets: []int{1, 2, 4}[:rng.IntN(4)], Repeats: s.repeats, Candidates: s.candidates, Trend: make([]int8, s.n)}
	p.Decays = [2]float32{rng.Float32(), []float32{1, rng.Float32()}[rng.IntN(2)]}
	for i := range p.Trend {
		p.Trend[i] = int8(rng.IntN(256) - 128)
	}
	if s.columns > 0 {
		rows := make([]quant.SparseRow, s.n)
		for i := range rows {
			if s.emptyRows && rng.IntN(3) == 0 {
				continue
			}
			for j := range s.n {
				if rng.IntN(s.n) < 12 && len(rows[i].Items) < 255 {
					rows[i].Items = append(rows[i].Items, int32(j))
					for range s.columns {
						rows[i].Weights = append(rows[i].Weights, value())
					}
				}
			}
		}
		p.Sparse = quant.EncodeSparse(rows, s.columns)
	}
	p.Weights = make([]float32, (len(p.Buckets)+1)*(s.columns+2)*p.Positions)
	for k := range p.Weights {
		if rng.IntN(8) > 0 { // else 0
			p.Weights[k] = value()
		}
	}
	if s.gains {
		p.Gains = make([]byte, s.n)
		for i := range p.Gains {
			p.Gains[i] = byte(150 + rng.IntN(20))
		}
	}
	if s.net {
		p.Net = randomNet(rng, bundle.NetInputs(s.columns), 1+rng.IntN(40), 1+rng.IntN(20))
	}
	count := make([]uint32, s.n)
	for i := range count {
		count[i] = uint32(rng.IntN(9))
	}
	parts := Parts{Pool: p, Popularity: wire.AppendUint32s(nil, count)}
	if s.d > 0 {
		rows := make([]float32, s.n*s.d)
		for k := range rows {
			rows[k] = value()
		}
		codes, scales, exp := quant.EncodeRows(rows, s.d)
		table := quant.Rows{N: s.n, D: s.d, Codes: codes, Scales: wire.AppendUint16s(nil, scales), Exp: exp}
		parts.Table, parts.Fine, parts.Dim = table, table, s.d
	}
	return parts
}

// tastesOf is a history of items, oldest first, all of weight 1.
func tastesOf(items []int32) (tastes []Taste) {
next:
	for e, i := range slices.Backward(items) {
		for k := range tastes {
			if tastes[k].Item == int(i) {
				tastes[k].Times++
				continue next
			}
		}
		tastes = append(tastes, Taste{Item: int(i), Weight: profile.One, Event: e, Times: 1, Since: len(items) - 1 - e})
	}
	return tastes
}

// randomTastes is a history of events on random items, newest first.
func randomTastes(rng *rand.Rand, n, events int) []Taste {
	items := make([]int32, events)
	for e := range items {
		items[e] = int32(rng.IntN(n))
	}
	tastes := tastesOf(items)
	for t := range tastes {
		tastes[t].Weight = uint32(1 + rng.IntN(4*profile.One))
	}
	return tastes
}

// reference is what SPEC.md says of pools, slowly and in float64.
type reference struct {
	Parts
	tastes []Taste
	events int
}

// weight returns W of the history's bucket: columns, self, dense.
func (r reference) weight(t, at int) float64 {
	b := 0
	for b < len(r.Pool.Buckets) && r.events > r.Pool.Buckets[b] {
		b++
	}
	at = min(at, r.Pool.Positions-1)
	return float64(r.Pool.Weights[(b*(r.Pool.Sparse.C+2)+t)*r.Pool.Positions+at])
}

// columns returns S_t[i, j] for all t.
func (r reference) columns(i, j int) []float64 {
	s := &r.Pool.Sparse
	v := make([]float64, s.C)
	if s.C == 0 {
		return v
	}
	items, codes := s.Row(nil, i)
	k, found := slices.BinarySearch(items, int32(j))
	for t := range v {
		if found {
			c := float64(codes[k*s.C+t])
			v[t] = c * math.Abs(c) / (127 * 127) * float64(s.Scale(i, t))
		}
	}
	return v
}

func (r reference) row(i int) []float64 {
	row := make([]float32, r.Dim)
	r.Fine.DecodeTo(row, i)
	wide := make([]float64, r.Dim)
	for f, x := range row {
		wide[f] = float64(x)
	}
	return wide
}

func product(a, b []float64) (sum float64) {
	for f := range a {
		sum += a[f] * b[f]
	}
	return sum
}

// score returns each taste's part of item j's score, how much of their sum is
// the factors', and whether the columns say anything about j.
func (r reference) score(j int) (parts []float64, factor float64, touched bool) {
	parts = make([]float64, len(r.tastes))
	for at, t := range r.tastes {
		w := float64(t.Weight) / profile.One
		for col, v := range r.columns(t.Item, j) {
			parts[at] += w * r.weight(col, at) * v
		}
		touched = touched || parts[at] != 0
		if r.Pool.Repeats && t.Item == j {
			self := w * r.weight(r.Pool.Self(), at)
			parts[at] += self
			touched = touched || self != 0
		}
		if r.Table != nil {
			gain := 1.
			if r.Pool.Gains != nil {
				gain = float64(quant.SparseScale(r.Pool.Gains[t.Item]))
			}
			part := w * r.weight(r.Pool.Dense(), at) * gain * product(r.row(t.Item), r.row(j))
			parts[at] += part
			factor += part
		}
	}
	return parts, factor, touched
}

func total(parts []float64) (sum float64) {
	for _, p := range parts {
		sum += p
	}
	return sum
}

func blocks(blocked []byte, i int) bool { return blocked != nil && blocked[i/8]>>(i%8)&1 != 0 }

// TestPoolIsItsReference: every item that may be answered is, once; what the
// pool scores comes first, by the scores of the reference, and the rest by
// popularity.
func TestPoolIsItsReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		shape := drawShape(t)
		shape.net = false
		parts := randomParts(rng, shape)
		n := shape.n
		s := NewPooler(parts)
		for range 3 {
			r := reference{Parts: parts, tastes: randomTastes(rng, n, rapid.IntRange(1, 30).Draw(t, "events"))}
			for _, taste := range r.tastes {
				r.events += taste.Times
			}
			var blocked []byte
			if rapid.Bool().Draw(t, "filtered") {
				blocked = make([]byte, (n+7)/8)
				for i := range blocked {
					blocked[i] = byte(rng.Uint32())
				}
			}
			left := 0
			for i := range n {
				if !blocks(blocked, i) {
					left++
				}
			}
			k := n + rng.IntN(3)
			got := s.Rank(r.tastes, r.events, k, blocked)
			if len(got) != left {
				t.Fatalf("%d items, want %d", len(got), left)
			}
			again := slices.Clone(got)
			if got = s.Rank(r.tastes, r.events, k, blocked); !slices.Equal(got, again) {
				t.Fatalf("asked again: %v, want %v", got, again)
			}
			if fresh := NewPooler(parts).Rank(r.tastes, r.events, k, blocked); !slices.Equal(fresh, again) {
				t.Fatalf("a fresh pooler: %v, want %v", fresh, again)
			}
			// With factors everything is a candidate, for k is as large as n.
			var size, scored float64
			seen := map[int]bool{}
			last := math.Inf(1)
			for place, c := range got {
				if c.Item < 0 || c.Item >= n || blocks(blocked, c.Item) || seen[c.Item] {
					t.Fatalf("place %d: item %d is not one that may stand there, or stands there twice", place, c.Item)
				}
				seen[c.Item] = true
				all, _, touched := r.score(c.Item)
				want := total(all)
				for _, p := range all {
					size = max(size, math.Abs(p)*float64(len(all)))
				}
				if dense := r.Table != nil && some(r); !touched && !dense {
					last = math.Inf(-1)
					continue
				}
				if math.IsInf(last, -1) {
					t.Fatalf("place %d: item %d has a score and stands behind one that has none", place, c.Item)
				}
				scored++
				const tol = 1e-5
				if math.Abs(float64(unsortable(c.Score))-want) > tol*max(size, 1) {
					t.Fatalf("place %d: item %d has %v, want %v", place, c.Item, unsortable(c.Score), want)
				}
				if want > last+tol*max(size, 1) {
					t.Fatalf("place %d: item %d with %v stands behind %v", place, c.Item, want, last)
				}
				last = want
			}
			tail := got[int(scored):]
			if !slices.IsSortedFunc(tail, func(a, b quant.Candidate) int {
				return cmp.Or(cmp.Compare(parts.Popularity.At(b.Item), parts.Popularity.At(a.Item)), cmp.Compare(a.Item, b.Item))
			}) {
				t.Fatalf("the others do not come by popularity: %v", tail)
			}
			if !slices.IsSortedFunc(got, func(a, b quant.Candidate) int {
				return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
			}) {
				t.Fatalf("scores do not fall, or equal ones are not by index: %v", got)
			}
			// A shorter list is the beginning of a longer one, where everything
			// is looked at; a scan looks at as many as are wanted.
			if parts.Table == nil {
				k := 1 + rng.IntN(n)
				if short := s.Rank(r.tastes, r.events, k, blocked); !slices.Equal(items(short), items(again)[:min(k, len(again))]) {
					t.Fatalf("the best %d: %v, of all %v", k, short, again)
				}
			}
		}
	})
}

func items(list []quant.Candidate) (all []int) {
	for _, c := range list {
		all = append(all, c.Item)
	}
	return all
}

// some says whether some taste adds to the person's factors.
func some(r reference) bool {
	for at, t := range r.tastes {
		if r.weight(r.Pool.Dense(), at) != 0 && (r.Pool.Gains == nil || r.Pool.Gains[t.Item] != 0) {
			return true
		}
	}
	return false
}

// features returns the features of candidates with these items, as SPEC.md
// lists them.
func (r reference) features(list []int) [][]float64 {
	log := func(v float64) float64 { return math.Log2(1e-4 + v) }
	var sum float64
	least, most := math.Inf(1), math.Inf(-1)
	scores, factors := make([]float64, len(list)), make([]float64, len(list))
	for k, j := range list {
		parts, factor, _ := r.score(j)
		scores[k], factors[k] = total(parts), factor
		sum += max(scores[k], 0)
		least, most = min(least, factor), max(most, factor)
	}
	share := func(k int) float64 {
		if sum <= 0 {
			return 0
		}
		return max(scores[k], 0) / sum
	}
	met := map[int]int{}
	for at, t := range r.tastes {
		met[t.Item] = at
	}
	var repeats float64
	for k, j := range list {
		if _, ok := met[j]; ok {
			repeats += share(k)
		}
	}
	var all [][]float64
	for k, j := range list {
		var x []float64
		for col := range r.Pool.Sparse.C {
			var last, others, roots float64
			for at, t := range r.tastes {
				second := math.Pow(float64(r.Pool.Decays[0]), float64(max(at-1, 0)))
				third := math.Pow(float64(r.Pool.Decays[1]), float64(at))
				if second < 1e-4 && third < 1e-4 {
					break
				}
				v := max(r.columns(t.Item, j)[col], 0)
				if at == 0 {
					last = v
				} else {
					others += v * second
				}
				roots += math.Sqrt(v) * third
			}
			x = append(x, log(last), log(others), log(roots))
		}
		other := make([]float64, otherFeatures)
		other[featureShare] = log(share(k))
		other[featureSince] = 4.4
		if at, ok := met[j]; ok {
			t := r.tastes[at]
			other[featureMet], other[featureSince] = 1, math.Log2(1+float64(t.Since))
			other[featureTimes], other[featurePart] = math.Log2(1+float64(t.Times)), float64(t.Times)/float64(r.events)
			if at < 2 {
				other[featureLast+at] = 1
			}
		}
		other[featureCount] = math.Log2(1 + float64(r.Popularity.At(j)))
		other[featureTrend] = float64(r.Pool.Trend[j]) / 16
		other[featureLength] = math.Log2(1 + float64(r.events))
		other[featureLastCount] = math.Log2(1 + float64(r.Popularity.At(r.tastes[0].Item)))
		other[featureRepeats] = repeats
		if r.Table != nil {
			recent := make([]float64, r.Dim)
			for at, t := range r.tastes[:min(len(r.tastes), 10)] {
				for f, x := range r.row(t.Item) {
					recent[f] += x * math.Pow(.8, float64(at))
				}
			}
			other[featureCosLast] = cosine(r.row(r.tastes[0].Item), r.row(j))
			other[featureCosRecent] = cosine(recent, r.row(j))
			if most > least {
				other[featureFactor] = (factors[k] - least) / (most - least)
			}
		}
		all = append(all, append(x, other...))
	}
	return all
}

func cosine(a, b []float64) float64 {
	size := math.Sqrt(product(a, a) * product(b, b))
	if size == 0 {
		return 0
	}
	return product(a, b) / size
}

// TestFeaturesAreTheirReference. Values are positive, so that no sum of large
// parts is a small rest of which the logarithm tells nothing.
func TestFeaturesAreTheirReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		shape := drawShape(t)
		shape.positive = true
		parts := randomParts(rng, shape)
		if got := FeatureCount(shape.columns); got != bundle.NetInputs(shape.columns) {
			t.Fatalf("FeatureCount(%d) = %d, and a bundle's net has %d inputs", shape.columns, got, bundle.NetInputs(shape.columns))
		}
		s := NewPooler(parts)
		for range 2 { // with the buffers of the first
			r := reference{Parts: parts, tastes: randomTastes(rng, shape.n, rapid.IntRange(1, 40).Draw(t, "events"))}
			for _, taste := range r.tastes {
				r.events += taste.Times
			}
			s.Collect(r.tastes, r.events, 1, nil)
			m := s.Candidates()
			if m == 0 {
				continue
			}
			var list []int
			for k := range m {
				list = append(list, s.Candidate(k))
			}
			x := make([]float32, FeatureCount(shape.columns)*m)
			for k := range x {
				x[k] = float32(math.NaN()) // all of it is written
			}
			s.Features(x)
			for k, want := range r.features(list) {
				for f, w := range want {
					const tol = 1e-4
					if got := float64(x[f*m+k]); !(math.Abs(got-w) < tol*max(1, math.Abs(w))) {
						t.Fatalf("candidate %d, item %d: feature %d is %v, want %v", k, list[k], f, got, w)
					}
				}
			}
		}
	})
}

// TestTheNetRanksTheCandidates, by what it says of their features; the others
// follow in the pool's order.
func TestTheNetRanksTheCandidates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 4))
		shape := drawShape(t)
		shape.net = true
		parts := randomParts(rng, shape)
		tastes := randomTastes(rng, shape.n, rapid.IntRange(1, 30).Draw(t, "events"))
		events := 0
		for _, taste := range tastes {
			events += taste.Times
		}
		s := NewPooler(parts)
		k := 1 + rng.IntN(shape.n)
		s.Collect(tastes, events, k, nil)
		m := s.Candidates()
		x, y := make([]float32, FeatureCount(shape.columns)*m), make([]float32, m)
		var want []quant.Candidate
		if m > 0 {
			s.Features(x)
			newNetRun(parts.Pool.Net).run(y, x, m)
		}
		for k, v := range y {
			want = append(want, quant.Candidate{Item: s.Candidate(k), Score: sortable(v)})
		}
		slices.SortFunc(want, func(a, b quant.Candidate) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
		})
		for _, c := range s.list[m:] {
			want = append(want, quant.Candidate{Item: int(c.item)})
		}
		got := s.Rank(tastes, events, k, nil)
		if !slices.Equal(items(got)[:min(k, len(want))], items(want)[:min(k, len(want))]) {
			t.Fatalf("got %v, want %v", got, want)
		}
		if len(got) != k {
			t.Fatalf("%d items, want %d", len(got), k)
		}
	})
}

// TestSortableOrdersAsFloatsDo, the two zeros alike.
func TestSortableOrdersAsFloatsDo(t *testing.T) {
	edges := []float32{0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1, -1, math.MaxFloat32, -math.MaxFloat32}
	value := rapid.OneOf(rapid.SampledFrom(edges), rapid.Float32())
	rapid.Check(t, func(t *rapid.T) {
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		if got, want := cmp.Compare(sortable(a), sortable(b)), cmp.Compare(a, b); got != want {
			t.Fatalf("sortable(%v) and sortable(%v) compare as %d, want %d", a, b, got, want)
		}
		if back := unsortable(sortable(a)); back != a {
			t.Fatalf("%v comes back as %v", a, back)
		}
	})
}

// benchParts is a pool of realistic size: 20,000 items, 50 neighbours each in
// five columns, and where d is above 0 as many factors.
func benchParts(d int) Parts {
	const n = 20_000
	parts := Parts{
		Pool:       modeltest.Pool(5, modeltest.PoolShape{Items: n, Columns: 5, Net: true, Repeats: true, Real: true}),
		Popularity: make([]byte, 4*n),
	}
	if d > 0 {
		rng := rand.New(rand.NewPCG(5, 5))
		factors := make([]float32, n*d)
		for k := range factors {
			factors[k] = rng.Float32() - .5
		}
		codes, scales, exp := quant.EncodeRows(factors, d)
		table := quant.Tiles{N: n, D: d, Codes: quant.PackTiles(codes, d), Scales: wire.AppendUint16s(nil, scales), Exp: exp}
		parts.Table, parts.Fine, parts.Dim = table, table, d
	}
	return parts
}

// BenchmarkPool is one request's ranking; net and features are parts of it, for
// 100 candidates.
func BenchmarkPool(b *testing.B) {
	for _, d := range []int{0, 64} {
		s := NewPooler(benchParts(d))
		for _, history := range []int{5, 50} {
			rng := rand.New(rand.NewPCG(6, 6))
			events := make([]int32, history)
			for e := range events {
				events[e] = int32(1000 + rng.IntN(300))
			}
			tastes := tastesOf(events)
			name := fmt.Sprintf("n=20000/d=%d/history=%d", d, history)
			b.Run("Rank/"+name, func(b *testing.B) {
				for b.Loop() {
					s.Rank(tastes, history, 20, nil)
				}
			})
			b.Run("Collect/"+name, func(b *testing.B) {
				for b.Loop() {
					s.Collect(tastes, history, 20, nil)
				}
			})
			x := make([]float32, FeatureCount(5)*s.Candidates())
			b.Run("Features/"+name, func(b *testing.B) {
				for b.Loop() {
					s.Features(x)
				}
			})
		}
	}
	net := newNetRun(randomNet(rand.New(rand.NewPCG(7, 7)), bundle.NetInputs(5), 32, 16))
	from, y := make([]float32, net.net.In*100), make([]float32, 100)
	for k := range from {
		from[k] = float32(k%17) - 8
	}
	x := make([]float32, len(from))
	b.Run("Net/candidates=100", func(b *testing.B) {
		for b.Loop() {
			copy(x, from) // run overwrites it
			net.run(y, x, 100)
		}
	})
}
