package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/wasm/abi"
)

// knownAnswers (A15) asks what the publisher asked, of the core here and of the
// module, and compares with what was signed.
func knownAnswers(ctx context.Context, s *subject, f *finding) {
	if s.openErr != nil {
		f.fail("%s", s.refusal())
		return
	}
	whole, early := s.manifest.KnownAnswers, s.manifest.EarlyAnswers
	f.note("signed answers", "%d, and %d from the codes alone", len(whole), len(early))
	if len(whole) == 0 {
		f.notRun("the publisher signed none")
		return
	}
	s.answersHere(f, "native", whole, len(s.opt.Bundle))
	if early != nil {
		s.answersHere(f, "native, early", early, len(s.opt.Bundle)-1)
	}
	if err := s.answersOfModule(ctx, f); err != nil {
		f.fail("%v", err)
	}
}

// answersHere asks the core, of a file of which have bytes are there.
func (s *subject) answersHere(f *finding, name string, known []bundle.KnownAnswer, have int) {
	b, err := bundle.OpenEarly(s.root, s.opt.Bundle, have, s.at)
	if err != nil {
		f.fail("%s: %v", name, err)
		return
	}
	r := slate.New(b)
	compare(f, name, known, func(request []byte) ([]byte, error) { return r.Respond(nil, request) })
}

// answersOfModule asks the module: first as one whose file is still arriving,
// where the publisher has answers for that.
func (s *subject) answersOfModule(ctx context.Context, f *finding) (err error) {
	i, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.close(ctx)) }()
	ask := func(request []byte) ([]byte, error) {
		status, answer, err := i.recommend(ctx, request)
		if err == nil && status != abi.StatusOK {
			err = fmt.Errorf("%v: %s", status, answer)
		}
		return answer, err
	}
	if s.manifest.EarlyAnswers == nil {
		if err := s.openOn(ctx, i); err != nil {
			return err
		}
		compare(f, "module", s.manifest.KnownAnswers, ask)
		return nil
	}
	if err := s.openEarlyOn(ctx, i); err != nil {
		return err
	}
	compare(f, "module, early", s.manifest.EarlyAnswers, ask)
	if status, why, err := i.status(ctx, abi.ExportComplete); err != nil || status != abi.StatusOK {
		return errors.Join(err, fmt.Errorf("the module does not complete the bundle: %v: %s", status, why))
	}
	compare(f, "module", s.manifest.KnownAnswers, ask)
	return nil
}

// openEarlyOn opens the bundle in an instance that is told that the last byte
// is missing.
func (s *subject) openEarlyOn(ctx context.Context, i session) error {
	rootPtr, err := i.put(ctx, s.opt.Root)
	if err != nil {
		return err
	}
	n := len(s.opt.Bundle)
	bundlePtr, err := i.put(ctx, s.opt.Bundle)
	if err != nil {
		return err
	}
	status, why, err := i.status(ctx, abi.ExportOpenEarly, rootPtr, uint64(len(s.opt.Root)), bundlePtr, uint64(n), uint64(n-1), uint64(s.at))
	if err == nil && status != abi.StatusOK {
		err = fmt.Errorf("the module refuses the bundle that is not whole: %v: %s", status, why)
	}
	return err
}

// compare asks, and notes the digest of what the answers' items hash to.
func compare(f *finding, name string, known []bundle.KnownAnswer, ask func(request []byte) ([]byte, error)) {
	all := sha256.New()
	right := 0
	for i, want := range known {
		answer, err := ask(want.Request)
		if err != nil {
			f.fail("%s: answer %d: %v", name, i, err)
			continue
		}
		items := itemsOf(answer)
		got := sha256.Sum256(items)
		all.Write(got[:])
		if bytes.Equal(got[:], want.Items[:]) {
			right++
		} else {
			f.fail("%s: answer %d is not the one that was signed", name, i)
		}
	}
	f.note(name, "%d of %d right, sha256 %s", right, len(known), hex.EncodeToString(all.Sum(nil)))
}

// itemsOf returns the bytes of an answer's array of items.
func itemsOf(answer []byte) []byte {
	v, err := readDocument(answer)
	if err != nil {
		return nil
	}
	items, _ := v.at(1)
	return items.raw
}
