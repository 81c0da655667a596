package score

import "github.com/nearside/nearside/model/core/quant"

// The features of a candidate: three for each column, then these.
const (
	featureShare     = iota // log2 of its share of the pool
	featureMet              // it is in the history
	featureSince            // log2 of 1 + events since
	featureTimes            // log2 of 1 + how often
	featurePart             // how often, as a part of the history
	featureLast             // it is the last item
	featureLastBut1         // it is the one before
	featureCount            // log2 of 1 + its people
	featureTrend            // how much more it is met lately, log2
	featureLength           // log2 of the history's length
	featureLastCount        // log2 of 1 + the last item's people
	featureCosLast          // cosine of its row and the last item's
	featureCosRecent        // cosine of its row and the recent items' sum
	featureRepeats          // the history's own items' share of the pool
	featureFactor           // its product with the person's factors, from 0 for the least to 1 for the greatest
	otherFeatures
)

// FeatureCount returns how many features a candidate has where there are so many
// columns.
func FeatureCount(columns int) int { return 3*columns + otherFeatures }

const (
	// leastValue stands for nothing where a logarithm is taken.
	leastValue = 1e-4
	// neverSince is featureSince of an item that is not in the history: 20
	// events.
	neverSince = 4.4
	// recentItems are in featureCosRecent.
	recentItems = 10
)

// decayRecent is how much less an item counts in featureCosRecent than the next
// newer one.
const decayRecent = 0.8

// Candidates returns how many candidates the net ranks.
func (s *Pooler) Candidates() int { return min(len(s.list), s.Pool.Candidates+s.Pool.Nearest) }

// Candidate returns the item of candidate k, the pool's best first.
func (s *Pooler) Candidate(k int) int { return int(s.list[k].item) }

// Score returns the pool's score of candidate k.
func (s *Pooler) Score(k int) float32 { return s.list[k].score }

// Features writes the features of the m = Candidates() candidates that Collect
// left to x, FeatureCount × m: a feature of all candidates is one row.
func (s *Pooler) Features(x []float32) {
	m := s.Candidates()
	list := s.list[:m]
	c := s.Pool.Sparse.C
	clear(x[:FeatureCount(c)*m])
	for k, cand := range list {
		s.slots[cand.item] = uint16(k + 1)
	}
	s.columnFeatures(x, m)
	s.otherFeatures(x[3*c*m:], m)
	if s.Table != nil {
		s.dense.fill(s, x[3*c*m:], m)
	}
	for _, cand := range list {
		s.slots[cand.item] = 0
	}
}

// columnFeatures fills in what the columns say: the last item's value, that of
// the others, less the older they are, and the square roots of all.
func (s *Pooler) columnFeatures(x []float32, m int) {
	c := s.Pool.Sparse.C
	second, third := float32(1), float32(1)
	for at, t := range s.tastes {
		if c == 0 || second < leastValue && third < leastValue {
			break
		}
		var codes []int8
		s.items, codes = s.Pool.Sparse.Row(s.items[:0], t.Item)
		var scale [quant.MaxColumns]float32
		for col := range c {
			scale[col] = s.Pool.Sparse.Scale(t.Item, col)
		}
		for k, j := range s.items {
			slot := int(s.slots[j])
			if slot == 0 {
				continue
			}
			for col, code := range codes[k*c : (k+1)*c] {
				v := float32(scale[col] * quant.SquareLaw(code))
				if v <= 0 {
					continue
				}
				f := x[3*col*m+slot-1:]
				if at == 0 {
					f[0] += v
				} else {
					f[m] += float32(second * v)
				}
				f[2*m] += float32(third * sqrt(v))
			}
		}
		if at > 0 {
			second = float32(second * s.Pool.Decays[0])
		}
		third = float32(third * s.Pool.Decays[1])
	}
	for k, v := range x[:3*c*m] {
		x[k] = log2(leastValue + v)
	}
}

func (s *Pooler) otherFeatures(x []float32, m int) {
	row := func(f int) []float32 { return x[f*m : (f+1)*m] }
	var sum, repeats float32
	for _, c := range s.list[:m] {
		sum += max(c.score, 0)
	}
	length := log2(float32(1 + s.events))
	lastCount := log2(1 + float32(s.Popularity.At(s.tastes[0].Item)))
	for k, c := range s.list[:m] {
		share := float32(0)
		if sum > 0 {
			share = max(c.score, 0) / sum
		}
		row(featureShare)[k] = log2(leastValue + share)
		row(featureSince)[k] = neverSince
		row(featureCount)[k] = log2(1 + float32(s.Popularity.At(int(c.item))))
		if s.Pool.Trend != nil {
			row(featureTrend)[k] = float32(s.Pool.Trend[c.item]) / 16
		}
		row(featureLength)[k] = length
		row(featureLastCount)[k] = lastCount
	}
	for at, t := range s.tastes {
		k := int(s.slots[t.Item]) - 1
		if k < 0 {
			continue
		}
		if sum > 0 {
			repeats += max(s.list[k].score, 0) / sum
		}
		row(featureMet)[k] = 1
		row(featureSince)[k] = log2(float32(1 + t.Since))
		row(featureTimes)[k] = log2(float32(1 + t.Times))
		row(featurePart)[k] = float32(t.Times) / float32(s.events)
		switch at {
		case 0:
			row(featureLast)[k] = 1
		case 1:
			row(featureLastBut1)[k] = 1
		}
	}
	for k := range m {
		row(featureRepeats)[k] = repeats
	}
}

// denseFeatures is where the features of the rows are computed.
type denseFeatures struct {
	last, recent []float32 // d, of length 1
}

func (d *denseFeatures) fill(s *Pooler, x []float32, m int) {
	d.last, d.recent = grow(d.last, s.Dim), grow(d.recent, s.Dim)
	clear(d.recent)
	weight := float32(1)
	for at, t := range s.tastes[:min(len(s.tastes), recentItems)] {
		s.Fine.DecodeTo(s.row, t.Item)
		if at == 0 {
			copy(d.last, s.row)
		}
		quant.Axpy(d.recent, s.row, weight)
		weight = float32(weight * decayRecent)
	}
	unit(d.last)
	unit(d.recent)
	least, most := s.list[0].factor, s.list[0].factor
	for _, c := range s.list[:m] {
		least, most = min(least, c.factor), max(most, c.factor)
	}
	for k, c := range s.list[:m] {
		s.Fine.DecodeTo(s.row, int(c.item))
		unit(s.row)
		x[featureCosLast*m+k] = dot(d.last, s.row)
		x[featureCosRecent*m+k] = dot(d.recent, s.row)
		if most > least {
			x[featureFactor*m+k] = float32(c.factor-least) / float32(most-least)
		}
	}
}

// unit gives v length 1, unless it has none.
func unit(v []float32) {
	if square := dot(v, v); square > 0 && finite(square) {
		inverse := 1 / sqrt(square)
		for f := range v {
			v[f] = float32(v[f] * inverse)
		}
	}
}
