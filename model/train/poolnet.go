package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
)

// How the net is learnt. None of these were tuned.
const (
	netH1, netH2 = 32, 16
	netBatch     = 128
	netChunk     = 16 // cases whose gradients are added up by one worker
	netRate      = 3e-3
)

// netExample is a case whose target is among the candidates: the features of m
// candidates, features × m, and the target's place among them.
type netExample struct {
	x      []float32
	m      int
	target int
}

// netExamples collects the candidates of each case, which has one target.
func (a *auto) netExamples(ctx context.Context, parts score.Parts, cases []poolCase) ([]netExample, error) {
	a.meter.enter("candidates", 0)
	n := parts.Popularity.Len()
	list := make([]netExample, len(cases))
	features := score.FeatureCount(parts.Pool.Sparse.C)
	err := blocks(ctx, a.cfg.Workers, len(cases), countBlock, func() func(from, to int) error {
		s, t, blocked := score.NewPooler(parts), newTaster(n), newBlocker(n)
		return func(from, to int) error {
			for k := from; k < to; k++ {
				c := cases[k]
				tastes := t.of(c.history)
				s.Collect(tastes, len(c.history), 1, blocked.of(parts.Pool, c.history))
				m, target := s.Candidates(), -1
				for at := range m {
					if int32(s.Candidate(at)) == c.targets[0] {
						target = at
					}
				}
				if target >= 0 && m > 1 {
					list[k] = netExample{x: make([]float32, features*m), m: m, target: target}
					s.Features(list[k].x)
				}
			}
			a.meter.add(to - from)
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	kept := list[:0]
	for _, e := range list {
		if e.m > 0 {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

// blocker is a set of items that may not be answered.
type blocker struct {
	bits  []byte // n
	items []int32
}

func newBlocker(n int) *blocker { return &blocker{bits: make([]byte, (n+7)/8)} }

// of returns the bits of a history, unless repeats may be answered. They hold
// until the next call.
func (b *blocker) of(p *bundle.Pool, history []int32) []byte {
	for _, i := range b.items {
		b.bits[i/8] = 0
	}
	b.items = b.items[:0]
	if !p.Repeats {
		b.items = append(b.items, history...)
	}
	for _, i := range b.items {
		b.bits[i/8] |= 1 << (i % 8)
	}
	return b.bits
}

// net is a bundle.Net in float32: the parameters in one vector, H1×In, H1,
// H2×H1, H2, H2+In, 1.
type net struct {
	in          int
	mean, scale []float32
	w           []float32
}

// parts returns the layers' weights and biases in w.
func (n *net) parts(w []float32) (l1, b1, l2, b2, out, bias []float32) {
	cut := func(size int) (v []float32) { v, w = w[:size], w[size:]; return v }
	return cut(netH1 * n.in), cut(netH1), cut(netH2 * netH1), cut(netH2), cut(netH2 + n.in), cut(1)
}

func (n *net) size() int { return netH1*(n.in+1) + netH2*(netH1+1) + netH2 + n.in + 1 }

// newNet returns a net to begin with.
func newNet(examples []netExample, rng *rand.Rand) *net {
	in := len(examples[0].x) / examples[0].m
	n := &net{in: in, mean: make([]float32, in), scale: make([]float32, in)}
	n.standardise(examples)
	n.w = make([]float32, n.size())
	l1, _, l2, _, out, _ := n.parts(n.w)
	fill := func(w []float32, fan int) {
		for k := range w {
			w[k] = float32(rng.NormFloat64() * math.Sqrt(2/float64(fan)))
		}
	}
	fill(l1, in)
	fill(l2, netH1)
	fill(out[:netH2], netH2)
	return n
}

// netOf returns what the codes of b stand for.
func netOf(b *bundle.Net) *net {
	n := &net{in: b.In, mean: slices.Clone(b.Mean), scale: slices.Clone(b.Scale)}
	n.w = make([]float32, n.size())
	l1, b1, l2, b2, out, bias := n.parts(n.w)
	decode := func(w, bias []float32, l bundle.Layer) {
		copy(bias, l.Bias)
		inputs := len(w) / len(bias)
		for k, code := range l.Codes {
			w[k] = float32(code) * l.Scales[k/inputs]
		}
	}
	decode(l1, b1, b.L1)
	decode(l2, b2, b.L2)
	decode(out, bias, b.Out)
	return n
}

// shown is how many examples the net sees.
func (a *auto) shown() int {
	if a.cfg.From != nil {
		return min(a.whole("examples"), refitExamples)
	}
	return a.whole("examples")
}

// fitNet learns a net that ranks the candidates again: the softmax of its
// outputs over a case's candidates gives the target the most likelihood. Adam
// (Kingma and Ba, ICLR 2015) with a rate that falls as a cosine. A refit begins at
// the net of yesterday, which knows the features by their means of then.
func (a *auto) fitNet(ctx context.Context, examples []netExample) (*bundle.Net, error) {
	a.meter.enter("net", 0)
	var n *net
	first := netRate
	if from := a.cfg.From; from != nil {
		n, first = netOf(from.Pool.Net), refitRate
	} else {
		n = newNet(examples, a.rng)
	}
	m, v := make([]float64, n.size()), make([]float64, n.size())
	order := make([]int, len(examples))
	for k := range order {
		order[k] = k
	}
	chunks := make([][]float32, netBatch/netChunk)
	for k := range chunks {
		chunks[k] = make([]float32, n.size())
	}
	epochs := max(1, a.shown()/len(order))
	steps := epochs * ((len(order) + netBatch - 1) / netBatch)
	step := 0
	for range epochs {
		a.rng.Shuffle(len(order), func(x, y int) { order[x], order[y] = order[y], order[x] })
		for from := 0; from < len(order); from += netBatch {
			batch := order[from:min(from+netBatch, len(order))]
			if err := n.gradient(ctx, chunks, examples, batch, a.cfg.Workers); err != nil {
				return nil, err
			}
			step++
			rate := first * .5 * (1 + math.Cos(math.Pi*float64(step)/float64(steps)))
			c1, c2 := 1-math.Pow(.9, float64(step)), 1-math.Pow(.999, float64(step))
			for k := range n.w {
				var g float64
				for _, chunk := range chunks {
					g += float64(chunk[k])
				}
				g /= float64(len(batch))
				m[k] = .9*m[k] + .1*g
				v[k] = .999*v[k] + .001*g*g
				n.w[k] -= float32(rate * m[k] / c1 / (math.Sqrt(v[k]/c2) + 1e-8))
			}
			a.meter.add(len(batch))
		}
	}
	return n.quantise(), nil
}

// standardise sets mean and scale to those of the features over all candidates.
func (n *net) standardise(examples []netExample) {
	for f := range n.in {
		var sum, square, count float64
		for _, e := range examples {
			for _, x := range e.x[f*e.m : (f+1)*e.m] {
				sum += float64(x)
				square += float64(x) * float64(x)
			}
			count += float64(e.m)
		}
		mean := sum / max(count, 1)
		n.mean[f] = float32(mean)
		if variance := square/max(count, 1) - mean*mean; variance > 1e-8 {
			n.scale[f] = float32(1 / math.Sqrt(variance))
		}
	}
}

// gradient writes the gradients of a batch to chunks, in fixed parts so that
// their sum does not depend on the workers.
func (n *net) gradient(ctx context.Context, chunks [][]float32, examples []netExample, batch []int, workers int) error {
	return blocks(ctx, workers, len(chunks), 1, func() func(from, to int) error {
		p := newNetPass(n)
		return func(from, to int) error {
			for c := from; c < to; c++ {
				clear(chunks[c])
				for _, k := range batch[min(c*netChunk, len(batch)):min((c+1)*netChunk, len(batch))] {
					p.back(chunks[c], &examples[k])
				}
			}
			return nil
		}
	})
}

// netPass is a worker's scratch memory.
type netPass struct {
	*net
	x, a, b, out   []float32 // in, H1, H2 and 1 times candidates
	da, db         []float32
	candidatesRoom int
}

func newNetPass(n *net) *netPass { return &netPass{net: n} }

func (p *netPass) room(m int) {
	if m > p.candidatesRoom {
		p.candidatesRoom = m
		p.x, p.a, p.b, p.out = make([]float32, p.in*m), make([]float32, netH1*m), make([]float32, netH2*m), make([]float32, m)
		p.da, p.db = make([]float32, netH1*m), make([]float32, netH2*m)
	}
}

// back adds the gradient of one case's loss to g.
func (p *netPass) back(g []float32, e *netExample) {
	m := e.m
	p.room(m)
	l1, b1, l2, b2, out, bias := p.parts(p.w)
	g1, gb1, g2, gb2, gout, gbias := p.parts(g)
	for f := range p.in {
		for k, v := range e.x[f*m : (f+1)*m] {
			p.x[f*m+k] = (v - p.mean[f]) * p.scale[f]
		}
	}
	score.Layer(p.a[:netH1*m], p.x, l1, b1, m)
	score.Layer(p.b[:netH2*m], p.a, l2, b2, m)
	delta := p.out[:m]
	for k := range delta {
		delta[k] = bias[0]
	}
	for h := range netH2 {
		quant.Axpy(delta, p.b[h*m:(h+1)*m], out[h])
	}
	for f := range p.in {
		quant.Axpy(delta, p.x[f*m:(f+1)*m], out[netH2+f])
	}
	lossGradient(delta, e.target)

	for f := range p.in {
		gout[netH2+f] += dot32(delta, p.x[f*m:(f+1)*m])
	}
	for h := range netH2 {
		gout[h] += dot32(delta, p.b[h*m:(h+1)*m])
	}
	for _, d := range delta {
		gbias[0] += d
	}
	clear(p.db[:netH2*m])
	clear(p.da[:netH1*m])
	for h := range netH2 {
		quant.Axpy(p.db[h*m:(h+1)*m], delta, out[h])
	}
	backward(p.da, p.db, p.a, p.b, l2, g2, gb2, m)
	backward(nil, p.da, p.x, p.a, l1, g1, gb1, m)
}

// backward adds a layer's gradients to gw and gb, and what its inputs x get to
// dx, unless that is nil; dy is what its outputs y got, and is overwritten.
func backward(dx, dy, x, y, w, gw, gb []float32, m int) {
	inputs := len(w) / len(gb)
	for u := range gb {
		d := dy[u*m : (u+1)*m]
		some := false
		for k, v := range y[u*m : (u+1)*m] {
			if v <= 0 {
				d[k] = 0
			} else {
				some = true
			}
		}
		if !some {
			continue
		}
		for f := range inputs {
			gw[u*inputs+f] += dot32(d, x[f*m:(f+1)*m])
		}
		for _, v := range d {
			gb[u] += v
		}
		if dx != nil {
			for f := range inputs {
				quant.Axpy(dx[f*m:(f+1)*m], d, w[u*inputs+f])
			}
		}
	}
}

// lossGradient replaces the outputs z by the gradient of -log(e^z_t / Σ_j e^z_j).
func lossGradient(z []float32, target int) {
	most := slices.Max(z)
	var sum float64
	for k, v := range z {
		z[k] = float32(math.Exp(float64(v - most)))
		sum += float64(z[k])
	}
	for k, v := range z {
		z[k] = float32(float64(v) / sum)
	}
	z[target]--
}

// dot32 adds up in four sums, for speed.
func dot32(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	k := 0
	for ; k+4 <= len(a); k += 4 {
		s0 += a[k] * b[k]
		s1 += a[k+1] * b[k+1]
		s2 += a[k+2] * b[k+2]
		s3 += a[k+3] * b[k+3]
	}
	for ; k < len(a); k++ {
		s0 += a[k] * b[k]
	}
	return (s0 + s2) + (s1 + s3)
}

// quantise codes the weights in 8 bits, with a scale for each unit.
func (n *net) quantise() *bundle.Net {
	l1, b1, l2, b2, out, bias := n.parts(n.w)
	return &bundle.Net{
		In: n.in, H1: netH1, H2: netH2, Mean: n.mean, Scale: n.scale,
		L1: quantiseLayer(l1, b1), L2: quantiseLayer(l2, b2), Out: quantiseLayer(out, bias),
	}
}

func quantiseLayer(w, bias []float32) bundle.Layer {
	l := bundle.Layer{Codes: make([]int8, len(w)), Scales: make([]float32, len(bias)), Bias: bias}
	inputs := len(w) / len(bias)
	for u := range bias {
		var most float32
		for _, v := range w[u*inputs : (u+1)*inputs] {
			most = max(most, v, -v)
		}
		if most == 0 {
			continue
		}
		l.Scales[u] = most / 127
		for f, v := range w[u*inputs : (u+1)*inputs] {
			l.Codes[u*inputs+f] = int8(math.Round(float64(v / l.Scales[u])))
		}
	}
	return l
}
