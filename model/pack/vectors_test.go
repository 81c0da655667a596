package pack_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/channeltest"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/publish/patch"
	"github.com/nearside/nearside/model/train"
)

var update = flag.Bool("update", false, "rewrite testdata/channel")

// testdata/channel is for engines that are not called from Go. attacks/ has some
// of the attacks of channeltest as vectors. The other folders are a channel to
// be served: news/ has all of it, before/ has files that stood in its place a day
// earlier, and each other one has files that come in its place.
const channelFolder = "../../testdata/channel"

// perWord is how many of the attacks that end with one word become vectors, and
// maxVector the longest file that they may need, which is a head too long:
// signatures do not compress.
const perWord, maxVector = 2, trust.MaxHeadFile + 1

// TestChannelVectors: natively the vectors end as they say, and every word of
// ABI.md that a channel can end with has one. With -update they are written anew.
func TestChannelVectors(t *testing.T) {
	if *update {
		if err := os.RemoveAll(channelFolder); err != nil {
			t.Fatal(err)
		}
		writeAttacks(t)
		writeNews(t)
	}
	var list []channeltest.Vector
	if err := json.Unmarshal(readFile(t, "attacks/attacks.json"), &list); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range list {
		seen[v.Status] = true
		a, err := v.Attack(func(name string) []byte { return readFile(t, "attacks/"+name) })
		if err != nil {
			t.Fatal(err)
		}
		status, reached, anchor := "ok", "", a.Anchor
		for i, c := range a.Calls {
			state, step, err := c.Do(anchor)
			if status = channeltest.Word(err); err != nil {
				if i != len(a.Calls)-1 {
					t.Errorf("%s: call %d: %v", v.Name, i, err)
				}
				break
			}
			if want := v.Calls[i].Want; step.Want != want {
				t.Errorf("%s: call %d leads to %q, want %q", v.Name, i, step.Want, want)
			}
			anchor, reached = state, hexSum(state)
		}
		if status != v.Status || reached != v.State {
			t.Errorf("%s: got %s and the state %s, want %s and %s", v.Name, status, reached, v.Status, v.State)
		}
	}
	for _, word := range []string{
		"ok", "request", "syntax", "root", "signature", "expired", "version", "hash", "state", "head", "envelope", "size", "threshold", "root-version",
		"root-expired", "head-expired", "channel", "rollback", "replaced", "fast-forward", "mismatch", "stopped", "log", "module",
	} {
		if !seen[word] {
			t.Errorf("no vector ends with %s", word)
		}
	}
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(channelFolder, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, name string, b []byte) {
	t.Helper()
	path := filepath.Join(channelFolder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// writeAttacks writes the first attacks that end with each word.
func writeAttacks(t *testing.T) {
	attacks, _ := channeltest.Attacks()
	attacks = append(attacks[:len(attacks):len(attacks)], channeltest.Attack{
		Name: "a state that is none", Want: &trust.SyntaxError{Document: trust.DocumentState},
		Anchor: []byte("\x8b\x00\xa5state\x01"), Calls: []channeltest.Call{{Now: channeltest.Now}},
	})
	var list []channeltest.Vector
	count := map[string]int{}
	for _, a := range attacks {
		longest := len(a.Anchor)
		for _, c := range a.Calls {
			longest = max(longest, len(c.File), len(c.Bundle))
		}
		word := channeltest.Word(a.Want)
		if count[word] == perWord || longest > maxVector {
			continue
		}
		count[word]++
		list = append(list, a.Vector(func(file []byte) string {
			name := hexSum(file)[:16]
			writeFile(t, "attacks/"+name, file)
			return name
		}))
	}
	text, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, "attacks/attacks.json", append(text, '\n'))
}

// siteModel has strings of lengths whose leaves are at the edges (131073 and
// 65535 bytes), and rows that rescore of two leaves.
func siteModel(version uint64) *train.Model {
	const n, d = 1400, 64
	rnd := rand.New(rand.NewPCG(1, 2))
	m := &train.Model{Algorithm: train.IALS, Dim: d, Alpha: .1, Reg: .003, Exponent: 1, Label: train.Label{Users: 9, Events: 99, MinItemUsers: 5}}
	for i := range n {
		m.Items = append(m.Items, data.Item{ID: "item" + strconv.Itoa(i) + "-", Title: "Title " + strconv.Itoa(i)})
		m.Count = append(m.Count, uint32(n-i))
	}
	for range n * d {
		m.Factors = append(m.Factors, float32(rnd.NormFloat64()))
	}
	fill := func(bytes int, field func(*data.Item) *string) {
		rest := bytes - 4*(n+1)
		for i := range m.Items {
			s := field(&m.Items[i])
			want := rest / (n - i)
			*s += strings.Repeat(string(rune('a'+i%26)), want-len(*s))
			rest -= want
		}
	}
	fill(2*digest.LeafSize+1, func(it *data.Item) *string { return &it.ID })
	fill(digest.LeafSize-1, func(it *data.Item) *string { return &it.Author })
	if version > 1 {
		m.Items[0].Title = "Another title"
		for i := range m.Count {
			m.Count[i] += uint32(i % 7)
		}
		for i := (n - 100) * d; i < n*d; i++ {
			m.Factors[i] = -m.Factors[i]
		}
	}
	return m
}

// site is a channel whose files are written, folder by folder, as far as they
// have changed.
type site struct {
	*channeltest.Channel
	t       *testing.T
	written map[string][]byte
}

func (s *site) options(version uint64) pack.Options {
	return pack.Options{Channel: channeltest.Name, Version: version, Created: channeltest.Created, Expires: channeltest.Expires}
}

// beside returns a site that goes on by itself.
func (s *site) beside() *site {
	return &site{(&channeltest.Mirror{Channel: s.Channel}).Clone().Channel, s.t, s.written}
}

// rest makes the present files those that need not be written again.
func (s *site) rest() {
	s.written = maps.Clone(s.Files)
}

// miscompute publishes a third release, of which a known answer is wrong that
// waits for the rows that rescore.
func (s *site) miscompute(put func(s *site, version uint64)) {
	put(s, 3)
	file := s.Bundles[3]
	m, err := bundle.ParseManifest(channeltest.Frame(file).Manifest)
	if err != nil {
		s.t.Fatal(err)
	}
	hash := bytes.Clone(m.KnownAnswers[2].Items[:])
	if n := bytes.Count(file, hash); n != 1 {
		s.t.Fatalf("the hash of an answer is there %d times", n)
	}
	file[bytes.Index(file, hash)] ^= 1
	doc, err := pack.ParseDocument(file)
	if err != nil {
		s.t.Fatal(err)
	}
	signers := s.Shape.Manifest.Keys
	if file, err = doc.Sign(channeltest.Key(signers[0]), channeltest.Key(signers[1])); err != nil {
		s.t.Fatal(err)
	}
	frame := channeltest.Frame(file)
	release, err := pack.ReleaseOf(frame)
	if err != nil {
		s.t.Fatal(err)
	}
	delete(s.Files, bundle.ReleaseName(s.Release.Digest))
	s.Release.Digest = trust.Digest(frame.Manifest)
	s.Files[bundle.ReleaseName(s.Release.Digest)] = release
}

// write writes into folder what is new, and the chunks of the newest release.
func (s *site) write(folder string) {
	for _, section := range channeltest.Frame(s.Bundles[s.Release.Version]).Sections {
		for i, leaf := range digest.LeafHashes(section) {
			s.Files[bundle.ChunkName(leaf)] = section[i*digest.LeafSize : min(len(section), (i+1)*digest.LeafSize)]
		}
	}
	for name, file := range s.Files {
		if old, ok := s.written[name]; !ok || !bytes.Equal(old, file) {
			writeFile(s.t, folder+"/"+name, file)
		}
	}
}

// writeNews publishes two versions of a channel, with another key for heads in
// between and a patch from the one to the other; and what might come next.
func writeNews(t *testing.T) {
	shape := channeltest.Shape{
		Root:     channeltest.Role{Threshold: 2, Keys: []int{0, 1, 2}},
		Manifest: channeltest.Role{Threshold: 2, Keys: []int{0, 1, 2}},
		Head:     channeltest.Role{Threshold: 2, Keys: []int{3, 4, 5}},
	}
	put := func(s *site, version uint64) {
		opt := s.options(version)
		opt.History = 20
		opt.Quant = pack.Quant{Codec: bundle.CodecPQ, Bytes: 8, Rescore: bundle.CodecInt8, Candidates: 20}
		s.PutModel(siteModel(version), opt)
	}
	s := &site{Channel: channeltest.Empty(), t: t}
	s.PutRoot(shape, channeltest.RootExpires, 0, 1)
	put(s, 1)
	s.PutHead(nil)
	s.write("news")
	for _, name := range []string{bundle.RootName, bundle.HeadName} {
		writeFile(t, "before/"+name, s.Files[name])
	}
	first := s.Release
	s.rest()

	// The next root has others that sign manifests, who have signed the first one anew.
	others := shape
	others.Manifest.Keys = []int{7, 8, 9}
	b := s.beside()
	b.PutRoot(others, channeltest.RootExpires, 0, 1)
	put(b, 1)
	b.PutHead(nil)
	b.write("other-signers")

	shape.Head.Keys = []int{4, 6, 5}
	s.PutRoot(shape, channeltest.RootExpires, 0, 1)
	put(s, 2)
	p, err := patch.Make(s.Bundles[1], s.Bundles[2])
	if err != nil {
		t.Fatal(err)
	}
	s.Files[bundle.PatchName(trust.Digest(p))] = p
	s.PutHead(func(h *trust.Head) {
		h.Patches = []trust.Patch{{From: first.Digest, Bytes: len(p), Digest: trust.Digest(p)}}
	})
	s.write("news")
	s.rest()

	b = s.beside()
	b.miscompute(put)
	b.PutHead(nil)
	b.write("miscomputes")

	for folder, edit := range map[string]func(*trust.Head){
		"first-stopped": func(h *trust.Head) { h.MinVersion = 2 },
		"all-stopped":   func(h *trust.Head) { h.Seq, h.MinVersion = h.Seq+1, 3 },
		"later":         func(h *trust.Head) { h.Issued, h.Expires = channeltest.Expires, channeltest.Expires+channeltest.Day },
	} {
		b := s.beside()
		b.PutHead(edit)
		b.write(folder)
	}
	module := sha256.Sum256([]byte("a module"))
	opt := s.options(3)
	opt.Modules = [][32]byte{{1}, module}
	b = s.beside()
	b.PutBundle(opt)
	b.PutHead(nil)
	b.write("for-a-module")

	m := siteModel(3)
	m.Algorithm, m.Items, m.Count, m.Factors, m.Dim = train.EASE, m.Items[:3], m.Count[:3], nil, 0
	m.Neighbours = &data.Matrix{Rows: 3, Cols: 3, Ptr: []int64{0, 0, 0, 0}}
	b = s.beside()
	b.PutModel(m, s.options(3))
	b.PutHead(nil)
	b.write("no-neighbours") // sections without a byte, of one leaf each
}
