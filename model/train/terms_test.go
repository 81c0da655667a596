package train

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nearside/nearside/model/data"
)

// mustFeatures are features by two workers.
func mustFeatures(t interface{ Fatal(...any) }, items []data.Item, vectors *data.Vectors, idf float64) *data.Matrix {
	m, err := features(context.Background(), items, vectors, idf, 2)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"Toy Story (1995)":      "toy story 1995",
		"key--systems biology":  "key systems biology",
		"L'Été à Zürich":        "l été à zürich",
		"e\u0301t\u0301":        "e\u0301t\u0301", // marks stay with their letters
		"東京物語":                  "東京 京物 物語",
		"猫":                     "猫",
		"Go言語の本 2":              "go 言語 語の の本 2",
		"ภาษาไทย":               "ภา าษ ษา าไ ไท ทย",
		"\xff\xfeok":            "ok",
		"नमस्ते दुनिया":         "नमस्ते दुनिया",
		"🙂 smile":               "smile",
		"ПРИВЕТ, мир":           "привет мир",
		"\u0130stanbul":         "istanbul",
		strings.Repeat("a ", 3): "a a a",
	} {
		var got []string
		words(text, func(w string) { got = append(got, w) })
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%q: got %q, want %q", text, g, want)
		}
	}
}

// TestFeaturesAreUnit: an item's row and, where columns do not collide, each of
// its fields have equal parts of it.
func TestFeaturesAreUnit(t *testing.T) {
	items := []data.Item{
		{ID: "a", Title: "one two", Tags: []string{"x"}, Author: "Ann"},
		{ID: "b", Title: "one three", Tags: []string{"y z", "x"}, Text: "long text about one thing"},
		{ID: "c"},
		{ID: "d", Title: "four", Published: 946684800},
	}
	const tol = 1e-6
	m := mustFeatures(t, items, nil, 1)
	if m.Rows != 4 || len(m.Ptr) != 5 {
		t.Fatalf("got %d rows", m.Rows)
	}
	for r, want := range []float64{1, 1, 0, 1} {
		col, val := m.Row(r)
		var sum float64
		for e, x := range val {
			sum += float64(x) * float64(x)
			if e > 0 && col[e] <= col[e-1] || int(col[e]) >= m.Cols {
				t.Errorf("row %d: columns %v of %d", r, col, m.Cols)
			}
		}
		if math.Abs(sum-want) > tol {
			t.Errorf("row %d: length %v, want %v", r, math.Sqrt(sum), want)
		}
	}
	// d: a title and a date of two terms.
	_, val := m.Row(3)
	sizes := []float64{}
	for _, x := range val {
		sizes = append(sizes, math.Round(1000*float64(x)*float64(x)))
	}
	slices.Sort(sizes)
	if want := []float64{250, 250, 500}; !slices.Equal(sizes, want) {
		t.Errorf("item d: got squares of %v thousandths, want %v", sizes, want)
	}
}

// TestRareTermsWeighMore: what every item has says nothing.
func TestRareTermsWeighMore(t *testing.T) {
	var items []data.Item
	for _, title := range []string{"the cat", "the cat", "the dog", "the the"} {
		items = append(items, data.Item{Title: title})
	}
	m := mustFeatures(t, items, nil, 1)
	if col, val := m.Row(3); len(col) != 0 {
		t.Errorf("only words of all items: got %v %v, want nothing", col, val)
	}
	if m.Cols != 3 {
		t.Errorf("got %d columns, want 3", m.Cols)
	}
	twice := mustFeatures(t, []data.Item{{Text: "a a b"}, {Text: "c"}}, nil, 1)
	_, val := twice.Row(0)
	got := []float64{math.Abs(float64(val[0])), math.Abs(float64(val[1]))}
	slices.Sort(got)
	if ratio := got[1] / got[0]; math.Abs(ratio-(1+math.Ln2)) > 1e-6 {
		t.Errorf("a term twice counts %v times one, want 1 + ln 2", ratio)
	}
}

// TestFeaturesOfVectors: numbers of any scale count alike, and items without a
// vector have nothing there.
func TestFeaturesOfVectors(t *testing.T) {
	items := []data.Item{{ID: "a"}, {ID: "b"}, {ID: "none"}, {ID: "c"}}
	v := &data.Vectors{Dim: 3, Values: []float32{1000, 1, 7, 2000, 2, 7, 3000, 0, 7}}
	for _, id := range []string{"a", "b", "c"} {
		v.IDs.Add(id)
	}
	m := mustFeatures(t, items, v, 1)
	if col, _ := m.Row(2); len(col) != 0 {
		t.Errorf("no vector: got columns %v", col)
	}
	col, val := m.Row(1)
	if want := []int32{1}; !slices.Equal(col, want) || val[0] != 1 { // b is the mean of the first number
		t.Errorf("b: got %v %v, want %v [1]", col, val, want)
	}
	_, a := m.Row(0)
	_, c := m.Row(3)
	if len(a) != 1 || a[0] != -1 { // and a of the second; the third is the same for all
		t.Errorf("a: got %v, want [-1]", a)
	}
	if got, want := c, []float32{float32(math.Sqrt(.5)), -float32(math.Sqrt(.5))}; !cmp.Equal(got, want, cmp.Comparer(near)) {
		t.Errorf("c: got %v, want %v", got, want)
	}
	wide := &data.Vectors{Dim: vectorColumns + 1}
	for _, id := range []string{"a", "b", "c"} {
		wide.IDs.Add(id)
		for k := range wide.Dim {
			wide.Values = append(wide.Values, float32(k*len(wide.Values)%11))
		}
	}
	if m := mustFeatures(t, items, wide, 1); m.Cols != vectorColumns {
		t.Errorf("vectors of %d numbers: got %d columns, want %d", wide.Dim, m.Cols, vectorColumns)
	}
}

func near(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }

// TestFeaturesOfAnything: any text gives rows of length 1 or 0, the same again.
func TestFeaturesOfAnything(t *testing.T) {
	text := rapid.StringN(0, 40, -1)
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) data.Item {
			return data.Item{Title: text.Draw(t, "title"), Text: text.Draw(t, "text"), Author: text.Draw(t, "author"),
				Tags: rapid.SliceOfN(text, 0, 3).Draw(t, "tags"), Published: rapid.Int64Range(0, 1<<35).Draw(t, "published")}
		}), 1, 8).Draw(t, "items")
		m := mustFeatures(t, items, nil, .5)
		for r := range m.Rows {
			var sum float64
			_, val := m.Row(r)
			for _, x := range val {
				sum += float64(x) * float64(x)
			}
			if len(val) > 0 && math.Abs(sum-1) > 1e-5 {
				t.Errorf("row %d: square of its length %v", r, sum)
			}
		}
		if diff := cmp.Diff(m, mustFeatures(t, items, nil, .5)); diff != "" {
			t.Errorf("the same again:\n%s", diff)
		}
	})
}
