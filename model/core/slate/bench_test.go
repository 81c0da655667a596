package slate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// zeros is a source of keys that sign nothing that matters.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// randomModel has n items of random factors, none where d is 0, each with two of
// 20 tags.
func randomModel(n, d int) *train.Model {
	rng := rand.New(rand.NewPCG(1, 1))
	m := &train.Model{Algorithm: train.IALS, Count: slices.Repeat([]uint32{5}, n), Alpha: .1, Reg: .003, Exponent: 1}
	if d > 0 {
		m.Dim, m.Factors = d, make([]float32, n*d)
	}
	for i := range m.Factors {
		m.Factors[i] = float32(rng.NormFloat64())
	}
	for i := range n {
		m.Items = append(m.Items, data.Item{ID: fmt.Sprint("i", i), Tags: []string{fmt.Sprint("t", i%20), fmt.Sprint("t", i*7%20)}})
	}
	return m
}

// openModel packs m and opens the bundle.
func openModel(b testing.TB, m *train.Model, q pack.Quant) *slate.Recommender {
	keys, err := pack.NewKeys(zeros{})
	if err != nil {
		b.Fatal(err)
	}
	file, err := pack.Pack(m, keys, pack.Options{Created: 1, Expires: 2, Quant: q})
	if err != nil {
		b.Fatal(err)
	}
	doc, err := keys.Root(1, 2)
	if err != nil {
		b.Fatal(err)
	}
	root, err := trust.ParseRoot(doc)
	if err != nil {
		b.Fatal(err)
	}
	opened, err := bundle.Open(root, file, 1)
	if err != nil {
		b.Fatal(err)
	}
	return slate.New(opened)
}

// BenchmarkPool is a request to a pool of 20,000 items, with and without factors
// and a net, for short and long histories.
func BenchmarkPool(b *testing.B) {
	const n = 20_000
	for _, test := range []struct {
		name  string
		shape modeltest.PoolShape
		d     int
	}{
		{"sums", modeltest.PoolShape{}, 0},
		{"net", modeltest.PoolShape{Net: true}, 0},
		{"net/d=64", modeltest.PoolShape{Net: true, Factors: true}, 64},
	} {
		test.shape.Items, test.shape.Columns, test.shape.Real = n, 5, true
		m := randomModel(n, test.d)
		m.Algorithm, m.Pool = train.Auto, modeltest.Pool(1, test.shape)
		r := openModel(b, m, pack.Quant{})
		for _, history := range []int{5, 50} {
			for _, reasons := range []int{0, 3} {
				req := slate.Request{K: 20, Reasons: reasons}
				for e := range history {
					req.History = append(req.History, profile.Event{Item: fmt.Sprint("i", e*397), Kind: profile.KindView, Weight: profile.One})
				}
				doc := req.Append(nil)
				b.Run(fmt.Sprintf("%s/history=%d/reasons=%d", test.name, history, reasons), func(b *testing.B) {
					var answer []byte
					for b.Loop() {
						var err error
						if answer, err = r.Respond(answer[:0], doc); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkFilters: what a request takes with no filter and with each.
func BenchmarkFilters(b *testing.B) {
	const n = 100_000
	r := openModel(b, randomModel(n, 64), pack.Quant{Codec: bundle.CodecBinary, Rescore: bundle.CodecInt8})
	half := make([]byte, n/8)
	for i := range half {
		half[i] = 0x55
	}
	var seen []profile.Event
	for i := range 200 {
		seen = append(seen, profile.Event{Item: fmt.Sprint("i", i*499), Kind: profile.KindHide, Weight: profile.One})
	}
	history := []profile.Event{{Item: "i7", Kind: profile.KindLike, Weight: profile.One}}
	for _, test := range []struct {
		name string
		req  slate.Request
	}{
		{"none", slate.Request{}},
		{"seen=200", slate.Request{History: seen}},
		{"unavailable=half", slate.Request{Unavailable: half}},
		{"tags=tenth", slate.Request{AnyTags: []string{"t3"}}},
		{"tags=without", slate.Request{NoTags: []string{"t3", "t4"}}},
	} {
		b.Run(fmt.Sprintf("n=%d/%s", n, test.name), func(b *testing.B) {
			test.req.K = 10
			test.req.History = append(test.req.History, history...)
			doc := test.req.Append(nil)
			var answer []byte
			for b.Loop() {
				var err error
				if answer, err = r.Respond(answer[:0], doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDiversity: what a diverse list takes beside a plain one. Items have two
// of 20 tags each.
func BenchmarkDiversity(b *testing.B) {
	const n = 100_000
	r := openModel(b, randomModel(n, 64), pack.Quant{})
	for _, k := range []int{10, 100, 1000} {
		for _, diversity := range []uint32{0, profile.One / 2} {
			req := slate.Request{K: k, Diversity: diversity, History: []profile.Event{{Item: "i7", Kind: profile.KindLike, Weight: profile.One}}}
			doc := req.Append(nil)
			b.Run(fmt.Sprintf("n=%d/k=%d/diversity=%d", n, k, diversity), func(b *testing.B) {
				var answer []byte
				for b.Loop() {
					var err error
					if answer, err = r.Respond(answer[:0], doc); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
