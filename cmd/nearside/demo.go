package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm"
)

type demoCmd struct {
	Data string `placeholder:"DIR" help:"Folder with an event log and a catalogue; without it the readers are made up."`
	Addr string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen."`
}

// demoCleaning is what train does by default.
var demoCleaning = data.Cleaning{MinUserItems: 2, MinItemUsers: 5, MaxUserItems: 5000}

// demoSeed is any number: the same page for everybody.
const demoSeed = 1

func (c *demoCmd) Run(ctx context.Context) error {
	if _, err := wasm.Module(); err != nil { // first: nothing is learnt in vain
		return err
	}
	d, err := c.read()
	if err != nil {
		return err
	}
	m, err := d.learn(ctx, d.log, train.Config{Algorithm: train.IALS, Seed: demoSeed})
	if err != nil {
		return err
	}
	root, file, err := packDemo(m)
	if err != nil {
		return err
	}
	fmt.Printf("%d items, learnt from %d people; bundle %d KB, signed with a key that nobody keeps\n",
		len(m.Items), m.Label.Users, len(file)/1000)
	return serve(ctx, c.Addr, root, file)
}

func (c *demoCmd) read() (*dataset, error) {
	if c.Data != "" {
		return source{
			Events:       c.Data,
			MinUserItems: demoCleaning.MinUserItems,
			MinItemUsers: demoCleaning.MinItemUsers,
			MaxUserItems: demoCleaning.MaxUserItems,
		}.read(contentFlags{}, false)
	}
	fmt.Println("the paper and its readers are made up; --data takes a folder with real ones")
	world := modeltest.Daily(demoSeed, modeltest.Size{})
	return clean(world.Log, world.Items, demoCleaning)
}

// packDemo packs m for a week, signed with a key that nobody keeps.
func packDemo(m *train.Model) (root, file []byte, err error) {
	keys, err := pack.NewKeys(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now().Unix()
	expires := now + 7*day
	if root, err = keys.Root(1, expires); err != nil {
		return nil, nil, err
	}
	file, err = pack.Pack(m, keys, pack.Options{
		Channel: "demo", Version: uint64(now), Created: now, Expires: expires, HalfLife: 30 * day,
	})
	return root, file, err
}
