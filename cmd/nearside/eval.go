package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

type evalVerb struct {
	logFlags
	modelFlags
	Protocol string   `required:"" enum:"loo,temporal,strong" help:"loo: each person's last item; temporal: the newest fifth; strong: people never seen."`
	Through  []string `default:"float" help:"What ranks: float, native, module, or several of them."`
	JSON     bool     `help:"Print JSON."`
}

// evaluation is what eval --json prints.
type evaluation struct {
	Protocol string          `json:"protocol"`
	Model    string          `json:"model"`
	Digest   string          `json:"digest"` // SHA-256 of the cleaned pairs
	Seed     uint64          `json:"seed"`
	Results  []throughResult `json:"results"`
}

type throughResult struct {
	Through string `json:"through"`
	eval.Result
}

func (v evalVerb) Run(r run) error {
	for _, t := range v.Through {
		if t != "float" && t != "native" && t != "module" {
			return fmt.Errorf("--through %q: want float, native or module", t)
		}
	}
	log, dropped, err := v.read(r)
	if err != nil {
		return err
	}
	var split data.Split
	switch v.Protocol {
	case "loo":
		split, err = data.LeaveLastOut(log)
	case "temporal":
		split, err = data.Temporal(log, .2)
	case "strong":
		split, err = data.StrongGeneralisation(log, max(1, log.Users.Len()/10), .2, v.Seed)
	}
	if err != nil {
		return err
	}
	config := v.config()
	config.Progress = progress(r.stderr)
	m, err := train.Train(r.ctx, split.Train.Matrix(), config)
	if err != nil {
		return err
	}
	complete(m, split.Train, nil, dropped)

	out := evaluation{Protocol: v.Protocol, Model: v.Model, Digest: fmt.Sprintf("%x", log.Digest()), Seed: v.Seed}
	for _, through := range v.Through {
		newRanker, closeAll, err := rankerFor(r, through, m)
		if err != nil {
			return err
		}
		result, err := eval.Evaluate(r.ctx, split.Cases, newRanker, eval.Options{Count: m.Count, Workers: v.Workers})
		if closeErr := closeAll(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
		out.Results = append(out.Results, throughResult{through, result})
		if !v.JSON {
			fmt.Fprintf(r.stdout, "%s, %s, through %s; data %s…, seed %d\n%s\n", v.Model, v.Protocol, through, out.Digest[:12], v.Seed, strings.TrimRight(result.String(), "\n"))
		}
	}
	if v.JSON {
		e := json.NewEncoder(r.stdout)
		e.SetIndent("", "  ")
		return e.Encode(out)
	}
	return nil
}

// rankerFor packs the model, unless it is judged as floats, and returns what
// makes rankers over it and what frees them.
func rankerFor(r run, through string, m *train.Model) (newRanker func() (eval.Ranker, error), closeAll func() error, err error) {
	nothing := func() error { return nil }
	if through == "float" {
		return func() (eval.Ranker, error) { return eval.Float(m) }, nothing, nil
	}
	// A key for this evaluation alone; the time is fixed so that it repeats.
	const created, expires = 1, 2_000_000_000_0
	keys, err := pack.NewKeys(bytes.NewReader(make([]byte, 64)))
	if err != nil {
		return nil, nil, err
	}
	rootDoc, err := keys.Root(1, expires)
	if err != nil {
		return nil, nil, err
	}
	file, err := pack.Pack(m, keys, pack.Options{Created: created, Expires: expires, History: bundle.MaxHistory, Neighbours: 100})
	if err != nil {
		return nil, nil, err
	}
	if through == "module" {
		h, err := host.Open(r.ctx, host.Config{Root: rootDoc, Bundle: file, CacheDir: cacheDir()})
		if err != nil {
			return nil, nil, err
		}
		return func() (eval.Ranker, error) { return newModuleRanker(r.ctx, h, m.Items), nil }, func() error { return h.Close(r.ctx) }, nil
	}
	root, err := bundle.ParseRoot(rootDoc)
	if err != nil {
		return nil, nil, err
	}
	b, err := bundle.Open(root, file, created)
	if err != nil {
		return nil, nil, err
	}
	return func() (eval.Ranker, error) { return newNativeRanker(b, m.Items), nil }, nothing, nil
}
