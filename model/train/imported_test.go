package train

import (
	"context"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nearside/nearside/model/data"
)

// vectorsOf are a model's factors as another program would hand them over.
func vectorsOf(m *Model) *data.Vectors {
	v := &data.Vectors{Dim: m.Dim, Values: slices.Clone(m.Factors)}
	for _, it := range m.Items {
		v.IDs.Add(it.ID)
	}
	return v
}

// TestImportedFactorsAreTheirModel: with the numbers it was learnt with, an
// iALS model that was exported folds people in as it did, exactly instead of in
// some steps.
func TestImportedFactorsAreTheirModel(t *testing.T) {
	in := input(random(80, 40, .2))
	for _, workers := range []int{1, 3} {
		want, err := Train(t.Context(), in, Config{Algorithm: IALS, Params: Params{"dim": 5, "epochs": 2, "exponent": .7}})
		if err != nil {
			t.Fatal(err)
		}
		in.Vectors = vectorsOf(want)
		got, err := Train(t.Context(), in, Config{Algorithm: Imported, Workers: workers,
			Params: Params{"alpha": float64(want.Alpha), "reg": float64(want.Reg), "exponent": float64(want.Exponent), "unobserved": 1}})
		if err != nil {
			t.Fatal(err)
		}
		got.Algorithm, got.Params = want.Algorithm, want.Params
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 5e-5)); diff != "" {
			t.Errorf("imported (-want +got):\n%s", diff)
		}
	}
}

// TestImportFoldsInAsSpark holds users that Spark 4.3 solved for (see make.py
// in data's testdata) against the fold-in of the item factors it saved.
func TestImportFoldsInAsSpark(t *testing.T) {
	const (
		alpha, reg = 8, .05 // Spark's
		tol        = 2e-5   // both solve in float32; entries are below 1
	)
	folder := filepath.Join("..", "data", "testdata", "vectors", "spark-als")
	vectors, err := data.ReadVectors(folder, data.VectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	log, _, err := data.ReadEvents(filepath.Join(folder, "events.csv"), data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Pairs: log.Matrix(), Vectors: vectors}
	for i := range log.Items.Len() {
		in.Items = append(in.Items, data.Item{ID: log.Items.ID(int32(i))})
	}
	training, err := newTraining(in, Config{Algorithm: Imported, Params: Params{"alpha": 1. / alpha, "reg": reg / alpha}})
	if err != nil {
		t.Fatal(err)
	}
	if err := learnImported(t.Context(), training); err != nil {
		t.Fatal(err)
	}
	fold := training.foldIn()
	if err := fold.solve(t.Context(), &fold.users, &fold.items, 0); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "users.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != log.Users.Len() {
		t.Fatalf("%d users of Spark, %d in the log", len(rows), log.Users.Len())
	}
	for _, row := range rows {
		u, ok := log.Users.Index(row[0])
		if !ok {
			t.Fatalf("user %s is not in the log", row[0])
		}
		for f := range fold.dim {
			want, err := strconv.ParseFloat(row[1+f], 64)
			if err != nil {
				t.Fatal(err)
			}
			got := float64(fold.users.factors[int(u)*fold.stride+f]) * (1 + alpha) / alpha
			if math.Abs(got-want) > tol {
				t.Errorf("user %s, factor %d: got %v, Spark %v", row[0], f, got, want)
			}
		}
	}
}

func TestImportWithoutPeople(t *testing.T) {
	in := input(matrixOf(4, []int32{0}, []int32{1}))
	in.Pairs = nil
	in.Items = append(in.Items, data.Item{ID: "no vector"})
	m, err := Train(context.Background(), in, Config{Algorithm: Imported})
	if err != nil {
		t.Fatal(err)
	}
	if m.Moment != nil || m.Label != (Label{}) || len(m.Count) != 5 {
		t.Errorf("got moment %v, label %+v, %d counts, want none, none, 5", m.Moment, m.Label, len(m.Count))
	}
	if want := append(slices.Clone(in.Vectors.Values), 0, 0, 0); !slices.Equal(m.Factors, want) {
		t.Errorf("got factors %v, want %v", m.Factors, want)
	}
	if got := m.Ridge(0); !(got > 0) {
		t.Errorf("ridge of nobody: got %v, want more than 0, or no bundle takes it", got)
	}
	if got, want := m.Ridge(3), float32(.1*3); math.Abs(float64(got-want)) > 1e-7 {
		t.Errorf("ridge of 3 items: got %v, want %v", got, want)
	}
	wide := in
	wide.Vectors = &data.Vectors{Dim: MaxDim + 1, Values: make([]float32, MaxDim+1)}
	wide.Vectors.IDs.Add("i0")
	if _, err := Train(context.Background(), wide, Config{Algorithm: Imported}); err == nil || !strings.Contains(err.Error(), "at most 1024") {
		t.Errorf("vectors of 1025 numbers: got %v", err)
	}
}
