package data

import "math/rand/v2"

// Sample returns the rows of some of l's users, chosen by seed; l itself where
// it has no more users. Items keep their indices. Of two samples with one seed
// the smaller is part of the larger.
func Sample(l *Log, users int, seed uint64) *Log {
	if users >= l.Users.Len() {
		return l
	}
	chosen := make([]bool, l.Users.Len())
	for _, u := range rand.New(rand.NewPCG(seed, 0)).Perm(len(chosen))[:users] {
		chosen[u] = true
	}
	keep := make([]bool, l.Len())
	for e, u := range l.User {
		keep[e] = chosen[u]
	}
	return l.pick(keep, true)
}
