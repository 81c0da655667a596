package data

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The files of testdata/vectors were made by make.py beside them.
func fixture(name string) string { return filepath.Join("testdata", "vectors", name) }

func TestReadVectors(t *testing.T) {
	numbers := []string{"0", "1", "2", "3", "4"}
	for _, test := range []struct {
		name string
		opt  VectorOptions
		ids  []string
		what string
	}{
		{"f4.npy", VectorOptions{}, numbers, "npy"},
		{"f8-v2.npy", VectorOptions{}, numbers, "npy"},
		{"f2-v3.npy", VectorOptions{}, numbers, "npy"},
		{"f4-big.npy", VectorOptions{}, numbers, "npy"},
		{"f8-fortran.npy", VectorOptions{}, numbers, "npy"},
		{"text.npz", VectorOptions{}, []string{"a", "b", "ünï", "d", "e"}, "npz"},
		{"bytes.npz", VectorOptions{Tensor: "vectors"}, []string{"a", "bc", "d", "e", "f"}, "npz"},
		{"implicit.npz", VectorOptions{}, numbers, "npz"},
		{"numbers.npz", VectorOptions{}, []string{"-1", "2", "300", "70000", "5"}, "npz"},
		{"f4.safetensors", VectorOptions{}, numbers, "safetensors"},
		{"two.safetensors", VectorOptions{Tensor: "items"}, numbers, "safetensors"},
		{"two.safetensors", VectorOptions{Tensor: "users"}, numbers, "safetensors"},
		{"fixed.parquet", VectorOptions{}, []string{"a", "b", "ünï", "d", "e"}, "parquet"},
		{"fixed.parquet", VectorOptions{Columns: map[string]string{"id": "2", "vector": "embedding"}}, []string{"a", "b", "ünï", "d", "e"}, "parquet"},
	} {
		t.Run(test.name+test.opt.Tensor, func(t *testing.T) {
			v, err := ReadVectors(fixture(test.name), test.opt)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.ids, ids(&v.IDs)); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			checkFixture(t, v)
			if want := fixture(test.name) + ": " + test.what + ", 5 vectors of 3 numbers, "; !strings.HasPrefix(v.Source, want) {
				t.Errorf("got source %s, want %s…", v.Source, want)
			}
		})
	}
}

// checkFixture sees the numbers that make.py wrote.
func checkFixture(t *testing.T, v *Vectors) {
	t.Helper()
	if v.Dim != 3 || v.Len() != 5 || len(v.Values) != 15 {
		t.Fatalf("got %d×%d, %d numbers, want 5×3", v.Len(), v.Dim, len(v.Values))
	}
	for r := range int32(5) {
		x := float32(r - 2)
		if want := []float32{x, 2 * x, 4 * x}; !slices.Equal(v.Row(r), want) {
			t.Errorf("row %d: got %v, want %v", r, v.Row(r), want)
		}
	}
}

func TestVectorsWithIDsOfAnotherFile(t *testing.T) {
	for _, name := range []string{"ids.txt", "ids.txt.gz"} {
		path := write(t, name, "x\r\ny\nz\n1\n2")
		for _, file := range []string{"f4.npy", "fixed.parquet"} { // the second has ids of its own
			v, err := ReadVectors(fixture(file), VectorOptions{IDs: path})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"x", "y", "z", "1", "2"}, ids(&v.IDs)); diff != "" {
				t.Errorf("%s: ids (-want +got):\n%s", file, diff)
			}
			checkFixture(t, v)
		}
	}
}

func TestVectorsInACompressedFile(t *testing.T) {
	raw, err := os.ReadFile(fixture("f4.npy"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := ReadVectors(write(t, "f4.npy.zst", string(raw)), VectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	checkFixture(t, v)
}

// TestReadSparkALS reads what Spark 4.3 wrote, by each name that a person may
// give it. What stands for the user factors is not even Parquet.
func TestReadSparkALS(t *testing.T) {
	model := t.TempDir()
	if err := os.CopyFS(model, os.DirFS(fixture("spark-als"))); err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(model, "userFactors")
	if err := os.Mkdir(users, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(users, "part-0.parquet"), []byte("PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{model, filepath.Join(model, "itemFactors")} {
		v, err := ReadVectors(path, VectorOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if v.Dim != 4 || v.Len() != 18 {
			t.Errorf("got %d×%d, want 18×4", v.Len(), v.Dim)
		}
		if got, want := v.IDs.ID(0)+" "+v.IDs.ID(17), "0 17"; got != want {
			t.Errorf("got first and last id %s, want %s", got, want)
		}
	}
	for _, path := range []string{users, filepath.Join(users, "part-0.parquet")} {
		if _, err := ReadVectors(path, VectorOptions{}); err == nil || !strings.Contains(err.Error(), "factors of people") {
			t.Errorf("%s: got %v, want a refusal", path, err)
		}
	}
	old := t.TempDir()
	if err := os.CopyFS(filepath.Join(old, "data", "product"), os.DirFS(fixture("spark-als/itemFactors"))); err != nil {
		t.Fatal(err)
	}
	if v, err := ReadVectors(old, VectorOptions{}); err != nil || v.Len() != 18 {
		t.Errorf("model of the RDD interface: got %v", err)
	}
}

func TestMatch(t *testing.T) {
	v := &Vectors{Dim: 1, Values: []float32{0, 1, 2}}
	for _, id := range []string{"a", "b", "c"} {
		v.IDs.Add(id)
	}
	rows, unknown := v.Match([]Item{{ID: "c"}, {ID: "x"}, {ID: "a"}, {ID: "c"}})
	if want := []int32{2, -1, 0, 2}; !slices.Equal(rows, want) || unknown != 1 {
		t.Errorf("got %v and %d unknown, want %v and 1", rows, unknown, want)
	}
}

// npyText is an npy file with this header and these numbers.
func npyText(header string, numbers ...float32) []byte {
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b = append(b, header...)
	for _, x := range numbers {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func npyShape(shape string, numbers ...float32) []byte {
	return npyText("{'descr': '<f4', 'fortran_order': False, 'shape': "+shape+", }\n", numbers...)
}

func tensorText(header string, numbers ...float32) []byte {
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	for _, x := range numbers {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func zipped(t *testing.T, files map[string][]byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMalformedVectors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	two := npyShape("(2, 2)", 1, 2, 3, 4)
	type row struct {
		ID     string    `parquet:"id"`
		Vector []float32 `parquet:"vector,list"`
	}
	type maybe struct {
		ID     string     `parquet:"id"`
		Vector []*float32 `parquet:"vector,list"`
	}
	type doubles struct {
		ID     int32     `parquet:"id"`
		Vector []float64 `parquet:"vector"`
	}
	type texts struct {
		ID     string   `parquet:"id"`
		Vector []string `parquet:"vector,list"`
	}
	type scalar struct {
		ID     string  `parquet:"id"`
		Vector float32 `parquet:"vector"`
	}
	huge, x := math.MaxFloat32*2, float32(1)
	for _, test := range []struct {
		name, file string
		content    []byte
		opt        VectorOptions
		want       string
	}{
		{"text", "a.npy", []byte("1,2,3\n"), VectorOptions{}, `begins with "1,2,3\n": want npy, npz, safetensors or parquet`},
		{"empty", "a.npy", nil, VectorOptions{}, "empty file"},
		{"version", "a.npy", []byte(npyMagic + "\x04\x00\x00\x00"), VectorOptions{}, "want npy of version 1, 2 or 3"},
		{"cut header", "a.npy", []byte(npyMagic + "\x01\x00\x80\x00{"), VectorOptions{}, "header: unexpected EOF"},
		{"long header", "a.npy", []byte(npyMagic + "\x02\x00\xff\xff\xff\xff{"), VectorOptions{}, "a header of 4294967295 bytes: want at most 65536"},
		{"no dictionary", "a.npy", npyText("x"), VectorOptions{}, `header "x": want a dictionary`},
		{"missing key", "a.npy", npyText("{'descr': '<f4'}"), VectorOptions{}, "want descr, fortran_order and shape"},
		{"key twice", "a.npy", npyText("{'descr': '<f4', 'descr': '<f4'}"), VectorOptions{}, `key "descr" stands twice`},
		{"unknown key", "a.npy", npyText("{'x': 1}"), VectorOptions{}, `key "x"`},
		{"structure", "a.npy", npyText("{'descr': [('a', '<f4')], }"), VectorOptions{}, "descr at"},
		{"negative shape", "a.npy", npyShape("(-1, 2)"), VectorOptions{}, "shape at"},
		{"endless shape", "a.npy", npyShape("(99999999999999999999, 2)"), VectorOptions{}, "shape at"},
		{"huge shape", "a.npy", npyShape("(9000000000000000000, 2)", 1), VectorOptions{}, "shape [9000000000000000000 2]: want at most"},
		{"large shape", "a.npy", npyShape("(1000000, 1000)", 1), VectorOptions{}, "shape [1000000 1000]: wants 4000000000 bytes of numbers, and there are 4"},
		{"whole numbers", "a.npy", npyText("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1)}", 1), VectorOptions{}, `type "<i4": want float16, float32 or float64`},
		{"one dimension", "a.npy", npyShape("(2,)", 1, 2), VectorOptions{}, "shape [2]: want rows and columns"},
		{"no rows", "a.npy", npyShape("(0, 2)"), VectorOptions{}, "no rows"},
		{"no columns", "a.npy", npyShape("(2, 0)"), VectorOptions{}, "shape [2 0]: want at most"},
		{"too short", "a.npy", npyShape("(2, 2)", 1, 2, 3), VectorOptions{}, "wants 16 bytes of numbers, and there are 12"},
		{"too long", "a.npy", npyShape("(2, 2)", 1, 2, 3, 4, 5), VectorOptions{}, "wants 16 bytes of numbers, and there are 20"},
		{"too short, compressed", "a.npy.gz", npyShape("(2, 2)", 1, 2, 3), VectorOptions{}, "breaks off after 0 of 4 numbers"},
		{"too long, compressed", "a.npy.gz", npyShape("(2, 2)", 1, 2, 3, 4, 5), VectorOptions{}, "goes on after the 4 numbers"},
		{"bomb", "a.npy.gz", npyShape("(100000, 1000)"), VectorOptions{}, "400000000 bytes packed into"},
		{"NaN", "a.npy", npyShape("(2, 2)", 1, 2, 3, nan), VectorOptions{}, "row 2: number 2 is NaN: want one that is finite as a float32"},
		{"infinity by columns", "a.npy", npyText("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 1)}", 1, inf, 3), VectorOptions{}, "row 2: number 1 is -Inf"},

		{"not a zip", "a.npz", []byte("PK\x03\x04"), VectorOptions{}, "zip: not a valid zip file"},
		{"compressed zip", "a.npz.gz", []byte("PK\x03\x04"), VectorOptions{}, "want npz that is not compressed as a whole"},
		{"two arrays", "a.npz", zipped(t, map[string][]byte{"x.npy": two, "y.npy": two}), VectorOptions{}, `no matrix "": name one of ["x" "y"]`},
		{"only ids", "a.npz", zipped(t, map[string][]byte{"ids.npy": two}), VectorOptions{Tensor: "ids"}, `no matrix "ids"`},
		{"array that is short", "a.npz", zipped(t, map[string][]byte{"x.npy": two[:len(two)-1]}), VectorOptions{}, "x: breaks off after 0 of 4 numbers"},
		{"ids of another shape", "a.npz", zipped(t, map[string][]byte{"x.npy": two, "ids.npy": npyText("{'descr': '|S1', 'fortran_order': False, 'shape': (3,)}", 1)}), VectorOptions{}, "ids: shape [3]: want one for each of 2 rows"},
		{"ids twice", "a.npz", zipped(t, map[string][]byte{"x.npy": two, "ids.npy": npyText("{'descr': '|S2', 'fortran_order': False, 'shape': (2,)}", math.Float32frombits('a'|'a'<<16))}), VectorOptions{}, `ids: row 2: id "a": vector 1 has it, too`},
		{"ids that are no text", "a.npz", zipped(t, map[string][]byte{"x.npy": two, "ids.npy": npyText("{'descr': '<U1', 'fortran_order': False, 'shape': (2,)}", nan, nan)}), VectorOptions{}, `ids: row 1: id "\xff"`},
		{"wide ids", "a.npz", zipped(t, map[string][]byte{"x.npy": two, "ids.npy": npyText("{'descr': '<U999999999', 'fortran_order': False, 'shape': (2,)}")}), VectorOptions{}, "text of at most 256 bytes"},

		{"header beyond the file", "a.safetensors", append(binary.LittleEndian.AppendUint64(nil, 99), '{'), VectorOptions{}, "a header of 99 bytes in a file of 9"},
		{"compressed", "a.safetensors.gz", tensorText("{}"), VectorOptions{}, "want safetensors that are not compressed as a whole"},
		{"no JSON", "a.safetensors", tensorText("{x"), VectorOptions{}, "header: jsontext:"},
		{"key twice", "a.safetensors", tensorText(`{"a":{},"a":{}}`), VectorOptions{}, "duplicate object member name"},
		{"no tensor", "a.safetensors", tensorText(`{"__metadata__":{"a":"b"}}`), VectorOptions{}, `no matrix "": name one of []`},
		{"wrong name", "a.safetensors", tensorText(`{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}`, 1), VectorOptions{Tensor: "b"}, `no matrix "b": name one of ["a"]`},
		{"wrong types", "a.safetensors", tensorText(`{"a":{"dtype":7}}`), VectorOptions{}, `header: tensor "a": json:`},
		{"offsets", "a.safetensors", tensorText(`{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}`, 1), VectorOptions{}, "data_offsets [4 8]: want a part of 4 bytes"},
		{"offsets backwards", "a.safetensors", tensorText(`{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[4,0]}}`, 1), VectorOptions{}, "data_offsets [4 0]"},
		{"offsets and shape", "a.safetensors", tensorText(`{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,4]}}`, 1), VectorOptions{}, "shape [2 1]: wants 8 bytes of numbers, and there are 4"},
		{"negative", "a.safetensors", tensorText(`{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, 1), VectorOptions{}, "shape [-1 -1]: want at most"},
		{"dtype", "a.safetensors", tensorText(`{"a":{"dtype":"I32","shape":[1,1],"data_offsets":[0,4]}}`, 1), VectorOptions{}, `dtype "I32": want F16, BF16, F32 or F64`},
		{"not finite", "a.safetensors", tensorText(`{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}`, inf), VectorOptions{}, "row 1: number 1 is -Inf"},

		{"other length", "a.parquet", parquetBytes(t, []row{{"a", []float32{1, 2}}, {"b", []float32{1}}}), VectorOptions{}, "a.parquet:2: 1 numbers: want 2, as many as in the first row"},
		{"no numbers", "a.parquet", parquetBytes(t, []row{{"a", nil}}), VectorOptions{}, "a.parquet:1: number 1 is null or one too many"},
		{"null", "a.parquet", parquetBytes(t, []maybe{{"a", []*float32{&x, nil}}}), VectorOptions{}, "a.parquet:1: number 2 is null"},
		{"the same id", "a.parquet", parquetBytes(t, []row{{"a", []float32{1}}, {"a", []float32{1}}}), VectorOptions{}, `a.parquet:2: id "a": vector 1 has it, too`},
		{"no id", "a.parquet", parquetBytes(t, []row{{"", []float32{1}}}), VectorOptions{}, `a.parquet:1: id "": want 1 to 256 bytes`},
		{"NaN in Parquet", "a.parquet", parquetBytes(t, []row{{"a", []float32{nan}}}), VectorOptions{}, "a.parquet:1: number 1 is NaN"},
		{"too large", "a.parquet", parquetBytes(t, []doubles{{1, []float64{huge}}}), VectorOptions{}, "a.parquet:1: number 1 is 6.8"},
		{"list of text", "a.parquet", parquetBytes(t, []texts{{"a", []string{"b"}}}), VectorOptions{}, `column "vector" is`},
		{"no list", "a.parquet", parquetBytes(t, []scalar{{"a", 1}}), VectorOptions{}, `want a list of float or double`},
		{"no such column", "a.parquet", parquetBytes(t, []row{{"a", nil}}), VectorOptions{Columns: map[string]string{"vector": "v"}}, `"v"`},
		{"no rows in Parquet", "a.parquet", parquetBytes(t, []row{}), VectorOptions{}, "no rows"},

		{"few ids", "a.npy", two, VectorOptions{IDs: write(t, "ids", "a\n")}, "ids: 1 ids for 2 vectors"},
		{"many ids", "a.npy", two, VectorOptions{IDs: write(t, "ids", "a\nb\nc\n")}, "ids: 3 ids for 2 vectors"},
		{"an id twice", "a.npy", two, VectorOptions{IDs: write(t, "ids", "a\na\n")}, `ids:2: id "a": vector 1 has it, too`},
		{"an empty id", "a.npy", two, VectorOptions{IDs: write(t, "ids", "a\n\n")}, `ids:2: id "": want`},
		{"no ids", "a.npy", two, VectorOptions{IDs: filepath.Join(t.TempDir(), "missing")}, "missing: no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := writeRaw(t, test.file, test.content)
			if strings.HasSuffix(test.file, ".gz") {
				path = write(t, test.file, string(test.content))
			}
			_, err := ReadVectors(path, test.opt)
			if err == nil || !strings.HasPrefix(err.Error(), "data: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
	if _, err := ReadVectors(t.TempDir(), VectorOptions{}); err == nil || !strings.Contains(err.Error(), "no *.parquet in this folder") {
		t.Errorf("empty folder: got %v", err)
	}
	if _, err := ReadVectors(fixture("pickled.npz"), VectorOptions{}); err == nil || !strings.Contains(err.Error(), `ids: type "|O"`) {
		t.Errorf("pickled ids: got %v", err)
	}
	if _, err := ReadVectors(fixture("f4.npy"), VectorOptions{Columns: map[string]string{"user": "1"}}); err == nil || !strings.Contains(err.Error(), `"user": want id or vector`) {
		t.Errorf("unknown column: got %v", err)
	}
}

// TestHalfToFloat: every number that a float32 can be rounded to comes back.
func TestHalfToFloat(t *testing.T) {
	for h, want := range map[uint16]float64{
		0: 0, 1: 0x1p-24, 0x03ff: 0x3ffp-24, 0x0400: 0x1p-14, 0x3c00: 1, 0x3c01: 1 + 0x1p-10,
		0x7bff: 65504, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1), 0xbc00: -1, 0x8001: -0x1p-24,
	} {
		if got := halfToFloat(h); got != want {
			t.Errorf("%#04x: got %v, want %v", h, got, want)
		}
	}
	if got := halfToFloat(0x7e00); got == got {
		t.Errorf("0x7e00: got %v, want NaN", got)
	}
	if got := (number{kind: brain}).at([]byte{0x80, 0x3f}); got != 1 {
		t.Errorf("bfloat16 3f80: got %v, want 1", got)
	}
}

// TestTransposed undoes itself.
func TestTransposed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 9).Draw(t, "rows"), rapid.IntRange(1, 9).Draw(t, "cols")
		values := rapid.SliceOfN(rapid.Float32(), rows*cols, rows*cols).Draw(t, "values")
		there := transposed(values, rows, cols)
		if rows > 1 && cols > 1 && there[1] != values[cols] {
			t.Errorf("got second number %v, want %v", there[1], values[cols])
		}
		if back := transposed(there, cols, rows); !slices.Equal(back, values) {
			t.Errorf("got %v, want %v", back, values)
		}
	})
}

// inMemory is a file for fuzzing.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// fuzzVectors reads content and checks what all vectors must hold.
func fuzzVectors(t *testing.T, content []byte, read func(v *Vectors, s *source) error) {
	in := inMemory{bytes.NewReader(content)}
	s := &source{name: "fuzz", base: "fuzz", file: in, size: in.Size(), r: bufio.NewReader(in)}
	v := &Vectors{}
	if err := read(v, s); err != nil {
		return
	}
	if v.Dim < 1 || len(v.Values)%v.Dim != 0 || len(v.Values) > len(content)*maxRatio {
		t.Errorf("%d numbers in rows of %d from %d bytes", len(v.Values), v.Dim, len(content))
	}
	if n := v.IDs.Len(); n != 0 && n != len(v.Values)/v.Dim {
		t.Errorf("%d ids for %d rows", n, len(v.Values)/v.Dim)
	}
	for _, x := range v.Values {
		if x-x != 0 {
			t.Errorf("number %v", x)
		}
	}
}

// addFixtures seeds a fuzz target with files of testdata/vectors.
func addFixtures(f *testing.F, pattern string) {
	files, err := filepath.Glob(fixture(pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
}

func FuzzNPY(f *testing.F) {
	addFixtures(f, "*.npy")
	f.Fuzz(func(t *testing.T, content []byte) { fuzzVectors(t, content, (*Vectors).readNPY) })
}

func FuzzNPZ(f *testing.F) {
	addFixtures(f, "*.npz")
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzVectors(t, content, func(v *Vectors, s *source) error { return v.readNPZ(s, "") })
	})
}

func FuzzSafetensors(f *testing.F) {
	addFixtures(f, "*.safetensors")
	f.Fuzz(func(t *testing.T, content []byte) {
		if !isSafetensors(content) {
			return
		}
		fuzzVectors(t, content, func(v *Vectors, s *source) error { return v.readSafetensors(s, "") })
	})
}

func FuzzParquetVectors(f *testing.F) {
	addFixtures(f, "*.parquet")
	addFixtures(f, "spark-als/itemFactors/*.parquet")
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzVectors(t, content, func(v *Vectors, s *source) error { return v.readParquet(s, make(choice, len(vectorSchema))) })
	})
}

func BenchmarkReadVectors(b *testing.B) {
	const n, d = 20_000, 64
	values := make([]float32, n*d)
	for i := range values {
		values[i] = float32(i)
	}
	path := writeRaw(b, "a.npy", npyShape(fmt.Sprintf("(%d, %d)", n, d), values...))
	b.SetBytes(4 * n * d)
	for b.Loop() {
		if _, err := ReadVectors(path, VectorOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestOnly(t *testing.T) {
	l := &Log{}
	for _, pair := range [][2]string{{"u", "a"}, {"v", "b"}, {"u", "c"}} {
		l.User = append(l.User, l.Users.Add(pair[0]))
		l.Item = append(l.Item, l.Items.Add(pair[1]))
	}
	var ids IDs
	ids.Add("c")
	ids.Add("a")
	ids.Add("z")
	only, others := Only(l, &ids)
	if got, want := show(only), "u a; u c"; got != want || others != 1 {
		t.Errorf("got %s and %d others, want %s and 1", got, others, want)
	}
	if l.Len() != 3 {
		t.Errorf("the log that was given has %d rows", l.Len())
	}
}
