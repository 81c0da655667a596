package pack

import (
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/train"
)

// PLACEHOLDER until the codebook branch lands.
func trainPQ(m *train.Model, q Quant) (quant.PQ, error) {
	n, d, groups := len(m.Items), m.Dim, 2*q.Bytes
	rest := append([]float32(nil), m.Factors...)
	codes := make([]byte, n*groups)
	var cents []float32
	for s := range groups {
		c := make([]float32, 16*d)
		for k := range 16 {
			copy(c[k*d:(k+1)*d], rest[(k*n/16)*d:(k*n/16+1)*d])
		}
		for range 6 {
			cnt := make([]float32, 16)
			sum := make([]float32, 16*d)
			for i := range n {
				y := rest[i*d : (i+1)*d]
				best := float32(1e30)
				for k := range 16 {
					var dist float32
					for f, v := range c[k*d : (k+1)*d] {
						dist += (y[f] - v) * (y[f] - v)
					}
					if dist < best {
						best, codes[i*groups+s] = dist, byte(k)
					}
				}
				k := int(codes[i*groups+s])
				cnt[k]++
				for f, v := range y {
					sum[k*d+f] += v
				}
			}
			for k := range 16 {
				if cnt[k] > 0 {
					for f := range d {
						c[k*d+f] = sum[k*d+f] / cnt[k]
					}
				}
			}
		}
		for i := range n {
			k := int(codes[i*groups+s])
			for f := range d {
				rest[i*d+f] -= c[k*d+f]
			}
		}
		cents = append(cents, c...)
	}
	cc, scales, exp := quant.EncodeRows(cents, d)
	return quant.PQ{N: n, D: d, M: groups, Codes: quant.PackPQ(codes, groups), Centroids: quant.Rows{N: 16 * groups, D: d, Codes: cc, Scales: wire.AppendUint16s(nil, scales), Exp: exp}}, nil
}
