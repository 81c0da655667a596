package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// serves runs a command that serves until it answers, asks it for one item,
// writes the answer to a file, and interrupts the command, which must end with
// 0.
func serves(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: serves answer.json command [arg...]")
	}
	program := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, args[1]); program == "" {
			if _, err := os.Stat(path); err == nil {
				program = path
			}
		}
	}
	cmd := exec.Command(program, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+ts.Getenv("XDG_CACHE_HOME"))
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	url := regexp.MustCompile(`http://[0-9.:]+/v1/recommend`).FindString(line)
	if err == nil && url != "" {
		err = os.WriteFile(ts.MkAbs(args[0]), askUntilAnswered(url), 0o644)
	}
	ts.Check(cmd.Process.Signal(os.Interrupt))
	if waited := cmd.Wait(); waited != nil || err != nil || url == "" {
		ts.Fatalf("%q, then %v, %v: %s", line, err, waited, &complaints)
	}
	ts.Logf("%s%s", line, &complaints)
}

// askUntilAnswered returns the first answer that is no refusal, or the last
// refusal.
func askUntilAnswered(url string) (answer []byte) {
	for range 10_000 { // 10 s and more
		res, err := http.Post(url, "application/json", strings.NewReader(`{"k":1}`))
		if err != nil {
			return []byte(err.Error())
		}
		answer, err = io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode == http.StatusOK {
			return answer
		}
		time.Sleep(time.Millisecond)
	}
	return answer
}
