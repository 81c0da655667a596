//go:build goexperiment.simd

package digest

import (
	"crypto/sha256"
	"encoding/binary"
)

// compress4 runs the compression function over blocks of 64 bytes at each of
// four lanes. It uses words as memory.
//
// Why not crypto/sha256? Without instructions of its own a module hashes at 60
// MB/s with it, and at more than ten times that with four lanes.
//
//go:noescape
func compress4(state *[8][4]uint32, words *[16][4]uint32, constants *[64]uint32, lanes *[4]*byte, blocks int)

// blocksAtOnce bounds a call of compress4: an engine that compiles code better
// while it runs gets the chance to change over.
const blocksAtOnce = 64

// hashLeaves sets sums to the hashes of the leaves of data: four leaves of one
// length at a time, the last one again where there are fewer.
func hashLeaves(sums [][sha256.Size]byte, data []byte) {
	whole := len(data) / LeafSize
	for i := 0; i < whole; i += 4 {
		var four [4][]byte
		for k := range four {
			four[k] = leaf(data, min(i+k, whole-1))
		}
		hashFour(sums[i:min(i+4, whole)], four)
	}
	if whole < len(sums) {
		last := leaf(data, whole)
		hashFour(sums[whole:], [4][]byte{last, last, last, last})
	}
}

// hashFour hashes four leaves of one length, and stores as many hashes as there
// is room for.
func hashFour(sums [][sha256.Size]byte, leaves [4][]byte) {
	var state [8][4]uint32
	for i, v := range initial {
		state[i] = [4]uint32{v, v, v, v}
	}
	var words [16][4]uint32
	var ends [4][128]byte // the first block, then the last one or two
	var lanes [4]*byte
	size := len(leaves[0])

	// 0x00 and the first 63 bytes, when there are so many.
	at := 0
	if size >= 63 {
		for k, l := range leaves {
			copy(ends[k][1:64], l)
			lanes[k] = &ends[k][0]
		}
		compress4(&state, &words, &constants, &lanes, 1)
		for at = 63; size-at >= 64; {
			n := min((size-at)/64, blocksAtOnce)
			for k, l := range leaves {
				lanes[k] = &l[at]
			}
			compress4(&state, &words, &constants, &lanes, n)
			at += 64 * n
		}
	}
	// The rest, 0x80, zeros, and the length in bits (FIPS 180-4, 5.1.1).
	blocks := 1
	for k, l := range leaves {
		end := &ends[k]
		clear(end[:])
		n := 0
		if size < 63 {
			n = 1 // after 0x00
		}
		n += copy(end[n:], l[at:])
		end[n] = 0x80
		if n >= 56 {
			blocks = 2
		}
		binary.BigEndian.PutUint64(end[64*blocks-8:], uint64(size+1)*8)
		lanes[k] = &end[0]
	}
	compress4(&state, &words, &constants, &lanes, blocks)
	for k := range sums {
		for i := range state {
			binary.BigEndian.PutUint32(sums[k][4*i:], state[i][k])
		}
	}
}

// initial and constants are those of SHA-256 (FIPS 180-4, 5.3.3 and 4.2.2).
var initial = [8]uint32{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

var constants = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}
