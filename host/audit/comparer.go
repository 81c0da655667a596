package audit

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// comparer is written to, and compares what is written with what it should be.
type comparer struct {
	want    []byte // what has not come yet
	written int
	differs int // the first byte that does; -1: none yet
	sum     hash.Hash
}

func newComparer(want []byte) *comparer {
	return &comparer{want: want, differs: -1, sum: sha256.New()}
}

func (c *comparer) Write(b []byte) (int, error) {
	c.sum.Write(b)
	if c.differs < 0 && !bytes.HasPrefix(c.want, b) {
		same := 0
		for same < min(len(b), len(c.want)) && b[same] == c.want[same] {
			same++
		}
		c.differs = c.written + same
	}
	c.want = c.want[min(len(b), len(c.want)):]
	c.written += len(b)
	return len(b), nil
}

// end returns SHA-256 of all that was written, and the first byte at which it
// differs, or -1.
func (c *comparer) end() (sum [32]byte, differs int) {
	if c.differs < 0 && len(c.want) > 0 {
		c.differs = c.written
	}
	c.sum.Sum(sum[:0])
	return sum, c.differs
}
