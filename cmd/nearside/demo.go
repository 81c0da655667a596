package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

type demoVerb struct {
	modelFlags
	Data string `help:"Folder with an event log and a catalogue, such as MovieLens; a made-up magazine when empty." placeholder:"DIR"`
	Addr string `default:"127.0.0.1:8080" help:"Address to listen at." placeholder:"HOST:PORT"`
}

func (v demoVerb) Run(r run) error {
	log, items, dropped, err := v.world(r)
	if err != nil {
		return err
	}
	config := v.config()
	config.Progress = progress(r.stderr)
	start := time.Now()
	m, err := train.Train(r.ctx, log.Matrix(), config)
	if err != nil {
		return err
	}
	complete(m, log, items, dropped)
	keys, err := pack.NewKeys(rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	expires := now.AddDate(0, 0, 30).Unix()
	file, err := pack.Pack(m, keys, pack.Options{
		Channel: "demo", Created: now.Unix(), Expires: expires, HalfLife: 30 * 86400, Neighbours: 100,
	})
	if err != nil {
		return err
	}
	root, err := keys.Root(1, expires)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "%s: %d items from %d people in %.1f s; bundle of %d KB, signed with a key that lives as long as this process\n",
		m.Algorithm, len(m.Items), m.Label.Users, time.Since(start).Seconds(), len(file)/1000)
	return serve(r, v.Addr, root, file)
}

// world returns the cleaned log and the catalogue of the folder, or made-up ones.
func (v demoVerb) world(r run) (*data.Log, []data.Item, uint64, error) {
	if v.Data == "" {
		fmt.Fprintln(r.stdout, "no --data: a made-up magazine, with readers who are made up too and whose tastes are known")
		w := modeltest.Magazine(1, modeltest.Size{})
		log, report := data.Clean(w.Log, data.Cleaning{MinUserItems: 2, MinItemUsers: 5})
		return log, w.Items, uint64(report.Rows - report.Kept), nil
	}
	events, catalogue, err := data.Find(v.Data)
	if err != nil {
		return nil, nil, 0, err
	}
	log, dropped, err := logFlags{Events: events, MinUserItems: 2, MinItemUsers: 5, MaxUserItems: 5000}.read(r)
	if err != nil || catalogue == "" {
		return log, nil, dropped, err
	}
	items, report, err := data.ReadItems(catalogue, data.Options{})
	if err != nil {
		return nil, nil, 0, err
	}
	fmt.Fprintln(r.stderr, report)
	return log, items, dropped, nil
}
