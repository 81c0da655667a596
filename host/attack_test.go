package host

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/wasm/abi"
)

// malformed is what the module says of documents that break SPEC.md.
var malformed = map[trust.Document]abi.Status{
	trust.DocumentRoot: abi.StatusRoot, trust.DocumentHead: abi.StatusHead, trust.DocumentState: abi.StatusState,
	trust.DocumentEnvelope: abi.StatusEnvelope, trust.DocumentSignatures: abi.StatusSyntax,
	trust.DocumentManifest: abi.StatusSyntax, trust.DocumentFrame: abi.StatusSyntax,
}

// verdict is the status that an attack must end with.
func verdict(t *testing.T, want error) abi.Status {
	t.Helper()
	if want == nil {
		return abi.StatusOK
	}
	if want == channeltest.Request {
		return abi.StatusRequest
	}
	if syntax, ok := want.(*trust.SyntaxError); ok {
		return malformed[syntax.Document]
	}
	if _, ok := want.(*trust.LogError); ok {
		return abi.StatusLog
	}
	for status, sentinel := range sentinels {
		if sentinel == want {
			return status
		}
	}
	t.Fatalf("no status for %v", want)
	return abi.StatusInternal
}

// TestAttacks has the module meet every attack that model/pack has native core
// meet: with the same verdict, and the same state wherever one is reached.
func TestAttacks(t *testing.T) {
	root, file := world(t, "popular")
	list, _ := channeltest.Attacks()
	for _, interpreter := range []bool{false, true} {
		m := module{bare(t, open(t, root, file, interpreter, 1)), map[string]answer{}}
		for i, a := range list {
			// The interpreter takes a tenth of a second for a signature.
			if interpreter && os.Getenv("NEARSIDE_NIGHTLY") == "" && i%7 != 0 {
				continue
			}
			anchor := a.Anchor
			for j, c := range a.Calls {
				want := abi.StatusOK
				if j == len(a.Calls)-1 {
					want = verdict(t, a.Want)
				}
				state, status := m.do(anchor, c)
				if status != want {
					t.Fatalf("%s, interpreter %v, call %d: got %v, want %v", a.Name, interpreter, j, status, want)
				}
				if native, _, _ := c.Do(anchor); !bytes.Equal(state, native) {
					t.Fatalf("%s, interpreter %v, call %d: another state than native core's", a.Name, interpreter, j)
				}
				anchor = state
			}
		}
	}
}

// module makes calls, and remembers what following came to: the same request
// has the same answer.
type module struct {
	raw
	known map[string]answer
}

type answer struct {
	state  []byte
	status abi.Status
}

func (m module) do(anchor []byte, c channeltest.Call) (state []byte, status abi.Status) {
	m.t.Helper()
	ctx := context.Background()
	if c.Bundle != nil {
		err := m.g.open(ctx, anchor, c.Bundle, c.Now)
		return m.g.state, statusOf(m.t, err)
	}
	request := bundle.AppendFollow(nil, anchor, channeltest.Name, c.Followed, c.Now)
	if known, ok := m.known[string(request)]; ok {
		return known.state, known.status
	}
	doc, err := m.g.follow(ctx, request)
	a := answer{status: statusOf(m.t, err)}
	if err == nil {
		step, err := bundle.ParseStep(doc)
		if err != nil {
			m.t.Fatal(err)
		}
		a.state = step.State.Append(nil)
	}
	m.known[string(request)] = a
	return a.state, a.status
}
