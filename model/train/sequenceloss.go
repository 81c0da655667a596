package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nearside/nearside/model/core/quant"
)

// The loss of a position is the cross-entropy of a softmax over the catalogue
// (Klenitskiy and Vasilev, "Turning dross into gold loss", RecSys 2023). Where
// that is large, the sum of exponentials is estimated from candidates, shared by
// all positions of a batch: the batch's targets, and more items by even chance.
// With π_c the chance that item c is a candidate,
//
//	loss = -s_t + log( e^s_t + Σ_{c≠t} e^s_c/π_c )
//
// has the sum of the whole softmax as its expectation inside the logarithm: the
// correction of Jean et al., ACL 2015, equation 7, but for the target, which is
// always there (Khrylchenko et al., "Correcting the LogQ correction", RecSys
// 2025).

// candidates are the items that a batch's softmax runs over.
type candidates struct {
	items []int32
	bias  []float32      // log 1/π
	place []int32        // of an item among items, or -1; for all of the catalogue
	rows  quant.Matrix   // items×d: their factors
	cols  []quant.Matrix // the transpose of rows, d×panel each
}

// panel is how many columns a matrix of factors has when it is transposed: so
// that its rows lie close together, not pages apart.
const panel = 32

// chances says how likely an item is a candidate.
type chances struct {
	share []float64 // of an item among all targets
	draws int       // more candidates than targets; 0: all items are candidates
}

func newChances(users [][]int32, items, draws int) chances {
	c := chances{share: make([]float64, items), draws: draws}
	var all float64
	for _, row := range users {
		for _, i := range row[min(1, len(row)):] {
			c.share[i]++
			all++
		}
	}
	for i := range c.share {
		c.share[i] /= max(all, 1)
	}
	return c
}

// candidatesFor draws the candidates of a batch.
func (c chances) candidatesFor(target []int32, rng *rand.Rand) *candidates {
	n := len(c.share)
	s := &candidates{place: slices.Repeat([]int32{-1}, n)}
	if c.draws == 0 {
		for i := range n {
			s.take(int32(i))
		}
		s.bias = make([]float32, n)
		return s
	}
	for _, i := range target {
		s.take(i)
	}
	for range c.draws {
		s.take(int32(rng.IntN(n)))
	}
	undrawn := math.Pow(1-1/float64(n), float64(c.draws))
	for _, i := range s.items {
		missed := undrawn * math.Pow(1-c.share[i], float64(len(target)))
		s.bias = append(s.bias, float32(-math.Log1p(-missed)))
	}
	return s
}

// take makes item i one of s, if it is not.
func (s *candidates) take(i int32) {
	if s.place[i] < 0 {
		s.place[i] = int32(len(s.items))
		s.items = append(s.items, i)
	}
}

// gather copies the candidates' factors.
func (s *candidates) gather(factors []float32, d int) {
	n := len(s.items)
	s.rows = quant.MatrixOf(make([]float32, n*d), n, d)
	for c, i := range s.items {
		copy(s.rows.Row(c), factors[int(i)*d:int(i)*d+d])
	}
	s.cols = panels(s.rows)
}

// panels returns the transpose of rows in panels, the last of them filled up
// with zeros.
func panels(rows quant.Matrix) []quant.Matrix {
	list := make([]quant.Matrix, (rows.Rows+panel-1)/panel)
	for p := range list {
		list[p] = quant.MatrixOf(make([]float32, rows.Cols*panel), rows.Cols, panel)
		for k := range min(panel, rows.Rows-p*panel) {
			for f, v := range rows.Row(p*panel + k) {
				list[p].Data[f*panel+k] = v
			}
		}
	}
	return list
}

// addScores adds to dst, rows×(panels·panel), the products of x with panels.
func addScores(dst, x quant.Matrix, panels []quant.Matrix) {
	for p, m := range panels {
		quant.AddProduct(dst.Sub(0, dst.Rows, p*panel, (p+1)*panel), x, m)
	}
}

// batchLoss is the mean loss of some positions and its gradient.
type batchLoss struct {
	*candidates
	persons, dpersons quant.Matrix // r×d
	target            []int32      // r
	ditems            quant.Matrix // candidates×d
	logs              []float32    // r: of the softmaxes' sums
	losses            []float64    // r
}

const (
	lossRows  = 16 // positions that a worker takes at a time
	lossItems = 64 // candidates that it does
)

// compute sets dpersons and ditems, and returns the sum of the losses.
//
// Why two passes, which compute every score twice? So each element of a gradient
// has one worker, who adds it up in order: nothing depends on how many there
// are, and nobody keeps partial sums.
func (l *batchLoss) compute(ctx context.Context, workers int) (float64, error) {
	r, n, d := l.persons.Rows, len(l.items), l.persons.Cols
	l.dpersons, l.ditems = zeros(l.dpersons, r, d), zeros(l.ditems, n, d)
	l.logs, l.losses = make([]float32, r), make([]float64, r)
	err := blocks(ctx, workers, r, lossRows, func() func(from, to int) error {
		var scores quant.Matrix
		return func(from, to int) error {
			scores = zeros(scores, to-from, len(l.cols)*panel)
			l.personSide(scores, from)
			return nil
		}
	})
	if err != nil {
		return 0, err
	}
	positions := make([][]int32, n)
	for k, i := range l.target {
		c := l.place[i]
		positions[c] = append(positions[c], int32(k))
	}
	persons := panels(l.persons)
	err = blocks(ctx, workers, n, lossItems, func() func(from, to int) error {
		var scores quant.Matrix
		return func(from, to int) error {
			scores = zeros(scores, to-from, len(persons)*panel)
			l.itemSide(scores, from, positions[from:to], persons)
			return nil
		}
	})
	var sum float64
	for _, loss := range l.losses {
		sum += loss
	}
	return sum, err
}

// personSide does the positions from … on, one for each row of scores.
func (l *batchLoss) personSide(scores quant.Matrix, from int) {
	r, n, d := l.persons.Rows, len(l.items), l.persons.Cols
	for k := range scores.Rows {
		row := scores.Row(k)
		copy(row, l.bias)
		row[l.place[l.target[from+k]]] = 0
	}
	addScores(scores, l.persons.Sub(from, from+scores.Rows, 0, d), l.cols)
	for k := range scores.Rows {
		row, at := scores.Row(k)[:n], l.place[l.target[from+k]]
		most, own := greatest(row), row[at]
		for c := range row {
			row[c] -= most
		}
		quant.Exp(row)
		sum := total(row)
		l.logs[from+k] = most + float32(math.Log(float64(sum)))
		l.losses[from+k] = float64(l.logs[from+k] - own)
		for c := range row {
			row[c] /= sum * float32(r)
		}
		row[at] -= 1 / float32(r)
	}
	quant.AddProduct(l.dpersons.Sub(from, from+scores.Rows, 0, d), scores.Sub(0, scores.Rows, 0, n), l.rows)
}

// itemSide does the candidates from … on, one for each row of scores; positions
// are those whose target a candidate is, persons the panels of all.
func (l *batchLoss) itemSide(scores quant.Matrix, from int, positions [][]int32, persons []quant.Matrix) {
	r, d := l.persons.Rows, l.persons.Cols
	to := from + scores.Rows
	for c := range scores.Rows {
		row := scores.Row(c)
		for k, log := range l.logs {
			row[k] = l.bias[from+c] - log
		}
		for _, k := range positions[c] {
			row[k] = -l.logs[k]
		}
	}
	addScores(scores, l.rows.Sub(from, to, 0, d), persons)
	for c := range scores.Rows {
		row := scores.Row(c)[:r]
		quant.Exp(row)
		for k := range row {
			row[k] /= float32(r)
		}
		for _, k := range positions[c] {
			row[k] -= 1 / float32(r)
		}
	}
	quant.AddProduct(l.ditems.Sub(from, to, 0, d), scores.Sub(0, scores.Rows, 0, r), l.persons)
}

// greatest returns the largest of v, which is not empty.
func greatest(v []float32) float32 {
	a, b, c, d := v[0], v[0], v[0], v[0]
	for ; len(v) >= 4; v = v[4:] {
		if v[0] > a {
			a = v[0]
		}
		if v[1] > b {
			b = v[1]
		}
		if v[2] > c {
			c = v[2]
		}
		if v[3] > d {
			d = v[3]
		}
	}
	for _, x := range v {
		if x > a {
			a = x
		}
	}
	return max(a, b, c, d)
}

// total adds up v, every fourth value in its own sum: four additions run at a
// time.
func total(v []float32) float32 {
	var a, b, c, d float32
	for ; len(v) >= 4; v = v[4:] {
		a, b, c, d = a+v[0], b+v[1], c+v[2], d+v[3]
	}
	for _, x := range v {
		a += x
	}
	return (a + b) + (c + d)
}
