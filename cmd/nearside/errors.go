package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/publish"
	"github.com/nearside/nearside/model/publish/translog"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/model/tune"
)

// usageError is misuse of the command line.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// interruptedError is a training or a search that was interrupted; hint says how to go on.
type interruptedError struct {
	err  error
	hint string
}

func (e *interruptedError) Error() string { return e.err.Error() }
func (e *interruptedError) Unwrap() error { return e.err }

func exitCode(err error) int {
	var usage *usageError
	var audited *auditError
	switch {
	case errors.As(err, &usage):
		return 2
	case errors.As(err, &audited):
		return audited.worst.ExitCode()
	case errors.Is(err, context.Canceled):
		return 130 // what a shell gives for SIGINT
	}
	return 1
}

// hintFor says what a person can do about err, or "".
func hintFor(err error) string {
	var usage *usageError
	var interrupted *interruptedError
	var line *data.LineError
	var request *slate.RequestError
	var device *deviceError
	var audited *auditError
	switch {
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &device):
		return device.hint()
	case errors.As(err, &interrupted):
		return interrupted.hint
	case errors.As(err, &audited):
		return "the report says why, and which command makes one check alone"
	case errors.Is(err, train.ErrFrom):
		return "leave --from out to learn anew; item indices begin anew, too"
	case errors.As(err, &line):
		return "--lenient skips malformed lines, --columns says which column is which, --format how the file is written"
	case errors.Is(err, publish.ErrUnsigned), errors.Is(err, trust.ErrThreshold):
		return "nearside sign FILE --key NAME.key --root root.nsr adds a signature and counts them"
	case errors.Is(err, trust.ErrSignature):
		return "--root takes a root that has the keys which have signed; nearside inspect prints whose they are"
	case errors.Is(err, publish.ErrNoRoot):
		return "put up the root first: nearside publish root.nsr --to the same place"
	case errors.Is(err, publish.ErrNoHead):
		return "publish a bundle first; after a change of the keys for heads, the bundle once more"
	case errors.Is(err, publish.ErrLogKey):
		return "--log-key takes the secret key of the log that the root names"
	case errors.Is(err, publish.ErrLogBegun):
		return "nearside log --key NAME.key --to the same place begins it, once"
	case errors.Is(err, publish.ErrUnseen):
		return "the release is in the log: have witnesses run nearside cosign, then publish again with --cosignature FILE, or ask some with --witness URL"
	case errors.Is(err, tlog.ErrSignature):
		return "the log has grown since that was signed: have it signed as it is now"
	case errors.Is(err, translog.ErrShrunk):
		return "the store has an older log: look for the newest copy before anything is signed"
	case errors.Is(err, publish.ErrSame):
		return "--refresh puts up a new head for it"
	case errors.Is(err, publish.ErrVersion):
		return "pack the model again: its version is the time, unless --version says otherwise"
	case errors.Is(err, publish.ErrTaken):
		return "what has a number or a hash in its name never changes: make a new version of it"
	case errors.Is(err, trust.ErrRollback), errors.Is(err, trust.ErrReplaced):
		return "the store has something older than, or other than, what is known here: look for the newest copy before anything is published"
	case errors.Is(err, trust.ErrRootExpired):
		return "nearside rotate makes the next root"
	case errors.Is(err, trust.ErrHeadExpired):
		return "nearside publish --refresh puts up a new head"
	case errors.Is(err, pack.ErrPassphrase):
		return "NEARSIDE_PASSPHRASE goes before what is typed; --identity is for keys that were made with it"
	case errors.Is(err, pack.ErrReadable):
		return "chmod 600 it, and make a new key if anybody else has had access"
	case errors.Is(err, pack.ErrNotSignable):
		return "what nearside pack, root and rotate write can be signed"
	case errors.Is(err, trust.ErrExpired):
		return "pack the model again, or look at an earlier time with --now where the verb has it"
	case errors.Is(err, bundle.ErrVersion):
		return "the bundle was packed by another release: pack the model again with this one"
	case errors.As(err, &request) && request.Limit:
		return "nearside inspect prints the bundle's limits"
	case errors.Is(err, tune.ErrOtherState):
		return "--state takes another file, for a search of its own"
	case errors.Is(err, syscall.EADDRINUSE):
		return "--addr takes another address, and with port 0 a free one is chosen"
	case errors.Is(err, fs.ErrExist):
		return "move the old file away first: a key is never overwritten"
	case errors.Is(err, fs.ErrNotExist):
		return "a path that does not begin with / starts from the current folder"
	}
	return ""
}
