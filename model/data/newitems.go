package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// What the cases of NewItems ask for, as Case.Asks.
const (
	AsksNew   = "new"       // new items, ranked among all
	AsksAmong = "among new" // new items, ranked among themselves
	AsksKnown = "known"     // items that people have met, ranked among all
)

// knownShare is how many of each user's other items NewItems asks for.
const knownShare = 0.1

// NewItems holds out a share of the items with all their rows, rounded: as if
// they had come into the catalogue only now. Of each user's other items a tenth
// is held out, too, as HoldOut does, and the rest is Train and the history. So a
// user gives up to three cases: new items ranked among all and among
// themselves, and the tenth, which must not suffer from them. Users of whom
// nothing but new items is known give none, and their rows are skipped.
//
// Items of l without rows are new to it already, and are never asked for. All
// choices come from seed. The log is as for LeaveLastOut; share is between 0
// and 1. It is an error when no case for new items is left.
func NewItems(l *Log, share float64, seed uint64) (Split, error) {
	const place = "new items"
	if err := checkClean(place, l); err != nil {
		return Split{}, err
	}
	if err := checkShare(place, share); err != nil {
		return Split{}, err
	}
	isNew, list := l.chooseItems(share, seed)
	rest := make([]bool, l.Len())
	for e, i := range l.Item {
		rest[e] = !isNew[i]
	}
	s := l.pick(rest, true).holdOut(knownShare, seed)
	for c := range s.Cases {
		s.Cases[c].Asks = AsksKnown
	}
	targets := make([][]int32, s.Train.Users.Len())
	for e, u := range l.User {
		if !isNew[l.Item[e]] {
			continue
		}
		at, known := s.Train.Users.Index(l.Users.ID(u))
		if !known {
			s.Skipped++
			continue
		}
		targets[at] = append(targets[at], l.Item[e])
	}
	before := len(s.Cases)
	ptr, rows := s.Train.byUserInTime()
	for u, target := range targets {
		if len(target) == 0 {
			continue
		}
		slices.Sort(target)
		c := Case{History: s.Train.events(rows[ptr[u]:ptr[u+1]]), Target: slices.Compact(target)}
		all, among := c, c
		all.Asks, among.Asks, among.Among = AsksNew, AsksAmong, list
		s.Cases = append(s.Cases, all, among)
	}
	if len(s.Cases) == before {
		return Split{}, fmt.Errorf("data: %s: share %v of %d items leaves no case", place, share, l.Items.Len())
	}
	return s, nil
}

// chooseItems marks a share of the items that have rows, and lists them.
func (l *Log) chooseItems(share float64, seed uint64) (chosen []bool, list []int32) {
	chosen = make([]bool, l.Items.Len())
	var met []int32
	for _, i := range l.Item {
		if !chosen[i] {
			chosen[i] = true
			met = append(met, i)
		}
	}
	clear(chosen)
	slices.Sort(met)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, at := range random.Perm(len(met))[:int(math.Round(share*float64(len(met))))] {
		chosen[met[at]] = true
		list = append(list, met[at])
	}
	slices.Sort(list)
	return chosen, list
}
