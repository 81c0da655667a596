package web_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/publish"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/web"
)

// magazine returns the module and a small model of the made-up magazine, good
// for a day.
func magazine(t *testing.T) web.Files {
	t.Helper()
	world := modeltest.Magazine(1, modeltest.Size{Items: 420, Readers: 900})
	return model(t, "magazine", world.Log, world.Items, pack.Quant{})
}

// twoStages returns the same with short codes that come first, and rows that
// rescore last in the file.
func twoStages(t *testing.T) web.Files {
	t.Helper()
	world := modeltest.Magazine(1, modeltest.Size{Items: 420, Readers: 900})
	return model(t, "magazine", world.Log, world.Items, pack.Quant{Codec: bundle.CodecPQ, Rescore: bundle.CodecInt8})
}

// published puts up the magazine as the channel "news", as a publisher does, and
// returns its folder.
func published(t *testing.T) string {
	t.Helper()
	world := modeltest.Magazine(1, modeltest.Size{Items: 420, Readers: 900})
	files := model(t, "news", world.Log, world.Items, pack.Quant{})
	keys, now, dir := publisher(t), time.Now().Unix(), t.TempDir()
	one := trust.Keyset{Threshold: 1, Keys: []int{0}}
	root, err := pack.SignedRoot(&trust.Root{
		Version: 1, Expires: now + 24*60*60, Keys: []trust.Key{keys.Public()}, Roles: trust.Roles{Root: one, Manifest: one, Head: one},
	}, keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publish.PublishRoot(t.Context(), publish.Dir(dir), root, now); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Publish(t.Context(), publish.Dir(dir), files.Bundle, publish.Options{Anchor: root, Keys: []*pack.Keys{keys}, Now: now}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// publisher returns the key that signs all of these, always the same.
func publisher(t testing.TB) *pack.Keys {
	t.Helper()
	keys, err := pack.NewKeys(rand.NewChaCha8([32]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

var paperOnce struct {
	sync.Once
	web.Files
}

// paper returns the module and a model of the made-up paper, of ten thousand
// items, which is learnt once.
func paper(t *testing.T) web.Files {
	t.Helper()
	paperOnce.Do(func() {
		world := modeltest.Daily(1, modeltest.Size{})
		paperOnce.Files = model(t, "paper", world.Log, world.Items, pack.Quant{})
	})
	if paperOnce.Bundle == nil {
		t.Skip("no model of the paper: another test says why")
	}
	return paperOnce.Files
}

// movies returns the module and a model of MovieLens latest-small, or skips
// the test when that is not at hand.
func movies(t *testing.T) web.Files {
	t.Helper()
	root := os.Getenv("NEARSIDE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	events, items, err := data.Find(filepath.Join(root, "movielens-latest-small"))
	if err != nil {
		t.Skipf("no MovieLens latest-small, name its parent folder in NEARSIDE_DATA: %v", err)
	}
	log, _, err := data.ReadEvents(events, data.Options{MinRating: 4})
	if err != nil {
		t.Fatal(err)
	}
	catalogue, _, err := data.ReadItems(items, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return model(t, "movies", log, catalogue, pack.Quant{})
}

// model trains on log and packs the result.
func model(t *testing.T, channel string, log *data.Log, catalogue []data.Item, quant pack.Quant) web.Files {
	t.Helper()
	module, err := wasm.Module()
	if errors.Is(err, wasm.ErrNotBuilt) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	rows := log.Len()
	log, _ = data.Clean(log, data.Cleaning{MinItemUsers: 5, MinUserItems: 2})
	m, err := train.Train(t.Context(), train.Input{Pairs: log.Matrix()}, train.Config{Algorithm: train.IALS, Params: train.Params{"dim": 32, "epochs": 8}})
	if err != nil {
		t.Fatal(err)
	}
	byID := make(map[string]data.Item)
	for _, item := range catalogue {
		byID[item.ID] = item
	}
	for i := range log.Items.Len() {
		m.Items = append(m.Items, byID[log.Items.ID(int32(i))])
	}
	m.Label.Dropped = uint64(rows - log.Len())

	keys := publisher(t)
	now := time.Now().Unix()
	const day = 24 * 60 * 60
	root, err := keys.Root(1, now+day)
	if err != nil {
		t.Fatal(err)
	}
	file, err := pack.Pack(m, keys, pack.Options{Channel: channel, Version: 3, Created: now, Expires: now + day, Quant: quant})
	if err != nil {
		t.Fatal(err)
	}
	return web.Files{Module: module, Bundle: file, Root: root}
}
