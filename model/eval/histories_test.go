package eval

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// What the tests of negatives and interests share: people with what they like
// and dislike, of both of which a tenth is hidden, and ways to score that are
// compared case by case. RESULTS.md has the tables, which -study prints.

// nightly: what takes minutes runs in make nightly.
var nightly = os.Getenv("NEARSIDE_NIGHTLY") != ""

var study = flag.Bool("study", false, "measure negatives and interests on all their data sets, with the cuts of two seeds")

// studied is a data set for that.
type studied struct {
	name, digest, file string
	between            string // user, item and stars; "": lists of items, all liked
	ials, auto         train.Params
}

// The parameters of iALS are what is chosen on validation for MovieLens 1M, and
// for Gowalla. Those of auto are its own choice for MovieLens 100K, and bound its
// time on Gowalla.
var (
	films100K = studied{
		"MovieLens 100K", "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490", "movielens-100k/u.data.gz",
		"\t", train.Params{"alpha": .3, "reg": .01}, train.Params{"dim": 64, "lambda": 4},
	}
	films1M = studied{
		"MovieLens 1M", "2dad134c8b493373beed8d2a42e18ec2a93606fd957bd76c0bfbdef5c514b985", "movielens-1m/ratings_no_timestamp.dat.gz",
		"::", train.Params{"alpha": .3, "reg": .01}, nil,
	}
	gowalla = studied{
		"Gowalla", "4cbd7fd6bddb7598d81da99a8d01bae9c6d96802b1fa7397c9fcd5b0e9a42b9f", "gowalla-lightgcn/train.txt.gz",
		"", train.Params{"alpha": .01}, train.Params{"dim": 128, "lambda": 4},
	}
)

// rated is what a person says of an item; above 3 stars it is a like, below a
// dislike.
type rated struct {
	item  int32
	stars float64
}

// person is a case, or somebody to learn from.
type person struct {
	likes, dislikes []int32
	neutral         []int32 // rated between the two
	target          []int32 // likes that are asked for, ascending
	bad             []int32 // dislikes that should not be found, ascending
}

// cut is a data set cut in two with a seed.
type cut struct {
	items  int
	train  *data.Matrix // the likes
	all    []person     // its rows
	people []person     // those of them who have likes left and asked for
}

// cutOf hides a tenth of all likes and dislikes.
func (s studied) cutOf(t *testing.T, seed uint64) cut {
	t.Helper()
	people, items := s.read(t)
	c := cut{items: items, train: &data.Matrix{Rows: len(people), Cols: items, Ptr: []int64{0}}}
	rng := rand.New(rand.NewPCG(seed, 0x452821e638d01377)) // digits of pi
	for _, all := range people {
		var p person
		for _, r := range all {
			switch {
			case r.stars == 3:
				p.neutral = append(p.neutral, r.item)
			case r.stars > 3 && rng.Float64() < .1:
				p.target = append(p.target, r.item)
			case r.stars > 3:
				p.likes = append(p.likes, r.item)
			case rng.Float64() < .1:
				p.bad = append(p.bad, r.item)
			default:
				p.dislikes = append(p.dislikes, r.item)
			}
		}
		slices.Sort(p.bad)
		slices.Sort(p.likes)
		slices.Sort(p.dislikes)
		slices.Sort(p.target)
		c.train.Col = append(c.train.Col, p.likes...)
		c.train.Ptr = append(c.train.Ptr, int64(len(c.train.Col)))
		c.all = append(c.all, p)
		if len(p.likes) > 0 && len(p.target) > 0 {
			c.people = append(c.people, p)
		}
	}
	return c
}

// read returns what people said, and the number of items. It skips the test where
// there is no file.
func (s studied) read(t *testing.T) (people [][]rated, items int) {
	t.Helper()
	mustFile(t, s.digest, s.file)
	_, content, err := dataFile(s.digest, s.file)
	if err != nil {
		t.Fatal(err)
	}
	var users, catalogue data.IDs
	add := func(user, item string, stars float64) {
		u := int(users.Add(user))
		if u == len(people) {
			people = append(people, nil)
		}
		people[u] = append(people[u], rated{catalogue.Add(item), stars})
	}
	lines := bufio.NewScanner(content)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if s.between == "" {
			fields := strings.Fields(lines.Text())
			for _, item := range fields[1:] {
				add(fields[0], item, 5)
			}
			continue
		}
		fields := strings.Split(lines.Text(), s.between)
		stars, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		add(fields[0], fields[1], stars)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return people, catalogue.Len()
}

// learn trains on the likes.
func (c cut) learn(t *testing.T, a train.Algorithm, p train.Params) *train.Model {
	t.Helper()
	m, err := train.Train(t.Context(), train.Input{Pairs: c.train}, train.Config{Algorithm: a, Params: p})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// some returns n of the cases, or all where there are fewer, at random.
func (c cut) some(n int) []person {
	people := slices.Clone(c.people)
	rng := rand.New(rand.NewPCG(0, 0xbe5466cf34e90c6c)) // digits of pi
	rng.Shuffle(len(people), func(a, b int) { people[a], people[b] = people[b], people[a] })
	return people[:min(n, len(people))]
}

// way is one way to score, with what it gave each case in the first 20: recall and
// NDCG of the hidden likes, how many they are, and how many hidden dislikes.
type way struct {
	name                     string
	recall, ndcg, likes, bad []float64
}

// compare scores people in the ways that have these names: a scorer of
// newScorer, one for each worker, sets scores[way][item].
func (c cut) compare(people []person, names []string, newScorer func() func(scores [][]float32, p person)) []way {
	ways := make([]way, len(names))
	for w := range ways {
		ways[w].name = names[w]
		for _, values := range []*[]float64{&ways[w].recall, &ways[w].ndcg, &ways[w].likes, &ways[w].bad} {
			*values = make([]float64, len(people))
		}
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			score, scores := newScorer(), make([][]float32, len(names))
			for w := range scores {
				scores[w] = make([]float32, c.items)
			}
			top := table{skip: make([]bool, c.items)}
			var list []int32
			for at := int(next.Add(1) - 1); at < len(people); at = int(next.Add(1) - 1) {
				p := people[at]
				score(scores, p)
				p.skip(top.skip, true)
				for w := range ways {
					top.scores = scores[w]
					list = top.appendBest(list[:0], 20)
					m := measure(list, p.target, 20)
					ways[w].recall[at], ways[w].ndcg[at] = m[measureRecall], m.ndcg()
					ways[w].likes[at], ways[w].bad[at] = hits(list, p.target), hits(list, p.bad)
				}
				p.skip(top.skip, false)
			}
		})
	}
	wg.Wait()
	return ways
}

// skip marks what the person has rated and nobody asks for.
func (p person) skip(marks []bool, as bool) {
	for _, list := range [][]int32{p.likes, p.dislikes, p.neutral} {
		for _, i := range list {
			marks[i] = as
		}
	}
}

// hits counts those of an ascending target in list.
func hits(list, target []int32) (n float64) {
	for _, i := range list {
		if _, hit := slices.BinarySearch(target, i); hit {
			n++
		}
	}
	return n
}

// show prints ways against the first of them, each difference with half of its 95 %
// confidence interval over the cases.
func show(t *testing.T, title string, ways []way) {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %d cases\tR@20\t\tN@20\t\t\tlikes\t\tdislikes\t\t\n", title, len(ways[0].ndcg))
	base := ways[0]
	for _, way := range ways {
		fmt.Fprintf(w, "%s\t%s\t%s\t%+.1f %%\t%s\t%s\t\n", way.name, against(way.recall, base.recall), against(way.ndcg, base.ndcg),
			100*way.gain(base), against(way.likes, base.likes), against(way.bad, base.bad))
	}
	w.Flush()
	t.Log(b.String())
}

// against gives a mean, and its difference from that of base.
func against(values, base []float64) string {
	d := Compare(values, base).Difference
	return fmt.Sprintf("%.4f\t%+.4f ±%.4f", EstimateOf(values).Mean, d.Mean, d.CI)
}

// worthIt is how much NDCG, relative, the product should have a way for.
const worthIt = .01

// expectNoGain fails when one of ways is worth it that the product does not have:
// it has the first.
func expectNoGain(t *testing.T, ways []way) {
	t.Helper()
	for _, w := range ways[1:] {
		if gain := w.gain(ways[0]); gain >= worthIt {
			t.Errorf("%s: %+.1f %% of NDCG@20: want less than %v %%, or the product should have it", w.name, 100*gain, 100*worthIt)
		}
	}
}

// gain is how much more NDCG w has than base, relative.
func (w way) gain(base way) float64 { return EstimateOf(w.ndcg).Mean/EstimateOf(base.ndcg).Mean - 1 }

// pulls is a pool of an unordered log with its codes decoded.
type pulls struct {
	n, d    int
	items   [][]int32   // n: what an item gives to others
	weights [][]float32 // n
	keys    []float32   // n×d: what an item of a history adds to the person's factors
	factors []float32   // n×d
}

func newPulls(m *train.Model) pulls {
	n, d := len(m.Count), m.Dim
	p := pulls{n: n, d: d, items: make([][]int32, n), weights: make([][]float32, n), keys: slices.Clone(m.Factors), factors: m.Factors}
	for i := range n {
		var codes []int8
		p.items[i], codes = m.Pool.Sparse.Row(nil, i)
		p.weights[i] = make([]float32, len(codes))
		for at, code := range codes {
			p.weights[i][at] = m.Pool.Weights[0] * m.Pool.Sparse.Scale(i, 0) * quant.SquareLaw(code)
		}
		for f := range d {
			p.keys[i*d+f] *= m.Pool.Weights[2] * quant.SparseScale(m.Pool.Gains[i])
		}
	}
	return p
}

// addRows adds what the rows of items give.
func (p pulls) addRows(scores []float32, items []int32) {
	for _, i := range items {
		for at, j := range p.items[i] {
			scores[j] += p.weights[i][at]
		}
	}
}

// addProducts adds the products of all factors with a person's.
func addProducts(scores, factors, person []float32) {
	d := len(person)
	for i := range scores {
		scores[i] += dot(factors[i*d:(i+1)*d], person)
	}
}

// dot is in four sums, for speed.
func dot(a, b []float32) float32 {
	var s [4]float32
	b = b[:len(a)]
	f := 0
	for ; f+4 <= len(a); f += 4 {
		s[0] += a[f] * b[f]
		s[1] += a[f+1] * b[f+1]
		s[2] += a[f+2] * b[f+2]
		s[3] += a[f+3] * b[f+3]
	}
	for ; f < len(a); f++ {
		s[0] += a[f] * b[f]
	}
	return s[0] + s[1] + s[2] + s[3]
}

// folder solves people's systems over the factors of a model.
type folder struct {
	*train.Model
	prior                   []float32 // alpha·YᵀY, d×d
	rows, pull, confidences []float32
	system                  []float32 // d×d: after solve its Cholesky factor
}

func newFolder(m *train.Model) *folder {
	f := &folder{Model: m, prior: make([]float32, m.Dim*m.Dim), system: make([]float32, m.Dim*m.Dim)}
	quant.AddOuters(f.prior, m.Factors, slices.Repeat([]float32{m.Alpha}, len(m.Count)), m.Dim)
	return f
}

// solve sets person to the fold-in of likes, with dislikes as items whose
// confidence and pull are given.
func (f *folder) solve(person []float32, likes, dislikes []int32, confidence, pull float32) {
	d := f.Dim
	copy(f.system, f.prior)
	clear(person)
	f.rows, f.confidences = f.rows[:0], f.confidences[:0]
	add := func(items []int32, confidence, pull float32) {
		for _, i := range items {
			row := f.Factors[int(i)*d : int(i+1)*d]
			f.rows, f.confidences = append(f.rows, row...), append(f.confidences, confidence)
			quant.Axpy(person, row, pull)
		}
	}
	add(likes, 1, 1)
	add(dislikes, confidence, pull)
	quant.AddOuters(f.system, f.rows, f.confidences, d)
	for k := range d {
		f.system[k*d+k] += f.Ridge(len(likes))
	}
	if !quant.Cholesky(f.system, d) {
		panic("a system that is not positive definite")
	}
	quant.CholeskySolve(f.system, d, person)
}
