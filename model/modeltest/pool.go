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
}

// Pool returns a pool of random numbers in which item i has up to 12 neighbours.
// The same arguments give the same pool.
func Pool(seed uint64, s PoolShape) *bundle.Pool {
	r := rand.New(rand.NewPCG(seed, 0xa5a5))
	p := &bundle.Pool{Positions: 4, Buckets: []int{1, 3}, Repeats: s.Repeats}
	if s.Columns > 0 {
		rows := make([]quant.SparseRow, s.Items)
		for i := range rows {
			for j := range s.Items {
				if len(rows[i].Items) < 12 && j != i && r.IntN(s.Items) < 12 {
					rows[i].Items = append(rows[i].Items, int32(j))
					for range s.Columns {
						rows[i].Weights = append(rows[i].Weights, r.Float32()-.25)
					}
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
		p.Candidates, p.Net, p.Trend = 10, poolNet(r, bundle.NetInputs(s.Columns)), make([]int8, s.Items)
		for i := range p.Trend {
			p.Trend[i] = int8(r.IntN(255) - 127)
		}
	}
	return p
}

func poolNet(r *rand.Rand, in int) *bundle.Net {
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
	net := &bundle.Net{In: in, H1: 9, H2: 5, L1: layer(9, in), L2: layer(5, 9), Out: layer(1, 5+in)}
	for range in {
		net.Mean, net.Scale = append(net.Mean, 4*r.Float32()-2), append(net.Scale, r.Float32())
	}
	return net
}
