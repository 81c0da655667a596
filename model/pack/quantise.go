package pack

import (
	"cmp"
	"fmt"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/train"
)

// Quant says how the item factors of a model are coded. The zero value is int8.
type Quant struct {
	Codec      bundle.Codec // of the rows that are scanned; 0: int8
	Bytes      int          // CodecPQ: bytes per item, a scale among them; 0: 16 at d = 64, 12 with rows that rescore
	Rescore    bundle.Codec // of the rows that give the best of a scan their score; 0: none
	Candidates int          // how many those are, for up to ten items; 0: DefaultCandidates
	Seed       uint64       // CodecPQ: of the search for good codes
}

// DefaultCandidates is how many items of a coarse scan get their exact score.
// With 12 bytes per item at d = 64 and int8 rows, 160 find .98 of the exact ten
// in web/bench/RESULTS.md, and on MovieLens 1M and Gowalla all that int8 rows
// alone would.
const DefaultCandidates = 160

func (q Quant) withDefaults(m *train.Model) Quant {
	if m.Factors == nil {
		return q
	}
	q.Codec = cmp.Or(q.Codec, m.Codec())
	if q.Codec == bundle.CodecPQ {
		q.Bytes = cmp.Or(q.Bytes, q.pqBytes(m.Dim))
	}
	if q.Codec.Coarse() || q.Rescore != bundle.CodecNone {
		q.Candidates = cmp.Or(q.Candidates, DefaultCandidates)
	}
	return q
}

// check refuses what no bundle can hold; q has its defaults.
func (q Quant) check(m *train.Model) error {
	switch {
	case m.Factors == nil && q != Quant{}:
		return fmt.Errorf("pack: %s has no factors to quantise: leave the codec out", m.Algorithm)
	case m.Factors == nil:
	case q.Codec > bundle.CodecFloat:
		return fmt.Errorf("pack: codec %d: want int8, int4, pq, binary or float", q.Codec)
	case q.Codec != bundle.CodecPQ && q.Bytes != 0:
		return fmt.Errorf("pack: %d bytes per item: only pq has a choice", q.Bytes)
	case q.Codec == bundle.CodecPQ && (q.Bytes < 2 || q.groups() > min(m.Dim, quant.MaxGroups)):
		return fmt.Errorf("pack: %d bytes per item: want 2 to %d for %d factors", q.Bytes, 1+min(m.Dim, quant.MaxGroups)/2, m.Dim)
	case q.Rescore > bundle.CodecInt4:
		return fmt.Errorf("pack: rescoring with %s: want int8, int4 or none", q.Rescore)
	case q.Candidates != 0 && !q.Codec.Coarse() && q.Rescore == bundle.CodecNone:
		return fmt.Errorf("pack: %d candidates: %s has none without rows that rescore", q.Candidates, q.Codec)
	case q.Candidates < 0 || q.Candidates > bundle.MaxCandidates:
		return fmt.Errorf("pack: %d candidates: want 1 to %d", q.Candidates, bundle.MaxCandidates)
	}
	return nil
}

// retrieval returns what the manifest says; nothing for a model without factors.
func (q Quant) retrieval(m *train.Model) bundle.Retrieval {
	if m.Factors == nil {
		return bundle.Retrieval{}
	}
	r := bundle.Retrieval{Codec: q.Codec, Rescore: q.Rescore, Candidates: q.Candidates}
	if q.Codec == bundle.CodecPQ {
		r.Groups = q.groups()
	}
	return r
}

// pqBytes is the default of Bytes: a quarter of the factors, and less where rows
// rescore.
func (q Quant) pqBytes(d int) int {
	if q.Rescore != bundle.CodecNone {
		return max(2, 3*d/16)
	}
	return max(2, (d+3)/4)
}

// groups returns the number of sub-quantisers of CodecPQ: two to a byte, after
// one for the scale.
func (q Quant) groups() int { return 2 * (q.Bytes - 1) }

// BytesPerItem returns how many bytes of the file grow with the items, for rows
// that are scanned and for those that rescore, each with its scale.
func (q Quant) BytesPerItem(d int) (scanned, rescored int) {
	size := func(c bundle.Codec) int {
		switch c {
		case bundle.CodecInt8:
			return d + 2
		case bundle.CodecInt4:
			return quant.Stride4(d) + 2
		case bundle.CodecPQ:
			return cmp.Or(q.Bytes, q.pqBytes(d))
		case bundle.CodecBinary:
			return quant.SignGroups(d)/2 + 1
		case bundle.CodecFloat:
			return 4 * d
		}
		return 0
	}
	if scanned = size(q.Codec); q.Codec <= bundle.CodecInt8 {
		scanned = quant.TileBytes(16, d)/16 + 2
	}
	return scanned, size(q.Rescore)
}

// quantise codes the factors: the sections of what is scanned, and of what
// rescores. table is what a person's fold-in decodes. Codes that are near enough
// are those of a, where there is one.
func quantise(m *train.Model, q Quant, a *anchor) (scanned, rescored []section, table quant.Table, err error) {
	n, d := len(m.Items), m.Dim
	if d < 1 || d > quant.MaxDim || len(m.Factors) != n*d {
		return nil, nil, nil, fmt.Errorf("pack: %d factors for %d items of %d: want n×d", len(m.Factors), n, d)
	}
	for i, x := range m.Factors {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, nil, nil, fmt.Errorf("pack: item %q has a factor that is %v", m.Items[i/d].ID, x)
		}
	}
	switch q.Codec {
	case bundle.CodecPQ:
		var p quant.PQ
		if p, err = trainPQ(m, q, a); err != nil {
			return nil, nil, nil, err
		}
		scanned = []section{
			{kind: bundle.KindRows, body: p.Codes},
			{kind: bundle.KindRowScales, body: p.Scales},
			{kind: bundle.KindCentroids, exp: p.Centroids.Exp, body: quant.Bytes(p.Centroids.Codes)},
			{kind: bundle.KindCentScales, body: p.Centroids.Scales},
		}
		table = p
	case bundle.CodecBinary:
		codes, scales, exp := quant.EncodeSigns(m.Factors, d)
		s := quant.Signs{N: n, D: d, Codes: codes, Scales: scales, Exp: exp}
		scanned = []section{{kind: bundle.KindRows, exp: exp, body: codes}, {kind: bundle.KindRowScales, body: scales}}
		table = s
	case bundle.CodecFloat:
		f := quant.Floats{N: n, D: d, Values: wire.AppendFloat32s(nil, m.Factors), Exp: quant.FloatsExp(m.Factors)}
		scanned = []section{{kind: bundle.KindRows, exp: f.Exp, body: f.Values}}
		table = f
	default:
		c := encode(q.Codec, m.Factors, d)
		if a != nil {
			c = a.keep(c, a.Table, m.Factors)
		}
		scanned, table = c.layOut(bundle.KindRows, bundle.KindRowScales)
	}
	if q.Rescore != bundle.CodecNone {
		c := encode(q.Rescore, m.Factors, d)
		if a != nil {
			c = a.keep(c, a.Rescore, m.Factors)
		}
		rescored, table = c.layOut(bundle.KindRescore, bundle.KindRescoreScales)
	}
	return scanned, rescored, table, nil
}

// coded are rows of int8 or int4 codes.
type coded struct {
	codec  bundle.Codec
	d      int
	codes  []int8 // n×d, row-major
	scales []uint16
	exp    int
}

// encode codes factors as int8 or int4 rows.
func encode(c bundle.Codec, factors []float32, d int) coded {
	rows := coded{codec: c, d: d}
	if c == bundle.CodecInt4 {
		rows.codes, rows.scales, rows.exp = quant.EncodeRows4(factors, d)
	} else {
		rows.codes, rows.scales, rows.exp = quant.EncodeRows(factors, d)
	}
	return rows
}

// levels returns the greatest code.
func (c coded) levels() float64 {
	if c.codec == bundle.CodecInt4 {
		return 7
	}
	return 127
}

// layOut returns the rows as two sections: those that are scanned as int8 in
// tiles.
func (c coded) layOut(rows, scales bundle.Kind) ([]section, quant.Table) {
	n, s := len(c.scales), wire.AppendUint16s(nil, c.scales)
	var table quant.Table
	var body []byte
	switch {
	case c.codec == bundle.CodecInt4:
		t := quant.Rows4{N: n, D: c.d, Codes: quant.PackRows4(c.codes, c.d), Scales: s, Exp: c.exp}
		table, body = t, t.Codes
	case rows == bundle.KindRows:
		t := quant.Tiles{N: n, D: c.d, Codes: quant.PackTiles(c.codes, c.d), Scales: s, Exp: c.exp}
		table, body = t, t.Codes
	default:
		table, body = quant.Rows{N: n, D: c.d, Codes: c.codes, Scales: s, Exp: c.exp}, quant.Bytes(c.codes)
	}
	return []section{{kind: rows, exp: c.exp, body: body}, {kind: scales, body: s}}, table
}

// trainPQ learns sub-quantisers from the factors and codes them, or goes on with
// those of a while they are nearly as good.
func trainPQ(m *train.Model, q Quant, a *anchor) (quant.PQ, error) {
	groups := q.groups()
	c, err := trainCodebook(m.Factors, m.Dim, groups, codebookOptions{Moment: m.Moment, Weights: m.Count, Seed: q.Seed})
	if err != nil {
		return quant.PQ{}, err
	}
	codes, scales := c.encode(m.Factors)
	if a != nil {
		if c, codes, scales, err = a.keepCodebook(c, codes, scales, m); err != nil {
			return quant.PQ{}, err
		}
	}
	return quant.PQ{
		N: len(m.Items), D: m.Dim, M: groups, Codes: quant.PackPQ(codes, groups), Scales: scales, Centroids: c.centroids,
	}, nil
}

// foldIn writes the item factors and what solving for a person needs: the gram
// alpha·YᵀY and the ridge by number of items, so that the device needs no power
// function.
//
// The gram is that of the quantised rows, so that the device's system is
// consistent, but for pq and binary that of the floats: their rows err too much
// for it. At 8 to 10 bytes per item that gains 1 to 2 % of NDCG@10 on
// MovieLens 1M and Gowalla.
func foldIn(m *train.Model, opt Options, a *anchor) (early, late []section, err error) {
	n, d := len(m.Items), m.Dim
	scanned, rescored, table, err := quantise(m, opt.Quant, a)
	if err != nil {
		return nil, nil, err
	}
	if opt.Quant.Codec.Coarse() && opt.Quant.Rescore == bundle.CodecNone {
		table = quant.Floats{N: n, D: d, Values: wire.AppendFloat32s(nil, m.Factors)}
	}
	ridge := make([]float32, opt.History+1)
	for h := range ridge {
		ridge[h] = m.Ridge(h)
	}
	products := gram(table, n, d, m.Alpha)
	if a != nil {
		products, ridge = a.gram(products), a.ridge(ridge)
	}
	early = append(scanned,
		section{kind: bundle.KindGram, body: wire.AppendFloat32s(nil, products)},
		section{kind: bundle.KindRidge, body: wire.AppendFloat32s(nil, ridge)},
	)
	return early, rescored, nil
}

// gram returns alpha·YᵀY, d×d, of the decoded rows.
func gram(table quant.Table, n, d int, alpha float32) []float32 {
	sum := make([]float64, d*d)
	row := make([]float32, d)
	for i := range n {
		table.DecodeTo(row, i)
		for a, x := range row {
			for b, y := range row[:a+1] {
				sum[a*d+b] += float64(x) * float64(y)
			}
		}
	}
	full := make([]float32, d*d)
	for a := range d {
		for b := range a + 1 {
			g := float32(float64(alpha) * sum[a*d+b])
			full[a*d+b], full[b*d+a] = g, g
		}
	}
	return full
}
