// World makes the catalogues of web/bench: vectors like those of a factor
// model, queries, the exact answers, and the bundles that hold the same.
//
//	go run ./web/bench/world [-d 64] [-queries 250] [-seed 7] DIR SIZE…
//
// SIZE is a number of items such as 10k, 100k or 1m; each gets a folder in DIR.
// A folder that is there already, with the same numbers, is left alone.
//
// Items lie around 200 centres, in coordinates whose variance falls as 1/(1+f),
// and are longer the more popular they are, as factors of ALS are. A query is
// the mean of a history of five items of one centre, with noise. Real catalogues
// of this size cannot be shipped with a benchmark; on real data the codes are
// judged by eval --quant.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// shape is world.json.
type shape struct {
	N      int    `json:"n"`
	D      int    `json:"d"`
	Q      int    `json:"q"`
	Seed   uint64 `json:"seed"`
	SHA256 string `json:"sha256"` // of items.f32
}

const (
	centres = 200
	history = 5  // items of a query
	best    = 10 // items of an answer
)

func main() {
	var s shape
	flag.IntVar(&s.D, "d", 64, "factors")
	flag.IntVar(&s.Q, "queries", 250, "queries")
	flag.Uint64Var(&s.Seed, "seed", 7, "seed")
	flag.Parse()
	if flag.NArg() < 2 || s.D < 1 || s.D > quant.MaxDim || s.Q < 1 {
		fmt.Fprintln(os.Stderr, "usage: go run ./web/bench/world [-d 64] [-queries 250] [-seed 7] DIR SIZE…")
		os.Exit(2)
	}
	for _, size := range flag.Args()[1:] {
		n, err := parseSize(size)
		if err == nil {
			s.N = n
			err = makeWorld(s, filepath.Join(flag.Arg(0), size))
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "world: error: %s: %v\n", size, err)
			os.Exit(1)
		}
	}
}

// parseSize reads 10k, 1m or a plain number.
func parseSize(text string) (int, error) {
	unit := 1
	digits := strings.ToLower(text)
	if cut, ok := strings.CutSuffix(digits, "k"); ok {
		digits, unit = cut, 1000
	} else if cut, ok := strings.CutSuffix(digits, "m"); ok {
		digits, unit = cut, 1000000
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > bundle.MaxItems || n*unit < best || n*unit > bundle.MaxItems {
		return 0, fmt.Errorf("want a number of items such as 10k, 100k or 1m, at most %d", bundle.MaxItems)
	}
	return n * unit, nil
}

func makeWorld(s shape, dir string) error {
	if isThere(s, dir) {
		fmt.Fprintf(os.Stderr, "%s: there already\n", dir)
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	w := newWorld(s)
	fmt.Fprintf(os.Stderr, "%s: %d items, %d queries\n", dir, s.N, s.Q)
	items := wire.AppendFloat32s(nil, w.items)
	digest := sha256.Sum256(items)
	s.SHA256 = hex.EncodeToString(digest[:])
	histories, err := json.Marshal(w.histories)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"items.f32":      items,
		"queries.f32":    wire.AppendFloat32s(nil, w.queries),
		"truth.u32":      wire.AppendUint32s(nil, w.truth()),
		"histories.json": histories,
	}
	if err := w.bundles(files); err != nil {
		return err
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o666); err != nil {
			return err
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	// Last: a folder with it is whole.
	return os.WriteFile(filepath.Join(dir, "world.json"), append(text, '\n'), 0o666)
}

// isThere says whether dir has the world, with bundles that are still read.
func isThere(s shape, dir string) bool {
	var have shape
	text, err := os.ReadFile(filepath.Join(dir, "world.json"))
	if err != nil || json.Unmarshal(text, &have) != nil {
		return false
	}
	if have.SHA256 = ""; have != s {
		return false
	}
	doc, err := os.ReadFile(filepath.Join(dir, "root.nsr"))
	if err != nil {
		return false
	}
	root, err := trust.ParseRoot(doc)
	if err != nil {
		return false
	}
	for name := range packings {
		file, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return false
		}
		if _, err := bundle.Open(root, file, time.Now().Unix()); err != nil {
			return false
		}
	}
	return true
}

type world struct {
	shape
	items     []float32  // n×d
	queries   []float32  // q×d
	histories [][]string // of each query, item ids
}

func newWorld(s shape) *world {
	w := &world{shape: s, items: make([]float32, s.N*s.D), queries: make([]float32, s.Q*s.D)}
	rng := rand.New(rand.NewPCG(s.Seed, 0))
	spread := make([]float64, s.D)
	for f := range spread {
		spread[f] = 1 / math.Sqrt(1+float64(f))
	}
	centre := make([]float64, centres*s.D)
	for i := range centre {
		centre[i] = rng.NormFloat64() * spread[i%s.D]
	}
	members := make([][]int, centres)
	for i := range s.N {
		c := rng.IntN(centres)
		members[c] = append(members[c], i)
		length := .3 + math.Pow(float64(1+i), -.15)
		for f := range s.D {
			w.items[i*s.D+f] = float32(length * (.7*centre[c*s.D+f] + .7*rng.NormFloat64()*spread[f]))
		}
	}
	for q := range s.Q {
		own := members[rng.IntN(centres)]
		var ids []string
		for range history {
			i := own[rng.IntN(len(own))]
			ids = append(ids, itemID(i))
			for f := range s.D {
				w.queries[q*s.D+f] += w.items[i*s.D+f] / history
			}
		}
		for f := range s.D {
			w.queries[q*s.D+f] += float32(.1 * rng.NormFloat64() * spread[f])
		}
		w.histories = append(w.histories, ids)
	}
	return w
}

func itemID(i int) string { return "i" + strconv.Itoa(i) }

// truth returns for each query the items with the largest inner products.
func (w *world) truth() []uint32 {
	list := make([]uint32, w.Q*best)
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for from := range workers {
		wg.Go(func() {
			var top quant.Top
			for q := from; q < w.Q; q += workers {
				x := w.queries[q*w.D : (q+1)*w.D]
				top.Reset(best, nil)
				for i := range w.N {
					var sum float64
					for f, y := range w.items[i*w.D : (i+1)*w.D] {
						sum += float64(x[f]) * float64(y)
					}
					top.Offer(i, int64(sum*(1<<40)))
				}
				for k, c := range top.Best() {
					list[q*best+k] = uint32(c.Item)
				}
			}
		})
	}
	wg.Wait()
	return list
}

// packings are the bundles of a world: the default of coarse codes with rows
// that rescore, the same with less of both, and int8 rows alone.
var packings = map[string]pack.Quant{
	"bundle.nsb":      {Codec: bundle.CodecPQ, Rescore: bundle.CodecInt8},
	"bundle-fast.nsb": {Codec: bundle.CodecPQ, Rescore: bundle.CodecInt8, Bytes: 10, Candidates: 100},
	"bundle-int8.nsb": {Codec: bundle.CodecInt8},
}

// bundles adds the items as bundles.
func (w *world) bundles(files map[string][]byte) error {
	m := &train.Model{
		Algorithm: train.IALS, Dim: w.D, Factors: w.items, Alpha: .01, Reg: .003, Exponent: 1,
		Count: make([]uint32, w.N), Moment: make([]float32, w.D*w.D),
	}
	for i := range w.N {
		m.Items = append(m.Items, data.Item{ID: itemID(i)})
		m.Count[i] = uint32(1 + 1e6/(1+i))
	}
	for q := range w.Q {
		x := w.queries[q*w.D : (q+1)*w.D]
		for a, v := range x {
			quant.Axpy(m.Moment[a*w.D:(a+1)*w.D], x, v/float32(w.Q))
		}
	}
	keys, err := pack.NewKeys(fixed{})
	if err != nil {
		return err
	}
	now := time.Now().Unix()
	const year = 365 * 24 * 60 * 60
	for name, q := range packings {
		if files[name], err = pack.Pack(m, keys, pack.Options{Channel: "bench", Created: now, Expires: now + year, Quant: q}); err != nil {
			return err
		}
	}
	files["root.nsr"], err = keys.Root(1, now+year)
	return err
}

// fixed is no randomness at all: these keys sign nothing that matters.
type fixed struct{}

func (fixed) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(binary.LittleEndian.Uint16([]byte{byte(i), 7}))
	}
	return len(b), nil
}
