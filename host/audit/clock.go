package audit

import (
	"context"
	"errors"

	"github.com/nearside/nearside/wasm/abi"
	"github.com/nearside/nearside/wasm/seal"
)

// drawn is how many answers two instances are compared by.
const drawn = 50

// clockAndChance (A13) opens the bundle at two times, and lets two instances
// answer the same. A module without a clock cannot know that a bundle has
// expired unless it is told the time, and one without randomness cannot answer
// differently.
func clockAndChance(ctx context.Context, s *subject, f *finding) {
	if !s.opened(f) {
		return
	}
	if info, err := seal.Inspect(s.module); err != nil {
		f.fail("%v", err)
	} else {
		f.note("imports", "%d: none for a clock and none for randomness", len(info.Imports))
		if len(info.Imports) > 0 {
			f.evidence[len(f.evidence)-1].Value = "some, see A08"
			f.fail("the module imports something, which could be a clock")
		}
	}
	if err := s.opensInTime(ctx, f); err != nil {
		f.fail("%v", err)
		return
	}
	one, err := s.draws(ctx)
	if err == nil {
		f.note("an instance", "%s, %d answers", digestOf(one), len(one))
		var other [][32]byte
		if other, err = s.draws(ctx); err == nil {
			f.note("another", "%s, %d answers", digestOf(other), len(other))
			if at := differs(one, other); at >= 0 {
				f.fail("two instances answer request %d differently", at)
			}
		}
	}
	if err != nil {
		f.fail("%v", err)
	}
}

// opensInTime opens the bundle in one instance before it expires, then, and
// before again.
func (s *subject) opensInTime(ctx context.Context, f *finding) (err error) {
	i, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.close(ctx)) }()
	end, late := s.manifest.Expires, abi.StatusExpired
	if s.root.Expires <= end {
		end, late = s.root.Expires, abi.StatusRootExpired
	}
	for _, try := range []struct {
		now  int64
		want abi.Status
	}{{end - 1, abi.StatusOK}, {end, late}, {end - 1, abi.StatusOK}} {
		status, _, err := i.open(ctx, s.opt.Root, s.opt.Bundle, try.now)
		if err != nil {
			return err
		}
		f.note("told "+utc(try.now), "%v", status)
		if status != try.want {
			f.fail("told that it is %s the module says %v, want %v", utc(try.now), status, try.want)
		}
	}
	return nil
}

// draws returns the hashes of a new instance's answers.
func (s *subject) draws(ctx context.Context) (hashes [][32]byte, err error) {
	i, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, i.close(ctx)) }()
	for k := range drawn {
		status, said, err := i.recommend(ctx, s.request(k))
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, answerHash(status == abi.StatusOK, said))
	}
	return hashes, nil
}
