// Bench holds iALS against implicit 0.7 (github.com/benfred/implicit) on the
// same pairs, with the same number of factors and threads, in one run:
//
//	go run ./model/train/bench [-python FILE] [-nearside FILE] [-tune] [WORLD…]
//
// A world is m1, the split of MovieLens-1M of SimpleX and UltraGCN, which is
// read from $NEARSIDE_DATA, or a made-up log: 5m, 25m. What it cannot measure it
// leaves out and says why.
//
// Each contender learns in a process of its own, in turn and several times. An
// epoch's seconds are the median without the first epoch, the processor's beside
// the clock's because a busy machine moves the clock. Memory is the process's
// peak. What was learnt is judged by model/eval: the other's factors are
// imported as a model, so the person is folded in as it would do.
//
// -tune prints how both rank a tenth of everybody's training items instead, for
// the numbers in the table settings below.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"github.com/nearside/nearside/model/train"
)

// settings are the numbers that each contender learns a world with: the best of
// -tune at 64 factors. Those of 25m are those of 5m, with an alpha that weighs
// all unobserved pairs the same.
type settings struct {
	ours     train.Params // reg, alpha
	implicit train.Params // regularization, alpha
	dims     []int
	repeats  int
}

var worlds = map[string]settings{
	"m1": {
		ours: train.Params{"reg": .01, "alpha": .2}, implicit: train.Params{"regularization": 100, "alpha": 10},
		dims: []int{64, 128}, repeats: 5,
	},
	"5m": {
		ours: train.Params{"reg": .02, "alpha": .05}, implicit: train.Params{"regularization": 300, "alpha": 10},
		dims: []int{64, 128}, repeats: 3,
	},
	"25m": {
		ours: train.Params{"reg": .02, "alpha": .02}, implicit: train.Params{"regularization": 300, "alpha": 10},
		dims: []int{64}, repeats: 2,
	},
}

const epochs = 10

// bench is one run of the program.
type bench struct {
	folder, python, nearside string
	threads                  int
}

func main() {
	var b bench
	flag.StringVar(&b.folder, "folder", ".cache/bench-train", "where worlds and factors go")
	flag.StringVar(&b.python, "python", ".cache/bench-train/venv/bin/python", "a Python that has implicit 0.7")
	flag.StringVar(&b.nearside, "nearside", "bin/nearside", "the command, for whole trainings")
	flag.IntVar(&b.threads, "threads", runtime.NumCPU(), "threads of each contender")
	tune := flag.Bool("tune", false, "print what each setting reaches on a tenth of the training items")
	learn := flag.String("learn", "", "for the program itself: learn the pairs in this folder and print what it took")
	params := flag.String("params", "", "for the program itself: with these numbers, as JSON")
	flag.Parse()
	if *learn != "" {
		exitOn(learnOurs(*learn, *params, b.threads))
		return
	}
	names := flag.Args()
	if len(names) == 0 {
		names = []string{"m1", "5m", "25m"}
	}
	if !*tune {
		fmt.Println("| data | d | learner | s/epoch | CPU s/epoch | of implicit's, clock | CPU | NDCG@20 | peak MB |")
		fmt.Println("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
	}
	for _, name := range names {
		if _, ok := worlds[name]; !ok {
			exitOn(fmt.Errorf("world %q: want m1, 5m or 25m", name))
		}
		w, err := b.load(name)
		if errors.Is(err, os.ErrNotExist) {
			fmt.Printf("%s left out: %v: name the folder of data sets in NEARSIDE_DATA\n", name, err)
			continue
		}
		exitOn(err)
		if *tune {
			exitOn(b.tune(w))
			continue
		}
		for _, d := range worlds[name].dims {
			exitOn(b.compare(w, d))
		}
		switch name {
		case "5m":
			exitOn(b.whole(w, "ease", "lambda=500"))
		case "25m":
			exitOn(b.whole(w, "ials", fmt.Sprintf("dim=64,epochs=%d", epochs)))
		}
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		os.Exit(1)
	}
}

// compare prints both contenders' rows of the table.
func (b bench) compare(w *world, d int) error {
	set := worlds[w.name]
	if err := w.save(filepath.Join(b.folder, w.name)); err != nil {
		return err
	}
	var ours, theirs []outcome
	for range set.repeats {
		o, err := b.learnOurs(w, with(set.ours, d))
		if err != nil {
			return err
		}
		ours = append(ours, o)
		i, err := b.learnImplicit(w, with(set.implicit, d))
		if err != nil {
			fmt.Printf("implicit left out: %v\n", err)
			break
		}
		theirs = append(theirs, i)
	}
	wall := func(o outcome) float64 { return median(o.Wall[1:]) }
	cpu := func(o outcome) float64 { return median(o.CPU[1:]) }
	clock, processor := "", ""
	if len(theirs) > 0 {
		clock, processor = ratio(ours, theirs, wall), ratio(ours, theirs, cpu)
	}
	for _, c := range []struct {
		name, clock, processor string
		runs                   []outcome
	}{{"nearside", clock, processor, ours}, {"implicit", "", "", theirs}} {
		if len(c.runs) == 0 {
			continue
		}
		ndcg, err := w.judge(c.runs[0].model)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %d | %s | %.3f | %.3f | %s | %s | %v | %d |\n", w.name, d, c.name,
			median(each(c.runs, wall)), median(each(c.runs, cpu)), c.clock, c.processor, ndcg, c.runs[0].PeakMB)
	}
	return nil
}

// with returns p with what both contenders have in common.
func with(p train.Params, d int) train.Params {
	return merge(p, train.Params{"dim": float64(d), "epochs": epochs})
}

func merge(list ...train.Params) train.Params {
	all := train.Params{}
	for _, p := range list {
		for name, v := range p {
			all[name] = v
		}
	}
	return all
}

// tune prints a line for every setting of a grid.
func (b bench) tune(w *world) error {
	valid, err := w.holdOut()
	if err != nil {
		return err
	}
	if err := valid.save(filepath.Join(b.folder, valid.name)); err != nil {
		return err
	}
	try := func(name string, learn func(*world, train.Params) (outcome, error), p train.Params) error {
		o, err := learn(valid, with(p, 64))
		if err != nil {
			return err
		}
		ndcg, err := valid.judge(o.model)
		if err == nil {
			fmt.Printf("%s %s: %v: NDCG@20 %v\n", w.name, name, p, ndcg)
		}
		return err
	}
	for _, alpha := range []float64{.02, .05, .1, .2, .4} {
		for _, reg := range []float64{.0025, .005, .01, .02} {
			if err := try("nearside", b.learnOurs, train.Params{"alpha": alpha, "reg": reg}); err != nil {
				return err
			}
		}
	}
	for _, alpha := range []float64{5, 10, 20, 40} {
		for _, reg := range []float64{10, 30, 100, 300} {
			if err := try("implicit", b.learnImplicit, train.Params{"alpha": alpha, "regularization": reg}); err != nil {
				return err
			}
		}
	}
	return nil
}

// ratio returns the median of ours over theirs, run by run, and the range.
func ratio(ours, theirs []outcome, of func(outcome) float64) string {
	var list []float64
	for k := range theirs {
		list = append(list, of(ours[k])/of(theirs[k]))
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", median(list), slices.Min(list), slices.Max(list))
}

func each(list []outcome, of func(outcome) float64) (all []float64) {
	for _, o := range list {
		all = append(all, of(o))
	}
	return all
}

func median(list []float64) float64 {
	s := slices.SortedFunc(slices.Values(list), cmp.Compare[float64])
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func itoa(n int) string { return strconv.Itoa(n) }
