package train

import (
	"context"
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
