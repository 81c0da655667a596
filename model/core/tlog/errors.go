package tlog

import (
	"errors"
	"strconv"
)

// What can be wrong with a proof whose bytes follow the format, in the order in
// which it is found.
var (
	ErrPolicy    = errors.New("tlog: the policy is not one: want a log's key, other witnesses' keys, each once, and a quorum they can reach")
	ErrLog       = errors.New("tlog: not a checkpoint that the policy's log signed")
	ErrWitnesses = errors.New("tlog: a witness's signature is wrong, or too few witnesses signed")
	ErrEntry     = errors.New("tlog: the checkpoint's tree does not have the entry at the index")
)

// What can be wrong with a key, and with a signature by it.
var (
	ErrKey       = errors.New("tlog: not a verifier key: want name+id+base64 of an Ed25519 or ML-DSA-44 key")
	ErrSignature = errors.New("tlog: a signature by a known key is wrong")
)

// SyntaxError says where a proof or a checkpoint does not follow the format.
type SyntaxError struct {
	Line int    // from 1; 0 for the whole
	Want string // what should have stood there
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return "tlog: want " + e.Want
	}
	return "tlog: line " + strconv.Itoa(e.Line) + ": want " + e.Want
}
