package data

import (
	"fmt"

	"github.com/nearside/nearside/model/core/profile"
)

// Cleaning says which rows Clean keeps. The zero value drops repeats and hides
// alone.
type Cleaning struct {
	// MinUserItems and MinItemUsers are the fewest items that a user, and the
	// fewest users that an item, may have; 0 means 1. What has fewer is
	// dropped, until nothing has. MinItemUsers is also the privacy floor: no
	// item of the model stands for fewer people.
	MinUserItems, MinItemUsers int

	// MaxUserItems is the most items that a user may have; 0 means no limit. A
	// user with more is no single person's taste but a bot, a shop's till or a
	// shared account, and is dropped whole, before the minima are looked at.
	MaxUserItems int

	// KeepRepeats keeps all rows of a pair of a user and an item, for models
	// that learn from sequences. A repeat counts for none of the limits above.
	KeepRepeats bool
}

// Clean returns a new log with at most one row for each pair of a user and an
// item, in the order of l, and what was dropped. It drops, in this order:
//
//   - every row of a pair that has a hide: the person does not want that item;
//   - repeats of a pair, unless KeepRepeats is set: the earliest row stays, by
//     time and then in the order of the log;
//   - users above MaxUserItems;
//   - users below MinUserItems and items below MinItemUsers, over and over.
//
// Users and items without rows lose their index; the others keep their order.
// l is not changed, and the result shares no memory with it but the ids' text.
func Clean(l *Log, c Cleaning) (*Log, Report) {
	report := Report{Rows: l.Len()}
	role, hidden, repeated := roles(l)
	report.drop("item that the user hides", hidden)
	if !c.KeepRepeats {
		report.drop("repeat of a user and an item", repeated)
	}
	keep := make([]bool, l.Len())
	for e, r := range role {
		keep[e] = r == rowFirst || r == rowRepeat && c.KeepRepeats
	}

	userItems := make([]int, l.Users.Len())
	itemUsers := make([]int, l.Items.Len())
	count := func() {
		clear(userItems)
		clear(itemUsers)
		for e, kept := range keep {
			if kept && role[e] == rowFirst {
				userItems[l.User[e]]++
				itemUsers[l.Item[e]]++
			}
		}
	}
	// sweep drops the rows that match; the counts stay as they are.
	sweep := func(reason string, match func(e int) bool) (dropped int) {
		for e, kept := range keep {
			if kept && match(e) {
				keep[e] = false
				dropped++
			}
		}
		report.drop(reason, dropped)
		return dropped
	}
	count()
	if c.MaxUserItems > 0 {
		sweep(fmt.Sprintf("user with more than %s items", grouped(c.MaxUserItems)),
			func(e int) bool { return userItems[l.User[e]] > c.MaxUserItems })
		count()
	}
	fewItems := fmt.Sprintf("user with fewer than %s items", grouped(c.MinUserItems))
	fewUsers := fmt.Sprintf("item with fewer than %s users", grouped(c.MinItemUsers))
	for dropped := 1; dropped > 0; {
		dropped = sweep(fewItems, func(e int) bool { return userItems[l.User[e]] < c.MinUserItems })
		count()
		dropped += sweep(fewUsers, func(e int) bool { return itemUsers[l.Item[e]] < c.MinItemUsers })
		count()
	}
	out := l.pick(keep, false)
	report.Kept, report.Users, report.Items = out.Len(), out.Users.Len(), out.Items.Len()
	return out, report
}

// rowRole says what a row is to the pair of its user and its item.
type rowRole uint8

const (
	rowFirst  rowRole = iota + 1 // the pair's earliest row
	rowRepeat                    // another one
	rowHidden                    // any row of a pair that has a hide
)

// roles returns the role of every row, and how many are hidden and repeats.
func roles(l *Log) (role []rowRole, hidden, repeated int) {
	role = make([]rowRole, l.Len())
	ptr, rows := l.byUser()
	// row of the item that the user seen in owner has, or -1 for a hidden one
	first := make([]int32, l.Items.Len())
	owner := make([]int32, l.Items.Len())
	for i := range owner {
		owner[i] = -1
	}
	for u := range l.Users.Len() {
		mine := rows[ptr[u]:ptr[u+1]]
		for _, e := range mine {
			i := l.Item[e]
			switch {
			case l.Kind != nil && l.Kind[e] == profile.KindHide:
				owner[i], first[i] = int32(u), -1
			case owner[i] != int32(u):
				owner[i], first[i] = int32(u), e
			case first[i] >= 0 && l.Time != nil && l.Time[e] < l.Time[first[i]]:
				first[i] = e
			}
		}
		for _, e := range mine {
			switch first[l.Item[e]] {
			case e:
				role[e] = rowFirst
			case -1:
				role[e] = rowHidden
				hidden++
			default:
				role[e] = rowRepeat
				repeated++
			}
		}
	}
	return role, hidden, repeated
}

// byUser lists row numbers by user: those of user u are rows[ptr[u]:ptr[u+1]],
// in the order of the log.
func (l *Log) byUser() (ptr []int, rows []int32) {
	ptr = make([]int, l.Users.Len()+1)
	for _, u := range l.User {
		ptr[u+1]++
	}
	for u := range l.Users.Len() {
		ptr[u+1] += ptr[u]
	}
	rows = make([]int32, l.Len())
	next := make([]int, l.Users.Len())
	copy(next, ptr)
	for e, u := range l.User {
		rows[next[u]] = int32(e)
		next[u]++
	}
	return ptr, rows
}

// Only returns the rows of l on items that ids has, and how many others there
// were. l is not changed.
func Only(l *Log, ids *IDs) (only *Log, others int) {
	known := make([]bool, l.Items.Len())
	for i := range known {
		_, known[i] = ids.Index(l.Items.ID(int32(i)))
	}
	keep := make([]bool, l.Len())
	for e, i := range l.Item {
		if keep[e] = known[i]; !known[i] {
			others++
		}
	}
	return l.pick(keep, false), others
}

// pick returns a log of the rows that keep marks. Users without rows lose
// their index, and so do items unless allItems is set.
func (l *Log) pick(keep []bool, allItems bool) *Log {
	n := 0
	hasUser := make([]bool, l.Users.Len())
	hasItem := make([]bool, l.Items.Len())
	for e, kept := range keep {
		if kept {
			n++
			hasUser[l.User[e]] = true
			hasItem[l.Item[e]] = true
		}
	}
	for i := range hasItem {
		hasItem[i] = hasItem[i] || allItems
	}
	out := &Log{User: make([]int32, 0, n), Item: make([]int32, 0, n), Unordered: l.Unordered}
	newUser := out.Users.addFrom(&l.Users, hasUser)
	newItem := out.Items.addFrom(&l.Items, hasItem)
	for e, kept := range keep {
		if kept {
			out.User = append(out.User, newUser[l.User[e]])
			out.Item = append(out.Item, newItem[l.Item[e]])
		}
	}
	out.Time = pickColumn(l.Time, keep, n)
	out.Kind = pickColumn(l.Kind, keep, n)
	out.Weight = pickColumn(l.Weight, keep, n)
	return out
}

// addFrom adds the ids of from that take marks, and returns the new index of
// each.
func (t *IDs) addFrom(from *IDs, take []bool) (index []int32) {
	index = make([]int32, from.Len())
	for i, taken := range take {
		if taken {
			index[i] = t.Add(from.ID(int32(i)))
		}
	}
	return index
}

// pickColumn returns the n values that keep marks, nil when from is.
func pickColumn[T any](from []T, keep []bool, n int) []T {
	if from == nil {
		return nil
	}
	out := make([]T, 0, n)
	for e, kept := range keep {
		if kept {
			out = append(out, from[e])
		}
	}
	return out
}
