package host

import (
	"context"
	"testing"

	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm"
	"github.com/nearside/nearside/wasm/abi"
)

// BenchmarkCompile has no cache: what the first start on a machine costs.
func BenchmarkCompile(b *testing.B) {
	module, err := wasm.Module()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		h := &Host{config: Config{Module: module, MemoryPages: 1024}}
		if err := h.compile(context.Background()); err != nil {
			b.Fatal(err)
		}
		if err := h.free(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInstantiate includes verifying the bundle and its known answers.
func BenchmarkInstantiate(b *testing.B) {
	root, file := world(b, train.IALS)
	h := open(b, root, file, false, 1)
	for b.Loop() {
		g, err := h.instantiate(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if err := g.module.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecommend ranks 40 items: what a call costs besides the arithmetic.
func BenchmarkRecommend(b *testing.B) {
	root, file := world(b, train.IALS)
	h := open(b, root, file, false, 1)
	req := requests(10, itemIDs(b, h))[9].Append(nil)
	for b.Loop() {
		if _, err := h.Call(context.Background(), abi.ExportRecommend, req); err != nil {
			b.Fatal(err)
		}
	}
}
