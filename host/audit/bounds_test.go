package audit

import (
	"errors"
	"testing"

	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm/abi"
)

func TestWorkIsBounded(t *testing.T) {
	for _, w := range []world{ials, popular, pooled} {
		subjectOf(t, w.options(t)).want(t, "A18", Pass, "")
	}
}

// TestTheMagazineIsBounded: the bundle of the demo has requests of more than
// the module keeps for the next, and a heap in which Go begins to collect
// within the first of them and, left alone, does not come to an end.
func TestTheMagazineIsBounded(t *testing.T) {
	w := modeltest.Magazine(1, modeltest.Size{})
	m, err := train.Train(t.Context(), train.Input{Pairs: w.Log.Matrix(), Sequences: w.Log.Sequences()}, train.Config{Algorithm: train.IALS, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	m.Items = w.Items
	file, err := pack.Pack(m, keysOf(1), pack.Options{Channel: "demo", Version: 1, Created: created, Expires: expires, HalfLife: 30 * 86400})
	if err != nil {
		t.Fatal(err)
	}
	subjectOf(t, Options{Bundle: file, Root: rootOf(t, keysOf(1), expires), Now: now}).want(t, "A18", Pass, "")
}

func TestWorkWithoutBoundsIsFound(t *testing.T) {
	calls, last := 0, ""
	for _, c := range []struct {
		name  string
		liar  liar
		words string
	}{
		{"limits that do not hold", liar{returned: func(_ string, status uint32) uint32 {
			if status == uint32(abi.StatusLimit) {
				return uint32(abi.StatusOK)
			}
			return status
		}}, "one too many (k) is answered with ok, want limit"},
		{"another refusal", liar{returned: func(_ string, status uint32) uint32 {
			if status == uint32(abi.StatusLimit) {
				return uint32(abi.StatusInternal)
			}
			return status
		}}, "is answered with internal, want limit"},
		{"memory that grows", liar{
			args:     func(export string, _ []uint64) { last = export },
			answered: func(guest, uint64, []byte) { calls++ },
			seen: func(memory []byte) []byte {
				if calls > settled && last == abi.ExportResultLen { // not while a request is written
					return append(memory[:len(memory):len(memory)], make([]byte, 4*calls*pageSize)...)
				}
				return memory
			},
		}, "memory grew from"},
		{"more memory than a host allows", liar{trap: func(_ string, request []byte) error {
			if len(request) > 100_000 {
				return errors.New("out of memory")
			}
			return nil
		}}, "the largest request"},
		{"a buffer of any length", liar{returned: func(export string, v uint32) uint32 {
			if export == abi.ExportAlloc && v == 0 {
				return unused
			}
			return v
		}}, "a buffer of more than"},
	} {
		s := subjectOf(t, ials.options(t))
		s.lies(t, func(int) liar { return c.liar })
		t.Run(c.name, func(t *testing.T) { s.want(t, "A18", Fail, c.words) })
	}
}
