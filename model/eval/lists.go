package eval

import (
	"math"
	"slices"
	"sort"
	"sync/atomic"

	"github.com/nearside/nearside/model/data"
)

// lists measures lists without looking at the targets: what people are shown,
// not whether it was right.
type lists struct {
	opt      Options
	position []float64         // n: see percentiles
	shown    [][]atomic.Uint32 // by K and item: in how many lists it was
}

// listed is what one list adds.
type listed struct {
	given      int     // items
	popularity float64 // sum of percentiles
	novelty    float64 // sum of bits
	distance   float64 // sum over pairs of items that both have tags
	pairs      int
	tags       int // different ones
}

func newLists(opt Options) *lists {
	l := &lists{opt: opt, position: percentiles(opt.Count), shown: make([][]atomic.Uint32, len(opt.Ks))}
	for at := range l.shown {
		l.shown[at] = make([]atomic.Uint32, len(opt.Count))
	}
	return l
}

// add counts a list of the K that is at the given place of opt.Ks. It may be
// called by several goroutines at the same time.
func (l *lists) add(at int, list []int32) listed {
	sum := listed{given: len(list)}
	for a, i := range list {
		l.shown[at][i].Add(1)
		sum.popularity += l.position[i]
		if l.opt.People > 0 {
			sum.novelty += math.Log2(float64(l.opt.People) / float64(max(l.opt.Count[i], 1)))
		}
		if l.opt.Tags == nil || len(l.opt.Tags[i]) == 0 {
			continue
		}
		for _, tag := range l.opt.Tags[i] {
			if !slices.ContainsFunc(list[:a], func(j int32) bool { return slices.Contains(l.opt.Tags[j], tag) }) {
				sum.tags++
			}
		}
		for _, j := range list[:a] {
			if len(l.opt.Tags[j]) > 0 {
				sum.distance += 1 - jaccard(l.opt.Tags[i], l.opt.Tags[j])
				sum.pairs++
			}
		}
	}
	return sum
}

// fill sets what m says of lists.
func (l *lists) fill(m *Metrics, at int, tallies [][]tally) {
	var sum listed
	for c := range tallies {
		of := tallies[c][at].listed
		sum.given += of.given
		sum.popularity += of.popularity
		sum.novelty += of.novelty
		sum.distance += of.distance
		sum.pairs += of.pairs
		sum.tags += of.tags
	}
	given := float64(max(sum.given, 1))
	m.Popularity, m.Novelty = sum.popularity/given, sum.novelty/given
	m.Diversity = sum.distance / float64(max(sum.pairs, 1))
	m.Tags = float64(sum.tags) / float64(len(tallies))
	shown, covered := make([]uint32, len(l.shown[at])), 0
	for i := range shown {
		if shown[i] = l.shown[at][i].Load(); shown[i] > 0 {
			covered++
		}
	}
	m.Coverage, m.Gini = float64(covered)/float64(len(shown)), gini(shown)
}

// popularityOf is the mean percentile of the items in the histories.
func (l *lists) popularityOf(cases []data.Case) float64 {
	var sum float64
	met := 0
	for _, c := range cases {
		for _, e := range c.History {
			sum += l.position[e.Item]
			met++
		}
	}
	return sum / float64(max(met, 1))
}

// percentiles returns for each item which part of the catalogue is less
// popular, items as popular as itself counting half: the mean over the
// catalogue is 0.5.
func percentiles(count []uint32) []float64 {
	sorted := slices.Sorted(slices.Values(count))
	position := make([]float64, len(count))
	for i, c := range count {
		below, _ := slices.BinarySearch(sorted, c)
		upTo := sort.Search(len(sorted), func(at int) bool { return sorted[at] > c })
		position[i] = float64(below+upTo) / float64(2*len(sorted))
	}
	return position
}

// gini returns the Gini coefficient of the values, 0 for all equal: half of the
// mean difference between two of them, relative to their mean. It sorts them.
func gini(values []uint32) float64 {
	slices.Sort(values)
	n := float64(len(values))
	var sum, ranked float64
	for rank, v := range values {
		sum += float64(v)
		ranked += (2*float64(rank+1) - n - 1) * float64(v)
	}
	if sum == 0 {
		return 0
	}
	return ranked / (n * sum)
}

// Tags returns the tags of each item as ascending numbers, for Options.Tags;
// nil when no item has any.
func Tags(items []data.Item) [][]int32 {
	numbers := make(map[string]int32)
	tags := make([][]int32, len(items))
	for i, item := range items {
		for _, tag := range item.Tags {
			number, known := numbers[tag]
			if !known {
				number = int32(len(numbers))
				numbers[tag] = number
			}
			tags[i] = append(tags[i], number)
		}
		slices.Sort(tags[i])
		tags[i] = slices.Compact(tags[i])
	}
	if len(numbers) == 0 {
		return nil
	}
	return tags
}

// jaccard returns which part of the numbers in a or b is in both. Both are
// ascending, and one is not empty.
func jaccard(a, b []int32) float64 {
	both, all := 0, len(a)+len(b)
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			both++
			a, b = a[1:], b[1:]
		}
	}
	return float64(both) / float64(all-both)
}
