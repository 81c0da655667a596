package data

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// schema lists the columns that a kind of file may have. Each column is given
// by its names, lower case without punctuation; the first one is its name in
// Options.Columns. Every file has the first two columns.
type schema [][]string

// The columns of an event file.
const (
	userColumn = iota
	itemColumn
	timeColumn
	kindColumn
	weightColumn
	ratingColumn
)

var eventSchema = schema{
	userColumn:   {"user", "userid", "uid", "visitorid", "customerid", "reviewerid", "session", "sessionid"},
	itemColumn:   {"item", "itemid", "iid", "movieid", "productid", "articleid", "contentid", "asin"},
	timeColumn:   {"time", "timestamp", "ts", "datetime", "date", "unixtime", "eventtime", "unixreviewtime", "createdat"},
	kindColumn:   {"kind", "event", "eventtype", "action"},
	weightColumn: {"weight"},
	ratingColumn: {"rating", "stars", "score", "overall"},
}

// The columns of an item file.
const (
	idColumn = iota
	titleColumn
	tagsColumn
	textColumn
	authorColumn
	publishedColumn
	urlColumn
	imageColumn
)

var itemSchema = schema{
	idColumn:        {"id", "item", "itemid", "iid", "movieid", "productid", "articleid", "contentid", "asin"},
	titleColumn:     {"title", "name"},
	tagsColumn:      {"tags", "genres", "categories", "tag", "genre", "category"},
	textColumn:      {"text", "description", "abstract", "summary", "body"},
	authorColumn:    {"author", "creator", "artist", "brand"},
	publishedColumn: {"published", "publishedat", "date", "releasedate"},
	urlColumn:       {"url", "link", "href"},
	imageColumn:     {"image", "imageurl", "img", "poster"},
}

// named returns the column of the schema that a file calls name and the rank
// of that name: 0 is the likeliest. ok is false when no column has the name.
func (s schema) named(name string) (column, rank int, ok bool) {
	plain := strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return -1
	}, name)
	for column, names := range s {
		for rank, n := range names {
			if n == plain {
				return column, rank, true
			}
		}
	}
	return 0, 0, false
}

// words lists the columns' names for errors.
func (s schema) words() string {
	names := make([]string, len(s))
	for c := range s {
		names[c] = s[c][0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// choice is Options.Columns, checked. Columns that it does not name have the
// zero value.
type choice []chosen

type chosen struct {
	name string // the column's name in the file
	at   int    // its position from 1; 0: it is found by name
	none bool   // the column must not be read
}

// choose checks columns, see Options.Columns.
func (s schema) choose(columns map[string]string) (choice, error) {
	c := make(choice, len(s))
	keys := make([]string, 0, len(columns))
	for key := range columns {
		keys = append(keys, key)
	}
	sort.Strings(keys)
next:
	for _, key := range keys {
		for column, names := range s {
			if names[0] != key {
				continue
			}
			value := columns[key]
			at, err := strconv.Atoi(value)
			switch {
			case value == "":
				c[column].none = true
			case err != nil:
				c[column].name = value
			case at < 1 || at > maxColumns:
				return nil, fmt.Errorf("data: option columns: position %q of %q: want 1 to %d", value, key, maxColumns)
			default:
				c[column].at = at
			}
			continue next
		}
		return nil, fmt.Errorf("data: option columns: %q: want %s", key, s.words())
	}
	if c[0].none || c[1].none {
		return nil, fmt.Errorf("data: option columns: %q and %q cannot be left out", s[0][0], s[1][0])
	}
	return c, nil
}

// layout says where the columns of a schema stand in the lines of a file.
type layout struct {
	cell  []int    // per column of the schema: the cell in a line, -1 when there is none
	names []string // per column: what the file calls it
	width int      // cells in every line
}

// fromNames finds the columns by the names in a header. isHeader is false when
// the cells are not a header: no name is chosen, and none of them names one of
// the first two columns.
func (s schema) fromNames(cells []string, c choice) (l layout, isHeader bool, err error) {
	l = layout{cell: make([]int, len(s)), names: make([]string, len(s)), width: len(cells)}
	ranks := make([]int, len(s))
	for column := range s {
		l.cell[column] = -1
	}
	for i, cell := range cells {
		column, rank, ok := s.named(cell)
		if ok && column < 2 {
			isHeader = true
		}
		if ok && (l.cell[column] < 0 || rank < ranks[column]) {
			l.cell[column], ranks[column] = i, rank
		}
	}
	for column := range c {
		isHeader = isHeader || c[column].name != ""
	}
	if !isHeader {
		return layout{}, false, nil
	}
	for column := range s {
		switch {
		case c[column].none:
			l.cell[column] = -1
		case c[column].at > 0:
			l.cell[column] = c[column].at - 1
		case c[column].name != "":
			l.cell[column] = -1
			for i, cell := range cells {
				if cell == c[column].name {
					l.cell[column] = i
					break
				}
			}
			if l.cell[column] < 0 {
				return layout{}, true, fmt.Errorf("no column %q for %q in %q", c[column].name, s[column][0], cells)
			}
		}
		if at := l.cell[column]; at >= 0 && at < len(cells) {
			l.names[column] = cells[at]
		}
	}
	return l, true, l.check(s)
}

// fromPositions places the columns of a file without a header: at the
// positions that are chosen, or else in the order of usual.
func (s schema) fromPositions(width int, usual []int, c choice) (layout, error) {
	l := layout{cell: make([]int, len(s)), names: make([]string, len(s)), width: width}
	positions := false
	for column := range s {
		l.cell[column] = -1
		l.names[column] = s[column][0]
		positions = positions || c[column].at > 0
	}
	for i, column := range usual {
		if i < width && (i < 2 || !positions) {
			l.cell[column] = i
		}
	}
	for column := range s {
		if c[column].none {
			l.cell[column] = -1
		}
		if c[column].at > 0 {
			l.cell[column] = c[column].at - 1
		}
	}
	return l, l.check(s)
}

// check sees that the first two columns are there and that every column is
// within a line.
func (l layout) check(s schema) error {
	for column := range s {
		if column < 2 && l.cell[column] < 0 {
			return fmt.Errorf("no column for %q: want a header with one of %s, or the option columns",
				s[column][0], strings.Join(s[column], ", "))
		}
		if l.cell[column] >= l.width {
			return fmt.Errorf("position %d for %q is beyond the last column, %d", l.cell[column]+1, s[column][0], l.width)
		}
	}
	return nil
}

// describe says what is read from where.
func (l layout) describe(s schema) string {
	var b strings.Builder
	for column, at := range l.cell {
		if at < 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s in column %d", s[column][0], at+1)
		if l.names[column] != s[column][0] {
			fmt.Fprintf(&b, " (%s)", l.names[column])
		}
	}
	return b.String()
}
