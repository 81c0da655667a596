package score

import (
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
)

// netRun runs a net for many candidates at a time: a feature of all of them is
// one vector.
type netRun struct {
	net    *bundle.Net
	a, b   []float32 // H1 × candidates, H2 × candidates
	l1, l2 []float32 // weights, decoded
	out    []float32
}

func newNetRun(net *bundle.Net) *netRun {
	decode := func(l bundle.Layer) []float32 {
		w := make([]float32, len(l.Codes))
		inputs := len(l.Codes) / len(l.Scales)
		for k, c := range l.Codes {
			w[k] = float32(float32(c) * l.Scales[k/inputs])
		}
		return w
	}
	return &netRun{net: net, l1: decode(net.L1), l2: decode(net.L2), out: decode(net.Out)}
}

// run writes the outputs of n candidates to dst. x is features × n; it is
// overwritten.
func (r *netRun) run(dst, x []float32, n int) {
	net := r.net
	for f := range net.In {
		mean, scale := net.Mean[f], net.Scale[f]
		row := x[f*n : (f+1)*n]
		for k, v := range row {
			row[k] = float32(float32(v-mean) * scale)
		}
	}
	r.a, r.b = grow(r.a, net.H1*n), grow(r.b, net.H2*n)
	Layer(r.a, x, r.l1, net.L1.Bias, n)
	Layer(r.b, r.a, r.l2, net.L2.Bias, n)
	for k := range dst {
		dst[k] = net.Out.Bias[0]
	}
	for h := range net.H2 {
		quant.Axpy(dst, r.b[h*n:(h+1)*n], r.out[h])
	}
	for f := range net.In {
		quant.Axpy(dst, x[f*n:(f+1)*n], r.out[net.H2+f])
	}
}

// Layer sets dst, units × n, to what rectified units with these weights, units ×
// inputs, and biases make of x, inputs × n.
func Layer(dst, x, w, bias []float32, n int) {
	inputs := len(w) / len(bias)
	for u, b := range bias {
		row := dst[u*n : (u+1)*n]
		for k := range row {
			row[k] = b
		}
		for f := range inputs {
			quant.Axpy(row, x[f*n:(f+1)*n], w[u*inputs+f])
		}
		for k, v := range row {
			row[k] = max(v, 0)
		}
	}
}
