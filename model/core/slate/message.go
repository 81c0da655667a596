package slate

import (
	"errors"
	"math"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/wire"
)

// Bounds of a request besides the bundle's limits.
const (
	MaxReasons = 16
	MaxExclude = 65536
	MaxIndices = 4096
	MaxTags    = 64
	version    = 1
)

// RequestError says why a request is refused.
type RequestError struct {
	Limit bool // well-formed, but asks for more than the limits allow
	Err   error
}

func (e *RequestError) Error() string { return "request: " + e.Err.Error() }

func (e *RequestError) Unwrap() error { return e.Err }

func requestError(err error) error {
	var w *wire.Error
	return &RequestError{Limit: errors.As(err, &w) && w.Limit, Err: err}
}

// Request asks for a slate.
type Request struct {
	K       int
	Now     int64           // Unix seconds: events are aged against it
	History []profile.Event // oldest first; only to pools the order matters
	Reasons int             // how many to give per item
	Exclude []string        // ids that must not be shown, besides the history's

	// Of interface 2.
	AnyTags, NoTags []string      // an item must have one of the former, and none of the latter
	Unavailable     []byte        // bit i%8 of byte i/8 is set: item i must not be shown
	Vector          wire.Float32s // d factors from outside, to rank by instead of the history

	// Of interface 3.
	Seen Seen

	// Of interface 5.
	Diversity uint32 // in units of 1/65536, at most 1: see diversify
}

// Seen says whether items of the history may be in the answer. Those that the
// person does not want to see never are.
type Seen uint8

// The wishes.
const (
	SeenByBundle Seen = 0 // what the bundle says: see bundle.Pool.Repeats; others hide them
	SeenHide     Seen = 1
	SeenShow     Seen = 2 // only pools can
)

// Append appends the request's document.
func (r Request) Append(dst []byte) []byte {
	pairs := 6
	for _, more := range []bool{len(r.AnyTags) > 0, len(r.NoTags) > 0, len(r.Unavailable) > 0, len(r.Vector) > 0, r.Seen != SeenByBundle, r.Diversity > 0} {
		if more {
			pairs++
		}
	}
	dst = wire.AppendMap(dst, pairs)
	dst = wire.AppendUint(append(dst, 0), version)
	dst = wire.AppendUint(append(dst, 1), uint64(r.K))
	dst = wire.AppendInt(append(dst, 2), r.Now)
	dst = profile.AppendEvents(append(dst, 3), r.History)
	dst = wire.AppendUint(append(dst, 4), uint64(r.Reasons))
	dst = appendTexts(append(dst, 5), r.Exclude)
	if len(r.AnyTags) > 0 {
		dst = appendTexts(append(dst, 6), r.AnyTags)
	}
	if len(r.NoTags) > 0 {
		dst = appendTexts(append(dst, 7), r.NoTags)
	}
	if len(r.Unavailable) > 0 {
		dst = wire.AppendBin(append(dst, 8), r.Unavailable)
	}
	if len(r.Vector) > 0 {
		dst = wire.AppendBin(append(dst, 9), r.Vector)
	}
	if r.Seen != SeenByBundle {
		dst = wire.AppendUint(append(dst, 10), uint64(r.Seen-SeenHide))
	}
	if r.Diversity > 0 {
		dst = wire.AppendUint(append(dst, 11), uint64(r.Diversity))
	}
	return dst
}

func appendTexts(dst []byte, list []string) []byte {
	dst = wire.AppendArray(dst, len(list))
	for _, s := range list {
		dst = wire.AppendString(dst, s)
	}
	return dst
}

// ParseRequest reads a request within limits. Errors are *RequestError. Strings
// and bytes alias doc.
func ParseRequest(doc []byte, limits bundle.Limits) (Request, error) {
	var r Request
	if err := r.parse(doc, limits); err != nil {
		return Request{}, err
	}
	return r, nil
}

// parse is ParseRequest into r, whose lists' memory it uses.
func (r *Request) parse(doc []byte, limits bundle.Limits) error {
	*r = Request{History: r.History[:0], Exclude: r.Exclude[:0], AnyTags: r.AnyTags[:0], NoTags: r.NoTags[:0]}
	d := wire.NewDecoder(doc)
	m := d.Map(16)
	for m.Next() {
		switch m.Key {
		case 0:
			readVersion(d)
		case 1:
			r.K = int(d.Uint(uint64(limits.K)))
		case 2:
			r.Now = int64(d.Uint(profile.MaxTime))
		case 3:
			r.History = profile.ReadEvents(d, r.History, limits.History)
		case 4:
			r.Reasons = int(d.Uint(MaxReasons))
		case 5:
			r.Exclude = readTexts(d, r.Exclude, MaxExclude, profile.MaxID)
		case 6:
			r.AnyTags = readTexts(d, r.AnyTags, MaxTags, math.MaxUint16)
		case 7:
			r.NoTags = readTexts(d, r.NoTags, MaxTags, math.MaxUint16)
		case 8:
			r.Unavailable = d.Bin((limits.Items + 7) / 8)
		case 9:
			r.Vector = readVector(d, limits.Dim)
		case 10:
			r.Seen = SeenHide + Seen(d.Uint(1))
		case 11:
			r.Diversity = readDiversity(d)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1)
	if r.K == 0 {
		d.Fail("k of at least 1")
	}
	if err := d.End(); err != nil {
		return requestError(err)
	}
	return nil
}

func readTexts(d *wire.Decoder, dst []string, max, maxBytes int) []string {
	for range d.Array(max) {
		if dst = append(dst, d.String(maxBytes)); d.Err() != nil {
			break
		}
	}
	return dst
}

// readVector reads dim finite floats.
func readVector(d *wire.Decoder, dim int) wire.Float32s {
	v := wire.Float32s(d.Bin(4 * dim))
	ok := len(v) == 4*dim && dim > 0
	for f := 0; ok && f < dim; f++ {
		x := v.At(f)
		ok = x >= -math.MaxFloat32 && x <= math.MaxFloat32
	}
	if !ok {
		d.Fail("a finite float32 for each factor")
	}
	return v
}

// readDiversity reads a share. One above 1 is no limit that another bundle would
// have higher, so the error is not that of limits.
func readDiversity(d *wire.Decoder) uint32 {
	v := d.Uint(math.MaxUint64)
	if v > profile.One {
		d.Fail("a diversity of at most 65536")
	}
	return uint32(v)
}

func readVersion(d *wire.Decoder) {
	if d.Uint(math.MaxUint32) != version {
		d.Fail("version 1")
	}
}

// Slate is the answer: items best first, and the receipt.
type Slate struct {
	Items   []Item
	Receipt Receipt
}

// Item is one place of a slate.
type Item struct {
	Index     uint32 // the item's row
	ID, Title string
	Score     int64
	Reasons   []Reason // strongest first
}

// Reason is an event's part in an item's score.
type Reason struct {
	Event int // position in the request's history
	Share int // ten-thousandths; may be negative
}

// Receipt says what the slate was computed from.
type Receipt struct {
	Manifest [32]byte // SHA-256
	Channel  string
	Version  uint64
	Ranked   int  // items that were ranked
	Used     int  // events on items of the catalogue
	Unknown  int  // events on items that the catalogue does not have
	Cold     bool // nothing usable was in the history: the order is popularity
	Early    bool // the rows that rescore were not there yet: the codes alone decided
}

// appendItems appends the items array alone: what a known answer is the hash
// of, for the receipt names the manifest that holds the known answers.
func appendItems(dst []byte, items []Item) []byte {
	dst = wire.AppendArray(dst, len(items))
	for _, it := range items {
		dst = wire.AppendMap(dst, 5)
		dst = wire.AppendUint(append(dst, 0), uint64(it.Index))
		dst = wire.AppendString(append(dst, 1), it.ID)
		dst = wire.AppendString(append(dst, 2), it.Title)
		dst = wire.AppendInt(append(dst, 3), it.Score)
		dst = wire.AppendArray(append(dst, 4), len(it.Reasons))
		for _, r := range it.Reasons {
			dst = wire.AppendArray(dst, 2)
			dst = wire.AppendUint(dst, uint64(r.Event))
			dst = wire.AppendInt(dst, int64(r.Share))
		}
	}
	return dst
}

// Append appends the slate's document.
func (s Slate) Append(dst []byte) []byte {
	dst = wire.AppendMap(dst, 3)
	dst = wire.AppendUint(append(dst, 0), version)
	dst = appendItems(append(dst, 1), s.Items)
	pairs := 7
	if s.Receipt.Early {
		pairs++
	}
	dst = wire.AppendMap(append(dst, 2), pairs)
	dst = wire.AppendBin(append(dst, 0), s.Receipt.Manifest[:])
	dst = wire.AppendString(append(dst, 1), s.Receipt.Channel)
	dst = wire.AppendUint(append(dst, 2), s.Receipt.Version)
	dst = wire.AppendUint(append(dst, 3), uint64(s.Receipt.Ranked))
	dst = wire.AppendUint(append(dst, 4), uint64(s.Receipt.Used))
	dst = wire.AppendUint(append(dst, 5), uint64(s.Receipt.Unknown))
	dst = wire.AppendBool(append(dst, 6), s.Receipt.Cold)
	if s.Receipt.Early {
		dst = wire.AppendBool(append(dst, 7), true)
	}
	return dst
}

// ParseSlate reads what Append writes: for hosts.
func ParseSlate(doc []byte) (Slate, error) {
	var s Slate
	d := wire.NewDecoder(doc)
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			readVersion(d)
		case 1:
			n := d.Array(bundle.MaxK)
			for range n {
				s.Items = append(s.Items, readItem(d))
			}
		case 2:
			s.Receipt = readReceipt(d)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	if err := d.End(); err != nil {
		return Slate{}, err
	}
	return s, nil
}

func readItem(d *wire.Decoder) (it Item) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			it.Index = uint32(d.Uint(bundle.MaxItems))
		case 1:
			it.ID = d.String(profile.MaxID)
		case 2:
			it.Title = d.String(math.MaxUint16)
		case 3:
			it.Score = d.Int()
		case 4:
			n := d.Array(MaxReasons)
			for range n {
				d.Array(2)
				it.Reasons = append(it.Reasons, Reason{Event: int(d.Uint(bundle.MaxHistory)), Share: int(d.Int())})
			}
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3, 4)
	return it
}

func readReceipt(d *wire.Decoder) (r Receipt) {
	m := d.Map(16)
	for m.Next() {
		switch m.Key {
		case 0:
			d.BinExact(r.Manifest[:])
		case 1:
			r.Channel = d.String(profile.MaxID)
		case 2:
			r.Version = d.Uint(math.MaxUint64)
		case 3:
			r.Ranked = int(d.Uint(bundle.MaxItems))
		case 4:
			r.Used = int(d.Uint(bundle.MaxHistory))
		case 5:
			r.Unknown = int(d.Uint(bundle.MaxHistory))
		case 6:
			r.Cold = d.Bool()
		case 7:
			if r.Early = d.Bool(); !r.Early {
				d.Fail("true, or no such key")
			}
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3, 4, 5, 6)
	return r
}

// Entry is what the catalogue says about an item.
type Entry struct {
	Index      uint32
	ID, Title  string
	Tags       []string
	Author     string
	Published  int64 // Unix seconds; 0: not known
	URL, Image string
	Popularity uint32 // people who had the item in training
}

// AppendItemsRequest appends the document that asks for entries.
func AppendItemsRequest(dst []byte, indices []uint32) []byte {
	dst = wire.AppendMap(dst, 2)
	dst = wire.AppendUint(append(dst, 0), version)
	dst = wire.AppendArray(append(dst, 1), len(indices))
	for _, i := range indices {
		dst = wire.AppendUint(dst, uint64(i))
	}
	return dst
}

// ParseItemsRequest reads what AppendItemsRequest writes. Errors are
// *RequestError.
func ParseItemsRequest(doc []byte) (indices []uint32, err error) {
	d := wire.NewDecoder(doc)
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			readVersion(d)
		case 1:
			n := d.Array(MaxIndices)
			for range n {
				indices = append(indices, uint32(d.Uint(math.MaxUint32)))
			}
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1)
	if err := d.End(); err != nil {
		return nil, requestError(err)
	}
	return indices, nil
}

// AppendEntries appends the answer to a request for entries; total is the
// number of items in the catalogue.
func AppendEntries(dst []byte, total int, entries []Entry) []byte {
	dst = wire.AppendMap(dst, 3)
	dst = wire.AppendUint(append(dst, 0), version)
	dst = wire.AppendUint(append(dst, 1), uint64(total))
	dst = wire.AppendArray(append(dst, 2), len(entries))
	for _, e := range entries {
		dst = wire.AppendMap(dst, 9)
		dst = wire.AppendUint(append(dst, 0), uint64(e.Index))
		dst = wire.AppendString(append(dst, 1), e.ID)
		dst = wire.AppendString(append(dst, 2), e.Title)
		dst = wire.AppendArray(append(dst, 3), len(e.Tags))
		for _, t := range e.Tags {
			dst = wire.AppendString(dst, t)
		}
		dst = wire.AppendString(append(dst, 4), e.Author)
		dst = wire.AppendInt(append(dst, 5), e.Published)
		dst = wire.AppendString(append(dst, 6), e.URL)
		dst = wire.AppendString(append(dst, 7), e.Image)
		dst = wire.AppendUint(append(dst, 8), uint64(e.Popularity))
	}
	return dst
}

// ParseItems reads what AppendEntries writes: for hosts.
func ParseItems(doc []byte) (total int, items []Entry, err error) {
	d := wire.NewDecoder(doc)
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			readVersion(d)
		case 1:
			total = int(d.Uint(bundle.MaxItems))
		case 2:
			n := d.Array(MaxIndices)
			for range n {
				items = append(items, readEntry(d))
			}
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	if err := d.End(); err != nil {
		return 0, nil, err
	}
	return total, items, nil
}

func readEntry(d *wire.Decoder) (e Entry) {
	m := d.Map(16)
	for m.Next() {
		switch m.Key {
		case 0:
			e.Index = uint32(d.Uint(bundle.MaxItems))
		case 1:
			e.ID = d.String(profile.MaxID)
		case 2:
			e.Title = d.String(math.MaxUint16)
		case 3:
			n := d.Array(math.MaxUint16)
			for range n {
				e.Tags = append(e.Tags, d.String(math.MaxUint16))
			}
		case 4:
			e.Author = d.String(math.MaxUint16)
		case 5:
			e.Published = d.Int()
		case 6:
			e.URL = d.String(math.MaxUint16)
		case 7:
			e.Image = d.String(math.MaxUint16)
		case 8:
			e.Popularity = uint32(d.Uint(math.MaxUint32))
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3, 4, 5, 6, 7, 8)
	return e
}
