package train

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/modeltest"
)

// TestEncoderAtEightBits: a person's direction hardly turns when the weights
// and the items of the history are int8.
func TestEncoderAtEightBits(t *testing.T) {
	const d, length, least = 64, 50, .999 // cosine
	rng := rand.New(rand.NewPCG(1, 1))
	for blocks := 1; blocks <= 2; blocks++ {
		w := modeltest.Encoder(rng, d, d, length, blocks, .1)
		doc, err := AppendEncoder(nil, &w)
		if err != nil {
			t.Fatal(err)
		}
		if want := blocks*(4*d*(d+2)+4*(length+2*d)) + 2*4*d + 200; len(doc) > want {
			t.Errorf("%d blocks: got %d bytes, want at most %d", blocks, len(doc), want)
		}
		read, err := bundle.ReadEncoder(doc)
		if err != nil {
			t.Fatal(err)
		}
		float, coded := score.NewSequence(w), score.NewSequence(*read)
		for _, l := range []int{1, 2, 10, 50} {
			rows := make([]float32, l*d)
			for k := range rows {
				rows[k] = float32(rng.NormFloat64())
			}
			want, got, row := make([]float32, d), make([]float32, d), make([]float32, l*d)
			if err := float.PersonTo(want, rows); err != nil {
				t.Fatal(err)
			}
			codes, scales, exp := quant.EncodeRows(rows, d)
			for i := range l {
				for f, c := range codes[i*d : (i+1)*d] {
					row[i*d+f] = float32(int32(c)*int32(scales[i])) * quant.Pow2(exp)
				}
			}
			if err := coded.PersonTo(got, row); err != nil {
				t.Fatal(err)
			}
			var ab, aa, bb float64
			for f := range want {
				a, b := float64(want[f]), float64(got[f])
				ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
			}
			if cosine := ab / math.Sqrt(aa*bb); cosine < least {
				t.Errorf("%d blocks, %d items: cosine %v, want %v or more", blocks, l, cosine, least)
			}
		}
	}
}

func TestEncoderAppendRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(w *bundle.Encoder)
		want string
	}{
		{"no factors", func(w *bundle.Encoder) { w.Dim = 0 }, "0 factors: want 1 to 1024"},
		{"hidden", func(w *bundle.Encoder) { w.Hidden = 1 << 20 }, "1048576 hidden units"},
		{"length", func(w *bundle.Encoder) { w.Length = 201 }, "201 items"},
		{"blocks", func(w *bundle.Encoder) { w.Blocks = nil }, "0 blocks"},
		{"short", func(w *bundle.Encoder) { w.Gain = w.Gain[1:] }, "Gain has 3 numbers: want 4"},
		{"block", func(w *bundle.Encoder) { w.Blocks[1].In = nil }, "block 1: In has 0 numbers: want 16"},
		{"NaN", func(w *bundle.Encoder) { w.Blocks[0].Near[1] = float32(math.NaN()) }, "block 0: Near: number 1 is NaN"},
		{"infinity", func(w *bundle.Encoder) { w.Bias[3] = float32(math.Inf(-1)) }, "Bias: number 3 is -Inf"},
	} {
		w := modeltest.Encoder(rand.New(rand.NewPCG(2, 1)), 4, 4, 3, 2, .1)
		test.edit(&w)
		if _, err := AppendEncoder(nil, &w); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.name, err, test.want)
		}
	}
}
