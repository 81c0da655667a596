package bundle_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/train"
)

// weights are exact at 8 bits: whole numbers of 1/64 up to 127 of them.
func weights(d, hidden, length, blocks int) *bundle.Encoder {
	rng := rand.New(rand.NewPCG(1, 1))
	numbers := func(n int) []float32 {
		v := make([]float32, n)
		for k := range v {
			v[k] = float32(rng.IntN(255)-127) / 64
		}
		return v
	}
	w := &bundle.Encoder{Dim: d, Hidden: hidden, Length: length, Gain: numbers(d), Bias: numbers(d)}
	for range blocks {
		w.Blocks = append(w.Blocks, bundle.EncoderBlock{
			Query: numbers(d * d), Value: numbers(d * d), Near: numbers(length),
			In: numbers(d * hidden), InBias: numbers(hidden), Out: numbers(hidden * d), OutBias: numbers(d),
		})
	}
	return w
}

func appendEncoder(t testing.TB, w *bundle.Encoder) []byte {
	t.Helper()
	doc, err := train.AppendEncoder(nil, w)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestEncoderDocumentHasTheWeights: a matrix loses at most half a step of its
// row, everything else nothing.
func TestEncoderDocumentHasTheWeights(t *testing.T) {
	want := weights(5, 3, 4, 2)
	got, err := bundle.ReadEncoder(appendEncoder(t, want))
	if err != nil {
		t.Fatal(err)
	}
	for b := range want.Blocks {
		for _, m := range []struct {
			name      string
			got, want *[]float32
			cols      int
		}{
			{"Query", &got.Blocks[b].Query, &want.Blocks[b].Query, 5},
			{"Value", &got.Blocks[b].Value, &want.Blocks[b].Value, 5},
			{"In", &got.Blocks[b].In, &want.Blocks[b].In, 3},
			{"Out", &got.Blocks[b].Out, &want.Blocks[b].Out, 5},
		} {
			if len(*m.got) != len(*m.want) {
				t.Fatalf("block %d: %s: got %d numbers, want %d", b, m.name, len(*m.got), len(*m.want))
			}
			for k, v := range *m.want {
				row := (*m.want)[k/m.cols*m.cols : (k/m.cols+1)*m.cols]
				largest := max(slices.Max(row), -slices.Min(row))
				if math.Abs(float64((*m.got)[k]-v)) > float64(largest)*.501/127 {
					t.Fatalf("block %d: %s[%d]: got %v, want %v", b, m.name, k, (*m.got)[k], v)
				}
			}
			*m.got, *m.want = nil, nil
		}
	}
	if diff := cmp.Diff(*want, *got); diff != "" {
		t.Error(diff)
	}
}

func TestReadEncoderRefuses(t *testing.T) {
	const d, hidden, length = 5, 3, 4
	good := appendEncoder(t, weights(d, hidden, length, 1))
	at := func(k int, b byte) []byte {
		doc := slices.Clone(good)
		doc[k] = b
		return doc
	}
	infinite := slices.Clone(good)
	copy(infinite[len(infinite)-4:], []byte{0, 0, 0x80, 0x7f})
	for _, test := range []struct {
		name string
		doc  []byte
		want string
	}{
		{"nothing", nil, "a map"},
		{"no dim", at(2, 0), "a size above 0"},
		{"another dim", at(2, 6), "bytes"},
		{"large dim", append([]byte{0x86, 0, 0xcd, 0xff, 0xff}, good[3:]...), "at most"},
		{"no block", append([]byte{0x86, 0, d, 1, hidden, 2, length, 3, 0x90}, good[len(good)-2*(3+4*d):]...), "a block"},
		{"three blocks", at(8, 0x93), "at most 2"},
		{"cut off", good[:len(good)-1], "ends"},
		{"more behind", append(slices.Clone(good), 0), "no byte"},
		{"infinite bias", infinite, "finite"},
	} {
		_, err := bundle.ReadEncoder(test.doc)
		var bad *wire.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want a wire.Error with %q", test.name, err, test.want)
		}
	}
}

// FuzzEncoder feeds the reader of an untrusted document: no panic, and what is
// read is as it says.
func FuzzEncoder(f *testing.F) {
	for blocks := 1; blocks <= 2; blocks++ {
		f.Add(appendEncoder(f, weights(3, 2, 2, blocks)))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		w, err := bundle.ReadEncoder(doc)
		if err != nil {
			return
		}
		if _, err := train.AppendEncoder(nil, w); err != nil && !strings.Contains(err.Error(), "2^60") {
			t.Fatalf("what was read is not written: %v", err)
		}
	})
}
