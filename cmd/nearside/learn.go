package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// source holds the flags that say what to learn from.
type source struct {
	Events       string            `placeholder:"FILE" help:"Event log, or a folder that holds one under a known name."`
	Items        string            `placeholder:"FILE" help:"Catalogue: titles, tags and the like."`
	Format       string            `placeholder:"NAME" help:"Format of the event log, when it is not guessed: csv, tsv, blanks, lists, sessions, colons, jsonl, parquet."`
	Columns      map[string]string `mapsep:"," placeholder:"user=NAME,…" help:"Columns of the event log: name, position from 1, or nothing to leave it out."`
	ItemColumns  map[string]string `mapsep:"," placeholder:"id=NAME,…" help:"Columns of the catalogue."`
	Lenient      bool              `help:"Skip malformed lines, up to 1000."`
	MinRating    float64           `placeholder:"R" help:"Drop events with a lower rating."`
	MinUserItems int               `default:"2" help:"Fewest items of a user; one says nothing about which go together."`
	MinItemUsers int               `default:"5" help:"Fewest users of an item: no item of the model stands for fewer people."`
	MaxUserItems int               `default:"5000" help:"Most items of a user, more is no person; 0 is no limit."`
	KeepRepeats  bool              `help:"Keep every event of a user with an item, not only the first: for models of sequences."`

	vectorFlags
}

// learner holds the flags that say how to learn.
type learner struct {
	Set     map[string]float64 `mapsep:"," placeholder:"NAME=VALUE,…" help:"Numbers to learn with; nearside models lists each model's."`
	Seed    uint64             `help:"Seed of everything random."`
	Workers int                `placeholder:"N" help:"Goroutines, by default one per processor. Never changes the model."`
}

// configs returns a configuration for each algorithm, with those of the numbers
// that it takes. One that none of them takes is misuse.
func (l learner) configs(algorithms ...train.Algorithm) ([]train.Config, error) {
	taken := map[string]bool{}
	list := make([]train.Config, len(algorithms))
	for k, a := range algorithms {
		list[k] = train.Config{Algorithm: a, Params: train.Params{}, Seed: l.Seed, Workers: l.Workers}
		for _, p := range a.Parameters() {
			if v, ok := l.Set[p.Name]; ok {
				list[k].Params[p.Name], taken[p.Name] = v, true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Set)) {
		if !taken[name] {
			return nil, &usageError{
				err:  fmt.Errorf("--set %s: no such number of %v", name, algorithms),
				hint: "nearside models lists each model's",
			}
		}
	}
	return list, nil
}

// vectorFlags say how a file of vectors is read.
type vectorFlags struct {
	VectorIDs     string            `name:"vector-ids" placeholder:"FILE" help:"Ids of the vectors, one a line; without it the file's own, or row numbers from 0."`
	VectorTensor  string            `placeholder:"NAME" help:"The matrix to read where a file has several."`
	VectorColumns map[string]string `mapsep:"," placeholder:"id=NAME,…" help:"Columns id and vector of a Parquet file."`
}

func (f vectorFlags) readVectors(path string) (*data.Vectors, error) {
	v, err := data.ReadVectors(path, data.VectorOptions{IDs: f.VectorIDs, Tensor: f.VectorTensor, Columns: f.VectorColumns})
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, v.Source)
	return v, nil
}

// dataset is what the files of a source say, cleaned.
type dataset struct {
	log       *data.Log
	items     []data.Item   // of log, by index
	catalogue []data.Item   // as it was read, in any order
	vectors   *data.Vectors // of items; nil: there are none
	dropped   int           // rows of the log that reading and cleaning dropped
}

// contentFlags say what is known of items besides the catalogue.
type contentFlags struct {
	ItemVectors string `placeholder:"FILE" help:"Vectors of items from outside, such as of their pictures or texts: .npy, .npz, safetensors or Parquet."`
}

// read reads and cleans a source. What was kept and what was dropped goes to
// standard error. For models that can do it alone items that nobody has met
// stay, and there may be no events.
func (s source) read(c contentFlags, alone bool) (*dataset, error) {
	s, err := s.find()
	if err != nil {
		return nil, err
	}
	d, events := &dataset{log: &data.Log{}}, s.Events != "" || !alone || s.Items == "" && c.ItemVectors == ""
	if events {
		if d.log, d.dropped, err = s.readEvents(); err != nil {
			return nil, err
		}
	}
	items, err := s.readItems()
	if err != nil {
		return nil, err
	}
	if c.ItemVectors != "" {
		if d.vectors, err = s.readVectors(c.ItemVectors); err != nil {
			return nil, err
		}
	}
	if events {
		cleaned, err := clean(d.log, items, s.cleaning())
		if err != nil {
			return nil, err
		}
		d.log, d.items, d.dropped = cleaned.log, cleaned.items, d.dropped+cleaned.dropped
	}
	if alone && s.Items == "" && d.vectors != nil {
		items = known(&d.vectors.IDs, nil) // there is no other catalogue
	}
	if d.catalogue = items; alone {
		d.addNew(items)
	}
	return d, d.checkVectors(c.ItemVectors)
}

// checkVectors says which items have no vector, and which vectors no item.
func (d *dataset) checkVectors(file string) error {
	if d.vectors == nil {
		return nil
	}
	rows, unknown := d.vectors.Match(d.items)
	without := 0
	for _, r := range rows {
		if r < 0 {
			without++
		}
	}
	if unknown == d.vectors.Len() {
		return &usageError{
			err:  fmt.Errorf("%s: none of %d vectors is of an item: the first is of %q", file, unknown, d.vectors.IDs.ID(0)),
			hint: "--vector-ids takes a file with the ids of the items, one a line, in the order of the vectors",
		}
	}
	if unknown > 0 || without > 0 {
		fmt.Fprintf(os.Stderr, "%d vectors are of no item; %d of %d items have no vector\n", unknown, without, len(rows))
	}
	return nil
}

// find names the files of a folder.
func (s source) find() (source, error) {
	if info, err := os.Stat(s.Events); err != nil || !info.IsDir() {
		return s, nil
	}
	events, items, err := data.Find(s.Events)
	if err != nil {
		return s, err
	}
	s.Events = events
	if s.Items == "" {
		s.Items = items
	}
	return s, nil
}

var errNoEvents = &usageError{err: errors.New("missing flags: --events=FILE"), hint: "--events takes a log, or a folder that holds one"}

// readEvents reads the log and says how many rows were dropped.
func (s source) readEvents() (log *data.Log, dropped int, err error) {
	if s.Events == "" {
		return nil, 0, errNoEvents
	}
	bar := newProgress("reading")
	log, report, err := data.ReadEvents(s.Events, data.Options{
		Format: data.Format(s.Format), Columns: s.Columns, MinRating: s.MinRating,
		Lenient: s.Lenient, Progress: bar.set,
	})
	bar.end()
	if err != nil {
		return nil, 0, err
	}
	fmt.Fprintln(os.Stderr, report)
	return log, report.Rows - report.Kept, nil
}

// readItems reads the catalogue, if there is one.
func (s source) readItems() ([]data.Item, error) {
	if s.Items == "" {
		return nil, nil
	}
	items, report, err := data.ReadItems(s.Items, data.Options{Columns: s.ItemColumns, Lenient: s.Lenient})
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, report)
	return items, nil
}

func (s source) cleaning() data.Cleaning {
	return data.Cleaning{
		MinUserItems: s.MinUserItems, MinItemUsers: s.MinItemUsers, MaxUserItems: s.MaxUserItems,
		KeepRepeats: s.KeepRepeats,
	}
}

// clean makes a dataset of a log and a catalogue in any order. An item that
// the catalogue does not have keeps its id and nothing else.
func clean(log *data.Log, catalogue []data.Item, c data.Cleaning) (*dataset, error) {
	log, report := data.Clean(log, c)
	fmt.Fprintf(os.Stderr, "cleaning: %v\n", report)
	if report.Rows == 0 {
		return nil, errors.New("the log has no events")
	}
	if log.Len() == 0 {
		return nil, &usageError{
			err:  fmt.Errorf("cleaning: none of %d rows is left", report.Rows),
			hint: "--min-user-items and --min-item-users say how few are too few",
		}
	}
	return &dataset{
		log: log, items: known(&log.Items, catalogue), catalogue: catalogue, dropped: report.Rows - report.Kept,
	}, nil
}

// known returns an item for each of ids: that of the catalogue, or one that has
// its id and nothing else.
func known(ids *data.IDs, catalogue []data.Item) []data.Item {
	items := make([]data.Item, ids.Len())
	for i := range items {
		items[i].ID = ids.ID(int32(i))
	}
	for _, it := range catalogue {
		if i, ok := ids.Index(it.ID); ok {
			items[i] = it
		}
	}
	return items
}

// follow gives the items of m the indices that they have there, and all others
// the next ones. What the catalogue does not have is as m knows it. But where a
// model recommends what nobody has met, nothing is known of items that neither
// the catalogue has nor the log: they are gone.
func (d *dataset) follow(m *train.Model) {
	var first data.IDs
	for _, it := range m.Items {
		first.Add(it.ID)
	}
	d.log = d.log.ItemsAfter(&first)
	d.items = known(&d.log.Items, slices.Concat(m.Items, d.catalogue))
	if !m.Algorithm.Alone() {
		return
	}
	there := make([]bool, len(d.items))
	for _, i := range d.log.Item {
		there[i] = true
	}
	for _, it := range d.catalogue {
		if i, ok := d.log.Items.Index(it.ID); ok {
			there[i] = true
		}
	}
	for i := range d.items {
		if !there[i] {
			d.items[i] = data.Item{ID: d.items[i].ID}
		}
	}
}

// addNew adds those of items that nobody has met.
func (d *dataset) addNew(items []data.Item) {
	before := len(d.items)
	for _, it := range items {
		if _, met := d.log.Items.Index(it.ID); !met {
			d.log.Items.Add(it.ID)
			d.items = append(d.items, it)
		}
	}
	if n := len(d.items) - before; n > 0 && before > 0 {
		fmt.Fprintf(os.Stderr, "%d items of the catalogue stay although too few people have met them\n", n)
	}
}

// shuffle renumbers the items. A log has popular ones early, and rankers order
// what they know nothing of by its number: of new items that would be telling.
func (d *dataset) shuffle(seed uint64) {
	n := len(d.items)
	log, items, place := *d.log, make([]data.Item, n), make([]int32, n)
	log.Items, log.Item = data.IDs{}, slices.Clone(d.log.Item)
	for at, i := range rand.New(rand.NewPCG(seed, 1)).Perm(n) {
		log.Items.Add(d.items[i].ID)
		items[at], place[i] = d.items[i], int32(at)
	}
	for e, i := range log.Item {
		log.Item[e] = place[i]
	}
	d.log, d.items = &log, items
}

// behind says from how many people m was learnt.
func behind(m *train.Model) string {
	if m.Label.Users == 0 {
		return "nothing known of people"
	}
	return fmt.Sprintf("learnt from %d people, at least %d behind each item", m.Label.Users, m.Label.MinItemUsers)
}

// learn trains on log, which is the dataset's own or the training part of a
// split of it.
func (d *dataset) learn(ctx context.Context, log *data.Log, cfg train.Config) (*train.Model, error) {
	bar := newProgress("learning " + string(cfg.Algorithm))
	defer bar.end()
	cfg.Progress = func(p train.Progress) { bar.set(p.Done, p.Total) }
	m, err := train.Train(ctx, train.Input{
		Pairs: matrix(log), Sequences: log.Sequences(), Items: d.items, Vectors: d.vectors,
	}, cfg)
	if err != nil {
		return nil, err
	}
	m.Label.Dropped = uint64(d.dropped)
	m.Label.Digest = log.Digest()
	return m, nil
}

// matrix is log.Matrix, in which an event counts its weight times what
// profile.DefaultKinds says of its kind: as much as it will count in a
// person's history on the device.
func matrix(log *data.Log) *data.Matrix {
	if log.Kind == nil {
		return log.Matrix()
	}
	weighed := *log
	weighed.Weight = make([]float32, log.Len())
	for e, kind := range log.Kind {
		w := float32(1)
		if log.Weight != nil {
			w = log.Weight[e]
		}
		weighed.Weight[e] = w * float32(profile.DefaultKinds[kind]) / profile.One
	}
	return weighed.Matrix()
}
