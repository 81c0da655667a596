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
	Source  source           `embed:""`
	Learner learner          `embed:""`
	Model   *train.Algorithm `enum:"${algorithms}" help:"What to learn: ${enum}; see nearside models. By default what --from was learnt with, or else auto, and content where there are no --events."`
	From    string           `placeholder:"FILE" help:"Yesterday's model, to go on from: its items keep their indices, and what it learnt is not learnt again. --events and --items have everything, old and new."`
	Out     string           `default:"model.nsm" placeholder:"FILE" help:"Where the model goes."`
	Resume  bool             `help:"Go on from where an interrupted training stopped."`

	contentFlags
}

func (c *trainCmd) Run(ctx context.Context) error {
	from, err := c.from()
	if err != nil {
		return err
	}
	algorithm := train.Auto
	switch {
	case c.Model != nil:
		algorithm = *c.Model
	case from != nil:
		algorithm = from.Algorithm
	case c.Source.Events == "" && (c.Source.Items != "" || c.ItemVectors != ""):
		algorithm = train.Content
	}
	configs, err := c.Learner.configs(algorithm)
	if err != nil {
		return err
	}
	d, err := c.Source.read(c.contentFlags, algorithm.Alone())
	if err != nil {
		return err
	}
	if from != nil {
		d.follow(from)
	}
	cfg := configs[0]
	cfg.From = from
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
	if from != nil {
		printRefit(from, m)
	}
	fmt.Printf("%s: %s, %d items, %s\n", c.Out, m.Algorithm, len(m.Items), behind(m))
	return nil
}

// from reads the model to go on from; nil: there is none.
func (c *trainCmd) from() (*train.Model, error) {
	if c.From == "" {
		return nil, nil
	}
	return train.Read(c.From)
}

// printRefit says what became of the items of the model that m goes on from.
func printRefit(from, m *train.Model) {
	gone := 0
	for i := range from.Items {
		if m.Count[i] == 0 && from.Count[i] > 0 {
			gone++
		}
	}
	fmt.Fprintf(os.Stderr, "went on from %d items: %d are new, %d have too few people now\n",
		len(from.Items), len(m.Items)-len(from.Items), gone)
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
