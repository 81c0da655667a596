package train

import (
	"context"
	"testing"
)

// BenchmarkIALS has the size of MovieLens-1M: a million pairs, 64 factors; one
// operation is one epoch.
func BenchmarkIALS(b *testing.B) {
	m := random(6040, 3706, .0447)
	if _, err := Train(context.Background(), m, Config{Algorithm: IALS, Epochs: max(1, b.N)}); err != nil {
		b.Fatal(err)
	}
}
