package audit

import (
	"errors"
	"math"
)

// slowNet is a net over in = 3·columns + 15 features.
type slowNet struct {
	decays     [2]float64
	mean, size []float64
	layers     [3]slowLayer
}

// slowLayer has a row of weights for each unit.
type slowLayer struct {
	weights [][]float64
	bias    []float64
}

func readSlowNet(b []byte, columns, h1, h2 int) (*slowNet, error) {
	in := 3*columns + 15
	if want := 4*(2+2*in+2*(h1+h2+1)) + h1*in + h2*h1 + h2 + in; len(b) != want {
		return nil, errors.New("the net has not the size that its layers have")
	}
	floats := func(n int) []float64 {
		v := vectorOf(b[:4*n])
		b = b[4*n:]
		return v
	}
	net := &slowNet{}
	copy(net.decays[:], floats(2))
	net.mean, net.size = floats(in), floats(in)
	sizes := [3][2]int{{h1, in}, {h2, h1}, {1, h2 + in}}
	var scales [3][]float64
	for l, s := range sizes {
		scales[l], net.layers[l].bias = floats(s[0]), floats(s[0])
	}
	for l, s := range sizes {
		for u := range s[0] {
			row := make([]float64, s[1])
			for i := range row {
				row[i] = float64(int8(b[i])) * scales[l][u]
			}
			b = b[s[1]:]
			net.layers[l].weights = append(net.layers[l].weights, row)
		}
	}
	return net, nil
}

// run returns the outputs for candidates, each with its features.
func (n *slowNet) run(features [][]about) (outputs []about) {
	for _, x := range features {
		for f := range x {
			v := (x[f].v - n.mean[f]) * n.size[f]
			x[f] = about{v, x[f].off*math.Abs(n.size[f]) + fuzz*(math.Abs(v)+math.Abs(n.mean[f]*n.size[f]))}
		}
		a := n.layers[0].units(x)
		b := n.layers[1].units(a)
		outputs = append(outputs, n.layers[2].sums(append(b, x...))[0])
	}
	return outputs
}

func (l slowLayer) sums(x []about) (out []about) {
	for u, row := range l.weights {
		sum := about{}.plus(l.bias[u])
		for i, weight := range row {
			sum = sum.plus(weight * x[i].v)
			sum.off += math.Abs(weight) * x[i].off
		}
		out = append(out, sum)
	}
	return out
}

// units are sums that are cut off at 0.
func (l slowLayer) units(x []about) []about {
	out := l.sums(x)
	for u := range out {
		out[u].v = max(0, out[u].v)
	}
	return out
}

// series is how far the core's series of log₂ may be off.
const series = 1e-5

func log2Of(x about) about {
	return about{math.Log2(x.v), x.off/x.v/math.Ln2 + series}
}

const least = 1e-4 // stands for nothing where a logarithm is taken

// features are those of SPEC.md's table for the candidates of a list.
func (w *slow) features(h past, r opinions, ranked []int) (x [][]about) {
	p := w.pool
	place := map[int]int{}
	for k, i := range ranked {
		place[i] = k
		x = append(x, make([]about, 3*p.columns+15))
	}
	w.columnFeatures(x, h, place)
	other := func(k, f int) *about { return &x[k][3*p.columns+f] }

	var sum about
	low, high := r.factor[ranked[0]], r.factor[ranked[0]]
	for _, i := range ranked {
		if t := r.total[i]; t.v > 0 {
			sum = about{sum.v + t.v, sum.off + t.off}
		}
		if f := r.factor[i]; f.v < low.v {
			low = f
		} else if f.v > high.v {
			high = f
		}
	}
	share := func(i int) about {
		if t := r.total[i]; t.v > 0 && sum.v > 0 {
			return about{t.v / sum.v, t.off/sum.v + t.v/sum.v*sum.off/sum.v + fuzz*t.v/sum.v}
		}
		return about{0, r.total[i].off / max(sum.v, least)}
	}
	one := func(v float64) about { return log2Of(about{v: 1 + v}) }
	var repeats about
	for _, m := range h.items {
		if _, here := place[m.item]; here {
			s := share(m.item)
			repeats = about{repeats.v + s.v, repeats.off + s.off}
		}
	}
	for k, i := range ranked {
		s := share(i)
		*other(k, 0) = log2Of(about{least + s.v, s.off})
		*other(k, 2) = about{v: 4.4}
		*other(k, 7) = one(float64(w.count(i)))
		if p.trend != nil {
			*other(k, 8) = about{v: float64(int8(p.trend[i])) / 16}
		}
		*other(k, 9) = one(float64(h.events))
		*other(k, 10) = one(float64(w.count(h.items[0].item)))
		*other(k, 13) = repeats
		if r.some && high.v > low.v {
			span := high.v - low.v
			*other(k, 14) = about{(r.factor[i].v - low.v) / span, (r.factor[i].off + low.off + high.off) / span}
		}
	}
	for at, m := range h.items {
		k, here := place[m.item]
		if !here {
			continue
		}
		*other(k, 1) = about{v: 1}
		*other(k, 2) = one(float64(m.after))
		*other(k, 3) = one(float64(m.times))
		*other(k, 4) = about{v: float64(m.times) / float64(h.events)}
		if at < 2 {
			*other(k, 5+at) = about{v: 1}
		}
	}
	if w.d > 0 {
		w.rowFeatures(x, h, ranked, 3*p.columns)
	}
	return x
}

func (w *slow) columnFeatures(x [][]about, h past, place map[int]int) {
	p := w.pool
	second, third := 1.0, 1.0
	for at, m := range h.items {
		if p.columns == 0 || second < least && third < least {
			break
		}
		for n, j := range p.items[m.item] {
			k, here := place[j]
			if !here {
				continue
			}
			for t := range p.columns {
				v := p.value(m.item, n, t)
				if v <= 0 {
					continue
				}
				if at == 0 {
					x[k][3*t] = x[k][3*t].plus(v)
				} else {
					x[k][3*t+1] = x[k][3*t+1].plus(second * v)
				}
				x[k][3*t+2] = x[k][3*t+2].plus(third * math.Sqrt(v))
			}
		}
		if at > 0 {
			second *= p.net.decays[0]
		}
		third *= p.net.decays[1]
	}
	for k := range x {
		for f := range 3 * p.columns {
			x[k][f] = log2Of(about{least + x[k][f].v, x[k][f].off})
		}
	}
}

// rowFeatures are the cosines with the last item's row, and with the sum of
// the first ten, each .8 of the one before it.
func (w *slow) rowFeatures(x [][]about, h past, ranked []int, first int) {
	recent, weight := make([]float64, w.d), 1.0
	for _, m := range h.items[:min(10, len(h.items))] {
		for f, y := range w.fine(m.item) {
			recent[f] += weight * y
		}
		weight *= .8
	}
	last := w.fine(h.items[0].item)
	for k, i := range ranked {
		y := w.fine(i)
		x[k][first+11] = about{cosine(last, y), 10 * fuzz}
		x[k][first+12] = about{cosine(recent, y), 10 * fuzz}
	}
}

func cosine(a, b []float64) float64 {
	if size := math.Sqrt(inner(a, a) * inner(b, b)); size > 0 {
		return inner(a, b) / size
	}
	return 0
}
