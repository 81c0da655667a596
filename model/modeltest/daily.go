package modeltest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"github.com/nearside/nearside/model/data"
)

// MaxDaily is the most items a Daily can have.
const MaxDaily = 700 * 20

// Daily returns a made-up paper of two desks, news and cinema, and what its
// readers did in the last 180 days: as for Magazine, but the desks' beats are
// the topics, and popularity falls more slowly, so that of ten thousand items
// few are never read. The zero Size is 10,400 items and 16,000 readers.
//
// It panics when size asks for more than MaxDaily.
func Daily(seed uint64, size Size) *World {
	size = Size{cmp.Or(size.Items, 10_400), cmp.Or(size.Readers, 16_000)}
	if size.Items > MaxDaily {
		panic(fmt.Sprintf("modeltest: %d items: a daily has at most %d", size.Items, MaxDaily))
	}
	r := rand.New(rand.NewPCG(seed, 0))
	names := make([]string, len(beats))
	pieces := make([][]data.Item, len(beats))
	for b := range beats {
		names[b] = beats[b].name
		pieces[b] = beats[b].pieces(r, (size.Items+len(beats)-1)/len(beats))
	}
	w := &World{Items: make([]data.Item, size.Items)}
	for i := range w.Items {
		w.Items[i] = pieces[i%len(beats)][i/len(beats)]
	}
	w.read(r, size.Readers, names, 400)
	return w
}

// beforeVowel finds an article that wants an n. The words have no "hour" and no
// "union" behind one.
var beforeVowel = regexp.MustCompile(`\b([Aa]) ([aeiou])`)

// pieces returns n reports or films, in an order in which all things come round
// before any comes again.
func (b *beat) pieces(r *rand.Rand, n int) []data.Item {
	type subject struct{ part, thing string }
	var subjects []subject
	for _, p := range b.parts {
		for _, thing := range strings.Split(p.things, "; ") {
			subjects = append(subjects, subject{p.name, thing})
		}
	}
	shuffle(r, subjects)
	people := make([]string, 8)
	for i := range people {
		people[i] = firstNames[r.IntN(len(firstNames))] + " " + lastNames[r.IntN(len(lastNames))]
	}
	frames, words := strings.Split(b.frames, "; "), strings.Split(b.words, "; ")
	seen := make(map[string]bool)
	items := make([]data.Item, 0, n)
	for at := 0; len(items) < n; at++ {
		s := subjects[at%len(subjects)]
		title := sentence(frames[r.IntN(len(frames))], s.thing)
		title = strings.Replace(title, "%p", places[r.IntN(len(places))], 1)
		title = strings.Replace(title, "%w", words[r.IntN(len(words))], 1)
		title = beforeVowel.ReplaceAllString(title, "${1}n $2")
		if seen[title] {
			continue
		}
		seen[title] = true
		item := data.Item{
			Title:     title,
			Tags:      []string{b.desk, b.name, s.part},
			Author:    people[r.IntN(len(people))],
			Published: int64(end - 3*day - r.IntN(170*day)),
		}
		if b.desk == cinema {
			item.Title = fmt.Sprintf("%s (%d)", title, 1948+r.IntN(78))
			item.Published = int64(birth + r.IntN(start-birth)) // when the paper wrote of it
		}
		item.ID = slug(item.Title)
		items = append(items, item)
	}
	return items
}
