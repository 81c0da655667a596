package host

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"testing"

	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/slate"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
	"github.com/nearside/nearside/model/train"
	"github.com/nearside/nearside/wasm/abi"
)

// twoStages has rows that come late.
var twoStages = testWorld{algorithm: train.IALS, quant: pack.Quant{Codec: bundle.CodecPQ, Bytes: 2, Rescore: bundle.CodecInt8, Candidates: 20}}

// raw calls the exports of an instance as a host that may do anything.
type raw struct {
	t *testing.T
	g *guest
}

// bare returns an instance that has no bundle open.
func bare(t *testing.T, h *Host) raw {
	t.Helper()
	g, err := h.bare(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return raw{t, g}
}

// put returns the address of a buffer that holds b.
func (r raw) put(b []byte) uint64 {
	r.t.Helper()
	p, err := r.g.put(context.Background(), b)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r raw) write(ptr uint64, b []byte) {
	r.t.Helper()
	if !r.g.memory.Write(uint32(ptr), b) {
		r.t.Fatalf("%d bytes at %d: outside the memory", len(b), ptr)
	}
}

// memory returns a copy of n bytes.
func (r raw) memory(ptr uint64, n int) []byte {
	r.t.Helper()
	b, ok := r.g.memory.Read(uint32(ptr), uint32(n))
	if !ok {
		r.t.Fatalf("%d bytes at %d: outside the memory", n, ptr)
	}
	return bytes.Clone(b)
}

// call returns a status and, when it is ok, the result.
func (r raw) call(export string, args ...uint64) (abi.Status, []byte) {
	r.t.Helper()
	b, err := r.g.status(context.Background(), export, args...)
	return statusOf(r.t, err), b
}

// want calls and compares the status.
func (r raw) want(want abi.Status, export string, args ...uint64) []byte {
	r.t.Helper()
	got, b := r.call(export, args...)
	if got != want {
		r.t.Fatalf("%s%v: got %v, want %v", export, args, got, want)
	}
	return b
}

func (r raw) needed() int {
	r.t.Helper()
	n, err := r.g.call(context.Background(), abi.ExportNeeded)
	if err != nil {
		r.t.Fatal(err)
	}
	return int(n)
}

// slate asks and reads the answer.
func (r raw) slate(doc []byte) slate.Slate {
	r.t.Helper()
	s, err := slate.ParseSlate(r.want(abi.StatusOK, abi.ExportRecommend, r.put(doc), uint64(len(doc))))
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// question has a history, so that rows decide.
var question = slate.Request{K: 10, Reasons: 2, History: []profile.Event{
	{Item: "i3", Kind: profile.KindLike, Weight: profile.One}, {Item: "i8", Kind: profile.KindView, Weight: profile.One},
}}.Append(nil)

// lateFrom returns where the rows that rescore start.
func lateFrom(t *testing.T, file []byte) int {
	t.Helper()
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	doc := frame.Manifest
	m, err := bundle.ParseManifest(doc)
	if err != nil {
		t.Fatal(err)
	}
	at := len(file)
	for _, s := range m.Sections {
		if s.Kind >= bundle.KindRescore {
			at -= s.Bytes + 2
			if s.Bytes > 255 {
				at--
			}
		}
	}
	return at
}

// resign changes the manifest of a bundle that keys(t, 1) signed.
func resign(t *testing.T, file []byte, change func(manifest []byte)) []byte {
	t.Helper()
	file = bytes.Clone(file)
	frame, err := bundle.ParseFrame(file)
	if err != nil {
		t.Fatal(err)
	}
	doc := frame.Manifest
	change(doc) // where it lies
	signed := trust.SignedBytes(trust.RoleManifest, "test", doc)
	_, sk := mldsa65.NewKeyFromSeed((*[32]byte)(bytes.Repeat([]byte{1}, 32)))
	sig := file[bytes.Index(file, doc)+len(doc):]
	sig = sig[bytes.Index(sig, []byte{1, 0xc4, trust.Ed25519SigSize})+3:]
	copy(sig, ed25519.Sign(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)), signed))
	if err := mldsa65.SignTo(sk, signed, []byte(trust.MLDSAContext(trust.RoleManifest)), false, sig[trust.Ed25519SigSize+4:][:trust.MLDSA65SigSize]); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNothingIsOpenAtFirst: every call says so, and a request is cleared even
// then.
func TestNothingIsOpenAtFirst(t *testing.T) {
	root, file := world(t, train.Popular)
	r := bare(t, open(t, root, file, false, 1))
	r.want(abi.StatusNotOpen, abi.ExportComplete)
	r.want(abi.StatusNotOpen, abi.ExportManifest)
	for _, export := range []string{abi.ExportRecommend, abi.ExportItems} {
		p := r.put(question)
		r.want(abi.StatusNotOpen, export, p, uint64(len(question)))
		if left := r.memory(p, len(question)); !bytes.Equal(left, make([]byte, len(question))) {
			t.Errorf("%s: %x is left of the request", export, left)
		}
		r.want(abi.StatusMemory, export, p, uint64(len(question)))
	}
}

// TestABundleOpensWhileItArrives goes through ABI.md, "A bundle that is still
// arriving".
func TestABundleOpensWhileItArrives(t *testing.T) {
	root, file := worldOf(t, twoStages)
	from := lateFrom(t, file)
	h := open(t, root, file, false, 1)
	whole, err := h.Call(context.Background(), abi.ExportRecommend, question)
	if err != nil {
		t.Fatal(err)
	}
	r := bare(t, h)
	now := uint64(now().Unix())
	rootPtr := r.put(root)
	bundlePtr := r.put(bytes.Repeat([]byte{0xc1}, len(file)))
	early := func(status abi.Status, size, have int) {
		t.Helper()
		r.want(status, abi.ExportOpenEarly, rootPtr, uint64(len(root)), bundlePtr, uint64(size), uint64(have), now)
	}
	have := 0
	for tries := 0; ; tries++ {
		if tries > 20 {
			t.Fatalf("%d tries, and still %d bytes are needed", tries, r.needed())
		}
		r.write(bundlePtr, file[:have])
		if have >= from {
			break
		}
		early(abi.StatusPartial, len(file), have)
		if n := r.needed(); n <= have || n > len(file) {
			t.Fatalf("with %d of %d bytes %d are needed", have, len(file), n)
		}
		if tries == 3 { // a length that is too small changes nothing
			early(abi.StatusPartial, have+10, have)
			early(abi.StatusPartial, len(file), have)
		}
		r.want(abi.StatusNotOpen, abi.ExportManifest)
		have = r.needed()
	}
	if have != from {
		t.Errorf("%d bytes were needed, want %d", have, from)
	}
	early(abi.StatusOK, len(file), have)
	early(abi.StatusMemory, len(file), have) // both are used up
	first := r.slate(question)
	if !first.Receipt.Early {
		t.Errorf("receipt %+v, want an early one", first.Receipt)
	}

	// The rest is not there, or wrong: the bundle goes on.
	r.want(abi.StatusSyntax, abi.ExportComplete)
	r.write(bundlePtr, file)
	for _, at := range []int{len(file) - 1, len(file) - 90} {
		r.write(bundlePtr+uint64(at), []byte{file[at] ^ 1})
		r.want(abi.StatusHash, abi.ExportComplete)
		r.write(bundlePtr, file)
		if diff := cmp.Diff(first, r.slate(question)); diff != "" {
			t.Fatalf("after a failed complete (-before +after):\n%s", diff)
		}
	}
	for range 2 {
		r.want(abi.StatusOK, abi.ExportComplete)
		if got := r.want(abi.StatusOK, abi.ExportRecommend, r.put(question), uint64(len(question))); !bytes.Equal(got, whole) {
			t.Fatalf("completed: got %x, want what a bundle says that was whole, %x", got, whole)
		}
	}
}

// TestBuffersOfAFailedOpenAreUsedUp by every status but partial.
func TestBuffersOfAFailedOpenAreUsedUp(t *testing.T) {
	root, file := worldOf(t, twoStages)
	other := rootOf(t, keys(t, 2), expires)
	r := bare(t, open(t, root, file, false, 1))
	now := uint64(now().Unix())
	n := uint64(len(file))
	for _, c := range []struct {
		name  string
		root  []byte
		size  uint64
		have  uint64
		shift uint64 // of the bundle's pointer
		want  abi.Status
	}{
		{"more than there is", root, n, n + 1, 0, abi.StatusMemory},
		{"all ones", root, n, 0xffffffff, 0, abi.StatusMemory},
		{"a pointer into the buffer", root, n - 1, n - 1, 1, abi.StatusMemory},
		{"a length beyond the buffer", root, n + 1, n, 0, abi.StatusMemory},
		{"another publisher", other, n, n - 1, 0, abi.StatusSignature},
		{"no root", []byte{0x80}, n, n - 1, 0, abi.StatusRoot},
		{"a file of no bytes", root, 0, 0, 0, abi.StatusSyntax},
	} {
		rootPtr, bundlePtr := r.put(c.root), r.put(file)
		rootLen := uint64(len(c.root))
		r.want(c.want, abi.ExportOpenEarly, rootPtr, rootLen, bundlePtr+c.shift, c.size, c.have, now)
		r.want(abi.StatusMemory, abi.ExportOpenEarly, rootPtr, rootLen, bundlePtr, n, n-1, now)
		r.want(abi.StatusNotOpen, abi.ExportComplete)
	}
	p := r.put(file)
	r.want(abi.StatusMemory, abi.ExportOpenEarly, p, n, p, n, n, now)
}

// TestAnotherBundleReplacesTheFirst, which then cannot be completed, and one
// that is refused does not.
func TestAnotherBundleReplacesTheFirst(t *testing.T) {
	root, file := worldOf(t, twoStages)
	_, other := world(t, train.EASE)
	h := open(t, root, file, false, 1)
	r := bare(t, h)
	now := uint64(now().Unix())
	start := func(want abi.Status, file []byte, have int) {
		t.Helper()
		r.want(want, abi.ExportOpenEarly, r.put(root), uint64(len(root)), r.put(file), uint64(len(file)), uint64(have), now)
	}
	model := func() string {
		t.Helper()
		m, err := bundle.ParseManifest(r.want(abi.StatusOK, abi.ExportManifest))
		if err != nil {
			t.Fatal(err)
		}
		return m.Model
	}
	start(abi.StatusOK, file, len(file)-1)
	bad := bytes.Clone(other)
	bad[len(bad)-1] ^= 1
	start(abi.StatusHash, bad, len(bad))
	start(abi.StatusPartial, other, len(other)-1)
	start(abi.StatusPartial, file, 100)
	if got := model(); got != "ials" || !r.slate(question).Receipt.Early {
		t.Fatalf("after bundles that did not open: %s", got)
	}
	start(abi.StatusOK, other, len(other))
	r.want(abi.StatusOK, abi.ExportComplete)
	if got := model(); got != "ease" || r.slate(question).Receipt.Early {
		t.Fatalf("after another bundle has opened: %s", got)
	}
	start(abi.StatusOK, file, len(file)-1)
	if got := model(); got != "ials" || !r.slate(question).Receipt.Early {
		t.Fatalf("after the first has opened again: %s", got)
	}
	r.want(abi.StatusOK, abi.ExportComplete)
	if r.slate(question).Receipt.Early {
		t.Error("completed, and still early")
	}
}

// TestAWrongKnownAnswerClosesABundleThatCompletes, and one that is early does
// not open with a wrong one.
func TestAWrongKnownAnswerClosesABundleThatCompletes(t *testing.T) {
	root, file := worldOf(t, twoStages)
	r := bare(t, open(t, root, file, false, 1))
	now := uint64(now().Unix())
	flip := func(pick func(m bundle.Manifest) bundle.KnownAnswer) []byte {
		return resign(t, file, func(doc []byte) {
			m, err := bundle.ParseManifest(doc)
			if err != nil {
				t.Fatal(err)
			}
			hash := pick(m).Items
			doc[bytes.Index(doc, hash[:])+31] ^= 1
		})
	}
	start := func(want abi.Status, file []byte, have int) {
		t.Helper()
		r.want(want, abi.ExportOpenEarly, r.put(root), uint64(len(root)), r.put(file), uint64(len(file)), uint64(have), now)
	}
	late := flip(func(m bundle.Manifest) bundle.KnownAnswer { return m.KnownAnswers[1] })
	start(abi.StatusOK, late, len(late)-1)
	r.want(abi.StatusKnownAnswer, abi.ExportComplete)
	r.want(abi.StatusNotOpen, abi.ExportManifest)
	r.want(abi.StatusNotOpen, abi.ExportComplete)
	r.want(abi.StatusNotOpen, abi.ExportRecommend, r.put(question), uint64(len(question)))
	start(abi.StatusKnownAnswer, late, len(late))
	early := flip(func(m bundle.Manifest) bundle.KnownAnswer { return m.EarlyAnswers[1] })
	start(abi.StatusKnownAnswer, early, len(early)-1)
	r.want(abi.StatusNotOpen, abi.ExportManifest)
	start(abi.StatusOK, early, len(early))
	r.slate(question)
}

// TestARequestIsCleared with all of its buffer, whatever came of it, and the
// next one may have the same memory.
func TestARequestIsCleared(t *testing.T) {
	root, file := world(t, train.IALS)
	h := open(t, root, file, false, 1)
	g, err := h.take(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r := raw{t, g}
	items := slate.AppendItemsRequest(nil, []uint32{1, 2})
	for _, c := range []struct {
		name, export string
		doc          []byte
		want         abi.Status
	}{
		{"an answer", abi.ExportRecommend, question, abi.StatusOK},
		{"no request", abi.ExportRecommend, []byte{0x81, 7, 7}, abi.StatusRequest},
		{"beyond a limit", abi.ExportRecommend, slate.Request{K: 1001}.Append(nil), abi.StatusLimit},
		{"items", abi.ExportItems, items, abi.StatusOK},
		{"an item that is not there", abi.ExportItems, slate.AppendItemsRequest(nil, []uint32{40}), abi.StatusRequest},
	} {
		for _, slack := range []int{0, 1, 100} {
			buffer := append(bytes.Clone(c.doc), bytes.Repeat([]byte{'x'}, slack)...)
			p := r.put(buffer)
			r.want(abi.StatusMemory, c.export, p, uint64(len(buffer)+1))
			if got := r.memory(p, len(buffer)); !bytes.Equal(got, buffer) {
				t.Fatalf("%s: a call that failed for its length changed the buffer", c.name)
			}
			r.want(c.want, c.export, p, uint64(len(c.doc)))
			if left := r.memory(p, len(buffer)); !bytes.Equal(left, make([]byte, len(buffer))) {
				t.Errorf("%s, %d bytes more: %q is left", c.name, slack, left)
			}
			r.want(abi.StatusMemory, c.export, p, uint64(len(c.doc)))
		}
	}
	a := r.put(question)
	b := r.put(question)
	if a == b {
		t.Fatal("two buffers have one address")
	}
	for _, p := range []uint64{a, b} {
		r.want(abi.StatusOK, abi.ExportRecommend, p, uint64(len(question)))
	}
	if err := h.give(context.Background(), g); err != nil {
		t.Fatal(err)
	}
}
