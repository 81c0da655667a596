package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/wasm"
)

// TestAttacksInV8 has the module in Node meet every attack that model/pack has
// native core meet: with the same answers, and the same sentences.
func TestAttacksInV8(t *testing.T) {
	binary, err := wasm.Module()
	if errors.Is(err, wasm.ErrNotBuilt) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	type call struct {
		Name    string  `json:"name"`
		Request []byte  `json:"request,omitempty"` // to follow; else a bundle is opened
		Anchor  []byte  `json:"anchor,omitempty"`
		Bundle  []byte  `json:"bundle,omitempty"`
		Now     int64   `json:"now"`
		Answer  []byte  `json:"answer"`
		Refused *string `json:"refused,omitempty"` // nil: it is not
	}
	var calls []call
	asked := map[string]bool{}
	list, _ := channeltest.Attacks()
	for _, a := range list {
		anchor := a.Anchor
		for _, c := range a.Calls {
			out := call{Name: a.Name, Now: c.Now}
			if c.Bundle != nil {
				out.Anchor, out.Bundle = anchor, c.Bundle
			} else {
				out.Request = bundle.AppendFollow(nil, anchor, channeltest.Name, c.Followed, c.Now)
			}
			state, step, err := c.Do(anchor)
			switch {
			case err != nil:
				sentence := err.Error()
				out.Refused = &sentence
			case c.Bundle != nil:
				out.Answer = state
			default:
				out.Answer = step.Append(nil)
			}
			if key := fmt.Sprint(c.Now) + string(out.Request) + string(out.Anchor) + string(out.Bundle); !asked[key] {
				asked[key] = true
				calls = append(calls, out)
			}
			anchor = state
		}
	}
	text, err := json.Marshal(calls)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	module, file := filepath.Join(dir, "nearside.wasm"), filepath.Join(dir, "calls.json")
	if err := errors.Join(os.WriteFile(module, binary, 0o666), os.WriteFile(file, text, 0o666)); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node: ", err)
	}
	if out, err := exec.Command("node", "testdata/attacks.mjs", module, file).CombinedOutput(); err != nil {
		t.Errorf("of %d calls: %v\n%s", len(calls), err, out)
	}
	t.Logf("%d calls", len(calls))
}
