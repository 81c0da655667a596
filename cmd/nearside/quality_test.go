package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestModuleLosesLittle holds the shipped module to at most 0.5 % less NDCG@10
// than the float model on MovieLens 100K, full ranking.
func TestModuleLosesLittle(t *testing.T) {
	dir := os.Getenv("NEARSIDE_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	events := filepath.Join(dir, "movielens-100k", "u.data.gz")
	if _, err := os.Stat(events); err != nil {
		t.Skipf("no MovieLens 100K: %v; set NEARSIDE_DATA", err)
	}
	t.Setenv("HOME", t.TempDir()) // the compile cache goes there
	path := filepath.Join(t.TempDir(), "out.json")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = out
	code := run([]string{"eval", "--events", events, "--protocol", "loo", "--model", "ials", "--through", "float,module", "--at", "10", "--json"})
	os.Stdout = stdout
	if err := out.Close(); err != nil || code != 0 {
		t.Fatalf("exit %d, %v", code, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var e evaluation
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if len(e.Rows) != 2 {
		t.Fatalf("got %d rows, want 2", len(e.Rows))
	}
	float, module := e.Rows[0].Result.At[0].NDCG.Mean, e.Rows[1].Result.At[0].NDCG.Mean
	if module < .995*float {
		t.Errorf("NDCG@10 is %v through the module and %v in floats: more than 0.5 %% is lost", module, float)
	}
}
