package audit

import (
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// early has rows that come late, and answers for before.
var early = world{algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecPQ, Bytes: 2, Rescore: bundle.CodecInt8, Candidates: 20}}

func TestSignedAnswersComeOut(t *testing.T) {
	for _, w := range []world{ials, popular, pooled, early} {
		f := subjectOf(t, w.options(t)).want(t, "A15", Pass, "")
		if f.value("native") == "" || f.value("native") != f.value("module") {
			t.Errorf("got\n%s", f.text())
		}
		if (f.value("module, early") != "") != (w.quant.Rescore != bundle.CodecNone) {
			t.Errorf("got\n%s", f.text())
		}
	}
}

func TestWrongAnswersAreFound(t *testing.T) {
	wrong := func(key uint64) func(m *value) {
		return func(m *value) {
			list, _ := m.at(key)
			list.list[1].set(1, binOf(make([]byte, 32)))
		}
	}
	for _, c := range []struct {
		name  string
		world world
		edit  func(m *value)
		want  Verdict
		words string
	}{
		{"a wrong one", ials, wrong(11), Fail, "native: answer 1 is not the one"},
		{"a wrong early one", early, wrong(13), Fail, "native, early: answer 1 is not the one"},
		{"a question that is none", ials, func(m *value) {
			list, _ := m.at(11)
			list.list[0].set(0, binOf([]byte{0x80}))
		}, Fail, "native: answer 0: "},
		{"none", ials, func(m *value) { m.set(11, value{kind: kindArray}) }, NotRun, "the publisher signed none"},
	} {
		opt := c.world.options(t)
		opt.Bundle = forge(t, opt.Bundle).change(c.edit).file()
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A15", c.want, c.words) })
	}
}

// TestAModuleThatAnswersOtherwiseIsFound: natively all is well.
func TestAModuleThatAnswersOtherwiseIsFound(t *testing.T) {
	for _, w := range []world{ials, early} {
		s := subjectOf(t, w.options(t))
		s.lies(t, func(int) liar {
			return liar{answered: func(g guest, _ uint64, _ []byte) { result(g)[6]++ }} // the first item's index
		})
		s.want(t, "A15", Fail, "module: answer 0 is not the one")
	}
}
