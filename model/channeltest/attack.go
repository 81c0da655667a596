package channeltest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
)

// Attack is what a device meets that has Anchor, a root or a state: calls in
// turn, each with the state that came of the one before. All but the last go
// well.
type Attack struct {
	Name   string
	Want   error  // why the last call is refused, see Is; nil: it must not be
	Anchor []byte // with it the device begins to follow Name
	Calls  []Call

	// Honest is the mirror before the attack, with the device that it has left
	// as it was; nil: the device has moved before it refused, or had no state yet.
	Honest *Mirror
}

// Call is a file that a device follows to, or a bundle that it opens.
type Call struct {
	bundle.Followed
	Bundle []byte // nil: Followed
	Now    int64
}

// Do makes a call natively, through the documents that a host exchanges with
// the module. It returns the next state, and the step unless a bundle was opened.
func (c Call) Do(anchor []byte) (state []byte, step bundle.Step, err error) {
	if c.Bundle != nil {
		s, err := trust.ParseState(anchor)
		if err != nil {
			return nil, step, err
		}
		b, err := bundle.OpenIn(s, c.Bundle, len(c.Bundle), c.Now)
		if err != nil {
			return nil, step, err
		}
		return s.Open(b.Release()).Append(nil), step, nil
	}
	s, followed, now, err := bundle.ParseFollow(bundle.AppendFollow(nil, anchor, Name, c.Followed, c.Now))
	if err != nil {
		return nil, step, err
	}
	if step, err = bundle.Follow(s, followed, now); err != nil {
		return nil, step, err
	}
	if step, err = bundle.ParseStep(step.Append(nil)); err != nil {
		return nil, step, err
	}
	return step.State.Append(nil), step, nil
}

// Is says whether an error is the one that is wanted: the same sentinel, a
// document that is malformed, or a request that is.
func Is(got, want error) bool {
	var syntax, wanted *trust.SyntaxError
	if errors.As(want, &wanted) {
		return errors.As(got, &syntax) && syntax.Document == wanted.Document
	}
	var logged *trust.LogError
	if errors.As(want, &logged) {
		return errors.Is(got, trust.ErrLog) && errors.Is(got, logged.Err)
	}
	if want == Request {
		var e *wire.Error
		return errors.As(got, &e) && !errors.As(got, &syntax)
	}
	return errors.Is(got, want)
}

// Request stands for the errors of documents that hosts write.
var Request = errors.New("a malformed request")

func syntax(d trust.Document) error {
	return &trust.SyntaxError{Document: d, Err: errors.New("malformed")}
}

// Mirror is a host of the channel's files that its publisher does not rule, and
// one device that fetches from it. The mirror may have stolen keys.
type Mirror struct {
	*Channel
	Now    int64
	Module [32]byte
	Lost   bool

	State []byte // of the device; or the root with which it begins
	Fresh bool   // it is a root

	Fetched []string      // by the device when it followed last
	Step    bundle.Step   // that this led to
	Patches []trust.Patch // that were offered on the way

	opens  []byte // what the device opens instead of following; nil: it follows
	gets   *Call  // what it is given, without having asked; nil: nothing
	anchor []byte // State before calls
	calls  []Call
	honest *Mirror // as it was then
}

// ErrMissing says that the mirror has no file of the name that is wanted.
var ErrMissing = errors.New("channeltest: the mirror has no such file")

// NewMirror returns an honest mirror, and a device that has the newest release
// open.
func NewMirror() *Mirror {
	m := settled().Clone()
	m.honest = settled().Clone()
	return m
}

var settled = sync.OnceValue(func() *Mirror {
	m := &Mirror{Channel: New(), Now: Now}
	m.Begin(m.Files[bundle.RootName])
	m.Settle()
	return m
})

// Begin makes the device a new one, which trusts root.
func (m *Mirror) Begin(root []byte) {
	m.State, m.Fresh = root, true
	m.rest()
}

// Settle brings the device to what the mirror serves, which must be right.
func (m *Mirror) Settle() {
	must(m.Follow())
	must(m.Open(m.Bundles[m.Release.Version]))
	m.rest()
}

// rest makes the present state the one from which attacks are told.
func (m *Mirror) rest() {
	m.anchor, m.calls = m.State, nil
	m.honest = m.Clone()
}

// Clone returns a mirror that changes by itself.
func (m *Mirror) Clone() *Mirror {
	n := *m
	n.Channel = m.Channel.clone()
	return &n
}

func (m *Mirror) do(c Call) (bundle.Step, error) {
	m.calls = append(m.calls, c)
	state, step, err := c.Do(m.State)
	if err == nil {
		m.State, m.Fresh = state, false
	}
	return step, err
}

// Follow lets the device fetch until nothing is wanted.
func (m *Mirror) Follow() error {
	m.Fetched, m.Patches = nil, nil
	c := Call{Followed: bundle.Followed{Module: m.Module, Lost: m.Lost}, Now: m.Now}
	for range 100 {
		step, err := m.do(c)
		if err != nil {
			return err
		}
		if m.Step = step; step.Want == "" {
			return nil
		}
		m.Fetched = append(m.Fetched, step.Want)
		m.Patches = append(m.Patches, step.Patches...)
		file, ok := m.Files[step.Want]
		if !ok {
			return ErrMissing
		}
		c.Name, c.File = step.Want, file
	}
	panic("channeltest: internal error: no end of files")
}

// Trusted returns the state of a device that has one.
func (m *Mirror) Trusted() *trust.State {
	s, err := trust.ParseState(bytes.Clone(m.State))
	must(err)
	return s
}

// Open lets the device open a bundle.
func (m *Mirror) Open(file []byte) error {
	_, err := m.do(Call{Bundle: file, Now: m.Now})
	return err
}

// plan is an attack before it is carried out.
type plan struct {
	name string
	want error
	file string               // how the name of the file begins that is refused; "": it is of the kind that the list is about
	do   func(m *Mirror)      // what the mirror does to its files before the device comes again
	then func(m *Mirror) bool // what must hold when the device is content; nil: nothing
}

// carryOut runs a plan natively and writes down the calls. The error is what
// the device says.
func (p plan) carryOut() (Attack, error) {
	m := NewMirror()
	p.do(m)
	var err error
	switch {
	case m.opens != nil:
		err = m.Open(m.opens)
	case m.gets != nil:
		_, err = m.do(*m.gets)
	default:
		err = m.Follow()
	}
	if err == nil && p.then != nil && !p.then(m) {
		err = errors.New("channeltest: the device is content, but is not where it should be")
	}
	if last := m.calls[len(m.calls)-1]; err != nil && m.opens == nil && !strings.HasPrefix(last.Name, p.file) {
		err = fmt.Errorf("channeltest: the device refuses %s, which is not %s: %v", last.Name, p.file, err)
	}
	a := Attack{Name: p.name, Want: p.want, Anchor: m.anchor, Calls: m.calls}
	if err != nil && !m.honest.Fresh && string(m.State) == string(m.anchor) {
		a.Honest = m.honest
	}
	if len(a.Calls) > 1 && a.Calls[0].Bundle == nil && a.Calls[0].Name == "" && !m.honest.Fresh {
		a.Calls = a.Calls[1:] // "where do I begin" is always answered alike
	}
	return a, err
}

// Attacks returns all of them, by place, which are not to be changed. errs says
// what the native device answered to each.
func Attacks() (list []Attack, errs []error) { return attacks() }

var attacks = sync.OnceValues(func() (list []Attack, errs []error) {
	for _, kind := range []struct {
		file  string
		plans []plan
	}{
		{bundle.HeadName, arbitrary}, {bundle.HeadName, thresholds}, {"root", roots}, {"", firstRoots}, {bundle.HeadName, rotations}, {bundle.HeadName, heads},
		{bundle.HeadName, logs}, {"releases/", releases}, {"", endless}, {"", bundles},
	} {
		for _, p := range kind.plans {
			p.file = cmp.Or(p.file, kind.file)
			a, err := p.carryOut()
			list, errs = append(list, a), append(errs, err)
		}
	}
	return list, errs
})
