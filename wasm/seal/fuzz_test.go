package seal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzSeal feeds anything to Seal and Inspect. Whatever Seal accepts comes out
// without imports and otherwise as it was.
func FuzzSeal(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte(header))
	f.Add(handmade(0, wasi("sched_yield")))
	f.Add(handmade(8, wasi("proc_exit"), wasi("clock_time_get"), wasi("poll_oneoff"), wasi("fd_write")))
	f.Add(handmade(8, wasi("path_open")))
	f.Fuzz(func(t *testing.T, module []byte) {
		before, inspectErr := Inspect(module)
		sealed, err := Seal(module)
		if err != nil {
			return
		}
		if inspectErr != nil {
			t.Fatalf("Seal accepts what Inspect refuses: %v", inspectErr)
		}
		after, err := Inspect(sealed)
		if err != nil {
			t.Fatalf("the sealed module: %v", err)
		}
		before.Imports = nil
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("sealing changed more than the imports (-before +after):\n%s", diff)
		}
	})
}
