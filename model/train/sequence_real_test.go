package train

import (
	"context"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

var (
	sequenceSet  = flag.String("sequence", "", "learn a sequence encoder on a file of NEARSIDE_DATA, each person's last item being the test; minutes")
	sequenceHold = flag.Float64("hold", .1, "share of the people whose last item but one is held out to judge epochs")
	sequenceSeed = flag.Uint64("seed", 0, "of the sequence encoder")
)

// TestSequenceLeaveOneOut prints how an encoder with the defaults ranks each
// person's last item, with numbers as they were learnt and at 8 bits. With
// -hold 1 the last item but one teaches nobody, as in Klenitskiy and Vasilev's
// code.
func TestSequenceLeaveOneOut(t *testing.T) {
	if *sequenceSet == "" {
		t.Skip("no -sequence file: it takes minutes")
	}
	root := os.Getenv("NEARSIDE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	l, report, err := data.ReadEvents(filepath.Join(root, *sequenceSet), data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v, digest %x", report, l.Digest())
	all := l.Sequences()
	train, test := &data.Sequences{Items: all.Items, Ptr: []int64{0}}, &sequenceJudge{repeats: repeats(all)}
	for u := range all.Users() {
		row := all.Row(u)
		if last := len(row) - 1; last >= 2 {
			test.cases = append(test.cases, sequenceCase{row[:last], row[last]})
			row = row[:last]
		}
		train.Item = append(train.Item, row...)
		train.Ptr = append(train.Ptr, int64(len(train.Item)))
	}

	ctx, cfg := context.Background(), SequenceConfig{HoldOut: float32(*sequenceHold), Seed: *sequenceSeed}
	factors, w, err := trainSequence(ctx, train, cfg)
	if err != nil {
		t.Fatal(err)
	}
	show := func(name string) {
		ranks, err := test.ranks(ctx, cfg.withDefaults().Workers, factors, w)
		if err != nil {
			t.Fatal(err)
		}
		var hits, gain float64
		for _, rank := range ranks {
			if rank <= 10 {
				hits++
				gain += 1 / math.Log2(float64(rank+1))
			}
		}
		n := float64(len(ranks))
		t.Logf("%s: %v cases, HR@10 %.4f, NDCG@10 %.4f", name, n, hits/n, gain/n)
	}
	show("float")
	factors = eightBits(factors, w.Dim)
	for k := range w.Blocks {
		b := &w.Blocks[k]
		b.Query, b.Value = eightBits(b.Query, w.Dim), eightBits(b.Value, w.Dim)
		b.In, b.Out = eightBits(b.In, w.Hidden), eightBits(b.Out, w.Dim)
	}
	show("int8")
}

// eightBits returns what int8 rows keep of rows.
func eightBits(rows []float32, d int) []float32 {
	codes, scales, exp := quant.EncodeRows(rows, d)
	kept := make([]float32, len(rows))
	for i := range scales {
		for f := range d {
			kept[i*d+f] = float32(int32(codes[i*d+f])*int32(scales[i])) * quant.Pow2(exp)
		}
	}
	return kept
}
