package data

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// The splits in this file cut a training log once more where its test cases
// came from somebody else: what is chosen is chosen on them, and the test cases
// are looked at once. LeaveLastOut, Temporal and StrongGeneralisation need no
// other form for that; they are applied to their own Train.

// HoldOut makes a share of each user's items the target, rounded, and the
// others the history, which stays in Train: as the published splits of lists
// do (NGCF, LightGCN). With a share of 0.1 a user needs five items to have a
// case. Targets that are left without a row in Train are skipped. All choices
// come from seed. The log is as for LeaveLastOut; share is between 0 and 1. It
// is an error when no case is left.
func HoldOut(l *Log, share float64, seed uint64) (Split, error) {
	const place = "hold out"
	if err := checkClean(place, l); err != nil {
		return Split{}, err
	}
	if err := checkShare(place, share); err != nil {
		return Split{}, err
	}
	s := l.holdOut(share, seed)
	if len(s.Cases) == 0 {
		return Split{}, fmt.Errorf("data: %s: share %v of the items of %d users leaves no case", place, share, l.Users.Len())
	}
	return s, nil
}

// holdOut is HoldOut, and may leave no case.
func (l *Log) holdOut(share float64, seed uint64) Split {
	random := rand.New(rand.NewPCG(seed, 0))
	train := make([]bool, l.Len())
	seen := make([]bool, l.Items.Len())
	targets := make([][]int32, l.Users.Len())
	ptr, rows := l.byUserInTime()
	for u := range targets {
		mine := rows[ptr[u]:ptr[u+1]]
		items := l.items(mine)
		n := min(int(math.Round(share*float64(len(items)))), len(items)-1)
		for _, at := range random.Perm(len(items))[:max(n, 0)] {
			targets[u] = append(targets[u], items[at])
		}
		slices.Sort(targets[u])
		for _, e := range mine {
			if _, asked := slices.BinarySearch(targets[u], l.Item[e]); !asked {
				train[e] = true
				seen[l.Item[e]] = true
			}
		}
	}
	s := Split{Train: l.pick(train, true)}
	for u, target := range targets {
		known := slices.DeleteFunc(slices.Clone(target), func(i int32) bool { return !seen[i] })
		s.Skipped += len(target) - len(known)
		if len(known) > 0 {
			mine := slices.DeleteFunc(slices.Clone(rows[ptr[u]:ptr[u+1]]), func(e int32) bool { return !train[e] })
			s.Cases = append(s.Cases, Case{History: l.events(mine), Target: known})
		}
	}
	return s
}

// LastSessions takes each user for a session. The share of them that ended
// last, by time and then by their place in the log, leave Train; each of them
// gives a case for every event but the first: the events before it are the
// history, its item is the target. As in the published files (Wu et al., AAAI
// 2019), events with items that Train does not have are skipped first, and so
// is a session of which less than two events are left. The log is as for
// LeaveLastOut, and may not be unordered; share is between 0 and 1. It is an
// error when the cut leaves nothing on one side.
func LastSessions(l *Log, share float64) (Split, error) {
	const place = "last sessions"
	if err := checkClean(place, l); err != nil {
		return Split{}, err
	}
	if err := checkShare(place, share); err != nil {
		return Split{}, err
	}
	if l.Unordered {
		return Split{}, fmt.Errorf("data: %s: the log has no order", place)
	}
	ptr, rows := l.byUserInTime()
	last := l.lastEnded(ptr, rows, share)
	train := make([]bool, l.Len())
	seen := make([]bool, l.Items.Len())
	for e, u := range l.User {
		if !last[u] {
			train[e] = true
			seen[l.Item[e]] = true
		}
	}
	s := Split{Train: l.pick(train, true)}
	for u := range last {
		if !last[u] {
			continue
		}
		all := rows[ptr[u]:ptr[u+1]]
		mine := slices.DeleteFunc(slices.Clone(all), func(e int32) bool { return !seen[l.Item[e]] })
		if len(mine) < 2 {
			mine = nil
		}
		s.Skipped += len(all) - len(mine)
		events := l.events(mine)
		for n := 1; n < len(events); n++ {
			s.Cases = append(s.Cases, Case{History: events[:n:n], Target: []int32{events[n].Item}})
		}
	}
	if s.Train.Len() == 0 || len(s.Cases) == 0 {
		return Split{}, fmt.Errorf("data: %s: share %v leaves %d rows to train on and %d cases", place, share, s.Train.Len(), len(s.Cases))
	}
	return s, nil
}

// lastEnded marks the share of users whose last row is the newest.
func (l *Log) lastEnded(ptr []int, rows []int32, share float64) []bool {
	users := make([]int, l.Users.Len())
	ended := make([]int64, len(users))
	for u := range users {
		users[u] = u
		if l.Time != nil && ptr[u] < ptr[u+1] {
			ended[u] = l.Time[rows[ptr[u+1]-1]]
		}
	}
	slices.SortStableFunc(users, func(a, b int) int { return cmp.Compare(ended[a], ended[b]) })
	last := make([]bool, len(users))
	for _, u := range users[len(users)-int(math.Round(share*float64(len(users)))):] {
		last[u] = true
	}
	return last
}
