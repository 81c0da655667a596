package patch

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/metrics"
	"testing"
)

// FuzzApply feeds the reader of untrusted patches: no panic, nothing but a body
// of the size that was asked for, and no more memory than its arguments say.
func FuzzApply(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(testdata, "patches", "patches.json"))
	if err != nil {
		f.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(text, &list); err != nil {
		f.Fatal(err)
	}
	for _, v := range list {
		old, _ := hex.DecodeString(v.Old)
		patch, _ := hex.DecodeString(v.Patch)
		f.Add(old, patch, uint16(v.Size))
	}
	f.Fuzz(func(t *testing.T, old, patch []byte, size uint16) {
		kept := bytes.Clone(old)
		start := allocated()
		body, err := Apply(old, patch, int(size))
		// A gzip reader takes about 45 KB.
		if took := allocated() - start; took > 1<<17+uint64(size)+8*uint64(len(patch)) {
			t.Fatalf("%d bytes allocated for a patch of %d and a body of %d", took, len(patch), size)
		}
		if err == nil && len(body) != int(size) || err != nil && body != nil {
			t.Fatalf("got %d bytes and %v, want %d or an error", len(body), err, size)
		}
		if err != nil && len(reason(err)) > 9 {
			t.Fatalf("an error without a name: %v", err)
		}
		if !bytes.Equal(old, kept) {
			t.Fatal("the old body has changed")
		}
	})
}

// allocated returns how many bytes have been allocated so far. Small ones are
// counted by the span, of 8 KB.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
