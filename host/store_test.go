package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"testing"

	"github.com/nearside/nearside/model/core/trust"
)

func openedStore(t testing.TB) *store {
	t.Helper()
	s, err := openStore(filepath.Join(t.TempDir(), "a", "b"), osDisk{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	return s
}

func TestAStoreKeepsTheNewestState(t *testing.T) {
	s := openedStore(t)
	if state, whole, err := s.load(); state != nil || !whole || err != nil {
		t.Errorf("a new one: %q, %v, %v", state, whole, err)
	}
	for i := range 5 {
		want := fmt.Appendf(nil, "state %d", i)
		if err := s.put(want); err != nil {
			t.Fatal(err)
		}
		again := &store{dir: s.dir, disk: osDisk{}}
		if got, whole, err := again.load(); !bytes.Equal(got, want) || !whole || err != nil || again.counter != uint64(i+1) {
			t.Errorf("got %q, %v, %v, counter %d, want %q", got, whole, err, again.counter, want)
		}
	}
}

// damage returns a document cut off at every length, and with every byte
// changed.
func damage(doc []byte, try func(name string, bad []byte)) {
	for n := range doc {
		try(fmt.Sprintf("cut off after %d bytes", n), doc[:n])
	}
	for i := range doc {
		bad := slices.Clone(doc)
		bad[i] ^= byte(1 << (i % 8))
		try(fmt.Sprintf("byte %d is changed", i), bad)
	}
	try("a byte more", append(slices.Clone(doc), 0))
	try("twice", append(slices.Clone(doc), doc...))
}

func TestADamagedSlotTakesNobodyBack(t *testing.T) {
	s := openedStore(t)
	older, newest := []byte("what was known before"), []byte("what is known now, and must stay known")
	for _, state := range [][]byte{older, newest} {
		if err := s.put(state); err != nil {
			t.Fatal(err)
		}
	}
	good, old := appendSlot(nil, s.counter, newest), appendSlot(nil, s.counter-1, older)
	write := func(i int, b []byte) {
		t.Helper()
		if err := os.WriteFile(s.slot(i), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wants := func(name string, want []byte, whole bool, wantErr error) {
		t.Helper()
		got, w, err := s.load()
		if !bytes.Equal(got, want) || w != whole || !errors.Is(err, wantErr) {
			t.Fatalf("%s: got %d bytes, whole %v, %v, want %d, %v, %v", name, len(got), w, err, len(want), whole, wantErr)
		}
	}
	for i := range 2 {
		damage(good, func(name string, bad []byte) {
			write(i, bad)
			write(1-i, good)
			wants("one "+name, newest, false, nil)
		})
		// A crash between the two copies.
		write(i, old)
		write(1-i, good)
		wants("one older", newest, false, nil)
		if err := s.mend(newest); err != nil {
			t.Fatal(err)
		}
		wants("mended", newest, true, nil)
		if err := os.Remove(s.slot(i)); err != nil {
			t.Fatal(err)
		}
		wants("one gone", newest, false, nil)
		write(1-i, good[1:])
		wants("one gone and one damaged", nil, false, ErrState)
	}
	damage(good, func(name string, bad []byte) {
		write(0, bad)
		write(1, bad)
		wants("both "+name, nil, false, ErrState)
	})
	write(0, make([]byte, maxSlot+1))
	wants("one endless, one damaged", nil, false, ErrState)
	// A bundle without a state is no first use either.
	for i := range 2 {
		if err := os.Remove(s.slot(i)); err != nil {
			t.Fatal(err)
		}
	}
	wants("both gone", nil, true, nil)
	if err := s.putBundle([32]byte{}, nil); err != nil {
		t.Fatal(err)
	}
	wants("both gone, and a bundle there", nil, false, ErrState)
}

// The same for a slot with a root in it, without the disk.
func TestNoDamagedSlotIsRead(t *testing.T) {
	s, err := trust.NewState(rootOf(t, keys(t, 1), expires), "test")
	if err != nil {
		t.Fatal(err)
	}
	doc := appendSlot(nil, 7, s.Append(nil))
	if counter, _, ok := parseSlot(doc); !ok || counter != 7 {
		t.Fatalf("counter %d, %v", counter, ok)
	}
	damage(doc, func(name string, bad []byte) {
		if _, _, ok := parseSlot(bad); ok {
			t.Errorf("%s: it is read", name)
		}
	})
}

func TestSlotsHoldTheLargestState(t *testing.T) {
	doc := appendSlot(nil, maxCounter, make([]byte, trust.MaxState))
	if _, state, ok := parseSlot(doc); !ok || len(state) != trust.MaxState || len(doc) > maxSlot {
		t.Errorf("%d bytes of at most %d: %v", len(doc), maxSlot, ok)
	}
}

// FuzzState reads arbitrary slots: what is read is what was written, the newest
// of two, and takes no memory that the file does not have.
func FuzzState(f *testing.F) {
	one, two := appendSlot(nil, 1, []byte("one")), appendSlot(nil, 2, []byte("two"))
	f.Add(one, two)
	f.Add(two, two)
	f.Add(two, []byte{})
	f.Add([]byte{0x84, 0, 0xa4, 's', 'l', 'o', 't', 1, 1, 2, 0xc6, 0xff, 0xff, 0xff, 0xff}, []byte{0xdf, 0xff, 0xff, 0xff, 0xff})
	f.Add(slices.Concat(one, two), one[:len(one)-1])
	f.Fuzz(func(t *testing.T, a, b []byte) {
		before := allocated()
		counter, state, whole := newest([2][]byte{a, b})
		if got := allocated() - before; got > uint64(64<<10+4*(len(a)+len(b))) {
			t.Fatalf("slots of %d and %d bytes took %d", len(a), len(b), got)
		}
		var want []byte
		for _, doc := range [][]byte{a, b} {
			n, s, ok := parseSlot(doc)
			switch {
			case !ok:
				continue
			case !bytes.Equal(appendSlot(nil, n, s), doc):
				t.Fatalf("%x is read, and not what is written", doc)
			case n > counter:
				t.Fatalf("counter %d is left for %d", n, counter)
			case n == counter && want == nil:
				want = s
			}
		}
		if !bytes.Equal(state, want) || whole && counter == 0 && want == nil {
			t.Fatalf("got %x, whole %v, want %x", state, whole, want)
		}
	})
}

// allocated returns how many bytes the process has allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
