// Package channeltest is a made-up channel: its honest publisher, and what
// others try with it. Tests of every engine that follows channels take their
// files from here. What goes wrong in the making is a bug, and panics.
package channeltest

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// Name is that of the channel.
const Name = "test/news"

// Times of the channel, in Unix seconds. Heads are issued a minute apart from
// Created on; Now lies after all of them.
const (
	Day         = 86400
	Created     = 1_800_000_000
	Now         = Created + Day/2
	HeadExpires = Created + 7*Day
	Expires     = Created + 30*Day // of bundles
	RootExpires = Created + 365*Day
)

// Channel is what a publisher has put up: files by name.
type Channel struct {
	Files   map[string][]byte
	Bundles map[uint64][]byte // by version
	Shape   Shape             // who may sign, by the newest root
	Version uint64            // of that root
	Seq     uint64            // of the newest head
	Release trust.Release     // that it names
}

// Shape says whose signatures a root accepts, by numbers of keys. There is any
// number of keys: number i is the same in every run.
type Shape struct{ Root, Manifest, Head Role }

// Role is some keys, of which Threshold must sign.
type Role struct {
	Threshold int
	Keys      []int
}

// Honest is the shape that a channel begins with. Each role needs two keys:
// root and manifest keys overlap, as they may.
var Honest = Shape{
	Root:     Role{2, []int{0, 1, 2}},
	Manifest: Role{2, []int{1, 2}},
	Head:     Role{2, []int{3, 4}},
}

// New returns the channel after two releases, each with its head.
func New() *Channel { return honest().clone() }

func (c *Channel) clone() *Channel {
	n := *c
	n.Files, n.Bundles = maps.Clone(c.Files), maps.Clone(c.Bundles)
	return &n
}

// Empty returns a channel without a file.
func Empty() *Channel { return &Channel{Files: map[string][]byte{}, Bundles: map[uint64][]byte{}} }

var honest = sync.OnceValue(func() *Channel {
	c := Empty()
	c.PutRoot(Honest, RootExpires, 0, 1)
	for version := range uint64(2) {
		c.PutRelease(version+1, Expires)
		c.PutHead(nil)
	}
	return c
})

// Key returns key number i.
func Key(i int) *pack.Keys { return keyring(i).keys }

// PutRoot publishes the next root, signed by keys.
func (c *Channel) PutRoot(shape Shape, expires int64, keys ...int) {
	c.Version++
	c.Shape = shape
	file, err := pack.SignedRoot(shape.root(c.Version, expires), ring(keys)...)
	must(err)
	c.Files[bundle.RootName] = file
	if c.Version > 1 {
		c.Files[bundle.NextRootName(c.Version)] = file
	}
}

// PutRelease packs a version, signs it and publishes its manifest.
func (c *Channel) PutRelease(version uint64, expires int64) {
	c.PutBundle(pack.Options{Channel: Name, Version: version, Created: Created, Expires: expires})
}

// PutBundle is PutRelease with options of its own.
func (c *Channel) PutBundle(opt pack.Options) {
	m := &train.Model{Algorithm: train.Popular, Label: train.Label{Users: 9, Events: 99, MinItemUsers: 5}}
	for i := range 9 {
		m.Items = append(m.Items, data.Item{ID: "v" + strconv.FormatUint(opt.Version, 10) + "-" + strconv.Itoa(i)})
		m.Count = append(m.Count, uint32(9-i))
	}
	c.PutModel(m, opt)
}

// PutModel is PutBundle with a model of its own.
func (c *Channel) PutModel(m *train.Model, opt pack.Options) {
	file, err := pack.Pack(m, nil, opt)
	must(err)
	doc, err := pack.ParseDocument(file)
	must(err)
	role := c.Shape.Manifest
	file, err = doc.Sign(ring(role.Keys[:role.Threshold])...)
	must(err)
	c.Bundles[opt.Version] = file
	frame := Frame(file)
	envelope, err := pack.ReleaseOf(frame)
	must(err)
	c.Release = trust.Release{Version: opt.Version, Bytes: len(frame.Manifest), Digest: trust.Digest(frame.Manifest)}
	c.Files[bundle.ReleaseName(c.Release.Digest)] = envelope
}

// PutHead publishes the next head, which names the newest release, after edit
// has changed it.
func (c *Channel) PutHead(edit func(h *trust.Head)) {
	role := c.Shape.Head
	file, err := pack.SignedHead(c.nextHead(edit), ring(role.Keys[:role.Threshold])...)
	must(err)
	c.Files[bundle.HeadName] = file
}

func (c *Channel) nextHead(edit func(h *trust.Head)) trust.Head {
	c.Seq++
	h := trust.Head{
		Channel: Name, Seq: c.Seq, Issued: Created + 60*int64(c.Seq), Expires: HeadExpires, RootVersion: c.Version, Release: c.Release,
	}
	if edit != nil {
		edit(&h)
	}
	return h
}

// Frame returns a bundle's frame.
func Frame(file []byte) bundle.Frame {
	f, err := bundle.ParseFrame(file)
	must(err)
	return f
}

// leavesOf returns the hashes of a frame's sections' leaves.
func leavesOf(f bundle.Frame) (leaves []byte) {
	for _, s := range f.Sections {
		for _, leaf := range digest.LeafHashes(s) {
			leaves = append(leaves, leaf[:]...)
		}
	}
	return leaves
}

// root returns a root of a shape. Its keys stand in the order of their numbers.
func (s Shape) root(version uint64, expires int64) *trust.Root {
	numbers := slices.Concat(s.Root.Keys, s.Manifest.Keys, s.Head.Keys)
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	set := func(r Role) trust.Keyset {
		k := trust.Keyset{Threshold: r.Threshold}
		for _, i := range r.Keys {
			k.Keys = append(k.Keys, slices.Index(numbers, i))
		}
		slices.Sort(k.Keys)
		return k
	}
	r := &trust.Root{Version: version, Expires: expires, Roles: trust.Roles{Root: set(s.Root), Manifest: set(s.Manifest), Head: set(s.Head)}}
	for _, i := range numbers {
		r.Keys = append(r.Keys, keyring(i).public)
	}
	return r
}

// ringed is a key with what is asked of it often.
type ringed struct {
	keys   *pack.Keys
	seed   [32]byte // of both halves
	public trust.Key
}

var keyring = func() func(i int) ringed {
	var mu sync.Mutex
	known := map[int]ringed{}
	return func(i int) ringed {
		mu.Lock()
		defer mu.Unlock()
		if _, ok := known[i]; !ok {
			var r ringed
			for b := range r.seed {
				r.seed[b] = byte(10 + i)
			}
			var err error
			r.keys, err = pack.NewKeys(bytes.NewReader(append(r.seed[:], r.seed[:]...)))
			must(err)
			r.public = r.keys.Public()
			known[i] = r
		}
		return known[i]
	}
}()

func ring(numbers []int) (list []*pack.Keys) {
	for _, i := range numbers {
		list = append(list, Key(i))
	}
	return list
}

func must(err error) {
	if err != nil {
		panic("channeltest: internal error: " + err.Error())
	}
}
