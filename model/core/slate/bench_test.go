package slate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// zeros is a source of keys that sign nothing that matters.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// open packs n items of random factors, each with two of 20 tags, and opens the
// bundle.
func open(b testing.TB, n, d int, q pack.Quant) *slate.Recommender {
	rng := rand.New(rand.NewPCG(1, 1))
	m := &train.Model{
		Algorithm: train.IALS, Dim: d, Factors: make([]float32, n*d), Count: slices.Repeat([]uint32{5}, n),
		Alpha: .1, Reg: .003, Exponent: 1,
	}
	for i := range m.Factors {
		m.Factors[i] = float32(rng.NormFloat64())
	}
	for i := range n {
		m.Items = append(m.Items, data.Item{ID: fmt.Sprint("i", i), Tags: []string{fmt.Sprint("t", i%20), fmt.Sprint("t", i*7%20)}})
	}
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
	root, err := bundle.ParseRoot(doc)
	if err != nil {
		b.Fatal(err)
	}
	opened, err := bundle.Open(root, file, 1)
	if err != nil {
		b.Fatal(err)
	}
	return slate.New(opened)
}

// BenchmarkFilters: what a request takes with no filter and with each.
func BenchmarkFilters(b *testing.B) {
	const n = 100_000
	r := open(b, n, 64, pack.Quant{Codec: bundle.CodecBinary, Rescore: bundle.CodecInt8})
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
