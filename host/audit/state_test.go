package audit

import (
	"errors"
	"testing"

	"github.com/nearside/nearside/model/train"
)

func TestNothingStays(t *testing.T) {
	for _, w := range []world{ials, popular, pooled, {algorithm: train.EASE}, {algorithm: train.Sequence}} {
		subjectOf(t, w.options(t)).want(t, "A17", Pass, "")
	}
}

// unused is an address in memory that Go's runtime leaves alone: below what its
// linker places.
const unused = 256

func TestWhatStaysIsFound(t *testing.T) {
	previous := 0
	for _, c := range []struct {
		name  string
		liar  liar
		words string
	}{
		{"the request is not wiped", liar{answered: func(g guest, ptr uint64, request []byte) {
			copy(g.memory()[ptr:], request)
		}}, "not overwritten with zeros"},
		{"a copy is kept", liar{answered: func(g guest, _ uint64, request []byte) {
			copy(g.memory()[unused:4096], request)
		}}, "an item of the history: still in memory"},
		{"a part of a copy is kept", liar{answered: func(g guest, _ uint64, request []byte) {
			copy(g.memory()[unused:4096], request[max(0, len(request)-trace):])
		}}, "a vector: still in memory"},
		{"an answer depends on the one before", liar{answered: func(g guest, _ uint64, request []byte) {
			if previous%2 == 1 {
				result(g)[0] ^= 1
			}
			previous = len(request)
		}}, "is answered otherwise after another one"},
		{"a trap", liar{trap: func(_ string, request []byte) error {
			if len(request) > 300 {
				return errors.New("out of memory")
			}
			return nil
		}}, "out of memory"},
		{"memory that is not what it seems", liar{seen: func(memory []byte) []byte { return make([]byte, len(memory)) }}, ""},
	} {
		s := subjectOf(t, ials.options(t))
		s.lies(t, func(int) liar { return c.liar })
		t.Run(c.name, func(t *testing.T) { s.want(t, "A17", Fail, c.words) })
	}
}

func TestNothingIsAskedOfABundleThatDoesNotOpen(t *testing.T) {
	opt := popular.options(t)
	opt.Root = rootOf(t, keysOf(2), expires)
	s := subjectOf(t, opt)
	for _, id := range []string{"A13", "A14", "A16", "A17", "A18"} {
		s.want(t, id, NotRun, "a device refuses the bundle: trust: a signature is wrong")
	}
	s.want(t, "A15", Fail, "a device refuses the bundle")
}
