package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// A linear autoencoder of low rank: Vančura, Alves, Kasalický and Kordík,
// "Scalable linear shallow autoencoder for collaborative filtering", RecSys 2022.
// With A the items' factors, rows of length 1, it makes of a history x
//
//	y = x·(A·Aᵀ - I)
//
// where no item has anything from itself, and seeks the A of the least
//
//	|x/|x| - y/|y||² = 2 - 2·(x·y)/(|x||y|)
//
// over all people, by Adam on batches of them. Adam changes W, whose rows have any
// length and are those of A when scaled to length 1.
//
// The paper computes y, people × items. It is not needed: with |x| = 1, z = Aᵀx
// and C = AᵀA,
//
//	p = x·y = z·z - 1,  q = y·y = z·Cz - 2z·z + 1
//
// and, a and b being the derivatives of the loss -p/√q by p and q, its gradient by
// A is
//
//	A·Σ 2b·z·zᵀ + Σ x·(2a·z + 2b·(Cz - 2z))ᵀ
//
// so that a batch costs d² for each item and person, and d for each pair.
//
// What a person has is not recommended to them, so that a device can do without I:
// the model is a pool of factors alone.
var elsaLearner = learner{
	name: ELSA, help: "linear autoencoder of low rank: a person's factors are the sum of those of their items",
	params: []Param{
		{Name: "dim", Help: "factors per item", Default: 64, Min: 1, Max: MaxDim, Whole: true, Low: 32, High: 512, Log: true},
		{Name: "epochs", Help: "passes over the people", Default: 40, Min: 1, Max: 10000, Whole: true, Low: 5, High: 100, Log: true},
		{Name: "rate", Help: "length of a step", Default: .03, Min: 1e-9, Max: 10, Low: .003, High: .3, Log: true},
		{Name: "batch", Help: "people per step", Default: 256, Min: 1, Max: 1e6, Whole: true, Low: 64, High: 1024, Log: true},
	},
	scorer: bundle.ScorerPool, learn: learnELSA,
}

// elsaFloor is the part of its terms below which q is rounding.
const elsaFloor = 1e-5

// elsa is a training in progress.
type elsa struct {
	*training
	dim, stride int
	batches     int // of an epoch
	rate        float32
	pairs       *data.Matrix // people × items: rows of length 1

	// What an epoch leaves to the next, each of n × stride. Rows of items that
	// nobody has, and numbers from dim on, are and stay 0.
	state                  []float32
	weights, first, second []float32 // its parts: W, and Adam's moments

	factors []float32 // n × stride: A
	axes    []int32   // 0 … stride-1
}

func learnELSA(ctx context.Context, t *training) error {
	e := newELSA(t)
	epochs := t.whole("epochs")
	t.meter.state.Total = int64(epochs) * int64(t.Pairs.Rows)
	cp, err := t.epochs(epochs, t.Pairs.Rows, e.state, func(epoch int) error { return e.epoch(ctx, epoch) })
	if err != nil {
		return err
	}
	e.normalise()
	t.model.Dim, t.model.Factors = e.dim, unpad(e.factors, e.stride, e.dim)
	t.model.Pool = factorsAlone()
	return cp.remove()
}

// factorsAlone is a pool whose scores are the products of the items' factors.
func factorsAlone() *bundle.Pool {
	return &bundle.Pool{Positions: 1, Nearest: poolCandidates, Decays: [2]float32{1, 1}, Weights: []float32{0, 1}}
}

func newELSA(t *training) *elsa {
	batch := t.whole("batch")
	e := &elsa{
		training: t, dim: t.whole("dim"), stride: padded(t.whole("dim")), batches: (t.Pairs.Rows + batch - 1) / batch,
		rate: t.float("rate"), pairs: unitRows(t.Pairs),
	}
	size := t.Pairs.Cols * e.stride
	e.state, e.factors, e.axes = make([]float32, 3*size), make([]float32, size), indices(e.stride)
	e.weights, e.first, e.second = e.state[:size], e.state[size:2*size], e.state[2*size:]
	rng := e.rng(0)
	std := 1 / math.Sqrt(float64(e.dim))
	for i, c := range t.model.Count {
		for f := 0; f < e.dim && c > 0; f++ {
			e.weights[i*e.stride+f] = float32(rng.NormFloat64() * std)
		}
	}
	return e
}

// unitRows returns m with its rows scaled to length 1, but for those of zeros.
func unitRows(m *data.Matrix) *data.Matrix {
	u := *m
	u.Val = make([]float32, len(m.Col))
	for r := range m.Rows {
		col, val := m.Row(r)
		var square float64
		for k := range col {
			square += float64(valueAt(val, k)) * float64(valueAt(val, k))
		}
		for k := 0; k < len(col) && square > 0; k++ {
			u.Val[int(m.Ptr[r])+k] = float32(float64(valueAt(val, k)) / math.Sqrt(square))
		}
	}
	return &u
}

// rng is for one epoch, so that a training goes on as if never interrupted.
func (e *elsa) rng(epoch int) *rand.Rand {
	return rand.New(rand.NewPCG(e.cfg.Seed, 0x452821e638d01377+uint64(epoch))) // digits of pi
}

// normalise sets the factors to what the weights make them.
func (e *elsa) normalise() {
	for i := range e.pairs.Cols {
		e.normaliseRow(i)
	}
}

// normaliseRow sets the factors of item i.
func (e *elsa) normaliseRow(i int) {
	a, w := e.factors[i*e.stride:(i+1)*e.stride], e.weights[i*e.stride:(i+1)*e.stride]
	length := float32(math.Sqrt(float64(dot(w, w))))
	if length > 0 {
		for f, x := range w {
			a[f] = x / length
		}
	}
}

// epoch makes a step for each batch.
func (e *elsa) epoch(ctx context.Context, epoch int) error {
	e.meter.enter("people", epoch)
	e.normalise()
	order := e.rng(epoch).Perm(e.pairs.Rows)
	for b := range e.batches {
		people := order[b*len(order)/e.batches : (b+1)*len(order)/e.batches]
		if err := e.step(ctx, people, (epoch-1)*e.batches+b+1); err != nil {
			return err
		}
		e.meter.add(len(people))
	}
	for k, v := range e.weights {
		if !finite(v) {
			return fmt.Errorf("item %d: weight %v: use a smaller rate", k/e.stride, v)
		}
	}
	return nil
}

// step is Adam's step k, from 1, with these people.
func (e *elsa) step(ctx context.Context, people []int, k int) error {
	g, err := e.gradient(ctx, people)
	if err != nil {
		return err
	}
	move := newAdam(e.rate, k).move
	return blocks(ctx, e.cfg.Workers, e.pairs.Cols, solveBlock, func() func(from, to int) error {
		by := make([]float32, e.stride)
		return func(from, to int) error {
			for i := from; i < to; i++ {
				if e.model.Count[i] > 0 {
					g.ofFactors(by, i)
					e.ofWeights(by, i)
					at, end := i*e.stride, (i+1)*e.stride
					move(e.weights[at:end], by, e.first[at:end], e.second[at:end])
					e.normaliseRow(i)
				}
			}
			return nil
		}
	})
}

// ofWeights makes of the gradient by the factors of item i that by its weights:
// what is across the row, by the row's length.
func (e *elsa) ofWeights(by []float32, i int) {
	a, w := e.factors[i*e.stride:(i+1)*e.stride], e.weights[i*e.stride:(i+1)*e.stride]
	length := float32(math.Sqrt(float64(dot(w, w))))
	along := dot(by, a)
	for f := range by {
		by[f] = (by[f] - float32(along*a[f])) / length
	}
}

// elsaGradient is the gradient of the loss of a batch by the factors.
type elsaGradient struct {
	*elsa
	x    *data.Matrix // items × people
	back []float32    // people × stride: what x is multiplied with
	all  []float32    // stride × stride: what the factors are multiplied with
}

// ofFactors sets dst to a row of the gradient.
func (g *elsaGradient) ofFactors(dst []float32, i int) {
	clear(dst)
	addRows(dst, g.all, g.axes, g.factors[i*g.stride:(i+1)*g.stride])
	col, val := g.x.Row(i)
	addRows(dst, g.back, col, val)
}

// gradient returns the gradient of the loss of these people.
func (e *elsa) gradient(ctx context.Context, people []int) (*elsaGradient, error) {
	d := e.stride
	gram, err := e.outers(ctx, e.factors, slices.Repeat([]float32{1}, e.pairs.Cols))
	if err != nil {
		return nil, err
	}
	z, back, bend := make([]float32, len(people)*d), make([]float32, len(people)*d), make([]float32, len(people))
	err = blocks(ctx, e.cfg.Workers, len(people), solveBlock, func() func(from, to int) error {
		return func(from, to int) error {
			for k := from; k < to; k++ {
				bend[k] = e.person(z[k*d:(k+1)*d], back[k*d:(k+1)*d], people[k], gram)
			}
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	all, err := e.outers(ctx, z, bend)
	if err != nil {
		return nil, err
	}
	return &elsaGradient{elsa: e, x: e.rows(people).Transpose(), back: back, all: all}, nil
}

// person sets z, and back to what the person's x is multiplied with in the
// gradient, and returns 2b. gram is C.
func (e *elsa) person(z, back []float32, person int, gram []float32) (bend float32) {
	col, val := e.pairs.Row(person)
	addRows(z, e.factors, col, val)
	addRows(back, gram, e.axes, z)
	zz, zCz := float64(dot(z, z)), float64(dot(z, back))
	p, q := zz-1, zCz-2*zz+1
	if !(q > elsaFloor*(zCz+2*zz+1)) {
		clear(back)
		return 0
	}
	root := math.Sqrt(q)
	a, b := -1/root, p/(2*q*root)
	bend = float32(2 * b)
	alone := float32(2*a - 4*b)
	for f, x := range z {
		back[f] = float32(bend*back[f]) + float32(alone*x)
	}
	return bend
}

// outers returns Σ w·y·yᵀ over the rows y, in fixed order.
func (e *elsa) outers(ctx context.Context, rows, w []float32) ([]float32, error) {
	d := e.stride
	sum, err := sumOfParts(ctx, e.cfg.Workers, len(w), d*d, func(sum []float32, from, to int) {
		quant.AddOuters(sum, rows[from*d:to*d], w[from:to], d)
	})
	if err != nil {
		return nil, err
	}
	for i := range d {
		for j := range i {
			sum[j*d+i] = sum[i*d+j]
		}
	}
	return sum, nil
}

// rows returns the pairs of these people.
func (e *elsa) rows(people []int) *data.Matrix {
	m := &data.Matrix{Rows: len(people), Cols: e.pairs.Cols, Ptr: make([]int64, 1, len(people)+1)}
	for _, u := range people {
		col, val := e.pairs.Row(u)
		m.Col, m.Val = append(m.Col, col...), append(m.Val, val...)
		m.Ptr = append(m.Ptr, int64(len(m.Col)))
	}
	return m
}
