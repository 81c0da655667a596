package quant

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/wire"
)

// tableDims has the edges of every kernel: 16 codes, 32 codes, 64 codes.
var tableDims = []int{1, 3, 4, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 128, 130}

// tableKinds makes each kind of table from rows.
var tableKinds = map[string]func(rng *rand.Rand, rows []float32, d int) Table{
	"float": func(_ *rand.Rand, rows []float32, d int) Table {
		return Floats{N: len(rows) / d, D: d, Values: wire.AppendFloat32s(nil, rows), Exp: FloatsExp(rows)}
	},
	"int8":  func(_ *rand.Rand, rows []float32, d int) Table { return rowsOf(rows, d) },
	"tiles": func(_ *rand.Rand, rows []float32, d int) Table { return tilesOf(rows, d) },
	"int4": func(_ *rand.Rand, rows []float32, d int) Table {
		codes, scales, exp := EncodeRows4(rows, d)
		return Rows4{N: len(rows) / d, D: d, Codes: PackRows4(codes, d), Scales: wire.AppendUint16s(nil, scales), Exp: exp}
	},
	"binary": func(_ *rand.Rand, rows []float32, d int) Table {
		codes, scales, exp := EncodeSigns(rows, d)
		return Signs{N: len(rows) / d, D: d, Codes: codes, Scales: scales, Exp: exp}
	},
	"pq": func(rng *rand.Rand, rows []float32, d int) Table {
		return randomPQ(rng, rows, d, max(2, d/2/2*2))
	},
	"sums": func(rng *rand.Rand, rows []float32, d int) Table {
		return randomSums(rng, len(rows)/d, d, 10)
	},
}

// randomPQ takes parts of rows as centroids and gives each row its nearest ones.
func randomPQ(rng *rand.Rand, rows []float32, d, m int) PQ {
	n := len(rows) / d
	centroids := make([]float32, 16*m*d)
	codes := make([]byte, n*m)
	for s := range m {
		from, to := s*d/m, (s+1)*d/m
		for c := range 16 {
			i := rng.IntN(n)
			copy(centroids[(16*s+c)*d+from:], rows[i*d+from:i*d+to])
		}
		for i := range n {
			best := math.Inf(1)
			for c := range 16 {
				var dist float64
				for f := from; f < to; f++ {
					diff := float64(rows[i*d+f] - centroids[(16*s+c)*d+f])
					dist += diff * diff
				}
				if dist < best {
					best, codes[i*m+s] = dist, byte(c)
				}
			}
		}
	}
	return PQ{N: n, D: d, M: m, Codes: PackPQ(codes, m), Scales: randomScales(rng, n), Centroids: rowsOf(centroids, d)}
}

// randomSums is a quantiser whose centroids have all factors.
func randomSums(rng *rand.Rand, n, d, m int) PQ {
	codes := make([]byte, n*m)
	for i := range codes {
		codes[i] = byte(rng.IntN(16))
	}
	return PQ{N: n, D: d, M: m, Codes: PackPQ(codes, m), Scales: randomScales(rng, n), Centroids: rowsOf(randomFloats(rng, 16*m*d), d)}
}

func randomScales(rng *rand.Rand, n int) []byte {
	scales := make([]byte, n)
	for i := range scales {
		scales[i] = byte(ScaleOne/2 + rng.IntN(ScaleOne))
	}
	return scales
}

// randomRows has rows of very different sizes, and here and there a zero.
func randomRows(rng *rand.Rand, n, d int) []float32 {
	rows := make([]float32, n*d)
	for i := range n {
		size := float32(math.Exp(rng.NormFloat64()))
		for f := range d {
			if rng.IntN(20) > 0 {
				rows[i*d+f] = size * float32(rng.NormFloat64())
			}
		}
	}
	return rows
}

// TestTopIsTheSortedList compares with a full sort, ties and exclusions
// included.
func TestTopIsTheSortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		scores := rapid.SliceOfN(rapid.Int64Range(-3, 3), n, n).Draw(t, "scores")
		excluded := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "excluded")
		k := rapid.IntRange(1, 45).Draw(t, "k")
		var want []Candidate
		for i, s := range scores {
			if !excluded[i] {
				want = append(want, Candidate{i, s})
			}
		}
		slices.SortFunc(want, func(a, b Candidate) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
		})
		want = want[:min(k, len(want))]
		blocked := make([]byte, (n+7)/8)
		for i, out := range excluded {
			if out {
				blocked[i/8] |= 1 << (i % 8)
			}
		}
		var top Top
		top.Reset(k, blocked)
		for i, s := range scores {
			top.Offer(i, s)
		}
		if got := top.Best(); !slices.Equal(got, want) {
			t.Fatalf("Best = %v, want %v", got, want)
		}
	})
}

// slowBest is what a search must find: every exact score, sorted.
func slowBest(table Table, q *Query, n, k int, blocked []byte) []Candidate {
	var all []Candidate
	for i := range n {
		if blocked == nil || blocked[i/8]>>(i%8)&1 == 0 {
			all = append(all, Candidate{Item: i})
		}
	}
	table.Score(all, q)
	slices.SortFunc(all, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
	})
	return all[:min(k, len(all))]
}

// TestScoresAreThoseOfTheDecodedRows: an exact score is the dot product of the
// query and the decoded row, in a unit that is the same for all rows.
func TestScoresAreThoseOfTheDecodedRows(t *testing.T) {
	const n = 45
	for kind, make_ := range tableKinds {
		for _, d := range tableDims {
			rng := rand.New(rand.NewPCG(uint64(d), 1))
			rows := randomRows(rng, n, d)
			table := make_(rng, rows, d)
			q, row := NewQuery(d), make([]float32, d)
			q.Set(randomFloats(rng, d))
			table.Prepare(q)
			list := make([]Candidate, n)
			for i := range list {
				list[i].Item = i
			}
			table.Score(list, q)
			var dots, scores []float64
			for i := range n {
				table.DecodeTo(row, i)
				var dot float64
				for f, x := range row {
					if kind == "float" {
						dot += float64(x) * float64(q.x[f])
					} else {
						dot += float64(x) * float64(q.codes[f])
					}
				}
				dots, scores = append(dots, dot), append(scores, float64(list[i].Score))
			}
			unit := 0.
			for i := range n {
				unit = max(unit, math.Abs(dots[i]))
			}
			at := slices.IndexFunc(dots, func(x float64) bool { return math.Abs(x) == unit })
			if unit == 0 {
				continue
			}
			// Floats are summed in float32: 2⁻²⁴ for each of d steps. Rows of sums
			// centroids are rounded to float32 once.
			tol := 1e-12
			switch kind {
			case "float":
				tol = 1e-7 * float64(d+4)
			case "sums", "pq":
				tol = 1e-7 * float64(d+1)
			}
			for i := range n {
				if want := dots[i] / dots[at] * scores[at]; math.Abs(scores[i]-want) > tol*math.Abs(scores[at])+1 {
					t.Fatalf("%s d=%d: row %d: score %v, want %v", kind, d, i, scores[i], want)
				}
			}
		}
	}
}

// TestScanFindsTheBest compares searches with sorting all scores: exactly for
// tables whose scan is exact, and for coarse ones when all are candidates.
func TestScanFindsTheBest(t *testing.T) {
	for kind, make_ := range tableKinds {
		for _, d := range []int{1, 4, 16, 17, 64, 100} {
			for _, n := range []int{1, 3, 4, 5, 31, 32, 33, 63, 64, 65, 300} {
				rng := rand.New(rand.NewPCG(uint64(d), uint64(n)))
				table := make_(rng, randomRows(rng, n, d), d)
				q, top := NewQuery(d), new(Top)
				for _, k := range []int{1, 2, 10, n, n + 1} {
					var blocked []byte
					if k%2 == 0 {
						blocked = make([]byte, (n+7)/8)
						for range n / 2 {
							i := rng.IntN(n)
							blocked[i/8] |= 1 << (i % 8)
						}
					}
					q.Set(randomFloats(rng, d))
					table.Prepare(q)
					want := slowBest(table, q, n, k, blocked)
					take := k
					if table.Coarse() {
						take = n
					}
					top.Reset(take, blocked)
					table.Scan(top, q)
					got := slices.Clone(top.Kept())
					if table.Coarse() {
						table.Score(got, q)
					}
					got = Best(got, k)
					if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("%s n=%d d=%d k=%d (-want +got):\n%s", kind, n, d, k, diff)
					}
				}
			}
		}
	}
}

// TestCoarseScanKeepsTheBestScores: whatever the sample said, a scan of codes
// keeps the items with the largest scores, with ties by index.
func TestCoarseScanKeepsTheBestScores(t *testing.T) {
	const d, m = 16, 10
	for _, n := range []int{64 * blockItems, 64*blockItems + 7, 9000} {
		rng := rand.New(rand.NewPCG(9, uint64(n)))
		rows := randomRows(rng, n, d)
		for trial := range 12 {
			if trial%3 == 2 { // a sample sees none of the best, or only them
				for b := range n / blockItems {
					for f := range blockItems * d {
						rows[b*blockItems*d+f] *= 1 + float32((b+trial)%16/15)
					}
				}
			}
			p := randomPQ(rng, rows, d, m)
			q, top := NewQuery(d), new(Top)
			q.Set(randomFloats(rng, d))
			p.Prepare(q)
			var all []Candidate
			for i := range n {
				var sum uint16
				for s := range m {
					sum += uint16(q.small[16*s+codeAt(p.Codes, m, i, s)])
				}
				all = append(all, Candidate{i, int64(scoreOf(sum, p.Scales[i], q))})
			}
			for _, k := range []int{1, 50, 500} {
				top.Reset(k, nil)
				p.Scan(top, q)
				want := Best(slices.Clone(all), k)
				if diff := gocmp.Diff(want, top.Best()); diff != "" {
					t.Fatalf("n=%d trial %d k=%d (-want +got):\n%s", n, trial, k, diff)
				}
			}
		}
	}
}

// TestSearchesDoNotAllocate after the first of their size.
func TestSearchesDoNotAllocate(t *testing.T) {
	const n, d, k = 3000, 64, 50
	for kind, make_ := range tableKinds {
		rng := rand.New(rand.NewPCG(3, 3))
		table := make_(rng, randomRows(rng, n, d), d)
		q, top, u := NewQuery(d), new(Top), randomFloats(rng, d)
		allocs := testing.AllocsPerRun(10, func() {
			q.Set(u)
			table.Prepare(q)
			top.Reset(k, nil)
			table.Scan(top, q)
			table.Score(top.Kept(), q)
			Best(top.Kept(), 10)
		})
		if allocs != 0 {
			t.Errorf("%s: got %v allocations, want 0", kind, allocs)
		}
	}
}

// TestDecodeErrorsAreBounded checks each encoder's promise.
func TestDecodeErrorsAreBounded(t *testing.T) {
	for _, d := range tableDims {
		const n = 40
		rng := rand.New(rand.NewPCG(uint64(d), 4))
		rows := randomRows(rng, n, d)
		row := make([]float32, d)
		codes, scales, exp := EncodeRows4(rows, d)
		four := Rows4{N: n, D: d, Codes: PackRows4(codes, d), Scales: wire.AppendUint16s(nil, scales), Exp: exp}
		bits, sizes, exp := EncodeSigns(rows, d)
		signs := Signs{N: n, D: d, Codes: bits, Scales: sizes, Exp: exp}
		for i := range n {
			four.DecodeTo(row, i)
			step := float64(four.Scales.At(i)) * math.Ldexp(1, four.Exp)
			var mean float64
			for f, x := range row {
				want := rows[i*d+f]
				if math.Abs(float64(x-want)) > step/2*1.000001 {
					t.Fatalf("int4 d=%d row %d factor %d: %v came back as %v, step %v", d, i, f, want, x, step)
				}
				mean += math.Abs(float64(want)) / float64(d)
			}
			signs.DecodeTo(row, i)
			unit := math.Ldexp(1, signs.Exp)
			for f, x := range row {
				if x != 0 && (x >= 0) != (rows[i*d+f] >= 0) || math.Abs(math.Abs(float64(x))-mean) > unit/2*1.000001 {
					t.Fatalf("binary d=%d row %d factor %d: %v came back as %v, mean %v", d, i, f, rows[i*d+f], x, mean)
				}
			}
		}
	}
}

// FuzzKernels holds every kernel of this build against its scalar twin: the
// same integers from any bytes.
func FuzzKernels(f *testing.F) {
	f.Add(uint64(1), uint16(64), uint16(70), uint16(16), int64(0))
	f.Add(uint64(2), uint16(17), uint16(33), uint16(4), int64(1)<<40)
	f.Add(uint64(3), uint16(130), uint16(9), uint16(48), int64(-1)<<62)
	f.Add(uint64(4), uint16(1023), uint16(64), uint16(255), int64(900))
	f.Fuzz(func(t *testing.T, seed uint64, d16, n16, m16 uint16, least int64) {
		d, n, m := int(d16)%MaxDim+1, int(n16)%200+4, (int(m16)%128+1)*2
		rng := rand.New(rand.NewPCG(seed, 5))
		random := func(n int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			return b
		}
		q := NewQuery(d)
		q.Set(randomFloats(rng, d))
		scales := random(2 * n)
		least %= 1 << 48

		codes := Int8s(random(n * d))
		for i := range codes {
			codes[i] = max(codes[i], -127)
		}
		var got, want [4]int32
		if g, w := int8Scan(codes, d, q, scales, least, &got), int8ScanScalar(codes, d, q, scales, least, &want); g != w || g < n/4 && got != want {
			t.Fatalf("int8 d=%d: group %d %v, want %d %v", d, g, got, w, want)
		}
		tiles := PackTiles(codes, d)
		Tiles{N: n, D: d}.Prepare(q)
		var gotTile, wantTile [tileItems]int32
		if g, w := tileScan(tiles, d, q, scales, bar(least, q.step), &gotTile), tileScanScalar(tiles, d, q, scales, bar(least, q.step), &wantTile); g != w || gotTile != wantTile {
			t.Fatalf("tiles d=%d: group %d %v, want %d %v", d, g, gotTile, w, wantTile)
		}
		tileDots(tiles, d, q, &gotTile)
		tileDotsScalar(tiles, d, q, &wantTile)
		if gotTile != wantTile {
			t.Fatalf("tiles d=%d: %v, want %v", d, gotTile, wantTile)
		}
		codes4 := random(n * Stride4(d))
		if g, w := int4Scan(codes4, Stride4(d), q, scales, least, &got), int4ScanScalar(codes4, Stride4(d), q, scales, least, &want); g != w || g < n/4 && got != want {
			t.Fatalf("int4 d=%d: group %d %v, want %d %v", d, g, got, w, want)
		}
		items, gotDots, wantDots := make([]int32, 12), make([]int32, 12), make([]int32, 12)
		for i := range items {
			items[i] = int32(rng.IntN(n))
		}
		int8Rows(codes, d, q, items, gotDots)
		int8RowsScalar(codes, d, q, items, wantDots)
		if !slices.Equal(gotDots, wantDots) {
			t.Fatalf("int8 rows d=%d: %v, want %v", d, gotDots, wantDots)
		}
		int4Rows(codes4, Stride4(d), q, items, gotDots)
		int4RowsScalar(codes4, Stride4(d), q, items, wantDots)
		if !slices.Equal(gotDots, wantDots) {
			t.Fatalf("int4 rows d=%d: %v, want %v", d, gotDots, wantDots)
		}

		blocks := random(3 * groupBytes * m)
		q.small = random(groupBytes * m)
		for i := range q.small {
			q.small[i] &= maxSmall
		}
		q.setZero(m, -int64(rng.IntN(maxSmall*m)), maxSmall)
		blockScales := random(3 * blockItems)
		step := 1 + int(n16)%3
		gotHits, wantHits := make([]sumHit, 2), make([]sumHit, 2)
		got1, got2 := sumScan(blocks, m, step, q, blockScales, int16(least), gotHits)
		want1, want2 := sumScanScalar(blocks, m, step, q, blockScales, int16(least), wantHits)
		if got1 != want1 || got2 != want2 || !slices.Equal(gotHits[:got2], wantHits[:want2]) {
			t.Fatalf("sums m=%d zero %d shift %d step %d: %d looks, %d hits %v, want %d, %d, %v", m, q.zero, q.shift, step, got1, got2, gotHits, want1, want2, wantHits)
		}

		values := randomFloats(rng, d)
		if g, w := dotFloat(wire.AppendFloat32s(nil, values), q.x), dotFloatScalar(wire.AppendFloat32s(nil, values), q.x); math.Float32bits(g) != math.Float32bits(w) {
			t.Fatalf("float d=%d: %v, want %v", d, g, w)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	for _, kind := range []string{"int8", "rows", "int4", "pq=8", "pq=16", "pq=24", "binary"} {
		for _, n := range []int{100_000, 1_000_000} {
			const d = 64
			b.Run(fmt.Sprintf("%s/d=%d/n=%d", kind, d, n), func(b *testing.B) {
				table := benchTable(kind, n, d)
				q, top := NewQuery(d), new(Top)
				q.Set(randomFloats(rand.New(rand.NewPCG(1, 1)), d))
				for b.Loop() {
					table.Prepare(q)
					k := 10
					if table.Coarse() {
						k = 200
					}
					top.Reset(k, nil)
					table.Scan(top, q)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
			})
		}
	}
}

// benchTable has random codes: what they say does not matter to a scan.
func benchTable(kind string, n, d int) Table {
	rng := rand.New(rand.NewPCG(2, 1))
	random := func(n int) []byte {
		b := make([]byte, n+7)
		for i := 0; i < n; i += 8 {
			binary.LittleEndian.PutUint64(b[i:], rng.Uint64())
		}
		return b[:n]
	}
	scales := wire.AppendUint16s(nil, slices.Repeat([]uint16{20000, 21000, 22000, 23000}, n/4))
	pq := func(m int) Table {
		p := randomPQ(rng, randomRows(rng, 64, d), d, m)
		p.N, p.Codes, p.Scales = n, random(PQBytes(n, m)), randomScales(rng, n)
		return p
	}
	switch kind {
	case "int8", "rows":
		codes := Int8s(random(n * d))
		for i := range codes {
			codes[i] = max(codes[i], -127)
		}
		if kind == "int8" {
			return Tiles{N: n, D: d, Codes: PackTiles(codes, d), Scales: scales}
		}
		return Rows{N: n, D: d, Codes: codes, Scales: scales}
	case "int4":
		return Rows4{N: n, D: d, Codes: random(n * Stride4(d)), Scales: scales}
	case "binary":
		return Signs{N: n, D: d, Codes: random(PQBytes(n, SignGroups(d))), Scales: randomScales(rng, n)}
	case "pq=8":
		return pq(14)
	case "pq=16":
		return pq(30)
	}
	return pq(46)
}
