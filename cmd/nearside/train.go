package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/nearside/nearside/model/train"
)

type trainCmd struct {
	Source  source          `embed:""`
	Learner learner         `embed:""`
	Model   train.Algorithm `enum:"${algorithms}" default:"auto" help:"What to learn: ${enum}; see nearside models."`
	Out     string          `default:"model.nsm" placeholder:"FILE" help:"Where the model goes."`
	Resume  bool            `help:"Go on from where an interrupted training stopped."`
}

func (c *trainCmd) Run(ctx context.Context) error {
	configs, err := c.Learner.configs(c.Model)
	if err != nil {
		return err
	}
	d, err := c.Source.read()
	if err != nil {
		return err
	}
	cfg := configs[0]
	cfg.Checkpoint = c.Out + ".checkpoint"
	cfg.Resume = c.Resume
	m, err := d.learn(ctx, d.log, cfg)
	if errors.Is(err, context.Canceled) {
		return interrupted(cfg.Checkpoint, err)
	}
	if err != nil {
		return err
	}
	if err := m.Save(c.Out); err != nil {
		return err
	}
	printGains(m.Gains)
	fmt.Printf("%s: %s, %d items, learnt from %d people, at least %d behind each item\n",
		c.Out, m.Algorithm, len(m.Items), m.Label.Users, m.Label.MinItemUsers)
	return nil
}

// printGains says what each part of a model adds, on cases that it was not
// learnt from.
func printGains(gains []train.Gain) {
	if len(gains) == 0 || gains[0].Cases == 0 {
		return
	}
	fmt.Fprintf(os.Stderr, "what each part adds, on %d held-out cases:\n", gains[0].Cases)
	w := tabwriter.NewWriter(os.Stderr, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  part\tNDCG@20\thits@20")
	for _, g := range gains {
		fmt.Fprintf(w, "  %s\t%.4f\t%.4f\n", g.Part, g.NDCG, g.Hit)
	}
	w.Flush() // to standard error, like the progress bar: nothing depends on it
}

// interrupted says how to go on after an interrupt, if there is a checkpoint
// to go on from.
func interrupted(checkpoint string, err error) error {
	if _, statErr := os.Stat(checkpoint); statErr != nil {
		return &interruptedError{err: err, hint: "no pass was finished: begin again"}
	}
	return &interruptedError{
		err:  fmt.Errorf("%w; finished passes are in %q", err, checkpoint),
		hint: "to go on: " + thisCommand("--resume"),
	}
}

// thisCommand returns what to type to run this command again, with flags that
// it may not have yet.
func thisCommand(flags ...string) string {
	command := slices.Clone(os.Args)
	command[0] = "nearside"
	for _, flag := range flags {
		if !slices.Contains(command, flag) {
			command = append(command, flag)
		}
	}
	for i, word := range command {
		command[i] = shellWord(word)
	}
	return strings.Join(command, " ")
}

// shellWord quotes s for a POSIX shell where that is needed.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./=,:@%+", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
