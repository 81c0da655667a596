package pack

import (
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/train"
)

// forged is a bundle of which every part may lie, signed all the same.
type forged struct {
	format, abi uint64
	scorer      bundle.Scorer
	items, dim  int
	history     int
	sections    []section
	claims      map[bundle.Kind]int // lengths in the manifest that differ from those in the file
	retrieval   *bundle.Retrieval   // nil: no key 12
	pool        *forgedPool         // nil: no key 14
	early       []bundle.KnownAnswer
	earlyKey    bool // key 13, even when early is empty
	noMagic     bool // the frame has no key 0
}

// forge returns an honest bundle of n items and d factors in the shape of q,
// without known answers, to be made dishonest.
func forge(t testing.TB, q Quant, n, d int) forged {
	t.Helper()
	m := testModel(train.IALS, n, d)
	opt := Options{Quant: q.withDefaults(m), History: 4}
	list, err := layOut(m, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := opt.Quant.retrieval(m)
	return forged{format: 4, abi: 4, scorer: bundle.ScorerFoldIn, items: n, dim: d, history: 4, sections: list, retrieval: &r}
}

// forgeOther is forge for a model without factors.
func forgeOther(t testing.TB, a train.Algorithm, n int) forged {
	t.Helper()
	m := testModel(a, n, 0)
	list, err := layOut(m, Options{History: 4}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return forged{format: 4, abi: 4, scorer: m.Scorer(), items: n, history: 4, sections: list}
}

// forgedPool is the manifest's key 14.
type forgedPool struct {
	positions                          int
	buckets                            []int
	columns, rice, candidates, nearest int
	repeats                            any
	hidden                             []int // nil: no net
}

// forgePool is forge for a pool of shape.
func forgePool(t testing.TB, shape modeltest.PoolShape, q Quant, d int) forged {
	t.Helper()
	m := poolModel(shape, d)
	opt := Options{Quant: q.withDefaults(m), History: 4}
	list, err := layOut(m, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := m.Pool
	f := forged{format: 4, abi: 4, scorer: bundle.ScorerPool, items: shape.Items, history: 4, sections: list, pool: &forgedPool{
		positions: p.Positions, buckets: p.Buckets, columns: p.Sparse.C, rice: p.Sparse.Rice, nearest: p.Nearest, repeats: p.Repeats,
	}}
	if m.Factors != nil {
		r := opt.Quant.retrieval(m)
		f.dim, f.retrieval = d, &r
	}
	if p.Net != nil {
		f.pool.candidates, f.pool.hidden = p.Candidates, []int{p.Net.H1, p.Net.H2}
	}
	return f
}

func (p *forgedPool) write(w *writer) {
	pairs := 7
	if p.hidden != nil {
		pairs++
	}
	w.mapLen(pairs)
	w.uintField(0, uint64(p.positions))
	w.key(1)
	w.array(len(p.buckets))
	for _, most := range p.buckets {
		w.uint(uint64(most))
	}
	for k, v := range []int{p.columns, p.rice, p.candidates, p.nearest} {
		w.uintField(uint64(2+k), uint64(v))
	}
	w.key(6)
	w.keep(w.enc.Encode(p.repeats))
	if p.hidden != nil {
		w.key(7)
		w.array(len(p.hidden))
		for _, units := range p.hidden {
			w.uint(uint64(units))
		}
	}
}

// set replaces a section's body, or adds one.
func (f *forged) set(kind bundle.Kind, body []byte) {
	at, found := slices.BinarySearchFunc(f.sections, kind, func(s section, k bundle.Kind) int { return int(s.kind) - int(k) })
	if !found {
		f.sections = slices.Insert(f.sections, at, section{kind: kind})
	}
	f.sections[at].body = body
}

func (f *forged) drop(kind bundle.Kind) {
	f.sections = slices.DeleteFunc(f.sections, func(s section) bool { return s.kind == kind })
}

// body returns a copy of a section's body, to be changed.
func (f *forged) body(kind bundle.Kind) []byte {
	for _, s := range f.sections {
		if s.kind == kind {
			return slices.Clone(s.body)
		}
	}
	return nil
}

func (f *forged) setExp(kind bundle.Kind, exp int) {
	for i := range f.sections {
		if f.sections[i].kind == kind {
			f.sections[i].exp = exp
		}
	}
}

// file writes and signs.
func (f *forged) file(t testing.TB, keys *Keys) []byte {
	t.Helper()
	return f.frame(t, keys, f.manifest(t))
}

// frame signs a manifest and writes the file.
func (f *forged) frame(t testing.TB, keys *Keys, manifest []byte) []byte {
	t.Helper()
	signatures, err := addSignatures(nil, trust.RoleManifest, "", manifest, []*Keys{keys})
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter()
	pairs := 6
	if f.noMagic {
		pairs--
	}
	w.mapLen(pairs)
	if !f.noMagic {
		w.stringField(0, "nearside")
	}
	w.uintField(1, f.format)
	w.stringField(2, "")
	w.binField(3, manifest)
	w.binField(4, signatures)
	w.key(5)
	w.array(len(f.sections))
	for _, s := range f.sections {
		w.bin(s.body)
	}
	file, err := w.bytes()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (f *forged) manifest(t testing.TB) []byte {
	t.Helper()
	w := newWriter()
	pairs := 12
	if f.retrieval != nil {
		pairs++
	}
	if f.pool != nil {
		pairs++
	}
	if f.earlyKey || f.early != nil {
		pairs++
	}
	w.document("mani", pairs)
	w.stringField(1, "")
	w.stringField(2, "forged")
	w.uintField(3, 1)
	w.uintField(4, created)
	w.uintField(5, expires)
	w.uintField(6, f.abi)
	w.key(7)
	w.mapLen(4)
	w.uintField(0, uint64(f.items))
	w.uintField(1, uint64(f.dim))
	w.uintField(2, 50)
	w.uintField(3, uint64(f.history))
	w.key(8)
	w.array(len(f.sections))
	for _, s := range f.sections {
		hash := digest.TreeHead(s.body)
		if f.format == 1 {
			hash = sha256.Sum256(s.body)
		}
		size := len(s.body)
		if claim, ok := f.claims[s.kind]; ok {
			size = claim
		}
		w.mapLen(4)
		w.uintField(0, uint64(s.kind))
		w.uintField(1, uint64(size))
		w.binField(2, hash[:])
		w.intField(3, int64(s.exp))
	}
	w.key(9)
	w.mapLen(3)
	w.uintField(0, uint64(f.scorer))
	w.key(1)
	w.array(profile.Kinds)
	for _, v := range profile.DefaultKinds {
		w.uint(uint64(v))
	}
	w.uintField(2, 0)
	w.key(10)
	w.mapLen(4)
	for k := range uint64(4) {
		w.uintField(k, 1)
	}
	w.key(11)
	w.answers(nil)
	if r := f.retrieval; r != nil {
		w.key(12)
		w.mapLen(4)
		w.uintField(0, uint64(r.Codec))
		w.uintField(1, uint64(r.Groups))
		w.uintField(2, uint64(r.Rescore))
		w.uintField(3, uint64(r.Candidates))
	}
	if f.earlyKey || f.early != nil {
		w.key(13)
		w.answers(f.early)
	}
	if f.pool != nil {
		w.key(14)
		f.pool.write(w)
	}
	doc, err := w.bytes()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// format1 makes an honest bundle of format 1 out of one with int8 rows.
func (f *forged) format1() { f.format, f.abi, f.retrieval = 1, 1, nil }

// format2 makes one of format 2, out of any but a pool.
func (f *forged) format2() { f.format, f.abi = 2, 2 }

// floats returns n times x.
func floats(n int, x float64) []byte {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(x)
	}
	return wire.AppendFloat32s(nil, v)
}
