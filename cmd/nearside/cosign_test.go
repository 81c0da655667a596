package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/publish"
	"github.com/nearside/nearside/model/publish/translog"
)

// witnessServer is a witness on the web, as C2SP's tlog-witness has it.
func witnessServer(t *testing.T, w *translog.Witness, asked *int) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		*asked++
		if r.Method != http.MethodPost || r.URL.Path != "/w/add-checkpoint" {
			http.NotFound(answer, r)
			return
		}
		body := bufio.NewReader(r.Body)
		first, _ := body.ReadString('\n')
		var old, seen uint64
		if _, err := fmt.Sscanf(first, "old %d\n", &old); err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		if w.Seen != nil {
			c, err := tlog.ParseCheckpoint(w.Seen)
			if err != nil {
				t.Error(err)
			}
			seen = c.Size
		}
		if old != seen {
			answer.WriteHeader(http.StatusConflict)
			fmt.Fprintf(answer, "%d\n", seen)
			return
		}
		var path [][32]byte
		for {
			line, err := body.ReadString('\n')
			if line == "\n" || err != nil {
				break
			}
			hash, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
			if err != nil || len(hash) != 32 {
				t.Errorf("line %q: %v", line, err)
				break
			}
			path = append(path, [32]byte(hash))
		}
		checkpoint, _ := io.ReadAll(body)
		line, err := w.Cosign(checkpoint, path, 1)
		if err != nil {
			http.Error(answer, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		answer.Write(line)
	}))
}

func TestWitnessesAreAskedOverTheWeb(t *testing.T) {
	newSigner := func(name string) *translog.Signer {
		secret, _, err := translog.NewKey(name, tlog.MLDSA44Cosignature)
		if err != nil {
			t.Fatal(err)
		}
		s, err := translog.ParseSigner(secret)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	log := newSigner("example.org/log")
	store := publish.Dir(t.TempDir())
	if err := publish.BeginLog(t.Context(), store, log); err != nil {
		t.Fatal(err)
	}
	w := &translog.Witness{Signer: newSigner("eve"), Log: log.Key}
	asked := 0
	server := witnessServer(t, w, &asked)
	defer server.Close()
	inLog := logFolder{store}
	ask := func(url string) ([]byte, error) {
		checkpoint, err := inLog.Get(t.Context(), "checkpoint")
		if err != nil {
			t.Fatal(err)
		}
		return cosigners{Witness: []string{url}}.ask(t.Context(), checkpoint, func(from uint64) ([][32]byte, error) {
			return translog.ProveConsistency(t.Context(), inLog, from)
		})
	}
	for i, want := range []int{1, 3, 5} { // a first time there is nothing to ask about
		for n := range i + 1 {
			if _, err := translog.Append(t.Context(), inLog, log, fmt.Appendf(nil, "%d.%d", i, n)); err != nil {
				t.Fatal(err)
			}
		}
		lines, err := ask(server.URL + "/w/")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := translog.AddCosignatures(t.Context(), inLog, lines, w.Signer.Key); err != nil {
			t.Error(err)
		}
		if asked != want {
			t.Errorf("asked %d times, want %d", asked, want)
		}
	}
	if _, err := ask(server.URL); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("no witness: %v", err)
	}
	w.Log = w.Signer.Key // it knows another log
	if _, err := ask(server.URL + "/w"); err == nil || !strings.Contains(err.Error(), "422") && !strings.Contains(err.Error(), "409") {
		t.Errorf("a refusal: %v", err)
	}
}

// logFolder is the log of a channel.
type logFolder struct{ publish.Store }

func (l logFolder) under(name string) string { return publish.LogFolder + name }

func (l logFolder) Get(ctx context.Context, name string) ([]byte, error) {
	return l.Store.Get(ctx, l.under(name))
}

func (l logFolder) Put(ctx context.Context, name string, body []byte) error {
	return l.Store.Put(ctx, l.under(name), body)
}
