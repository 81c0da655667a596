package train

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/core/score"
	"github.com/nearside/nearside/model/data"
)

// poolCase is a question that a pool learns from: what comes next in a history,
// or what else belongs to it.
type poolCase struct {
	history []int32 // oldest first, at least one item
	targets []int32 // at least one
}

// longestCase is how many items of a history are looked at.
const longestCase = 200

// poolCases returns every prefix of the sequences with what follows it, or at
// random so many of them. Without repeats a target is new to its history. An
// item that known says nothing of is no target.
func poolCases(seq *data.Sequences, known []bool, repeats bool, most int, rng *rand.Rand) []poolCase {
	var list []poolCase
	met := make([]int32, seq.Items) // user + 1
	for u := range seq.Users() {
		row := seq.Row(u)
		for x, item := range row {
			if x > 0 && known[item] && (repeats || met[item] != int32(u+1)) {
				list = append(list, poolCase{history: row[max(0, x-longestCase):x], targets: row[x : x+1]})
			}
			met[item] = int32(u + 1)
		}
	}
	rng.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
	return slices.Clip(list[:min(most, len(list))])
}

// newest splits seq in two: the histories that ended last, a share of all, and
// the others.
func newest(seq *data.Sequences, share float64) (older, newer *data.Sequences) {
	users := byEnd(seq)
	cut := len(users) - int(share*float64(len(users)))
	return pickUsers(seq, users[:cut]), pickUsers(seq, users[cut:])
}

// byEnd returns the users in the order in which their histories ended; where no
// times are known, in that of the log.
func byEnd(seq *data.Sequences) []int {
	order := make([]int, seq.Users())
	for u := range order {
		order[u] = u
	}
	if seq.Time == nil {
		return order
	}
	end := func(u int) int64 {
		if seq.Ptr[u] == seq.Ptr[u+1] {
			return 0
		}
		return seq.Time[seq.Ptr[u+1]-1]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(end(a), end(b)) })
	return order
}

// pickUsers returns the sequences of users, in that order.
func pickUsers(seq *data.Sequences, users []int) *data.Sequences {
	out := &data.Sequences{Items: seq.Items, Ptr: []int64{0}}
	for _, u := range users {
		out.Item = append(out.Item, seq.Row(u)...)
		if seq.Time != nil {
			out.Time = append(out.Time, seq.Time[seq.Ptr[u]:seq.Ptr[u+1]]...)
		}
		out.Ptr = append(out.Ptr, int64(len(out.Item)))
	}
	return out
}

// taster turns histories into tastes, as a device does.
type taster struct {
	place  []int32 // n: 1 + place in tastes
	tastes []score.Taste
}

func newTaster(n int) *taster { return &taster{place: make([]int32, n)} }

// of returns the tastes of a history, newest first. They hold until the next
// call.
func (t *taster) of(history []int32) []score.Taste {
	for _, taste := range t.tastes {
		t.place[taste.Item] = 0
	}
	t.tastes = t.tastes[:0]
	for e := len(history) - 1; e >= 0; e-- {
		if at := t.place[history[e]]; at > 0 {
			t.tastes[at-1].Times++
			continue
		}
		t.tastes = append(t.tastes, score.Taste{
			Item: int(history[e]), Weight: profile.One, Event: e, Times: 1, Since: len(history) - 1 - e,
		})
		t.place[history[e]] = int32(len(t.tastes))
	}
	return t.tastes
}
