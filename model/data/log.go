package data

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/nearside/nearside/model/core/profile"
)

// IDs maps ids to dense indices 0 … Len()-1 in order of first appearance. The
// zero value is empty and ready for use.
type IDs struct {
	names []string
	index map[string]int32
}

// Add returns the index of id, giving it the next free one when it is new.
func (t *IDs) Add(id string) int32 {
	if i, ok := t.index[id]; ok {
		return i
	}
	if t.index == nil {
		t.index = make(map[string]int32)
	}
	i := int32(len(t.names))
	t.names = append(t.names, id)
	t.index[id] = i
	return i
}

// Index returns the index of id, or ok = false.
func (t *IDs) Index(id string) (i int32, ok bool) {
	i, ok = t.index[id]
	return i, ok
}

// ID returns the id with index i.
func (t *IDs) ID(i int32) string { return t.names[i] }

// Len returns the number of ids.
func (t *IDs) Len() int { return len(t.names) }

// Log is a list of events in columns. Event e says that user User[e] met item
// Item[e]. Columns that the source did not have are nil.
type Log struct {
	Users, Items IDs
	User, Item   []int32
	Time         []int64        // Unix seconds; nil: the source has no times
	Kind         []profile.Kind // nil: every event is a view
	Weight       []float32      // nil: every weight is 1

	// Unordered says that the rows of a user are a set: the source has neither
	// times nor the order in which things happened. Otherwise rows of one time,
	// and all rows of a log without times, stand in that order.
	Unordered bool
}

// Len returns the number of events.
func (l *Log) Len() int { return len(l.User) }

// ItemsAfter returns l with other item indices: those of first, whether or not l
// has these items, and after them the other items of l in their order. The
// result shares memory with l, and is not for Clean, which drops indices.
func (l *Log) ItemsAfter(first *IDs) *Log {
	out := *l
	out.Items = IDs{}
	for _, id := range first.names {
		out.Items.Add(id)
	}
	index := make([]int32, l.Items.Len())
	for i, id := range l.Items.names {
		index[i] = out.Items.Add(id)
	}
	out.Item = make([]int32, l.Len())
	for e, i := range l.Item {
		out.Item[e] = index[i]
	}
	return &out
}

// Matrix returns the users × items matrix of the pairs in the log. The value
// of a pair is its weight, the largest when it has several rows, and Val is nil
// when the log has no weights. The kind of an event does not count, but for
// hides: a pair with a hide has no value.
func (l *Log) Matrix() *Matrix {
	m := &Matrix{Rows: l.Users.Len(), Cols: l.Items.Len(), Ptr: make([]int64, l.Users.Len()+1)}
	role, _, _ := roles(l)
	n := 0
	for _, r := range role {
		if r == rowFirst {
			n++
		}
	}
	m.Col = make([]int32, 0, n)
	if l.Weight != nil {
		m.Val = make([]float32, 0, n)
	}
	largest := make([]float32, m.Cols) // of the row's pairs; 0 elsewhere
	ptr, rows := l.byUser()
	for u := range m.Rows {
		start := len(m.Col)
		for _, e := range rows[ptr[u]:ptr[u+1]] {
			if role[e] == rowFirst {
				m.Col = append(m.Col, l.Item[e])
			}
			if l.Weight != nil {
				largest[l.Item[e]] = max(largest[l.Item[e]], l.Weight[e])
			}
		}
		slices.Sort(m.Col[start:])
		if l.Weight != nil {
			for _, i := range m.Col[start:] {
				m.Val = append(m.Val, largest[i])
			}
			for _, e := range rows[ptr[u]:ptr[u+1]] {
				largest[l.Item[e]] = 0
			}
		}
		m.Ptr[u+1] = int64(len(m.Col))
	}
	return m
}

// Digest returns a SHA-256 that names what the log says, whatever the order of
// its rows and whatever its indices: that of the distinct pairs of a user id
// and an item id, ascending by the bytes of the user id and then of the item
// id. Each id is written as its length in bytes, uint32 little-endian, and its
// bytes. Times, kinds and weights do not count.
func (l *Log) Digest() [32]byte {
	userRank, users := l.Users.ranks()
	itemRank, items := l.Items.ranks()
	pairs := make([]uint64, l.Len()) // rank of the user, rank of the item
	for e := range pairs {
		pairs[e] = uint64(userRank[l.User[e]])<<32 | uint64(itemRank[l.Item[e]])
	}
	slices.Sort(pairs)
	h := sha256.New()
	var text []byte
	for _, p := range slices.Compact(pairs) {
		text = appendID(text[:0], l.Users.ID(users[p>>32]))
		text = appendID(text, l.Items.ID(items[uint32(p)]))
		h.Write(text)
	}
	return [32]byte(h.Sum(nil))
}

// ranks returns the place of each id when they are sorted by their bytes, and
// the index of the id at each place.
func (t *IDs) ranks() (rank, sorted []int32) {
	sorted = make([]int32, t.Len())
	for i := range sorted {
		sorted[i] = int32(i)
	}
	slices.SortFunc(sorted, func(a, b int32) int { return strings.Compare(t.names[a], t.names[b]) })
	rank = make([]int32, t.Len())
	for place, i := range sorted {
		rank[i] = int32(place)
	}
	return rank, sorted
}

// appendID writes an id as Digest does.
func appendID(dst []byte, id string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(id)))
	return append(dst, id...)
}

// Item is what the catalogue knows of one item.
type Item struct {
	ID, Title string
	Tags      []string
	Text      string // for training only, never packed
	Author    string
	Published int64 // Unix seconds; 0: not known, or before 1970
	URL       string
	Image     string
}
