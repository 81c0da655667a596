package train

import (
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/data"
)

// Algorithm names what a model was learnt with.
type Algorithm string

// Some algorithms; [Algorithms] lists all.
const (
	Auto     Algorithm = "auto"     // a pool of tables and factors, and a net on top
	IALS     Algorithm = "ials"     // implicit alternating least squares
	EASE     Algorithm = "ease"     // linear item-item model, closed form
	Ridge    Algorithm = "ridge"    // linear item-item model, from each item's strongest neighbours
	SLIM     Algorithm = "slim"     // sparse linear item-item model, weights of at least 0
	BPR      Algorithm = "bpr"      // item factors from pairwise ranking
	ELSA     Algorithm = "elsa"     // item factors, a linear autoencoder
	Spectral Algorithm = "spectral" // item factors, a graph filter
	Sequence Algorithm = "sequence" // item factors and an encoder of the history
	Popular  Algorithm = "popular"  // number of people per item
	Content  Algorithm = "content"  // ials, and what the catalogue says of new items
	Imported Algorithm = "imported" // item factors that were learnt elsewhere
)

// Model is what training leaves: item-side parameters and the catalogue, in
// one order. It never holds anything about a single user.
type Model struct {
	Algorithm Algorithm
	Items     []data.Item // n items; the index is the row of everything below
	Count     []uint32    // n: people who had the item in training
	Params    Params      // what it was learnt with; nil: not known
	Seed      uint64      // of everything random
	Label     Label

	// For a fold-in: the item factors and what the person's needs.
	Dim      int       // d
	Factors  []float32 // n×d, row-major
	Alpha    float32   // weight of an unobserved pair
	Reg      float32   // lambda
	Exponent float32   // nu of the frequency-scaled regularisation
	Observed bool      // only observed pairs scale it
	Moment   []float32 // d×d: mean of x·xᵀ over the people; for packing, never shipped; nil in older files

	// For sums of neighbours: the weight of neighbour j for a history with item i, row by row.
	Neighbours *data.Matrix // n×n

	// For the factors: a bundle.Encoder as it ships, which makes the person's.
	Encoder []byte

	// For a pool, coded as it ships; Factors may go with it.
	Pool  *bundle.Pool
	Gains []Gain // what each part adds; not in a file
}

// Scorer says how a device scores with m, by the parts that m has.
func (m *Model) Scorer() bundle.Scorer {
	switch {
	case m.Pool != nil:
		return bundle.ScorerPool
	case m.Encoder != nil:
		return bundle.ScorerSequence
	case m.Factors != nil:
		return bundle.ScorerFoldIn
	case m.Neighbours != nil:
		return bundle.ScorerNeighbours
	}
	return bundle.ScorerPopular
}

// Ridge returns what the fold-in of a person with n items adds to the diagonal:
// lambda·(n + alpha·items)^nu (Rendle et al. 2021, eq. 4) or, where only
// observed pairs scale it, lambda·n^nu (ALS-WR: Zhou et al., "Large-scale parallel
// collaborative filtering for the Netflix prize", AAIM 2008, with nu = 1).
func (m *Model) Ridge(n int) float32 {
	alpha := m.Alpha
	if m.Observed {
		alpha, n = 0, max(n, 1) // a person without items has no system, but a row in the bundle's table
	}
	return scaledReg(m.Reg, alpha, m.Exponent, n, len(m.Count))
}

// Codec returns how the factors are coded unless somebody says otherwise: in 4
// bits where there are many of them in a pool, whose tables make up for what the
// bits lose, and else in 8.
func (m *Model) Codec() bundle.Codec {
	if m.Pool != nil && m.Dim >= manyFactors {
		return bundle.CodecInt4
	}
	return bundle.CodecInt8
}

// manyFactors are too many for 8 bits each: on Yelp2018 256 of them in 4 bits are
// worth 4 % of NDCG@20 more than 128 in 8.
const manyFactors = 128

// scaledReg returns λ(n + α·others)^ν, for a row with n of the pairs it could have
// with so many others.
func scaledReg(lambda, alpha, nu float32, n, others int) float32 {
	scale := float64(n) + float64(alpha)*float64(others)
	return float32(float64(lambda) * math.Pow(scale, float64(nu)))
}

// Label is what the privacy label of a bundle says about the training data.
type Label struct {
	Users        uint64   // people in the training data, after cleaning; 0: it was learnt without, or elsewhere
	Events       uint64   // user-item pairs they left
	Dropped      uint64   // rows of the log that cleaning dropped
	MinItemUsers uint32   // the fewest people behind any item that has some
	Digest       [32]byte // SHA-256 over the cleaned pairs, see data.Log.Digest
}
