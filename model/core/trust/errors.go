package trust

import "errors"

// Why a device does not believe something. Each has a status of its own in
// ABI.md.
var (
	ErrSize        = errors.New("trust: longer than such a document may be")
	ErrSignature   = errors.New("trust: a signature is wrong, or no key of the root gave one")
	ErrThreshold   = errors.New("trust: fewer keys have signed than the root asks for")
	ErrRootVersion = errors.New("trust: not the root that follows the trusted one")
	ErrRootExpired = errors.New("trust: the root is past its expiry")
	ErrChannel     = errors.New("trust: belongs to another channel")
	ErrHeadExpired = errors.New("trust: the head is past its expiry")
	ErrRollback    = errors.New("trust: older than what this device has seen")
	ErrReplaced    = errors.New("trust: another document under a number that this device has seen")
	ErrFastForward = errors.New("trust: the head's sequence makes too large a step")
	ErrMismatch    = errors.New("trust: not the manifest that the head names")
	ErrStopped     = errors.New("trust: the publisher has stopped this version")
	ErrLog         = errors.New("trust: no proof that the release is in the log")
	ErrModule      = errors.New("trust: the manifest does not name this module")
	ErrExpired     = errors.New("trust: the bundle is past its expiry")
)

// LogError is ErrLog, and says what is wrong with the proof.
type LogError struct{ Err error }

func (e *LogError) Error() string { return ErrLog.Error() + ": " + e.Err.Error() }

func (e *LogError) Unwrap() error { return e.Err }

// Is makes errors.Is find ErrLog.
func (e *LogError) Is(target error) bool { return target == ErrLog }

// SyntaxError says which document does not follow SPEC.md, and where.
type SyntaxError struct {
	Document Document
	Err      error // a *wire.Error, or what a field's value should have been
}

func (e *SyntaxError) Error() string { return "bundle: " + string(e.Document) + ": " + e.Err.Error() }

func (e *SyntaxError) Unwrap() error { return e.Err }

// Document names one of the documents of SPEC.md.
type Document string

// The documents.
const (
	DocumentRoot       Document = "root"
	DocumentHead       Document = "head"
	DocumentEntry      Document = "log entry"
	DocumentState      Document = "state"
	DocumentEnvelope   Document = "envelope"
	DocumentFrame      Document = "frame"
	DocumentManifest   Document = "manifest"
	DocumentSignatures Document = "signatures"
)
