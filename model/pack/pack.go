package pack

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"math"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// Options say what the manifest says besides the model. Times are Unix
// seconds.
type Options struct {
	Channel          string // "" or [a-z0-9._/-]{1,64}
	Version          uint64 // grows with every release; 0 is 1
	Created, Expires int64
	HalfLife         int64 // seconds after which an event counts half; 0: age does not matter
	Neighbours       int   // kept per row, the largest by size; 0: all the model has
	Quant            Quant // how item factors are coded
	K                int   // most items a request may ask for; 0 is 1000
	History          int   // most events in a request; 0 is 500

	Modules    [][32]byte         // SHA-256 of the modules it may run with; nil: any
	Provenance *bundle.Provenance // nil: not said
}

// Pack returns the signed bundle of m. It refuses a model that a device would
// refuse, because the result has been opened and has answered. Without keys,
// nil, it is not signed yet: see Document.
func Pack(m *train.Model, keys *Keys, opt Options) ([]byte, error) {
	file, _, err := packFrom(m, keys, opt, nil)
	return file, err
}

// PackFrom is Pack with codes that stay as they are in an earlier bundle of the
// channel while they are near enough to the model's numbers, so that a patch
// from that to the new one is small. The model should be a refit of the earlier
// one's. Where too little could stay, the bundle is that of Pack; Kept says why.
//
// Who has signed the earlier bundle does not matter, and nobody need have:
// whatever is in it, what stays of it is near to the model.
func PackFrom(m *train.Model, keys *Keys, opt Options, earlier []byte) ([]byte, Kept, error) {
	from, err := openUnsigned(earlier)
	if err != nil {
		return nil, Kept{}, fmt.Errorf("pack: the earlier bundle: %w", err)
	}
	return packFrom(m, keys, opt, from)
}

func packFrom(m *train.Model, keys *Keys, opt Options, from *bundle.Bundle) (file []byte, kept Kept, err error) {
	opt.Version = cmp.Or(opt.Version, 1)
	opt.K = cmp.Or(opt.K, bundle.MaxK)
	opt.Quant = opt.Quant.withDefaults(m)
	opt.History = cmp.Or(opt.History, 500)
	if opt.Expires <= opt.Created || opt.Created < 0 {
		return nil, kept, fmt.Errorf("pack: created %d, expires %d: want a time of expiry after that of creation", opt.Created, opt.Expires)
	}
	if opt.K < 0 || opt.K > bundle.MaxK || opt.History < 0 || opt.History > bundle.MaxHistory {
		return nil, kept, fmt.Errorf("pack: limits k %d, history %d: want at most %d and %d", opt.K, opt.History, bundle.MaxK, bundle.MaxHistory)
	}
	if n := len(m.Items); n == 0 || n > bundle.MaxItems || len(m.Count) != n {
		return nil, kept, fmt.Errorf("pack: %d items with %d counts: want 1 to %d items and a count for each", n, len(m.Count), bundle.MaxItems)
	}
	if err := opt.Quant.check(m); err != nil {
		return nil, kept, err
	}
	m = prunePool(m, opt.Neighbours)
	m, sections, kept, err := layOutFrom(m, opt, from)
	if err != nil {
		return nil, kept, err
	}

	// Known answers are computed on the very bytes that ship: the bundle is
	// written without them under a key of the moment, opened, and asked.
	once, err := NewKeys(rand.Reader)
	if err != nil {
		return nil, kept, err
	}
	draft, err := write(m, []*Keys{once}, opt, sections, answers{})
	if err != nil {
		return nil, kept, err
	}
	var known answers
	if known.whole, err = ask(draft, once, m, opt, len(draft)); err != nil {
		return nil, kept, err
	}
	if opt.Quant.Rescore != bundle.CodecNone {
		if known.early, err = ask(draft, once, m, opt, len(draft)-1); err != nil {
			return nil, kept, err
		}
	}
	if file, err = write(m, []*Keys{once}, opt, sections, known); err != nil {
		return nil, kept, err
	}
	for _, have := range []int{len(file), len(file) - 1} {
		if have < len(file) && known.early == nil {
			break
		}
		b, err := open(file, once, opt, have)
		if err == nil {
			err = slate.New(b).Check()
		}
		if err != nil {
			return nil, kept, fmt.Errorf("pack: the bundle refuses itself: %w", err)
		}
	}
	var signers []*Keys
	if keys != nil {
		signers = []*Keys{keys}
	}
	file, err = write(m, signers, opt, sections, known)
	return file, kept, err
}

// answers are the known answers of a bundle: of the whole file, and of what
// comes before the rows that rescore.
type answers struct{ whole, early []bundle.KnownAnswer }

// ask puts the questions to a file of which have bytes are there.
func ask(file []byte, keys *Keys, m *train.Model, opt Options, have int) (known []bundle.KnownAnswer, err error) {
	b, err := open(file, keys, opt, have)
	if err != nil {
		return nil, err
	}
	r := slate.New(b)
	for _, req := range questions(m, opt) {
		a, err := r.Answer(req.Append(nil))
		if err != nil {
			return nil, fmt.Errorf("pack: known answer: %w", err)
		}
		known = append(known, a)
	}
	return known, nil
}

// open reads a bundle back as a device would when have bytes have come.
func open(file []byte, keys *Keys, opt Options, have int) (*bundle.Bundle, error) {
	doc, err := keys.Root(1, opt.Expires)
	if err != nil {
		return nil, err
	}
	root, err := trust.ParseRoot(doc)
	if err != nil {
		return nil, err
	}
	return bundle.OpenEarly(root, file, have, opt.Created)
}

// openUnsigned opens a bundle by its hashes alone, whoever has signed it: under a
// key of the moment, as of its creation.
func openUnsigned(file []byte) (*bundle.Bundle, error) {
	doc, err := ParseDocument(file)
	if err != nil {
		return nil, err
	}
	if doc.frame == nil {
		return nil, ErrNotSignable
	}
	m, err := bundle.ParseManifest(doc.Bytes)
	if err != nil {
		return nil, err
	}
	once, err := NewKeys(rand.Reader)
	if err != nil {
		return nil, err
	}
	doc.Signatures = nil
	if file, err = doc.Sign(once); err != nil {
		return nil, err
	}
	return open(file, once, Options{Created: m.Created, Expires: m.Expires}, len(file))
}

// questions are the requests whose answers every engine must reproduce: an
// empty history, one popular item, and a longer history of all kinds and ages.
func questions(m *train.Model, opt Options) []slate.Request {
	order := make([]int, len(m.Items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.Count[b], m.Count[a]) })
	var long []profile.Event
	for e := range min(20, opt.History, len(order)) {
		long = append(long, profile.Event{
			Item: m.Items[order[e*len(order)/20%len(order)]].ID, Kind: profile.Kind(1 + e%(profile.Kinds-1)),
			Time: max(0, opt.Created-int64(e*e)*86400), Weight: profile.One / uint32(1+e%3),
		})
	}
	one := []profile.Event{{Item: m.Items[order[0]].ID, Kind: profile.KindClick, Weight: profile.One}}
	k := min(opt.K, 20)
	return []slate.Request{
		{K: k, Now: opt.Created},
		{K: k, Now: opt.Created, History: one, Reasons: 1},
		{K: k, Now: opt.Created, History: long, Reasons: 3},
	}
}

// section is one value of the file and the manifest's entry for it.
type section struct {
	kind bundle.Kind
	exp  int
	body []byte
}

// layOut turns the model into sections, in ascending order of kind, with what is
// near enough as in a, where there is one.
func layOut(m *train.Model, opt Options, a *anchor) ([]section, error) {
	list := catalogue(m)
	switch m.Scorer() {
	case bundle.ScorerFoldIn:
		early, late, err := foldIn(m, opt, a)
		if err != nil {
			return nil, err
		}
		list = append(append(list, early...), late...)
	case bundle.ScorerNeighbours:
		list = append(list, neighbours(m, opt)...)
	case bundle.ScorerSequence:
		early, late, _, err := quantise(m, opt.Quant, nil)
		if err != nil {
			return nil, err
		}
		list = append(append(append(list, section{kind: bundle.KindEncoder, body: m.Encoder}), early...), late...)
	case bundle.ScorerPool:
		sections, err := pool(m, opt, a)
		if err != nil {
			return nil, err
		}
		list = append(list, sections...)
	}
	slices.SortFunc(list, func(a, b section) int { return cmp.Compare(a.kind, b.kind) })
	return list, nil
}

// catalogue lays out what is known of the items. A column that is empty for
// every item is left out. Item.Text is for training and never ships.
func catalogue(m *train.Model) []section {
	column := func(get func(data.Item) string) (all []string, any bool) {
		for _, it := range m.Items {
			s := get(it)
			all, any = append(all, s), any || s != ""
		}
		return all, any
	}
	ids, _ := column(func(it data.Item) string { return it.ID })
	list := []section{{kind: bundle.KindIDs, body: packStrings(ids)}}
	if titles, any := column(func(it data.Item) string { return it.Title }); any {
		list = append(list, section{kind: bundle.KindTitles, body: packStrings(titles)})
	}
	list = append(list, tags(m.Items)...)
	if authors, any := column(func(it data.Item) string { return it.Author }); any {
		list = append(list, section{kind: bundle.KindAuthors, body: packStrings(authors)})
	}
	published := make([]uint32, len(m.Items))
	anyTime := false
	for i, it := range m.Items {
		if it.Published > 0 && it.Published <= math.MaxUint32 {
			published[i], anyTime = uint32(it.Published), true
		}
	}
	if anyTime {
		list = append(list, section{kind: bundle.KindPublished, body: wire.AppendUint32s(nil, published)})
	}
	if urls, any := column(func(it data.Item) string { return it.URL }); any {
		list = append(list, section{kind: bundle.KindURLs, body: packStrings(urls)})
	}
	if images, any := column(func(it data.Item) string { return it.Image }); any {
		list = append(list, section{kind: bundle.KindImages, body: packStrings(images)})
	}
	return append(list, section{kind: bundle.KindPopularity, body: wire.AppendUint32s(nil, m.Count)})
}

// packStrings writes n+1 offsets and the bytes.
func packStrings(list []string) []byte {
	ends := []uint32{0}
	for _, s := range list {
		ends = append(ends, ends[len(ends)-1]+uint32(len(s)))
	}
	b := wire.AppendUint32s(nil, ends)
	for _, s := range list {
		b = append(b, s...)
	}
	return b
}

// tags writes the distinct tags in order of first appearance, and each item's.
func tags(items []data.Item) []section {
	index := map[string]uint16{}
	var names []string
	ends := []uint32{0}
	var list []uint16
	for _, it := range items {
		for _, t := range it.Tags {
			i, ok := index[t]
			if !ok {
				if len(names) == math.MaxUint16 {
					continue // the format names 65535 tags; rarer ones come last
				}
				i = uint16(len(names))
				index[t], names = i, append(names, t)
			}
			list = append(list, i)
		}
		ends = append(ends, uint32(len(list)))
	}
	if len(names) == 0 {
		return nil
	}
	return []section{
		{kind: bundle.KindTagNames, body: append(wire.AppendUint32s(nil, []uint32{uint32(len(names))}), packStrings(names)...)},
		{kind: bundle.KindTags, body: wire.AppendUint16s(wire.AppendUint32s(nil, ends), list)},
	}
}

// neighbours writes the rows of a linear model, pruned to the largest weights.
func neighbours(m *train.Model, opt Options) []section {
	ptr := []int64{0}
	var items []uint32
	var values []float32
	for i := range m.Neighbours.Rows {
		col, val := m.Neighbours.Row(i)
		keep := make([]int, len(col))
		for k := range keep {
			keep[k] = k
		}
		if opt.Neighbours > 0 && len(keep) > opt.Neighbours {
			slices.SortStableFunc(keep, func(a, b int) int {
				return cmp.Compare(math.Abs(float64(val[b])), math.Abs(float64(val[a])))
			})
			keep = keep[:opt.Neighbours]
			slices.Sort(keep)
		}
		for _, k := range keep {
			items, values = append(items, uint32(col[k])), append(values, val[k])
		}
		ptr = append(ptr, int64(len(items)))
	}
	codes, scales, exp := quant.EncodeRagged(values, ptr)
	starts := make([]uint32, len(ptr))
	for i, p := range ptr {
		starts[i] = uint32(p)
	}
	return []section{
		{kind: bundle.KindStarts, body: wire.AppendUint32s(nil, starts)},
		{kind: bundle.KindNeighbours, body: wire.AppendUint32s(nil, items)},
		{kind: bundle.KindWeights, exp: exp, body: quant.Bytes(codes)},
		{kind: bundle.KindScales, body: wire.AppendUint16s(nil, scales)},
	}
}

// write encodes manifest, signatures and frame.
func write(m *train.Model, keys []*Keys, opt Options, sections []section, known answers) ([]byte, error) {
	manifest, err := encodeManifest(m, opt, sections, known)
	if err != nil {
		return nil, err
	}
	if len(manifest) > trust.MaxManifest {
		return nil, fmt.Errorf("pack: the manifest has %d bytes, want at most %d", len(manifest), trust.MaxManifest)
	}
	f := bundle.Frame{Channel: opt.Channel, Manifest: manifest}
	for _, s := range sections {
		f.Sections = append(f.Sections, s.body)
	}
	if f.Signatures, err = addSignatures(nil, trust.RoleManifest, opt.Channel, manifest, keys); err != nil {
		return nil, err
	}
	return encodeFrame(f)
}

func encodeManifest(m *train.Model, opt Options, sections []section, known answers) ([]byte, error) {
	w := newWriter()
	retrieval := opt.Quant.retrieval(m)
	pairs := 12
	for _, has := range []bool{retrieval != bundle.Retrieval{}, known.early != nil, m.Pool != nil, opt.Modules != nil, opt.Provenance != nil} {
		if has {
			pairs++
		}
	}
	w.document("mani", pairs)
	w.stringField(1, opt.Channel)
	w.stringField(2, string(m.Algorithm))
	w.uintField(3, opt.Version)
	w.uintField(4, uint64(opt.Created))
	w.uintField(5, uint64(opt.Expires))
	w.uintField(6, bundle.ABIVersion)

	w.key(7)
	w.mapLen(4)
	w.uintField(0, uint64(len(m.Items)))
	dim := 0
	if m.Factors != nil {
		dim = m.Dim
	}
	w.uintField(1, uint64(dim))
	w.uintField(2, uint64(opt.K))
	w.uintField(3, uint64(opt.History))

	w.key(8)
	w.array(len(sections))
	for _, s := range sections {
		hash := digest.TreeHead(s.body)
		if s.exp == 0 {
			w.mapLen(3)
		} else {
			w.mapLen(4)
		}
		w.uintField(0, uint64(s.kind))
		w.uintField(1, uint64(len(s.body)))
		w.binField(2, hash[:])
		if s.exp != 0 {
			w.intField(3, int64(s.exp))
		}
	}

	w.key(9)
	w.mapLen(3)
	w.uintField(0, uint64(m.Scorer()))
	w.key(1)
	w.array(profile.Kinds)
	for _, v := range profile.DefaultKinds {
		w.uint(uint64(v))
	}
	w.uintField(2, uint64(opt.HalfLife))

	w.key(10)
	w.mapLen(4)
	w.uintField(0, m.Label.Users)
	w.uintField(1, m.Label.Events)
	w.uintField(2, uint64(m.Label.MinItemUsers))
	w.uintField(3, m.Label.Dropped)

	w.key(11)
	w.answers(known.whole)
	if r := retrieval; r != (bundle.Retrieval{}) {
		w.key(12)
		w.mapLen(4)
		w.uintField(0, uint64(r.Codec))
		w.uintField(1, uint64(r.Groups))
		w.uintField(2, uint64(r.Rescore))
		w.uintField(3, uint64(r.Candidates))
	}
	if known.early != nil {
		w.key(13)
		w.answers(known.early)
	}
	if m.Pool != nil {
		w.key(14)
		w.pool(m.Pool)
	}
	if opt.Modules != nil {
		w.key(15)
		w.array(len(opt.Modules))
		for _, sum := range opt.Modules {
			w.bin(sum[:])
		}
	}
	if p := opt.Provenance; p != nil {
		w.key(16)
		w.mapLen(3)
		w.binField(0, p.Data[:])
		w.stringField(1, p.Code)
		w.uintField(2, p.Seed)
	}
	return w.bytes()
}
