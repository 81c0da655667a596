package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
)

func random(n int) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// slow is RFC 6962, section 2.1, to the letter.
func slow(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		h := sha256.Sum256(append([]byte{0}, leaves[0]...))
		return h[:]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	h := sha256.Sum256(append(append([]byte{1}, slow(leaves[:k])...), slow(leaves[k:])...))
	return h[:]
}

func TestTreeHeadIsThatOfRFC6962(t *testing.T) {
	for _, n := range []int{
		0, 1, 2, 54, 55, 56, 57, 61, 62, 63, 64, 65, 118, 119, 120, 126, 127, 128, 129, 4096,
		LeafSize - 1, LeafSize, LeafSize + 1, 3 * LeafSize, 4*LeafSize + 5, 5 * LeafSize, 9*LeafSize - 1,
	} {
		data := random(n)
		var leaves [][]byte
		for at := 0; at == 0 || at < n; at += LeafSize {
			leaves = append(leaves, data[at:min(at+LeafSize, n)])
		}
		if got, want := TreeHead(data), slow(leaves); string(got[:]) != string(want) {
			t.Errorf("%d bytes: got %x, want %x", n, got, want)
		}
	}
}

// TestEmptyTree pins SHA-256 of one zero byte.
func TestEmptyTree(t *testing.T) {
	got := TreeHead(nil)
	if want := "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"; hex.EncodeToString(got[:]) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}

func BenchmarkTreeHead(b *testing.B) {
	for _, n := range []int{10 << 10, 1 << 20, 8 << 20} {
		data := random(n)
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				TreeHead(data)
			}
		})
		b.Run(fmt.Sprintf("plain/n=%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				sha256.Sum256(data)
			}
		})
	}
}

// FuzzTreeHead holds TreeHead to the definition: of any bytes, repeated to any
// length.
func FuzzTreeHead(f *testing.F) {
	f.Add([]byte{}, uint32(0))
	f.Add([]byte("a"), uint32(LeafSize-1))
	f.Add([]byte("nearside"), uint32(5*LeafSize+63))
	f.Add(random(119), uint32(4*LeafSize+127))
	f.Fuzz(func(t *testing.T, piece []byte, size uint32) {
		data := piece
		if n := int(size % (9 * LeafSize)); len(piece) > 0 {
			data = bytes.Repeat(piece, n/len(piece)+1)[:max(n, len(piece))]
		}
		var leaves [][]byte
		for at := 0; at == 0 || at < len(data); at += LeafSize {
			leaves = append(leaves, data[at:min(at+LeafSize, len(data))])
		}
		if got, want := TreeHead(data), slow(leaves); string(got[:]) != string(want) {
			t.Fatalf("%d bytes: got %x, want %x", len(data), got, want)
		}
	})
}
