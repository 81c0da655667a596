package train

import (
	"context"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
)

const (
	weightSteps = 60  // of the fit; it hardly moves after 40
	weightPrior = 20  // cases that say what all buckets together say
	weightFloor = .02 // of a mass, so that rare components do not run away
)

// poolEvidence is what one case says about the pool's weights: for component
// t·positions+p, how much of its mass is on the target, and how much it has.
type poolEvidence struct {
	bucket     int
	components []int32
	hit, mass  []float32
}

// fitWeights sets the weights of the columns and of the items themselves to
// those under which the pool, as a distribution over the items, gives the
// targets of the cases the most likelihood:
//
//	Σ_c w_c·hit_c / Σ_c w_c·mass_c
//
// by steps that multiply (as in expectation maximisation for mixtures, with the
// mass of the components that a case has in the denominator, because a case has
// few of them). Each bucket leans on the weights of all together.
func fitWeights(ctx context.Context, p *bundle.Pool, cases []poolCase, workers int, meter *meter) error {
	evidence := make([]poolEvidence, len(cases))
	err := blocks(ctx, workers, len(cases), countBlock, func() func(from, to int) error {
		t := newTaster(p.Sparse.N)
		var items []int32
		return func(from, to int) error {
			for k := from; k < to; k++ {
				evidence[k] = evidenceOf(p, t, cases[k], &items)
			}
			meter.add(to - from)
			return nil
		}
	})
	if err != nil {
		return err
	}
	components := (p.Sparse.C + 1) * p.Positions
	all := make([]float64, components)
	buckets := make([][]float64, len(p.Buckets)+1)
	for c := range all {
		all[c] = 1
	}
	for b := range buckets {
		buckets[b] = make([]float64, components)
		copy(buckets[b], all)
	}
	for range weightSteps {
		stepWeights(all, nil, evidence, -1)
	}
	for b := range buckets {
		for range weightSteps {
			stepWeights(buckets[b], all, evidence, b)
		}
		for c, w := range buckets[b] {
			p.Weights[b*(p.Sparse.C+2)*p.Positions+c] = float32(w)
		}
	}
	return ctx.Err()
}

func evidenceOf(p *bundle.Pool, t *taster, c poolCase, items *[]int32) poolEvidence {
	columns := p.Sparse.C
	hit := make([]float32, (columns+1)*p.Positions)
	mass := make([]float32, (columns+1)*p.Positions)
	for at, taste := range t.of(c.history) {
		pos := min(at, p.Positions-1)
		if p.Repeats {
			mass[columns*p.Positions+pos]++
			if slices.Contains(c.targets, int32(taste.Item)) {
				hit[columns*p.Positions+pos]++
			}
		}
		var codes []int8
		*items, codes = p.Sparse.Row((*items)[:0], taste.Item)
		for col := range columns {
			scale := p.Sparse.Scale(taste.Item, col)
			if scale == 0 {
				continue
			}
			mass[col*p.Positions+pos]++
			for k, j := range *items {
				if slices.Contains(c.targets, j) {
					hit[col*p.Positions+pos] += max(0, scale*quant.SquareLaw(codes[k*columns+col]))
				}
			}
		}
	}
	e := poolEvidence{bucket: p.Bucket(len(c.history))}
	for k, m := range mass {
		if m > 0 {
			e.components, e.hit, e.mass = append(e.components, int32(k)), append(e.hit, hit[k]), append(e.mass, m)
		}
	}
	return e
}

// stepWeights makes one step of w over the cases of a bucket, or of all.
func stepWeights(w, prior []float64, evidence []poolEvidence, bucket int) {
	r, d := make([]float64, len(w)), make([]float64, len(w))
	for _, e := range evidence {
		if bucket >= 0 && e.bucket != bucket {
			continue
		}
		var hit, mass float64
		for k, c := range e.components {
			hit += w[c] * float64(e.hit[k])
			mass += w[c] * float64(e.mass[k])
		}
		for k, c := range e.components {
			r[c] += w[c] * float64(e.hit[k]) / (hit + 1e-6)
			d[c] += float64(e.mass[k]) / (mass + weightFloor)
		}
	}
	for c := range w {
		if prior == nil {
			w[c] = r[c] / (d[c] + 1e-9)
		} else {
			w[c] = (r[c] + weightPrior*prior[c]) / (d[c] + weightPrior)
		}
	}
}
