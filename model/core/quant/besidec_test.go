//go:build !wasm

package quant

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkBesideC times the int8 scan and the C loop of testdata/scan.c in
// turns. What C does is less, see there: its query has 8 bits, there are no
// scales and there is no list of the best.
func BenchmarkBesideC(b *testing.B) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		b.Skip("there is no gcc")
	}
	program := filepath.Join(b.TempDir(), "scan")
	if out, err := exec.Command(gcc, "-O3", "-march=native", "-o", program, "testdata/scan.c").CombinedOutput(); err != nil {
		b.Fatalf("gcc: %v\n%s", err, out)
	}
	const d = 64
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("int8/d=%d/n=%d", d, n), func(b *testing.B) {
			table := benchTable("int8", n, d)
			q, top := NewQuery(d), new(Top)
			q.Set(randomFloats(rand.New(rand.NewPCG(1, 1)), d))
			scans := 5_000_000 / n
			var ours, theirs []float64
			for b.Loop() {
				out, err := exec.Command(program, strconv.Itoa(n), strconv.Itoa(scans)).Output()
				if err != nil {
					b.Fatal(err)
				}
				ns, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
				if err != nil {
					b.Fatal(err)
				}
				theirs = append(theirs, ns)
				var runs []float64
				for range 5 {
					from := time.Now()
					for range scans {
						table.Prepare(q)
						top.Reset(10, nil)
						table.Scan(top, q)
					}
					runs = append(runs, float64(time.Since(from).Nanoseconds())/float64(scans*n))
				}
				ours = append(ours, median(runs))
			}
			b.ReportMetric(0, "ns/op") // of both together: says nothing
			b.ReportMetric(median(ours), "ns/item")
			b.ReportMetric(median(theirs), "C-ns/item")
			b.ReportMetric(median(ours)/median(theirs), "of-C")
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
