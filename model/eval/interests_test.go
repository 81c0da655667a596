package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/train"
)

// studiedPeople is how many cases are asked about.
const studiedPeople = 2000

var (
	interestCounts = []int{2, 3, 4}
	sharpnesses    = []float64{.5, 1, 2, 4} // each twice the last
	// factorWeights are what factors weigh in a pool, against what auto has chosen
	// for them with one person.
	factorWeights = []float32{1, 2}
)

// TestInterests measures what it is worth that a person has several interests
// instead of one vector: clusters of the history, each a person of their own,
// and attention of each item to the history.
func TestInterests(t *testing.T) {
	if !nightly && !*study {
		t.Skip("a study that learns two models: only when NEARSIDE_NIGHTLY is set, or with -study")
	}
	sets, seeds := []studied{films100K}, uint64(1)
	if *study {
		sets, seeds = append(sets, films1M, gowalla), 2
	}
	for _, set := range sets {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s/cut=%d", set.name, seed), func(t *testing.T) {
				c := set.cutOf(t, seed)
				folded := newSpace(c.learn(t, train.IALS, set.ials))
				show(t, "iALS", c.interests(folded, nil))
				m := c.learn(t, train.Auto, set.auto)
				t.Logf("auto: %v", m.Params)
				if m.Dim == 0 {
					t.Fatal("auto has no factors")
				}
				p := newPulls(m)
				ways := c.interests(newSpace(m), &p)
				own := len(ways) / (1 + len(factorWeights))
				show(t, "factors", ways[:own])
				show(t, "pool", ways[own:])
				expectNoGain(t, ways[own:])
			})
		}
	}
}

// space is a model's factors.
type space struct {
	*train.Model
	n      int
	unit   []float32 // n×d: the factors with length 1
	length []float32 // n
}

func newSpace(m *train.Model) space {
	n, d := len(m.Count), m.Dim
	s := space{Model: m, n: n, unit: make([]float32, n*d), length: make([]float32, n)}
	for i := range n {
		row := m.Factors[i*d : (i+1)*d]
		s.length[i] = float32(math.Sqrt(float64(dot(row, row))))
		if s.length[i] > 0 {
			quant.Axpy(s.unit[i*d:(i+1)*d], row, 1/s.length[i])
		}
	}
	return s
}

// interests compares ways to score with several interests, by the factors alone
// and then, where there is a pool, with its rows besides, for each of factorWeights.
func (c cut) interests(s space, pool *pulls) []way {
	names := []string{"one person"}
	for _, k := range interestCounts {
		for _, how := range []string{"max", "log-sum-exp", "max + one person"} {
			names = append(names, fmt.Sprintf("%d clusters, %s", k, how))
		}
	}
	for _, sharp := range sharpnesses {
		names = append(names, fmt.Sprintf("attention, sharpness %g", sharp))
	}
	own := len(names)
	if pool != nil {
		for _, w := range factorWeights {
			for _, name := range names[:own] {
				names = append(names, fmt.Sprintf("%s, factors × %g", name, w))
			}
		}
	}
	return c.compare(c.some(studiedPeople), names, func() func([][]float32, person) {
		g := s.newGaze()
		return func(scores [][]float32, who person) {
			g.look(who.likes)
			g.score(scores[:own])
			for w := own; w < len(scores); w++ {
				clear(scores[w])
				quant.Axpy(scores[w], scores[w%own], factorWeights[w/own-1])
				pool.addRows(scores[w], who.likes)
			}
		}
	})
}

// gaze scores histories over a space.
type gaze struct {
	space
	folder  *folder // nil: the history's factors are added up
	items   []int32
	cosines []float32   // items×n
	parts   []float32   // items×n: what each item adds to the score of each
	rows    []float32   // items×d
	person  []float32   // d
	one     []float32   // n: the score with one person
	each    [][]float32 // clusters × n: the score with each as a history
	of      []int       // items: the cluster
	total   []float32   // n: of attention
}

func (s space) newGaze() *gaze {
	g := &gaze{space: s, person: make([]float32, s.Dim), one: make([]float32, s.n), total: make([]float32, s.n)}
	if s.Pool == nil {
		g.folder = newFolder(s.Model)
	}
	for range interestCounts[len(interestCounts)-1] {
		g.each = append(g.each, make([]float32, s.n))
	}
	return g
}

// look fills in what the items of a history say.
func (g *gaze) look(items []int32) {
	n, d := g.n, g.Dim
	g.items = items
	g.rows = g.rows[:0]
	for _, i := range items {
		g.rows = append(g.rows, g.unit[int(i)*d:int(i+1)*d]...)
	}
	g.cosines = g.products(g.cosines, g.unit)
	if g.folder != nil {
		g.folder.solve(g.person, items, nil, 0, 0)
		for at, i := range items {
			row := g.rows[at*d : (at+1)*d]
			copy(row, g.Factors[int(i)*d:])
			quant.CholeskySolve(g.folder.system, d, row)
		}
		g.parts = g.products(g.parts, g.Factors)
	} else {
		g.parts = append(g.parts[:0], g.cosines...)
		for at, i := range items {
			w := g.Pool.Weights[2] * quant.SparseScale(g.Pool.Gains[i]) * g.length[i]
			part := g.parts[at*n : (at+1)*n]
			for j := range part {
				part[j] *= w * g.length[j]
			}
		}
	}
	clear(g.one)
	for at := range items {
		quant.Axpy(g.one, g.parts[at*n:(at+1)*n], 1)
	}
}

// products returns rows × factorsᵀ.
func (g *gaze) products(dst, factors []float32) []float32 {
	h := len(g.items)
	if cap(dst) < h*g.n {
		dst = make([]float32, h*g.n)
	}
	dst = dst[:h*g.n]
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, blas32.General{Rows: h, Cols: g.Dim, Stride: g.Dim, Data: g.rows},
		blas32.General{Rows: g.n, Cols: g.Dim, Stride: g.Dim, Data: factors},
		0, blas32.General{Rows: h, Cols: g.n, Stride: g.n, Data: dst})
	return dst
}

// score sets the scores of all ways.
func (g *gaze) score(scores [][]float32) {
	copy(scores[0], g.one)
	at := 1
	for _, k := range interestCounts {
		g.cluster(k)
		each := g.each[:k]
		g.scoreClusters(each)
		largest, soft, mixed := scores[at], scores[at+1], scores[at+2]
		at += 3
		unit := tenth(g.one)
		for j := range g.one {
			most := each[0][j]
			for _, s := range each[1:] {
				most = max(most, s[j])
			}
			var sum float64
			for _, s := range each {
				sum += math.Exp(float64((s[j] - most) / unit))
			}
			largest[j], soft[j], mixed[j] = most, most+unit*float32(math.Log(sum)), most+g.one[j]
		}
	}
	g.attend(scores[at:])
}

// tenth is a tenth of the greatest score: the softness of log-sum-exp.
func tenth(scores []float32) float32 {
	most := float32(1e-6)
	for _, v := range scores {
		most = max(most, v)
	}
	return most / 10
}

// cluster puts the items into k clusters by the directions of their factors:
// k-means++ (Arthur and Vassilvitskii, SODA 2007), ten rounds.
func (g *gaze) cluster(k int) {
	d, h := g.Dim, len(g.items)
	row := func(at int) []float32 { i := int(g.items[at]); return g.unit[i*d : (i+1)*d] }
	rng := rand.New(rand.NewPCG(uint64(g.items[0]), uint64(h)))
	centres := append([]float32(nil), row(rng.IntN(h))...)
	far := make([]float64, h)
	for len(centres) < k*d {
		var sum float64
		for at := range far {
			near := -1.
			for c := 0; c < len(centres); c += d {
				near = max(near, float64(dot(row(at), centres[c:c+d])))
			}
			far[at] = max(0, 1-near)
			sum += far[at]
		}
		pick, left := 0, rng.Float64()*sum
		for pick < h-1 && left >= far[pick] {
			left -= far[pick]
			pick++
		}
		centres = append(centres, row(pick)...)
	}
	g.of = append(g.of[:0], make([]int, h)...)
	for range 10 {
		for at := range g.of {
			best := float32(-2)
			for c := range k {
				if v := dot(row(at), centres[c*d:(c+1)*d]); v > best {
					best, g.of[at] = v, c
				}
			}
		}
		clear(centres)
		for at, c := range g.of {
			quant.Axpy(centres[c*d:(c+1)*d], row(at), 1)
		}
		for c := 0; c < len(centres); c += d {
			centre := centres[c : c+d]
			if length := dot(centre, centre); length > 0 {
				inverse := 1 / float32(math.Sqrt(float64(length)))
				for f := range centre {
					centre[f] *= inverse
				}
			}
		}
	}
}

// scoreClusters sets each to the scores with a cluster as the history.
func (g *gaze) scoreClusters(each [][]float32) {
	var mine []int32
	for c, scores := range each {
		clear(scores)
		mine = mine[:0]
		for at, of := range g.of {
			switch {
			case of != c:
			case g.folder != nil:
				mine = append(mine, g.items[at])
			default:
				quant.Axpy(scores, g.parts[at*g.n:(at+1)*g.n], 1)
			}
		}
		if len(mine) > 0 {
			g.folder.solve(g.person, mine, nil, 0, 0)
			addProducts(scores, g.Factors, g.person)
		}
	}
}

// attend sets scores to the sums of parts, each times the softmax over the items
// of the history of sharpness · cosine, times their number: with a sharpness of 0
// that is one person.
func (g *gaze) attend(scores [][]float32) {
	n, h := g.n, len(g.items)
	for k, v := range g.cosines {
		g.cosines[k] = float32(math.Exp(sharpnesses[0] * float64(v)))
	}
	for w := range sharpnesses {
		if w > 0 {
			for k, v := range g.cosines {
				g.cosines[k] = v * v
			}
		}
		clear(g.total)
		clear(scores[w])
		for at := range h {
			part := g.parts[at*n : (at+1)*n]
			for j, v := range g.cosines[at*n : (at+1)*n] {
				g.total[j] += v
				scores[w][j] += v * part[j]
			}
		}
		for j := range scores[w] {
			scores[w][j] *= float32(h) / g.total[j]
		}
	}
}
