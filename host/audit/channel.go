package audit

import (
	"github.com/nearside/nearside/model/core/trust"
)

// envelope is a document as a channel publishes it.
type envelope struct {
	name string
	trust.Envelope
	file []byte
}

// envelopes returns those that were given.
func (s *subject) envelopes() (list []envelope) {
	if e, err := trust.ParseEnvelope(s.opt.Root, trust.RoleRoot); err == nil {
		list = append(list, envelope{"root", e, s.opt.Root})
	}
	if s.opt.Head != nil && s.headErr == nil {
		list = append(list, envelope{"head", s.head, s.opt.Head})
	}
	return list
}
