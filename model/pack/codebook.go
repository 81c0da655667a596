package pack

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// An additive quantiser of 4 bits a sub-quantiser: a row of d factors becomes m
// codes, and decodes to the sum of one of 16 centroids from each sub-quantiser.
//
//	y ≈ scale/128 · (C[0][code 0] + C[1][code 1] + … + C[m-1][code m-1])
//
// Its tables are scanned like those of a product quantiser (Jégou, Douze and
// Schmid, "Product quantization for nearest neighbor search", TPAMI 2011; André,
// Kermarrec and Le Scouarnec, "Quicker ADC", TPAMI 2021): a person's dot product
// with the 16·m centroids is taken once, and an item's score is the sum of m
// entries.
//
// Why do centroids have all d factors, and not a few each? The scan is the same
// and the error is half, for 16·d·(m-1) bytes more in the whole bundle: Babenko
// and Lempitsky, "Additive quantization for extreme vector compression", CVPR
// 2014. Nor does a rotation of the factors help (Ge et al., "Optimized product
// quantization", CVPR 2013): the centroids would undo it.
//
// What is minimised is the error of scores. With M the second moment of the
// people's factors x, a row's error e moves a score by x·e, which is eᵀMe in
// the mean of the square: Guo et al., "Accelerating large-scale inference with
// anisotropic vector quantization", ICML 2020, section 3, without their
// assumption that queries have no direction. A row counts by the people who had
// the item, because lists hold such items.
//
// Centroids and codes take turns: Martinez et al., "LSQ++: lower running time
// and higher recall in multi-codebook quantization", ECCV 2018. Centroids come
// by least squares, codes by iterated local search. It starts from a product
// quantiser in the eigenbasis of M, whose groups are equal runs of dimensions.
const (
	codebookSize = 16 // centroids of a sub-quantiser: 4 bits
	codebookOne  = quant.ScaleOne
	// codebookSample bounds the rows that centroids are learnt from: 50 000 rows
	// are at least 65 for each centroid of 48 sub-quantisers.
	codebookSample = 50000
	codebookLloyd  = 10 // k-means iterations of the start
	// codebookEpochs is how often centroids and codes take turns. From 8 to 12
	// the error falls by 2 %.
	codebookEpochs = 12
	// Iterated local search disturbs codebookKicks codes and descends again, a
	// number of rounds in each stage and more in the last.
	codebookKicks       = 3
	codebookRounds      = 2
	codebookFinalRounds = 8
	codebookSweeps      = 3 // most passes over the sub-quantisers in a descent
	// codebookProximal ties new centroids to the old ones, as part of the mean
	// diagonal of the system. The one-hot columns of each sub-quantiser sum to
	// 1, so without it the system is singular.
	codebookProximal = 1e-3
	// codebookFloor is the least eigenvalue of M, as part of the largest.
	codebookFloor = 1e-6
	codebookBlock = 256 // rows that a worker takes at a time
)

// codebook encodes and decodes rows of d factors.
type codebook struct {
	d, m int
	// centroids are 16·m rows of d, those of a sub-quantiser side by side, as
	// they ship.
	centroids quant.Rows
	// root and its inverse are d×d: the metric of errors is rootᵀ·root.
	root, inverse []float32
	// stages are centroids times root, 16·m×d, through which a row's codes are
	// searched: those of the product quantiser first, those that ship last.
	//
	// Why not only the last? The rows that centroids were learnt from got their
	// codes on this way. Starting from the last, ten times the rounds leave 5 %
	// more error.
	stages  [][]float32
	seed    uint64
	workers int
}

// codebookOptions say what errors cost. The zero value suits rows of which
// nothing else is known.
type codebookOptions struct {
	Moment  []float32 // d×d: second moment of the people's factors; nil: of the rows themselves
	Weights []uint32  // n: what a row counts for, 0 as much as 1; nil: all the same
	Seed    uint64
	Workers int // goroutines; 0: one per processor. Never changes the codebook
}

// trainCodebook learns m sub-quantisers, 1 … d, from factors, n×d row-major and
// finite.
func trainCodebook(factors []float32, d, m int, opt codebookOptions) (codebook, error) {
	if d < 1 || len(factors) == 0 || len(factors)%d != 0 {
		return codebook{}, fmt.Errorf("pack: codebook: %d factors: want rows of %d", len(factors), d)
	}
	n := len(factors) / d
	if m < 1 || m > d {
		return codebook{}, fmt.Errorf("pack: codebook: %d sub-quantisers: want 1 … %d, one for each factor at most", m, d)
	}
	if opt.Moment != nil && len(opt.Moment) != d*d || opt.Weights != nil && len(opt.Weights) != n {
		return codebook{}, fmt.Errorf("pack: codebook: a moment of %d numbers and %d weights: want %d×%d and %d",
			len(opt.Moment), len(opt.Weights), d, d, n)
	}
	c := codebook{d: d, m: m, seed: opt.Seed, workers: cmp.Or(opt.Workers, runtime.GOMAXPROCS(0))}
	moment := opt.Moment
	if moment == nil {
		moment = momentOf(factors, d)
	}
	if err := c.whiten(moment); err != nil {
		return codebook{}, err
	}
	l := newLearner(&c, factors, opt.Weights)
	l.start()
	c.stages = append(c.stages, slices.Clone(l.white))
	for epoch := range codebookEpochs {
		if err := l.refit(); err != nil {
			return codebook{}, err
		}
		l.search(epoch)
		c.stages = append(c.stages, slices.Clone(l.white))
	}
	if err := l.refit(); err != nil {
		return codebook{}, err
	}
	c.round(l.white)
	return c, nil
}

// momentOf returns the mean of y·yᵀ over the rows.
func momentOf(factors []float32, d int) []float32 {
	sum := make([]float64, d*d)
	for from := 0; from < len(factors); from += d {
		y := factors[from : from+d]
		for a, v := range y {
			for b, w := range y[:a+1] {
				sum[a*d+b] += float64(v) * float64(w)
			}
		}
	}
	moment := make([]float32, d*d)
	for a := range d {
		for b := range a + 1 {
			mean := float32(sum[a*d+b] / float64(len(factors)/d))
			moment[a*d+b], moment[b*d+a] = mean, mean
		}
	}
	return moment
}

// whiten sets root and inverse, so that rootᵀ·root is the moment with a largest
// eigenvalue of 1. The rows of root are in falling order of eigenvalues.
func (c *codebook) whiten(moment []float32) error {
	d := c.d
	sym := mat.NewSymDense(d, nil)
	for a := range d {
		for b := range a + 1 {
			v := float64(moment[a*d+b])
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("pack: codebook: the moment has %v at row %d, column %d: want finite numbers", v, a, b)
			}
			sym.SetSym(a, b, v)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(sym, true) {
		return fmt.Errorf("pack: codebook: the moment has no eigenvalues")
	}
	values := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	most := values[d-1]
	c.root, c.inverse = make([]float32, d*d), make([]float32, d*d)
	for f := range d {
		at := d - 1 - f // gonum's are in rising order
		root := 1.      // of a moment of zeros: all directions count the same
		if most > 0 {
			root = math.Sqrt(max(values[at]/most, codebookFloor))
		}
		for a := range d {
			v := vectors.At(a, at)
			c.root[f*d+a] = float32(v * root)
			c.inverse[a*d+f] = float32(v / root)
		}
	}
	return nil
}

// round turns learnt centroids, times root, into those that ship, and makes
// these the last stage.
func (c *codebook) round(white []float32) {
	k, d := codebookSize*c.m, c.d
	plain := make([]float32, k*d)
	for r := range k {
		transform(plain[r*d:(r+1)*d], c.inverse, white[r*d:(r+1)*d])
	}
	codes, scales, exp := quant.EncodeRows(plain, d)
	c.centroids = quant.Rows{N: k, D: d, Codes: codes, Scales: wire.AppendUint16s(nil, scales), Exp: exp}
	c.stages = append(c.stages, c.shipped())
}

// shipped returns the centroids as they ship, times root.
func (c *codebook) shipped() []float32 {
	k, d := codebookSize*c.m, c.d
	last, row := make([]float32, k*d), make([]float32, d)
	for r := range k {
		c.centroids.DecodeTo(row, r)
		transform(last[r*d:(r+1)*d], c.root, row)
	}
	return last
}

// encode returns the codes of the rows of factors, n×m with one code of 0 … 15
// a byte, and the scale of each row in 1/128, a byte.
//
// The scale gives a row its length back, in the metric of scores, up to twice
// the sum of its centroids. Such sums are shorter than what they stand for,
// those of rare items most of all, which would then be recommended too seldom.
func (c *codebook) encode(factors []float32) (codes, scales []byte) {
	d, m, n := c.d, c.m, len(factors)/c.d
	codes, scales = make([]byte, n*m), make([]byte, n)
	stages := make([]*searcher, len(c.stages))
	eachOf(c.workers, len(stages), func(s int) { stages[s] = newSearcher(c.stages[s], d, m, c.seed) })
	inBlocks(c.workers, n, func(from, to int) {
		z := make([]float32, (to-from)*d)
		for k := range to - from {
			transform(z[k*d:(k+1)*d], c.root, factors[(from+k)*d:(from+k+1)*d])
		}
		for stage, s := range stages {
			w := s.newWorker()
			rounds := codebookRounds
			if stage == len(stages)-1 {
				rounds = codebookFinalRounds
			}
			for k := range to - from {
				i := from + k
				row := codes[i*m : (i+1)*m]
				w.begin(z[k*d:(k+1)*d], row, stage == 0)
				w.search(row, rounds, [2]int{stage, i})
			}
		}
		for k := range to - from {
			i := from + k
			scales[i] = stages[len(stages)-1].scale(z[k*d:(k+1)*d], codes[i*m:(i+1)*m])
		}
	})
	return codes, scales
}

// transform sets dst to the matrix a, len(dst)×len(x), times x.
func transform(dst, a, x []float32) {
	for f := range dst {
		dst[f] = dot(x, a[f*len(x):])
	}
}

func dot(x, y []float32) float32 {
	var sum float32
	for f, v := range x {
		sum += float32(v * y[f])
	}
	return sum
}

// inBlocks calls work for blocks of 0 … n-1, in any order.
func inBlocks(workers, n int, work func(from, to int)) {
	eachOf(workers, (n+codebookBlock-1)/codebookBlock, func(b int) {
		work(b*codebookBlock, min((b+1)*codebookBlock, n))
	})
}

// eachOf calls work for each of 0 … n-1, in any order.
func eachOf(workers, n int, work func(i int)) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := 0
	for range min(workers, n) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n {
					return
				}
				work(i)
			}
		})
	}
	wg.Wait()
}
