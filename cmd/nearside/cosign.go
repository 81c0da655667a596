package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/publish"
	"github.com/nearside/nearside/model/publish/translog"
)

type cosignCmd struct {
	Channel string `arg:"" placeholder:"DIR|URL" help:"Where the channel lies: its web address, a folder or a bucket."`
	Key     string `required:"" placeholder:"NAME.key" help:"Secret key that keygen --witness made."`
	Log     string `required:"" placeholder:"NAME.pub" help:"Public key of the log."`
	State   string `required:"" placeholder:"FILE" help:"The checkpoint that was signed last, kept from run to run: a witness that forgets it is none."`
	Out     string `required:"" placeholder:"FILE" help:"Where the line goes that publish --cosignature takes."`

	secretFlags
}

func (c *cosignCmd) Run(ctx context.Context) error {
	log, err := verifierKey(c.Log)
	if err != nil {
		return err
	}
	from, closeReader, err := openReader(ctx, c.Channel)
	if err != nil {
		return err
	}
	defer closeReader()
	w := translog.Witness{Log: log}
	if w.Seen, err = os.ReadFile(c.State); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	seen := uint64(0)
	if w.Seen != nil {
		before, err := tlog.ParseCheckpoint(w.Seen)
		if err != nil {
			return fmt.Errorf("%s: %w", c.State, err)
		}
		seen = before.Size
	}
	checkpoint, err := from.Get(ctx, publish.LogFolder+"checkpoint")
	if err != nil {
		return fmt.Errorf("%s: %w", c.Channel, err)
	}
	head, err := tlog.ParseCheckpoint(checkpoint)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Channel, err)
	}
	path, err := translog.ProveConsistency(ctx, publish.LogOf(from), seen)
	if err != nil {
		return err
	}
	fmt.Printf("log %s, %d entries, of which %d were seen before\n", head.Origin, head.Size, seen)
	if w.Signer, err = c.logSigner(c.Key); err != nil {
		return err
	}
	line, err := w.Cosign(checkpoint, path, uint64(time.Now().Unix()))
	if err != nil {
		return err
	}
	if err := writeFile(c.State, w.Seen); err != nil { // before the line leaves
		return err
	}
	if err := writeFile(c.Out, line); err != nil {
		return err
	}
	fmt.Printf("%s: seen by %s\n", c.Out, w.Signer.Key.Name)
	return nil
}

// cosigners are the flags that say where lines of witnesses come from.
type cosigners struct {
	Cosignature []string `placeholder:"FILE,…" help:"Lines of witnesses, as nearside cosign writes them."`
	Witness     []string `placeholder:"URL,…" help:"Witnesses to ask over the web (C2SP tlog-witness)."`
}

// ask collects lines under a checkpoint.
func (c cosigners) ask(ctx context.Context, checkpoint []byte, consistency func(uint64) ([][32]byte, error)) (lines []byte, err error) {
	for _, path := range c.Cosignature {
		line, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line...)
	}
	for _, url := range c.Witness {
		line, err := askWitness(ctx, url, checkpoint, consistency)
		if err != nil {
			return nil, fmt.Errorf("witness %s: %w", url, err)
		}
		lines = append(lines, line...)
	}
	return lines, nil
}

// askWitness adds a checkpoint to a witness and returns its lines. The first try
// says that nothing was seen before; the answer is how much was.
func askWitness(ctx context.Context, url string, checkpoint []byte, consistency func(uint64) ([][32]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	old := uint64(0)
	for try := 0; ; try++ {
		path, err := consistency(old)
		if err != nil {
			return nil, err
		}
		body := fmt.Appendf(nil, "old %d\n", old)
		for _, hash := range path {
			body = append(base64.StdEncoding.AppendEncode(body, hash[:]), '\n')
		}
		body = append(append(body, '\n'), checkpoint...)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+"/add-checkpoint", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		status, answer, err := post(r)
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusOK:
			return answer, nil
		case status != http.StatusConflict || try > 0:
			return nil, fmt.Errorf("status %d: %.200q", status, answer)
		}
		if old, err = strconv.ParseUint(strings.TrimSpace(string(answer)), 10, 63); err != nil {
			return nil, fmt.Errorf("status %d: %.200q: want how many entries it has seen", status, answer)
		}
	}
}

// post sends a request and reads the answer, which has at most as many bytes as a
// proof.
func post(r *http.Request) (status int, answer []byte, err error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, tlog.MaxBytes))
	return response.StatusCode, answer, err
}
