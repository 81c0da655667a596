package data

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/nearside/nearside/model/core/profile"
)

// Options say how to read a file. The zero value reads any file that the
// package documentation describes, and stops at the first malformed line.
type Options struct {
	// Format overrides what the reader would decide, see Format.
	Format Format

	// Columns says where columns are that the reader does not find by itself,
	// or that it should not take. Keys are user, item, time, kind, weight and
	// rating for events, and id, title, tags, text, author, published, url and
	// image for items. A value is the column's name in the file, exactly as it
	// stands there; or its position, counted from 1; or "" when the column must
	// not be read. A name says that the file has a header. Where there is none,
	// one position switches off the usual ones, but for the first two columns.
	Columns map[string]string

	// MinRating drops events with a lower rating; 0 keeps all. An event without
	// a rating is then malformed. The rating itself is forgotten. Why is it not
	// the weight? A weight is confidence that the person likes the item, and a
	// rating of 1 of 5 is confidence that the person does not.
	MinRating float64

	// Lenient skips malformed lines and counts them, up to MaxSkipped of them;
	// 0 means 1000. One more is an error: that many are not accidents.
	Lenient    bool
	MaxSkipped int

	// Progress, if not nil, is called now and then, about once for every MiB,
	// with the bytes of the file read so far and its size, 0 if that is not
	// known.
	Progress func(read, total int64)
}

const (
	defaultMaxSkipped = 1000
	keptMalformed     = 5 // lines that a Report repeats
)

// maxRows is above what a Log from a file may have: row numbers are int32.
const maxRows = math.MaxInt32

// The reasons for which reading drops rows.
const (
	dropMalformed = "malformed lines"
	dropRating    = "rating below the minimum"
	dropItemAgain = "id that an earlier line has"
)

// ReadEvents reads a file of events. The log's ids are numbered in order of
// first appearance, and its rows stand as in the file. A malformed line is an
// error that wraps a *LineError, unless opt.Lenient skips it. What the file
// system or a decompressor reports is wrapped with the place.
func ReadEvents(path string, opt Options) (*Log, Report, error) {
	if math.IsNaN(opt.MinRating) || math.IsInf(opt.MinRating, 0) {
		return nil, Report{}, fmt.Errorf("data: option min rating: %v: want a finite number", opt.MinRating)
	}
	var b eventBuilder
	b.minRating = opt.MinRating
	report, err := readTable(path, eventSchema, opt, &b)
	if err != nil {
		return nil, Report{}, err
	}
	l := b.finish()
	l.Unordered = report.Format == Lists
	report.Users, report.Items = l.Users.Len(), l.Items.Len()
	return l, report, nil
}

// ReadItems reads a file of items, in the order of the file. An id that comes
// again is dropped. Errors are those of ReadEvents.
func ReadItems(path string, opt Options) ([]Item, Report, error) {
	b := itemBuilder{seen: make(map[string]struct{})}
	report, err := readTable(path, itemSchema, opt, &b)
	if err != nil {
		return nil, Report{}, err
	}
	report.Items = len(b.items)
	return b.items, report, nil
}

// builder takes the rows of a table.
type builder interface {
	// add takes one row. A reason says why it was dropped; want is not "" when
	// the cell of column is malformed, and says what it must be.
	add(row [][]byte) (reason string, column int, want string)
}

// readTable gives all rows of the file to b. Users and Items of the report are
// left to the caller.
func readTable(path string, s schema, opt Options, b builder) (report Report, err error) {
	if opt.MaxSkipped < 0 {
		return Report{}, fmt.Errorf("data: option max skipped: %d: want 0 or more", opt.MaxSkipped)
	}
	src, err := openSource(path, opt.Progress)
	if err != nil {
		return Report{}, err
	}
	defer func() {
		if e := src.close(); e != nil && err == nil {
			report, err = Report{}, fmt.Errorf("data: %w", e)
		}
	}()
	format, err := src.detect(s, opt.Format)
	if err != nil {
		return Report{}, err
	}
	t, err := openTable(src, format, s, opt)
	if err != nil {
		return Report{}, err
	}
	report, err = readRows(path, t, make([][]byte, len(s)), opt, b)
	if err != nil {
		return Report{}, err
	}
	report.Source = fmt.Sprintf("%s: %s", path, t.describe())
	report.Format = format
	return report, nil
}

// readRows gives all rows of t to b. It uses row, which has the length of the
// schema, for each of them.
func readRows(path string, t table, row [][]byte, opt Options, b builder) (report Report, err error) {
	maxSkipped := opt.MaxSkipped
	if maxSkipped == 0 {
		maxSkipped = defaultMaxSkipped
	}
	for skipped := 0; ; report.Rows++ {
		if report.Kept == maxRows {
			return Report{}, fmt.Errorf("data: %s: more than %d rows", path, maxRows-1)
		}
		reason := ""
		err := t.next(row)
		if err == io.EOF {
			report.drop(dropMalformed, skipped)
			return report, nil
		}
		if err == nil {
			var column int
			var want string
			if reason, column, want = b.add(row); want != "" {
				line, name := t.where(column)
				err = &LineError{File: path, Line: line, What: name, Text: quotable(row[column]), Want: want}
			}
		}
		switch {
		case err == nil && reason == "":
			report.Kept++
			continue
		case err == nil:
			report.drop(reason, 1)
			continue
		}
		malformed, ok := errors.AsType[*LineError](err)
		if !ok || !opt.Lenient {
			return Report{}, err
		}
		if skipped == maxSkipped {
			return Report{}, fmt.Errorf("data: %s: more than %d malformed lines, the last: %w", path, maxSkipped, err)
		}
		skipped++
		if len(report.Malformed) < keptMalformed {
			report.Malformed = append(report.Malformed, malformed)
		}
	}
}

// eventBuilder collects a Log.
type eventBuilder struct {
	minRating    float64
	users, items IDs
	user, item   column[int32]
	time         column[int64]
	kind         column[profile.Kind]
	weight       column[float32]
}

func (b *eventBuilder) add(row [][]byte) (reason string, column int, want string) {
	if !validID(row[userColumn]) {
		return "", userColumn, wantID
	}
	if !validID(row[itemColumn]) {
		return "", itemColumn, wantID
	}
	var (
		seconds int64
		kind    = profile.KindView
		weight  = float32(1)
		ok      bool
	)
	if len(row[timeColumn]) > 0 {
		if seconds, ok = parseTime(row[timeColumn]); !ok || seconds < 0 {
			return "", timeColumn, wantTime
		}
	}
	if len(row[kindColumn]) > 0 {
		if kind, ok = parseKind(row[kindColumn]); !ok {
			return "", kindColumn, wantKind
		}
	}
	if len(row[weightColumn]) > 0 {
		if weight, ok = parseWeight(row[weightColumn]); !ok {
			return "", weightColumn, wantWeight
		}
	}
	if b.minRating != 0 {
		rating, ok := parseRating(row[ratingColumn])
		if !ok {
			return "", ratingColumn, wantRating
		}
		if rating < b.minRating {
			return dropRating, 0, ""
		}
	}
	n := b.user.n
	b.user.add(b.users.addBytes(row[userColumn]))
	b.item.add(b.items.addBytes(row[itemColumn]))
	if b.time.n > 0 || seconds != 0 {
		b.time.pad(n, 0)
		b.time.add(seconds)
	}
	if b.kind.n > 0 || kind != profile.KindView {
		b.kind.pad(n, profile.KindView)
		b.kind.add(kind)
	}
	if b.weight.n > 0 || weight != 1 {
		b.weight.pad(n, 1)
		b.weight.add(weight)
	}
	return "", 0, ""
}

// finish returns the log; the builder must not be used afterwards.
func (b *eventBuilder) finish() *Log {
	return &Log{
		Users: b.users, Items: b.items,
		User: b.user.join(), Item: b.item.join(),
		Time: b.time.join(), Kind: b.kind.join(), Weight: b.weight.join(),
	}
}

// addBytes is Add for an id that is not yet a string, and makes none for an id
// that it knows.
func (t *IDs) addBytes(id []byte) int32 {
	if i, ok := t.index[string(id)]; ok {
		return i
	}
	return t.Add(string(id))
}

// columnChunk is how many values a column allocates at once.
const columnChunk = 1 << 16

// column is a slice under construction. Why not append? A slice that grows by
// copying holds more than twice its values at the last copy; this one at most
// its values and one column's copy.
type column[T any] struct {
	full [][]T
	last []T
	n    int
}

func (c *column[T]) add(v T) {
	if len(c.last) == columnChunk {
		c.full = append(c.full, c.last)
		c.last = make([]T, 0, columnChunk)
	}
	c.last = append(c.last, v)
	c.n++
}

// pad adds v until the column has n values.
func (c *column[T]) pad(n int, v T) {
	for c.n < n {
		c.add(v)
	}
}

// join returns the values, nil when there are none, and empties the column.
func (c *column[T]) join() []T {
	if len(c.full) == 0 {
		return c.last
	}
	all := make([]T, 0, c.n)
	for i, chunk := range c.full {
		all = append(all, chunk...)
		c.full[i] = nil
	}
	all = append(all, c.last...)
	*c = column[T]{}
	return all
}

// itemBuilder collects items.
type itemBuilder struct {
	items []Item
	seen  map[string]struct{}
}

// noGenres is what MovieLens writes for a film without genres.
const noGenres = "(no genres listed)"

func (b *itemBuilder) add(row [][]byte) (reason string, column int, want string) {
	if !validID(row[idColumn]) {
		return "", idColumn, wantID
	}
	for column, cell := range row {
		if !utf8.Valid(cell) {
			return "", column, wantText
		}
	}
	var published int64
	if len(row[publishedColumn]) > 0 {
		var ok bool
		if published, ok = parseTime(row[publishedColumn]); !ok {
			return "", publishedColumn, wantTime
		}
		published = max(published, 0)
	}
	if _, ok := b.seen[string(row[idColumn])]; ok {
		return dropItemAgain, 0, ""
	}
	id := string(row[idColumn])
	b.seen[id] = struct{}{}
	b.items = append(b.items, Item{
		ID:        id,
		Title:     string(row[titleColumn]),
		Tags:      splitTags(string(row[tagsColumn])),
		Text:      string(row[textColumn]),
		Author:    string(row[authorColumn]),
		Published: published,
		URL:       string(row[urlColumn]),
		Image:     string(row[imageColumn]),
	})
	return "", 0, ""
}

// splitTags cuts tags at "|", without blanks around them, empty ones and
// noGenres.
func splitTags(cell string) []string {
	var tags []string
	for tag := range strings.SplitSeq(cell, "|") {
		if tag = strings.TrimSpace(tag); tag != "" && tag != noGenres {
			tags = append(tags, tag)
		}
	}
	return tags
}
