package score

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// benchBundle has random factors and a gram of 1 on the diagonal: what they say
// does not matter to the work.
func benchBundle(n, d, history int) *bundle.Bundle {
	rng := rand.New(rand.NewPCG(1, 1))
	factors, gram, ridge := make([]float32, n*d), make([]float32, d*d), make([]float32, history+1)
	for i := range factors {
		factors[i] = 2*rng.Float32() - 1
	}
	for f := range d {
		gram[f*d+f] = 1
	}
	for h := range ridge {
		ridge[h] = 1
	}
	b := &bundle.Bundle{Gram: wire.AppendFloat32s(nil, gram), Ridge: wire.AppendFloat32s(nil, ridge)}
	b.Manifest.Limits = bundle.Limits{Items: n, Dim: d, K: 10, History: history}
	b.Manifest.Scoring.Scorer = bundle.ScorerFoldIn
	codes, scales, exp := quant.EncodeRows(factors, d)
	b.Table = quant.Tiles{N: n, D: d, Codes: quant.PackTiles(codes, d), Scales: wire.AppendUint16s(nil, scales), Exp: exp}
	return b
}

// BenchmarkFoldIn solves for a person, and with reasons explains ten items too.
func BenchmarkFoldIn(b *testing.B) {
	const n, k, reasons = 5000, 10, 3
	for _, size := range []struct{ history, d int }{{20, 64}, {200, 64}, {200, 128}} {
		s := New(benchBundle(n, size.d, size.history))
		tastes := make([]Taste, size.history)
		for t := range tastes {
			tastes[t] = Taste{Item: t * 7, Weight: profile.One, Event: t}
		}
		for _, explain := range []bool{false, true} {
			name := fmt.Sprintf("history=%d/d=%d", size.history, size.d)
			if explain {
				name += "/reasons"
			}
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					s.has = false
					if err := s.foldIn(tastes); err != nil {
						b.Fatal(err)
					}
					for i := range k {
						if explain {
							s.Reasons(n-1-i, tastes, reasons)
						}
					}
				}
			})
		}
	}
}
