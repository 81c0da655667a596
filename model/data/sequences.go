package data

import "github.com/nearside/nearside/model/core/profile"

// Sequences are the items that each user met, in time order, repeats included.
// It is built once and then only read.
type Sequences struct {
	Items int     // n: how many items there are
	Ptr   []int64 // users+1 offsets into Item
	Item  []int32
	Time  []int64 // Unix seconds, beside Item; nil: not known
}

// Users returns the number of users.
func (s *Sequences) Users() int { return len(s.Ptr) - 1 }

// Row returns the items of user u, oldest first. The slice belongs to s.
func (s *Sequences) Row(u int) []int32 { return s.Item[s.Ptr[u]:s.Ptr[u+1]] }

// Sequences returns the events of l but for hides, nil when l is unordered.
// Events of one time, or all of a log without times, are in the order of the log.
func (l *Log) Sequences() *Sequences {
	if l.Unordered {
		return nil
	}
	ptr, rows := l.byUserInTime()
	s := &Sequences{Items: l.Items.Len(), Ptr: make([]int64, len(ptr)), Item: make([]int32, 0, len(rows))}
	if l.Time != nil {
		s.Time = make([]int64, 0, len(rows))
	}
	for u := range l.Users.Len() {
		for _, e := range rows[ptr[u]:ptr[u+1]] {
			if l.Kind != nil && l.Kind[e] == profile.KindHide {
				continue
			}
			s.Item = append(s.Item, l.Item[e])
			if l.Time != nil {
				s.Time = append(s.Time, l.Time[e])
			}
		}
		s.Ptr[u+1] = int64(len(s.Item))
	}
	return s
}
