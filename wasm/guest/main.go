//go:build wasip1

// Command guest is the module: it decodes arguments, calls core and encodes
// answers. It holds no logic of its own. ABI.md, one folder up, is its text.
package main

import (
	"errors"
	"runtime"
	"unsafe"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/wasm/abi"
)

func main() {}

// The instance's state. One caller at a time, so no locks.
var (
	buffers = map[uint32][]byte{} // handed out by alloc, not yet used up
	spare   []byte                // a request's buffer, used up and cleared, for the next request
	open    *bundle.Bundle
	serve   *slate.Recommender
	needed  uint32 // bytes of a bundle that open_early wants
	result  []byte
	answers []byte // memory of slates
	made    int    // bytes of buffers since the last collection

	follows *trust.State // the channel of the bundle that is open; nil: none
)

// maxSpare bounds what is kept between calls for the next request.
const maxSpare = 1 << 20

// maxMade is how many bytes of buffers are made before the next one has what is
// left of them collected first.
//
// Why is the collector called? Go ends its cycles in the background, and here
// nothing runs between two calls: a cycle that began within a request of a
// megabyte did not end for 50 more of them, and then the memory was full.
const maxMade = 4 << 20

//go:wasmexport nearside_abi
func abiVersion() uint32 { return abi.Version }

//go:wasmexport nearside_alloc
func alloc(n uint32) uint32 {
	if n == 0 || n > abi.MaxAlloc {
		return 0
	}
	b := spare
	if cap(b) >= int(n) {
		b, spare = b[:n], nil
	} else {
		if made > maxMade {
			runtime.GC()
			made = 0
		}
		b = make([]byte, n)
		made += int(n)
	}
	p := address(b)
	buffers[p] = b
	return p
}

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

//go:wasmexport nearside_result
func resultPtr() uint32 { return address(result) }

//go:wasmexport nearside_result_len
func resultLen() uint32 { return uint32(len(result)) }

//go:wasmexport nearside_open
func openBundle(rootPtr, rootLen, bundlePtr, bundleLen uint32, now int64) uint32 {
	return answer(func() ([]byte, error) { return start(rootPtr, rootLen, bundlePtr, bundleLen, bundleLen, now) })
}

//go:wasmexport nearside_open_early
func openEarly(rootPtr, rootLen, bundlePtr, bundleLen, have uint32, now int64) uint32 {
	return answer(func() ([]byte, error) { return start(rootPtr, rootLen, bundlePtr, bundleLen, have, now) })
}

// start opens a bundle of which have bytes are there. The buffers stay the
// host's to fill when that is too little.
func start(rootPtr, rootLen, bundlePtr, bundleLen, have uint32, now int64) ([]byte, error) {
	rootBuffer, bundleBuffer := buffers[rootPtr], buffers[bundlePtr]
	anchor, err := take(rootPtr, rootLen)
	file, err2 := take(bundlePtr, bundleLen)
	if err = errors.Join(err, err2); err != nil {
		return nil, err
	}
	if have > bundleLen {
		return nil, errMemory
	}
	b, state, err := openBy(anchor, file, int(have), now)
	var partial *bundle.PartialError
	if errors.As(err, &partial) {
		needed = uint32(partial.Need)
		buffers[rootPtr], buffers[bundlePtr] = rootBuffer, bundleBuffer
	}
	if err != nil {
		return nil, err
	}
	r := slate.New(b)
	if err := r.Check(); err != nil {
		return nil, err
	}
	open, serve, follows = b, r, state
	return opened(), nil
}

// openBy opens a bundle by a root or by a state.
func openBy(anchor, file []byte, have int, now int64) (*bundle.Bundle, *trust.State, error) {
	if !trust.IsState(anchor) {
		root, err := trust.ParseRoot(anchor)
		if err != nil {
			return nil, nil, err
		}
		b, err := bundle.OpenEarly(root, file, have, now)
		return b, nil, err
	}
	state, err := trust.ParseState(anchor)
	if err != nil {
		return nil, nil, err
	}
	b, err := bundle.OpenIn(state, file, have, now)
	return b, state, err
}

// opened returns the state of a device that has the whole bundle open, or
// nothing when it follows no channel or the bundle is not whole.
func opened() []byte {
	if follows == nil || open.Early() {
		return nil
	}
	return follows.Open(open.Release()).Append(nil)
}

//go:wasmexport nearside_needed
func neededBytes() uint32 { return needed }

//go:wasmexport nearside_complete
func complete() uint32 {
	return answer(func() ([]byte, error) {
		if open == nil {
			return nil, errNotOpen
		}
		if err := open.Complete(); err != nil {
			return nil, err
		}
		b, r := open, serve
		open, serve = nil, nil // an engine that miscomputes serves nobody
		if err := r.Check(); err != nil {
			return nil, slate.ErrKnownAnswer
		}
		open, serve = b, r
		return opened(), nil
	})
}

//go:wasmexport nearside_follow
func follow(ptr, n uint32) uint32 {
	return answer(func() ([]byte, error) {
		doc, err := take(ptr, n)
		if err != nil {
			return nil, err
		}
		state, file, now, err := bundle.ParseFollow(doc)
		if err != nil {
			return nil, err
		}
		step, err := bundle.Follow(state, file, now)
		if err != nil {
			return nil, err
		}
		return step.Append(nil), nil
	})
}

//go:wasmexport nearside_manifest
func manifest() uint32 {
	return answer(func() ([]byte, error) {
		if open == nil {
			return nil, errNotOpen
		}
		return open.ManifestBytes, nil
	})
}

//go:wasmexport nearside_items
func items(ptr, n uint32) uint32 {
	return request(ptr, n, func(doc []byte) ([]byte, error) {
		indices, err := slate.ParseItemsRequest(doc)
		if err != nil {
			return nil, err
		}
		entries, err := serve.Items(indices)
		if err != nil {
			return nil, err
		}
		return slate.AppendEntries(nil, open.Manifest.Limits.Items, entries), nil
	})
}

//go:wasmexport nearside_recommend
func recommend(ptr, n uint32) uint32 {
	return request(ptr, n, func(doc []byte) ([]byte, error) {
		s, err := serve.Respond(answers[:0], doc)
		if err == nil {
			answers = s
		}
		return s, err
	})
}

// keep clears a request's buffer and keeps its memory.
func keep(buffer []byte) {
	clear(buffer)
	if cap(buffer) <= maxSpare && cap(buffer) > cap(spare) {
		spare = buffer
	}
}

var (
	errNotOpen = errors.New("no bundle is open")
	errMemory  = errors.New("pointer and length are not those of a buffer from nearside_alloc")
)

// request runs a call that has a document. Its buffer is used up, and cleared
// whatever comes of the call; also when nothing is open.
func request(ptr, n uint32, call func(doc []byte) ([]byte, error)) uint32 {
	return answer(func() ([]byte, error) {
		buffer := buffers[ptr]
		doc, err := take(ptr, n)
		if err != nil {
			return nil, err
		}
		defer keep(buffer)
		if open == nil {
			return nil, errNotOpen
		}
		return call(doc)
	})
}

// take uses up a buffer that alloc handed out.
func take(ptr, n uint32) ([]byte, error) {
	b, ok := buffers[ptr]
	if !ok || uint64(n) > uint64(len(b)) {
		return nil, errMemory
	}
	delete(buffers, ptr)
	return b[:n], nil
}

// answer runs a call and leaves its answer, or the sentence that says what is
// wrong, in result. A panic is a bug in here; it becomes a status, and the
// instance goes on.
func answer(call func() ([]byte, error)) (status uint32) {
	defer func() {
		if p := recover(); p != nil {
			status, result = uint32(abi.StatusInternal), []byte("internal error: "+sentence(p))
		}
	}()
	b, err := call()
	if err != nil {
		result = []byte(err.Error())
		return uint32(statusOf(err))
	}
	result = b
	return uint32(abi.StatusOK)
}

func sentence(p any) string {
	switch p := p.(type) {
	case error:
		return p.Error()
	case string:
		return p
	}
	return "a panic without words"
}

// statusOf is the one table from core's errors to the codes of the ABI.
func statusOf(err error) abi.Status {
	var syntax *trust.SyntaxError
	var partial *bundle.PartialError
	var bad *slate.RequestError
	var malformed *wire.Error
	switch {
	case errors.Is(err, errMemory):
		return abi.StatusMemory
	case errors.As(err, &bad) && bad.Limit:
		return abi.StatusLimit
	case errors.As(err, &bad):
		return abi.StatusRequest
	case errors.As(err, &syntax):
		return syntaxStatus(syntax.Document)
	case errors.As(err, &partial):
		return abi.StatusPartial
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status
		}
	}
	if errors.As(err, &malformed) { // of a request; a document's is a SyntaxError
		return abi.StatusRequest
	}
	return abi.StatusInternal
}

func syntaxStatus(d trust.Document) abi.Status {
	switch d {
	case trust.DocumentRoot:
		return abi.StatusRoot
	case trust.DocumentState:
		return abi.StatusState
	case trust.DocumentHead:
		return abi.StatusHead
	case trust.DocumentEnvelope:
		return abi.StatusEnvelope
	}
	return abi.StatusSyntax
}

var statuses = [...]struct {
	err    error
	status abi.Status
}{
	{errNotOpen, abi.StatusNotOpen},
	{trust.ErrSize, abi.StatusSize},
	{trust.ErrSignature, abi.StatusSignature},
	{trust.ErrThreshold, abi.StatusThreshold},
	{trust.ErrRootVersion, abi.StatusRootVersion},
	{trust.ErrRootExpired, abi.StatusRootExpired},
	{trust.ErrHeadExpired, abi.StatusHeadExpired},
	{trust.ErrChannel, abi.StatusChannel},
	{trust.ErrRollback, abi.StatusRollback},
	{trust.ErrReplaced, abi.StatusReplaced},
	{trust.ErrFastForward, abi.StatusFastForward},
	{trust.ErrMismatch, abi.StatusMismatch},
	{trust.ErrStopped, abi.StatusStopped},
	{trust.ErrLog, abi.StatusLog},
	{trust.ErrModule, abi.StatusModule},
	{trust.ErrExpired, abi.StatusExpired},
	{bundle.ErrVersion, abi.StatusVersion},
	{bundle.ErrHash, abi.StatusHash},
	{bundle.ErrLayout, abi.StatusLayout},
	{score.ErrGram, abi.StatusLayout},
	{score.ErrSequence, abi.StatusLayout},
	{slate.ErrKnownAnswer, abi.StatusKnownAnswer},
}
