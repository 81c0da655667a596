package train

import (
	"cmp"
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/data"
)

// What a catalogue says of its items becomes a sparse matrix. Each of an item's
// fields is a vector of its own, and an item is all of them:
//
//	title      its words
//	tags       each tag as a whole
//	tag words  the words in its tags
//	text       its words
//	author     the names between commas and semicolons
//	published  the year and the decade
//	vector     numbers from outside, centred and of unit variance
//
// A term that occurs c times in a field counts (1 + ln c)·idf^p, idf = ln((1 +
// n)/(1 + df)) over the n items, and stands in the column that its hash gives,
// with the sign that its hash gives (Weinberger, Dasgupta, Langford, Smola and
// Attenberg, "Feature hashing for large scale multitask learning", ICML 2009).
//
// Each field has length 1, and so has the item. Why not one bag of terms? A plot
// has fifty words and a film one director: in one bag the words outvote him. On
// MovieLens 1M new items are found among themselves with a recall at 20 of .296
// by fields and .224 by one bag.

// field numbers the fields; a term's hash depends on it.
type field byte

const (
	titleField field = iota
	tagField
	tagWordField
	textField
	authorField
	publishedField
	fields
)

const (
	// termColumns is how many columns hashes fall into. More give no more of the
	// recall above, 2^16 lose .7 % of it, 2^12 lose 7 %.
	termColumns = 1 << 18
	// vectorColumns is the most columns of vectors; longer ones are projected.
	vectorColumns = 256
)

// termBlock is how many items a worker takes at a time.
const termBlock = 256

// features returns the matrix of items, n rows of length 1; those of items of
// which nothing is known are empty. Its columns are those of terms that occur,
// then those of vectors, which may be nil; idf is p.
func features(ctx context.Context, items []data.Item, vectors *data.Vectors, idf float64, workers int) (*data.Matrix, error) {
	bags := make([][fields][]term, len(items))
	err := eachItem(ctx, workers, len(items), func(i int) { bags[i] = bagsOf(&items[i]) })
	if err != nil {
		return nil, err
	}
	weight, place, width := columnsOf(bags, idf)
	outside, more := standard(items, vectors)
	rows := make([][]term, len(items))
	err = eachItem(ctx, workers, len(items), func(i int) {
		for _, bag := range bags[i] {
			for k := range bag {
				bag[k].value *= float32(weight[bag[k].column])
				bag[k].column = place[bag[k].column]
			}
			rows[i] = append(rows[i], unit(bag)...)
		}
		var list []term
		for c, x := range outside[i*more : (i+1)*more] {
			list = append(list, term{width + int32(c), x})
		}
		rows[i] = unit(summed(append(rows[i], unit(list)...)))
	})
	if err != nil {
		return nil, err
	}
	m := &data.Matrix{Rows: len(items), Cols: int(width) + more, Ptr: make([]int64, 1, len(items)+1)}
	for _, row := range rows {
		for _, t := range row {
			if t.value != 0 {
				m.Col, m.Val = append(m.Col, t.column), append(m.Val, t.value)
			}
		}
		m.Ptr = append(m.Ptr, int64(len(m.Col)))
	}
	return m, nil
}

// eachItem calls do for each of n items.
func eachItem(ctx context.Context, workers, n int, do func(i int)) error {
	return blocks(ctx, workers, n, termBlock, func() func(from, to int) error {
		return func(from, to int) error {
			for i := from; i < to; i++ {
				do(i)
			}
			return nil
		}
	})
}

// columnsOf returns, by the column of a hash, idf to the power of p and the
// column among the width that some item has.
func columnsOf(bags [][fields][]term, p float64) (weight []float64, place []int32, width int32) {
	count := make([]float64, termColumns) // items that have a term there
	for i := range bags {
		for _, bag := range bags[i] {
			for _, t := range bag {
				count[t.column]++
			}
		}
	}
	weight, place = make([]float64, termColumns), make([]int32, termColumns)
	for c, n := range count {
		if n > 0 {
			weight[c] = math.Pow(math.Log((1+float64(len(bags)))/(1+n)), p)
			place[c] = width
			width++
		}
	}
	return weight, place, width
}

// term is what a column holds of an item.
type term struct {
	column int32
	value  float32
}

// summed sorts list and adds up what falls into one column.
func summed(list []term) []term {
	slices.SortFunc(list, func(a, b term) int {
		return cmp.Or(cmp.Compare(a.column, b.column), cmp.Compare(a.value, b.value))
	})
	out := list[:0]
	for _, t := range list {
		if n := len(out); n > 0 && out[n-1].column == t.column {
			out[n-1].value += t.value
		} else {
			out = append(out, t)
		}
	}
	return out
}

// unit scales list to length 1. It is empty when all is 0.
func unit(list []term) []term {
	var sum float64
	for _, t := range list {
		sum += float64(t.value) * float64(t.value)
	}
	if sum == 0 {
		return nil
	}
	for k := range list {
		list[k].value = float32(float64(list[k].value) / math.Sqrt(sum))
	}
	return list
}

// bagsOf returns the terms of each field of an item, not yet weighed by idf.
func bagsOf(item *data.Item) (bags [fields][]term) {
	var counts [fields]map[string]int
	add := func(f field, text string) {
		if counts[f] == nil {
			counts[f] = map[string]int{}
		}
		counts[f][text]++
	}
	words(item.Title, func(w string) { add(titleField, w) })
	for _, tag := range item.Tags {
		add(tagField, strings.ToLower(tag))
		words(tag, func(w string) { add(tagWordField, w) })
	}
	words(item.Text, func(w string) { add(textField, w) })
	for name := range strings.FieldsFuncSeq(item.Author, func(r rune) bool { return r == ',' || r == ';' }) {
		add(authorField, strings.ToLower(strings.TrimSpace(name)))
	}
	if item.Published > 0 {
		year := time.Unix(item.Published, 0).UTC().Year()
		add(publishedField, strconv.Itoa(year))
		add(publishedField, strconv.Itoa(year/10)+"x")
	}
	for f, terms := range counts {
		for text, n := range terms {
			column, sign := hashTerm(field(f), text)
			bags[f] = append(bags[f], term{column, sign * float32(1+math.Log(float64(n)))})
		}
		bags[f] = summed(bags[f]) // in an order that the map does not decide
	}
	return bags
}

// hashTerm returns a term's column and its sign.
func hashTerm(f field, text string) (column int32, sign float32) {
	h := fnv.New64a()
	h.Write([]byte{byte(f)})
	h.Write([]byte(text)) // never an error
	sum := h.Sum64()
	sum ^= sum >> 32 // FNV's low bits alone are poor
	if sign = 1; sum>>63 == 1 {
		sign = -1
	}
	return int32(sum % termColumns), sign
}

// unspaced are scripts whose words stand without blanks between them.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// words calls each for the words of text in lower case: runs of letters, marks
// and digits. Of scripts without blanks they are pairs of neighbouring letters,
// and of a lonely letter that letter.
func words(text string, each func(string)) {
	isWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) }
	for run := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !isWord(r) }) {
		for run != "" {
			first, _ := utf8.DecodeRuneInString(run)
			dense := unicode.In(first, unspaced...)
			end := strings.IndexFunc(run, func(r rune) bool { return unicode.In(r, unspaced...) != dense })
			if end < 0 {
				end = len(run)
			}
			if dense {
				pairs(run[:end], each)
			} else {
				each(run[:end])
			}
			run = run[end:]
		}
	}
}

// pairs calls each for all two neighbours of text, or for text when it is one
// letter.
func pairs(text string, each func(string)) {
	before := -1 // where the last letter begins
	for at := range text {
		if before >= 0 {
			_, size := utf8.DecodeRuneInString(text[at:])
			each(text[before : at+size])
		}
		before = at
	}
	if before == 0 {
		each(text)
	}
}

// standard returns the vectors of items, n×width and row-major, each number
// less its mean over the items that have a vector and divided by its deviation.
// Vectors of more than vectorColumns numbers are projected on as many random
// signs, which keeps their products (Achlioptas, "Database-friendly random
// projections", PODS 2001). Items without a vector have zeros.
func standard(items []data.Item, vectors *data.Vectors) (all []float32, width int) {
	if vectors == nil {
		return nil, 0
	}
	rows, _ := vectors.Match(items)
	mean, scale := moments(rows, vectors)
	d := vectors.Dim
	width = min(d, vectorColumns)
	var signs []float32 // d×width
	if width < d {
		rng := rand.New(rand.NewPCG(0, 0xa4093822299f31d0)) // more digits of pi
		signs = make([]float32, d*width)
		for k := range signs {
			signs[k] = float32(2*rng.IntN(2) - 1)
		}
	}
	all = make([]float32, len(items)*width)
	for i, r := range rows {
		if r < 0 {
			continue
		}
		out := all[i*width : (i+1)*width]
		for k, x := range vectors.Row(r) {
			x = float32((float64(x) - mean[k]) * scale[k])
			if signs == nil {
				out[k] = x
			} else {
				quant.Axpy(out, signs[k*width:], x)
			}
		}
	}
	return all, width
}

// moments returns the mean of each number over rows of vectors, and one over its
// deviation, 0 where all are alike. Rows of -1 do not count.
func moments(rows []int32, vectors *data.Vectors) (mean, scale []float64) {
	mean, scale = make([]float64, vectors.Dim), make([]float64, vectors.Dim)
	n := 0.
	for _, r := range rows {
		if r < 0 {
			continue
		}
		n++
		for k, x := range vectors.Row(r) {
			// Welford's update: no cancellation where the mean is far from 0.
			delta := float64(x) - mean[k]
			mean[k] += delta / n
			scale[k] += delta * (float64(x) - mean[k])
		}
	}
	for k, s := range scale {
		if scale[k] = 0; s > 0 {
			scale[k] = math.Sqrt(n / s)
		}
	}
	return mean, scale
}
