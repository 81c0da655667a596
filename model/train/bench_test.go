package train

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// The benchmarks have the size of MovieLens-1M: 6,040 people, 3,706 items, a
// million pairs.

// BenchmarkIALS: one operation is one epoch with 64 factors.
func BenchmarkIALS(b *testing.B) {
	t := newIALS(begin(b, random(6040, 3706, .0447), Config{Algorithm: IALS}))
	for epoch := 1; b.Loop(); epoch++ {
		if err := t.epoch(context.Background(), epoch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEASE: one operation is one training.
func BenchmarkEASE(b *testing.B) {
	m := random(6040, 3706, .0447)
	for b.Loop() {
		if _, err := Train(context.Background(), Input{Pairs: m}, Config{Algorithm: EASE, Params: Params{"neighbours": 200}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSequenceStep is one step of 128 histories of 50 items, d = 64, with a
// softmax over 1,000 items.
func BenchmarkSequenceStep(b *testing.B) {
	for _, n := range []int{1, 2} {
		cfg := smallSequence
		cfg.Dim, cfg.Blocks, cfg.Length, cfg.Batch, cfg.Draws = 64, n, 50, 128, 2000
		rng := rand.New(rand.NewPCG(1, 1))
		rows := make([][]int32, cfg.Batch)
		for u := range rows {
			for range cfg.Length + 1 {
				rows[u] = append(rows[u], int32(rng.IntN(1000)))
			}
		}
		t, err := newSequenceTraining(sequencesOf(1000, rows...), cfg, &meter{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("blocks=%d", n), func(b *testing.B) {
			for b.Loop() {
				if err := t.step(context.Background(), rows, rng); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
