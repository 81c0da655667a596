package data

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// write puts text into a new file, compressed as its name says.
func write(t testing.TB, name, text string) (path string) {
	t.Helper()
	var packed bytes.Buffer
	var w io.WriteCloser
	switch filepath.Ext(name) {
	case ".gz":
		w = gzip.NewWriter(&packed)
	case ".zst":
		z, err := zstd.NewWriter(&packed)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	default:
		return writeRaw(t, name, []byte(text))
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return writeRaw(t, name, packed.Bytes())
}

func writeRaw(t testing.TB, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// show writes a log as text, one event after the other.
func show(l *Log) string {
	var b strings.Builder
	for e := range l.Len() {
		fmt.Fprintf(&b, "%s %s", l.Users.ID(l.User[e]), l.Items.ID(l.Item[e]))
		if l.Time != nil {
			fmt.Fprintf(&b, " @%d", l.Time[e])
		}
		if l.Kind != nil {
			fmt.Fprintf(&b, " %v", l.Kind[e])
		}
		if l.Weight != nil {
			fmt.Fprintf(&b, " *%v", l.Weight[e])
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestReadEvents(t *testing.T) {
	for _, test := range []struct {
		name string // of the test
		file string
		text string
		opt  Options
		want string
	}{
		{name: "csv without a header", file: "a.csv", text: "u,i\nu,j\n", want: "u i; u j"},
		{name: "no line feed at the end", file: "a.csv", text: "u,i\nu,j", want: "u i; u j"},
		{name: "CR LF, a byte order mark and empty lines", file: "a.csv", text: "\ufeffuser,item\r\n\r\nu,i\r\nu,j\r\n\r\n", want: "u i; u j"},
		{name: "columns in any order", file: "a.csv", text: "timestamp,event,itemid,visitorid\n5,view,i,u\n6,buy,j,u\n", want: "u i @5 view; u j @6 buy"},
		{name: "the likelier name wins", file: "a.csv", text: "session_id,item_id,user_id\ns,i,u\n", want: "u i"},
		{name: "five columns in order", file: "a.csv", text: "u,i,1000,like,2.5\n", want: "u i @1000 like *2.5"},
		{name: "a small third number is a rating", file: "a.csv", text: "u,i,4.5,1000\n", want: "u i @1000"},
		{name: "low ratings are dropped", file: "a.csv", text: "u,i,4,1000\nu,j,3.5,1001\n", opt: Options{MinRating: 4}, want: "u i @1000"},
		{name: "empty cells", file: "a.csv", text: "user,item,time,kind,weight\nu,i,,,\nu,j,7,hide,2\n", want: "u i @0 view *1; u j @7 hide *2"},
		{name: "columns without a value are nil", file: "a.csv", text: "user,item,time,kind,weight\nu,i,,view,1\n", want: "u i"},
		{name: "quotes", file: "a.csv", text: "\"user\",item\n\"a,\"\"b\"\"\",\"i\"\nc,\"\"\"\"\n", want: `a,"b" i; c "`},
		{name: "a quoted cell spans lines", file: "a.csv", text: "user,item,note\nu,i,\"one\ntwo, \"\"three\"\"\n\"\nu,j,x\n", want: "u i; u j"},
		{name: "tsv has no quotes", file: "a.tsv", text: "u\t\"i\n", want: `u "i`},
		{name: "positions", file: "a.csv", text: "x,i,u,9\n", opt: Options{Columns: map[string]string{"user": "3", "item": "2", "time": "4"}}, want: "u i @9"},
		{name: "names", file: "a.csv", text: "who,what,when\nu,i,9\n", opt: Options{Columns: map[string]string{"user": "who", "item": "what"}}, want: "u i"},
		{name: "a column left out", file: "a.csv", text: "user,item,weight\nu,i,-3\n", opt: Options{Columns: map[string]string{"weight": ""}}, want: "u i"},
		{name: "pairs between blanks", file: "a.txt", text: "1 2\n1 3\n2 2\n", want: "1 2; 1 3; 2 2"},
		{name: "ratings between blanks", file: "a.txt", text: "1 2 3.5\n1 3 4\n", want: "1 2; 1 3"},
		{name: "lists", file: "train.txt", text: "1 2 3\n2 \n3 2 \n", want: "1 2; 1 3; 3 2"},
		{name: "sessions", file: "train.txt", text: "1 2 1\n\n 2  3\n", opt: Options{Format: Sessions}, want: "1 1; 1 2; 1 1; 3 2; 3 3"},
		{name: "format overrides the guess", file: "a.txt", text: "1 2 3\n2 3 4\n", opt: Options{Format: Lists}, want: "1 2; 1 3; 2 3; 2 4"},
		{name: "u.data", file: "u.data", text: "196\t242\t3\t881250949\n", want: "196 242 @881250949"},
		{name: "ratings.dat", file: "ratings.dat", text: "1::1193::5::978300760\n", want: "1 1193 @978300760"},
		{name: "gzip", file: "a.csv.gz", text: "u,i\n", want: "u i"},
		{name: "zstd", file: "a.csv.zst", text: "u,i\n", want: "u i"},
		{name: "jsonl", file: "a.jsonl", text: `{"userId":"u","item_id":7,"x":{"y":[1]},"time":5}` + "\n\n" + `{"item":"\u00e9","user":"v","time":null,"kind":"buy"}` + "\n", want: "u 7 @5 view; v é @0 buy"},
		{name: "jsonl: the likelier name wins", file: "a", text: `{"session":"s","user":"u","uid":"w","item":"i"}`, want: "u i"},
		{name: "jsonl: names", file: "a.ndjson", text: `{"user":"no","who":"u","what":"i"}`, opt: Options{Columns: map[string]string{"user": "who", "item": "what"}}, want: "u i"},
		{name: "jsonl: a column left out", file: "a.jsonl", text: `{"user":"u","item":"i","weight":"heavy"}`, opt: Options{Columns: map[string]string{"weight": ""}}, want: "u i"},
		{name: "a header alone", file: "a.csv", text: "user,item\n", want: ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, report, err := ReadEvents(write(t, test.file, test.text), test.opt)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(l); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if report.Kept != l.Len() || report.Users != l.Users.Len() || report.Items != l.Items.Len() {
				t.Errorf("report %+v does not fit the log: %d rows, %d users, %d items", report, l.Len(), l.Users.Len(), l.Items.Len())
			}
		})
	}
}

func TestTimes(t *testing.T) {
	for _, test := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"964982703", 964982703, true},
		{"964982703.75", 964982703, true},
		{"99999999999", 99999999999, true},
		{"100000000000", 100000000, true},
		{"964982703123", 964982703, true},
		{"253402300799999", 253402300799, true},
		{"253402300800000", 0, false},
		{"99999999999999999999999999", 0, false},
		{"2000-07-30", 964915200, true},
		{"2000-07-30T18:45:03Z", 964982703, true},
		{"2000-07-30T20:45:03.5+02:00", 964982703, true},
		{"1969-12-31", -86400, true},
		{"2000-02-30", 0, false},
		{"2000-07-30 18:45:03", 0, false},
		{"2000-07-30T18:45:03", 0, false},
		{"-1", 0, false},
		{"5.", 0, false},
		{".5", 0, false},
		{"1e9", 0, false},
		{"abc", 0, false},
		{"", 0, false},
	} {
		got, ok := parseTime([]byte(test.text))
		if ok != test.ok || ok && got != test.want {
			t.Errorf("parseTime(%q): got %d, %t, want %d, %t", test.text, got, ok, test.want, test.ok)
		}
	}
}

func TestWeightsAreFiniteAndPositive(t *testing.T) {
	for text, want := range map[string]bool{"1": true, "0.5": true, "1e-3": true, "0": false, "-0": false, "-1": false,
		"NaN": false, "Inf": false, "1e39": false, "1e-60": false, "x": false} {
		if _, got := parseWeight([]byte(text)); got != want {
			t.Errorf("weight %q: got %t, want %t", text, got, want)
		}
	}
}

func TestMalformedEvents(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, test := range []struct {
		name string
		file string
		text string
		opt  Options
		want string // the error, without the folder
	}{
		{name: "empty file", file: "a.csv", want: `data: a.csv: empty file`},
		{name: "empty gzip", file: "a.csv.gz", want: `data: a.csv.gz: empty file`},
		{name: "line feeds alone", file: "a.csv", text: "\n\r\n", want: `data: a.csv: no lines`},
		{name: "one column", file: "a.csv", text: "u\n", want: `data: a.csv:1: line "u": want at least 2 columns, between ","`},
		{name: "another separator", file: "a.csv", text: "user;item\n", want: `data: a.csv:1: line "user;item": want at least 2 columns, between ","`},
		{name: "a column too few", file: "a.csv", text: "u,i,1000\nu,j\n", want: `data: a.csv:2: line "u,j": want 3 columns, between ","`},
		{name: "a column too many", file: "a.tsv", text: "u\ti\nu\ti\tj\n", want: `data: a.tsv:2: line "u\ti\tj": want 2 columns, between "\t"`},
		{name: "too many columns", file: "a.csv", text: strings.Repeat(",", maxColumns), want: `data: a.csv:1: line "` + strings.Repeat(",", 80) + `": want at most 1024 columns`},
		{name: "time", file: "ratings.csv", text: "userId,movieId,timestamp\n1,2,3\n1,2,abc\n", want: `data: ratings.csv:3: timestamp "abc": want Unix seconds, RFC 3339 or YYYY-MM-DD`},
		{name: "negative time", file: "a.csv", text: "user,item,time\nu,i,-1\n", want: `data: a.csv:2: time "-1": want Unix seconds, RFC 3339 or YYYY-MM-DD`},
		{name: "time before 1970", file: "a.csv", text: "user,item,time\nu,i,1969-12-31\n", want: `data: a.csv:2: time "1969-12-31": want Unix seconds, RFC 3339 or YYYY-MM-DD`},
		{name: "unknown kind", file: "a.csv", text: "user,item,event\nu,i,addtocart\n", want: `data: a.csv:2: event "addtocart": want view, click, like, buy or hide`},
		{name: "weight", file: "a.csv", text: "user,item,weight\nu,i,NaN\n", want: `data: a.csv:2: weight "NaN": want a finite number above 0`},
		{name: "rating", file: "a.csv", text: "user,item,stars\nu,i,good\n", opt: Options{MinRating: 1}, want: `data: a.csv:2: stars "good": want a finite number`},
		{name: "no rating", file: "a.csv", text: "u,i\n", opt: Options{MinRating: 1}, want: `data: a.csv:1: rating "": want a finite number`},
		{name: "empty id", file: "a.csv", text: "u,i\n,i\n", want: `data: a.csv:2: user "": want 1 to 256 bytes of UTF-8 without control characters`},
		{name: "long id", file: "a.csv", text: "u,i\nu," + strings.Repeat("é", 129) + "\n", want: `data: a.csv:2: item "` + strings.Repeat("é", 40) + `": want 1 to 256 bytes of UTF-8 without control characters`},
		{name: "tab in an id", file: "a.csv", text: "u,i\tj\n", want: `data: a.csv:1: item "i\tj": want 1 to 256 bytes of UTF-8 without control characters`},
		{name: "invalid UTF-8", file: "a.csv", text: "u,\xff\n", want: `data: a.csv:1: item "\xff": want 1 to 256 bytes of UTF-8 without control characters`},
		{name: "NUL", file: "a.csv", text: "u,i\nu,\x00\n", want: `data: a.csv:2: line "u,\x00": want text in UTF-8, not NUL bytes`},
		{name: "UTF-16", file: "a.csv", text: "u\x00,\x00i\x00\n\x00", want: `data: a.csv:1: line "u\x00,\x00i\x00": want text in UTF-8, not NUL bytes`},
		{name: "long line", file: "a.csv", text: "u,i\nu," + long + "\n", want: `data: a.csv:2: line "u,` + long[:78] + `": want at most 1048576 bytes in a line`},
		{name: "open quote", file: "a.csv", text: "u,i\nu,\"j\nu,k\n", want: `data: a.csv:2: line "u,\"j": want the quote to be closed within 1048576 bytes`},
		{name: "quote within a cell", file: "a.csv", text: "u,5\" disk\"\n", want: `data: a.csv:1: line "u,5\" disk\"": want quotes only around a whole cell, and doubled within it`},
		{name: "text after a quote that spans lines", file: "a.csv", text: "u,i\nu,\"a\nb\"c\n", want: `data: a.csv:2: line "u,\"a": want quotes only around a whole cell, and doubled within it`},
		{name: "text after a quote", file: "a.csv", text: "u,\"a\"b\n", want: `data: a.csv:1: line "u,\"a\"b": want quotes only around a whole cell, and doubled within it`},
		{name: "a header without users", file: "a.csv", text: "when,item\n5,i\n", want: `data: a.csv:1: no column for "user": want a header with one of user, userid, uid, visitorid, customerid, reviewerid, session, sessionid, or the option columns`},
		{name: "no such column", file: "a.csv", text: "user,item\n5,i\n", opt: Options{Columns: map[string]string{"time": "when"}}, want: `data: a.csv:1: no column "when" for "time" in ["user" "item"]`},
		{name: "position beyond the line", file: "a.csv", text: "u,i\n", opt: Options{Columns: map[string]string{"time": "3"}}, want: `data: a.csv:1: position 3 for "time" is beyond the last column, 2`},
		{name: "position 0", file: "a.csv", text: "u,i\n", opt: Options{Columns: map[string]string{"time": "0"}}, want: `data: option columns: position "0" of "time": want 1 to 1024`},
		{name: "unknown column", file: "a.csv", text: "u,i\n", opt: Options{Columns: map[string]string{"when": "1"}}, want: `data: option columns: "when": want user, item, time, kind, weight or rating`},
		{name: "no user", file: "a.csv", text: "u,i\n", opt: Options{Columns: map[string]string{"user": ""}}, want: `data: option columns: "user" and "item" cannot be left out`},
		{name: "columns of lists", file: "train.txt", text: "1 2 3 4 5\n", opt: Options{Columns: map[string]string{"user": "1"}}, want: `data: train.txt: option columns: format "lists" has no columns to choose`},
		{name: "columns of sessions", file: "train.txt", text: "1 2 3\n", opt: Options{Format: Sessions, Columns: map[string]string{"user": "1"}}, want: `data: train.txt: option columns: format "sessions" has no columns to choose`},
		{name: "unknown format", file: "a.csv", text: "u,i\n", opt: Options{Format: "xls"}, want: `data: option format: "xls": want "csv", "tsv", "blanks", "lists", "sessions", "colons", "u.item", "jsonl" or "parquet"`},
		{name: "format of items", file: "u.item", text: "u,i\n", want: `data: u.item: format "u.item" holds items, not events`},
		{name: "min rating", file: "a.csv", text: "u,i\n", opt: Options{MinRating: math.NaN()}, want: `data: option min rating: NaN: want a finite number`},
		{name: "max skipped", file: "a.csv", text: "u,i\n", opt: Options{MaxSkipped: -1}, want: `data: option max skipped: -1: want 0 or more`},
		{name: "a list with a bad id", file: "train.txt", text: "1 2 3 4 5\n2 \xff\n", want: `data: train.txt:2: item "\xff": want 1 to 256 bytes of UTF-8 without control characters`},
		{name: "jsonl: not JSON", file: "a.jsonl", text: `{"user":"u","item":"i"}` + "\nx\n", want: `data: a.jsonl:2: line "x": want one JSON object`},
		{name: "jsonl: open object", file: "a.jsonl", text: `{"user":"u"`, want: `data: a.jsonl:1: line "{\"user\":\"u\"": want one JSON object`},
		{name: "jsonl: array", file: "a.jsonl", text: `["u","i"]`, want: `data: a.jsonl:1: line "[\"u\",\"i\"]": want one JSON object`},
		{name: "jsonl: two objects", file: "a.jsonl", text: `{"user":"u","item":"i"}{}`, want: `data: a.jsonl:1: line "{\"user\":\"u\",\"item\":\"i\"}{}": want one JSON object`},
		{name: "jsonl: a name twice", file: "a.jsonl", text: `{"user":"u","user":"v"}`, want: `data: a.jsonl:1: line "{\"user\":\"u\",\"user\":\"v\"}": want one JSON object`},
		{name: "jsonl: invalid UTF-8", file: "a.jsonl", text: "{\"user\":\"\xff\"}", want: `data: a.jsonl:1: line "{\"user\":\"\xff\"}": want one JSON object`},
		{name: "jsonl: not a scalar", file: "a.jsonl", text: `{"user":["u"]}`, want: `data: a.jsonl:1: user "[\"u\"]": want a string or a number`},
		{name: "jsonl: no item", file: "a.jsonl", text: `{"user":"u"}`, want: `data: a.jsonl:1: item "": want 1 to 256 bytes of UTF-8 without control characters`},
		{name: "jsonl: NUL", file: "a.jsonl", text: `{"user":"\u0000","item":"i"}`, want: `data: a.jsonl:1: user "\x00": want 1 to 256 bytes of UTF-8 without control characters`},
		{name: "jsonl: position", file: "a.jsonl", text: `{}`, opt: Options{Columns: map[string]string{"user": "1"}}, want: `data: option columns: position 1 of "user": want a name for a file of format "jsonl"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.file, test.text)
			l, report, err := ReadEvents(path, test.opt)
			if err == nil {
				t.Fatalf("got %s, want error %s", show(l), test.want)
			}
			if got := strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), ""); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if l != nil || report.Rows != 0 {
				t.Errorf("got a log or report beside the error: %v, %+v", l, report)
			}
		})
	}
}

func TestCompressionIsChecked(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for i := range 1000 {
		fmt.Fprintf(w, "u%d,i%d\n", i, i*i)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	frame := z.EncodeAll([]byte(strings.Repeat("a user,an item\n", 1000)+"another user,another item\n"), nil)
	for _, test := range []struct {
		file    string
		content []byte
		want    string
	}{
		{"a.csv.gz", []byte("u,i\n"), `begins with "u,i\n": want gzip`},
		{"a.csv.zst", []byte("u,i\n"), `begins with "u,i\n": want zstd`},
		{"a.csv", packed.Bytes(), `holds gzip: want a name that ends in .gz`},
		{"a.csv", zstdMagic, `holds zstd: want a name that ends in .zst`},
		{"a.csv.gz", packed.Bytes()[:packed.Len()-20], "unexpected EOF"},
		{"a.csv.gz", packed.Bytes()[:12], "unexpected EOF"},
		{"a.csv.gz", gzipMagic, "EOF"},
		{"a.csv.zst", frame[:len(frame)-20], "unexpected EOF"},
		{"a.csv.zst", append(frame[:len(frame)-20:len(frame)-20], make([]byte, 20)...), ""},
	} {
		path := writeRaw(t, test.file, test.content)
		_, _, err := ReadEvents(path, Options{Lenient: true})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "data: "+path+":") {
			t.Errorf("%s of %d bytes: got %v, want %s", test.file, len(test.content), err, test.want)
		}
	}
	if _, _, err := ReadEvents(writeRaw(t, "a.csv.gz", packed.Bytes()[:packed.Len()-20]), Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want one that wraps io.ErrUnexpectedEOF", err)
	}
}

// TestCellsLeaveNoGarbage reads cells of every kind and sees that none of
// them allocates.
func TestCellsLeaveNoGarbage(t *testing.T) {
	var b eventBuilder
	b.minRating = 1
	var rows [][][]byte
	for _, text := range []string{"u,i,964982703,buy,2,5", "u,i,964982703.5,view,0.5,4.5", "u,i,2000-07-30,like,1,1",
		"u,i,2000-07-30T18:45:03Z,hide,1e-3,3", "u,i,2000-07-30T18:45:03.25+02:00,click,1,0"} {
		rows = append(rows, bytes.Split([]byte(text), []byte(",")))
	}
	for _, row := range rows {
		row := row
		got := testing.AllocsPerRun(1000, func() {
			if _, column, want := b.add(row); want != "" {
				t.Fatalf("%q: want %s", row[column], want)
			}
		})
		if got != 0 {
			t.Errorf("%q: %v allocations", row, got)
		}
	}
}

func TestMissingFileAndFolder(t *testing.T) {
	if _, _, err := ReadEvents(filepath.Join(t.TempDir(), "a.csv"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
	if _, _, err := ReadEvents(t.TempDir(), Options{}); err == nil || !strings.HasSuffix(err.Error(), "is a folder: want a file") {
		t.Errorf("got %v for a folder", err)
	}
}

func TestLenientSkipsAndCounts(t *testing.T) {
	text := "user,item,time\nu,i,1\nu,j,x\nbad\nu,\"k,2\nu,l,3\n\"u\"x,m,4\nu,n,5\n"
	path := write(t, "a.csv", text)
	l, report, err := ReadEvents(path, Options{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(l), "u i @1; u l @3; u n @5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := Report{Source: report.Source, Format: CSV, Rows: 7, Kept: 3, Users: 1, Items: 3, Drops: []Drop{{"malformed lines", 4}}, Malformed: []*LineError{
		{path, 3, "time", "x", wantTime},
		{path, 4, "line", "bad", `3 columns, between ","`},
		{path, 5, "line", `u,"k,2`, wantClosed},
		{path, 7, "line", `"u"x,m,4`, wantQuotes},
	}}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if _, _, err := ReadEvents(path, Options{Lenient: true, MaxSkipped: 4}); err != nil {
		t.Errorf("4 malformed lines of 4 allowed: got %v", err)
	}
	_, _, err = ReadEvents(path, Options{Lenient: true, MaxSkipped: 3})
	if err == nil || !strings.Contains(err.Error(), "more than 3 malformed lines, the last: data: ") {
		t.Errorf("4 malformed lines of 3 allowed: got %v", err)
	}
}

func TestLenientReadsOnAfterALongLine(t *testing.T) {
	for _, n := range []int{maxLine - 1, maxLine, maxLine + 1, 3 * maxLine} {
		text := "u,i\n\"" + strings.Repeat("\n", 10) + "\n" + strings.Repeat("x", n) + "\nu,j\n"
		l, _, err := ReadEvents(write(t, "a.csv", text), Options{Lenient: true})
		if err != nil {
			t.Fatalf("line of %d bytes: %v", n, err)
		}
		if got, want := show(l), "u i; u j"; got != want {
			t.Errorf("line of %d bytes: got %s, want %s", n, got, want)
		}
	}
}

func TestProgressEndsAtTheSize(t *testing.T) {
	var b strings.Builder
	for i := range 400_000 {
		fmt.Fprintf(&b, "u%d,i%d\n", i%1000, i%777)
	}
	path := write(t, "a.csv", b.String())
	var read, total int64
	calls := 0
	_, _, err := ReadEvents(path, Options{Progress: func(r, n int64) {
		if r < read {
			t.Errorf("progress went from %d back to %d", read, r)
		}
		read, total = r, n
		calls++
	}})
	if err != nil {
		t.Fatal(err)
	}
	if size := int64(b.Len()); read != size || total != size || calls < 3 {
		t.Errorf("got %d of %d after %d calls, want %d", read, total, calls, size)
	}
}

func TestReadItems(t *testing.T) {
	all := Item{ID: "1", Title: "One, two", Tags: []string{"a", "b c"}, Text: "line\nline", Author: "A",
		Published: 964915200, URL: "https://x.example/1", Image: "1.png"}
	for _, test := range []struct {
		name, file, text string
		want             []Item
	}{
		{"csv", "a.csv", "id,title,tags,text,author,published,url,image\n1,\"One, two\",a| b c||(no genres listed),\"line\nline\",A,2000-07-30,https://x.example/1,1.png\n", []Item{all}},
		{"jsonl", "a.jsonl", `{"id":1,"title":"One, two","tags":["a","b c"],"text":"line\nline","author":"A","published":964915200,"url":"https://x.example/1","image":"1.png"}`, []Item{all}},
		{"jsonl with a joined list", "a.jsonl", `{"id":"1","tags":"a|b","title":null}`, []Item{{ID: "1", Tags: []string{"a", "b"}}}},
		{"by position", "a.tsv", "1\tOne\tx|y\n2\tTwo\t\n", []Item{{ID: "1", Title: "One", Tags: []string{"x", "y"}}, {ID: "2", Title: "Two"}}},
		{"an id again", "a.csv", "id,title\n1,One\n2,Two\n1,Uno\n", []Item{{ID: "1", Title: "One"}, {ID: "2", Title: "Two"}}},
		{"before 1970", "a.csv", "id,title,published\n1,One,1963-05-01\n", []Item{{ID: "1", Title: "One"}}},
		{"movies.dat in ISO 8859-1", "movies.dat", "73::Mis\xe9rables, Les (1995)::Drama|Musical\n74::D\u00e9j\u00e0 vu::Drama\n", []Item{
			{ID: "73", Title: "Misérables, Les (1995)", Tags: []string{"Drama", "Musical"}}, {ID: "74", Title: "Déjà vu", Tags: []string{"Drama"}}}},
		{"u.item in ISO 8859-1", "u.item", "9|Caf\xe9 (1995)|4-Feb-1971||http://x.example|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|1\n", []Item{
			{ID: "9", Title: "Café (1995)", Published: 34473600, URL: "http://x.example", Tags: []string{"Action", "Western"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			items, report, err := ReadItems(write(t, test.file, test.text), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if report.Kept != len(items) || report.Items != len(items) || report.Users != 0 {
				t.Errorf("report %+v does not fit %d items", report, len(items))
			}
		})
	}
}

func TestMalformedItems(t *testing.T) {
	for _, test := range []struct{ name, file, text, want string }{
		{"title", "a.csv", "id,title\n1,\xff\n", `:2: title "\xff": want UTF-8`},
		{"date", "a.csv", "id,title,date\n1,One,soon\n", `:2: date "soon": want Unix seconds, RFC 3339 or YYYY-MM-DD`},
		{"id", "a.csv", "id,title\n,One\n", `:2: id "": want 1 to 256 bytes of UTF-8 without control characters`},
		{"tags", "a.jsonl", `{"id":"1","tags":["a",2]}`, `:1: tags "2": want a string or a number`},
		{"tags that do not end", "a.jsonl", `{"id":"1","tags":["a"`, `:1: line "{\"id\":\"1\",\"tags\":[\"a\"": want one JSON object`},
		{"u.item", "u.item", "1|One\n", `:1: line "1|One": want 24 columns, between "|"`},
		{"u.item's date", "u.item", "9|A|4-Foo-1971" + strings.Repeat("|", 21) + "\n", `:1: published "4-Foo-1971": want Unix seconds, RFC 3339 or YYYY-MM-DD`},
		{"no format", "items.txt", "one two\n", `: first line "one two": cannot tell the format, want the option format`},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.file, test.text)
			_, _, err := ReadItems(path, Options{})
			if want := "data: " + path + test.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	if _, _, err := ReadItems(write(t, "a.txt", "1 2 3 4 5"), Options{Format: Lists}); err == nil || !strings.HasSuffix(err.Error(), "holds events, not items") {
		t.Errorf("got %v for items as lists", err)
	}
}

func TestReportReadsLikeASentence(t *testing.T) {
	r := Report{Source: "a.csv: csv, user in column 1", Rows: 1234567, Kept: 1000, Users: 20, Items: 3,
		Drops:     []Drop{{"malformed lines", 1}, {"rating below the minimum", 1233566}},
		Malformed: []*LineError{{"a.csv", 3, "time", "x", wantTime}}}
	const want = `a.csv: csv, user in column 1
1,000 of 1,234,567 rows kept: 20 users, 3 items
           1 dropped: malformed lines
   1,233,566 dropped: rating below the minimum
             data: a.csv:3: time "x": want Unix seconds, RFC 3339 or YYYY-MM-DD`
	if got := r.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 999999: "999,999", 1000000: "1,000,000", -1000: "-1,000", -100: "-100"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d): got %s, want %s", n, got, want)
		}
	}
}
