package audit

import (
	"encoding/binary"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
)

// fine returns the row that gives item i its score, as SPEC.md's table of
// codecs decodes it.
func (w *slow) fine(i int) []float64 {
	r := w.m.Retrieval
	if r.Rescore != bundle.CodecNone {
		return w.row(r.Rescore, bundle.KindRescore, bundle.KindRescoreScales, i)
	}
	return w.row(r.Codec, bundle.KindRows, bundle.KindRowScales, i)
}

func (w *slow) row(codec bundle.Codec, kind, scales bundle.Kind, i int) []float64 {
	y := make([]float64, w.d)
	rows := w.section(kind)
	for f := range y {
		switch codec {
		case bundle.CodecInt8:
			y[f] = float64(w.int8Code(rows, kind, i, f))
		case bundle.CodecInt4:
			y[f] = float64(int4Code(rows, w.d, i, f))
		case bundle.CodecBinary:
			y[f] = -1
			if code(rows, 2*((w.d+7)/8), i, f/4)>>(f%4)&1 == 1 {
				y[f] = 1
			}
		case bundle.CodecFloat:
			y[f] = float64(float32At(rows, i*w.d+f))
		}
	}
	switch codec {
	case bundle.CodecFloat:
		return y
	case bundle.CodecPQ:
		return w.sumOfCentroids(rows, i)
	}
	scale := math.Ldexp(w.scale(codec, scales, i), w.exponent(kind))
	for f := range y {
		y[f] *= scale
	}
	return y
}

func (w *slow) scale(codec bundle.Codec, kind bundle.Kind, i int) float64 {
	if codec == bundle.CodecPQ || codec == bundle.CodecBinary {
		return float64(w.section(kind)[i])
	}
	return float64(binary.LittleEndian.Uint16(w.section(kind)[2*i:]))
}

func (w *slow) exponent(kind bundle.Kind) int {
	for _, s := range w.m.Sections {
		if s.Kind == kind {
			return s.Exp
		}
	}
	return 0
}

// int8Code: scanned rows are tiles of 16 items by 4 factors, but in format 1;
// rows that rescore are rows.
func (w *slow) int8Code(rows []byte, kind bundle.Kind, i, f int) int8 {
	if kind == bundle.KindRescore || w.format == 1 {
		return int8(rows[i*w.d+f])
	}
	tile := i/16*((w.d+3)/4) + f/4
	b := rows[64*tile+4*(i%16)+f%4]
	if f%2 == 0 {
		return int8(int(b) - 128)
	}
	return int8(b)
}

func int4Code(rows []byte, d, i, f int) int {
	row := rows[i*16*((d+31)/32):]
	b := row[f/32*16+f%16]
	if f%32 >= 16 {
		b >>= 4
	}
	return int(b&15) - 8
}

// code is item i's 4-bit code of a group, of blocks of 32 items.
func code(rows []byte, groups, i, group int) int {
	block := rows[i/32*groups*16+group*16:]
	in := i % 32
	b := block[2*(in%8)+in/8%2]
	if in >= 16 {
		b >>= 4
	}
	return int(b & 15)
}

func (w *slow) sumOfCentroids(rows []byte, i int) []float64 {
	y := make([]float64, w.d)
	groups := w.m.Retrieval.Groups
	codes := w.section(bundle.KindCentroids)
	for s := range groups {
		centroid := 16*s + code(rows, groups, i, s)
		scale := float64(binary.LittleEndian.Uint16(w.section(bundle.KindCentScales)[2*centroid:]))
		for f := range y {
			y[f] += float64(int8(codes[centroid*w.d+f])) * scale
		}
	}
	scale := math.Ldexp(float64(w.section(bundle.KindRowScales)[i])/128, w.exponent(bundle.KindCentroids))
	for f := range y {
		y[f] *= scale
	}
	return y
}

// unit is what a score counts in.
type unit struct {
	size   float64 // score of one step of the person times 1
	floats bool    // the person is not in steps
}

func (w *slow) unit() unit {
	r := w.m.Retrieval
	switch {
	case r.Rescore != bundle.CodecNone:
		return unit{size: math.Ldexp(1, -w.exponent(bundle.KindRescore))}
	case r.Codec == bundle.CodecPQ:
		return unit{size: math.Ldexp(128, -w.exponent(bundle.KindCentroids))}
	case r.Codec == bundle.CodecFloat:
		return unit{size: math.Ldexp(1, 30-w.exponent(bundle.KindRows)), floats: true}
	}
	return unit{size: math.Ldexp(1, -w.exponent(bundle.KindRows))}
}
