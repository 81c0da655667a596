package pack

import (
	"math"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/train"
)

// Additive codes stay while others are not clearly nearer, and so do centroids.
// When these have become worse than new ones, they are fitted to today's rows,
// with the codes that rows have: new centroids have nothing to do with
// yesterday's codes. On MovieLens 1M, after a day or two, fitted ones lose 3 to 7 %
// more than new ones, and unfitted ones 13 to 40 %.
const (
	// From which squared error on, as a multiple of what is left with codes that
	// are searched anew, a row is due to get these, and from which it does.
	codesSome, codesMost = 1.15, 1.6
	// Up to which squared error of all rows, as a multiple of what is left with new
	// centroids and codes, yesterday's centroids stay, and fitted ones do.
	keepCentroids, fitCentroids = 1.25, 1.4
	// keepLength is by how much the length of a row may be wrong, in units of its
	// scale, of which 128 are 1.
	keepLength = 4
)

// keepCodebook returns yesterday's centroids with codes for today's factors, or
// today's, as they are given, where these are much better.
func (a *anchor) keepCodebook(today codebook, codes, scales []byte, m *train.Model) (codebook, []byte, []byte, error) {
	old := a.Table.(quant.PQ)
	c := today
	c.centroids = old.Centroids
	c.stages = [][]float32{c.shipped()}
	a.Rows += old.N
	best := today.loss(m.Factors, codes, m.Count)
	kept, lengths, written := c.follow(m.Factors, old)
	most := keepCentroids
	if c.loss(m.Factors, kept, m.Count) > most*best {
		if err := c.fit(m, kept); err != nil {
			return c, nil, nil, err
		}
		kept, lengths, written = c.follow(m.Factors, old)
		most = fitCentroids
	}
	if c.loss(m.Factors, kept, m.Count) > most*best {
		a.Written += old.N
		return today, codes, scales, nil
	}
	a.Written += written
	return c, kept, lengths, nil
}

// fit makes the centroids those with which the codes of the rows of factors have
// the least error.
func (c *codebook) fit(m *train.Model, codes []byte) error {
	l := newLearner(c, m.Factors, m.Count)
	copy(l.white, c.stages[0])
	for k, i := range l.rows {
		copy(l.codes[k*l.m:(k+1)*l.m], codes[i*l.m:])
	}
	if err := l.refit(); err != nil {
		return err
	}
	c.stages = nil
	c.round(l.white)
	return nil
}

// follow returns codes and scales of the rows of factors, those of old where they
// are near enough, and how many are not.
func (c *codebook) follow(factors []float32, old quant.PQ) (codes, scales []byte, written int) {
	d, m, n := c.d, c.m, len(factors)/c.d
	codes, scales = make([]byte, n*m), make([]byte, n)
	was, errs := make([]byte, old.N*m), make([]float64, old.N)
	s := newSearcher(c.stages[0], d, m, c.seed)
	inBlocks(c.workers, n, func(from, to int) {
		w := s.newWorker()
		z := make([]float32, d)
		for i := from; i < to; i++ {
			transform(z, c.root, factors[i*d:(i+1)*d])
			row := codes[i*m : (i+1)*m]
			if i >= old.N {
				w.begin(z, row, true)
				w.search(row, codebookFinalRounds, [2]int{0, i})
				continue
			}
			for t := range row {
				row[t] = old.Code(i, t)
			}
			copy(was[i*m:], row)
			before := s.loss(z, row)
			w.begin(z, row, false)
			w.search(row, codebookRounds, [2]int{0, i})
			if after := s.loss(z, row); before > after {
				errs[i] = before / after
			}
		}
	})
	chosen := due(errs, codesSome, codesMost)
	z := make([]float32, d)
	for i := range n {
		row := codes[i*m : (i+1)*m]
		if i < old.N && !chosen[i] {
			copy(row, was[i*m:])
		} else if i < old.N {
			written++
		}
		transform(z, c.root, factors[i*d:(i+1)*d])
		scales[i] = s.scale(z, row)
		if i < old.N && math.Abs(float64(scales[i])-float64(old.Scales[i])) <= keepLength {
			scales[i] = old.Scales[i]
		}
	}
	return codes, scales, written
}

// loss returns the weighted sum of the squared errors of rows with codes.
func (c *codebook) loss(factors []float32, codes []byte, weights []uint32) (sum float64) {
	d, m := c.d, c.m
	s := newSearcher(c.stages[len(c.stages)-1], d, m, c.seed)
	z := make([]float32, d)
	for i := range len(factors) / d {
		transform(z, c.root, factors[i*d:(i+1)*d])
		sum += float64(max(1, weights[i])) * s.loss(z, codes[i*m:(i+1)*m])
	}
	return sum
}
