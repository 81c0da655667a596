package train

import (
	"math"
	"math/rand/v2"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
)

// sequenceNet is an encoder's parameters, or their gradient: the matrices and
// vectors of bundle.Encoder lie in one flat slice.
type sequenceNet struct {
	bundle.Encoder
	flat []float32
}

// sequenceFloats is how many parameters there are.
func sequenceFloats(c sequenceConfig) int {
	d := c.Dim
	return c.Blocks*(4*d*d+c.Length+2*d) + 2*d
}

// newSequenceNet lays the parameters out in flat, sequenceFloats of them.
func newSequenceNet(c sequenceConfig, flat []float32) *sequenceNet {
	n := &sequenceNet{flat: flat}
	take := func(size int) []float32 {
		v := flat[:size:size]
		flat = flat[size:]
		return v
	}
	d := c.Dim
	n.Dim, n.Hidden, n.Length = d, d, c.Length
	for range c.Blocks {
		n.Blocks = append(n.Blocks, bundle.EncoderBlock{
			Query: take(d * d), Value: take(d * d), Near: take(c.Length),
			In: take(d * d), InBias: take(d), Out: take(d * d), OutBias: take(d),
		})
	}
	n.Gain, n.Bias = take(d), take(d)
	return n
}

// init draws the matrices from N(0, std²), sets the gain to 1 and leaves the
// rest 0.
func (n *sequenceNet) init(rng *rand.Rand, std float64) {
	for _, b := range n.Blocks {
		for _, m := range [][]float32{b.Query, b.Value, b.In, b.Out} {
			for k := range m {
				m[k] = float32(rng.NormFloat64() * std)
			}
		}
	}
	for k := range n.Gain {
		n.Gain[k] = 1
	}
}

// sequenceTape takes some histories forward through the encoder and the
// gradient of what came out back. The items of the histories are r rows, one
// history after the other, and each row is encoded from its history up to it.
// Matrices are r×d where nothing else is said.
type sequenceTape struct {
	net      *sequenceNet
	gradient *sequenceNet
	ptr      []int   // histories+1 offsets into items
	items    []int32 // r

	inputMask []float32
	x         quant.Matrix // what the blocks add to
	blocks    []blockTape
	last      layerNorm
	persons   quant.Matrix // what comes out

	dx        quant.Matrix // the gradient of persons, of x, and at last of the item rows
	sum, dn   quant.Matrix
	wide      quant.Matrix
	transpose []float32
}

// blockTape keeps what the way back through a block needs.
type blockTape struct {
	in         layerNorm
	query, mix quant.Matrix
	shares     []float32 // a matrix for each history, length×length: the softmax
	kept       []float32 // shares after dropout
	shareMask  []float32
	mixMask    []float32
	between    layerNorm
	hidden     quant.Matrix // r×Hidden
	hiddenMask []float32
	outMask    []float32

	dquery  quant.Matrix
	dshares []float32
}

func newSequenceTape(c sequenceConfig, net *sequenceNet) *sequenceTape {
	return &sequenceTape{
		net: net, gradient: newSequenceNet(c, make([]float32, len(net.flat))),
		blocks: make([]blockTape, len(net.Blocks)), transpose: make([]float32, c.Dim*max(c.Dim, c.Length)),
	}
}

// forward encodes the histories. With rng, a share drop of the numbers is
// dropped in five places: the input, the attention's shares, and what each
// matrix adds to x or hides.
func (t *sequenceTape) forward(factors []float32, drop float32, rng *rand.Rand) {
	d := t.net.Dim
	t.x = zeros(t.x, len(t.items), d)
	scale := float32(math.Sqrt(float64(d)))
	for k, i := range t.items {
		quant.Axpy(t.x.Row(k), factors[int(i)*d:int(i)*d+d], scale)
	}
	t.inputMask = dropout(t.inputMask, t.x.Data, drop, rng)
	for b := range t.blocks {
		t.attend(&t.net.Blocks[b], &t.blocks[b], drop, rng)
		t.feed(&t.net.Blocks[b], &t.blocks[b], drop, rng)
	}
	t.last.forward(t.x)
	t.persons = zeros(t.persons, len(t.items), d)
	for k := range t.persons.Rows {
		row := t.persons.Row(k)
		for f, n := range t.last.n.Row(k) {
			row[f] = n*t.net.Gain[f] + t.net.Bias[f]
		}
	}
}

// attend adds the attention of a block to x.
func (t *sequenceTape) attend(w *bundle.EncoderBlock, b *blockTape, drop float32, rng *rand.Rand) {
	d := t.net.Dim
	b.in.forward(t.x)
	b.query, b.mix = zeros(b.query, t.x.Rows, d), zeros(b.mix, t.x.Rows, d)
	quant.AddProduct(b.query, b.in.n, quant.MatrixOf(w.Query, d, d))
	b.shares = b.shares[:0]
	t.histories(func(from, to, at int) {
		l := to - from
		b.shares = append(b.shares, make([]float32, l*l)...)
		shares := quant.MatrixOf(b.shares[at:], l, l)
		quant.AddProduct(shares, b.query.Sub(from, to, 0, d), t.transposed(b.in.n.Sub(from, to, 0, d)))
		for i := range l {
			causalSoftmax(shares.Row(i), i, w.Near, 1/float32(math.Sqrt(float64(d))))
		}
	})
	b.kept = append(b.kept[:0], b.shares...)
	b.shareMask = dropout(b.shareMask, b.kept, drop, rng)
	t.histories(func(from, to, at int) {
		quant.AddProduct(b.mix.Sub(from, to, 0, d), quant.MatrixOf(b.kept[at:], to-from, to-from), b.in.n.Sub(from, to, 0, d))
	})
	t.sum = zeros(t.sum, t.x.Rows, d)
	quant.AddProduct(t.sum, b.mix, quant.MatrixOf(w.Value, d, d))
	b.mixMask = dropout(b.mixMask, t.sum.Data, drop, rng)
	quant.Axpy(t.x.Data, t.sum.Data, 1)
}

// feed adds the rest of a block to x.
func (t *sequenceTape) feed(w *bundle.EncoderBlock, b *blockTape, drop float32, rng *rand.Rand) {
	d, h := t.net.Dim, t.net.Hidden
	b.between.forward(t.x)
	b.hidden = repeated(b.hidden, w.InBias, t.x.Rows)
	quant.AddProduct(b.hidden, b.between.n, quant.MatrixOf(w.In, d, h))
	for k, v := range b.hidden.Data {
		b.hidden.Data[k] = max(v, 0)
	}
	b.hiddenMask = dropout(b.hiddenMask, b.hidden.Data, drop, rng)
	t.sum = repeated(t.sum, w.OutBias, t.x.Rows)
	quant.AddProduct(t.sum, b.hidden, quant.MatrixOf(w.Out, h, d))
	b.outMask = dropout(b.outMask, t.sum.Data, drop, rng)
	quant.Axpy(t.x.Data, t.sum.Data, 1)
}

// backward takes the gradient of persons in dx, leaves there that of the item
// rows, and sets gradient to that of the parameters.
func (t *sequenceTape) backward() {
	g := t.gradient
	clear(g.flat)
	t.dn = zeros(t.dn, t.dx.Rows, t.net.Dim)
	for k := range t.dx.Rows {
		n, dn := t.last.n.Row(k), t.dn.Row(k)
		for f, v := range t.dx.Row(k) {
			g.Gain[f] += v * n[f]
			g.Bias[f] += v
			dn[f] = v * t.net.Gain[f]
		}
	}
	clear(t.dx.Data)
	t.last.backward(t.dx, t.dn)
	for b := len(t.blocks) - 1; b >= 0; b-- {
		t.feedBack(&t.net.Blocks[b], &t.blocks[b], &g.Blocks[b])
		t.attendBack(&t.net.Blocks[b], &t.blocks[b], &g.Blocks[b])
	}
	mask(t.dx.Data, t.inputMask)
	scale := float32(math.Sqrt(float64(t.net.Dim)))
	for k := range t.dx.Data {
		t.dx.Data[k] *= scale
	}
}

// feedBack is the way back through feed.
func (t *sequenceTape) feedBack(w *bundle.EncoderBlock, b *blockTape, g *bundle.EncoderBlock) {
	d, h := t.net.Dim, t.net.Hidden
	t.sum = zeros(t.sum, t.dx.Rows, d)
	copy(t.sum.Data, t.dx.Data)
	mask(t.sum.Data, b.outMask)
	sumRows(g.OutBias, t.sum)
	quant.AddProductT(quant.MatrixOf(g.Out, h, d), b.hidden, t.sum)

	t.wide = zeros(t.wide, t.dx.Rows, h)
	quant.AddProduct(t.wide, t.sum, t.transposed(quant.MatrixOf(w.Out, h, d)))
	mask(t.wide.Data, b.hiddenMask)
	for k, v := range b.hidden.Data {
		if v <= 0 {
			t.wide.Data[k] = 0
		}
	}
	sumRows(g.InBias, t.wide)
	quant.AddProductT(quant.MatrixOf(g.In, d, h), b.between.n, t.wide)

	clear(t.dn.Data)
	quant.AddProduct(t.dn, t.wide, t.transposed(quant.MatrixOf(w.In, d, h)))
	b.between.backward(t.dx, t.dn)
}

// attendBack is the way back through attend.
func (t *sequenceTape) attendBack(w *bundle.EncoderBlock, b *blockTape, g *bundle.EncoderBlock) {
	d := t.net.Dim
	copy(t.sum.Data, t.dx.Data)
	mask(t.sum.Data, b.mixMask)
	quant.AddProductT(quant.MatrixOf(g.Value, d, d), b.mix, t.sum)
	dmix := zeros(t.wide, t.dx.Rows, d)
	t.wide = dmix
	quant.AddProduct(dmix, t.sum, t.transposed(quant.MatrixOf(w.Value, d, d)))

	clear(t.dn.Data)
	b.dquery = zeros(b.dquery, t.dx.Rows, d)
	b.dshares = append(b.dshares[:0], make([]float32, len(b.shares))...)
	t.histories(func(from, to, at int) {
		l := to - from
		n, dn, dm := b.in.n.Sub(from, to, 0, d), t.dn.Sub(from, to, 0, d), dmix.Sub(from, to, 0, d)
		shares, ds := quant.MatrixOf(b.shares[at:], l, l), quant.MatrixOf(b.dshares[at:], l, l)
		quant.AddProductT(dn, quant.MatrixOf(b.kept[at:], l, l), dm)
		quant.AddProduct(ds, dm, t.transposed(n))
		if len(b.shareMask) > 0 {
			mask(ds.Data, b.shareMask[at:at+l*l])
		}
		for i := range l {
			causalSoftmaxBack(ds.Row(i), shares.Row(i), i, g.Near, 1/float32(math.Sqrt(float64(d))))
		}
		quant.AddProduct(b.dquery.Sub(from, to, 0, d), ds, n)
		quant.AddProductT(dn, ds, b.query.Sub(from, to, 0, d))
	})
	quant.AddProductT(quant.MatrixOf(g.Query, d, d), b.in.n, b.dquery)
	quant.AddProduct(t.dn, b.dquery, t.transposed(quant.MatrixOf(w.Query, d, d)))
	b.in.backward(t.dx, t.dn)
}

// histories calls do with the rows of each history and where its length×length
// matrix begins in the shares.
func (t *sequenceTape) histories(do func(from, to, at int)) {
	at := 0
	for h := range len(t.ptr) - 1 {
		l := t.ptr[h+1] - t.ptr[h]
		do(t.ptr[h], t.ptr[h+1], at)
		at += l * l
	}
}

// transposed returns the transpose of m, which holds until the next call.
func (t *sequenceTape) transposed(m quant.Matrix) quant.Matrix {
	to := quant.MatrixOf(t.transpose, m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			to.Data[j*m.Rows+i] = v
		}
	}
	return to
}

// causalSoftmax turns the products of query i with the rows of its history into
// shares that sum to 1; those after i have none.
func causalSoftmax(row []float32, i int, near []float32, scale float32) {
	clear(row[i+1:])
	row = row[:i+1]
	for j := range row {
		row[j] = scale*row[j] + near[i-j]
	}
	quant.Softmax(row)
}

// causalSoftmaxBack turns the gradient of shares into that of the products, and
// adds that of near.
func causalSoftmaxBack(d, shares []float32, i int, near []float32, scale float32) {
	clear(d[i+1:])
	d, shares = d[:i+1], shares[:i+1]
	var mean float32
	for j, v := range d {
		mean += v * shares[j]
	}
	for j, v := range d {
		v = shares[j] * (v - mean)
		near[i-j] += v
		d[j] = scale * v
	}
}

// layerNorm is the normalisation of rows and what its way back needs.
type layerNorm struct {
	n       quant.Matrix // rows less their means, divided by their deviations
	inverse []float32    // 1 over the deviation
}

func (m *layerNorm) forward(x quant.Matrix) {
	m.n = zeros(m.n, x.Rows, x.Cols)
	m.inverse = m.inverse[:0]
	for k := range x.Rows {
		m.inverse = append(m.inverse, quant.Normalise(m.n.Row(k), x.Row(k)))
	}
}

// backward adds to dx the gradient that dn is of n.
func (m *layerNorm) backward(dx, dn quant.Matrix) {
	for k := range dn.Rows {
		g, n, to := dn.Row(k), m.n.Row(k), dx.Row(k)
		var sum, along float32
		for f, v := range g {
			sum += v
			along += v * n[f]
		}
		sum, along = sum/float32(len(g)), along/float32(len(g))
		for f, v := range g {
			to[f] += m.inverse[k] * (v - sum - n[f]*along)
		}
	}
}

// dropout sets mask to 0 for a share drop of x and to 1/(1-drop) for the rest,
// multiplies x by it and returns it. Without rng the mask is empty and x stays.
func dropout(mask, x []float32, drop float32, rng *rand.Rand) []float32 {
	mask = mask[:0]
	if rng == nil || drop == 0 {
		return mask
	}
	const one = 1 << 16 // four masks from one random number
	cut := uint64(drop * one)
	keep := one / float32(one-cut)
	var bits uint64
	for k := range x {
		if k%4 == 0 {
			bits = rng.Uint64()
		}
		var m float32
		if bits%one >= cut {
			m = keep
		}
		bits /= one
		mask = append(mask, m)
		x[k] *= m
	}
	return mask
}

// mask multiplies x by factors; no factors change nothing.
func mask(x, factors []float32) {
	for k, m := range factors {
		x[k] *= m
	}
}

// sumRows adds up the rows of m in dst.
func sumRows(dst []float32, m quant.Matrix) {
	for k := range m.Rows {
		quant.Axpy(dst, m.Row(k), 1)
	}
}

// zeros returns a matrix of zeros, in m's memory where that suffices.
func zeros(m quant.Matrix, rows, cols int) quant.Matrix {
	data := m.Data[:0]
	if cap(data) < rows*cols {
		data = make([]float32, rows*cols*5/4) // histories differ in length
	}
	data = data[:rows*cols]
	clear(data)
	return quant.MatrixOf(data, rows, cols)
}

// repeated returns rows times row, in m's memory where that suffices.
func repeated(m quant.Matrix, row []float32, rows int) quant.Matrix {
	m = zeros(m, rows, len(row))
	for k := range rows {
		copy(m.Row(k), row)
	}
	return m
}
