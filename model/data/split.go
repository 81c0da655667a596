package data

import "github.com/nearside/nearside/model/core/profile"

// Event is one event of one person, the item given by its index.
type Event struct {
	Item   int32
	Kind   profile.Kind
	Time   int64   // Unix seconds; 0: not known
	Weight float32 // 1 unless the log says otherwise
}

// Case is one question to a recommender: given History, how well are the
// items of Target ranked? No item is in both.
type Case struct {
	History []Event // in time order, oldest first
	Target  []int32 // at least one item, ascending
}

// Split is a log cut in two: what a model may learn from, and the cases it is
// judged by. Train has the same item indices as the log it was cut from.
type Split struct {
	Train *Log
	Cases []Case
}
