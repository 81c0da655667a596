package host_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nearside/nearside/host"
	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm/abi"
)

var update = flag.Bool("update", false, "rewrite testdata/vectors and testdata/bundles")

const created, expires = 1_800_000_000, 1_900_000_000

func keys(t testing.TB, seed byte) *pack.Keys {
	k, err := pack.NewKeys(bytes.NewReader(bytes.Repeat([]byte{seed}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// world trains and packs a checkerboard of 40 items.
func world(t testing.TB, algorithm train.Algorithm) (root, file []byte) {
	t.Helper()
	log := modeltest.Checkerboard(60, 40)
	m, err := train.Train(context.Background(), log.Matrix(), train.Config{Algorithm: algorithm, Dim: 8, Epochs: 5, Lambda: 5})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int32(log.Items.Len()) {
		m.Items = append(m.Items, data.Item{ID: log.Items.ID(i), Title: "Field " + log.Items.ID(i), Tags: []string{[]string{"light", "dark"}[i%2]}})
	}
	if file, err = pack.Pack(m, keys(t, 1), pack.Options{Channel: "test", Created: created, Expires: expires, HalfLife: 30 * 86400}); err != nil {
		t.Fatal(err)
	}
	if root, err = keys(t, 1).Root(1, expires); err != nil {
		t.Fatal(err)
	}
	return root, file
}

func now() time.Time { return time.Unix(created+1000, 0) }

var cache string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "nearside-cache")
	if err != nil {
		panic(err)
	}
	cache = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func open(t testing.TB, root, file []byte, interpreter bool, instances int) *host.Host {
	t.Helper()
	h, err := host.Open(context.Background(), host.Config{Root: root, Bundle: file, Now: now, Instances: instances, CacheDir: cache, Interpreter: interpreter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func native(t testing.TB, root, file []byte) *slate.Recommender {
	t.Helper()
	r, err := bundle.ParseRoot(root)
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
		list = append(list, r)
	}
	return list
}

func itemIDs(t testing.TB, h *host.Host) []string {
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

// TestEveryEngineGivesTheSameBytes compares native, compiler and interpreter.
func TestEveryEngineGivesTheSameBytes(t *testing.T) {
	for _, algorithm := range []train.Algorithm{train.IALS, train.EASE, train.Popular} {
		root, file := world(t, algorithm)
		compiled := open(t, root, file, false, 1)
		interpreted := open(t, root, file, true, 1)
		here := native(t, root, file)
		for i, req := range requests(200, itemIDs(t, compiled)) {
			s, err := here.Recommend(req)
			if err != nil {
				t.Fatal(err)
			}
			want := s.Append(nil)
			for name, h := range map[string]*host.Host{"compiler": compiled, "interpreter": interpreted} {
				got, err := h.Call(context.Background(), abi.ExportRecommend, req.Append(nil))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%s, request %d, %s: %v\ngot  %x\nwant %x", algorithm, i, name, err, got, want)
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
	var e *host.Error
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
	var list []bad
	if err := json.Unmarshal(read(t, "bundles/bad.json"), &list); err != nil {
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
		_, err := host.Open(context.Background(), host.Config{
			Root: read(t, "bundles/"+b.Root), Bundle: file, Instances: 1, CacheDir: cache,
			Now: func() time.Time { return time.Unix(b.Now, 0) },
		})
		if status := statusOf(t, err); status != b.Status {
			t.Errorf("%s: %v, want %v", b.Name, err, b.Status)
		}
	}
}

func updateVectors(t *testing.T) {
	for _, algorithm := range []train.Algorithm{train.IALS, train.EASE, train.Popular} {
		root, file := world(t, algorithm)
		name := string(algorithm)
		v := vector{Root: name + ".nsr", Bundle: name + ".nsb", Now: now().Unix()}
		h := open(t, root, file, true, 1)
		add := func(name, export string, request []byte) {
			got, err := h.Call(context.Background(), export, request)
			v.Calls = append(v.Calls, call{name, export, hex.EncodeToString(request), statusOf(t, err), hex.EncodeToString(got)})
		}
		for i, req := range requests(24, itemIDs(t, h)) {
			add("request "+string(rune('a'+i)), abi.ExportRecommend, req.Append(nil))
		}
		add("no request", abi.ExportRecommend, []byte{0x80})
		add("k of 1001", abi.ExportRecommend, slate.Request{K: 1001}.Append(nil))
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
	manifest, err := bundle.ManifestOf(file)
	if err != nil {
		t.Fatal(err)
	}
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

func TestManyCallersShareTheInstances(t *testing.T) {
	root, file := world(t, train.IALS)
	h := open(t, root, file, false, 2)
	here := native(t, root, file)
	list := requests(50, itemIDs(t, h))
	want := make([][]byte, len(list))
	for i, req := range list {
		s, err := here.Recommend(req)
		if err != nil {
			t.Fatal(err)
		}
		want[i] = s.Append(nil)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i, req := range list {
				if got, err := h.Call(context.Background(), abi.ExportRecommend, req.Append(nil)); err != nil || !bytes.Equal(got, want[i]) {
					t.Errorf("request %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestRefusals(t *testing.T) {
	root, file := world(t, train.Popular)
	other, err := keys(t, 2).Root(1, expires)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config host.Config
		want   error
	}{
		"another root": {host.Config{Root: other, Bundle: file, Now: now}, bundle.ErrSignature},
		"expired":      {host.Config{Root: root, Bundle: file, Now: func() time.Time { return time.Unix(expires, 0) }}, bundle.ErrExpired},
	} {
		c.config.CacheDir = cache
		if _, err := host.Open(context.Background(), c.config); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	// A module that imports is refused: (module (import "env" "f" (func))).
	importing := []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x09\x01\x03env\x01f\x00\x00")
	if _, err := host.Open(context.Background(), host.Config{Module: importing, Root: root, Bundle: file}); err == nil || !strings.Contains(err.Error(), "imports") {
		t.Errorf("a module with an import: %v", err)
	}
}

func TestHTTP(t *testing.T) {
	root, file := world(t, train.EASE)
	h := open(t, root, file, false, 1)
	ids := itemIDs(t, h)
	server := httptest.NewServer(h.Handler())
	defer server.Close()
	for _, c := range []struct {
		name, kind, body string
		status           int
		want             string
	}{
		{"a history", "application/json", `{"k":3,"reasons":1,"history":[{"item":"` + ids[0] + `","kind":"like"},{"item":"nowhere"}]}`, 200, `"unknown":1`},
		{"nothing", "application/json; charset=utf-8", `{}`, 200, `"cold":true`},
		{"no JSON", "application/json", `{`, 400, `"request"`},
		{"two objects", "application/json", `{}{}`, 400, `"request"`},
		{"a field that is not ours", "application/json", `{"user":"me"}`, 400, `user`},
		{"an unknown kind", "application/json", `{"history":[{"item":"a","kind":"love"}]}`, 400, `love`},
		{"a weight of 17", "application/json", `{"history":[{"item":"a","weight":17}]}`, 400, `0 to 16`},
		{"k of 2000", "application/json", `{"k":2000}`, 400, `"limit"`},
		{"negative k", "application/json", `{"k":-1}`, 400, `negative`},
		{"an event without an item", "application/json", `{"history":[{}]}`, 400, `"request"`},
		{"another type", "text/plain", `{}`, 415, `application/json`},
		{"too much", "application/json", `{"exclude":["` + strings.Repeat("x", 3<<20) + `"]}`, 413, `"limit"`},
	} {
		res, err := http.Post(server.URL+"/v1/recommend", c.kind, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != c.status || !strings.Contains(string(body), c.want) || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s, want %d with %q", c.name, res.StatusCode, body, c.status, c.want)
		}
	}
	res, err := http.Get(server.URL + "/v1/recommend")
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d, %v", res.StatusCode, err)
	}
}

func BenchmarkRecommend(b *testing.B) {
	root, file := world(b, train.IALS)
	h := open(b, root, file, false, 1)
	req := requests(10, itemIDs(b, h))[9].Append(nil)
	for b.Loop() {
		if _, err := h.Call(context.Background(), abi.ExportRecommend, req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	root, file := world(b, train.IALS)
	for b.Loop() {
		h, err := host.Open(context.Background(), host.Config{Root: root, Bundle: file, Now: now, Instances: 1, CacheDir: cache})
		if err != nil {
			b.Fatal(err)
		}
		if err := h.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
