package quant

import "math"

// Table holds n rows of d factors in some code. Its memory belongs to the
// bundle.
type Table interface {
	// DecodeTo writes the d factors of row i to dst.
	DecodeTo(dst []float32, i int)

	// Prepare makes what Scan and Score need of the query, in q.
	Prepare(q *Query)

	// Scan offers every row that could be among the best to top, in ascending
	// order.
	Scan(top *Top, q *Query)

	// Coarse says that the scores of Scan are approximate: those of Score
	// decide.
	Coarse() bool

	// Score sets the score of each candidate.
	Score(list []Candidate, q *Query)
}

// Candidate is an item and its score.
type Candidate struct {
	Item  int
	Score int64
}

// better says whether a stands before b: by score, then by index.
func better(a, b Candidate) bool {
	return a.Score > b.Score || a.Score == b.Score && a.Item < b.Item
}

// Top collects the k best of the candidates that it is offered. It keeps its
// memory between calls.
type Top struct {
	k       int
	blocked []byte
	heap    []Candidate // the worst kept stands first
	least   int64       // what a score must reach to be kept
}

// lowest is below every score that is offered. Those of PQ.Score may be lower.
const lowest = -1 << 62

// Reset makes top empty, for the k best. Bit i%8 of blocked[i/8] keeps item i
// out; nil keeps out none.
func (t *Top) Reset(k int, blocked []byte) {
	t.k, t.blocked, t.heap, t.least = k, blocked, t.heap[:0], lowest
	if k <= 0 {
		t.least = math.MaxInt64 // above every score
	}
}

// Offer takes a candidate. Of equal scores those offered first stay, so items
// must come in ascending order.
func (t *Top) Offer(item int, score int64) {
	if score < t.least || t.blocked != nil && t.blocked[item>>3]>>(item&7)&1 != 0 {
		return
	}
	c := Candidate{item, score}
	if len(t.heap) < t.k {
		t.heap = append(t.heap, c)
		for at := len(t.heap) - 1; at > 0; {
			up := (at - 1) / 2
			if !better(t.heap[up], t.heap[at]) {
				break
			}
			t.heap[up], t.heap[at] = t.heap[at], t.heap[up]
			at = up
		}
	} else {
		t.heap[0] = c
		sink(t.heap)
	}
	if len(t.heap) == t.k {
		t.least = t.heap[0].Score + 1
	}
}

// Best returns what was kept, best first, equal scores by index. It belongs to
// top.
func (t *Top) Best() []Candidate {
	sortHeap(t.heap)
	return t.heap
}

// Kept returns what Best does, in no order that means anything.
func (t *Top) Kept() []Candidate { return t.heap }

// Best moves the k best of list to its front, best first, equal scores by
// index, and returns them.
func Best(list []Candidate, k int) []Candidate {
	k = min(k, len(list))
	for at := k/2 - 1; at >= 0; at-- {
		siftDown(list[:k], at)
	}
	for i := k; i < len(list) && k > 0; i++ {
		if better(list[i], list[0]) {
			list[0], list[i] = list[i], list[0]
			sink(list[:k])
		}
	}
	sortHeap(list[:k])
	return list[:k]
}

// sortHeap sorts a heap: the worst goes last.
func sortHeap(heap []Candidate) {
	for end := len(heap) - 1; end > 0; end-- {
		heap[0], heap[end] = heap[end], heap[0]
		sink(heap[:end])
	}
}

// sink moves the first element down to its place.
func sink(heap []Candidate) { siftDown(heap, 0) }

func siftDown(heap []Candidate, at int) {
	for {
		worst := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(heap); child++ {
			if better(heap[worst], heap[child]) {
				worst = child
			}
		}
		if worst == at {
			return
		}
		heap[at], heap[worst] = heap[worst], heap[at]
		at = worst
	}
}
