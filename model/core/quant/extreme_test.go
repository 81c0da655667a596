package quant

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/core/wire"
)

// TestBestIsTheSortedFront compares with a full sort, and holds that nothing
// is lost from the list.
func TestBestIsTheSortedFront(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		scores := rapid.SliceOfN(rapid.Int64Range(-3, 3), n, n).Draw(t, "scores")
		k := rapid.IntRange(0, n+3).Draw(t, "k")
		order := rapid.Permutation(scores).Draw(t, "order") // items in no order
		list := make([]Candidate, n)
		for i, item := range rand.New(rand.NewPCG(uint64(n), 1)).Perm(n) {
			list[i] = Candidate{item, order[i]}
		}
		want := slices.Clone(list)
		slices.SortFunc(want, func(a, b Candidate) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
		})
		if got := Best(list, k); !slices.Equal(got, want[:min(k, n)]) {
			t.Fatalf("Best(%d) = %v, want %v", k, got, want[:min(k, n)])
		}
		slices.SortFunc(list, func(a, b Candidate) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
		})
		if !slices.Equal(list, want) {
			t.Fatalf("afterwards the list has %v, want %v", list, want)
		}
	})
}

// TestScansOfLittle: no items, all of them blocked, none or too many asked for.
func TestScansOfLittle(t *testing.T) {
	const d = 17
	rng := rand.New(rand.NewPCG(1, 6))
	for kind, make_ := range tableKinds {
		for _, n := range []int{1, 4, 31, 32, 33, 64, 65 * blockItems} {
			table := make_(rng, randomRows(rng, n, d), d)
			q, top := NewQuery(d), new(Top)
			q.Set(randomFloats(rng, d))
			table.Prepare(q)
			all := bytes.Repeat([]byte{0xff}, (n+7)/8)
			for _, c := range []struct {
				name    string
				k, want int
				blocked []byte
			}{
				{"none asked for", 0, 0, nil},
				{"more asked for than there are", 3*n + 100, n, nil},
				{"all blocked", 10, 0, all},
				{"all blocked, none asked for", 0, 0, all},
				{"all blocked but one", 10, 1, append([]byte{0xfe}, all[1:]...)},
			} {
				top.Reset(c.k, c.blocked)
				table.Scan(top, q)
				list := top.Best()
				table.Score(list, q)
				if got := Best(list, c.k); len(got) != c.want {
					t.Errorf("%s, n=%d, %s: got %d items, want %d", kind, n, c.name, len(got), c.want)
				}
			}
		}
	}
	for kind, table := range map[string]Table{
		"float": Floats{D: d}, "int8": Rows{D: d}, "int4": Rows4{D: d}, "binary": Signs{D: d},
		"pq": PQ{D: d, M: 4, Centroids: rowsOf(randomFloats(rng, 64*d), d)},
	} {
		q, top := NewQuery(d), new(Top)
		q.Set(randomFloats(rng, d))
		table.Prepare(q)
		top.Reset(5, nil)
		table.Scan(top, q)
		if got := top.Best(); len(got) != 0 {
			t.Errorf("%s without items: got %v", kind, got)
		}
		table.Score(nil, q)
	}
}

// slowShrink is shrink in numbers that cannot overflow.
func slowShrink(exact []int64) (small []byte, zero int16, shift uint8) {
	lo, span := new(big.Int), big.NewInt(1)
	for t := 0; t < len(exact); t += 16 {
		a, b := big.NewInt(slices.Min(exact[t:t+16])), big.NewInt(slices.Max(exact[t:t+16]))
		lo.Add(lo, a)
		if diff := b.Sub(b, a); diff.Cmp(span) > 0 {
			span = diff
		}
	}
	small = make([]byte, len(exact))
	half := new(big.Int).Rsh(span, 1)
	for c, x := range exact {
		v := new(big.Int).Sub(big.NewInt(x), big.NewInt(slices.Min(exact[c/16*16:c/16*16+16])))
		v.Mul(v, big.NewInt(maxSmall)).Add(v, half).Quo(v, span)
		small[c] = byte(v.Int64())
	}
	// (−Σ lo · 63 + ⌊span/2⌋) / span, cut towards 0, as SPEC.md has it.
	z := new(big.Int).Mul(lo, big.NewInt(-maxSmall))
	z.Add(z, half).Quo(z, span)
	if limit := big.NewInt(1 << 14); z.CmpAbs(limit) > 0 {
		z = limit.Mul(limit, big.NewInt(int64(z.Sign())))
	}
	zero = int16(z.Int64())
	largest := max(maxSmall*len(exact)/16-int(zero), int(zero), -int(zero))
	for shift = 0; largest<<(shift+1) < 1<<15; {
		shift++
	}
	return small, zero, shift
}

// slowScore is scoreOf in numbers that cannot overflow; ok is false where one
// of its steps would not fit its type.
func slowScore(sum int, scale byte, zero int16, shift uint8) (score int64, ok bool) {
	a := (int64(sum) - int64(zero)) << shift
	score = (a*int64(scale)<<7 + 1<<14) >> 15
	return score, a == int64(int16(a)) && score == int64(int16(score))
}

// TestSmallTablesAreExactAtTheExtremes has the largest products there can be:
// 127·codes·d < 2³¹ times a scale of 65535.
func TestSmallTablesAreExactAtTheExtremes(t *testing.T) {
	const top = math.MaxInt32 * math.MaxUint16
	rng := rand.New(rand.NewPCG(2, 6))
	for _, m := range []int{2, 4, 130, MaxGroups} {
		for name, value := range map[string]func(i int) int64{
			"zero":                 func(int) int64 { return 0 },
			"one value":            func(int) int64 { return -top },
			"another":              func(int) int64 { return top },
			"a value for a table":  func(i int) int64 { return int64(i/16) * 1e9 },
			"the extremes":         func(i int) int64 { return top * int64(1-i%2*2) },
			"the extremes, one":    func(i int) int64 { return top * int64(i/5%2) },
			"one step":             func(i int) int64 { return top - int64(i%2) },
			"one step below":       func(i int) int64 { return -top + int64(i%2) },
			"the last table":       func(i int) int64 { return top * int64(i/((m-1)*16)) * int64(1-i%2*2) },
			"small ones":           func(i int) int64 { return int64(i%127 - 63) },
			"random ones":          func(int) int64 { return rng.Int64N(2*top) - top },
			"random ones, unequal": func(i int) int64 { return rng.Int64N(top>>(i/16%40) + 1) },
		} {
			q := NewQuery(1)
			q.tables(m)
			for i := range q.exact {
				q.exact[i] = value(i)
			}
			q.shrink()
			small, zero, shift := slowShrink(q.exact)
			if !bytes.Equal(q.small, small) || q.zero != zero || q.shift != shift {
				t.Errorf("%d tables, %s: zero %d, shift %d, want %d and %d; tables equal: %v", m, name, q.zero, q.shift, zero, shift, bytes.Equal(q.small, small))
			}
			if x := slices.Max(q.small); x > maxSmall {
				t.Errorf("%d tables, %s: a value of %d, want at most %d", m, name, x, maxSmall)
			}
			for sum := range maxSmall*m + 1 {
				for _, scale := range []byte{0, 1, 127, 128, 255} {
					want, ok := slowScore(sum, scale, zero, shift)
					if got := scoreOf(uint16(sum), scale, q); int64(got) != want || !ok {
						t.Fatalf("%d tables, %s: a sum of %d times %d has score %d, want %d, which fits 16 bits: %v", m, name, sum, scale, got, want, ok)
					}
				}
			}
		}
	}
}

// extremeQueries are the largest queries of d factors.
func extremeQueries(d int) map[string][]float32 {
	all := map[string][]float32{}
	for name, x := range map[string]func(f int) float32{
		"all 1":        func(int) float32 { return 1 },
		"all -1":       func(int) float32 { return -math.MaxFloat32 },
		"turn by turn": func(f int) float32 { return float32(1 - f%2*2) },
		"one":          func(f int) float32 { return float32(max(0, 1-f)) },
		"the last":     func(f int) float32 { return -float32(max(0, f-d+2)) },
		"subnormal":    func(f int) float32 { return math.SmallestNonzeroFloat32 * float32(1-f%2*2) },
	} {
		u := make([]float32, d)
		for f := range u {
			u[f] = x(f)
		}
		all[name] = u
	}
	return all
}

// TestTheLargestSumsDoNotOverflow: 256 groups of centroids of ±127 times 65535,
// against queries of the largest codes.
func TestTheLargestSumsDoNotOverflow(t *testing.T) {
	const n, m = 70, MaxGroups
	for _, d := range []int{1, 516, 517, MaxDim} {
		for sign, turn := range map[string]bool{"of one sign": false, "of both signs": true} {
			centroids := make([]int8, 16*m*d)
			for i := range centroids {
				if centroids[i] = 127; turn && i/d%2 == 1 {
					centroids[i] = -127
				}
			}
			codes, scales := make([]byte, n*m), make([]byte, n)
			for i := range codes {
				codes[i] = byte(i / m % 16)
			}
			for i := range scales {
				scales[i] = []byte{255, 255, 128, 0, 1}[i%5]
			}
			p := PQ{N: n, D: d, M: m, Codes: PackPQ(codes, m), Scales: scales, Centroids: Rows{
				N: 16 * m, D: d, Codes: centroids, Scales: wire.AppendUint16s(nil, slices.Repeat([]uint16{math.MaxUint16}, 16*m)),
			}}
			row := make([]float32, d)
			for i := range n {
				p.DecodeTo(row, i)
				want := float32(int64(m)*127*math.MaxUint16*int64(scales[i])) / ScaleOne
				if turn && i%16%2 == 1 {
					want = -want
				}
				if row[0] != want || row[d-1] != want {
					t.Fatalf("d=%d, centroids %s: row %d decodes to %v, want %v", d, sign, i, row[0], want)
				}
			}
			for name, u := range extremeQueries(d) {
				q := NewQuery(d)
				q.Set(u)
				p.Prepare(q)
				list := make([]Candidate, n)
				for i := range list {
					list[i].Item = i
				}
				p.Score(list, q)
				for i, c := range list {
					var want int64
					for f, x := range q.codes[:d] {
						want += int64(x) * int64(centroids[(i%16)*d+f])
					}
					if want *= int64(m) * math.MaxUint16 * int64(scales[i]); c.Score != want {
						t.Fatalf("d=%d, query %s, centroids %s: row %d has %d, want %d", d, name, sign, i, c.Score, want)
					}
				}
				wantScan(t, fmt.Sprintf("d=%d, query %s, centroids %s", d, name, sign), p, q, codes, scales)
			}
		}
	}
}

// wantScan compares scans with the sorted scores of codes, n×m, in numbers that
// cannot overflow.
func wantScan(t *testing.T, what string, table Table, q *Query, codes, scales []byte) {
	t.Helper()
	n := len(scales)
	m := len(codes) / n
	small, zero, shift := slowShrink(q.exact)
	if !bytes.Equal(small, q.small) || zero != q.zero || shift != q.shift {
		t.Fatalf("%s: zero %d, shift %d, want %d and %d; tables equal: %v", what, q.zero, q.shift, zero, shift, bytes.Equal(small, q.small))
	}
	var want []Candidate
	for i := range n {
		sum := 0
		for g := range m {
			sum += int(small[16*g+int(codes[i*m+g])])
		}
		score, ok := slowScore(sum, scales[i], zero, shift)
		if !ok {
			t.Fatalf("%s: row %d: a score of %d", what, i, score)
		}
		want = append(want, Candidate{i, score})
	}
	for _, k := range []int{1, 5, n} {
		var top Top
		top.Reset(k, nil)
		table.Scan(&top, q)
		if diff := gocmp.Diff(Best(slices.Clone(want), k), top.Best()); diff != "" {
			t.Fatalf("%s, k=%d (-want +got):\n%s", what, k, diff)
		}
	}
}

// TestSignsStayWithin16Bits with the largest queries and scales.
func TestSignsStayWithin16Bits(t *testing.T) {
	const n = 70
	rng := rand.New(rand.NewPCG(3, 6))
	for _, d := range []int{1, 4, 5, 16, 100, 1023, MaxDim} {
		m := SignGroups(d)
		bits := make([]byte, n*m)
		for i := range bits {
			switch i / m % 4 {
			case 0: // all clear
			case 1:
				bits[i] = 15
			case 2:
				bits[i] = 5
			case 3:
				bits[i] = byte(rng.IntN(16))
			}
		}
		s := Signs{N: n, D: d, Codes: PackPQ(bits, m), Scales: slices.Repeat([]byte{255, 1, 0, 128, 254}, n/5)}
		queries := extremeQueries(d)
		queries["random"] = randomFloats(rng, d)
		queries["zero"] = make([]float32, d)
		for name, u := range queries {
			q := NewQuery(d)
			q.Set(u)
			s.Prepare(q)
			wantScan(t, fmt.Sprintf("d=%d, query %s", d, name), s, q, bits, s.Scales)
		}
	}
}

// TestScansOfTheLargestProducts: int8 and int4 rows of the largest codes and
// scales.
func TestScansOfTheLargestProducts(t *testing.T) {
	const n = 21
	for _, d := range []int{1, 16, 31, 64, 516, MaxDim} {
		codes, codes4 := make([]int8, n*d), bytes.Repeat([]byte{0xff}, n*Stride4(d))
		for i := range codes {
			if codes[i] = 127; i/d%3 == 1 {
				codes[i] = -127
			}
		}
		for i := range n {
			if i%3 == 1 { // codes of -8, which no encoder writes
				clear(codes4[i*Stride4(d) : (i+1)*Stride4(d)])
			}
		}
		scales := wire.AppendUint16s(nil, slices.Repeat([]uint16{math.MaxUint16, 1, 40000}, n/3))
		for kind, table := range map[string]Table{
			"int8": Rows{N: n, D: d, Codes: codes, Scales: scales},
			"int4": Rows4{N: n, D: d, Codes: codes4, Scales: scales},
		} {
			for name, u := range extremeQueries(d) {
				q := NewQuery(d)
				q.Set(u)
				var sum int64
				for _, x := range q.codes {
					sum += int64(x)
				}
				var want []Candidate
				for i := range n {
					code := map[string][2]int64{"int8": {127, -127}, "int4": {7, -8}}[kind][b2i(i%3 == 1)]
					want = append(want, Candidate{i, sum * code * int64(wire.Uint16s(scales).At(i))})
				}
				for _, k := range []int{1, 4, n} {
					var top Top
					top.Reset(k, nil)
					table.Scan(&top, q)
					if diff := gocmp.Diff(Best(slices.Clone(want), k), top.Best()); diff != "" {
						t.Fatalf("%s d=%d, query %s, k=%d (-want +got):\n%s", kind, d, name, k, diff)
					}
				}
				list := slices.Clone(want)
				for i := range list {
					list[i].Score = 0
				}
				if table.Score(list, q); !slices.Equal(list, want) {
					t.Fatalf("%s d=%d, query %s: scores %v, want %v", kind, d, name, list, want)
				}
			}
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestSymmetricFindsEveryMinus128, wherever it stands, and nothing else.
func TestSymmetricFindsEveryMinus128(t *testing.T) {
	for n := range 40 {
		for c := -128; c < 128; c++ {
			codes := slices.Repeat([]int8{int8(c)}, n)
			if got, want := Symmetric(codes), n == 0 || c != -128; got != want {
				t.Fatalf("%d codes of %d: got %v, want %v", n, c, got, want)
			}
		}
		for at := range n {
			for _, rest := range []int8{0, 1, -1, 127, -127} {
				codes := slices.Repeat([]int8{rest}, n)
				codes[at] = -128
				if Symmetric(codes) {
					t.Fatalf("-128 at %d of %d codes of %d is not found", at, n, rest)
				}
			}
		}
	}
}
