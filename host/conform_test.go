package host

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm/abi"
)

var update = flag.Bool("update", false, "rewrite testdata/vectors and testdata/bundles")

func native(t testing.TB, root, file []byte) *slate.Recommender {
	t.Helper()
	r, err := trust.ParseRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(r, file, now().Unix())
	if err != nil {
		t.Fatal(err)
	}
	return slate.New(b)
}

// requests are the same in every run: histories of every length, kind and age,
// with unknown items and repeats among them.
func requests(n int, items []string) []slate.Request {
	rnd := rand.New(rand.NewPCG(7, 8))
	list := []slate.Request{{K: 1}, {K: 1000, Now: created}}
	for len(list) < n {
		r := slate.Request{K: 1 + rnd.IntN(50), Now: created + int64(rnd.IntN(1000000)), Reasons: rnd.IntN(5)}
		for range rnd.IntN(20) {
			e := profile.Event{Item: items[rnd.IntN(len(items))], Kind: profile.Kind(1 + rnd.IntN(5)), Weight: uint32(rnd.IntN(profile.MaxWeight))}
			if rnd.IntN(8) == 0 {
				e.Item = "nowhere"
			}
			if rnd.IntN(2) == 0 {
				e.Time = created - int64(rnd.IntN(200*86400))
			}
			r.History = append(r.History, e)
		}
		for range rnd.IntN(3) {
			r.Exclude = append(r.Exclude, items[rnd.IntN(len(items))])
		}
		switch rnd.IntN(6) {
		case 0:
			r.AnyTags = []string{"light", "nowhere"}
		case 1:
			r.NoTags = []string{"dark"}
		case 2:
			r.Unavailable = []byte{byte(rnd.Uint32()), byte(rnd.Uint32())}
		}
		list = append(list, r)
	}
	return list
}

func itemIDs(t testing.TB, h *Host) []string {
	t.Helper()
	total, _, err := h.Items(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	indices := make([]uint32, total)
	for i := range indices {
		indices[i] = uint32(i)
	}
	_, entries, err := h.Items(context.Background(), indices)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}

// worlds are the models and codecs that have vectors, by name.
var worlds = map[string]testWorld{
	"ials":        {algorithm: train.IALS},
	"ease":        {algorithm: train.EASE},
	"popular":     {algorithm: train.Popular},
	"int4":        {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecInt4}},
	"float":       {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecFloat}},
	"binary":      {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecBinary, Candidates: 20}},
	"pq":          {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecPQ, Bytes: 4, Candidates: 20}},
	"pq-int8":     {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecPQ, Bytes: 3, Rescore: bundle.CodecInt8, Candidates: 20}},
	"binary-int4": {algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecBinary, Rescore: bundle.CodecInt4, Candidates: 20}},

	"sequence":         {algorithm: train.Sequence},
	"sequence-pq-int8": {algorithm: train.Sequence, quant: pack.Quant{Codec: bundle.CodecPQ, Bytes: 3, Rescore: bundle.CodecInt8, Candidates: 20}},

	"pool":              {algorithm: train.Popular, pool: &modeltest.PoolShape{Items: 40, Columns: 3, Net: true, Repeats: true}},
	"pool-sums":         {algorithm: train.Popular, pool: &modeltest.PoolShape{Items: 40, Columns: 5}},
	"pool-factors":      {algorithm: train.IALS, pool: &modeltest.PoolShape{Items: 40, Columns: 2, Net: true, Factors: true}},
	"pool-factors-sums": {algorithm: train.IALS, pool: &modeltest.PoolShape{Items: 40, Columns: 1, Factors: true, Repeats: true}},
	"pool-pq-int8": {
		algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecPQ, Bytes: 3, Rescore: bundle.CodecInt8, Candidates: 20},
		pool: &modeltest.PoolShape{Items: 40, Columns: 3, Net: true, Factors: true, Repeats: true},
	},
}

// TestEveryEngineGivesTheSameBytes compares native, compiler and interpreter.
func TestEveryEngineGivesTheSameBytes(t *testing.T) {
	for world, w := range worlds {
		root, file := worldOf(t, w)
		compiled := open(t, root, file, false, 1)
		interpreted := open(t, root, file, true, 1)
		here := native(t, root, file)
		for i, req := range requests(200, itemIDs(t, compiled)) {
			if w.pool != nil {
				req.Seen = slate.Seen(i % 3)
			}
			if i%4 == 3 {
				req.Diversity = uint32(i * 331 % (profile.One + 1))
			}
			s, err := here.Recommend(req)
			if err != nil {
				t.Fatal(err)
			}
			want := s.Append(nil)
			for name, h := range map[string]*Host{"compiler": compiled, "interpreter": interpreted} {
				got, err := h.Call(context.Background(), abi.ExportRecommend, req.Append(nil))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%s, request %d, %s: %v\ngot  %x\nwant %x", world, i, name, err, got, want)
				}
			}
		}
	}
}

// vector is one file of testdata/vectors.
type vector struct {
	Root   string `json:"root"`
	Bundle string `json:"bundle"`
	Now    int64  `json:"now"`
	Calls  []call `json:"calls"`
}

type call struct {
	Name    string     `json:"name"`
	Export  string     `json:"export"`
	Request string     `json:"request"` // hexadecimal
	Status  abi.Status `json:"status"`
	Answer  string     `json:"answer"` // hexadecimal; "" when the status is not 0
}

// bad is one entry of testdata/bundles/bad.json: a bundle with one change.
type bad struct {
	Name     string     `json:"name"`
	Root     string     `json:"root"`
	Bundle   string     `json:"bundle"`
	Now      int64      `json:"now"`
	Flip     *int       `json:"flip,omitempty"`     // this bit of the bundle is inverted
	Truncate *int       `json:"truncate,omitempty"` // only so many bytes of it
	Status   abi.Status `json:"status"`
}

const testdata = "../testdata"

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	path := filepath.Join(testdata, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func writeJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, append(b, '\n'))
}

// statusOf returns the code that a call ended with.
func statusOf(t *testing.T, err error) abi.Status {
	t.Helper()
	if err == nil {
		return abi.StatusOK
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	return e.Code
}

// TestVectors holds both engines to the files that Node and Chromium are held
// to. With -update it writes them from what the module answers now.
func TestVectors(t *testing.T) {
	if *update {
		updateVectors(t)
	}
	names, err := filepath.Glob(filepath.Join(testdata, "vectors", "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, name := range names {
		var v vector
		if err := json.Unmarshal(read(t, "vectors/"+filepath.Base(name)), &v); err != nil {
			t.Fatal(err)
		}
		root, file := read(t, "vectors/"+v.Root), read(t, "vectors/"+v.Bundle)
		native := native(t, root, file)
		if err := native.Check(); err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
		for _, interpreter := range []bool{false, true} {
			h := open(t, root, file, interpreter, 1)
			for _, c := range v.Calls {
				request, err := hex.DecodeString(c.Request)
				if err != nil {
					t.Fatal(err)
				}
				got, err := h.Call(context.Background(), c.Export, request)
				if status := statusOf(t, err); status != c.Status || hex.EncodeToString(got) != c.Answer {
					t.Errorf("%s, %s, interpreter %v: status %v, answer %x", filepath.Base(name), c.Name, interpreter, status, got)
				}
			}
		}
	}
}

// TestPreinitialisedAnswersAlike compares the embedded module with one from the
// same source whose instances start the Go runtime themselves.
func TestPreinitialisedAnswersAlike(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plain.wasm")
	if text, err := exec.Command("go", "run", "../wasm/build", "-plain", "-o", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	plain, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	root, file := world(t, train.IALS)
	embedded := open(t, root, file, false, 1)
	started := openWith(t, Config{Module: plain, Root: root, Bundle: file, Instances: 1})
	for i, req := range requests(200, itemIDs(t, embedded)) {
		want, err := started.Call(context.Background(), abi.ExportRecommend, req.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		got, err := embedded.Call(context.Background(), abi.ExportRecommend, req.Append(nil))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("request %d: %v\ngot  %x\nwant %x", i, err, got, want)
		}
	}
	if bytes.Equal(embedded.config.Module, plain) {
		t.Error("the embedded module is not pre-initialised")
	}
}

// TestBadBundles: an instance refuses each, and still answers from the bundle
// that it has open.
func TestBadBundles(t *testing.T) {
	var list []bad
	if err := json.Unmarshal(read(t, "bundles/bad.json"), &list); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, interpreter := range []bool{false, true} {
		h := open(t, read(t, "bundles/good.nsr"), read(t, "bundles/good.nsb"), interpreter, 1)
		g, err := h.take(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range list {
			file := read(t, "bundles/"+b.Bundle)
			if b.Flip != nil {
				file[*b.Flip/8] ^= 1 << (*b.Flip % 8)
			}
			if b.Truncate != nil {
				file = file[:*b.Truncate]
			}
			err := g.open(ctx, read(t, "bundles/"+b.Root), file, b.Now)
			if status := statusOf(t, err); status != b.Status {
				t.Errorf("%s, interpreter %v: got %v, want %v", b.Name, interpreter, err, b.Status)
			}
			if _, err := g.ask(ctx, abi.ExportRecommend, slate.Request{K: 1}.Append(nil)); err != nil {
				t.Errorf("%s, interpreter %v: afterwards: %v", b.Name, interpreter, err)
			}
		}
		if err := h.give(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
}

func updateVectors(t *testing.T) {
	for name, w := range worlds {
		root, file := worldOf(t, w)
		v := vector{Root: name + ".nsr", Bundle: name + ".nsb", Now: now().Unix()}
		h := open(t, root, file, true, 1)
		add := func(name, export string, request []byte) {
			got, err := h.Call(context.Background(), export, request)
			v.Calls = append(v.Calls, call{name, export, hex.EncodeToString(request), statusOf(t, err), hex.EncodeToString(got)})
		}
		list := requests(24, itemIDs(t, h))
		for i, req := range list {
			if w.pool != nil {
				req.Seen = slate.Seen(i % 3)
			}
			add("request "+string(rune('a'+i)), abi.ExportRecommend, req.Append(nil))
		}
		again := list[7]
		again.Seen = slate.SeenHide
		add("the history is not shown", abi.ExportRecommend, again.Append(nil))
		again.Seen = slate.SeenShow
		add("the history is shown", abi.ExportRecommend, again.Append(nil))
		two := again.Append(nil)
		two[len(two)-1] = 2
		add("seen of 2", abi.ExportRecommend, two)
		vector := wire.AppendFloat32s(nil, []float32{.5, -1, .25, 0, 3, -.125, 1, 2})
		add("a vector", abi.ExportRecommend, slate.Request{K: 7, Vector: vector, Unavailable: []byte{3}}.Append(nil))
		add("a vector too short", abi.ExportRecommend, slate.Request{K: 7, Vector: vector[:28]}.Append(nil))
		add("more availability than items", abi.ExportRecommend, slate.Request{K: 7, Unavailable: make([]byte, 6)}.Append(nil))
		again.Seen, again.Diversity = slate.SeenByBundle, profile.One/4
		add("a diverse list", abi.ExportRecommend, again.Append(nil))
		again.K, again.Diversity = 8, profile.One
		add("a list as diverse as can be", abi.ExportRecommend, again.Append(nil))
		add("diverse among few", abi.ExportRecommend, slate.Request{K: 40, Diversity: 40_000, AnyTags: []string{"light"}}.Append(nil))
		add("a diverse list by a vector", abi.ExportRecommend, slate.Request{K: 7, Vector: vector, Diversity: profile.One / 2}.Append(nil))
		again.Diversity = profile.One + 1
		add("a diversity above 1", abi.ExportRecommend, again.Append(nil))
		add("no request", abi.ExportRecommend, []byte{0x80})
		add("k of 1001", abi.ExportRecommend, slate.Request{K: 1001}.Append(nil))
		add("manifest", abi.ExportManifest, nil)
		add("an empty request", abi.ExportRecommend, nil)
		add("items", abi.ExportItems, slate.AppendItemsRequest(nil, []uint32{0, 39, 3}))
		add("an item beyond the catalogue", abi.ExportItems, slate.AppendItemsRequest(nil, []uint32{40}))
		write(t, "vectors/"+v.Root, root)
		write(t, "vectors/"+v.Bundle, file)
		writeJSON(t, "vectors/"+name+".json", v)
	}
	root, file := world(t, train.Popular)
	other, err := keys(t, 2).Root(1, expires)
	if err != nil {
		t.Fatal(err)
	}
	write(t, "bundles/good.nsr", root)
	write(t, "bundles/other.nsr", other)
	write(t, "bundles/good.nsb", file)
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	manifest := frame.Manifest
	at := bytes.Index(file, manifest)
	list := []bad{
		{Name: "nothing wrong", Status: abi.StatusOK},
		{Name: "another publisher's root", Root: "other.nsr", Status: abi.StatusSignature},
		{Name: "expired", Now: expires, Status: abi.StatusExpired},
	}
	one := func(name string, flip, truncate int, status abi.Status) {
		b := bad{Name: name, Status: status}
		if flip >= 0 {
			b.Flip = &flip
		} else {
			b.Truncate = &truncate
		}
		list = append(list, b)
	}
	for i := range 16 {
		one("a bit of the manifest", 8*(at+i*len(manifest)/16)+i%8, 0, abi.StatusSignature)
		one("cut short", -1, 1+i*(len(file)-1)/16, abi.StatusSyntax)
	}
	one("the last bit of the last section", 8*len(file)-1, 0, abi.StatusHash)
	one("the format version", 8*(1+1+9+1)+1, 0, abi.StatusVersion)
	one("the magic", 8*4, 0, abi.StatusSyntax)
	for i := range list {
		list[i].Bundle = "good.nsb"
		if list[i].Root == "" {
			list[i].Root = "good.nsr"
		}
		if list[i].Now == 0 {
			list[i].Now = created
		}
	}
	writeJSON(t, "bundles/bad.json", list)
}
