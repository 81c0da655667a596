package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/eval"
	"github.com/nearside/nearside/model/modeltest"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
)

// TestImportedModelRecommendsTheSame takes iALS's factors out of a model as a
// .npy with ids and imports them: trained floats and packed bytes must rank as
// the model's do.
func TestImportedModelRecommendsTheSame(t *testing.T) {
	world := modeltest.Magazine(1, modeltest.Size{Items: 120, Readers: 300})
	d, err := clean(world.Log, world.Items, demoCleaning)
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.learn(t.Context(), d.log, train.Config{Algorithm: train.IALS, Params: train.Params{"dim": 16, "epochs": 4}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	factors, ids, out := filepath.Join(dir, "items.npy"), filepath.Join(dir, "ids.txt"), filepath.Join(dir, "model.nsm")
	var list bytes.Buffer
	for _, it := range want.Items {
		fmt.Fprintln(&list, it.ID)
	}
	if err := os.WriteFile(ids, list.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(factors, npy(t, want), 0o600); err != nil {
		t.Fatal(err)
	}
	events := filepath.Join(dir, "events.csv")
	if err := os.WriteFile(events, eventsCSV(t, world.Log), 0o600); err != nil {
		t.Fatal(err)
	}
	c := importCmd{Factors: factors, Out: out,
		Source: source{Events: events, MinUserItems: demoCleaning.MinUserItems, MinItemUsers: demoCleaning.MinItemUsers,
			vectorFlags: vectorFlags{VectorIDs: ids}},
		Learner: learner{Set: map[string]float64{
			"alpha": float64(want.Alpha), "reg": float64(want.Reg), "exponent": float64(want.Exponent), "unobserved": 1}}}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := train.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Items) != len(want.Items) || got.Label.Users != want.Label.Users || got.Label.Digest != want.Label.Digest {
		t.Errorf("got %d items and label %+v, want %d and %+v", len(got.Items), got.Label, len(want.Items), want.Label)
	}
	place := map[string]int32{} // the two number their items differently
	for i, it := range got.Items {
		place[it.ID] = int32(i)
	}
	split, err := data.LeaveLastOut(d.log)
	if err != nil {
		t.Fatal(err)
	}
	ranks := map[string]func(*train.Model, []data.Event) []string{"floats": rankFloats(t), "bundle": rankPacked(t)}
	for c, cs := range split.Cases[:50] {
		there := slices.Clone(cs.History)
		for e := range there {
			there[e].Item = place[want.Items[there[e].Item].ID]
		}
		for name, rank := range ranks {
			if g, w := rank(got, there), rank(want, cs.History); !slices.Equal(g, w) {
				t.Fatalf("%s, case %d: got %v, want %v", name, c, g, w)
			}
		}
	}
}

// npy writes m's factors as numpy.save does.
func npy(t *testing.T, m *train.Model) []byte {
	t.Helper()
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }\n", len(m.Items), m.Dim)
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	b, err := binary.Append(append(b, header...), binary.LittleEndian, m.Factors)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rankFloats gives the ids of the ten best by the floats.
func rankFloats(t *testing.T) func(*train.Model, []data.Event) []string {
	return func(m *train.Model, history []data.Event) []string {
		r, err := eval.Float(m, false)
		if err != nil {
			t.Fatal(err)
		}
		return rankedIDs(t, m, r, history)
	}
}

// rankPacked gives the ids of the ten best by the bundle; each model is packed once.
func rankPacked(t *testing.T) func(*train.Model, []data.Event) []string {
	packed := map[*train.Model]eval.Ranker{}
	return func(m *train.Model, history []data.Event) []string {
		if packed[m] == nil {
			p, err := newPacked(m, 100, false, pack.Quant{})
			if err != nil {
				t.Fatal(err)
			}
			if packed[m], err = p.native(); err != nil {
				t.Fatal(err)
			}
		}
		return rankedIDs(t, m, packed[m], history)
	}
}

func rankedIDs(t *testing.T, m *train.Model, r eval.Ranker, history []data.Event) (ids []string) {
	t.Helper()
	list, err := r.Rank(nil, eval.Question{History: history, K: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		ids = append(ids, m.Items[i].ID)
	}
	return ids
}
