package modeltest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/data"
)

// Size is how large a world is. The zero value is 1,200 items and 3,000
// readers.
type Size struct {
	Items   int // 0: 1200; at most MaxItems
	Readers int // 0: 3000
}

// MaxItems is the most items a Magazine can have: the word lists make no more
// titles.
const MaxItems = 14 * 5 * 6 * len(forms) * perForm

// World is a catalogue, what its readers did, and why they did it.
type World struct {
	Log    *data.Log   // in time order; its items are indexed as Items is
	Items  []data.Item // Tags of a Magazine are the topic, the subtopic and the form
	Tastes [][]string  // for each user of Log the favourite topics, strongest first
}

// The world's clock, in Unix seconds.
const (
	day   = 24 * 60 * 60
	end   = 1788220800    // 2026-09-01: nothing happens later
	start = end - 180*day // the first event
	birth = end - 1100*day
)

// Magazine returns a made-up magazine and what its readers did in the last 180
// days. Topics are equally large. An item's popularity falls with its rank as
// Zipf's law says. A reader has one to three favourite topics; of the items a
// reader meets, about 72 in 100 are of a favourite topic, 18 are what everybody
// reads, and 10 are chance. Meetings with a favourite topic are more often a
// click or a like. Nobody meets an item twice or before it was published.
//
// It panics when size asks for more than MaxItems.
func Magazine(seed uint64, size Size) *World {
	size = Size{cmp.Or(size.Items, 1200), cmp.Or(size.Readers, 3000)}
	if size.Items > MaxItems {
		panic(fmt.Sprintf("modeltest: %d items: the word lists make at most %d", size.Items, MaxItems))
	}
	r := rand.New(rand.NewPCG(seed, 0))
	names := make([]string, len(topics))
	for t := range topics {
		names[t] = topics[t].name
	}
	w := &World{Items: catalogue(r, size.Items)}
	w.read(r, size.Readers, names, 12)
	return w
}

// catalogue writes n items, the topics in turn.
func catalogue(r *rand.Rand, n int) []data.Item {
	first, last := slices.Clone(firstNames), slices.Clone(lastNames)
	shuffle(r, first)
	shuffle(r, last)
	const authors = 4 // a topic

	titles := make([][]data.Item, len(topics))
	for t := range topics {
		titles[t] = topics[t].articles(r)
	}
	items := make([]data.Item, n)
	for i := range items {
		t := i % len(topics)
		item := titles[t][i/len(topics)]
		a := t*authors + r.IntN(authors)
		item.Author = first[a%len(first)] + " " + last[a%len(last)]
		item.Published = int64(birth + r.IntN(end-30*day-birth))
		items[i] = item
	}
	return items
}

// articles returns every article that the topic's words make, in an order in
// which all things come round before any comes again.
func (t *topic) articles(r *rand.Rand) []data.Item {
	type subject struct {
		part, thing string
		frames      []int
	}
	var subjects []subject
	for _, p := range t.parts {
		for _, thing := range strings.Split(p.things, "; ") {
			subjects = append(subjects, subject{p.name, thing, r.Perm(len(t.frames))})
		}
	}
	shuffle(r, subjects)
	var items []data.Item
	for round := range t.frames {
		for _, s := range subjects {
			f := s.frames[round]
			title := sentence(t.frames[f], s.thing)
			items = append(items, data.Item{
				ID:    slug(title),
				Title: title,
				Tags:  []string{t.name, s.part, forms[f/perForm]},
				Text:  sentence(leads[r.IntN(len(leads))], s.thing) + " " + t.lines[r.IntN(len(t.lines))],
			})
		}
	}
	return items
}

// read fills in the readers: their tastes and their events. Items are of the
// named topics in turn. About so many items as head says are read alike, before
// Zipf's law sets in.
func (w *World) read(r *rand.Rand, readers int, topics []string, head int) {
	log := &data.Log{}
	for _, item := range w.Items {
		log.Items.Add(item.ID)
	}
	everything := shelf{}
	byTopic := make([]shelf, min(len(topics), len(w.Items)))
	for rank, i := range r.Perm(len(w.Items)) {
		weight := 1_000_000 / (rank + head)
		everything.add(i, weight)
		byTopic[i%len(topics)].add(i, weight)
	}

	type event struct {
		user, item int
		time       int64
		kind       profile.Kind
	}
	var events []event
	w.Tastes = make([][]string, readers)
	for u := range readers {
		log.Users.Add(fmt.Sprintf("reader-%04d", u+1))
		favourites := r.Perm(len(byTopic))[:min(1+r.IntN(3), len(byTopic))]
		for _, t := range favourites {
			w.Tastes[u] = append(w.Tastes[u], topics[t])
		}
		met := make(map[int]bool)
		// Many read a dozen items and a few read sixty: 22 on average.
		for range 6 + 600/(10+r.IntN(90)) {
			var i int
			switch chance := r.IntN(100); {
			case chance < 72:
				i = byTopic[favourites[strongest(r, len(favourites))]].pick(r)
			case chance < 90:
				i = everything.pick(r)
			default:
				i = r.IntN(len(w.Items))
			}
			if met[i] {
				continue
			}
			met[i] = true
			from := max(start, w.Items[i].Published)
			events = append(events, event{
				user: u, item: i,
				time: from + r.Int64N(end-from),
				kind: kind(r, slices.Contains(favourites, i%len(topics))),
			})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.time, b.time) })
	for _, e := range events {
		log.User = append(log.User, int32(e.user))
		log.Item = append(log.Item, int32(e.item))
		log.Time = append(log.Time, e.time)
		log.Kind = append(log.Kind, e.kind)
	}
	w.Log = log
}

// kind is what a reader does with an item.
func kind(r *rand.Rand, favourite bool) profile.Kind {
	like, click := 3, 20
	if favourite {
		like, click = 20, 35
	}
	switch chance := r.IntN(100); {
	case chance < like:
		return profile.KindLike
	case chance < like+click:
		return profile.KindClick
	default:
		return profile.KindView
	}
}

// strongest picks one of n favourites with weights n, n-1, …, 1.
func strongest(r *rand.Rand, n int) int {
	at := r.IntN(n * (n + 1) / 2)
	for f := range n {
		if at < n-f {
			return f
		}
		at -= n - f
	}
	panic("modeltest: internal error: weights do not add up")
}

// shelf holds items to be picked by weight.
type shelf struct {
	items []int
	sums  []int // of the weights so far
}

func (s *shelf) add(item, weight int) {
	if n := len(s.sums); n > 0 {
		weight += s.sums[n-1]
	}
	s.items = append(s.items, item)
	s.sums = append(s.sums, weight)
}

func (s *shelf) pick(r *rand.Rand) int {
	at, _ := slices.BinarySearch(s.sums, 1+r.IntN(s.sums[len(s.sums)-1]))
	return s.items[at]
}

func shuffle[T any](r *rand.Rand, s []T) {
	r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

// sentence puts thing into frame and begins it with a capital.
func sentence(frame, thing string) string {
	s := strings.Replace(frame, "%s", thing, 1)
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

// slug is the title in lower-case letters and digits, joined by hyphens.
func slug(title string) string {
	title = strings.ReplaceAll(strings.ToLower(title), "'", "")
	return strings.Join(strings.FieldsFunc(title, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c)
	}), "-")
}
