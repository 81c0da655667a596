package data

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
)

// writeParquet puts rows into a new file, with few rows in a group.
func writeParquet[T any](t testing.TB, name string, rows []T) (path string) {
	t.Helper()
	return writeRaw(t, name, parquetBytes(t, rows))
}

func parquetBytes[T any](t testing.TB, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := parquet.Write(&b, rows, parquet.MaxRowsPerRowGroup(300), parquet.PageBufferSize(1024)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadParquetEvents(t *testing.T) {
	type row struct {
		Skipped string    `parquet:"comment"`
		When    time.Time `parquet:"timestamp,timestamp(microsecond)"`
		Item    string    `parquet:"item_id,dict"`
		User    int64     `parquet:"user_id"`
		Kind    *string   `parquet:"event,optional"`
		Weight  float64   `parquet:"weight"`
	}
	buy := "buy"
	rows := make([]row, 1000)
	var want strings.Builder
	for i := range rows {
		rows[i] = row{User: int64(i % 7), Item: fmt.Sprint("item", i), When: time.Unix(int64(1e9+i), 999e6), Weight: 0.5}
		kind := "view"
		if i%3 == 0 {
			rows[i].Kind, kind = &buy, buy
		}
		fmt.Fprintf(&want, "%d item%d @%d %s *0.5; ", i%7, i, int64(1e9+i), kind)
	}
	var read, total int64
	path := writeParquet(t, "events.parquet", rows)
	l, report, err := ReadEvents(path, Options{Progress: func(r, n int64) { read, total = r, n }})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSuffix(want.String(), "; "), show(l)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if want := path + ": parquet, user in column 4 (user_id), item in column 3 (item_id), time in column 2 (timestamp), kind in column 5 (event), weight in column 6"; report.Source != want {
		t.Errorf("got source %s, want %s", report.Source, want)
	}
	if read != total || total == 0 {
		t.Errorf("progress ended at %d of %d", read, total)
	}
}

func TestParquetTimesAndNumbers(t *testing.T) {
	type row struct {
		User   uint64           `parquet:"user"`
		Item   float64          `parquet:"item"`
		Millis int64            `parquet:"millis,timestamp(millisecond)"`
		Nanos  int64            `parquet:"nanos,timestamp(nanosecond)"`
		Days   int32            `parquet:"days,date"`
		Plain  int32            `parquet:"plain"`
		Text   string           `parquet:"text"`
		Hive   deprecated.Int96 `parquet:"hive"`
	}
	path := writeParquet(t, "a.parquet", []row{{User: 1<<64 - 1, Item: 123456789, Millis: 964982703999, Nanos: 964982703e9, Days: 11168,
		Plain: 964982703, Text: "2000-07-30T18:45:03Z", Hive: deprecated.Int96{0: 67_503_000_000_000 & 0xffffffff, 1: 67_503_000_000_000 >> 32, 2: 2440588 + 11168}}})
	for column, want := range map[string]int64{"millis": 964982703, "nanos": 964982703, "days": 964915200,
		"plain": 964982703, "text": 964982703, "hive": 964982703} {
		l, _, err := ReadEvents(path, Options{Columns: map[string]string{"time": column}})
		if err != nil {
			t.Fatalf("%s: %v", column, err)
		}
		if got, want := show(l), fmt.Sprintf("18446744073709551615 123456789 @%d", want); got != want {
			t.Errorf("%s: got %s, want %s", column, got, want)
		}
	}
	// A position works as well as a name.
	l, _, err := ReadEvents(path, Options{Columns: map[string]string{"time": "5"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.Time[0], int64(964915200); got != want {
		t.Errorf("got time %d from column 5, want %d", got, want)
	}
}

func TestReadParquetItems(t *testing.T) {
	type list struct {
		ID    string   `parquet:"id"`
		Title string   `parquet:"title"`
		Tags  []string `parquet:"tags,list"`
	}
	type repeated struct {
		ID    string   `parquet:"id"`
		Title string   `parquet:"title"`
		Tags  []string `parquet:"tags"`
	}
	var lists []list
	var repeats []repeated
	var want []Item
	for i := range 1000 {
		id, tags := fmt.Sprint(i), []string{"a", "b", "c"}[:i%4]
		lists = append(lists, list{id, "T" + id, tags})
		repeats = append(repeats, repeated{id, "T" + id, tags})
		item := Item{ID: id, Title: "T" + id}
		if len(tags) > 0 {
			item.Tags = tags
		}
		want = append(want, item)
	}
	for _, path := range []string{writeParquet(t, "lists.parquet", lists), writeParquet(t, "repeats.parquet", repeats)} {
		items, _, err := ReadItems(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, items); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filepath.Base(path), diff)
		}
	}
}

func TestMalformedParquet(t *testing.T) {
	type good struct {
		User string `parquet:"user"`
		Item string `parquet:"item"`
	}
	type noUser struct {
		Item string `parquet:"item"`
		When int64  `parquet:"when"`
	}
	type neither struct {
		A string `parquet:"a"`
	}
	type flag struct {
		User bool   `parquet:"user"`
		Item string `parquet:"item"`
	}
	type list struct {
		User string   `parquet:"user"`
		Item []string `parquet:"item,list"`
	}
	type group struct {
		User struct {
			ID string `parquet:"id"`
		} `parquet:"user"`
		Item string `parquet:"item"`
	}
	type decimal struct {
		User int64  `parquet:"user,decimal(2:18)"`
		Item string `parquet:"item"`
	}
	whole := parquetBytes(t, []good{{"u", "i"}})
	grown := bytes.Clone(whole)
	grown[len(grown)-6] = 1
	for _, test := range []struct{ name, path, want string }{
		{"no user", writeParquet(t, "a.parquet", []noUser{{}}), `no column for "user": want a header with one of user, userid, uid, visitorid, customerid, reviewerid, session, sessionid, or the option columns`},
		{"neither", writeParquet(t, "a.parquet", []neither{{}}), `no column for "user" or "item" in ["a"]`},
		{"boolean", writeParquet(t, "a.parquet", []flag{{}}), `column "user" is BOOLEAN: want text, a number or a time`},
		{"list", writeParquet(t, "a.parquet", []list{{}}), `column "item" is `},
		{"group", writeParquet(t, "a.parquet", []group{{}}), `column "user" is `},
		{"decimal", writeParquet(t, "a.parquet", []decimal{{}}), `column "user" is DECIMAL(18,2): want text, a number or a time`},
		{"empty id", writeParquet(t, "a.parquet", []good{{"u", "i"}, {"", "i"}}), `user "": want 1 to 256 bytes of UTF-8 without control characters`},
		{"long cell", writeParquet(t, "a.parquet", []good{{strings.Repeat("u", maxLine+1), "i"}}), `user "` + strings.Repeat("u", 80) + `": want at most 1048576 bytes`},
		{"text", writeRaw(t, "a.parquet", []byte("user,item\n")), "10 bytes are too few for Parquet"},
		{"more text", writeRaw(t, "a.parquet", []byte("user,item\nu,i\n")), `ends with "u,i\n": want Parquet's "PAR1"`},
		{"cut off", writeRaw(t, "a.parquet", whole[:len(whole)/2]), `want Parquet's "PAR1"`},
		{"footer beyond the file", writeRaw(t, "a.parquet", grown), fmt.Sprintf("in a file of %d", len(grown))},
		{"gzip", write(t, "a.parquet.gz", string(whole)), "want Parquet that is not compressed as a whole"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := ReadEvents(test.path, Options{})
			if err == nil || !strings.HasPrefix(err.Error(), "data: "+test.path+":") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// TestDamagedParquet sees that damage to a file, its page headers and footer
// included, can end in nothing worse than an error.
func TestDamagedParquet(t *testing.T) {
	type row struct {
		ID        string   `parquet:"id,dict,snappy"`
		Title     *string  `parquet:"title,optional,zstd"`
		Tags      []string `parquet:"tags,list"`
		Published int64    `parquet:"published,delta"`
	}
	rows := make([]row, 40)
	for i := range rows {
		title := fmt.Sprint("title", i)
		rows[i] = row{fmt.Sprint(i), &title, []string{"a", "b"}[:i%3], int64(i)}
	}
	whole := parquetBytes(t, rows)
	trials := 4000
	if testing.Short() {
		trials = 400
	}
	random := rand.New(rand.NewPCG(1, 0))
	for range trials {
		damaged := bytes.Clone(whole)
		for range 1 + random.IntN(4) {
			damaged[random.IntN(len(damaged))] ^= byte(1 + random.IntN(255))
		}
		path := writeRaw(t, "a.parquet", damaged)
		if _, _, err := ReadItems(path, Options{}); err != nil && !strings.HasPrefix(err.Error(), "data: "+path) {
			t.Errorf("got %v, want an error that names the file", err)
		}
	}
}
