package pack

import (
	"math"
	"math/rand/v2"

	"github.com/nearside/nearside/model/core/quant"
)

// searcher finds codes for rows, given centroids. Many workers read it.
type searcher struct {
	d, m, k  int // k = 16·m
	seed     uint64
	white    []float32 // k×d: the centroids
	columns  []float32 // d×k: their transpose
	products []float32 // k×k: their dot products
	norms    []float32 // k: those with themselves
}

func newSearcher(white []float32, d, m int, seed uint64) *searcher {
	k := codebookSize * m
	s := &searcher{
		d: d, m: m, k: k, seed: seed, white: white,
		columns: make([]float32, d*k), products: make([]float32, k*k), norms: make([]float32, k),
	}
	for r := range k {
		for f := range d {
			s.columns[f*k+r] = white[r*d+f]
		}
	}
	for r := range k {
		s.dots(s.products[r*k:(r+1)*k], white[r*d:(r+1)*d])
		s.norms[r] = s.products[r*k+r]
	}
	return s
}

// dots sets dst to the centroids' dot products with z.
func (s *searcher) dots(dst, z []float32) {
	clear(dst)
	for f, v := range z {
		quant.Axpy(dst, s.columns[f*s.k:(f+1)*s.k], v)
	}
}

// centroid returns the centroid that code names in sub-quantiser t.
func (s *searcher) centroid(t int, code byte) []float32 {
	r := t*codebookSize + int(code)
	return s.white[r*s.d : (r+1)*s.d]
}

// sum returns the sum of the centroids that codes name.
func (s *searcher) sum(codes []byte) []float32 {
	sum := make([]float32, s.d)
	for t, code := range codes {
		quant.Axpy(sum, s.centroid(t, code), 1)
	}
	return sum
}

// scale returns the scale of a row z with codes.
func (s *searcher) scale(z []float32, codes []byte) byte {
	sum := s.sum(codes)
	have := dot(sum, sum)
	if have <= 0 {
		return codebookOne
	}
	ratio := math.Sqrt(float64(dot(z, z)) / float64(have))
	return byte(min(math.Round(codebookOne*ratio), math.MaxUint8))
}

// loss returns the squared error of a row z with codes.
func (s *searcher) loss(z []float32, codes []byte) float64 {
	sum := s.sum(codes)
	quant.Axpy(sum, z, -1)
	return float64(dot(sum, sum))
}

func (s *searcher) newWorker() *searchWorker {
	return &searchWorker{searcher: s, rest: make([]float32, s.k), kept: make([]float32, s.k), codes: make([]byte, s.m)}
}

// searchWorker searches for one row at a time. rest[r] is centroid r's dot
// product with e, what the codes leave of the row. So the squared error with
// centroid b in the place of o is known without a vector of d numbers:
//
//	|e + o - b|² = |e|² + 2(rest[o] - rest[b]) + |o|² - 2 o·b + |b|²
type searchWorker struct {
	*searcher
	rest, kept []float32
	codes      []byte
	gain       float32 // what |e|² grew by since gain was set to 0
	rng        rand.PCG
}

// begin takes a row with the codes it has, or with fresh ones: the nearest
// centroid of each sub-quantiser in turn to what those before leave.
func (w *searchWorker) begin(z []float32, codes []byte, fresh bool) {
	w.dots(w.rest, z)
	for t := range codes {
		at := t * codebookSize
		if fresh {
			best := float32(math.MaxFloat32)
			for c := range codebookSize {
				if v := w.norms[at+c] - 2*w.rest[at+c]; v < best {
					best, codes[t] = v, byte(c)
				}
			}
		}
		r := at + int(codes[t])
		quant.Axpy(w.rest, w.products[r*w.k:(r+1)*w.k], -1)
	}
	w.descend(codes)
}

// search disturbs the codes and descends, a number of rounds, and keeps what is
// better. The generator is seeded by the place, a stage and a row, and not
// shared: so workers do not change what is found.
func (w *searchWorker) search(codes []byte, rounds int, place [2]int) {
	w.rng.Seed(w.seed^uint64(place[0])<<32, uint64(place[1]))
	for range rounds {
		copy(w.kept, w.rest)
		copy(w.codes, codes)
		w.gain = 0
		for range codebookKicks {
			v := w.rng.Uint64()
			t := int((v >> 32) % uint64(w.m))
			w.move(codes, t, t*codebookSize+int(v%codebookSize))
		}
		w.descend(codes)
		if w.gain >= 0 {
			copy(w.rest, w.kept)
			copy(codes, w.codes)
		}
	}
}

// descend changes one code at a time while that helps.
func (w *searchWorker) descend(codes []byte) {
	for range codebookSweeps {
		moved := false
		for t, code := range codes {
			at := t * codebookSize
			o := at + int(code)
			rest, norms := (*[codebookSize]float32)(w.rest[at:]), (*[codebookSize]float32)(w.norms[at:])
			row := (*[codebookSize]float32)(w.products[o*w.k+at:])
			// This is the change above without what all centroids share. A gain must exceed
			// the rounding of the sums it is made of.
			own := norms[code&15] - 2*(rest[code&15]+row[code&15])
			best, to := own-1e-5*norms[code&15], o
			for b, norm := range norms {
				if v := norm - 2*(rest[b]+row[b]); v < best {
					best, to = v, at+b
				}
			}
			if to != o {
				w.move(codes, t, to)
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}

// move gives sub-quantiser t the centroid b.
func (w *searchWorker) move(codes []byte, t, b int) {
	o, k := t*codebookSize+int(codes[t]), w.k
	w.gain += 2*(w.rest[o]-w.rest[b]) + w.norms[o] - 2*w.products[o*k+b] + w.norms[b]
	codes[t] = byte(b - t*codebookSize)
	quant.Axpy(w.rest, w.products[o*k:(o+1)*k], 1)
	quant.Axpy(w.rest, w.products[b*k:(b+1)*k], -1)
}
