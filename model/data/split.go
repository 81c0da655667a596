package data

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nearside/nearside/model/core/profile"
)

// Event is one event of one person, the item given by its index.
type Event struct {
	Item   int32
	Kind   profile.Kind
	Time   int64   // Unix seconds; 0: not known
	Weight float32 // 1 unless the log says otherwise
}

// Case is one question to a recommender: given History, how well are the
// items of Target ranked? An item is in both only when the log has repeats: that
// is a fair question where rankings may hold items of the history, see
// eval.Options.Repeats, and no question at all where they may not.
type Case struct {
	History []Event // in time order, oldest first
	Target  []int32 // at least one item, ascending, none twice but NoItem
	Among   []int32 // what the target is ranked among, ascending; nil: the whole catalogue
	Asks    string  // tells cases of one split apart that ask for different things; "" where they do not
}

// NoItem stands in a target for an item that is not in the catalogue: it is
// asked for, and nobody can find it.
const NoItem int32 = -1

// Split is a log cut in two: what a model may learn from, and the cases it is
// judged by. Train has the same item indices as the log it was cut from, but
// no index for a user without rows in it. Cases are in order of the user's
// index in that log.
type Split struct {
	Train *Log
	Cases []Case

	// Skipped counts the rows that are neither in Train nor in a case, because
	// no fair question could be made of them.
	Skipped int

	// Overlap counts those of them that Train has too: who made the split has
	// let the model see part of the answers.
	Overlap int
}

// LeaveLastOut cuts off the last event of each user with two or more: it is
// the target, and all others are the history and stay in Train. Of events at
// the same time, and in a log without times, the last one is the one furthest
// down in the log. A user with one event stays in Train without a case.
//
// Like every split it wants a log as Clean makes it, with or without repeats,
// and it is an error when a user hides an item.
func LeaveLastOut(l *Log) (Split, error) {
	if err := checkClean("leave last out", l); err != nil {
		return Split{}, err
	}
	train := make([]bool, l.Len())
	ptr, rows := l.byUserInTime()
	var s Split
	for u := range l.Users.Len() {
		mine := rows[ptr[u]:ptr[u+1]]
		for _, e := range mine {
			train[e] = true
		}
		if last := len(mine) - 1; last > 0 {
			train[mine[last]] = false
			s.Cases = append(s.Cases, Case{History: l.events(mine[:last]), Target: []int32{l.Item[mine[last]]}})
		}
	}
	if len(s.Cases) == 0 {
		return Split{}, fmt.Errorf("data: leave last out: no user of %d has two items", l.Users.Len())
	}
	s.Train = l.pick(train, true)
	return s, nil
}

// Temporal cuts the log at one moment for everybody: the newest share of the
// rows, and all others of the same second as the oldest of them, are for
// testing, the rest is Train. A user's history is what Train has of the user,
// and the targets are the user's test rows with items that Train has. Test
// rows of a user without history, and with an item that Train never saw, are
// skipped; rows that repeat a target are part of it. The log is as for
// LeaveLastOut, and must have times; share is
// between 0 and 1. It is an error when the cut leaves nothing on one side.
func Temporal(l *Log, share float64) (Split, error) {
	const place = "temporal split"
	if err := checkClean(place, l); err != nil {
		return Split{}, err
	}
	if err := checkShare(place, share); err != nil {
		return Split{}, err
	}
	if l.Time == nil {
		return Split{}, fmt.Errorf("data: %s: the log has no times", place)
	}
	if l.Len() == 0 {
		return Split{}, fmt.Errorf("data: %s: the log has no rows", place)
	}
	times := slices.Sorted(slices.Values(l.Time))
	cut := times[min(len(times)-int(math.Round(share*float64(len(times)))), len(times)-1)]
	train := make([]bool, l.Len())
	seen := make([]bool, l.Items.Len())
	for e, t := range l.Time {
		if t < cut {
			train[e] = true
			seen[l.Item[e]] = true
		}
	}
	s := Split{Train: l.pick(train, true)}
	ptr, rows := l.byUserInTime()
	for u := range l.Users.Len() {
		mine := rows[ptr[u]:ptr[u+1]]
		known := 0
		for known < len(mine) && l.Time[mine[known]] < cut {
			known++
		}
		var target []int32
		for _, e := range mine[known:] {
			if known > 0 && seen[l.Item[e]] {
				target = append(target, l.Item[e])
			} else {
				s.Skipped++
			}
		}
		if len(target) > 0 {
			slices.Sort(target)
			s.Cases = append(s.Cases, Case{History: l.events(mine[:known]), Target: slices.Compact(target)})
		}
	}
	if s.Train.Len() == 0 || len(s.Cases) == 0 {
		return Split{}, fmt.Errorf("data: %s: share %v leaves %d rows to train on and %d cases", place, share, s.Train.Len(), len(s.Cases))
	}
	return s, nil
}

// Given takes a split that somebody else has made: train is all there is to
// learn from, and held has the rows that were held out. A user's history is
// what train has of the user, and the targets are the user's items in held.
// Rows of held with a user or an item that train does not have, and those that
// train has too, are skipped. An item that is held out twice counts
// once. train is as for LeaveLastOut.
func Given(train, held *Log) (Split, error) {
	if err := checkClean("given split", train); err != nil {
		return Split{}, err
	}
	s := Split{Train: train}
	had := train.pairs()
	targets := make([][]int32, train.Users.Len())
	for e, u := range held.User {
		user, known := train.Users.Index(held.Users.ID(u))
		item, sold := train.Items.Index(held.Items.ID(held.Item[e]))
		switch {
		case !known || !sold:
			s.Skipped++
		case had[pair{user, item}]:
			s.Skipped++
			s.Overlap++
		default:
			targets[user] = append(targets[user], item)
		}
	}
	ptr, rows := train.byUserInTime()
	for u, target := range targets {
		if len(target) > 0 {
			slices.Sort(target)
			s.Cases = append(s.Cases, Case{History: train.events(rows[ptr[u]:ptr[u+1]]), Target: slices.Compact(target)})
		}
	}
	if held.Len() > 0 && s.Overlap == held.Len() {
		return Split{}, fmt.Errorf("data: given split: all of %d held-out rows are in the training rows", held.Len())
	}
	if len(s.Cases) == 0 {
		return Split{}, fmt.Errorf("data: given split: none of %d held-out rows has a user and an item of the others", held.Len())
	}
	return s, nil
}

// StrongGeneralisation judges a model by people it has never seen (Liang et
// al., "Variational autoencoders for collaborative filtering", WWW 2018,
// section 4.3). Of the users with two or more items it holds out heldOut, who
// leave Train whole. Of each one's items it makes the given share the target,
// 0.2 in the paper, at least one and never all; the others are the history. As
// in the authors' code, rows of held-out users with an item that Train does not
// have are skipped first, and with them a user who has no two items left. All
// choices come from seed. The log is as for LeaveLastOut; share is between 0
// and 1. It is an error when fewer than heldOut+1 users have two items.
func StrongGeneralisation(l *Log, heldOut int, share float64, seed uint64) (Split, error) {
	const place = "strong generalisation"
	if err := checkClean(place, l); err != nil {
		return Split{}, err
	}
	if err := checkShare(place, share); err != nil {
		return Split{}, err
	}
	ptr, rows := l.byUserInTime()
	var able []int // users with two items
	for u := range l.Users.Len() {
		if len(l.items(rows[ptr[u]:ptr[u+1]])) >= 2 {
			able = append(able, u)
		}
	}
	if len(able) < 2 {
		return Split{}, fmt.Errorf("data: %s: %d of %d users have two items: want two such users, one to learn from and one to ask",
			place, len(able), l.Users.Len())
	}
	if heldOut < 1 || heldOut >= len(able) {
		return Split{}, fmt.Errorf("data: %s: %d held-out users: want 1 to %d, one fewer than have two items",
			place, heldOut, len(able)-1)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(able), func(i, j int) { able[i], able[j] = able[j], able[i] })
	able = able[:heldOut]
	slices.Sort(able)

	train := make([]bool, l.Len())
	for e := range train {
		_, out := slices.BinarySearch(able, int(l.User[e]))
		train[e] = !out
	}
	seen := make([]bool, l.Items.Len())
	for e, in := range train {
		if in {
			seen[l.Item[e]] = true
		}
	}
	s := Split{Train: l.pick(train, true)}
	for _, u := range able {
		mine := rows[ptr[u]:ptr[u+1]]
		all := len(mine)
		mine = slices.DeleteFunc(mine, func(e int32) bool { return !seen[l.Item[e]] })
		items := l.items(mine)
		if len(items) < 2 {
			s.Skipped += all
			continue
		}
		s.Skipped += all - len(mine)
		n := min(max(int(math.Round(share*float64(len(items)))), 1), len(items)-1)
		target := make([]int32, n)
		for i, at := range random.Perm(len(items))[:n] {
			target[i] = items[at]
		}
		slices.Sort(target)
		mine = slices.DeleteFunc(mine, func(e int32) bool {
			_, asked := slices.BinarySearch(target, l.Item[e])
			return asked
		})
		s.Cases = append(s.Cases, Case{History: l.events(mine), Target: target})
	}
	if len(s.Cases) == 0 {
		return Split{}, fmt.Errorf("data: %s: no held-out user of %d has two items that the others have", place, heldOut)
	}
	return s, nil
}

func checkShare(place string, share float64) error {
	if !(share > 0 && share < 1) {
		return fmt.Errorf("data: %s: share %v: want a number between 0 and 1", place, share)
	}
	return nil
}

// checkClean returns an error when a user hides an item.
func checkClean(place string, l *Log) error {
	if l.Kind == nil {
		return nil
	}
	if _, hidden, _ := roles(l); hidden > 0 {
		return fmt.Errorf("data: %s: %d rows are of hidden items: want a log from Clean", place, hidden)
	}
	return nil
}

// pair is a user and an item.
type pair struct{ user, item int32 }

// pairs returns the pairs that have a row.
func (l *Log) pairs() map[pair]bool {
	had := make(map[pair]bool, l.Len())
	for e, u := range l.User {
		had[pair{u, l.Item[e]}] = true
	}
	return had
}

// byUserInTime is byUser with the rows of each user in time order; those of
// one time, or all without times, are in the order of the log.
func (l *Log) byUserInTime() (ptr []int, rows []int32) {
	ptr, rows = l.byUser()
	if l.Time == nil {
		return ptr, rows
	}
	for u := range l.Users.Len() {
		slices.SortStableFunc(rows[ptr[u]:ptr[u+1]], func(a, b int32) int { return cmp.Compare(l.Time[a], l.Time[b]) })
	}
	return ptr, rows
}

// items returns the items of the given rows, each where it comes first.
func (l *Log) items(rows []int32) []int32 {
	items := make([]int32, 0, len(rows))
	met := make(map[int32]bool, len(rows))
	for _, e := range rows {
		if i := l.Item[e]; !met[i] {
			met[i] = true
			items = append(items, i)
		}
	}
	return items
}

// events returns the given rows.
func (l *Log) events(rows []int32) []Event {
	events := make([]Event, len(rows))
	for i, e := range rows {
		events[i] = Event{Item: l.Item[e], Kind: profile.KindView, Weight: 1}
		if l.Time != nil {
			events[i].Time = l.Time[e]
		}
		if l.Kind != nil {
			events[i].Kind = l.Kind[e]
		}
		if l.Weight != nil {
			events[i].Weight = l.Weight[e]
		}
	}
	return events
}
