package main

import (
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

const (
	seed = 7
	// lastDay is the day on which all events and items are there.
	lastDay = 10
	daily   = .01 // of the events, and of the items, come in a day
	heldOut = .1  // of each person's items, where nobody else has made a split
)

var cleaning = data.Cleaning{MinUserItems: 2, MinItemUsers: 5}

// world is a log cut into days, and what was held out of it.
type world struct {
	name  string
	all   *data.Log // what there is to learn from on the last day
	held  *data.Log
	event []int // the day of each event of all
}

// source is a data set: a file of events and one of those that were held out, or
// none, with the SHA-256 of what is in them.
type source struct {
	events, test       string
	eventsSum, testSum string
	options            data.Options
}

var sources = map[string]source{
	"movielens-1m": {
		events: "movielens-1m/ratings_no_timestamp.dat.gz", eventsSum: "2dad134c8b493373beed8d2a42e18ec2a93606fd957bd76c0bfbdef5c514b985",
		options: data.Options{Columns: map[string]string{"user": "1", "item": "2"}}, // stars do not count
	},
	"gowalla": {
		events: "gowalla-lightgcn/train.txt.gz", eventsSum: "4cbd7fd6bddb7598d81da99a8d01bae9c6d96802b1fa7397c9fcd5b0e9a42b9f",
		test: "gowalla-lightgcn/test.txt.gz", testSum: "099a2a73924e4b754dc6efd730d764f492321b53c38eb93298850c83acf57be3",
	},
}

// load reads a world and cuts it: all events of an item come on its day or later,
// and both are drawn. The sources have no times.
func load(name string) (*world, error) {
	s, ok := sources[name]
	if !ok {
		return nil, fmt.Errorf("-only %s: no such world", name)
	}
	w := &world{name: name}
	log, err := s.read(s.events, s.eventsSum)
	if err != nil {
		return nil, err
	}
	log.Unordered = true
	if w.all, _ = data.Clean(log, cleaning); s.test != "" {
		w.held, err = s.read(s.test, s.testSum)
	} else {
		err = w.holdOut()
	}
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, seed))
	day := func() int { return max(0, lastDay-int(rng.Float64()/daily)) } // 0 for most
	item := make([]int, w.all.Items.Len())
	for i := range item {
		item[i] = day()
	}
	w.event = make([]int, w.all.Len())
	for e, i := range w.all.Item {
		w.event[e] = max(day(), item[i])
	}
	return w, nil
}

// read reads a file of the folder of data sets, which must be the expected one.
func (s source) read(name, sum string) (*data.Log, error) {
	root := cmp.Or(os.Getenv("NEARSIDE_DATA"), filepath.Join("..", "shared", "data"))
	path := filepath.Join(root, filepath.FromSlash(name))
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, z); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return nil, fmt.Errorf("%s: sha256 %s: want %s", name, got, sum)
	}
	log, _, err := data.ReadEvents(path, s.options)
	return log, err
}

// holdOut takes a share of each person's items out of all.
func (w *world) holdOut() error {
	split, err := data.HoldOut(w.all, heldOut, seed)
	if err != nil {
		return err
	}
	learnt := pairsOf(split.Train)
	w.held = pick(w.all, func(e int) bool { return !learnt[pairOf(w.all, e)] })
	w.all = split.Train
	return nil
}

type pair struct{ user, item string }

func pairOf(l *data.Log, e int) pair { return pair{l.Users.ID(l.User[e]), l.Items.ID(l.Item[e])} }

func pairsOf(l *data.Log) map[pair]bool {
	all := make(map[pair]bool, l.Len())
	for e := range l.User {
		all[pairOf(l, e)] = true
	}
	return all
}

// pick returns the events that keep says.
func pick(l *data.Log, keep func(e int) bool) *data.Log {
	out := &data.Log{Unordered: l.Unordered}
	for e := range l.User {
		if keep(e) {
			out.User = append(out.User, out.Users.Add(l.Users.ID(l.User[e])))
			out.Item = append(out.Item, out.Items.Add(l.Items.ID(l.Item[e])))
		}
	}
	return out
}

// log returns what there is to learn from on a day, with the items of yesterday's
// model first.
func (w *world) log(day int, before *train.Model) *data.Log {
	log, _ := data.Clean(pick(w.all, func(e int) bool { return w.event[e] <= day }), cleaning)
	if before == nil {
		return log
	}
	var first data.IDs
	for _, it := range before.Items {
		first.Add(it.ID)
	}
	return log.ItemsAfter(&first)
}

// cases ask for what was held out of the items that log has.
func (w *world) cases(log *data.Log) ([]data.Case, error) {
	split, err := data.Given(log, w.held)
	return split.Cases, err
}
