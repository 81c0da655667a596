package bundle

import (
	"errors"
	"math"
	"unicode/utf8"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/wire"
)

// Kind says what a section holds. n is the number of items, d of factors.
type Kind uint8

// The kinds of section, in the order in which they stand in the file.
const (
	KindIDs         Kind = 1  // strings[n]: item ids, distinct
	KindTitles      Kind = 2  // strings[n]
	KindTagNames    Kind = 3  // uint32 t, then strings[t]: the distinct tags
	KindTags        Kind = 4  // lists[n] of uint16 below t
	KindAuthors     Kind = 5  // strings[n]
	KindPublished   Kind = 6  // uint32[n]: Unix seconds, 0 not known
	KindURLs        Kind = 7  // strings[n]
	KindImages      Kind = 8  // strings[n]
	KindPopularity  Kind = 9  // uint32[n]: people who had the item in training
	KindTrend       Kind = 10 // int8[n]: see Pool
	KindGains       Kind = 11 // uint8[n]: see Pool
	KindPoolWeights Kind = 12 // float32[buckets × (columns+2) × positions]
	KindNet         Kind = 13 // see readNet
	KindEncoder     Kind = 14 // see ReadEncoder
	KindRows        Kind = 16 // the codes of the item factors, as the manifest's codec has them
	KindRowScales   Kind = 17 // for int8 and int4 uint16[n], each at least 1; for pq and binary uint8[n]
	KindGram        Kind = 18 // float32[d×d], symmetric: alpha·YᵀY of the fold-in
	KindRidge       Kind = 19 // float32[history+1]: what the fold-in adds to the diagonal, by number of items
	KindCentroids   Kind = 20 // int8[16·groups×d]: those of sub-quantiser s from row 16·s on
	KindCentScales  Kind = 21 // uint16[16·groups], each at least 1
	KindStarts      Kind = 24 // uint32[n+1]: where each item's neighbours start
	KindNeighbours  Kind = 25 // uint32[m]: item indices, ascending in each row
	KindWeights     Kind = 26 // int8[m]
	KindScales      Kind = 27 // uint16[n], each at least 1
	KindPoolCounts  Kind = 28 // uint8[n]: see quant.Sparse for this and the next three
	KindPoolItems   Kind = 29
	KindPoolCodes   Kind = 30
	KindPoolScales  Kind = 31

	// What a device can do without for a while stands last.
	KindRescore       Kind = 32 // the item factors once more, finer
	KindRescoreScales Kind = 33 // uint16[n], each at least 1
)

var kindNames = map[Kind]string{
	KindIDs: "ids", KindTitles: "titles", KindTagNames: "tag-names", KindTags: "tags", KindAuthors: "authors",
	KindPublished: "published", KindURLs: "urls", KindImages: "images", KindPopularity: "popularity",
	KindRows: "rows", KindRowScales: "row-scales", KindGram: "gram", KindRidge: "ridge",
	KindCentroids: "centroids", KindCentScales: "centroid-scales",
	KindRescore: "rescore", KindRescoreScales: "rescore-scales",
	KindTrend: "trend", KindGains: "gains", KindPoolWeights: "pool-weights", KindNet: "net",
	KindEncoder:    "encoder",
	KindPoolCounts: "pool-counts", KindPoolItems: "pool-items", KindPoolCodes: "pool-codes", KindPoolScales: "pool-scales",
	KindStarts: "starts", KindNeighbours: "neighbours", KindWeights: "weights", KindScales: "scales",
}

// String gives the kind's name, as SPEC.md has it.
func (k Kind) String() string {
	if s, ok := kindNames[k]; ok {
		return s
	}
	return "unknown"
}

// maxText bounds a title, tag, author or address, in bytes.
const maxText = 2048

// Strings is a list of strings in place: n+1 uint32 offsets, then the bytes.
type Strings struct {
	ends wire.Uint32s
	text []byte
}

// Len returns the number of strings; it is 0 for an absent section.
func (s Strings) Len() int { return max(0, s.ends.Len()-1) }

// Bytes returns string i in place.
func (s Strings) Bytes(i int) []byte { return s.text[s.ends.At(i):s.ends.At(i+1)] }

// At returns string i in place, or "" when the section is absent.
func (s Strings) At(i int) string {
	if s.Len() == 0 {
		return ""
	}
	return wire.String(s.Bytes(i))
}

// offsets checks that v is n+1 offsets from 0 to end that never fall.
func offsets(v wire.Uint32s, n, end int) bool {
	if v.Len() != n+1 || v.At(0) != 0 || uint64(v.At(n)) != uint64(end) {
		return false
	}
	for i := range n {
		if v.At(i) > v.At(i+1) {
			return false
		}
	}
	return true
}

func readStrings(kind Kind, b []byte, n, maxBytes int) (Strings, error) {
	head := 4 * (n + 1)
	if len(b) < head || !offsets(wire.Uint32s(b[:head]), n, len(b)-head) {
		return Strings{}, layout(kind, "n+1 offsets and the bytes they name")
	}
	s := Strings{ends: wire.Uint32s(b[:head]), text: b[head:]}
	// The whole is valid, and no string starts inside a character: so each is.
	ok := utf8.Valid(s.text)
	for i := range n {
		from, to := s.ends.At(i), s.ends.At(i+1)
		ok = ok && to-from <= uint32(maxBytes) && (from == to || utf8.RuneStart(s.text[from]))
	}
	if !ok {
		return Strings{}, layout(kind, "short strings of valid UTF-8")
	}
	return s, nil
}

// readTags reads the tag lists: n+1 uint32 offsets, then uint16 tag indices.
func (b *Bundle) readTags(raw []byte, n int) error {
	head := 4 * (n + 1)
	if len(raw) < head || (len(raw)-head)%2 != 0 || !offsets(wire.Uint32s(raw[:head]), n, (len(raw)-head)/2) {
		return layout(KindTags, "n+1 offsets and the tags they name")
	}
	b.tagEnds, b.tags = wire.Uint32s(raw[:head]), wire.Uint16s(raw[head:])
	for i := range b.tags.Len() {
		if int(b.tags.At(i)) >= b.tagNames.Len() {
			return layout(KindTags, "tags that have a name")
		}
	}
	return nil
}

func scalesOf(kind Kind, raw []byte, n int) (wire.Uint16s, error) {
	if len(raw) != 2*n {
		return nil, layout(kind, "a scale for each item")
	}
	v := wire.Uint16s(raw)
	for i := range n {
		if v.At(i) == 0 {
			return nil, layout(kind, "scales above 0")
		}
	}
	return v, nil
}

// codesOf checks that no code is -128: the encoder never writes it, and
// without it no product overflows.
func codesOf(kind Kind, raw []byte) ([]int8, error) {
	codes := quant.Int8s(raw)
	if !quant.Symmetric(codes) {
		return nil, layout(kind, "codes from -127 to 127")
	}
	return codes, nil
}

func floatsOf(kind Kind, raw []byte, n int, above float32) (wire.Float32s, error) {
	if len(raw) != 4*n {
		return nil, layout(kind, "as many floats as its shape says")
	}
	v := wire.Float32s(raw)
	for i := range n {
		if x := v.At(i); !(x > above && x <= math.MaxFloat32) {
			return nil, layout(kind, "finite floats, and above 0 in the ridge")
		}
	}
	return v, nil
}

// load checks every section's content against the manifest and sets the
// bundle's views. It runs once; afterwards no index needs checking.
func (b *Bundle) load(raw map[Kind][]byte) (err error) {
	n, d := b.Manifest.Limits.Items, b.Manifest.Limits.Dim
	need := []Kind{KindIDs, KindPopularity}
	optional := []Kind{KindTitles, KindTagNames, KindTags, KindAuthors, KindPublished, KindURLs, KindImages}
	switch b.Manifest.Scoring.Scorer {
	case ScorerFoldIn:
		need = append(need, KindGram, KindRidge)
		need = append(need, codecSections(b.Manifest.Retrieval.Codec)...)
	case ScorerNeighbours:
		need = append(need, KindStarts, KindNeighbours, KindWeights, KindScales)
	case ScorerPool:
		need, optional = b.Manifest.poolSections(need, optional)
	case ScorerSequence:
		need = append(append(need, KindEncoder), codecSections(b.Manifest.Retrieval.Codec)...)
	}
	// Of the late sections the manifest alone has to say that they will come.
	need = append(need, b.Manifest.lateSections()...)
	known := len(need)
	for _, k := range need {
		if !b.Manifest.has(k) {
			return layout(k, "this section for the scorer")
		}
	}
	for _, k := range optional {
		if b.Manifest.has(k) {
			known++
		}
	}
	if known != len(b.Manifest.Sections) {
		return layout(b.foreign(need, optional), "no such section for this scorer")
	}

	if b.ids, err = readStrings(KindIDs, raw[KindIDs], n, profile.MaxID); err != nil {
		return err
	}
	if err = b.index(); err != nil {
		return err
	}
	for _, s := range []struct {
		kind Kind
		dst  *Strings
	}{{KindTitles, &b.titles}, {KindAuthors, &b.authors}, {KindURLs, &b.urls}, {KindImages, &b.images}} {
		if text, ok := raw[s.kind]; ok {
			if *s.dst, err = readStrings(s.kind, text, n, maxText); err != nil {
				return err
			}
		}
	}
	if names, ok := raw[KindTagNames]; ok {
		if len(names) < 4 {
			return layout(KindTagNames, "offsets")
		}
		if b.tagNames, err = readTagNames(names); err != nil {
			return err
		}
	}
	if tags, ok := raw[KindTags]; ok {
		if err = b.readTags(tags, n); err != nil {
			return err
		}
	}
	if published, ok := raw[KindPublished]; ok {
		if len(published) != 4*n {
			return layout(KindPublished, "a time for each item")
		}
		b.published = wire.Uint32s(published)
	}
	if len(raw[KindPopularity]) != 4*n {
		return layout(KindPopularity, "a count for each item")
	}
	b.Popularity = wire.Uint32s(raw[KindPopularity])

	switch b.Manifest.Scoring.Scorer {
	case ScorerFoldIn:
		return b.loadFoldIn(raw, n, d)
	case ScorerNeighbours:
		return b.loadNeighbours(raw, n)
	case ScorerPool:
		return b.loadPool(raw, n, d)
	case ScorerSequence:
		return b.loadSequence(raw, n, d)
	}
	return nil
}

// foreign returns the first section that is in neither list.
func (b *Bundle) foreign(lists ...[]Kind) Kind {
next:
	for _, s := range b.Manifest.Sections {
		for _, list := range lists {
			for _, k := range list {
				if k == s.Kind {
					continue next
				}
			}
		}
		return s.Kind
	}
	return 0
}

// readTagNames reads strings whose number stands in front as a uint32.
func readTagNames(b []byte) (Strings, error) {
	count := wire.Uint32s(b[:4]).At(0)
	if count > math.MaxUint16 {
		return Strings{}, layout(KindTagNames, "at most 65535 tags")
	}
	return readStrings(KindTagNames, b[4:], int(count), maxText)
}

// codecSections returns the sections that hold the rows that are scanned.
func codecSections(c Codec) []Kind {
	switch c {
	case CodecPQ:
		return []Kind{KindRows, KindRowScales, KindCentroids, KindCentScales}
	case CodecFloat:
		return []Kind{KindRows}
	}
	return []Kind{KindRows, KindRowScales}
}

// lateSections returns the sections that a device can do without for a while.
func (m *Manifest) lateSections() []Kind {
	if m.Retrieval.Rescore == CodecNone {
		return nil
	}
	return []Kind{KindRescore, KindRescoreScales}
}

// has says whether there is a section of that kind.
func (m *Manifest) has(kind Kind) bool {
	for _, s := range m.Sections {
		if s.Kind == kind {
			return true
		}
	}
	return false
}

// late returns how many of the last sections are late ones.
func (m *Manifest) late() int {
	n := 0
	for _, k := range m.lateSections() {
		if m.has(k) {
			n++
		}
	}
	return n
}

// lateBytes returns how many bytes the late sections take at the file's end.
func (m *Manifest) lateBytes() (sum int) {
	for _, s := range m.Sections[len(m.Sections)-m.late():] {
		head := 2 // of a bin: the type byte and the length
		switch {
		case s.Bytes > math.MaxUint16:
			head = 5
		case s.Bytes > math.MaxUint8:
			head = 3
		}
		sum += head + s.Bytes
	}
	return sum
}

// setFormat checks that the manifest says what its format has it say, and fills
// in what format 1 took for granted.
func (m *Manifest) setFormat(version uint64) error {
	has := m.Retrieval != Retrieval{}
	scorer := m.Scoring.Scorer
	foldIn, pool := scorer == ScorerFoldIn, scorer == ScorerPool
	always := foldIn || scorer == ScorerSequence // it has factors
	switch {
	case scorer >= ScorerPool && version < 3:
		return errors.New("nothing of format 3 in an earlier one")
	case version < 4 && (m.Modules != nil || m.Provenance != nil):
		return errors.New("nothing of format 4 in an earlier one")
	case (m.Pool != nil) != pool:
		return errors.New("a pool for its scorer, and for nothing else")
	case !always && !pool && m.Limits.Dim > 0:
		return errors.New("factors for fold-in, pools and sequences, and for nothing else")
	case pool && m.Limits.Dim == 0 && m.Pool.Nearest > 0:
		return errors.New("nearest items where there are factors")
	case m.Retrieval.Rescore == CodecNone && m.EarlyAnswers != nil && version > 1:
		return errors.New("early answers where there are rows that rescore")
	case version == 1 && (has || m.EarlyAnswers != nil):
		return errors.New("nothing of format 2 in format 1")
	case version == 1 && foldIn:
		m.Retrieval.Codec = CodecInt8
	case version > 1 && has != (always || pool && m.Limits.Dim > 0):
		return errors.New("a retrieval where there are factors, and nowhere else")
	case pool:
		return m.boundFactors()
	}
	return nil
}

func (b *Bundle) loadFoldIn(raw map[Kind][]byte, n, d int) (err error) {
	if d == 0 {
		return layout(KindRows, "at least one factor")
	}
	if b.Table, err = b.loadTable(raw, n, d); err != nil {
		return err
	}
	if b.Gram, err = floatsOf(KindGram, raw[KindGram], d*d, -math.MaxFloat32); err != nil {
		return err
	}
	b.Ridge, err = floatsOf(KindRidge, raw[KindRidge], b.Manifest.Limits.History+1, 0)
	return err
}

func (b *Bundle) loadSequence(raw map[Kind][]byte, n, d int) (err error) {
	if b.Encoder, err = ReadEncoder(raw[KindEncoder]); err != nil {
		return layout(KindEncoder, err.Error())
	}
	if b.Encoder.Dim != d {
		return layout(KindEncoder, "as many factors as the items have")
	}
	b.Table, err = b.loadTable(raw, n, d)
	return err
}

// loadTable reads the rows that are scanned.
func (b *Bundle) loadTable(raw map[Kind][]byte, n, d int) (quant.Table, error) {
	switch r := b.Manifest.Retrieval; {
	case r.Codec == CodecPQ:
		return b.loadPQ(raw, n, d)
	case r.Codec == CodecBinary:
		return b.loadSigns(raw, n, d)
	case r.Codec == CodecFloat:
		return b.loadFloats(raw, n, d)
	case r.Codec == CodecInt8 && b.version > 1:
		return b.loadTiles(raw, n, d)
	default:
		return b.loadRows(r.Codec, raw, KindRows, KindRowScales, n, d)
	}
}

// loadRescore sets the rows that give candidates their score.
func (b *Bundle) loadRescore(raw map[Kind][]byte) (err error) {
	r := b.Manifest.Retrieval
	if r.Rescore == CodecNone {
		return nil
	}
	b.Rescore, err = b.loadRows(r.Rescore, raw, KindRescore, KindRescoreScales, b.Manifest.Limits.Items, b.Manifest.Limits.Dim)
	return err
}

// loadRows reads rows of int8 or int4 and their scales.
func (b *Bundle) loadRows(c Codec, raw map[Kind][]byte, rows, scales Kind, n, d int) (quant.Table, error) {
	s, err := scalesOf(scales, raw[scales], n)
	if err != nil {
		return nil, err
	}
	if c == CodecInt4 {
		if len(raw[rows]) != n*quant.Stride4(d) {
			return nil, layout(rows, "n rows of int4 codes")
		}
		return quant.Rows4{N: n, D: d, Codes: raw[rows], Scales: s, Exp: b.exp(rows)}, nil
	}
	if len(raw[rows]) != n*d {
		return nil, layout(rows, "n×d codes")
	}
	codes, err := codesOf(rows, raw[rows])
	if err != nil {
		return nil, err
	}
	return quant.Rows{N: n, D: d, Codes: codes, Scales: s, Exp: b.exp(rows)}, nil
}

func (b *Bundle) loadTiles(raw map[Kind][]byte, n, d int) (quant.Table, error) {
	scales, err := scalesOf(KindRowScales, raw[KindRowScales], n)
	if err != nil {
		return nil, err
	}
	if len(raw[KindRows]) != quant.TileBytes(n, d) {
		return nil, layout(KindRows, "tiles of the codes of n items")
	}
	if !quant.Tiled(raw[KindRows]) {
		return nil, layout(KindRows, "codes from -127 to 127")
	}
	return quant.Tiles{N: n, D: d, Codes: raw[KindRows], Scales: scales, Exp: b.exp(KindRows)}, nil
}

func (b *Bundle) loadPQ(raw map[Kind][]byte, n, d int) (quant.Table, error) {
	m := b.Manifest.Retrieval.Groups
	if len(raw[KindRows]) != quant.PQBytes(n, m) {
		return nil, layout(KindRows, "blocks of the codes of n items")
	}
	if len(raw[KindRowScales]) != n {
		return nil, layout(KindRowScales, "a byte for each item")
	}
	centroids, err := b.loadRows(CodecInt8, raw, KindCentroids, KindCentScales, 16*m, d)
	if err != nil {
		return nil, err
	}
	return quant.PQ{N: n, D: d, M: m, Codes: raw[KindRows], Scales: raw[KindRowScales], Centroids: centroids.(quant.Rows)}, nil
}

func (b *Bundle) loadSigns(raw map[Kind][]byte, n, d int) (quant.Table, error) {
	if len(raw[KindRows]) != quant.PQBytes(n, quant.SignGroups(d)) {
		return nil, layout(KindRows, "blocks of the signs of n items")
	}
	if len(raw[KindRowScales]) != n {
		return nil, layout(KindRowScales, "a byte for each item")
	}
	return quant.Signs{N: n, D: d, Codes: raw[KindRows], Scales: raw[KindRowScales], Exp: b.exp(KindRows)}, nil
}

func (b *Bundle) loadFloats(raw map[Kind][]byte, n, d int) (quant.Table, error) {
	values, err := floatsOf(KindRows, raw[KindRows], n*d, -math.MaxFloat32)
	if err != nil {
		return nil, err
	}
	exp := b.exp(KindRows)
	bound := math.Ldexp(1, exp)
	for i := range n * d {
		if math.Abs(float64(values.At(i))) > bound {
			return nil, layout(KindRows, "floats of at most 2^exponent")
		}
	}
	return quant.Floats{N: n, D: d, Values: values, Exp: exp}, nil
}

func (b *Bundle) loadNeighbours(raw map[Kind][]byte, n int) error {
	m := len(raw[KindWeights])
	if len(raw[KindStarts]) != 4*(n+1) || !offsets(wire.Uint32s(raw[KindStarts]), n, m) {
		return layout(KindStarts, "n+1 offsets into the weights")
	}
	if len(raw[KindNeighbours]) != 4*m {
		return layout(KindNeighbours, "an item for each weight")
	}
	weights, err := codesOf(KindWeights, raw[KindWeights])
	if err != nil {
		return err
	}
	scales, err := scalesOf(KindScales, raw[KindScales], n)
	if err != nil {
		return err
	}
	b.Neighbours = Neighbours{
		starts: wire.Uint32s(raw[KindStarts]), items: wire.Uint32s(raw[KindNeighbours]), weights: weights, Scales: scales,
	}
	for i := range n {
		items, _ := b.Neighbours.Row(i)
		for k := range items.Len() {
			if int(items.At(k)) >= n || k > 0 && items.At(k) <= items.At(k-1) {
				return layout(KindNeighbours, "ascending items of the catalogue in each row")
			}
		}
	}
	return nil
}

// exp returns the exponent of section kind.
func (b *Bundle) exp(kind Kind) int {
	for _, s := range b.Manifest.Sections {
		if s.Kind == kind {
			return s.Exp
		}
	}
	return 0
}

// Neighbours is a sparse n×n matrix of int8 weights with a scale per row.
type Neighbours struct {
	starts, items wire.Uint32s
	weights       []int8
	Scales        wire.Uint16s
}

// Row returns the neighbours of item i, ascending, and their weights.
func (nb Neighbours) Row(i int) (items wire.Uint32s, weights []int8) {
	from, to := nb.starts.At(i), nb.starts.At(i+1)
	return nb.items[4*from : 4*to], nb.weights[from:to]
}
