package bundle

import (
	"errors"
	"strconv"

	"github.com/nearside/nearside/model/core/trust"
)

// What can be wrong with a bundle that is signed. SectionError
// wraps ErrHash and ErrLayout.
var (
	ErrVersion = errors.New("bundle: wants another version of the format or of the module's interface")
	ErrHash    = errors.New("bytes are not the ones the manifest names")
	ErrLayout  = errors.New("contradicts the manifest")
)

func malformed(doc trust.Document, err error) error {
	return &trust.SyntaxError{Document: doc, Err: err}
}

// SectionError says which section is not what the manifest says.
type SectionError struct {
	Section Kind
	Want    string // "" when Err says it all
	Err     error  // ErrHash or ErrLayout
}

func (e *SectionError) Error() string {
	s := "bundle: section " + strconv.Itoa(int(e.Section)) + " (" + e.Section.String() + ") " + e.Err.Error()
	if e.Want != "" {
		s += ": want " + e.Want
	}
	return s
}

func (e *SectionError) Unwrap() error { return e.Err }

// PartialError says that more of the file must come before it can be opened.
type PartialError struct {
	Need int // how many bytes, from the start, are worth another try
}

func (*PartialError) Error() string { return "bundle: the file has not come far enough" }

func layout(kind Kind, want string) error {
	return &SectionError{Section: kind, Want: want, Err: ErrLayout}
}
