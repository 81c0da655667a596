package train

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
)

// poolModel is a model of random numbers.
func poolModel(s modeltest.PoolShape) *Model {
	m := &Model{Algorithm: Auto, Pool: modeltest.Pool(1, s), Count: make([]uint32, s.Items)}
	for i := range s.Items {
		m.Items = append(m.Items, data.Item{ID: "i" + strconv.Itoa(i)})
	}
	if s.Factors {
		m.Dim, m.Factors = 2, make([]float32, 2*s.Items)
	}
	return m
}

var poolShapes = []modeltest.PoolShape{
	{Items: 1}, {Items: 1, Columns: 1}, {Items: 20, Columns: 3, Repeats: true},
	{Items: 20, Columns: 8, Net: true}, {Items: 9, Net: true, Factors: true}, {Items: 30, Columns: 2, Net: true, Factors: true, Repeats: true},
}

// TestPoolsInModelFilesRoundTrip: what is read writes the same bytes, its rows
// can be used, and every part of a file is refused.
func TestPoolsInModelFilesRoundTrip(t *testing.T) {
	for _, shape := range poolShapes {
		m := poolModel(shape)
		var doc, again bytes.Buffer
		if err := m.Write(&doc); err != nil {
			t.Fatalf("%+v: %v", shape, err)
		}
		got, err := parseModel(doc.Bytes())
		if err != nil {
			t.Fatalf("%+v: %v", shape, err)
		}
		if err := got.Write(&again); err != nil || !bytes.Equal(doc.Bytes(), again.Bytes()) {
			t.Errorf("%+v: what was read writes other bytes: %v", shape, err)
		}
		for i := range shape.Items {
			if shape.Columns == 0 {
				break
			}
			items, codes := got.Pool.Sparse.Row(nil, i)
			wantItems, wantCodes := m.Pool.Sparse.Row(nil, i)
			if !slices.Equal(items, wantItems) || !slices.Equal(codes, wantCodes) {
				t.Errorf("%+v: row %d: %v with %v, want %v with %v", shape, i, items, codes, wantItems, wantCodes)
			}
		}
		for n := range doc.Len() {
			if _, err := parseModel(doc.Bytes()[:n]); err == nil {
				t.Fatalf("%+v: the first %d of %d bytes are accepted", shape, n, doc.Len())
			}
		}
	}
}

// TestPoolsThatContradictThemselvesAreRefused when written and when read, with
// words that name the place.
func TestPoolsThatContradictThemselvesAreRefused(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name   string
		change func(m *Model)
		want   string
	}{
		{"no positions", func(m *Model) { m.Pool.Positions = 0 }, "0 positions"},
		{"too many positions", func(m *Model) { m.Pool.Positions = 33 }, "33 positions"},
		{"a bucket of nothing", func(m *Model) { m.Pool.Buckets = []int{0, 3} }, "buckets [0 3]"},
		{"buckets that fall", func(m *Model) { m.Pool.Buckets = []int{3, 3} }, "buckets [3 3]"},
		{"a bucket beyond histories", func(m *Model) { m.Pool.Buckets = []int{3, 4097} }, "buckets [3 4097]"},
		{"too many buckets", func(m *Model) { m.Pool.Buckets = make([]int, 17) }, "17 buckets"},
		{"a weight too few", func(m *Model) { m.Pool.Weights = m.Pool.Weights[1:] }, "weights: want"},
		{"a weight that is no number", func(m *Model) { m.Pool.Weights[3] = nan }, "weights: NaN"},
		{"too large a weight", func(m *Model) { m.Pool.Weights[0] = -1<<20 - 1 }, "weights: -1.048577e+06"},
		{"a decay that is no number", func(m *Model) { m.Pool.Decays[1] = nan }, "decays"},
		{"a decay above 1", func(m *Model) { m.Pool.Decays[0] = 1.5 }, "decays"},
		{"too many candidates", func(m *Model) { m.Pool.Candidates = 1001 }, "1001 candidates"},
		{"no candidates", func(m *Model) { m.Pool.Candidates = 0 }, "no candidates"},
		{"too many nearest", func(m *Model) { m.Pool.Nearest = 1001 }, "1001 nearest"},
		{"nearest without factors", func(m *Model) { m.Factors = nil }, "no factors"},
		{"a gain too few", func(m *Model) { m.Pool.Gains = m.Pool.Gains[1:] }, "19 gains"},
		{"a trend too long", func(m *Model) { m.Pool.Trend = append(m.Pool.Trend, 0) }, "trend of 21"},
		{"rows of another catalogue", func(m *Model) { m.Pool.Sparse.N++ }, "21 rows"},
		{"neighbours without columns", func(m *Model) { m.Pool.Sparse.C = 0 }, "without columns"},
		{"a count too few", func(m *Model) { m.Pool.Sparse.Counts = m.Pool.Sparse.Counts[1:] }, "as its shape says"},
		{"a neighbour less", func(m *Model) { m.Pool.Sparse.Counts[0]-- }, "neighbours: want"},
		{"a code of -128", func(m *Model) { m.Pool.Sparse.Codes[1] = -128 }, "code of -128"},
		{"neighbours cut off", func(m *Model) { m.Pool.Sparse.Items = m.Pool.Sparse.Items[:1] }, "ascending items"},
		{"a net of other features", func(m *Model) { m.Pool.Net.In++ }, "net of 25 inputs"},
		{"a net without units", func(m *Model) { m.Pool.Net.H2 = 0 }, "0 units"},
		{"a net of too many units", func(m *Model) { m.Pool.Net.H1 = 65 }, "65 and"},
		{"a mean too few", func(m *Model) { m.Pool.Net.Mean = m.Pool.Net.Mean[1:] }, ""},
		{"a mean that is no number", func(m *Model) { m.Pool.Net.Mean[2] = nan }, "means: NaN"},
		{"an infinite scale", func(m *Model) { m.Pool.Net.Scale[2] = float32(math.Inf(1)) }, "scales: +Inf"},
		{"a scale of a layer above its bound", func(m *Model) { m.Pool.Net.L2.Scales[0] = 8193 }, "scales of a layer: 8193"},
		{"a bias too few", func(m *Model) { m.Pool.Net.L1.Bias = m.Pool.Net.L1.Bias[1:] }, "biases: want"},
		{"a weight of the net too few", func(m *Model) { m.Pool.Net.Out.Codes = m.Pool.Net.Out.Codes[1:] }, "layer of"},
		{"a weight of the net of -128", func(m *Model) { m.Pool.Net.Out.Codes[0] = -128 }, "from -127"},
		{"neighbours of another kind", func(m *Model) { m.Neighbours = &data.Matrix{Rows: 20, Cols: 20, Ptr: make([]int64, 21)} }, "want one of them"},
	} {
		m := poolModel(modeltest.PoolShape{Items: 20, Columns: 3, Net: true, Factors: true})
		m.Pool.Sparse.Codes = slices.Clone(m.Pool.Sparse.Codes)
		c.change(m)
		var doc bytes.Buffer
		if err := m.Write(&doc); err == nil || !strings.Contains(err.Error(), c.want) || doc.Len() > 0 {
			t.Errorf("%s: written: %v, want an error with %q", c.name, err, c.want)
		}
		if slices.Contains([]string{"a net of other features", "rows of another catalogue"}, c.name) {
			continue // a file counts the means and the items
		}
		if _, err := parseModel(writeAnyway(m)); err == nil {
			t.Errorf("%s: is read", c.name)
		}
	}
}

// writeAnyway is Model.Write without its checks, of the parts that a pool has.
func writeAnyway(m *Model) []byte {
	var empty bytes.Buffer
	plain := *m
	plain.Pool, plain.Factors, plain.Neighbours, plain.Algorithm = nil, nil, nil, Popular
	if err := plain.Write(&empty); err != nil {
		panic(err)
	}
	doc := bytes.Replace(empty.Bytes(), []byte("popular"), []byte("auto"), 1)
	doc[bytes.Index(doc, []byte("auto"))-1] = 0xa4
	for key, has := range []bool{m.Factors != nil, m.Neighbours != nil, m.Pool != nil} {
		if !has {
			continue
		}
		doc[0]++
		switch key {
		case 0:
			doc = appendFactors(append(doc, 6), m)
		case 1:
			doc = appendNeighbours(append(doc, 7), m.Neighbours)
		case 2:
			doc = appendPool(append(doc, 9), m.Pool)
		}
	}
	return doc
}

// FuzzModelPool: what is read of a damaged pool can be used and written.
func FuzzModelPool(f *testing.F) {
	for i := range poolShapes {
		f.Add(uint8(i), uint16(0), []byte{})
		f.Add(uint8(i), uint16(40), []byte{1})
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint16, edit []byte) {
		m := poolModel(poolShapes[int(which)%len(poolShapes)])
		pool := appendPool(nil, m.Pool)
		doc := writeAnyway(m)
		from := len(doc) - len(pool)
		copy(doc[from+int(at)%len(pool):], edit)
		got, err := parseModel(doc)
		if err != nil {
			return
		}
		for i := range got.Pool.Sparse.N {
			got.Pool.Sparse.Row(nil, i)
		}
		for b := range len(got.Pool.Buckets) + 1 {
			for column := range got.Pool.Dense() + 1 {
				got.Pool.Weight(b, column, 99)
			}
		}
		var again bytes.Buffer
		if err := got.Write(&again); err != nil {
			t.Fatal(err)
		}
		if c := got.Pool.Sparse.C; c > quant.MaxColumns {
			t.Fatalf("%d columns", c)
		}
	})
}
