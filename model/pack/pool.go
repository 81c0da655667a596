package pack

import (
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/train"
)

// prunePool returns m with at most k neighbours in each row of its pool, where it
// has one; 0 is no bound. What is pruned is a copy.
func prunePool(m *train.Model, k int) *train.Model {
	if m.Pool == nil || m.Pool.Sparse.C == 0 || k <= 0 {
		return m
	}
	pruned, pool := *m, *m.Pool
	pool.Sparse = pool.Sparse.Prune(k)
	pruned.Pool = &pool
	return &pruned
}

// pool lays out a pool, and its factors if there are any.
func pool(m *train.Model, opt Options, a *anchor) ([]section, error) {
	p := m.Pool
	list := []section{{kind: bundle.KindPoolWeights, body: wire.AppendFloat32s(nil, p.Weights)}}
	if p.Sparse.C > 0 {
		list = append(list,
			section{kind: bundle.KindPoolCounts, body: p.Sparse.Counts},
			section{kind: bundle.KindPoolItems, body: p.Sparse.Items},
			section{kind: bundle.KindPoolCodes, body: quant.Bytes(p.Sparse.Codes)},
			section{kind: bundle.KindPoolScales, body: p.Sparse.Scales},
		)
	}
	if p.Net != nil {
		list = append(list, section{kind: bundle.KindNet, body: packNet(p)})
		if p.Trend != nil {
			list = append(list, section{kind: bundle.KindTrend, body: quant.Bytes(p.Trend)})
		}
	}
	if m.Factors == nil {
		return list, nil
	}
	if p.Gains != nil {
		list = append(list, section{kind: bundle.KindGains, body: p.Gains})
	}
	scanned, rescored, _, err := quantise(m, opt.Quant, a)
	return append(append(list, scanned...), rescored...), err
}

// packNet writes the decays of its features, the inputs' means and scales, each
// layer's scales and biases, and then all codes.
func packNet(p *bundle.Pool) []byte {
	net := p.Net
	b := wire.AppendFloat32s(nil, p.Decays[:])
	b = wire.AppendFloat32s(b, net.Mean)
	b = wire.AppendFloat32s(b, net.Scale)
	layers := []bundle.Layer{net.L1, net.L2, net.Out}
	for _, l := range layers {
		b = wire.AppendFloat32s(b, l.Scales)
		b = wire.AppendFloat32s(b, l.Bias)
	}
	for _, l := range layers {
		b = append(b, quant.Bytes(l.Codes)...)
	}
	return b
}

// pool writes a pool's shape.
func (w *writer) pool(p *bundle.Pool) {
	if p.Net == nil {
		w.mapLen(7)
	} else {
		w.mapLen(8)
	}
	w.uintField(0, uint64(p.Positions))
	w.key(1)
	w.array(len(p.Buckets))
	for _, most := range p.Buckets {
		w.uint(uint64(most))
	}
	w.uintField(2, uint64(p.Sparse.C))
	w.uintField(3, uint64(p.Sparse.Rice))
	candidates := p.Candidates
	if p.Net == nil {
		candidates = 0 // there is nothing that ranks them again
	}
	w.uintField(4, uint64(candidates))
	w.uintField(5, uint64(p.Nearest))
	w.key(6)
	w.keep(w.enc.EncodeBool(p.Repeats))
	if p.Net != nil {
		w.key(7)
		w.array(2)
		w.uint(uint64(p.Net.H1))
		w.uint(uint64(p.Net.H2))
	}
}
