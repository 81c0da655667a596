package pack

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/publish/patch"
	"github.com/nearside/nearside/model/train"
)

// nextDay returns m a day later: its rows have moved by a part of their size, and
// there are new items.
func nextDay(m *train.Model, rnd *rand.Rand, part float64, items int) *train.Model {
	next := *m
	next.Items, next.Count, next.Factors = slices.Clone(m.Items), slices.Clone(m.Count), slices.Clone(m.Factors)
	for k := range next.Factors {
		next.Factors[k] += float32(part * rnd.NormFloat64())
	}
	for i := range items {
		next.Items = append(next.Items, data.Item{ID: fmt.Sprintf("new%d-%d", len(m.Items), i)})
		next.Count = append(next.Count, 1)
		for range len(m.Factors) / len(m.Items) {
			next.Factors = append(next.Factors, float32(rnd.NormFloat64()))
		}
	}
	if m.Pool != nil && m.Pool.Sparse.C > 0 {
		pool := *m.Pool
		var rows []quant.CodedRow
		for i := range len(next.Items) {
			row := quant.CodedRow{Scales: make([]byte, pool.Sparse.C)}
			if i < pool.Sparse.N {
				row = pool.Sparse.Coded(i)
				row.Codes = slices.Clone(row.Codes)
			}
			for k, code := range row.Codes {
				if code > -100 && code < 100 {
					row.Codes[k] += int8(rnd.IntN(7) - 3) // of 127
				}
			}
			rows = append(rows, row)
		}
		pool.Sparse = quant.JoinSparse(rows, pool.Sparse.C, -1)
		next.Pool = &pool
	}
	return &next
}

// errorOf returns the largest error of a row of b, as a part of the row's length,
// and the root mean square over all rows.
func errorOf(b *bundle.Bundle, m *train.Model) (most, mean float64) {
	table := b.Table
	if b.Rescore != nil {
		table = b.Rescore
	}
	row, d := make([]float32, m.Dim), m.Dim
	for i := range m.Items {
		table.DecodeTo(row, i)
		var err, size float64
		for f, x := range m.Factors[i*d : i*d+d] {
			err += sq(float64(x - row[f]))
			size += sq(float64(x))
		}
		most, mean = max(most, math.Sqrt(err/size)), mean+err/size/float64(len(m.Items))
	}
	return most, math.Sqrt(mean)
}

// TestTenDaysFromTheDayBefore: errors do not add up, and a patch stays small.
func TestTenDaysFromTheDayBefore(t *testing.T) {
	const n, d = 300, 16
	for _, c := range []struct {
		name  string
		quant Quant
		days  int
		most  float64 // error of a row; the largest code is 2.2 times as much as a row's mean number
		mean  float64 // of all rows, as a multiple of what it is without
		patch float64 // as a part of what it is without
	}{
		{"int8", Quant{Codec: bundle.CodecInt8}, 10, 2.2 * 9. / 127 * 1.2, 20, .5},
		{"int4", Quant{Codec: bundle.CodecInt4}, 10, 2.2 * 9. / 127 * 2, 1.6, .8},
		{"pq, then int8", Quant{Codec: bundle.CodecPQ, Rescore: bundle.CodecInt8}, 3, 2.2 * 9. / 127 * 1.2, 20, .6},
		{"pq", Quant{Codec: bundle.CodecPQ}, 5, 2, 1.2, .65},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(3, 4))
			opt := options
			opt.Quant = c.quant
			m := testModel(train.IALS, n, d)
			file, err := Pack(m, testKeys(t, 1), opt)
			if err != nil {
				t.Fatal(err)
			}
			plain := file
			for day := range c.days {
				m = nextDay(m, rnd, .01, n/100)
				today, kept, err := PackFrom(m, testKeys(t, 1), opt, file)
				if err != nil {
					t.Fatal(err)
				}
				if kept.Why != "" || kept.Written > kept.Rows/2 {
					t.Errorf("day %d: %+v", day, kept)
				}
				unanchored, err := Pack(m, testKeys(t, 1), opt)
				if err != nil {
					t.Fatal(err)
				}
				most, mean := errorOf(openFile(t, today), m)
				_, best := errorOf(openFile(t, unanchored), m)
				if most > c.most || mean > c.mean*best {
					t.Errorf("day %d: a row errs by %.3f, all by %.4f; without an earlier bundle by %.4f", day, most, mean, best)
				}
				got, want := patchOf(t, file, today), patchOf(t, plain, unanchored)
				if float64(got) > c.patch*float64(want) {
					t.Errorf("day %d: a patch of %d bytes, and without an earlier bundle of %d", day, got, want)
				}
				file, plain = today, unanchored
			}
		})
	}
}

func openFile(t *testing.T, file []byte) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(testRoot(t, testKeys(t, 1)), file, created)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func patchOf(t *testing.T, from, to []byte) int {
	t.Helper()
	p, err := patch.Make(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return len(p)
}

// TestAPoolFromTheDayBefore keeps rows that have hardly changed.
func TestAPoolFromTheDayBefore(t *testing.T) {
	for _, shape := range []string{"columns", "columns, again", "net", "factors", "factors alone", "all"} {
		t.Run(shape, func(t *testing.T) {
			m := poolModel(shaped(shape, 200), 16)
			file, err := Pack(m, testKeys(t, 1), options)
			if err != nil {
				t.Fatal(err)
			}
			items := 0
			if shape == "columns" { // in others a net and gains would have to grow too
				items = 5
			}
			next := nextDay(m, rand.New(rand.NewPCG(5, 6)), .01, items)
			today, kept, err := PackFrom(next, testKeys(t, 1), options, file)
			if err != nil || kept.Why != "" || kept.Written > kept.Rows/2 {
				t.Fatalf("%+v, %v", kept, err)
			}
			unanchored, err := Pack(next, testKeys(t, 1), options)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := patchOf(t, file, today), patchOf(t, file, unanchored); got > want*2/3 {
				t.Errorf("a patch of %d bytes, and without an earlier bundle of %d", got, want)
			}
			was, is := next.Pool.Sparse, openFile(t, today).Pool.Sparse
			for i := range was.N {
				if err, _ := distances(was.Coded(i), is.Coded(i), was.C); err > poolMost {
					t.Errorf("row %d errs by %.2f", i, err)
				}
			}
		})
	}
}

// TestTheSameModelAgain is the same but for the version.
func TestTheSameModelAgain(t *testing.T) {
	for name, m := range map[string]*train.Model{
		"int8": testModel(train.IALS, 100, 16), "pool": poolModel(shaped("all", 100), 16),
	} {
		file, err := Pack(m, testKeys(t, 1), options)
		if err != nil {
			t.Fatal(err)
		}
		opt := options
		opt.Version = 9
		again, kept, err := PackFrom(m, testKeys(t, 1), opt, file)
		if err != nil || kept.Why != "" || kept.Written != 0 || kept.Rows == 0 {
			t.Fatalf("%s: %+v, %v", name, kept, err)
		}
		a, b := frameOf(t, file), frameOf(t, again)
		if !slices.EqualFunc(a.Sections, b.Sections, bytes.Equal) {
			t.Errorf("%s: its sections are others", name)
		}
		if bytes.Equal(a.Manifest, b.Manifest) {
			t.Errorf("%s: the same manifest for another version", name)
		}
	}
}

func frameOf(t *testing.T, file []byte) bundle.Frame {
	t.Helper()
	f, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestNothingStays of a bundle that is of another model; the new one is then as
// without.
func TestNothingStays(t *testing.T) {
	const n, d = 60, 16
	other := func(edit func(m *train.Model)) *train.Model {
		m := testModel(train.IALS, n, d)
		edit(m)
		return m
	}
	for _, c := range []struct {
		name, why string
		earlier   *train.Model
		today     *train.Model
		quant     Quant
	}{
		{"another algorithm", "of scorer", testModel(train.EASE, n, d), testModel(train.IALS, n, d), Quant{}},
		{"neighbours", "nothing of ease stays", testModel(train.EASE, n, d), testModel(train.EASE, n, d), Quant{}},
		{"other factors", "has 8 factors: want 16", testModel(train.IALS, n, 8), testModel(train.IALS, n, d), Quant{}},
		{"other codes", "its rows are coded", testModel(train.IALS, n, d), testModel(train.IALS, n, d), Quant{Codec: bundle.CodecInt4}},
		{"fewer items", "want at least as many", testModel(train.IALS, n+1, d), testModel(train.IALS, n, d), Quant{}},
		{"other items", `its item 3 is "moved": want "item3"`, other(func(m *train.Model) { m.Items[3].ID = "moved" }), testModel(train.IALS, n, d), Quant{}},
		{"other axes", "rows are others", other(func(m *train.Model) { slices.Reverse(m.Factors) }), testModel(train.IALS, n, d), Quant{}},
		{"other columns", "its pool has", poolModel(shaped("columns", n), d), poolModel(shaped("columns, again", n), d), Quant{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			earlier, err := Pack(c.earlier, testKeys(t, 2), options)
			if err != nil {
				t.Fatal(err)
			}
			opt := options
			opt.Quant = c.quant
			got, kept, err := PackFrom(c.today, testKeys(t, 1), opt, earlier)
			if err != nil || !strings.Contains(kept.Why, c.why) || kept.Rows != 0 {
				t.Fatalf("got %+v and %v, want %q", kept, err, c.why)
			}
			want, err := Pack(c.today, testKeys(t, 1), opt)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := frameOf(t, got), frameOf(t, want); !bytes.Equal(a.Manifest, b.Manifest) || !slices.EqualFunc(a.Sections, b.Sections, bytes.Equal) {
				t.Error("it is not as without")
			}
		})
	}
}

// TestWhoSignedTheEarlierBundle does not matter, but what it is does.
func TestWhoSignedTheEarlierBundle(t *testing.T) {
	m := testModel(train.IALS, 60, 16)
	unsigned, err := Pack(m, nil, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, kept, err := PackFrom(m, testKeys(t, 1), options, unsigned); err != nil || kept.Why != "" {
		t.Errorf("%+v, %v", kept, err)
	}
	flipped := bytes.Clone(unsigned)
	flipped[len(flipped)-9] ^= 1
	root, err := SignedRoot(testRoot(t, testKeys(t, 1)), testKeys(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"nothing": nil, "text": []byte("text"), "cut": unsigned[:len(unsigned)-1], "a flipped bit": flipped, "a root": root} {
		if _, _, err := PackFrom(m, testKeys(t, 1), options, file); err == nil || !strings.HasPrefix(err.Error(), "pack: the earlier bundle: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestGramOfTheDayBefore: no number is wrong by more than its part, and the sum
// stays symmetric.
func TestGramOfTheDayBefore(t *testing.T) {
	m := testModel(train.IALS, 300, 16)
	file, err := Pack(m, testKeys(t, 1), options)
	if err != nil {
		t.Fatal(err)
	}
	next := nextDay(m, rand.New(rand.NewPCG(7, 8)), .02, 30)
	today, _, err := PackFrom(next, testKeys(t, 1), options, file)
	if err != nil {
		t.Fatal(err)
	}
	b, changed := openFile(t, today), 0
	want := gram(b.Table, len(next.Items), 16, next.Alpha)
	was := openFile(t, file).Gram
	for i := range 16 {
		for j := range 16 {
			got := b.Gram.At(i*16 + j)
			if got != b.Gram.At(j*16+i) {
				t.Errorf("%d, %d: not symmetric", i, j)
			}
			near := anchorGram * math.Sqrt(float64(want[i*16+i])*float64(want[j*16+j]))
			if err := math.Abs(float64(got - want[i*16+j])); err > near {
				t.Errorf("%d, %d: wrong by %v, want at most %v", i, j, err, near)
			}
			if got != was.At(i*16+j) {
				changed++
			}
		}
	}
	if changed == 0 {
		t.Error("nothing has changed: it is not much of a test")
	}
}
