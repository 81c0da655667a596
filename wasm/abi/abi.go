// Package abi holds the words on which the guest and every host agree: export
// names, the version, status codes and message limits. It imports nothing, so
// both sides of the wall can import it. ABI.md, one folder up, is the text.
package abi

// Version is the number that nearside_abi returns. A host that reads another
// number must refuse the module. It grows with every change of ABI.md that a
// host or a bundle could rest on.
const Version = 5

// Names of the module's exports, besides the memory.
const (
	ExportInitialize = "_initialize"
	ExportABI        = "nearside_abi"
	ExportAlloc      = "nearside_alloc"
	ExportOpen       = "nearside_open"
	ExportOpenEarly  = "nearside_open_early"
	ExportNeeded     = "nearside_needed"
	ExportComplete   = "nearside_complete"
	ExportManifest   = "nearside_manifest"
	ExportFollow     = "nearside_follow"
	ExportItems      = "nearside_items"
	ExportRecommend  = "nearside_recommend"
	ExportResult     = "nearside_result"
	ExportResultLen  = "nearside_result_len"
	ExportMemory     = "memory"
)

// MaxAlloc is the largest buffer nearside_alloc gives, in bytes.
const MaxAlloc = 1 << 30

// Status is what nearside_open, nearside_open_early, nearside_complete,
// nearside_follow, nearside_manifest, nearside_items and nearside_recommend
// return. Anything but StatusOK leaves one UTF-8 sentence in the result buffer.
type Status uint32

// The status codes. They are part of the ABI: a code is never reused.
const (
	StatusOK          Status = 0  // the result buffer holds the answer
	StatusInternal    Status = 1  // a bug: the guest panicked and recovered
	StatusNotOpen     Status = 2  // no bundle is open yet
	StatusMemory      Status = 3  // a pointer that nearside_alloc did not give, or a length beyond it
	StatusRequest     Status = 4  // the request is not the document ABI.md describes
	StatusLimit       Status = 5  // the request asks for more than the bundle's limits allow
	StatusSyntax      Status = 6  // the bundle's outer frame or its manifest is not what SPEC.md describes
	StatusRoot        Status = 7  // the root document is not what SPEC.md describes
	StatusSignature   Status = 8  // a signature is wrong, or no key of the root gave one
	StatusExpired     Status = 9  // the bundle is past its expiry
	StatusVersion     Status = 10 // the bundle wants another format or ABI version
	StatusHash        Status = 11 // a section's bytes are not the ones the manifest names
	StatusLayout      Status = 12 // a section's shape, length or content contradicts the manifest
	StatusKnownAnswer Status = 13 // this engine does not compute what the publisher computed
	StatusPartial     Status = 14 // too little of the bundle is there; nearside_needed says how much is wanted
	StatusState       Status = 15 // the state is not what SPEC.md describes
	StatusHead        Status = 16 // the head is not what SPEC.md describes
	StatusEnvelope    Status = 17 // an envelope or its signatures are not what SPEC.md describes
	StatusSize        Status = 18 // a document is longer than such a document may be
	StatusThreshold   Status = 19 // fewer keys have signed than the root asks for
	StatusRootVersion Status = 20 // not the root that follows the trusted one
	StatusRootExpired Status = 21 // the root is past its expiry
	StatusHeadExpired Status = 22 // the head is past its expiry
	StatusChannel     Status = 23 // a document belongs to another channel
	StatusRollback    Status = 24 // a document is older than what the device has seen
	StatusReplaced    Status = 25 // another document under a number that the device has seen
	StatusFastForward Status = 26 // the head's sequence makes too large a step
	StatusMismatch    Status = 27 // not the manifest that the head names
	StatusStopped     Status = 28 // the publisher has stopped this version
	StatusLog         Status = 29 // no proof that the manifest is in the log
	StatusModule      Status = 30 // the manifest does not name this module
)

var names = [...]string{
	"ok", "internal", "not-open", "memory", "request", "limit", "syntax", "root", "signature",
	"expired", "version", "hash", "layout", "known-answer", "partial",
	"state", "head", "envelope", "size", "threshold", "root-version", "root-expired", "head-expired", "channel",
	"rollback", "replaced", "fast-forward", "mismatch", "stopped", "log", "module",
}

// String gives the code's name, the same word that the JavaScript SDK puts in
// NearsideError.code and the HTTP handler in "code".
func (s Status) String() string {
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}
