package bundle

import (
	"errors"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// Bounds of a [Pool]. With them nothing that a device computes is infinite or no
// number, of which engines could make different integers:
//
//   - There are at most 2¹² tastes of at most 2⁸ and 2³ columns of scales below
//     2²⁴: sums of the columns stay below 2⁶⁷.
//   - With 2¹⁰ factors of at most 2²⁰ and gains below 2²⁴ a person's factors stay
//     below 2⁸⁴, products with a row below 2¹¹⁴, sums over 2000 candidates below
//     2¹²⁵.
//   - A feature is below 2¹⁰ in size: a logarithm, a share, or a cosine, which is
//     above 2 only where squares underflow. There are fewer than 2⁶ features and
//     at most 2⁶ units in a layer, so that a net's inputs stay below 2⁴¹ and its
//     layers below 2⁶⁷, 2⁹³ and 2¹²⁰.
const (
	MaxPositions  = 32
	MaxBuckets    = 16
	MaxPoolWeight = 1 << 20
	MaxPoolFactor = 1 << 20 // see maxPoolExp
	MaxHidden     = 64
	MaxNetValue   = 1 << 20 // means, scales, biases, weights
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

// readPool reads a pool's shape: the manifest's key 14.
func readPool(d *wire.Decoder) *Pool {
	p := &Pool{}
	m := d.Map(16)
	for m.Next() {
		switch m.Key {
		case 0:
			p.Positions = int(d.Uint(MaxPositions))
		case 1:
			for range d.Array(MaxBuckets) {
				p.Buckets = append(p.Buckets, int(d.Uint(MaxHistory)))
			}
		case 2:
			p.Sparse.C = int(d.Uint(quant.MaxColumns))
		case 3:
			p.Sparse.Rice = int(d.Uint(quant.MaxRice))
		case 4:
			p.Candidates = int(d.Uint(MaxRanked))
		case 5:
			p.Nearest = int(d.Uint(MaxRanked))
		case 6:
			p.Repeats = d.Bool()
		case 7:
			if d.Array(2) != 2 {
				d.Fail("the sizes of 2 hidden layers")
			}
			p.Net = &Net{H1: int(d.Uint(MaxHidden)), H2: int(d.Uint(MaxHidden))}
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3, 4, 5, 6)
	least := 0
	for _, most := range p.Buckets {
		if most <= least {
			d.Fail("ascending lengths of history above 0")
		}
		least = most
	}
	switch {
	case p.Positions == 0:
		d.Fail("at least 1 position")
	case p.Sparse.C == 0 && p.Sparse.Rice > 0:
		d.Fail("a Rice parameter of 0 without columns")
	case (p.Net != nil) != (p.Candidates > 0):
		d.Fail("candidates where there is a net, and none otherwise")
	case p.Net != nil && (p.Net.H1 == 0 || p.Net.H2 == 0):
		d.Fail("units in each layer")
	case p.Net != nil:
		p.Net.In = NetInputs(p.Sparse.C)
	}
	return p
}

// poolSections appends the sections that a pool needs and those that it may
// have.
func (m *Manifest) poolSections(need, optional []Kind) ([]Kind, []Kind) {
	need = append(need, KindPoolWeights)
	if m.Pool.Sparse.C > 0 {
		need = append(need, KindPoolCounts, KindPoolItems, KindPoolCodes, KindPoolScales)
	}
	if m.Pool.Net != nil {
		need = append(need, KindNet)
		optional = append(optional, KindTrend) // nobody else looks at it
	}
	if m.Limits.Dim > 0 {
		need = append(need, codecSections(m.Retrieval.Codec)...)
		optional = append(optional, KindGains)
	}
	return need, optional
}

// maxPoolExp returns the largest exponent under which no factor of a codec is
// above MaxPoolFactor in size.
func maxPoolExp(c Codec) int {
	switch c {
	case CodecFloat: // at most 2^exp
		return 20
	case CodecBinary: // 255·2^exp
		return 12
	case CodecPQ: // 255/128 · 256 · 127·65535·2^exp
		return -12
	case CodecInt4: // 8·65535·2^exp
		return 1
	}
	return -3 // 127·65535·2^exp
}

// boundFactors checks the exponents of a pool's rows.
func (m *Manifest) boundFactors() error {
	r := m.Retrieval
	rows := KindRows
	if r.Codec == CodecPQ { // whose rows have no exponent
		rows = KindCentroids
	}
	for _, s := range m.Sections {
		if s.Kind == rows && r.Codec != CodecNone && s.Exp > maxPoolExp(r.Codec) ||
			s.Kind == KindRescore && r.Rescore != CodecNone && s.Exp > maxPoolExp(r.Rescore) {
			return errors.New("factors of a pool of at most 2^20 in size, by their exponent")
		}
	}
	return nil
}

func (b *Bundle) loadPool(raw map[Kind][]byte, n, d int) (err error) {
	p := *b.Manifest.Pool
	if err := loadSparse(&p.Sparse, raw, n); err != nil {
		return err
	}
	if p.Weights, err = boundedFloats(KindPoolWeights, raw[KindPoolWeights], (len(p.Buckets)+1)*(p.Sparse.C+2)*p.Positions, MaxPoolWeight); err != nil {
		return err
	}
	if trend, ok := raw[KindTrend]; ok {
		if len(trend) != n {
			return layout(KindTrend, "a byte for each item")
		}
		p.Trend = quant.Int8s(trend)
	}
	if gains, ok := raw[KindGains]; ok {
		if len(gains) != n {
			return layout(KindGains, "a byte for each item")
		}
		p.Gains = gains
	}
	if p.Net != nil {
		if p.Decays, p.Net, err = readNet(raw[KindNet], *p.Net); err != nil {
			return err
		}
	}
	if d > 0 {
		if b.Table, err = b.loadTable(raw, n, d); err != nil {
			return err
		}
	}
	b.Pool = &p
	return nil
}

// loadSparse sets the rows of s, which has its columns.
func loadSparse(s *quant.Sparse, raw map[Kind][]byte, n int) (err error) {
	if s.C == 0 {
		return nil
	}
	s.N, s.Counts, s.Items, s.Scales = n, raw[KindPoolCounts], raw[KindPoolItems], raw[KindPoolScales]
	if len(s.Counts) != n {
		return layout(KindPoolCounts, "a count for each item")
	}
	if len(s.Scales) != n*s.C {
		return layout(KindPoolScales, "a scale for each item and column")
	}
	neighbours := 0
	for _, count := range s.Counts {
		neighbours += int(count)
	}
	if len(raw[KindPoolCodes]) != neighbours*s.C {
		return layout(KindPoolCodes, "a code for each neighbour and column")
	}
	if s.Codes, err = codesOf(KindPoolCodes, raw[KindPoolCodes]); err != nil {
		return err
	}
	if err := s.Open(); err != nil {
		return layout(KindPoolItems, err.Error())
	}
	return nil
}

// boundedFloats reads n floats of at most most in size.
func boundedFloats(kind Kind, raw []byte, n int, most float32) ([]float32, error) {
	if len(raw) != 4*n {
		return nil, layout(kind, "as many floats as its shape says")
	}
	v := make([]float32, n)
	wire.Float32s(raw).DecodeTo(v)
	for _, x := range v {
		if !(x >= -most && x <= most) {
			return nil, layout(kind, "finite floats within their bound")
		}
	}
	return v, nil
}

// readNet reads a net of the given sizes: two float32 decays; means and scales of
// the inputs; for each of the three layers scales and biases of its units; and
// then their codes, layer by layer.
func readNet(raw []byte, net Net) (decays [2]float32, _ *Net, err error) {
	floats := func(n int, most float32) (v []float32) {
		part := raw[:min(4*n, len(raw))]
		raw = raw[len(part):]
		if err == nil {
			v, err = boundedFloats(KindNet, part, n, most)
		}
		return v
	}
	copy(decays[:], floats(2, 1))
	net.Mean, net.Scale = floats(net.In, MaxNetValue), floats(net.In, MaxNetValue)
	layers := []struct {
		layer         *Layer
		units, inputs int
	}{{&net.L1, net.H1, net.In}, {&net.L2, net.H2, net.H1}, {&net.Out, 1, net.H2 + net.In}}
	codes := 0
	for _, l := range layers {
		l.layer.Scales = floats(l.units, MaxNetValue/128) // so that weights are below MaxNetValue
		l.layer.Bias = floats(l.units, MaxNetValue)
		codes += l.units * l.inputs
	}
	switch {
	case err != nil:
		return decays, nil, err
	case decays[0] < 0 || decays[1] < 0:
		return decays, nil, layout(KindNet, "decays from 0 to 1")
	case len(raw) != codes:
		return decays, nil, layout(KindNet, "a code for each weight")
	}
	all, err := codesOf(KindNet, raw)
	if err != nil {
		return decays, nil, err
	}
	for _, l := range layers {
		l.layer.Codes, all = all[:l.units*l.inputs:l.units*l.inputs], all[l.units*l.inputs:]
	}
	return decays, &net, nil
}
