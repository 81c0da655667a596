// Command nearside learns a recommender from an event log, packs it into one
// signed file, and judges, serves and shows what is in that file.
//
// Every verb has a file of its own here: flags in, a library call, print.
// Results go to standard output, progress and errors to standard error. The
// exit code is 0, 1 for a failure, 2 for misuse, 3 for an audit in which nothing
// fails but not everything could be run, and 130 after an interrupt.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/nearside/nearside/model/train"
)

type cli struct {
	Train      trainCmd      `cmd:"" help:"Learn a model from an event log."`
	Import     importCmd     `cmd:"" help:"Make a model of item factors that were learnt elsewhere."`
	Keygen     keygenCmd     `cmd:"" help:"Make a publisher's key."`
	Root       rootCmd       `cmd:"" help:"Make the first root: whose signatures devices believe, and how many it takes."`
	Rotate     rotateCmd     `cmd:"" help:"Make the next root, with other keys."`
	Threshold  thresholdCmd  `cmd:"" help:"Make the next root, in which more or fewer keys must sign."`
	Pack       packCmd       `cmd:"" help:"Pack a model into a bundle."`
	Sign       signCmd       `cmd:"" help:"Print what a bundle, root or head says, and add a signature to it."`
	Publish    publishCmd    `cmd:"" help:"Put up a bundle or a root where devices follow it."`
	Log        logCmd        `cmd:"" help:"Begin a channel's transparency log."`
	Cosign     cosignCmd     `cmd:"" help:"Witness that a channel's log goes on from what was seen of it."`
	Verify     verifyCmd     `cmd:"" help:"Check everything a device would check of a bundle or a channel."`
	Audit      auditCmd      `cmd:"" help:"Establish what a bundle and its module promise, and write a report."`
	Inspect    inspectCmd    `cmd:"" help:"Print what a bundle, root, head, key or state says of itself, verifying nothing."`
	Recommend  recommendCmd  `cmd:"" help:"Recommend for one history."`
	Eval       evalCmd       `cmd:"" help:"Judge models on held-out events."`
	Tune       tuneCmd       `cmd:"" help:"Search for the numbers that a model is learnt best with."`
	Models     modelsCmd     `cmd:"" help:"List the models and the numbers that each can be learnt with."`
	Serve      serveCmd      `cmd:"" help:"Serve a bundle, or the newest of a channel: the edge interface and, of a bundle, the demo page."`
	Sdk        sdkCmd        `cmd:"" help:"Write what a page needs into a folder of a site: the JavaScript SDK and the module."`
	Fetch      fetchCmd      `cmd:"" help:"Bring the last good bundle of a channel up to date."`
	Demo       demoCmd       `cmd:"" help:"Train, pack, sign and serve a page to try it."`
	Monitor    monitorCmd    `cmd:"" help:"List every release that a channel's log has, and hold the channel to it."`
	Version    versionCmd    `cmd:"" help:"Print versions."`
	Completion completionCmd `cmd:"" help:"Print a completion script for a shell."`
}

func main() { os.Exit(run(os.Args[1:])) }

// run is main without the exit.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt kills at once

	parser := kong.Must(&cli{},
		kong.Name("nearside"),
		kong.Description("Private recommendations: learnt on a server, chosen on the person's own device."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"algorithms": algorithms()},
		kong.BindTo(ctx, (*context.Context)(nil)))
	verb, err := parser.Parse(args)
	if err != nil {
		help := "nearside --help"
		if verb := verbOf(parser, args); verb != "" {
			help = "nearside " + verb + " --help"
		}
		return report(&usageError{err: err, hint: help + " lists what it takes"})
	}
	if err := verb.Run(); err != nil {
		return report(err)
	}
	return 0
}

// algorithms lists what train can learn, for a flag's enum.
func algorithms() string {
	var list []string
	for _, a := range train.Algorithms() {
		list = append(list, string(a))
	}
	return strings.Join(list, ",")
}

// verbOf returns the first argument if it is a verb, else "".
func verbOf(parser *kong.Kong, args []string) string {
	for _, verb := range parser.Model.Children {
		if len(args) > 0 && args[0] == verb.Name {
			return verb.Name
		}
	}
	return ""
}

// report prints err and what to do about it, and returns the exit code.
func report(err error) int {
	fmt.Fprintf(os.Stderr, "nearside: error: %v\n", err)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(os.Stderr, "nearside: hint: %s\n", hint)
	}
	return exitCode(err)
}
