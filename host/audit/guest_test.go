package audit

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/nearside/nearside/wasm/abi"
)

// liar is a guest that tests have their way with: what is not nil is called
// instead of, or after, what the real one does.
type liar struct {
	guest
	args     func(export string, args []uint64)              // changes what is asked
	answered func(g guest, ptr uint64, request []byte)       // after each answer
	returned func(export string, status uint32) uint32       // changes what a call returns
	seen     func(memory []byte) []byte                      // changes what memory looks like
	trap     func(export string, request []byte) (err error) // instead of a call
}

func (l *liar) call(ctx context.Context, export string, args ...uint64) (uint32, error) {
	var request []byte
	if export == abi.ExportRecommend {
		request = bytes.Clone(l.guest.memory()[args[0]:][:args[1]])
	}
	if l.trap != nil {
		if err := l.trap(export, request); err != nil {
			return 0, err
		}
	}
	args = slices.Clone(args)
	if l.args != nil {
		l.args(export, args)
	}
	v, err := l.guest.call(ctx, export, args...)
	if err == nil && request != nil && l.answered != nil {
		l.answered(l.guest, args[0], request)
	}
	if l.returned != nil {
		v = l.returned(export, v)
	}
	return v, err
}

func (l *liar) memory() []byte {
	if l.seen != nil {
		return l.seen(l.guest.memory())
	}
	return l.guest.memory()
}

// lies makes every instance of s one that next gives.
func (s *subject) lies(t testing.TB, next func(n int) liar) {
	t.Helper()
	start := s.start
	n := 0
	s.start = func(ctx context.Context) (session, error) {
		honest, err := start(ctx)
		if err != nil {
			return session{}, err
		}
		l := next(n)
		l.guest = honest.guest
		n++
		return session{&l}, nil
	}
}

// result is where a guest's last result lies.
func result(g guest) []byte {
	ctx := context.Background()
	ptr, err := g.call(ctx, abi.ExportResult)
	if err != nil {
		panic(err)
	}
	n, err := g.call(ctx, abi.ExportResultLen)
	if err != nil {
		panic(err)
	}
	return g.memory()[ptr:][:n]
}
