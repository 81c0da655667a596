package channeltest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
)

// Vector is an attack as JSON, for engines that are not called from Go. Files
// stand beside it, each under a name of its own.
type Vector struct {
	Name   string       `json:"name"`
	Anchor string       `json:"anchor"` // the file of a root or a state
	Calls  []VectorCall `json:"calls"`
	Status string       `json:"status"` // of the last call, a word of ABI.md; those before it are ok
	State  string       `json:"state"`  // SHA-256 of the state that the last call which was ok has left, in hexadecimal; "" when none was
}

// VectorCall is a Call.
type VectorCall struct {
	Name   string `json:"name,omitempty"`   // of the file in the channel; "" in the first call, which has none
	File   string `json:"file,omitempty"`   // its bytes; "": it is empty
	Bundle string `json:"bundle,omitempty"` // what is opened instead
	Now    int64  `json:"now"`
	Module string `json:"module,omitempty"` // SHA-256, in hexadecimal; "": not known
	Lost   bool   `json:"lost,omitempty"`
	Want   string `json:"want,omitempty"` // name of the file that the call leads to
}

// Vector returns the attack as JSON has it. put keeps a file and returns its
// name.
func (a Attack) Vector(put func(file []byte) string) Vector {
	v := Vector{Name: a.Name, Anchor: put(a.Anchor), Status: Word(a.Want)}
	anchor := a.Anchor
	for i, c := range a.Calls {
		call := VectorCall{Name: c.Name, Now: c.Now, Lost: c.Lost}
		if len(c.File) > 0 {
			call.File = put(c.File)
		}
		if c.Bundle != nil {
			call.Bundle = put(c.Bundle)
		}
		if c.Module != [32]byte{} {
			call.Module = hex.EncodeToString(c.Module[:])
		}
		if i < len(a.Calls)-1 || a.Want == nil {
			state, step, err := c.Do(anchor)
			must(err)
			anchor, call.Want = state, step.Want
			sum := sha256.Sum256(state)
			v.State = hex.EncodeToString(sum[:])
		}
		v.Calls = append(v.Calls, call)
	}
	return v
}

// Attack returns the attack that JSON has. read returns a file by its name.
func (v Vector) Attack(read func(name string) []byte) (a Attack, err error) {
	a = Attack{Name: v.Name, Anchor: read(v.Anchor)}
	for _, call := range v.Calls {
		c := Call{Followed: bundle.Followed{Name: call.Name, Lost: call.Lost}, Now: call.Now}
		if call.File != "" {
			c.File = read(call.File)
		}
		if call.Bundle != "" {
			c.Bundle = read(call.Bundle)
		}
		if _, err := hex.Decode(c.Module[:], []byte(call.Module)); err != nil {
			return Attack{}, err
		}
		a.Calls = append(a.Calls, c)
	}
	return a, nil
}

// Word is what ABI.md calls the status that the module answers an error with.
func Word(err error) string {
	var syntax *trust.SyntaxError
	switch {
	case err == nil:
		return "ok"
	case Is(err, Request) || err == Request:
		return "request"
	case errors.As(err, &syntax):
		switch syntax.Document {
		case trust.DocumentRoot, trust.DocumentState, trust.DocumentHead, trust.DocumentEnvelope:
			return string(syntax.Document)
		}
		return "syntax"
	}
	for _, w := range words {
		if errors.Is(err, w.err) {
			return w.word
		}
	}
	return "internal"
}

var words = []struct {
	err  error
	word string
}{
	{trust.ErrSize, "size"},
	{trust.ErrSignature, "signature"},
	{trust.ErrThreshold, "threshold"},
	{trust.ErrRootVersion, "root-version"},
	{trust.ErrRootExpired, "root-expired"},
	{trust.ErrHeadExpired, "head-expired"},
	{trust.ErrChannel, "channel"},
	{trust.ErrRollback, "rollback"},
	{trust.ErrReplaced, "replaced"},
	{trust.ErrFastForward, "fast-forward"},
	{trust.ErrMismatch, "mismatch"},
	{trust.ErrStopped, "stopped"},
	{trust.ErrLog, "log"},
	{trust.ErrModule, "module"},
	{trust.ErrExpired, "expired"},
	{bundle.ErrVersion, "version"},
	{bundle.ErrHash, "hash"},
}
