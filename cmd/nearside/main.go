// Command nearside trains, packs, checks and serves private recommendations.
// Each verb is one file: flags in, one library call, print.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/wasm"
)

// The voice of the command: errors go to stderr as "nearside: error: …", no
// capitals, no full stops, followed by "nearside: hint: …" where there is a next
// step. Exit 0 for success, 1 for failure, 2 for misuse, 130 when interrupted.

var cli struct {
	Train     trainVerb     `cmd:"" help:"Learn a model from an event log."`
	Eval      evalVerb      `cmd:"" help:"Judge a model by full ranking: float, native integers, or the shipped module."`
	Keygen    keygenVerb    `cmd:"" help:"Make a signing key, and the root that devices trust it by."`
	Pack      packVerb      `cmd:"" help:"Turn a model into a signed bundle."`
	Verify    verifyVerb    `cmd:"" help:"Check a bundle as a device does."`
	Inspect   inspectVerb   `cmd:"" help:"Show what a bundle says about itself, verified or not."`
	Recommend recommendVerb `cmd:"" help:"Recommend from a history."`
	Serve     serveVerb     `cmd:"" help:"Serve a bundle: the demo page and the edge interface."`
	Demo      demoVerb      `cmd:"" help:"Train, pack, sign and serve, in one go."`
}

// run is what every verb is given.
type run struct {
	ctx            context.Context
	stdout, stderr io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(doMain(run{ctx, os.Stdout, os.Stderr}, os.Args[1:]))
}

func doMain(r run, args []string) (code int) {
	exited := -1
	parser, err := kong.New(&cli, kong.Name("nearside"), kong.Description("Private recommendation: learnt on a server, chosen where the person is."),
		kong.Writers(r.stdout, r.stderr), kong.Exit(func(code int) { exited = code }), kong.UsageOnError())
	if err != nil {
		panic("nearside: internal error: " + err.Error())
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help has printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(r.stderr, "nearside: error: %v\nnearside: hint: nearside --help lists the verbs, nearside VERB --help their flags\n", err)
		return 2
	}
	if err := command.Run(r); err != nil {
		fmt.Fprintf(r.stderr, "nearside: error: %v\n", err)
		if hint := hintFor(err); hint != "" {
			fmt.Fprintf(r.stderr, "nearside: hint: %s\n", hint)
		}
		if errors.Is(err, context.Canceled) {
			return 130
		}
		return 1
	}
	return 0
}

// hinted is an error with a next step.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func hintFor(err error) string {
	var h hinted
	switch {
	case errors.As(err, &h):
		return h.hint
	case errors.Is(err, bundle.ErrSignature):
		return "is this the root of the publisher who packed the bundle?"
	case errors.Is(err, bundle.ErrExpired):
		return "pack it again, or look at its dates with nearside inspect"
	case errors.Is(err, wasm.ErrNotBuilt):
		return "make wasm builds the module"
	case errors.Is(err, fs.ErrNotExist):
		return "is the path right?"
	}
	return ""
}

// writeFile replaces path: a crash leaves the old file or the new one.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
