package audit

import (
	"testing"

	"github.com/nearside/nearside/wasm/abi"
)

func TestNoClockAndNoChance(t *testing.T) {
	f := subjectOf(t, ials.options(t)).want(t, "A13", Pass, "")
	if f.evidence[0].Name != "imports" || f.value("told "+utc(expires)) != "expired" {
		t.Errorf("got\n%s", f.text())
	}
}

func TestClocksAndChanceAreFound(t *testing.T) {
	for _, c := range []struct {
		name  string
		next  func(n int) liar
		words string
	}{
		{"its own clock", func(int) liar {
			return liar{args: func(export string, args []uint64) {
				if export == abi.ExportOpen {
					args[4] = created
				}
			}}
		}, "the module says ok, want expired"},
		{"a clock that is late", func(int) liar {
			return liar{args: func(export string, args []uint64) {
				if export == abi.ExportOpen {
					args[4]++
				}
			}}
		}, "the module says expired, want ok"},
		{"an instance with a will of its own", func(n int) liar {
			return liar{answered: func(g guest, _ uint64, _ []byte) { result(g)[1] ^= byte(n) }}
		}, "two instances answer request 0 differently"},
	} {
		s := subjectOf(t, ials.options(t))
		s.lies(t, c.next)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A13", Fail, c.words) })
	}
}

// TestAClockThatIsImported: the module need not run for that.
func TestAClockThatIsImported(t *testing.T) {
	opt := popular.options(t)
	opt.Module = tiny(section(2, append([]byte("\x01\x03env\x04time"), 0, 0)...), section(5, 1, 0, 1), nil, nil)
	s := subjectOf(t, opt)
	s.want(t, "A13", Fail, "could be a clock")
}
