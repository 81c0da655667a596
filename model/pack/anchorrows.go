package pack

import (
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// Rows of int8 and int4 codes keep them while they are near enough, measured in
// steps of the row's own codes: half of it by the scores that it moves (see
// codebook.go) and half by its length, since a row is also what people are
// folded in by.
//
// Why whole rows and not each code by itself? Bytes that change here and there
// compress badly: at the same error a patch is half as large when few rows
// change, each in many codes. And 16 rows stand side by side in a tile, so that
// these change together, unless one of them has moved much more than the others.
//
// A row that keeps its codes still gets today's scale, within 1 %. Why? Learning
// goes on to stretch all rows a little, and of the rows that keep theirs some
// would be too short beside those that do not: on MovieLens 1M that was worth
// 3 % of NDCG@10 after ten days, and this a hundredth of the bundle a day.
const (
	anchorRows  = 16 // that are written together: those of a tile
	anchorScale = 64 // a scale moves by this part of itself at most and half as much at least

	// Parts of the greatest code: the error from which 16 rows are due to be
	// written, that from which one is whatever the others are, that down to which
	// it is written, and by how much its codes move at least.
	anchorSome, anchorMost = 4. / 127, 9. / 127
	anchorTo, anchorStep   = 3. / 127, 6. / 127
)

// codedOf returns yesterday's rows of a table.
func codedOf(table quant.Table, n, d int) coded {
	old := coded{d: d, codec: bundle.CodecInt8}
	var scales wire.Uint16s
	switch t := table.(type) {
	case quant.Tiles:
		scales, old.exp = t.Scales, t.Exp
	case quant.Rows:
		scales, old.exp = t.Scales, t.Exp
	case quant.Rows4:
		scales, old.exp, old.codec = t.Scales, t.Exp, bundle.CodecInt4
	default:
		panic("pack: internal error: a table without rows of codes")
	}
	old.codes, old.scales = make([]int8, n*d), make([]uint16, n)
	row := make([]float32, d)
	for i := range n {
		old.scales[i] = scales.At(i)
		table.DecodeTo(row, i)
		for f, x := range row {
			old.codes[i*d+f] = int8(float64(x) / math.Ldexp(float64(old.scales[i]), old.exp)) // exact: it was decoded so
		}
	}
	return old
}

// withExp returns the rows under another exponent, with the same codes.
func (c coded) withExp(exp int) coded {
	if exp == c.exp {
		return c
	}
	scales := make([]uint16, len(c.scales))
	for i, s := range c.scales {
		scales[i] = uint16(min(max(1, math.RoundToEven(math.Ldexp(float64(s), c.exp-exp))), math.MaxUint16))
	}
	c.scales, c.exp = scales, exp
	return c
}

// keep returns the rows of factors as they were in table, where that is near
// enough; today has them as they would be without.
func (a *anchor) keep(today coded, table quant.Table, factors []float32) coded {
	d, was, exp := today.d, a.Manifest.Limits.Items, today.exp
	old := codedOf(table, was, d)
	if old.exp > exp && old.exp <= exp+3 {
		exp = old.exp
	}
	old = old.withExp(exp)
	out := coded{today.codec, d, make([]int8, len(today.codes)), make([]uint16, len(today.scales)), exp}
	k := keeper{metric: a.metric, d: d, levels: today.levels(), unit: math.Ldexp(1, exp), e: make([]float64, d), g: make([]float64, d)}
	floor := 1. / 12 // of a code that is rounded
	some, most := floor+sq(anchorSome*k.levels), floor+sq(anchorMost*k.levels)

	errs, groups := make([]float64, was), make([]float64, (was+anchorRows-1)/anchorRows)
	for i := range was {
		row, codes := factors[i*d:i*d+d], old.codes[i*d:i*d+d]
		out.scales[i] = k.scale(row, codes, old.scales[i])
		errs[i] = k.err(row, codes, float64(out.scales[i]))
		if errs[i] >= most {
			a.far++
		}
		groups[i/anchorRows] += min(errs[i], most) / float64(min(anchorRows, was-i/anchorRows*anchorRows))
	}
	chosen := due(groups, some, math.Inf(1))
	for i := range was {
		copy(out.codes[i*d:i*d+d], old.codes[i*d:i*d+d])
		if errs[i] >= most || chosen[i/anchorRows] {
			out.scales[i] = k.write(out.codes[i*d:i*d+d], factors[i*d:i*d+d], out.scales[i])
			a.Written++
		}
	}
	a.Rows += was
	for i := was; i < len(out.scales); i++ {
		row := factors[i*d : i*d+d]
		out.scales[i] = k.fit(row)
		for f, x := range row {
			out.codes[i*d+f] = int8(math.RoundToEven(float64(x) / (float64(out.scales[i]) * k.unit)))
		}
	}
	return out
}

func sq(x float64) float64 { return x * x }

// keeper compares rows with codes.
type keeper struct {
	metric       []float64
	d            int
	levels, unit float64
	e, g         []float64 // error of a row in steps, and the metric times that
}

// err returns the mean of the squared errors of a row, in steps, by the metric;
// e and g are those of the row then.
func (k *keeper) err(row []float32, codes []int8, scale float64) float64 {
	for f, x := range row {
		k.e[f] = float64(x)/(scale*k.unit) - float64(codes[f])
	}
	var sum float64
	for f := range k.g {
		k.g[f] = 0
		for h, v := range k.e {
			k.g[f] += k.metric[f*k.d+h] * v
		}
		sum += k.g[f] * k.e[f]
	}
	return sum / float64(k.d)
}

// fit returns the least scale under which a row fits the codes.
func (k *keeper) fit(row []float32) uint16 {
	var most float64
	for _, x := range row {
		most = max(most, math.Abs(float64(x)))
	}
	return uint16(max(1, math.Ceil(most/(k.levels*k.unit))))
}

// scale returns the scale under which codes are nearest to row: was, or what
// differs from it by multiples of a part of it.
func (k *keeper) scale(row []float32, codes []int8, was uint16) uint16 {
	best := k.ratio(row, codes)
	part := math.Exp2(math.Floor(math.Log2(max(1, float64(was)/anchorScale))))
	s := float64(was) + math.Round((best-float64(was))/part)*part
	if s < 1 || s > math.MaxUint16 || s > 2*float64(was) || 2*s < float64(was) {
		return was // it is another row, and will be written
	}
	return uint16(s)
}

// ratio returns what codes are best multiplied with, in units of scales.
func (k *keeper) ratio(row []float32, codes []int8) float64 {
	var xy, yy float64
	for f := range k.d {
		var g float64
		for h, c := range codes {
			g += k.metric[f*k.d+h] * float64(c)
		}
		xy += g * float64(row[f])
		yy += g * float64(codes[f])
	}
	if yy <= 0 {
		return 0
	}
	return xy / yy / k.unit
}

// write moves codes towards row until that is near, those first whose move gains
// most, and returns the scale.
func (k *keeper) write(codes []int8, row []float32, scale uint16) uint16 {
	fit := k.fit(row)
	if fit == 1 && allZero(row) {
		clear(codes)
		return 1
	}
	if fit > scale || 2*fit < scale {
		scale = fit
	}
	d := k.d
	left := k.err(row, codes, float64(scale)) * float64(d)
	step := max(1, math.Round(anchorStep*k.levels))
	to := sq(anchorTo*k.levels) * float64(d)
	for left > to {
		best, at, by := 0., 0, 0.
		for f, g := range k.g {
			own := k.metric[f*d+f]
			move := math.Round(g/(own*step)) * step
			move = min(max(move, -k.levels-float64(codes[f])), k.levels-float64(codes[f]))
			if gain := move * (2*g - move*own); gain > best {
				best, at, by = gain, f, move
			}
		}
		if best <= 1e-9*left {
			break // nothing that rounding would not hide
		}
		codes[at] = int8(float64(codes[at]) + by)
		for f := range k.g {
			k.g[f] -= k.metric[f*d+at] * by
		}
		left -= best
	}
	return scale
}

func allZero(row []float32) bool {
	for _, x := range row {
		if x != 0 {
			return false
		}
	}
	return true
}
