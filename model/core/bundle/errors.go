package bundle

import (
	"errors"
	"strconv"
)

// What can be wrong with a bundle whose bytes are well-formed. SectionError
// wraps ErrHash and ErrLayout.
var (
	ErrSignature = errors.New("bundle: no key of the root signed this manifest")
	ErrExpired   = errors.New("bundle: past its expiry")
	ErrVersion   = errors.New("bundle: wants another version of the format or of the module's interface")
	ErrHash      = errors.New("bytes are not the ones the manifest names")
	ErrLayout    = errors.New("contradicts the manifest")
)

// SyntaxError says which document does not follow SPEC.md, and where.
type SyntaxError struct {
	Document Document
	Err      error // a *wire.Error, or what a field's value should have been
}

func (e *SyntaxError) Error() string {
	return "bundle: " + string(e.Document) + ": " + e.Err.Error()
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// Document names one of the documents of SPEC.md.
type Document string

// The documents.
const (
	DocumentRoot       Document = "root"
	DocumentFrame      Document = "frame"
	DocumentManifest   Document = "manifest"
	DocumentSignatures Document = "signatures"
)

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
