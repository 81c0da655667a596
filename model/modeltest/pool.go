package modeltest

import (
	"math/rand/v2"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
)

// PoolShape says what a [Pool] has.
type PoolShape struct {
	Items, Columns int
	Net            bool // and a trend
	Repeats        bool
	Factors        bool // gains and nearest items; the factors are the model's
	Real           bool // as large as training makes it
}

// Pool returns a pool of random numbers. An item has about 10 neighbours, or 50
// in a real one; a net ranks 10 candidates with layers of 9 and 5 units, or 100
// with 32 and 16. The same arguments give the same pool.
func Pool(seed uint64, s PoolShape) *bundle.Pool {
	r := rand.New(rand.NewPCG(seed, 0xa5a5))
	p := &bundle.Pool{Positions: 4, Buckets: []int{1, 3}, Repeats: s.Repeats}
	neighbours, candidates, h1, h2 := 10, 10, 9, 5
	if s.Real {
		neighbours, candidates, h1, h2 = 50, 100, 32, 16
	}
	if s.Columns > 0 {
		rows := make([]quant.SparseRow, s.Items)
		step := max(1, 2*s.Items/neighbours) // half of which is the mean gap
		for i := range rows {
			for j := r.IntN(step); j < s.Items && len(rows[i].Items) < 255; j += 1 + r.IntN(step) {
				if j == i {
					continue
				}
				rows[i].Items = append(rows[i].Items, int32(j))
				for range s.Columns {
					rows[i].Weights = append(rows[i].Weights, r.Float32()-.25)
				}
			}
		}
		p.Sparse = quant.EncodeSparse(rows, s.Columns)
	}
	p.Weights = make([]float32, (len(p.Buckets)+1)*(s.Columns+2)*p.Positions)
	for k := range p.Weights {
		p.Weights[k] = r.Float32()
	}
	if s.Factors {
		p.Nearest, p.Gains = 5, make([]byte, s.Items)
		for i := range p.Gains {
			p.Gains[i] = byte(150 + r.IntN(20))
		}
	}
	if s.Net {
		p.Decays = [2]float32{.5, .875}
		p.Candidates, p.Net, p.Trend = candidates, poolNet(r, bundle.NetInputs(s.Columns), h1, h2), make([]int8, s.Items)
		for i := range p.Trend {
			p.Trend[i] = int8(r.IntN(255) - 127)
		}
	}
	return p
}

func poolNet(r *rand.Rand, in, h1, h2 int) *bundle.Net {
	layer := func(units, inputs int) bundle.Layer {
		l := bundle.Layer{Codes: make([]int8, units*inputs), Scales: make([]float32, units), Bias: make([]float32, units)}
		for k := range l.Codes {
			l.Codes[k] = int8(r.IntN(255) - 127)
		}
		for u := range units {
			l.Scales[u], l.Bias[u] = r.Float32()/256, r.Float32()-.5
		}
		return l
	}
	net := &bundle.Net{In: in, H1: h1, H2: h2, L1: layer(h1, in), L2: layer(h2, h1), Out: layer(1, h2+in)}
	for range in {
		net.Mean, net.Scale = append(net.Mean, 4*r.Float32()-2), append(net.Scale, r.Float32())
	}
	return net
}
