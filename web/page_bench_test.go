package web_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/web"
)

// BenchmarkPage is a person who does something and gets the next list: observe
// and recommend of the SDK in Chromium, through the worker, with a history of 50
// events, ten items and three reasons each.
//
//	go test ./web -run xxx -bench Page -benchtime 300x -count 5
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			page := newBrowser(b, newSite(random(b, n)))
			page.do(chromedp.Navigate(page.url + "/blank"))
			got := eval[[]float64](page, fmt.Sprintf(`(async () => {
				globalThis.options = { storage: 'memory', maxEvents: 50 };
				await `+openBundle+`;
				await ns.completed;
				const { items } = await ns.items(Array.from({ length: 50 }, (_, i) => 7 * i));
				const times = [];
				for (let i = 0; i < 50 + %d; i++) {
					const from = performance.now();
					ns.observe({ item: items[i %% 50].id, kind: 'like' });
					await ns.recommend();
					if (i >= 50) times.push(performance.now() - from);
				}
				times.sort((a, b) => a - b);
				return [0.5, 0.95].map((q) => times[Math.floor(q * times.length)]);
			})()`, b.N))
			b.ReportMetric(got[0], "p50-ms")
			b.ReportMetric(got[1], "p95-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// random returns a model of n items in 64 made-up dimensions.
func random(t testing.TB, n int) web.Files {
	t.Helper()
	module, err := wasm.Module()
	if err != nil {
		t.Skip(err)
	}
	const dim = 64
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	m := &train.Model{
		Algorithm: train.IALS, Dim: dim, Factors: make([]float32, n*dim), Alpha: .01, Reg: .003, Exponent: 1,
		Count: make([]uint32, n), Moment: make([]float32, dim*dim),
	}
	for i := range m.Factors {
		m.Factors[i] = float32(rng.NormFloat64() / math.Sqrt(1+float64(i%dim)))
	}
	for i := range dim {
		m.Moment[i*dim+i] = float32(1 / math.Sqrt(1+float64(i)))
	}
	for i := range n {
		m.Items = append(m.Items, data.Item{ID: "i" + strconv.Itoa(i), Title: "Item " + strconv.Itoa(i), Tags: []string{"t" + strconv.Itoa(i%40)}})
		m.Count[i] = uint32(1 + 1e6/(1+i))
	}
	keys := publisher(t)
	now := time.Now().Unix()
	root, err := keys.Root(1, now+86400)
	if err != nil {
		t.Fatal(err)
	}
	file, err := pack.Pack(m, keys, pack.Options{Channel: "bench", Created: now, Expires: now + 86400, Quant: pack.Quant{Codec: bundle.CodecPQ, Rescore: bundle.CodecInt8}})
	if err != nil {
		t.Fatal(err)
	}
	return web.Files{Module: module, Bundle: file, Root: root}
}
