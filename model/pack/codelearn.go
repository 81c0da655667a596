package pack

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// learner holds a sample of rows while centroids are learnt from them.
type learner struct {
	d, m, n, workers int
	seed             uint64
	rows             []int     // n: which of all rows these are
	z                []float32 // n×d: root times the rows
	weights          []float64 // n, 1 in the mean
	white            []float32 // 16·m×d: root times the centroids
	codes            []byte    // n×m
}

func newLearner(c *codebook, factors []float32, weights []uint32) *learner {
	d := c.d
	rows, each := sample(len(factors)/d, weights, c.seed)
	l := &learner{
		d: d, m: c.m, n: len(rows), rows: rows, workers: c.workers, seed: c.seed, weights: each,
		z: make([]float32, len(rows)*d), white: make([]float32, codebookSize*c.m*d), codes: make([]byte, len(rows)*c.m),
	}
	inBlocks(l.workers, l.n, func(from, to int) {
		for k := from; k < to; k++ {
			transform(l.z[k*d:(k+1)*d], c.root, factors[rows[k]*d:(rows[k]+1)*d])
		}
	})
	return l
}

// sample picks at most codebookSample of n rows and returns them in order, with
// what each of them stands for. From more rows, each is picked with a
// probability in proportion to its weight: systematic sampling, Madow, "On the
// theory of systematic sampling, II", Annals of Mathematical Statistics 1949.
func sample(n int, weights []uint32, seed uint64) (rows []int, each []float64) {
	weight := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return float64(max(1, weights[i]))
	}
	rate := math.Inf(1)
	if n > codebookSample {
		rate = sampleRate(n, weight)
	}
	rng := rand.New(rand.NewPCG(seed, 0x13198a2e03707344)) // digits of pi
	at, sum := rng.Float64(), 0.
	for i := range n {
		w := weight(i)
		if at += min(1, rate*w); at >= 1 {
			at--
			w = max(w, 1/rate)
			rows, each, sum = append(rows, i), append(each, w), sum+w
		}
	}
	for k := range each {
		each[k] *= float64(len(each)) / sum
	}
	return rows, each
}

// sampleRate returns the rate at which min(1, rate·weight) sum to
// codebookSample. It grows to its limit, because rows that are sure to be
// picked leave more to the others.
func sampleRate(n int, weight func(i int) float64) float64 {
	rate := 0.
	for {
		sure, rest := 0, 0.
		for i := range n {
			if w := weight(i); rate*w >= 1 {
				sure++
			} else {
				rest += w
			}
		}
		next := float64(codebookSample-sure) / rest
		if rest == 0 || next <= rate*(1+1e-9) {
			return rate
		}
		rate = next
	}
}

// start makes the product quantiser: sub-quantiser s has the dimensions from
// ⌊s·d/m⌋ to ⌊(s+1)·d/m⌋-1.
func (l *learner) start() {
	eachOf(l.workers, l.m, func(s int) {
		from, to := s*l.d/l.m, (s+1)*l.d/l.m
		rows := make([]float32, 0, l.n*(to-from))
		for i := range l.n {
			rows = append(rows, l.z[i*l.d+from:i*l.d+to]...)
		}
		centroids, codes := kmeans(rows, l.weights, rand.New(rand.NewPCG(l.seed, uint64(s))))
		for c := range codebookSize {
			copy(l.white[(s*codebookSize+c)*l.d+from:], centroids[c*(to-from):(c+1)*(to-from)])
		}
		for i, code := range codes {
			l.codes[i*l.m+s] = code
		}
	})
}

// kmeans returns 16 centroids of the rows, as many as weights, and the code of
// each row: Arthur and Vassilvitskii, "k-means++: the advantages of careful
// seeding", SODA 2007, and Lloyd's iterations. A centroid that no row is
// nearest to stays where it is.
func kmeans(rows []float32, weights []float64, rng *rand.Rand) (centroids []float32, codes []byte) {
	n := len(weights)
	d := len(rows) / n
	centroids, codes = make([]float32, codebookSize*d), make([]byte, n)
	distance := func(i, c int) float32 {
		var sum float32
		for f, v := range rows[i*d : (i+1)*d] {
			e := v - centroids[c*d+f]
			sum += float32(e * e)
		}
		return sum
	}
	cost := slices.Clone(weights)
	for c := range codebookSize {
		pick := draw(cost, rng)
		copy(centroids[c*d:(c+1)*d], rows[pick*d:(pick+1)*d])
		for i, w := range weights {
			if v := w * float64(distance(i, c)); c == 0 || v < cost[i] {
				cost[i] = v
			}
		}
	}
	sums := make([]float64, codebookSize*d)
	for lloyd := 0; ; lloyd++ {
		clear(sums)
		var weight [codebookSize]float64
		for i, w := range weights {
			best, code := distance(i, 0), 0
			for c := 1; c < codebookSize; c++ {
				if v := distance(i, c); v < best {
					best, code = v, c
				}
			}
			codes[i] = byte(code)
			weight[code] += w
			for f, v := range rows[i*d : (i+1)*d] {
				sums[code*d+f] += w * float64(v)
			}
		}
		if lloyd == codebookLloyd {
			return centroids, codes
		}
		for k, sum := range sums {
			if w := weight[k/d]; w > 0 {
				centroids[k] = float32(sum / w)
			}
		}
	}
}

// draw returns an index with a probability in proportion to its cost; 0 when
// all cost nothing.
func draw(cost []float64, rng *rand.Rand) int {
	var sum float64
	for _, v := range cost {
		sum += v
	}
	at := rng.Float64() * sum
	for i, v := range cost {
		if at -= v; at < 0 {
			return i
		}
	}
	return 0
}

// refit sets the centroids to the weighted least squares solution, given the
// codes: with B the rows' one-hot codes and C₀ the centroids before,
// (BᵀWB + μI)·C = BᵀW·Z + μ·C₀.
func (l *learner) refit() error {
	d, k := l.d, codebookSize*l.m
	a, right := make([]float64, k*k), make([]float64, k*d)
	// Each sub-quantiser's part of the system is summed in the order of rows.
	eachOf(l.workers, l.m, func(s int) {
		for i, w := range l.weights {
			codes := l.codes[i*l.m : (i+1)*l.m]
			r := s*codebookSize + int(codes[s])
			for t := s; t < l.m; t++ {
				a[r*k+t*codebookSize+int(codes[t])] += w
			}
			sum := right[r*d : (r+1)*d]
			for f, v := range l.z[i*d : (i+1)*d] {
				sum[f] += w * float64(v)
			}
		}
	})
	// The weights are 1 in the mean, so the diagonal sums to n·m.
	mu := codebookProximal * float64(l.n*l.m) / float64(k)
	for r := range k {
		a[r*k+r] += mu
	}
	for e, v := range l.white {
		right[e] += mu * float64(v)
	}
	var chol mat.Cholesky
	if !chol.Factorize(mat.NewSymDense(k, a)) {
		return fmt.Errorf("pack: codebook: the system of the centroids is not positive definite")
	}
	var solved mat.Dense
	if err := chol.SolveTo(&solved, mat.NewDense(k, d, right)); err != nil {
		return fmt.Errorf("pack: codebook: %w", err)
	}
	for e := range l.white {
		l.white[e] = float32(solved.At(e/d, e%d))
	}
	return nil
}

// search improves the codes, given the centroids.
func (l *learner) search(epoch int) {
	s := newSearcher(l.white, l.d, l.m, l.seed)
	inBlocks(l.workers, l.n, func(from, to int) {
		w := s.newWorker()
		for i := from; i < to; i++ {
			row := l.codes[i*l.m : (i+1)*l.m]
			w.begin(l.z[i*l.d:(i+1)*l.d], row, false)
			w.search(row, codebookRounds, [2]int{epoch + 1, i})
		}
	})
}
