package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/wasm/abi"
)

// checkDiverse asks the module for a plain list, and for a shorter one that is to
// be diverse, and compares that with what ABI.md makes of the plain one. It says
// whether the bundle allows lists that are long enough.
func (s *subject) checkDiverse(ctx context.Context, i session, w *slow, n int) (checked bool, err error) {
	const k, candidates = 8, 64
	if s.manifest.Limits.K < candidates {
		return false, nil
	}
	ask := func(k int, diversity uint32) (got slate.Slate, req slate.Request, err error) {
		req = s.openRequest(n)
		req.K, req.Diversity = k, diversity
		status, answer, err := i.recommend(ctx, req.Append(nil))
		if err == nil && status != abi.StatusOK {
			err = fmt.Errorf("%v: %s", status, answer)
		}
		if err == nil {
			got, err = slate.ParseSlate(answer)
		}
		return got, req, err
	}
	plain, _, err := ask(candidates, 0)
	if err != nil {
		return false, err
	}
	got, req, err := ask(k, uint32(1+n*16385%65536))
	if err != nil {
		return false, err
	}
	want := w.diverse(req, plain)
	for at := range max(len(want), len(got.Items)) {
		switch {
		case len(want) != len(got.Items):
			return true, fmt.Errorf("%d items, want %d", len(got.Items), len(want))
		case got.Items[at].Index != want[at].Index || got.Items[at].Score != want[at].Score:
			return true, fmt.Errorf("place %d has item %d with %d, want item %d with %d", at, got.Items[at].Index, got.Items[at].Score, want[at].Index, want[at].Score)
		}
	}
	return true, nil
}

// diverse chooses out of the candidates in plain, by the text of ABI.md.
func (w *slow) diverse(req slate.Request, plain slate.Slate) (list []slate.Item) {
	rest := plain.Items
	if len(rest) == 0 {
		return nil
	}
	value := func(it slate.Item) float64 {
		if w.pool != nil && len(req.Vector) == 0 && !plain.Receipt.Cold {
			return floatOf(it.Score)
		}
		return float64(it.Score)
	}
	low := value(rest[len(rest)-1])
	size := value(rest[0]) - low
	worth := func(it slate.Item) int64 {
		relevance, near := int64(0), int64(0)
		if size > 0 && !math.IsInf(size, 0) {
			relevance = int64((value(it) - low) / size * (1 << 30))
		}
		for _, other := range list {
			near = max(near, w.alike(int(it.Index), int(other.Index)))
		}
		return (65536-int64(req.Diversity))*relevance - int64(req.Diversity)*near
	}
	for len(list) < req.K && len(rest) > 0 {
		at, best := 0, worth(rest[0])
		for k, it := range rest {
			if v := worth(it); v > best {
				at, best = k, v
			}
		}
		next := rest[at]
		rest = slices.Concat(rest[:at], rest[at+1:])
		list = append(list, next)
	}
	return list
}

// alike is how alike item i is to item j, which has a place, in units of 2⁻³⁰.
func (w *slow) alike(i, j int) int64 {
	a, b := w.labels(i), w.labels(j)
	if len(a)+len(b) == 0 {
		return 1 << 30
	}
	both := 0
	for _, label := range a {
		if slices.ContainsFunc(b, func(other []byte) bool { return bytes.Equal(other, label) }) {
			both++
		}
	}
	both = min(both, len(b)) // an item may have a tag twice
	return int64(both) << 30 / int64(len(a)+len(b)-both)
}

// labels are an item's tags, as they are coded, and its author behind a mark that
// no tag has.
func (w *slow) labels(i int) (list [][]byte) {
	if tags := w.section(bundle.KindTags); tags != nil {
		from, to := binary.LittleEndian.Uint32(tags[4*i:]), binary.LittleEndian.Uint32(tags[4*i+4:])
		for codes := tags[4*(w.n+1):][2*from : 2*to]; len(codes) > 0; codes = codes[2:] {
			list = append(list, codes[:2])
		}
	}
	if authors := w.section(bundle.KindAuthors); authors != nil {
		from, to := binary.LittleEndian.Uint32(authors[4*i:]), binary.LittleEndian.Uint32(authors[4*i+4:])
		if author := authors[4*(w.n+1):][from:to]; len(author) > 0 {
			list = append(list, append([]byte("by "), author...))
		}
	}
	return list
}
