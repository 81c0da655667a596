package train

import (
	"fmt"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// AppendEncoder appends the document that [bundle.ReadEncoder] reads, with the
// matrices as int8 rows. It is an error when a size is out of bounds, does not fit the others, or
// a weight is not finite or larger than 2⁶⁰.
func AppendEncoder(dst []byte, w *bundle.Encoder) ([]byte, error) {
	if err := checkEncoder(w); err != nil {
		return nil, fmt.Errorf("sequence encoder: %w", err)
	}
	dst = wire.AppendMap(dst, 6)
	dst = wire.AppendUint(wire.AppendUint(dst, 0), uint64(w.Dim))
	dst = wire.AppendUint(wire.AppendUint(dst, 1), uint64(w.Hidden))
	dst = wire.AppendUint(wire.AppendUint(dst, 2), uint64(w.Length))
	dst = wire.AppendArray(wire.AppendUint(dst, 3), len(w.Blocks))
	for _, b := range w.Blocks {
		dst = wire.AppendMap(dst, 7)
		dst = appendMatrix(wire.AppendUint(dst, 0), b.Query, w.Dim)
		dst = appendMatrix(wire.AppendUint(dst, 1), b.Value, w.Dim)
		dst = appendVector(wire.AppendUint(dst, 2), b.Near)
		dst = appendMatrix(wire.AppendUint(dst, 3), b.In, w.Hidden)
		dst = appendVector(wire.AppendUint(dst, 4), b.InBias)
		dst = appendMatrix(wire.AppendUint(dst, 5), b.Out, w.Dim)
		dst = appendVector(wire.AppendUint(dst, 6), b.OutBias)
	}
	dst = appendVector(wire.AppendUint(dst, 4), w.Gain)
	return appendVector(wire.AppendUint(dst, 5), w.Bias), nil
}

func appendVector(dst []byte, v []float32) []byte {
	return wire.AppendFloat32s(wire.AppendBinHead(dst, 4*len(v)), v)
}

func appendMatrix(dst []byte, m []float32, cols int) []byte {
	codes, scales, exp := quant.EncodeRows(m, cols)
	dst = wire.AppendBin(wire.AppendArray(dst, 3), quant.Bytes(codes))
	dst = wire.AppendUint16s(wire.AppendBinHead(dst, 2*len(scales)), scales)
	return wire.AppendInt(dst, int64(exp))
}

// checkEncoder refuses what bundle.ReadEncoder would.
func checkEncoder(w *bundle.Encoder) error {
	for _, size := range []struct {
		name      string
		n, atMost int
	}{
		{"factors", w.Dim, quant.MaxDim},
		{"hidden units", w.Hidden, bundle.MaxEncoderHidden},
		{"items", w.Length, bundle.MaxEncoderLength},
		{"blocks", len(w.Blocks), bundle.MaxEncoderBlocks},
	} {
		if size.n < 1 || size.n > size.atMost {
			return fmt.Errorf("%d %s: want 1 to %d", size.n, size.name, size.atMost)
		}
	}
	d, h := w.Dim, w.Hidden
	check := func(name string, v []float32, n int) error {
		if len(v) != n {
			return fmt.Errorf("%s has %d numbers: want %d", name, len(v), n)
		}
		for k, x := range v {
			if !(math.Abs(float64(x)) <= 1<<60) {
				return fmt.Errorf("%s: number %d is %v: want at most 2^60", name, k, x)
			}
		}
		return nil
	}
	for at, b := range w.Blocks {
		for _, part := range []struct {
			name string
			v    []float32
			n    int
		}{
			{"Query", b.Query, d * d}, {"Value", b.Value, d * d}, {"Near", b.Near, w.Length},
			{"In", b.In, d * h}, {"InBias", b.InBias, h}, {"Out", b.Out, h * d}, {"OutBias", b.OutBias, d},
		} {
			if err := check(fmt.Sprintf("block %d: %s", at, part.name), part.v, part.n); err != nil {
				return err
			}
		}
	}
	if err := check("Gain", w.Gain, d); err != nil {
		return err
	}
	return check("Bias", w.Bias, d)
}
