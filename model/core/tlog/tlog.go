package tlog

import (
	"bytes"
	"crypto/sha256"

	"github.com/nearside/nearside/model/core/digest"
)

// MaxWitnesses bounds the witnesses of a policy.
const MaxWitnesses = 32

// Policy says which log must have an entry, and how many of which witnesses
// must have seen it there.
type Policy struct {
	Log       Key   // of Ed25519 or MLDSA44Cosignature; its name is the origin
	Witnesses []Key // of the cosignature algorithms; no public key twice, and not the log's
	Quorum    int   // 0 to len(Witnesses)
}

// Inclusion is what a proof has established.
type Inclusion struct {
	Index, Size uint64 // of the entry, and of the tree that has it
	Witnesses   []int  // the positions in Policy.Witnesses of all that signed, ascending
}

// Verify checks a proof that entry is in the policy's log. The error is
// ErrPolicy, a *SyntaxError, ErrLog, ErrWitnesses or ErrEntry; the first of
// these that holds.
func (p *Policy) Verify(proof, entry []byte) (Inclusion, error) {
	if !p.Valid() {
		return Inclusion{}, ErrPolicy
	}
	said, err := parse(proof)
	if err != nil {
		return Inclusion{}, err
	}
	if signed, _ := said.SignedBy(p.Log); !signed || said.Origin != p.Log.Name {
		return Inclusion{}, ErrLog
	}
	in := Inclusion{Index: said.index, Size: said.Size}
	for i, w := range p.Witnesses {
		signed, err := said.SignedBy(w)
		if err != nil {
			return Inclusion{}, ErrWitnesses
		}
		if signed {
			in.Witnesses = append(in.Witnesses, i)
		}
	}
	if len(in.Witnesses) < p.Quorum {
		return Inclusion{}, ErrWitnesses
	}
	if root, ok := rootOf(digest.Leaf(entry), said.index, said.Size, said.path); !ok || root != said.Root {
		return Inclusion{}, ErrEntry
	}
	return in, nil
}

// Valid says whether the policy means something. A key that stood twice would
// count twice.
func (p *Policy) Valid() bool {
	if !p.Log.valid() || p.Log.Algorithm == Ed25519Cosignature ||
		len(p.Witnesses) > MaxWitnesses || p.Quorum < 0 || p.Quorum > len(p.Witnesses) {
		return false
	}
	for i, w := range p.Witnesses {
		if !w.valid() || w.Algorithm == Ed25519 || bytes.Equal(w.Public, p.Log.Public) {
			return false
		}
		for _, before := range p.Witnesses[:i] {
			if bytes.Equal(w.Public, before.Public) {
				return false
			}
		}
	}
	return true
}

// proof is what a proof says.
type proof struct {
	index uint64
	path  [][sha256.Size]byte
	Checkpoint
}

func parse(b []byte) (*proof, error) {
	l, p := open(b), new(proof)
	l.n = 1
	if !l.skip("c2sp.org/tlog-proof@v1\n") {
		l.fail("c2sp.org/tlog-proof@v1")
	}
	if l.skip("extra ") {
		extra := l.next()
		if _, ok := appendDecoded(make([]byte, 0, len(extra)/4*3), extra); !ok {
			l.fail("base64")
		}
	}
	if !l.skip("index ") {
		l.next()
		l.fail("index and a number")
	}
	p.index = l.number()
	for l.more() {
		if len(p.path) == MaxHashes {
			l.n++
			l.fail("63 hashes at the most")
			break
		}
		p.path = append(p.path, l.hash())
	}
	l.next() // empty, or missing
	l.checkpoint(&p.Checkpoint)
	if err := l.end(); err != nil {
		return nil, err
	}
	return p, nil
}

// rootOf returns the head of the tree of n entries in which the leaf at index
// has the audit path (RFC 9162, section 2.1.3.2). The path is as long as the
// two say, or there is none.
func rootOf(leaf [sha256.Size]byte, index, n uint64, path [][sha256.Size]byte) (root [sha256.Size]byte, ok bool) {
	if index >= n {
		return root, false
	}
	last := n - 1 // index and last: positions of the node and of its level's last node
	for _, sibling := range path {
		if last == 0 {
			return root, false
		}
		if index&1 == 0 && index != last {
			leaf = digest.Node(leaf, sibling)
		} else {
			leaf = digest.Node(sibling, leaf)
			for index&1 == 0 { // a last node without a sibling moves up as it is
				index, last = index>>1, last>>1
			}
		}
		index, last = index>>1, last>>1
	}
	return leaf, last == 0
}
