package bundle

import (
	"errors"
	"strconv"

	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// Names of the files of a channel, relative to its folder.
const (
	RootName = "root.nsr" // the newest root, in an envelope
	HeadName = "head.nsh"
)

// NextRootName returns the name of a root that is not the newest.
func NextRootName(version uint64) string {
	return "roots/" + strconv.FormatUint(version, 10) + ".nsr"
}

// ReleaseName returns the name of a manifest's envelope.
func ReleaseName(digest [32]byte) string { return "releases/" + hex(digest) + ".nsm" }

// ChunkName returns the name of a leaf of a section, by its hash.
func ChunkName(leaf [32]byte) string { return "chunks/" + hex(leaf) }

// PatchName returns the name of a patch, by its SHA-256.
func PatchName(digest [32]byte) string { return "patches/" + hex(digest) }

func hex(b [32]byte) string {
	const digits = "0123456789abcdef"
	s := make([]byte, 0, 64)
	for _, c := range b {
		s = append(s, digits[c>>4], digits[c&15])
	}
	return string(s)
}

// Followed is a file of a channel that a device has fetched, and what the
// device knows besides. The first one has no name and no file.
type Followed struct {
	Name   string
	File   []byte
	Module [32]byte // SHA-256 of the module that the device runs; zero: not known, which suits no manifest that names some
	Lost   bool     // the bundle that was open is not there any more
}

// Step is what came of a file. The device stores State, and only then goes on:
// it fetches Want, or the chunks of Release, or has nothing to do.
type Step struct {
	State   *trust.State
	Want    string        // the next file; "": there is none
	Max     int           // bytes that Want may have
	Patches []trust.Patch // that lead to the release which the head names
	Release *Release      // what to fetch, once its manifest is right; else nil
}

// Release says how the file of a bundle is made of chunks.
type Release struct {
	Version uint64
	Digest  [32]byte // of the manifest
	Frame   [][]byte // what stands in the file before each section
	Bytes   []int    // of each section
	Leaves  []byte   // hashes of the sections' leaves, 32 bytes each, in the file's order
}

// Follow takes one file of a channel and says what comes next. The order of
// files depends on the channel and on the state alone, never on a person. The
// order of checks is that of SPEC.md. On error the state is as it was.
func Follow(s *trust.State, f Followed, now int64) (Step, error) {
	switch f.Name {
	case "":
		return want(s, RootName), nil
	case RootName:
		next, err := s.LatestRoot(f.File)
		switch {
		case err != nil:
			return Step{}, err
		case next > 0:
			return want(s, NextRootName(next)), nil
		}
		return want(s, HeadName), nil
	case NextRootName(s.Root.Version + 1):
		next, err := s.TakeRoot(f.File)
		if err != nil {
			return Step{}, err
		}
		return want(next, RootName), nil
	case HeadName:
		next, head, err := s.TakeHead(f.File, now)
		if err != nil {
			return Step{}, err
		}
		if !f.Lost && next.Named.Digest == next.Opened.Digest || next.Named.Version < next.MinVersion {
			return Step{State: next}, nil
		}
		step := want(next, ReleaseName(next.Named.Digest))
		step.Patches = head.Patches
		return step, nil
	case ReleaseName(s.Named.Digest):
		r, err := takeRelease(s, f, s.Now(now))
		if err != nil {
			return Step{}, err
		}
		return Step{State: s.Accept(), Release: r}, nil
	}
	return Step{}, trust.ErrMismatch
}

func want(s *trust.State, name string) Step {
	limit := trust.MaxReleaseFile
	switch name {
	case HeadName:
		limit = trust.MaxHeadFile
	case RootName, NextRootName(s.Root.Version + 1):
		limit = trust.MaxRootFile
	}
	return Step{State: s, Want: name, Max: limit}
}

// takeRelease checks the manifest that the head names.
func takeRelease(s *trust.State, f Followed, now int64) (*Release, error) {
	e, err := trust.ParseEnvelope(f.File, trust.RoleManifest)
	if err != nil {
		return nil, err
	}
	if len(e.Document) != s.Named.Bytes || trust.Digest(e.Document) != s.Named.Digest {
		return nil, trust.ErrMismatch
	}
	if err := s.Root.Verify(trust.RoleManifest, e.Channel, e.Document, e.Signatures); err != nil {
		return nil, err
	}
	m, err := ParseManifest(e.Document)
	if err != nil {
		return nil, err
	}
	switch {
	case m.Channel != e.Channel || m.Channel != s.Channel:
		return nil, trust.ErrChannel
	case now >= s.Root.Expires:
		return nil, trust.ErrRootExpired
	case now >= m.Expires:
		return nil, trust.ErrExpired
	case m.Version != s.Named.Version:
		return nil, trust.ErrMismatch
	case m.Version < s.Accepted.Version:
		return nil, trust.ErrRollback
	case m.Version < s.MinVersion:
		return nil, trust.ErrStopped
	case !m.runsWith(f.Module):
		return nil, trust.ErrModule
	case m.ABI < 2 || m.ABI > ABIVersion: // format 1 has no leaves
		return nil, ErrVersion
	}
	if err := m.setFormat(m.ABI); err != nil {
		return nil, malformed(trust.DocumentManifest, err)
	}
	if err := checkLeaves(m.Sections, e.Leaves); err != nil {
		return nil, err
	}
	r := &Release{Version: m.Version, Digest: s.Named.Digest, Frame: frameOf(m, e), Leaves: e.Leaves}
	for _, section := range m.Sections {
		r.Bytes = append(r.Bytes, section.Bytes)
	}
	return r, nil
}

func (m *Manifest) runsWith(module [32]byte) bool {
	for _, allowed := range m.Modules {
		if allowed == module {
			return true
		}
	}
	return len(m.Modules) == 0
}

// checkLeaves compares the leaves with the hashes of the sections.
func checkLeaves(sections []Section, leaves []byte) error {
	list := make([][32]byte, len(leaves)/32)
	for i := range list {
		list[i] = [32]byte(leaves[32*i:])
	}
	for _, s := range sections {
		n := digest.Leaves(s.Bytes)
		if n > len(list) || digest.Head(list[:n]) != s.Hash {
			return &SectionError{Section: s.Kind, Err: ErrHash}
		}
		list = list[n:]
	}
	if len(list) > 0 {
		return malformed(trust.DocumentEnvelope, errors.New("want no leaf that no section has"))
	}
	return nil
}

// frameOf returns the bytes before each section of the file.
func frameOf(m Manifest, e trust.Envelope) [][]byte {
	b := wire.AppendString(wire.AppendUint(wire.AppendMap(nil, 6), 0), "nearside")
	b = wire.AppendUint(wire.AppendUint(b, 1), m.ABI)
	b = wire.AppendString(wire.AppendUint(b, 2), m.Channel)
	b = wire.AppendBin(wire.AppendUint(b, 3), e.Document)
	b = wire.AppendBin(wire.AppendUint(b, 4), e.Signatures)
	b = wire.AppendArray(wire.AppendUint(b, 5), len(m.Sections))
	var frame [][]byte
	for _, s := range m.Sections {
		frame = append(frame, wire.AppendBinHead(b, s.Bytes))
		b = nil
	}
	return frame
}

// ParseFollow reads the document of nearside_follow, see ABI.md.
func ParseFollow(doc []byte) (s *trust.State, f Followed, now int64, err error) {
	var anchor []byte
	var channel string
	d := wire.NewDecoder(doc)
	top := d.Map(16)
	for top.Next() {
		switch top.Key {
		case 0:
			if d.Uint(1) != 1 {
				d.Fail("version 1")
			}
		case 1:
			anchor = d.Bin(max(trust.MaxRootFile, trust.MaxState))
		case 2:
			now = int64(d.Uint(profile.MaxTime))
		case 3:
			f.Name = d.String(128)
		case 4:
			f.File = d.Bin(trust.MaxReleaseFile)
		case 5:
			d.BinExact(f.Module[:])
		case 6:
			channel = trust.ReadName(d)
		case 7:
			f.Lost = d.Bool()
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1, 2, 3, 4)
	if err := d.End(); err != nil {
		return nil, f, 0, err
	}
	if trust.IsState(anchor) {
		s, err = trust.ParseState(anchor)
	} else {
		s, err = trust.NewState(anchor, channel)
	}
	return s, f, now, err
}

// AppendFollow appends the document that ParseFollow reads. anchor is a state,
// or the root with which a device begins to follow channel.
func AppendFollow(dst, anchor []byte, channel string, f Followed, now int64) []byte {
	dst = wire.AppendUint(wire.AppendUint(wire.AppendMap(dst, 8), 0), 1)
	dst = wire.AppendBin(wire.AppendUint(dst, 1), anchor)
	dst = wire.AppendUint(wire.AppendUint(dst, 2), uint64(now))
	dst = wire.AppendString(wire.AppendUint(dst, 3), f.Name)
	dst = wire.AppendBin(wire.AppendUint(dst, 4), f.File)
	dst = wire.AppendBin(wire.AppendUint(dst, 5), f.Module[:])
	dst = wire.AppendString(wire.AppendUint(dst, 6), channel)
	return wire.AppendBool(wire.AppendUint(dst, 7), f.Lost)
}

// Append appends the step's document, see ABI.md.
func (s Step) Append(dst []byte) []byte {
	pairs := 5
	if s.Release != nil {
		pairs++
	}
	dst = wire.AppendUint(wire.AppendUint(wire.AppendMap(dst, pairs), 0), 1)
	dst = wire.AppendBin(wire.AppendUint(dst, 1), s.State.Append(nil))
	dst = wire.AppendString(wire.AppendUint(dst, 2), s.Want)
	dst = wire.AppendUint(wire.AppendUint(dst, 3), uint64(s.Max))
	dst = wire.AppendArray(wire.AppendUint(dst, 4), len(s.Patches))
	for _, p := range s.Patches {
		dst = wire.AppendArray(dst, 3)
		dst = wire.AppendBin(dst, p.From[:])
		dst = wire.AppendUint(dst, uint64(p.Bytes))
		dst = wire.AppendBin(dst, p.Digest[:])
	}
	if r := s.Release; r != nil {
		dst = wire.AppendMap(wire.AppendUint(dst, 5), 4)
		dst = wire.AppendUint(wire.AppendUint(dst, 0), r.Version)
		dst = wire.AppendBin(wire.AppendUint(dst, 1), r.Digest[:])
		dst = wire.AppendArray(wire.AppendUint(dst, 2), len(r.Frame))
		for i, head := range r.Frame {
			dst = wire.AppendArray(dst, 2)
			dst = wire.AppendBin(dst, head)
			dst = wire.AppendUint(dst, uint64(r.Bytes[i]))
		}
		dst = wire.AppendBin(wire.AppendUint(dst, 3), r.Leaves)
	}
	return dst
}

// ParseStep reads what Append has written. Slices alias doc.
func ParseStep(doc []byte) (s Step, err error) {
	var state []byte
	d := wire.NewDecoder(doc)
	top := d.Map(8)
	for top.Next() {
		switch top.Key {
		case 0:
			if d.Uint(1) != 1 {
				d.Fail("version 1")
			}
		case 1:
			state = d.Bin(trust.MaxState)
		case 2:
			s.Want = d.String(128)
		case 3:
			s.Max = int(d.Uint(trust.MaxReleaseFile))
		case 4:
			for range d.Array(trust.MaxPatches) {
				s.Patches = append(s.Patches, readStepPatch(d))
			}
		case 5:
			s.Release = readStepRelease(d)
		default:
			top.Unknown()
		}
	}
	top.Require(0, 1, 2, 3, 4)
	if err := d.End(); err != nil {
		return Step{}, err
	}
	s.State, err = trust.ParseState(state)
	return s, err
}

func readStepPatch(d *wire.Decoder) (p trust.Patch) {
	if d.Array(3) != 3 {
		d.Fail("three values")
	}
	d.BinExact(p.From[:])
	p.Bytes = int(d.Uint(trust.MaxPatch))
	d.BinExact(p.Digest[:])
	return p
}

func readStepRelease(d *wire.Decoder) *Release {
	var r Release
	m := d.Map(8)
	for m.Next() {
		switch m.Key {
		case 0:
			r.Version = d.Uint(trust.MaxVersion)
		case 1:
			d.BinExact(r.Digest[:])
		case 2:
			for range d.Array(MaxSections) {
				if d.Array(2) != 2 {
					d.Fail("two values")
				}
				r.Frame = append(r.Frame, d.Bin(trust.MaxReleaseFile))
				r.Bytes = append(r.Bytes, int(d.Uint(MaxFile)))
			}
		case 3:
			r.Leaves = d.Bin(trust.MaxLeaves)
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2, 3)
	return &r
}
