package quant

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawSparse draws rows of n items in c columns, whose weights are within the
// scales' range.
func drawSparse(t *rapid.T) (rows []SparseRow, c int) {
	n := rapid.SampledFrom([]int{1, 2, 7, 64, 300, 70_000}).Draw(t, "items")
	c = rapid.IntRange(1, MaxColumns).Draw(t, "columns")
	rows = make([]SparseRow, n)
	weight := rapid.OneOf(
		rapid.Float32Range(-1, 1), rapid.Float32Range(-1<<20, 1<<20), rapid.Float32Range(-1e-9, 1e-9), rapid.Just[float32](0),
	)
	for range rapid.IntRange(0, 20).Draw(t, "rows") {
		row := &rows[rapid.IntRange(0, n-1).Draw(t, "row")]
		row.Items = rapid.SliceOfNDistinct(rapid.Int32Range(0, int32(n-1)), 0, min(n, 255), rapid.ID[int32]).Draw(t, "neighbours")
		slices.Sort(row.Items)
		row.Weights = rapid.SliceOfN(weight, c*len(row.Items), c*len(row.Items)).Draw(t, "weights")
	}
	return rows, c
}

// TestSparseRoundTrip: items come back as they were, and weights within the
// square law's error, none with another sign and none lost.
func TestSparseRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, c := drawSparse(t)
		s := EncodeSparse(rows, c)
		copied := Sparse{N: s.N, C: s.C, Rice: s.Rice, Counts: s.Counts, Items: s.Items, Codes: s.Codes, Scales: s.Scales}
		if err := copied.Open(); err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			items, codes := copied.Row(nil, i)
			if !slices.Equal(items, row.Items) {
				t.Fatalf("row %d: items %v, want %v", i, items, row.Items)
			}
			for k, want := range row.Weights {
				scale := copied.Scale(i, k%c)
				got := float32(scale * SquareLaw(codes[k]))
				// Between the codes of a lie 2·√a/127 and a bit; what is below
				// half of the first is raised to it.
				a := math.Abs(float64(want))
				tol := math.Sqrt(a*float64(scale))/127 + float64(scale)/(127*127)
				if diff := math.Abs(float64(got) - float64(want)); diff > tol*1.0001 {
					t.Fatalf("row %d: weight %v came back as %v, scale %v", i, want, got, scale)
				}
				if (got > 0) != (want > 0 && scale > 0) || (got < 0) != (want < 0 && scale > 0) {
					t.Fatalf("row %d: weight %v came back as %v", i, want, got)
				}
			}
		}
	})
}

// TestSparseKeepsTheSmallest: a weight whose share of the scale is below the
// smallest float32 is not lost.
func TestSparseKeepsTheSmallest(t *testing.T) {
	s := EncodeSparse([]SparseRow{{Items: []int32{0, 1, 2, 3}, Weights: []float32{1 << 20, 3e-40, -3e-40, 0}}, {}, {}, {}}, 1)
	if want := []int8{127, 1, -1, 0}; !slices.Equal(s.Codes, want) {
		t.Errorf("got codes %v, want %v", s.Codes, want)
	}
}

// TestSparseScales: each byte's scale is 2^((b-160)/4), and the byte for a value
// has the least scale that reaches it.
func TestSparseScales(t *testing.T) {
	for b := range 256 {
		got, want := float64(SparseScale(byte(b))), math.Exp2(float64(b-160)/4)
		if b == 0 {
			want = 0
		}
		if math.Abs(got-want) > 1e-7*want {
			t.Errorf("SparseScale(%d) = %v, want %v", b, got, want)
		}
		if back := SparseScaleFor(SparseScale(byte(b))); int(back) != b {
			t.Errorf("SparseScaleFor(SparseScale(%d)) = %d", b, back)
		}
		if b > 0 && b < 255 {
			next := math.Nextafter32(SparseScale(byte(b)), math.MaxFloat32)
			if got := SparseScaleFor(next); int(got) != b+1 {
				t.Errorf("SparseScaleFor(just above %v) = %d, want %d", SparseScale(byte(b)), got, b+1)
			}
		}
	}
	if got := SparseScaleFor(math.MaxFloat32); got != 255 {
		t.Errorf("SparseScaleFor(the largest) = %d, want 255", got)
	}
}

// TestSquareLawCodeIsTheNearest among all codes.
func TestSquareLawCodeIsTheNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float32Range(-1, 1).Draw(t, "v")
		got := math.Abs(float64(SquareLaw(SquareLawCode(v))) - float64(v))
		for c := -127; c <= 127; c++ {
			if d := math.Abs(float64(SquareLaw(int8(c))) - float64(v)); d < got-1e-7 {
				t.Fatalf("code %d is %v away from %v, and the chosen %d is %v away", c, d, v, SquareLawCode(v), got)
			}
		}
	})
}

// bitsOf returns bytes of the bits of text, the lowest of each byte first.
func bitsOf(text string) (b []byte) {
	var w bitWriter
	for _, c := range text {
		if c != ' ' {
			w.bit(int(c - '0'))
		}
	}
	return w.bytes
}

// TestOpenRefusesSparseRows that are not what their shape says.
func TestOpenRefusesSparseRows(t *testing.T) {
	// Rows of 5 items with Rice 1: neighbours 1 and 4 are the gaps 1 and 2.
	good := func() Sparse {
		return Sparse{N: 5, C: 2, Rice: 1, Counts: []byte{2, 0, 0, 0, 1}, Items: append(bitsOf("01 100"), bitsOf("00")...), Codes: make([]int8, 6), Scales: make([]byte, 10)}
	}
	s := good()
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if items, codes := s.Row(nil, 0); !slices.Equal(items, []int32{1, 4}) || len(codes) != 4 {
		t.Fatalf("row 0 has %v with %d codes, want 1 and 4 with 4", items, len(codes))
	}
	thirty, far := "", 0
	for range maxQuotient + 1 {
		thirty, far = thirty+"1", far+2
	}
	for _, c := range []struct {
		name   string
		change func(*Sparse)
		want   error
	}{
		{"no columns", func(s *Sparse) { s.C, s.Codes, s.Scales = 0, nil, nil }, ErrSparseShape},
		{"too many columns", func(s *Sparse) { s.C = MaxColumns + 1 }, ErrSparseShape},
		{"a Rice parameter below 0", func(s *Sparse) { s.Rice = -1 }, ErrSparseShape},
		{"too large a Rice parameter", func(s *Sparse) { s.Rice = MaxRice + 1 }, ErrSparseShape},
		{"a count too few", func(s *Sparse) { s.Counts = s.Counts[:4] }, ErrSparseShape},
		{"a scale too few", func(s *Sparse) { s.Scales = s.Scales[:9] }, ErrSparseShape},
		{"a scale too many", func(s *Sparse) { s.Scales = append(s.Scales, 0) }, ErrSparseShape},
		{"a code too few", func(s *Sparse) { s.Codes = s.Codes[:5] }, ErrSparseShape},
		{"a code too many", func(s *Sparse) { s.Codes = append(s.Codes, 0) }, ErrSparseShape},
		{"items that are cut off", func(s *Sparse) { s.Items = s.Items[:1] }, ErrSparseItems},
		{"no items", func(s *Sparse) { s.Items = nil }, ErrSparseItems},
		{"a byte behind the items", func(s *Sparse) { s.Items = append(s.Items, 0) }, ErrSparseShape},
		{"a bit behind a row", func(s *Sparse) { s.Items[0] |= 0x80 }, ErrSparseItems},
		{"an item beyond the last", func(s *Sparse) { s.Items = append(bitsOf("01 101"), bitsOf("00")...) }, ErrSparseItems},
		{"an item far beyond the last", func(s *Sparse) { s.Items = append(bitsOf("01 1110"), bitsOf("00")...) }, ErrSparseItems},
		{"a quotient too long", func(s *Sparse) {
			*s = Sparse{N: far + 2, C: 1, Rice: 1, Counts: append([]byte{1}, make([]byte, far+1)...), Items: bitsOf(thirty + "00"), Codes: make([]int8, 1), Scales: make([]byte, far+2)}
		}, ErrSparseItems},
		{"a quotient without an end", func(s *Sparse) { s.Items = append(bitsOf("01 111111"), 0xff) }, ErrSparseItems},
		{"more neighbours than items", func(s *Sparse) { s.Counts[4], s.Codes = 6, make([]int8, 16) }, ErrSparseItems},
	} {
		s := good()
		c.change(&s)
		if err := s.Open(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	// Just within: the longest quotient.
	s = Sparse{N: far, C: 1, Rice: 1, Counts: append([]byte{1}, make([]byte, far-1)...), Items: bitsOf(thirty[1:] + "00"), Codes: make([]int8, 1), Scales: make([]byte, far)}
	if err := s.Open(); err != nil {
		t.Errorf("the longest quotient: %v", err)
	}
	if items, _ := s.Row(nil, 0); !slices.Equal(items, []int32{2 * maxQuotient}) {
		t.Errorf("the longest quotient: item %v, want %d", items, 2*maxQuotient)
	}
}

// TestOpenCountsSparseCodesIn64Bits: 2³² codes are not none.
func TestOpenCountsSparseCodesIn64Bits(t *testing.T) {
	const full = 255 * MaxColumns // codes of a row
	n := 1<<32/full + 1
	s := Sparse{N: n, C: MaxColumns, Counts: bytes.Repeat([]byte{255}, n), Scales: make([]byte, n*MaxColumns)}
	s.Counts[n-1] = byte(1 << 32 % full / MaxColumns)
	s.Items = make([]byte, (n-1)*32+int(s.Counts[n-1]+7)/8)
	if err := s.Open(); !errors.Is(err, ErrSparseShape) {
		t.Errorf("%v, want %v", err, ErrSparseShape)
	}
}

// TestPruneKeepsTheLargest with their codes, and the rest of the row as it was.
// TestJoinedRowsComeBack: under a parameter that is given while it can be.
func TestJoinedRowsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, c := drawSparse(t)
		s := EncodeSparse(rows, c)
		list := make([]CodedRow, s.N)
		for i := range list {
			list[i] = s.Coded(i)
		}
		rice := rapid.IntRange(-1, MaxRice).Draw(t, "rice")
		joined := JoinSparse(list, c, rice)
		if rice < 0 && joined.Rice != s.Rice {
			t.Errorf("parameter %d: want the best, %d", joined.Rice, s.Rice)
		}
		if rice >= s.Rice && joined.Rice != rice { // gaps that s.Rice can say are not too long
			t.Errorf("parameter %d: want %d", joined.Rice, rice)
		}
		for i, want := range list {
			got := joined.Coded(i)
			if !slices.Equal(got.Items, want.Items) || !slices.Equal(got.Codes, want.Codes) || !slices.Equal(got.Scales, want.Scales) {
				t.Fatalf("row %d: got %v, want %v", i, got, want)
			}
		}
	})
	far := slices.Repeat([]CodedRow{{Scales: []byte{9}}}, 1<<16)
	far[0] = CodedRow{Items: []int32{1<<16 - 1}, Codes: []int8{1}, Scales: []byte{9}}
	if s := JoinSparse(far, 1, 0); s.Rice == 0 {
		t.Error("a gap that is too long for parameter 0 keeps it")
	}
}

func TestPruneKeepsTheLargest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, c := drawSparse(t)
		s := EncodeSparse(rows, c)
		k := rapid.IntRange(0, 20).Draw(t, "k")
		p := s.Prune(k)
		if !slices.Equal(p.Scales, s.Scales) {
			t.Fatal("scales differ")
		}
		for i := range rows {
			items, codes := s.Row(nil, i)
			size := func(at int) (sum float32) {
				for column := range c {
					sum += s.Scale(i, column) * float32(math.Abs(float64(SquareLaw(codes[at*c+column]))))
				}
				return sum
			}
			order := make([]int, len(items))
			for at := range order {
				order[at] = at
			}
			slices.SortStableFunc(order, func(a, b int) int {
				switch {
				case size(a) > size(b):
					return -1
				case size(a) < size(b):
					return 1
				}
				return 0
			})
			order = order[:min(k, len(order))]
			slices.Sort(order)
			var wantItems []int32
			var wantCodes []int8
			for _, at := range order {
				wantItems, wantCodes = append(wantItems, items[at]), append(wantCodes, codes[at*c:(at+1)*c]...)
			}
			gotItems, gotCodes := p.Row(nil, i)
			if !slices.Equal(gotItems, wantItems) || !slices.Equal(gotCodes, wantCodes) {
				t.Fatalf("row %d: %v with %v, want %v with %v", i, gotItems, gotCodes, wantItems, wantCodes)
			}
		}
	})
}

// FuzzSparseOpen: rows that Open accepts can be read, ascend and stay below N;
// coded again they take the same items.
func FuzzSparseOpen(f *testing.F) {
	f.Add(uint8(5), uint8(2), uint8(1), []byte{2, 0, 0, 0, 1}, append(bitsOf("01 100"), bitsOf("00")...), uint16(6))
	f.Add(uint8(1), uint8(1), uint8(0), []byte{0}, []byte{}, uint16(0))
	f.Add(uint8(200), uint8(8), uint8(24), []byte{255}, []byte{0xff, 0xff, 0xff, 0x7f}, uint16(2040))
	f.Fuzz(func(t *testing.T, n, c, rice uint8, counts, items []byte, codes uint16) {
		s := Sparse{
			N: int(n), C: int(c), Rice: int(rice), Counts: make([]byte, n), Items: items,
			Codes: make([]int8, codes), Scales: make([]byte, int(n)*int(c)),
		}
		copy(s.Counts, counts)
		if s.Open() != nil {
			return
		}
		rows := make([]SparseRow, s.N)
		for i := range rows {
			row, codes := s.Row(nil, i)
			if len(row) != int(s.Counts[i]) || len(codes) != s.C*len(row) {
				t.Fatalf("row %d: %d items and %d codes, want %d", i, len(row), len(codes), s.Counts[i])
			}
			for k, item := range row {
				if int(item) >= s.N || k > 0 && item <= row[k-1] || item < 0 {
					t.Fatalf("row %d: %v of %d items", i, row, s.N)
				}
			}
			rows[i] = SparseRow{Items: row, Weights: make([]float32, len(codes))}
		}
		again := EncodeSparse(rows, s.C)
		for i, row := range rows {
			if got, _ := again.Row(nil, i); !slices.Equal(got, row.Items) {
				t.Fatalf("row %d: %v, coded again %v", i, row.Items, got)
			}
		}
	})
}

// BenchmarkSparse: opening finds every row's start, and a row is read.
func BenchmarkSparse(b *testing.B) {
	const n, c, neighbours = 20_000, 5, 50
	rows := make([]SparseRow, n)
	for i := range rows {
		for k := range neighbours {
			rows[i].Items = append(rows[i].Items, int32(k*n/neighbours+(i*7+k*k)%(n/neighbours)))
			for t := range c {
				rows[i].Weights = append(rows[i].Weights, float32(k+t+1)/100)
			}
		}
	}
	s := EncodeSparse(rows, c)
	name := fmt.Sprintf("n=%d/neighbours=%d", n, neighbours)
	b.Run("Open/"+name, func(b *testing.B) {
		for b.Loop() {
			if err := s.Open(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Row/"+name, func(b *testing.B) {
		var items []int32
		for i := 0; b.Loop(); i++ {
			items, _ = s.Row(items[:0], i%n)
		}
	})
}
