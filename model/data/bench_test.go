package data

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// writeLog writes a file of n events of n/100 users and 5000 items.
func writeLog(t testing.TB, n int, format Format) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "events."+string(format))
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	line := "%d,%d,view,%d\n"
	switch format {
	case CSV:
		io.WriteString(w, "user,item,kind,time\n")
	case TSV:
		io.WriteString(w, "user\titem\tkind\ttime\n")
		line = "%d\t%d\tview\t%d\n"
	case JSONL:
		line = `{"user":"%d","item":"%d","kind":"view","time":%d}` + "\n"
	}
	random := rand.New(rand.NewPCG(1, 0))
	for range n {
		fmt.Fprintf(w, line, 1_000_000+random.IntN(n/100), 2_000_000+random.IntN(5000), 1_500_000_000+random.IntN(1e8))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func BenchmarkReadEvents(b *testing.B) {
	const n = 1_000_000
	for _, format := range []Format{CSV, TSV, JSONL} {
		b.Run("format="+string(format), func(b *testing.B) {
			path := writeLog(b, n, format)
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ReadEvents(path, Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

func BenchmarkClean(b *testing.B) {
	l, _, err := ReadEvents(writeLog(b, 1_000_000, CSV), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Clean(l, Cleaning{MinUserItems: 5, MinItemUsers: 5})
	}
}

func BenchmarkDigest(b *testing.B) {
	l, _, err := ReadEvents(writeLog(b, 1_000_000, CSV), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l.Digest()
	}
}

// TestReadingTakesTheColumnsMemory reads a stream and sees that what stays is
// about the log's columns, and that all that was ever allocated is not much
// more: no line leaves garbage.
func TestReadingTakesTheColumnsMemory(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 200_000
	}
	for _, format := range []Format{CSV, JSONL} {
		path := writeLog(t, n, format)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		l, _, err := ReadEvents(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		// Two int32 and an int64 a row; and for each id its text, the strings
		// that lead to it, and its share of a map: about 100 bytes.
		columns := uint64(16*l.Len() + 100*(l.Users.Len()+l.Items.Len()))
		live, all := after.HeapAlloc-before.HeapAlloc, after.TotalAlloc-before.TotalAlloc
		t.Logf("%s: %d rows: columns %d KB, live %d KB, allocated %d KB", format, l.Len(), columns>>10, live>>10, all>>10)
		const slack = 4 << 20 // buffers, the growth of the first chunks, what the last ones have left
		if live > columns+slack {
			t.Errorf("%s: %d bytes stay for columns of %d", format, live, columns)
		}
		if all > 5*columns/2+slack {
			t.Errorf("%s: %d bytes were allocated for columns of %d", format, all, columns)
		}
		runtime.KeepAlive(l)
	}
}
