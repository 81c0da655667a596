package data

import "github.com/nearside/nearside/model/core/profile"

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
}

// Len returns the number of events.
func (l *Log) Len() int { return len(l.User) }

// Item is what the catalogue knows of one item.
type Item struct {
	ID, Title string
	Tags      []string
	Text      string // for training only, never packed
	Author    string
	Published int64 // Unix seconds; 0: not known
	URL       string
	Image     string
}
