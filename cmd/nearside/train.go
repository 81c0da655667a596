package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// logFlags say how a log is read and cleaned: for train and eval alike.
type logFlags struct {
	Events       string            `required:"" help:"Event log: CSV, TSV, JSONL, Parquet, MovieLens or lists of items; plain, .gz or .zst." placeholder:"FILE"`
	Format       string            `help:"Format of the log, when it is guessed wrong: csv, tsv, blanks, lists, colons, jsonl, parquet."`
	Columns      map[string]string `help:"Where columns are, by name or position from 1: user=who;item=3." placeholder:"COLUMN=NAME;…"`
	MinRating    float64           `help:"Drop events with a lower rating."`
	Lenient      bool              `help:"Skip and count malformed lines."`
	MinUserItems int               `default:"2" help:"Drop people with fewer items."`
	MinItemUsers int               `default:"5" help:"Drop items with fewer people: no item of the model stands for fewer."`
	MaxUserItems int               `default:"5000" help:"Drop people with more items: they are bots or shared accounts."`
}

// read returns the cleaned log and what was dropped on the way to it.
func (f logFlags) read(r run) (*data.Log, uint64, error) {
	log, read, err := data.ReadEvents(f.Events, data.Options{
		Format: data.Format(f.Format), Columns: f.Columns, MinRating: f.MinRating, Lenient: f.Lenient,
	})
	if err != nil {
		var line *data.LineError
		if errors.As(err, &line) {
			err = hinted{err, "--lenient skips such lines and counts them, --columns says where columns are"}
		}
		return nil, 0, err
	}
	fmt.Fprintln(r.stderr, read)
	clean, dropped := data.Clean(log, data.Cleaning{MinUserItems: f.MinUserItems, MinItemUsers: f.MinItemUsers, MaxUserItems: f.MaxUserItems})
	fmt.Fprintln(r.stderr, dropped)
	if clean.Len() == 0 {
		return nil, 0, hinted{fmt.Errorf("%s: cleaning left no events", f.Events), "lower --min-item-users or --min-user-items"}
	}
	return clean, uint64(read.Rows - read.Kept + dropped.Rows - dropped.Kept), nil
}

// modelFlags say what to learn: for train, eval and demo alike.
type modelFlags struct {
	Model      string  `default:"ials" enum:"ials,ease,popular" help:"What to learn: ials, ease or popular."`
	Seed       uint64  `default:"1" help:"Seed of the first factors."`
	Workers    int     `help:"Goroutines; never changes the model. One per processor when 0."`
	Dim        int     `default:"64" help:"ials: factors per item."`
	Epochs     int     `default:"15" help:"ials: passes."`
	Reg        float32 `default:"0.003" help:"ials: regularisation."`
	Alpha      float32 `default:"0.1" help:"ials: weight of a pair that was not observed."`
	Lambda     float64 `default:"500" help:"ease: regularisation."`
	Neighbours int     `default:"200" help:"ease: weights kept per item; 0 keeps all."`
}

func (f modelFlags) config() train.Config {
	return train.Config{
		Algorithm: train.Algorithm(f.Model), Seed: f.Seed, Workers: f.Workers, Dim: f.Dim, Epochs: f.Epochs,
		Reg: f.Reg, Alpha: f.Alpha, Lambda: f.Lambda, Neighbours: f.Neighbours,
	}
}

type trainVerb struct {
	logFlags
	modelFlags
	Items  string `help:"Catalogue: ids and titles, tags, authors, …" placeholder:"FILE"`
	Out    string `default:"model.nsm" help:"Where the model goes." placeholder:"FILE"`
	Resume bool   `help:"Continue an interrupted training; ends with the same bytes."`
}

func (v trainVerb) Run(r run) error {
	log, dropped, err := v.read(r)
	if err != nil {
		return err
	}
	var items []data.Item
	if v.Items != "" {
		var report data.Report
		if items, report, err = data.ReadItems(v.Items, data.Options{Lenient: v.Lenient}); err != nil {
			return err
		}
		fmt.Fprintln(r.stderr, report)
	}
	start := time.Now()
	config := v.config()
	config.Progress, config.Checkpoint, config.Resume = progress(r.stderr), v.Out+".checkpoint", v.Resume
	m, err := train.Train(r.ctx, log.Matrix(), config)
	if errors.Is(err, context.Canceled) {
		return hinted{err, "the same command with --resume goes on from " + config.Checkpoint}
	}
	if err != nil {
		return err
	}
	complete(m, log, items, dropped)
	if err := m.Save(v.Out); err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "%s: %s, %d items, %d people, %d pairs, %.1f s\n",
		v.Out, m.Algorithm, len(m.Items), m.Label.Users, m.Label.Events, time.Since(start).Seconds())
	return nil
}

// complete adds what only the log and the catalogue know.
func complete(m *train.Model, log *data.Log, items []data.Item, dropped uint64) {
	known := make(map[string]data.Item, len(items))
	for _, it := range items {
		known[it.ID] = it
	}
	m.Items = make([]data.Item, log.Items.Len())
	for i := range m.Items {
		id := log.Items.ID(int32(i))
		m.Items[i] = known[id]
		m.Items[i].ID = id
	}
	m.Label.Dropped, m.Label.Digest = dropped, log.Digest()
}
