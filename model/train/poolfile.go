package train

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// A pool in a model file is a map of what bundle.Pool holds:
//
//	0 uint  positions
//	1 array of uint: buckets
//	2 uint  columns
//	3 uint  the Rice parameter of the neighbours; 0 without columns
//	4 uint  candidates
//	5 uint  nearest
//	6 bool  repeats
//	7 bin   float32: weights
//	8 bin   2 float32: decays
//	9 bin   uint8: neighbours per row; 9 to 12 are left out without columns
//	10 bin  the neighbours' Rice codes
//	11 bin  int8: the neighbours' weights
//	12 bin  uint8: scales
//	13 bin  uint8: gains, left out when all are 1
//	14 bin  int8: trend, left out when not known
//	15 map  net: 0 and 1 uint, units of the hidden layers, 2 and 3 float32, means
//	        and scales of the inputs, 4 to 6 array for each layer: int8 codes,
//	        float32 scales, float32 biases. Left out when there is none
func appendPool(doc []byte, p *bundle.Pool) []byte {
	pairs := 9
	if p.Sparse.C > 0 {
		pairs += 4
	}
	for _, has := range []bool{p.Gains != nil, p.Trend != nil, p.Net != nil} {
		if has {
			pairs++
		}
	}
	doc = wire.AppendMap(doc, pairs)
	doc = wire.AppendUint(wire.AppendUint(doc, 0), uint64(p.Positions))
	doc = wire.AppendArray(wire.AppendUint(doc, 1), len(p.Buckets))
	for _, most := range p.Buckets {
		doc = wire.AppendUint(doc, uint64(most))
	}
	for k, v := range []int{p.Sparse.C, p.Sparse.Rice, p.Candidates, p.Nearest} {
		doc = wire.AppendUint(wire.AppendUint(doc, uint64(2+k)), uint64(v))
	}
	doc = wire.AppendBool(wire.AppendUint(doc, 6), p.Repeats)
	doc = appendFloat32s(doc, 7, p.Weights)
	doc = appendFloat32s(doc, 8, p.Decays[:])
	if p.Sparse.C > 0 {
		for k, b := range [][]byte{p.Sparse.Counts, p.Sparse.Items, quant.Bytes(p.Sparse.Codes), p.Sparse.Scales} {
			doc = wire.AppendBin(wire.AppendUint(doc, uint64(9+k)), b)
		}
	}
	if p.Gains != nil {
		doc = wire.AppendBin(wire.AppendUint(doc, 13), p.Gains)
	}
	if p.Trend != nil {
		doc = wire.AppendBin(wire.AppendUint(doc, 14), quant.Bytes(p.Trend))
	}
	if p.Net != nil {
		doc = appendNet(wire.AppendUint(doc, 15), p.Net)
	}
	return doc
}

func appendNet(doc []byte, net *bundle.Net) []byte {
	doc = wire.AppendMap(doc, 7)
	doc = wire.AppendUint(wire.AppendUint(doc, 0), uint64(net.H1))
	doc = wire.AppendUint(wire.AppendUint(doc, 1), uint64(net.H2))
	doc = appendFloat32s(doc, 2, net.Mean)
	doc = appendFloat32s(doc, 3, net.Scale)
	for k, l := range []bundle.Layer{net.L1, net.L2, net.Out} {
		doc = wire.AppendArray(wire.AppendUint(doc, uint64(4+k)), 3)
		doc = wire.AppendBin(doc, quant.Bytes(l.Codes))
		doc = wire.AppendFloat32s(wire.AppendBinHead(doc, 4*len(l.Scales)), l.Scales)
		doc = wire.AppendFloat32s(wire.AppendBinHead(doc, 4*len(l.Bias)), l.Bias)
	}
	return doc
}

// readPool reads the pool of a model of n items. It bounds the shape; checkPool
// does the rest.
func readPool(d *wire.Decoder, n int) *bundle.Pool {
	p := &bundle.Pool{}
	keys := d.Map(16)
	for keys.Next() {
		switch keys.Key {
		case 0:
			p.Positions = int(d.Uint(bundle.MaxPositions))
		case 1:
			for range d.Array(bundle.MaxBuckets) {
				p.Buckets = append(p.Buckets, int(d.Uint(bundle.MaxHistory)))
			}
		case 2:
			if p.Sparse.C = int(d.Uint(quant.MaxColumns)); p.Sparse.C > 0 {
				p.Sparse.N = n
			}
		case 3:
			p.Sparse.Rice = int(d.Uint(quant.MaxRice))
		case 4:
			p.Candidates = int(d.Uint(bundle.MaxRanked))
		case 5:
			p.Nearest = int(d.Uint(bundle.MaxRanked))
		case 6:
			p.Repeats = d.Bool()
		case 7:
			p.Weights = readFloat32s(d)
		case 8:
			decays := readFloat32s(d)
			if len(decays) != len(p.Decays) {
				d.Fail("2 decays")
			}
			copy(p.Decays[:], decays)
		case 9:
			p.Sparse.Counts = d.Bin(maxTable)
		case 10:
			p.Sparse.Items = d.Bin(maxTable)
		case 11:
			p.Sparse.Codes = quant.Int8s(d.Bin(maxTable))
		case 12:
			p.Sparse.Scales = d.Bin(maxTable)
		case 13:
			p.Gains = d.Bin(maxTable)
		case 14:
			p.Trend = quant.Int8s(d.Bin(maxTable))
		case 15:
			p.Net = readNet(d)
		default:
			keys.Unknown()
		}
	}
	keys.Require(0, 1, 2, 3, 4, 5, 6, 7, 8)
	return p
}

func readNet(d *wire.Decoder) *bundle.Net {
	net := &bundle.Net{}
	keys := d.Map(7)
	for keys.Next() {
		switch keys.Key {
		case 0:
			net.H1 = int(d.Uint(bundle.MaxHidden))
		case 1:
			net.H2 = int(d.Uint(bundle.MaxHidden))
		case 2:
			net.Mean = readFloat32s(d)
		case 3:
			net.Scale = readFloat32s(d)
		case 4:
			net.L1 = readLayer(d)
		case 5:
			net.L2 = readLayer(d)
		case 6:
			net.Out = readLayer(d)
		default:
			keys.Unknown()
		}
	}
	keys.Require(0, 1, 2, 3, 4, 5, 6)
	net.In = len(net.Mean)
	return net
}

func readLayer(d *wire.Decoder) bundle.Layer {
	if d.Array(3) != 3 {
		d.Fail("a layer's codes, scales and biases")
	}
	return bundle.Layer{Codes: quant.Int8s(d.Bin(maxTable)), Scales: readFloat32s(d), Bias: readFloat32s(d)}
}

// checkPool says what keeps p from being a pool of n items that a bundle can
// hold, and finds where its rows start.
func checkPool(p *bundle.Pool, n int, factors bool) error {
	s := &p.Sparse
	if p.Positions < 1 || p.Positions > bundle.MaxPositions || len(p.Buckets) > bundle.MaxBuckets {
		return fmt.Errorf("pool: %d positions and %d buckets: want 1 to %d, and at most %d",
			p.Positions, len(p.Buckets), bundle.MaxPositions, bundle.MaxBuckets)
	}
	least := 0
	for _, most := range p.Buckets {
		if most <= least || most > bundle.MaxHistory {
			return fmt.Errorf("pool: buckets %v: want ascending lengths from 1 to %d", p.Buckets, bundle.MaxHistory)
		}
		least = most
	}
	switch {
	case p.Candidates < 0 || p.Candidates > bundle.MaxRanked || p.Nearest < 0 || p.Nearest > bundle.MaxRanked:
		return fmt.Errorf("pool: %d candidates and %d nearest: want 0 to %d", p.Candidates, p.Nearest, bundle.MaxRanked)
	case !factors && (p.Nearest > 0 || p.Gains != nil):
		return errors.New("pool: nearest items or gains, and no factors")
	case p.Gains != nil && len(p.Gains) != n || p.Trend != nil && len(p.Trend) != n:
		return fmt.Errorf("pool: %d gains and a trend of %d: want %d items, or none", len(p.Gains), len(p.Trend), n)
	case s.C == 0 && (s.N != 0 || s.Rice != 0 || s.Counts != nil || s.Items != nil || s.Codes != nil || s.Scales != nil):
		return errors.New("pool: neighbours without columns")
	case s.C > 0 && s.N != n:
		return fmt.Errorf("pool: %d rows of neighbours: want %d", s.N, n)
	}
	if s.C > 0 {
		if err := s.Open(); err != nil {
			return fmt.Errorf("pool: neighbours: want %w", err)
		}
		if !quant.Symmetric(s.Codes) {
			return errors.New("pool: neighbours: a code of -128: want -127 to 127")
		}
	}
	if err := checkNumbers("weights", p.Weights, (len(p.Buckets)+1)*(s.C+2)*p.Positions, bundle.MaxPoolWeight); err != nil {
		return err
	}
	for _, d := range p.Decays {
		if !(d >= 0 && d <= 1) {
			return fmt.Errorf("pool: decays %v: want 0 to 1", p.Decays)
		}
	}
	if p.Net == nil {
		return nil
	}
	if p.Candidates == 0 {
		return errors.New("pool: a net, and no candidates for it")
	}
	return checkNet(p.Net, s.C)
}

func checkNet(net *bundle.Net, columns int) error {
	in := bundle.NetInputs(columns)
	if net.In != in || net.H1 < 1 || net.H1 > bundle.MaxHidden || net.H2 < 1 || net.H2 > bundle.MaxHidden {
		return fmt.Errorf("pool: a net of %d inputs and %d and %d units: want %d, and 1 to %d", net.In, net.H1, net.H2, in, bundle.MaxHidden)
	}
	if err := cmp.Or(
		checkNumbers("means", net.Mean, in, bundle.MaxNetValue),
		checkNumbers("scales", net.Scale, in, bundle.MaxNetValue),
	); err != nil {
		return err
	}
	for _, l := range []struct {
		bundle.Layer
		units, inputs int
	}{{net.L1, net.H1, in}, {net.L2, net.H2, net.H1}, {net.Out, 1, net.H2 + in}} {
		if len(l.Codes) != l.units*l.inputs || !quant.Symmetric(l.Codes) {
			return fmt.Errorf("pool: a layer of %d codes: want %d from -127 to 127", len(l.Codes), l.units*l.inputs)
		}
		if err := cmp.Or(
			checkNumbers("scales of a layer", l.Scales, l.units, bundle.MaxNetValue/128),
			checkNumbers("biases", l.Bias, l.units, bundle.MaxNetValue),
		); err != nil {
			return err
		}
	}
	return nil
}

// checkNumbers wants n numbers of at most most in size.
func checkNumbers(what string, v []float32, n int, most float32) error {
	if len(v) != n {
		return fmt.Errorf("pool: %d %s: want %d", len(v), what, n)
	}
	for _, x := range v {
		if !(x >= -most && x <= most) {
			return fmt.Errorf("pool: %s: %v: want at most %v in size", what, x, most)
		}
	}
	return nil
}
