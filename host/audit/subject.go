package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/wasm"
)

// subject is what the checks look at, and what they share because it is made
// once.
type subject struct {
	opt    Options
	module []byte

	root     *trust.Root // nil: rootErr says why
	rootErr  error
	head     trust.Envelope // as far as it can be read
	headErr  error
	manifest bundle.Manifest
	doc      []byte // the manifest's bytes; nil: none can be found
	frame    value  // the file, as the second reader sees it; frameErr says why not
	frameErr error

	// What the bundle gives when it is opened as a device opens it, at the time
	// at: the one that was given or, when that is too late, the last second at
	// which it was not. So an expired bundle fails by its date alone.
	file    *bundle.Bundle
	at      int64
	openErr error

	// The instances to ask. Tests put others here.
	start   func(ctx context.Context) (session, error)
	engines []engine

	machines map[Engine]*machine

	allowed   []allowance
	source    *source
	sourceErr error
	goCache   string // tests have one, because a new one takes minutes to fill
	folders   []string
}

// newSubject reads what can be read. Only the module must be there.
func newSubject(opt Options) (*subject, error) {
	s := &subject{opt: opt, module: opt.Module, at: opt.Now, machines: map[Engine]*machine{}}
	if s.module == nil {
		var err error
		if s.module, err = wasm.Module(); err != nil {
			return nil, err
		}
	}
	if s.opt.Scores <= 0 {
		s.opt.Scores = defaultScores
	}
	var err error
	if s.allowed, err = allowances(opt.Allow); err != nil {
		return nil, err
	}
	if s.engines, err = chosenEngines(opt.Engines); err != nil {
		return nil, err
	}
	s.start = func(ctx context.Context) (session, error) { return s.startOn(ctx, Compiler) }
	s.frame, s.frameErr = readDocument(opt.Bundle)
	s.root, s.rootErr = trust.ParseRoot(opt.Root)
	if opt.Head != nil {
		s.head, s.headErr = trust.ParseEnvelope(opt.Head, trust.RoleHead)
	}
	s.openErr = s.open()
	return s, nil
}

// open opens the bundle and keeps what it could read on the way.
func (s *subject) open() error {
	if s.frameErr != nil {
		return s.frameErr
	}
	s.doc = s.frame.bin(3) // of a frame that devices refuse, too
	m, err := bundle.ParseManifest(s.doc)
	if err == nil {
		s.manifest = m
	}
	if _, err := bundle.ParseFrame(s.opt.Bundle); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if s.rootErr != nil {
		return s.rootErr
	}
	s.at = min(s.at, s.root.Expires-1, m.Expires-1)
	s.file, err = bundle.Open(s.root, s.opt.Bundle, s.at)
	return err
}

// opened says whether there is a bundle to ask. If not, the check was not run.
func (s *subject) opened(f *finding) bool {
	if s.openErr != nil {
		f.notRun("%s", s.refusal())
	}
	return s.openErr == nil
}

// refusal says why a device does not open the bundle.
func (s *subject) refusal() string {
	return "a device refuses the bundle: " + strings.TrimPrefix(s.openErr.Error(), "bundle: ")
}

// section returns a section's bytes, nil when there is none of that kind.
func (s *subject) section(kind bundle.Kind) []byte {
	all, _ := s.frame.at(5)
	for i, m := range s.manifest.Sections {
		if m.Kind == kind && i < len(all.list) {
			return all.list[i].content
		}
	}
	return nil
}

// native answers requests without the module: the core in this process.
func (s *subject) native() *slate.Recommender { return slate.New(s.file) }

func (s *subject) header() Header {
	h := Header{
		Tool: s.opt.Tool, ToolHash: s.opt.ToolHash, Toolchain: runtime.Version(),
		Bundle: hexHash(s.opt.Bundle), Root: hexHash(s.opt.Root), Module: hexHash(s.module),
		Channel: s.manifest.Channel, Version: s.manifest.Version, Time: s.opt.Now,
	}
	if s.doc != nil {
		h.Manifest = hexHash(s.doc)
	}
	return h
}

// machine returns the module compiled for an engine, once.
func (s *subject) machine(ctx context.Context, e Engine) (*machine, error) {
	if m := s.machines[e]; m != nil {
		return m, nil
	}
	m, err := newMachine(ctx, e, s.module, len(s.opt.Bundle))
	if err != nil {
		return nil, err
	}
	s.machines[e] = m
	return m, nil
}

// startOn makes an instance that has no bundle open.
func (s *subject) startOn(ctx context.Context, e Engine) (session, error) {
	m, err := s.machine(ctx, e)
	if err != nil {
		return session{}, err
	}
	return m.start(ctx)
}

// openOn opens the bundle in an instance. A status other than ok is an error.
func (s *subject) openOn(ctx context.Context, i session) error {
	status, why, err := i.open(ctx, s.opt.Root, s.opt.Bundle, s.at)
	if err != nil {
		return err
	}
	if status != 0 {
		return fmt.Errorf("the module refuses the bundle: %v: %s", status, why)
	}
	return nil
}

// ready returns an instance that has the bundle open.
func (s *subject) ready(ctx context.Context) (session, error) {
	i, err := s.start(ctx)
	if err != nil {
		return session{}, err
	}
	if err := s.openOn(ctx, i); err != nil {
		return session{}, errors.Join(err, i.close(ctx))
	}
	return i, nil
}

// temporary makes a folder that is there until close.
func (s *subject) temporary() (string, error) {
	dir, err := os.MkdirTemp("", "nearside-audit-")
	if err == nil {
		s.folders = append(s.folders, dir)
	}
	return dir, err
}

// close frees what the checks have made. Nothing of it can fail in a way that
// concerns the report.
func (s *subject) close() {
	for _, dir := range s.folders {
		_ = os.RemoveAll(dir)
	}
	for _, m := range s.machines {
		_ = m.runtime.Close(context.Background())
	}
}

// hexHash gives SHA-256 in hexadecimal.
func hexHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// listed joins names for an OptionError.
func listed[T ~string](names []T) string {
	var words []string
	for _, n := range names {
		words = append(words, string(n))
	}
	return strings.Join(slices.Compact(words), ", ")
}
