package main

import (
	"context"
	"fmt"
	"os"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

type importCmd struct {
	Factors string  `arg:"" placeholder:"FILE" help:"Item factors: .npy, .npz, safetensors or Parquet, or a folder as Spark saves an ALS model."`
	Source  source  `embed:""`
	Learner learner `embed:""`
	Out     string  `default:"model.nsm" placeholder:"FILE" help:"Where the model goes."`
}

func (c *importCmd) Run(ctx context.Context) error {
	configs, err := c.Learner.configs(train.Imported)
	if err != nil {
		return err
	}
	vectors, err := c.Source.readVectors(c.Factors)
	if err != nil {
		return err
	}
	d, err := c.dataset(vectors)
	if err != nil {
		return err
	}
	m, err := d.learn(ctx, d.log, configs[0])
	if err != nil {
		return err
	}
	if err := m.Save(c.Out); err != nil {
		return err
	}
	fmt.Printf("%s: %s, %d items of %d factors, %s\n", c.Out, m.Algorithm, len(m.Items), m.Dim, behind(m))
	return nil
}

// dataset returns the items that have factors, and what people did with them.
// With a log, an item of fewer people than --min-item-users is left out: its
// factors say what those few did.
func (c *importCmd) dataset(vectors *data.Vectors) (*dataset, error) {
	s, err := c.Source.find()
	if err != nil {
		return nil, err
	}
	catalogue, err := s.readItems()
	if err != nil {
		return nil, err
	}
	items := known(&vectors.IDs, catalogue)
	if s.Events == "" {
		fmt.Fprintln(os.Stderr, "no --events: all items count alike, and the label cannot say how many people are behind one")
		d := &dataset{log: &data.Log{}, vectors: vectors}
		d.addNew(items)
		return d, nil
	}
	log, dropped, err := s.readEvents()
	if err != nil {
		return nil, err
	}
	log, unknown := data.Only(log, &vectors.IDs)
	if unknown > 0 {
		fmt.Fprintf(os.Stderr, "%d events are on items without factors\n", unknown)
	}
	d, err := clean(log, items, s.cleaning())
	if err != nil {
		return nil, err
	}
	d.vectors, d.dropped = vectors, d.dropped+dropped+unknown
	if few := vectors.Len() - len(d.items); s.MinItemUsers <= 0 {
		d.addNew(items)
	} else if few > 0 {
		fmt.Fprintf(os.Stderr, "%d items with factors left out: fewer than %d people (--min-item-users)\n", few, s.MinItemUsers)
	}
	return d, nil
}
