package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/train"
)

// world is a log and the cases that say what was learnt from it.
type world struct {
	name   string
	events string // the file that log was read from; "" for a part of a world
	log    *data.Log
	pairs  *data.Matrix
	cases  []data.Case
	folder string // where save wrote the pairs
}

// load reads a world, and makes it first where it is made up.
func (b bench) load(name string) (*world, error) {
	root := cmp.Or(os.Getenv("NEARSIDE_DATA"), filepath.Join("..", "shared", "data"))
	events := filepath.Join(root, "movielens-1m", "ultragcn_m1", "train.txt.gz")
	held := filepath.Join(filepath.Dir(events), "test.txt.gz")
	var err error
	if name != "m1" {
		s := shapes[slices.IndexFunc(shapes, func(s shape) bool { return s.name == name })]
		if events, held, err = s.write(filepath.Join(b.folder, name)); err != nil {
			return nil, err
		}
	}
	w := &world{name: name, events: events}
	if w.log, _, err = data.ReadEvents(events, data.Options{Format: data.Lists}); err != nil {
		return nil, err
	}
	w.pairs = w.log.Matrix()
	targets, _, err := data.ReadEvents(held, data.Options{Format: data.Lists})
	if err != nil {
		return nil, err
	}
	target := targets.Matrix()
	for r := range target.Rows {
		u, ok := w.log.Users.Index(targets.Users.ID(int32(r)))
		if !ok {
			continue
		}
		c := data.Case{}
		for _, i := range w.pairs.Col[w.pairs.Ptr[u]:w.pairs.Ptr[u+1]] {
			c.History = append(c.History, data.Event{Item: i, Kind: profile.KindView, Weight: 1})
		}
		col, _ := target.Row(r)
		for _, i := range col {
			if at, ok := w.log.Items.Index(targets.Items.ID(i)); ok {
				c.Target = append(c.Target, at)
			}
		}
		slices.Sort(c.Target)
		if len(c.Target) > 0 {
			w.cases = append(w.cases, c)
		}
	}
	return w, nil
}

// holdOut cuts a world once more, so that its cases stay unseen.
func (w *world) holdOut() (*world, error) {
	split, err := data.HoldOut(w.log, .1, 0)
	if err != nil {
		return nil, err
	}
	return &world{name: w.name + "-valid", log: split.Train, pairs: split.Train.Matrix(),
		cases: split.Cases[:min(heldUsers, len(split.Cases))]}, nil
}

// save writes the pairs where both contenders read them.
func (w *world) save(folder string) error {
	w.folder = folder
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	shape := []int64{int64(w.pairs.Rows), int64(w.pairs.Cols)}
	return errors.Join(writeNumbers(filepath.Join(folder, "shape.bin"), shape),
		writeNumbers(filepath.Join(folder, "indptr.bin"), w.pairs.Ptr),
		writeNumbers(filepath.Join(folder, "indices.bin"), w.pairs.Col))
}

// imported is a model of factors that a contender left.
type imported struct {
	values []float32
	dim    int
	params train.Params
}

func (w *world) imported(dim int, p train.Params) (imported, error) {
	values, err := readNumbers[float32](filepath.Join(w.folder, factors))
	return imported{values, dim, p}, err
}

// judge returns NDCG@20 over the cases, full ranking without the history.
func (w *world) judge(m imported) (eval.Estimate, error) {
	in := train.Input{Pairs: w.pairs, Vectors: &data.Vectors{Dim: m.dim, Values: m.values}}
	for i := range w.pairs.Cols {
		id := w.log.Items.ID(int32(i))
		in.Vectors.IDs.Add(id)
		in.Items = append(in.Items, data.Item{ID: id})
	}
	model, err := train.Train(context.Background(), in, train.Config{Algorithm: train.Imported, Params: m.params})
	if err != nil {
		return eval.Estimate{}, err
	}
	r, err := eval.Float(model, false)
	if err != nil {
		return eval.Estimate{}, err
	}
	result, err := eval.Evaluate(context.Background(), w.cases, func() (eval.Ranker, error) { return r, nil },
		eval.Options{Count: model.Count, Ks: []int{20}})
	if err != nil {
		return eval.Estimate{}, err
	}
	return result.At[0].NDCG, nil
}

func writeNumbers[T int32 | int64 | float32](path string, v []T) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(binary.Write(f, binary.LittleEndian, v), f.Close())
}

func readNumbers[T int32 | int64 | float32](path string) ([]T, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var one T
	v := make([]T, len(b)/binary.Size(one))
	_, err = binary.Decode(b, binary.LittleEndian, v)
	return v, err
}

// shape is a made-up log: people with two tastes among kinds of items. Half of
// what a person meets is of the first taste, a quarter of the second and a
// quarter of any; within a kind the item of rank r is met like 1/(r+10). How
// many items a person meets is log-normal with this mean.
type shape struct {
	name         string
	pairs, items int
	kinds, mean  int
	seed         uint64
}

var shapes = []shape{
	{name: "5m", pairs: 5e6, items: 20e3, kinds: 100, mean: 50, seed: 1},
	{name: "25m", pairs: 25e6, items: 50e3, kinds: 200, mean: 50, seed: 1},
}

const (
	heldUsers = 5000 // people of whom every fifth item is held out
	heldShare = 5
)

// write makes the folder's train.txt and held.txt, a person and the person's
// items in every line, unless they are there.
func (s shape) write(folder string) (train, held string, err error) {
	train, held = filepath.Join(folder, "train.txt"), filepath.Join(folder, "held.txt")
	if _, err := os.Stat(held); err == nil {
		return train, held, nil
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", "", err
	}
	trainFile, err := os.Create(train)
	if err != nil {
		return "", "", err
	}
	defer trainFile.Close()
	heldFile, err := os.Create(held + ".part")
	if err != nil {
		return "", "", err
	}
	defer heldFile.Close()
	if err := s.writeTo(trainFile, heldFile); err != nil {
		return "", "", err
	}
	return train, held, os.Rename(held+".part", held)
}

func (s shape) writeTo(train, held io.Writer) error {
	rng := rand.New(rand.NewPCG(s.seed, 0))
	perKind := s.items / s.kinds
	reach := make([]float64, perKind) // running sums of 1/(r+10)
	var sum float64
	for r := range reach {
		sum += 1 / float64(r+10)
		reach[r] = sum
	}
	met := make([]int32, s.items) // the last person who met it
	trainText, heldText := bufio.NewWriterSize(train, 1<<20), bufio.NewWriter(held)
	for person, left := int32(1), s.pairs; left > 0; person++ {
		n := min(left, perKind, max(2, int(float64(s.mean)*math.Exp(rng.NormFloat64()-.5))))
		left -= n
		first, second := rng.IntN(s.kinds), rng.IntN(s.kinds)
		var items []int32
		for len(items) < n {
			kind := [4]int{first, first, second, rng.IntN(s.kinds)}[rng.IntN(4)]
			rank := sort.SearchFloat64s(reach, rng.Float64()*sum)
			if i := int32(rank*s.kinds + kind); met[i] != person {
				met[i] = person
				items = append(items, i)
			}
		}
		out := 0
		if person <= heldUsers {
			out = n / heldShare
		}
		writeLine(heldText, person, items[:out])
		writeLine(trainText, person, items[out:])
	}
	if err := heldText.Flush(); err != nil {
		return err
	}
	return trainText.Flush()
}

// writeLine writes a person and the person's items; nothing without items.
func writeLine(w *bufio.Writer, person int32, items []int32) {
	if len(items) == 0 {
		return
	}
	slices.Sort(items)
	fmt.Fprint(w, person)
	var text []byte
	for _, i := range items {
		text = strconv.AppendInt(append(text[:0], ' '), int64(i), 10)
		w.Write(text) // an error stays and is Flush's
	}
	w.WriteByte('\n')
}
