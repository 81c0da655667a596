package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// Bundle is a file that has passed every check. Its views alias the file,
// which must not change while the bundle is in use.
type Bundle struct {
	Manifest      Manifest
	ManifestBytes []byte   // exactly as signed
	Digest        [32]byte // SHA-256 of ManifestBytes

	Popularity wire.Uint32s // n

	// For ScorerFoldIn and ScorerSequence, and for a ScorerPool with factors; else nil.
	Table   quant.Table // what is scanned
	Rescore quant.Table // what gives candidates their score; nil: none, or not there yet

	// For ScorerFoldIn.
	Gram  wire.Float32s // d×d
	Ridge wire.Float32s // history limit + 1

	// For ScorerNeighbours.
	Neighbours Neighbours

	Pool    *Pool    // for ScorerPool; else nil
	Encoder *Encoder // for ScorerSequence; else nil

	ids, titles, tagNames, authors, urls, images Strings
	tagEnds, published                           wire.Uint32s
	tags                                         wire.Uint16s
	slots                                        []uint32 // hash table of ids, see slotItem

	file    []byte
	version uint64 // of the format
	waiting bool   // for the rows that rescore
}

// Frame is the outer document of the file. Its slices alias the file.
type Frame struct {
	Version              uint64 // of the format
	Channel              string
	Manifest, Signatures []byte
	Sections             [][]byte // of a part of a file: those that are wholly there

	count int // how many sections there are to be
	need  int // of a part of a file: how many bytes the value wants that is cut off; else 0
}

// parseFrame reads the frame of a file of which have bytes are there.
func parseFrame(file []byte, have int) (f Frame, err error) {
	if len(file) > MaxFile {
		return f, malformed(trust.DocumentFrame, errors.New("a file of at most 1 GiB"))
	}
	if have < 0 || have > len(file) {
		return f, malformed(trust.DocumentFrame, errors.New("a part that lies within the file"))
	}
	d := wire.NewDecoder(file[:have])
	top := d.Map(6) // which must all be there: no room for another
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(trust.MaxName) != "nearside" {
				d.Fail(`"nearside"`)
			}
		case 1:
			f.Version = d.Uint(1 << 32)
			if d.Err() == nil && (f.Version < 1 || f.Version > FormatVersion) {
				return f, ErrVersion
			}
		case 2:
			f.Channel = trust.ReadName(d)
		case 3:
			f.Manifest = d.Bin(trust.MaxManifest)
		case 4:
			f.Signatures = d.Bin(trust.MaxSignatures)
		case 5:
			top.Require(0, 1, 2, 3, 4) // now, for what follows may be cut off
			f.count = d.Array(MaxSections)
			for range f.count {
				if body := d.Bin(MaxFile); d.Err() == nil {
					f.Sections = append(f.Sections, body)
				}
			}
		}
	}
	// A value that does not fit the whole file is wrong already.
	if short := d.Short(); short > 0 && have+short <= len(file) {
		f.need = have + short
		return f, nil
	}
	top.Require(5) // and with it the others
	if have < len(file) {
		d.Fail("no byte after the document's end")
	}
	if err := d.End(); err != nil {
		return f, malformed(trust.DocumentFrame, err)
	}
	return f, nil
}

// Open checks file against root, in the order of SPEC.md: frame, root's
// expiry, signatures over the manifest's bytes, and only then what the
// manifest says: channel, expiry, versions, hashes, layout. now is in Unix
// seconds. Known answers are checked by slate, which can compute them.
func Open(root *trust.Root, file []byte, now int64) (*Bundle, error) {
	return OpenEarly(root, file, len(file), now)
}

// OpenIn is OpenEarly for a device that follows a channel: the file must
// besides be what the state has accepted last, or what was open before that,
// and not have been stopped since.
func OpenIn(s *trust.State, file []byte, have int, now int64) (*Bundle, error) {
	return open(s.Root, s, file, have, s.Now(now))
}

// OpenEarly is Open for a file of which only the first have bytes have come:
// file has its whole length, and the rest is written into it later. When all
// that is missing are the rows that rescore, the bundle opens without them, and
// answers from the codes until [Bundle.Complete]. When more is missing the
// error is a *PartialError.
func OpenEarly(root *trust.Root, file []byte, have int, now int64) (*Bundle, error) {
	return open(root, nil, file, have, now)
}

// open is OpenEarly, and OpenIn when there is a state.
func open(root *trust.Root, state *trust.State, file []byte, have int, now int64) (*Bundle, error) {
	f, err := parseFrame(file, have)
	if err != nil {
		return nil, err
	}
	if f.need > 0 && f.count == 0 {
		return nil, &PartialError{Need: f.need}
	}
	if now >= root.Expires {
		return nil, trust.ErrRootExpired
	}
	if err := root.Verify(trust.RoleManifest, f.Channel, f.Manifest, f.Signatures); err != nil {
		return nil, err
	}
	m, err := ParseManifest(f.Manifest)
	if err != nil {
		return nil, err
	}
	switch {
	case m.Channel != f.Channel:
		return nil, malformed(trust.DocumentManifest, errors.New("the frame's channel"))
	case now >= m.Expires:
		return nil, trust.ErrExpired
	}
	if state != nil {
		if err := admit(state, &m, f.Manifest); err != nil {
			return nil, err
		}
	}
	switch {
	case m.ABI != f.Version: // each format has had one
		return nil, ErrVersion
	case len(m.Sections) != f.count:
		return nil, malformed(trust.DocumentManifest, errors.New("an entry for each section"))
	}
	if err := m.setFormat(f.Version); err != nil {
		return nil, malformed(trust.DocumentManifest, err)
	}
	early := len(m.Sections)
	if f.need > 0 {
		early -= m.late()
		need := len(file) - m.lateBytes()
		switch {
		case len(f.Sections) >= early: // which are not all, since something is missing
		case need > have:
			return nil, &PartialError{Need: need}
		default: // it should have been there by now
			return nil, &SectionError{Section: m.Sections[len(f.Sections)].Kind, Err: ErrHash}
		}
	}
	b := &Bundle{Manifest: m, ManifestBytes: f.Manifest, Digest: sha256.Sum256(f.Manifest), file: file, version: f.Version}
	raw, err := b.check(f, 0, early)
	if err != nil {
		return nil, err
	}
	if err := b.load(raw); err != nil {
		return nil, err
	}
	if b.waiting = early < len(m.Sections); b.waiting {
		return b, nil
	}
	if err := b.loadRescore(raw); err != nil {
		return nil, err
	}
	return b, nil
}

// admit says why a device in a state must not use a bundle.
func admit(s *trust.State, m *Manifest, doc []byte) error {
	digest := trust.Digest(doc)
	switch {
	case m.Channel != s.Channel:
		return trust.ErrChannel
	case digest != s.Accepted.Digest && digest != s.Opened.Digest:
		if m.Version < s.Accepted.Version {
			return trust.ErrRollback
		}
		return trust.ErrMismatch
	case m.Version < s.MinVersion:
		return trust.ErrStopped
	}
	return nil
}

// Release names the bundle by its manifest.
func (b *Bundle) Release() trust.Release {
	return trust.Release{Version: b.Manifest.Version, Bytes: len(b.ManifestBytes), Digest: b.Digest}
}

// Early says whether the bundle still waits for the rows that rescore.
func (b *Bundle) Early() bool { return b.waiting }

// Complete checks and adds the rows that rescore, now that the whole file is
// there. On error the bundle stays as it was. Nobody else may use the bundle
// meanwhile. The known answers are then those of the whole: slate checks them.
func (b *Bundle) Complete() error {
	if !b.waiting {
		return nil
	}
	f, err := parseFrame(b.file, len(b.file))
	if err != nil {
		return err
	}
	if len(f.Sections) != len(b.Manifest.Sections) { // the host has changed what was there
		return malformed(trust.DocumentManifest, errors.New("an entry for each section"))
	}
	raw, err := b.check(f, len(b.Manifest.Sections)-b.Manifest.late(), len(b.Manifest.Sections))
	if err != nil {
		return err
	}
	if err := b.loadRescore(raw); err != nil {
		return err
	}
	b.waiting = false
	return nil
}

// check compares the hashes of sections from … to-1 and returns their bytes.
func (b *Bundle) check(f Frame, from, to int) (map[Kind][]byte, error) {
	raw := make(map[Kind][]byte, to-from)
	for i := from; i < to; i++ {
		s, body := b.Manifest.Sections[i], f.Sections[i]
		if len(body) != s.Bytes || sectionHash(f.Version, body) != s.Hash {
			return nil, &SectionError{Section: s.Kind, Err: ErrHash}
		}
		raw[s.Kind] = body
	}
	return raw, nil
}

func sectionHash(version uint64, body []byte) [32]byte {
	if version == 1 {
		return sha256.Sum256(body)
	}
	return digest.TreeHead(body)
}

// ABIVersion is the version of wasm/ABI.md that a bundle of this format rests on:
// each format has had one. What later versions ask for needs nothing of a bundle,
// and a device whose module is of this one goes on reading what is published. A
// test of the guest holds it to abi.Version, which lies above the wall.
const ABIVersion = 4

// ParseFrame reads the frame of a whole file, and verifies nothing: for those
// who sign and publish, and for looking at bundles one does not trust.
func ParseFrame(file []byte) (Frame, error) { return parseFrame(file, len(file)) }

// maxProbes bounds a look-up in the table of ids, so that a publisher cannot
// make opening a bundle take quadratic time with colliding ids. At half load a
// million honest ids need less than a tenth of it.
const maxProbes = 1024

// A slot of the table of ids is 0, or an item's index under 7 bits of its id's
// hash and a 1: most ids that are not the one that is sought differ there, and
// need not be fetched.
const (
	slotItem = MaxItems - 1
	slotUsed = 1 << 31
)

// index builds the hash table of ids and makes sure that they are distinct.
//
// Why does it not call Lookup? It is what a device waits for longest after the
// signature: before an engine has optimised anything, a call costs more than
// the rest of the loop.
func (b *Bundle) index() error {
	n, ends, text := b.ids.Len(), b.ids.ends, b.ids.text
	size := 2
	for size < 2*n {
		size *= 2
	}
	slots := make([]uint32, size)
	mask := uint32(size - 1)
	from := uint32(0)
	for i := range n {
		to := binary.LittleEndian.Uint32(ends[4*i+4:])
		id := text[from:to]
		from = to
		if len(id) == 0 {
			return layout(KindIDs, "ids of 1 to 256 bytes")
		}
		h := hashID(id)
		tag := tagOf(h)
		at := uint32(h) & mask
		probes := 0
		for slots[at] != 0 {
			if s := slots[at]; s&^slotItem == tag && bytes.Equal(b.ids.Bytes(int(s&slotItem)), id) {
				return layout(KindIDs, "distinct ids")
			}
			if at, probes = (at+1)&mask, probes+1; probes == maxProbes {
				return layout(KindIDs, "ids that do not collide")
			}
		}
		slots[at] = tag | uint32(i)
	}
	b.slots = slots
	return nil
}

// tagOf returns the tag of a slot whose id has hash h.
func tagOf(h uint64) uint32 { return uint32(h>>33)&^slotItem | slotUsed }

// hashID mixes 8 bytes at a time: those of FNV, with its prime, one word instead
// of one byte, and the high half folded into the low one, which is where the
// slot comes from. Once is not enough at the end: the numbers 0 … 4046 needed
// 1,050 probes. With a second multiplier, that of MurmurHash3's finaliser, they
// need 18, and a million numbers 31.
func hashID(id []byte) uint64 {
	const prime = 1099511628211
	h := uint64(14695981039346656037)
	for ; len(id) >= 8; id = id[8:] {
		h = (h ^ binary.LittleEndian.Uint64(id)) * prime
		h ^= h >> 29
	}
	var last uint64
	for i, c := range id {
		last |= uint64(c) << (8 * i)
	}
	h = (h ^ last ^ uint64(len(id))<<56) * prime
	h = (h ^ h>>29) * 0xff51afd7ed558ccd
	return h ^ h>>32
}

// Lookup returns the index of the item with an id; ok is false when the
// catalogue does not have it.
func (b *Bundle) Lookup(id string) (index int, ok bool) {
	h := hashID(wire.Bytes(id))
	tag, mask := tagOf(h), uint32(len(b.slots)-1)
	at := uint32(h) & mask
	for range maxProbes {
		s := b.slots[at]
		if s == 0 {
			return 0, false
		}
		if item := int(s & slotItem); s&^slotItem == tag && b.ids.At(item) == id {
			return item, true
		}
		at = (at + 1) & mask
	}
	return 0, false
}

// ID returns the id of item i.
func (b *Bundle) ID(i int) string { return b.ids.At(i) }

// Title returns the title of item i, or "".
func (b *Bundle) Title(i int) string { return b.titles.At(i) }

// Author returns the author of item i, or "".
func (b *Bundle) Author(i int) string { return b.authors.At(i) }

// URL returns the address of item i, or "".
func (b *Bundle) URL(i int) string { return b.urls.At(i) }

// Image returns the address of item i's picture, or "".
func (b *Bundle) Image(i int) string { return b.images.At(i) }

// Published returns when item i was published, in Unix seconds, or 0.
func (b *Bundle) Published(i int) int64 {
	if b.published.Len() == 0 {
		return 0
	}
	return int64(b.published.At(i))
}

// Tag returns the index of a tag; ok is false when no item has it.
func (b *Bundle) Tag(name string) (tag int, ok bool) {
	for t := range b.tagNames.Len() {
		if string(b.tagNames.Bytes(t)) == name {
			return t, true
		}
	}
	return 0, false
}

// TagCount returns how many tags there are.
func (b *Bundle) TagCount() int { return b.tagNames.Len() }

// EachTags calls visit for every item, with its tags as indices.
func (b *Bundle) EachTags(visit func(i int, tags wire.Uint16s)) {
	at := uint32(0)
	for i := range b.Manifest.Limits.Items {
		end := at
		if b.tagEnds.Len() > 0 {
			end = b.tagEnds.At(i + 1)
		}
		visit(i, b.tags[2*at:2*end])
		at = end
	}
}

// TagsOf returns the tags of item i as indices, in place.
func (b *Bundle) TagsOf(i int) wire.Uint16s {
	if b.tagEnds.Len() == 0 {
		return nil
	}
	return b.tags[2*b.tagEnds.At(i) : 2*b.tagEnds.At(i+1)]
}

// Tags returns the tags of item i.
func (b *Bundle) Tags(i int) []string {
	var tags []string
	for list := b.TagsOf(i); len(list) > 0; list = list[2:] {
		tags = append(tags, b.tagNames.At(int(list.At(0))))
	}
	return tags
}
