// Package digest hashes the sections of a bundle: as a tree over pieces, so
// that pieces can be checked one by one, and several at a time by one core.
package digest

import "crypto/sha256"

// LeafSize is the length of a leaf in bytes; the last one may be shorter.
const LeafSize = 64 << 10

// TreeHead returns the Merkle tree hash of data, cut into leaves of LeafSize
// (RFC 6962, section 2.1): a leaf is SHA-256(0x00 ‖ leaf), a node
// SHA-256(0x01 ‖ left ‖ right), and the left half has as many leaves as the
// largest power of two below their number. Empty data is one empty leaf.
func TreeHead(data []byte) [sha256.Size]byte {
	return Head(LeafHashes(data))
}

// LeafHashes returns the hashes of data's leaves, of which there is at least
// one.
func LeafHashes(data []byte) [][sha256.Size]byte {
	leaves := make([][sha256.Size]byte, Leaves(len(data)))
	hashLeaves(leaves, data)
	return leaves
}

// Leaves returns how many leaves n bytes have.
func Leaves(n int) int { return max(1, (n+LeafSize-1)/LeafSize) }

// Head returns the tree hash of at least one leaf's hash.
func Head(leaves [][sha256.Size]byte) [sha256.Size]byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	left := 1
	for 2*left < len(leaves) {
		left *= 2
	}
	return Node(Head(leaves[:left]), Head(leaves[left:]))
}

// leaf returns leaf i of data.
func leaf(data []byte, i int) []byte {
	return data[i*LeafSize : min((i+1)*LeafSize, len(data))]
}

// Node returns the hash of a node over two: SHA-256(0x01 ‖ left ‖ right).
func Node(left, right [sha256.Size]byte) [sha256.Size]byte {
	var node [1 + 2*sha256.Size]byte
	node[0] = 1
	copy(node[1:], left[:])
	copy(node[1+sha256.Size:], right[:])
	return sha256.Sum256(node[:])
}

// Leaf returns the hash of a leaf: SHA-256(0x00 ‖ data).
func Leaf(data []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(data)
	h.Sum(sum[:0])
	return sum
}
