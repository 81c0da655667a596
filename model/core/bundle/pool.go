package bundle

import "github.com/nearside/nearside/model/core/quant"

// Bounds of a [Pool]. With them nothing that a device computes is infinite or no
// number, of which engines could make different integers. A taste weighs at most
// 2⁸, a scale is below 2²⁴ and there are at most 2³ columns and 2¹² tastes, so
// sums of the columns stay below 2⁶⁷. Factors are at most 2²⁶ in size and 2¹⁰,
// so a person's are below 2⁹⁰ and products with a row below 2¹²⁶. Features are
// at most 2⁶ in size and in number; so are a net's units, and the numbers in it
// are at most 2²⁰ in size: its inputs stay below 2⁴¹, its layers below 2⁶⁷, 2⁹³
// and 2¹¹⁹.
const (
	MaxPositions  = 32
	MaxBuckets    = 16
	MaxPoolWeight = 1 << 20
	MaxHidden     = 64
	MaxNetValue   = 1 << 20 // means, scales, biases, and weights
	MaxRanked     = 1000    // Pool.Candidates and Pool.Nearest
)

// NetInputs returns how many features a candidate has, and inputs a net, over so
// many columns: SPEC.md lists them.
func NetInputs(columns int) int { return 3*columns + 15 }

// Pool is how ScorerPool weighs a history. A history's items are taken from the
// one met last; item p of them, in a history of bucket b, gives to item j
//
//	Σ_t W[b,t,p]·S_t[p's item, j]  +  W[b,self,p] for the item itself
//
// over the columns t of Sparse, and adds W[b,dense,p]·gain·row of its own row to
// the person's factors, whose product with the row of j is added too. From
// position Positions-1 on all items have the weights of that position.
type Pool struct {
	Positions  int
	Buckets    []int      // bucket b has the histories of up to Buckets[b] events that b-1 does not have; a last one has longer ones
	Weights    []float32  // (len(Buckets)+1) × (Sparse.C+2) × Positions: columns, self, dense
	Repeats    bool       // items of the history may be in the answer
	Candidates int        // how many of the best the net ranks again
	Nearest    int        // how many of a scan's best are candidates too; 0: factors only add to the score
	Decays     [2]float32 // how much less an item counts than the next newer one, in the features of the columns; 1 where order means nothing

	Sparse quant.Sparse // without columns: none
	Gains  []byte       // n, see quant.SparseScale; nil: all 1
	Trend  []int8       // n: log2 of how much more an item is met lately, in units of 1/16
	Net    *Net         // nil: the pool's order is final
}

// Weight returns W[b,t,p].
func (p *Pool) Weight(b, t, pos int) float32 {
	return p.Weights[(b*(p.Sparse.C+2)+t)*p.Positions+min(pos, p.Positions-1)]
}

// Self and Dense are where those weights stand after the columns.
func (p *Pool) Self() int  { return p.Sparse.C }
func (p *Pool) Dense() int { return p.Sparse.C + 1 }

// Bucket returns the bucket of a history of so many events.
func (p *Pool) Bucket(events int) int {
	for b, most := range p.Buckets {
		if events <= most {
			return b
		}
	}
	return len(p.Buckets)
}

// Net is a small network that ranks candidates again: In inputs, two layers of
// rectified units and one output, which also has every input. Input x enters as
// (x-Mean)·Scale. A weight is code·scale of its unit.
type Net struct {
	In, H1, H2  int
	Mean, Scale []float32 // In
	L1, L2, Out Layer     // In → H1, H1 → H2, H2+In → 1
}

// Layer is units × inputs of weights.
type Layer struct {
	Codes        []int8    // units × inputs, row-major
	Scales, Bias []float32 // units
}
