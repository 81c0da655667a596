package bundle

import (
	"errors"
	"math"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// Bounds of what a bundle may say, checked before anything is allocated.
const (
	FormatVersion = 4       // what is written; 1 to 3 are read too
	MaxFile       = 1 << 30 // bytes
	MaxSections   = 32
	MaxItems      = 1 << 24
	MaxK          = 1000 // items a request may ask for
	MaxHistory    = 4096 // events in a request
	maxAnswers    = 32
	maxRequest    = 16 << 10
	maxModules    = 16
	maxCode       = 256
)

// Manifest is what the publisher signed: what the bundle is, what it may be
// asked, and the hash of everything else in the file.
type Manifest struct {
	Channel string // "" or [a-z0-9._/-]+
	Model   string // the algorithm it was learnt with; for people to read
	Version uint64 // grows with every release of a channel
	Created int64  // Unix seconds
	Expires int64  // Unix seconds; refused from then on
	ABI     uint64 // version of ABI.md that reads it
	Limits  Limits

	Sections     []Section
	Scoring      Scoring
	Privacy      Privacy
	KnownAnswers []KnownAnswer

	// Format 2. A fold-in bundle of format 1 is read as CodecInt8.
	Retrieval    Retrieval
	EarlyAnswers []KnownAnswer // with the codes alone, before the rows that rescore

	// Format 3.
	Pool *Pool // for ScorerPool its shape, without what sections hold; else nil

	// Format 4.
	Modules    [][32]byte  // SHA-256 of the modules it may run with; none: any
	Provenance *Provenance // nil: the publisher does not say
}

// Provenance says what the model was made of, for those who make it again.
type Provenance struct {
	Data [32]byte // digest of the log it was learnt from
	Code string   // version of what learnt it
	Seed uint64
}

// Codec says how the rows of a section are coded, see package quant.
type Codec uint8

// The codecs.
const (
	CodecNone   Codec = 0 // no such section
	CodecInt8   Codec = 1
	CodecInt4   Codec = 2
	CodecPQ     Codec = 3
	CodecBinary Codec = 4
	CodecFloat  Codec = 5
)

var codecNames = [...]string{"none", "int8", "int4", "pq", "binary", "float"}

// String gives the codec's name, as SPEC.md has it.
func (c Codec) String() string {
	if int(c) < len(codecNames) {
		return codecNames[c]
	}
	return "unknown"
}

// Coarse says that the scores of a scan decide only who is a candidate.
func (c Codec) Coarse() bool { return c == CodecPQ || c == CodecBinary }

// Retrieval says how a bundle with factors finds items: every row of Codec is
// scanned, and the best Candidates of them get their score from the rows of
// Rescore, or from their own codes exactly where there are none.
type Retrieval struct {
	Codec      Codec
	Groups     int   // sub-quantisers of CodecPQ: an even number, two to a byte
	Rescore    Codec // CodecNone, CodecInt8 or CodecInt4
	Candidates int   // for up to ten items; as many times more for more of them
}

// MaxCandidates bounds Retrieval.Candidates.
const MaxCandidates = 65535

// CandidatesFor returns how many candidates a request for k items takes.
func (r Retrieval) CandidatesFor(k int) int {
	if !r.Codec.Coarse() && r.Rescore == CodecNone {
		return k
	}
	return max(k, (r.Candidates*max(k, 10)+9)/10)
}

// Limits bound what a request may ask for, and with that the work and the
// memory of answering it.
type Limits struct {
	Items   int // n
	Dim     int // d; 0 when the bundle has no factors
	K       int
	History int
}

// Section describes one value of the bundle's sections array.
type Section struct {
	Kind  Kind
	Bytes int
	Hash  [32]byte // format 1: SHA-256; later ones: digest.TreeHead
	Exp   int      // for int8 values: value = code · scale · 2^Exp
}

// Scorer says how a bundle turns a history into scores.
type Scorer uint8

// The scorers.
const (
	ScorerUnknown    Scorer = 0
	ScorerPopular    Scorer = 1 // popularity alone
	ScorerFoldIn     Scorer = 2 // item factors; the person's are solved on the device
	ScorerNeighbours Scorer = 3 // sum over the rows of the history's items
	ScorerPool       Scorer = 4 // see Pool
	ScorerSequence   Scorer = 5 // item factors; an Encoder makes the person's of the history
)

// Scoring is what the scorer needs besides the sections.
type Scoring struct {
	Scorer  Scorer
	Weights profile.Weights
}

// Privacy is the label: what the model was learnt from.
type Privacy struct {
	Users        uint64 // people in the training data
	Events       uint64 // user-item pairs they left
	MinItemUsers uint64 // the fewest people behind any item
	Dropped      uint64 // rows of the log that cleaning dropped
}

// KnownAnswer is a request and the SHA-256 of the items array that answers it.
// It is computed by the publisher and checked by every engine at load.
type KnownAnswer struct {
	Request []byte
	Items   [32]byte
}

// ParseManifest reads a manifest without judging its expiry. Slices alias doc.
func ParseManifest(doc []byte) (Manifest, error) {
	var m Manifest
	d := wire.NewDecoder(doc)
	top := d.Map(32)
	for top.Next() {
		switch top.Key {
		case 0:
			if d.String(trust.MaxName) != "mani" {
				d.Fail(`"mani"`)
			}
		case 1:
			m.Channel = trust.ReadName(d)
		case 2:
			m.Model = trust.ReadName(d)
		case 3:
			m.Version = d.Uint(trust.MaxVersion)
		case 4:
			m.Created = int64(d.Uint(profile.MaxTime))
		case 5:
			m.Expires = int64(d.Uint(profile.MaxTime))
		case 6:
			m.ABI = d.Uint(1 << 32)
		case 7:
			m.Limits = readLimits(d)
		case 8:
			n := d.Array(MaxSections)
			for range n {
				m.Sections = append(m.Sections, readSection(d))
			}
		case 9:
			m.Scoring = readScoring(d)
		case 10:
			m.Privacy = readPrivacy(d)
		case 11:
			n := d.Array(maxAnswers)
			for range n {
				m.KnownAnswers = append(m.KnownAnswers, readAnswer(d))
			}
		case 12:
			m.Retrieval = readRetrieval(d)
		case 13:
			n := d.Array(maxAnswers)
			if n == 0 {
				d.Fail("an answer, or no such key")
			}
			for range n {
				m.EarlyAnswers = append(m.EarlyAnswers, readAnswer(d))
			}
		case 14:
			m.Pool = readPool(d)
		case 15:
			n := d.Array(maxModules)
			if n == 0 {
				d.Fail("a module, or no such key")
			}
			m.Modules = make([][32]byte, n)
			for i := range m.Modules {
				d.BinExact(m.Modules[i][:])
			}
		case 16:
			m.Provenance = readProvenance(d)
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	if err := d.End(); err != nil {
		return Manifest{}, malformed(trust.DocumentManifest, err)
	}
	for i := 1; i < len(m.Sections); i++ {
		if m.Sections[i].Kind <= m.Sections[i-1].Kind {
			return Manifest{}, malformed(trust.DocumentManifest, errors.New("sections in ascending order of kind"))
		}
	}
	return m, nil
}

func readLimits(d *wire.Decoder) (l Limits) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			l.Items = int(d.Uint(MaxItems))
		case 1:
			l.Dim = int(d.Uint(quant.MaxDim))
		case 2:
			l.K = int(d.Uint(MaxK))
		case 3:
			l.History = int(d.Uint(MaxHistory))
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3)
	if l.Items == 0 || l.K == 0 || l.History == 0 {
		d.Fail("limits above 0 for items, k and history")
	}
	return l
}

func readSection(d *wire.Decoder) (s Section) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			s.Kind = Kind(d.Uint(255))
		case 1:
			s.Bytes = int(d.Uint(MaxFile))
		case 2:
			d.BinExact(s.Hash[:])
		case 3:
			s.Exp = int(d.Int())
			if s.Exp < minExp || s.Exp > maxExp {
				d.Fail("an exponent from -120 to 60")
			}
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	return s
}

// The range in which code · scale · 2^exp is a normal float32.
const minExp, maxExp = quant.MinExp, 60

func readScoring(d *wire.Decoder) (s Scoring) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			s.Scorer = Scorer(d.Uint(uint64(ScorerSequence)))
		case 1:
			if d.Array(profile.Kinds) != profile.Kinds {
				d.Fail("a weight for each of 6 kinds")
			}
			for k := range s.Weights.Kind {
				s.Weights.Kind[k] = uint32(d.Uint(profile.MaxWeight))
			}
		case 2:
			s.Weights.HalfLife = int64(d.Uint(profile.MaxTime))
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	if s.Scorer == ScorerUnknown {
		d.Fail("a scorer from 1 to 5")
	}
	return s
}

func readRetrieval(d *wire.Decoder) (r Retrieval) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			r.Codec = Codec(d.Uint(uint64(CodecFloat)))
		case 1:
			r.Groups = int(d.Uint(quant.MaxGroups))
		case 2:
			r.Rescore = Codec(d.Uint(uint64(CodecInt4)))
		case 3:
			r.Candidates = int(d.Uint(MaxCandidates))
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3)
	switch {
	case r.Codec == CodecNone:
		d.Fail("a codec from 1 to 5")
	case (r.Codec == CodecPQ) != (r.Groups > 0) || r.Groups%2 != 0:
		d.Fail("an even number of sub-quantisers for codec 3, and none for others")
	case (r.Codec.Coarse() || r.Rescore != CodecNone) != (r.Candidates > 0):
		d.Fail("candidates for codecs 3 and 4 and where there is a second one, and none otherwise")
	}
	return r
}

func readPrivacy(d *wire.Decoder) (p Privacy) {
	const max = 1 << 53
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			p.Users = d.Uint(max)
		case 1:
			p.Events = d.Uint(max)
		case 2:
			p.MinItemUsers = d.Uint(max)
		case 3:
			p.Dropped = d.Uint(max)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3)
	return p
}

func readProvenance(d *wire.Decoder) *Provenance {
	var p Provenance
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			d.BinExact(p.Data[:])
		case 1:
			p.Code = d.String(maxCode)
		case 2:
			p.Seed = d.Uint(math.MaxUint64)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	return &p
}

func readAnswer(d *wire.Decoder) (a KnownAnswer) {
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			a.Request = d.Bin(maxRequest)
		case 1:
			d.BinExact(a.Items[:])
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1)
	return a
}
