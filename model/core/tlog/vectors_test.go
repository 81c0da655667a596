package tlog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nearside/nearside/model/core/tlog"
)

// TestVectors runs testdata/tlog, which model/publish/translog writes and every
// implementation can run.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/tlog/*.json")
	if err != nil || len(files) != 6 {
		t.Fatalf("got the files %q, %v; want one for each of 6 verdicts", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []struct {
			Name, Log, Proof, Verdict string
			Witnesses                 []string
			Quorum                    int
			Entry                     []byte
			Index, Size               uint64
			Counted                   []int
		}
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(list) == 0 {
			t.Errorf("%s: nothing in it", file)
		}
		for _, v := range list {
			if filepath.Base(file) != v.Verdict+".json" {
				t.Errorf("%s: %s: a verdict of another file, %s", file, v.Name, v.Verdict)
			}
			p := tlog.Policy{Log: mustParse(t, v.Log), Quorum: v.Quorum}
			for _, w := range v.Witnesses {
				p.Witnesses = append(p.Witnesses, mustParse(t, w))
			}
			in, err := p.Verify([]byte(v.Proof), v.Entry)
			var syntax *tlog.SyntaxError
			got := "accepted"
			switch {
			case errors.Is(err, tlog.ErrPolicy):
				got = "policy"
			case errors.As(err, &syntax):
				got = "syntax"
			case errors.Is(err, tlog.ErrLog):
				got = "log"
			case errors.Is(err, tlog.ErrWitnesses):
				got = "witnesses"
			case errors.Is(err, tlog.ErrEntry):
				got = "entry"
			case err != nil:
				got = err.Error()
			}
			if want := (tlog.Inclusion{Index: v.Index, Size: v.Size, Witnesses: v.Counted}); got != v.Verdict || fmt.Sprint(in) != fmt.Sprint(want) {
				t.Errorf("%s: %s: got %s, %v; want %s, %v", file, v.Name, got, in, v.Verdict, want)
			}
		}
	}
}

func mustParse(t *testing.T, vkey string) tlog.Key {
	t.Helper()
	k, err := tlog.ParseKey(vkey)
	if err != nil {
		t.Fatalf("%s: %v", vkey, err)
	}
	return k
}
