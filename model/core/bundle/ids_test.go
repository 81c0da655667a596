package bundle

import (
	"fmt"
	"testing"
)

// TestIDsSpread fills the table of ids with those that catalogues have. A
// look-up of n honest ids at half load takes about log n probes at the worst.
func TestIDsSpread(t *testing.T) {
	const worst = 64 // maxProbes is 1024
	for _, form := range []string{"%d", "item-%d", "%08d", "%x", "tt%07d", "/articles/2026/%d.html"} {
		for _, n := range []int{1000, 4047, 4096, 50_000, 300_000} {
			size := 2
			for size < 2*n {
				size *= 2
			}
			used := make([]bool, size)
			for i := range n {
				at := int(hashID(fmt.Appendf(nil, form, i)) & uint64(size-1))
				probes := 0
				for used[at] {
					at, probes = (at+1)&(size-1), probes+1
				}
				if used[at] = true; probes > worst {
					t.Fatalf("%s to %d: %d probes, want at most %d", form, n, probes, worst)
				}
			}
		}
	}
}
