// Bench says what a daily update takes: a model is learnt, and each day goes on
// with 1 % more of the events and 1 % more of the items (nearside train --from)
// and is packed without and with yesterday's bundle (nearside pack --from).
//
//	make bench-update ARGS="[-days N] [-only WORLD,…] [-models NAME,…] [-quant NAME,…]"
//
// The worlds are MovieLens 1M and Gowalla, from the folder of data sets that
// NEARSIDE_DATA names. Models are kept in -folder, so that a broken run goes on
// where it was. It prints a table for RESULTS.md, a row for each day and way to
// code factors:
//
//	bundle   bytes of all sections, packed without yesterday's
//	leaves   part of these in leaves of 64 KiB that yesterday's did not have
//	patch    length of the patch from yesterday's, as a part of them
//	fresh    NDCG@10 of the bundle packed without yesterday's
//	anchored what the other one has more, with 95 % of the cases' chance
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/publish/patch"
	"github.com/nearside/nearside/model/train"
)

// options are the flags.
type options struct {
	folder              string
	days                int
	only, models, quant string
}

// quants are ways to code factors, by the name of pack's flag.
var quants = map[string]func(m *train.Model) pack.Quant{
	"auto":     func(m *train.Model) pack.Quant { return pack.Quant{Codec: m.Codec()} },
	"int8":     func(*train.Model) pack.Quant { return pack.Quant{Codec: bundle.CodecInt8} },
	"pq":       func(*train.Model) pack.Quant { return pack.Quant{Codec: bundle.CodecPQ, Rescore: bundle.CodecInt8} },
	"pq alone": func(*train.Model) pack.Quant { return pack.Quant{Codec: bundle.CodecPQ} },
}

func main() {
	var o options
	flag.StringVar(&o.folder, "folder", filepath.Join(".cache", "bench-delta"), "where models are kept")
	flag.IntVar(&o.days, "days", 1, "how many days to go on, up to 10")
	flag.StringVar(&o.only, "only", "movielens-1m,gowalla", "`names` of worlds, between commas")
	flag.StringVar(&o.models, "models", "ials,auto", "`names` of models, between commas")
	flag.StringVar(&o.quant, "quant", "int8,pq,pq alone", "`names` of ways to code the factors of ials, between commas")
	flag.Parse()
	if err := o.run(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	if o.days < 1 || o.days > lastDay {
		return fmt.Errorf("-days %d: want 1 to %d", o.days, lastDay)
	}
	if err := os.MkdirAll(o.folder, 0o755); err != nil {
		return err
	}
	fmt.Println("| data | model | codes | day | items | bundle | leaves, fresh | anchored | patch, fresh | anchored | rows written | NDCG@10 fresh | anchored |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, name := range strings.Split(o.only, ",") {
		w, err := load(name)
		if errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "bench: %s: left out: %v: NEARSIDE_DATA names the folder of data sets\n", name, err)
			continue
		}
		if err != nil {
			return err
		}
		for _, model := range strings.Split(o.models, ",") {
			codes := strings.Split(o.quant, ",")
			if model != string(train.IALS) {
				codes = []string{"auto"}
			}
			for _, code := range codes {
				if quants[code] == nil {
					return fmt.Errorf("-quant %s: no such way", code)
				}
				if err := o.chain(ctx, w, train.Algorithm(model), code); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// packed is a model's bundle.
type packed struct {
	file     []byte
	sections [][]byte
	bundle   *bundle.Bundle
	kept     pack.Kept
}

// chain prints a row for each day.
func (o options) chain(ctx context.Context, w *world, model train.Algorithm, code string) error {
	var before *train.Model
	var fresh, anchored packed
	for day := range o.days + 1 {
		log := w.log(day, before)
		m, err := o.model(ctx, w, model, day, log, before)
		if err != nil {
			return err
		}
		q := quants[code](m)
		todays, err := packModel(m, q, nil)
		if err != nil {
			return err
		}
		if day == 0 {
			before, fresh, anchored = m, todays, todays
			continue
		}
		ours, err := packModel(m, q, anchored.file)
		if err != nil {
			return err
		}
		if ours.kept.Why != "" {
			fmt.Fprintf(os.Stderr, "bench: %s, %s, day %d: packed as without yesterday's bundle: %s\n", w.name, code, day, ours.kept.Why)
		}
		row := []string{w.name, string(model), code, fmt.Sprint(day), thousands(len(m.Items)), thousands(todays.size())}
		for _, of := range []func(old, new packed) (int, error){leaves, patchSize} {
			for _, pair := range [][2]packed{{fresh, todays}, {anchored, ours}} {
				n, err := of(pair[0], pair[1])
				if err != nil {
					return err
				}
				row = append(row, percent(n, pair[1].size()))
			}
		}
		row = append(row, percent(ours.kept.Written, ours.kept.Rows))
		cases, err := w.cases(log)
		if err != nil {
			return err
		}
		a, err := judge(ctx, todays.bundle, m, cases)
		if err != nil {
			return err
		}
		b, err := judge(ctx, ours.bundle, m, cases)
		if err != nil {
			return err
		}
		d, mean := eval.Compare(b, a).Difference, eval.EstimateOf(a).Mean
		row = append(row, fmt.Sprintf("%.4f", mean), fmt.Sprintf("%+.2f %% ±%.2f", 100*d.Mean/mean, 100*d.CI/mean))
		fmt.Println("| " + strings.Join(row, " | ") + " |")
		before, fresh, anchored = m, todays, ours
	}
	return nil
}

// model returns the model of a day, learnt now or before.
func (o options) model(ctx context.Context, w *world, a train.Algorithm, day int, log *data.Log, from *train.Model) (*train.Model, error) {
	path := filepath.Join(o.folder, fmt.Sprintf("%s-%s-%d.nsm", w.name, a, day))
	m, err := train.Read(path)
	if err == nil {
		if m.Label.Digest != log.Digest() {
			return nil, fmt.Errorf("%s: of another log: remove it", path)
		}
		return m, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "bench: %s, %s: learning day %d\n", w.name, a, day)
	items := make([]data.Item, log.Items.Len())
	for i := range items {
		items[i].ID = log.Items.ID(int32(i))
	}
	m, err = train.Train(ctx, train.Input{Pairs: log.Matrix(), Items: items}, train.Config{Algorithm: a, From: from})
	if err != nil {
		return nil, err
	}
	m.Label.Digest = log.Digest()
	return m, m.Save(path)
}

func (p packed) size() (sum int) {
	for _, s := range p.sections {
		sum += len(s)
	}
	return sum
}

// leaves returns how many bytes of new are in leaves that old does not have.
func leaves(old, new packed) (sum int, err error) {
	have := map[[32]byte]bool{}
	for at, p := range []packed{old, new} {
		for _, s := range p.sections {
			for leaf := range slices.Chunk(s, digest.LeafSize) {
				hash := sha256.Sum256(leaf)
				if at == 0 {
					have[hash] = true
				} else if !have[hash] {
					sum += len(leaf)
				}
			}
		}
	}
	return sum, nil
}

func patchSize(old, new packed) (int, error) {
	p, err := patch.Make(old.file, new.file)
	return len(p), err
}

func percent(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(of, 1))) }

// thousands writes n with commas.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
