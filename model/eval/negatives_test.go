package eval

import (
	"fmt"
	"testing"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// dislikeWeights are what a dislike may count against a like. Below 0 it counts
// for what it is about, less than a like does.
var dislikeWeights = []float32{.1, .25, .5, .75, 1, -.1, -.25}

// TestNegatives measures what it is worth that an item of two stars or fewer,
// besides being left out, counts against what it is like.
func TestNegatives(t *testing.T) {
	if !nightly && !*study {
		t.Skip("a study that learns two models: only when NEARSIDE_NIGHTLY is set, or with -study")
	}
	sets, seeds := []studied{films100K}, uint64(1)
	if *study {
		sets, seeds = append(sets, films1M), 2
	}
	for _, set := range sets {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s/cut=%d", set.name, seed), func(t *testing.T) {
				c := set.cutOf(t, seed)
				with := 0
				for _, p := range c.people {
					if len(p.dislikes) > 0 {
						with++
					}
				}
				t.Logf("%d of %d cases have dislikes", with, len(c.people))
				show(t, "ridge, learnt", c.negativesLearnt(t))
				show(t, "iALS", c.negativesFolded(c.learn(t, train.IALS, set.ials)))
				m := c.learn(t, train.Auto, set.auto)
				t.Logf("auto: %v", m.Params)
				for _, ways := range c.negativesSummed(newPulls(m)) {
					show(t, ways[0].name, ways)
					expectNoGain(t, ways[:len(ways)-2]) // those that count against
				}
			})
		}
	}
}

// negativesSummed subtracts the dislikes' rows, factors, and both.
func (c cut) negativesSummed(p pulls) (parts [3][]way) {
	per := 1 + len(dislikeWeights)
	var names []string
	for _, part := range []string{"ridge", "factors", "pool"} {
		names = append(names, part)
		for _, w := range dislikeWeights {
			names = append(names, fmt.Sprintf("dislikes × %g", -w))
		}
	}
	ways := c.compare(c.people, names, func() func([][]float32, person) {
		var like, dislike [3][]float32 // rows, factors, sum
		for part := range like {
			like[part], dislike[part] = make([]float32, p.n), make([]float32, p.n)
		}
		return func(scores [][]float32, who person) {
			p.sums(&like, who.likes)
			p.sums(&dislike, who.dislikes)
			for part := range like {
				of := scores[part*per:]
				copy(of[0], like[part])
				for at, w := range dislikeWeights {
					for i, v := range like[part] {
						of[1+at][i] = v - w*dislike[part][i]
					}
				}
			}
		}
	})
	for part := range parts {
		parts[part] = ways[part*per : (part+1)*per]
	}
	return parts
}

// sums sets what items give by their rows, by their factors, and by both.
func (p pulls) sums(to *[3][]float32, items []int32) {
	for part := range to {
		clear(to[part])
	}
	p.addRows(to[0], items)
	u := make([]float32, p.d)
	for _, i := range items {
		for f, v := range p.keys[int(i)*p.d : int(i+1)*p.d] {
			u[f] += v
		}
	}
	addProducts(to[1], p.factors, u)
	for i := range to[2] {
		to[2][i] = to[0][i] + to[1][i]
	}
}

// negativesFolded gives the dislikes to the fold-in, with preference 0 and more
// confidence than what was not observed has, with preference -1, as a pull
// alone, and as likes of less confidence.
func (c cut) negativesFolded(m *train.Model) []way {
	type variant struct {
		name             string
		confidence, pull float32
	}
	variants := []variant{{"iALS", 0, 0}}
	for _, w := range []float32{.1, .3, 1, 3, 10} {
		variants = append(variants, variant{fmt.Sprintf("preference 0, confidence %g", w), w, 0})
	}
	for _, w := range []float32{.1, .25, .5, 1} {
		variants = append(variants, variant{fmt.Sprintf("preference -1, confidence %g", w), w, -w})
	}
	for _, w := range []float32{.1, .25, .5, 1} {
		variants = append(variants, variant{fmt.Sprintf("pull of -%g alone", w), 0, -w})
	}
	for _, w := range []float32{.1, .25} {
		variants = append(variants, variant{fmt.Sprintf("preference 1, confidence %g", w), w, w})
	}
	var names []string
	for _, v := range variants {
		names = append(names, v.name)
	}
	return c.compare(c.people, names, func() func([][]float32, person) {
		f, u := newFolder(m), make([]float32, m.Dim)
		return func(scores [][]float32, who person) {
			for at, v := range variants {
				f.solve(u, who.likes, who.dislikes, v.confidence, v.pull)
				clear(scores[at])
				addProducts(scores[at], m.Factors, u)
			}
		}
	})
}

// negativesLearnt compares a ridge over the likes with one for which a dislike of
// an item is another item of a history: it learns what a dislike says of each
// like.
func (c cut) negativesLearnt(t *testing.T) []way {
	keep := train.Params{"neighbours": 0, "support": 256}
	alone := c.learn(t, train.Ridge, keep).Neighbours
	both := c
	both.train = &data.Matrix{Rows: len(c.all), Cols: 2 * c.items, Ptr: []int64{0}}
	for _, p := range c.all {
		both.train.Col = append(both.train.Col, p.likes...)
		for _, i := range p.dislikes {
			both.train.Col = append(both.train.Col, int32(c.items)+i)
		}
		both.train.Ptr = append(both.train.Ptr, int64(len(both.train.Col)))
	}
	learnt := both.learn(t, train.Ridge, keep).Neighbours
	return c.compare(c.people, []string{"ridge", "dislikes are items too", "the same without a person's dislikes"}, func() func([][]float32, person) {
		return func(scores [][]float32, who person) {
			for at := range scores {
				clear(scores[at])
			}
			for _, i := range who.likes {
				addRow(scores[0], alone, i)
				addRow(scores[1], learnt, i)
			}
			copy(scores[2], scores[1])
			for _, i := range who.dislikes {
				addRow(scores[1], learnt, int32(c.items)+i)
			}
		}
	})
}

// addRow adds what item i of w gives to the first items.
func addRow(scores []float32, w *data.Matrix, i int32) {
	col, val := w.Row(int(i))
	for at, j := range col {
		if int(j) < len(scores) {
			scores[j] += val[at]
		}
	}
}
