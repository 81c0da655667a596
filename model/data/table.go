package data

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Format says how the rows of a file are written.
type Format string

// The formats that can be read. The constants' values are what Options.Format
// takes; the zero value is not a format but asks the reader to decide.
const (
	CSV      Format = "csv"      // RFC 4180: comma, quotes, a quoted cell may span lines
	TSV      Format = "tsv"      // one tab between cells, no quotes
	Blanks   Format = "blanks"   // spaces or tabs between cells, one event in a line
	Lists    Format = "lists"    // a user, then all of the user's items, between blanks, in no order
	Sessions Format = "sessions" // the items of one session, oldest first, between blanks
	Colons   Format = "colons"   // "::" between cells: MovieLens 1M and 10M
	UItem    Format = "u.item"   // items of MovieLens 100K: "|" between 24 cells
	JSONL    Format = "jsonl"    // a JSON object in every line
	Parquet  Format = "parquet"  // flat columns; tags may be a list
)

// maxColumns bounds the cells in a line of a table.
const maxColumns = 1024

// table is a source of rows.
type table interface {
	// next fills row, which has a cell for every column of the schema; a cell
	// without bytes is one that the file does not have. Cells are valid until
	// the next call. After a *LineError the next row can be read, after any
	// other error, io.EOF among them, nothing can.
	next(row [][]byte) error
	// where gives the line of the row last read, and what the file calls column.
	where(column int) (line int64, name string)
	// describe says what is read from where.
	describe() string
}

// detect decides the format of s unless given says it, see Options.Format.
func (s *source) detect(schema schema, given Format) (Format, error) {
	switch {
	case given != "":
		return given, nil
	case s.base == "u.item":
		return UItem, nil
	case strings.HasSuffix(s.base, ".csv"):
		return CSV, nil
	case strings.HasSuffix(s.base, ".tsv"):
		return TSV, nil
	case strings.HasSuffix(s.base, ".jsonl"), strings.HasSuffix(s.base, ".ndjson"):
		return JSONL, nil
	case strings.HasSuffix(s.base, ".parquet"):
		return Parquet, nil
	}
	prefix, err := s.prefix()
	if err != nil {
		return "", err
	}
	first, _, _ := bytes.Cut(prefix, []byte("\n"))
	switch {
	case bytes.HasPrefix(prefix, parquetMagic):
		return Parquet, nil
	case bytes.HasPrefix(bytes.TrimSpace(first), []byte("{")):
		return JSONL, nil
	case bytes.Contains(first, []byte("::")):
		return Colons, nil
	case bytes.Contains(first, []byte("\t")):
		return TSV, nil
	case bytes.Contains(first, []byte(",")):
		return CSV, nil
	case schema.isItems():
		return "", fmt.Errorf("data: %s: first line %q: cannot tell the format, want the option format", s.name, quotable(first))
	case evenBlanks(prefix):
		return Blanks, nil
	}
	return Lists, nil
}

// evenBlanks says whether every whole line of prefix has the same number of
// cells between blanks, and that number is 2, 3 or 4.
func evenBlanks(prefix []byte) bool {
	if end := bytes.LastIndexByte(prefix, '\n'); end >= 0 {
		prefix = prefix[:end]
	}
	want := 0
	for line := range bytes.Lines(prefix) {
		n := 0
		for range bytes.FieldsSeq(line) {
			n++
		}
		switch {
		case n == 0 || n == want:
		case n < 2 || n > 4 || want != 0:
			return false
		default:
			want = n
		}
	}
	return want != 0
}

// openTable starts to read rows of schema from s, which is written in format.
func openTable(s *source, format Format, schema schema, opt Options) (table, error) {
	c, err := schema.choose(opt.Columns)
	if err != nil {
		return nil, err
	}
	if _, err := s.prefix(); err != nil {
		return nil, err
	}
	if len(opt.Columns) > 0 && (format == UItem || format == Lists || format == Sessions) {
		return nil, fmt.Errorf("data: %s: option columns: format %q has no columns to choose", s.name, format)
	}
	in := lines{name: s.name, r: s.r}
	switch format {
	case CSV:
		return openCells(cells{lines: in, format: format, sep: []byte(","), quotes: true}, schema, c)
	case TSV:
		return openCells(cells{lines: in, format: format, sep: []byte("\t")}, schema, c)
	case Blanks:
		return openCells(cells{lines: in, format: format}, schema, c)
	case Colons:
		return openCells(cells{lines: in, format: format, sep: []byte("::"), latin1: schema.isItems()}, schema, c)
	case UItem:
		if !schema.isItems() {
			return nil, fmt.Errorf("data: %s: format %q holds items, not events", s.name, format)
		}
		return &uitem{cells: cells{lines: in, format: format, sep: []byte("|"), latin1: true}}, nil
	case Lists:
		if schema.isItems() {
			return nil, fmt.Errorf("data: %s: format %q holds events, not items", s.name, format)
		}
		return &lists{lines: in}, nil
	case Sessions:
		if schema.isItems() {
			return nil, fmt.Errorf("data: %s: format %q holds events, not items", s.name, format)
		}
		return &sessions{lines: in}, nil
	case JSONL:
		return openJSONL(in, schema, c)
	case Parquet:
		return openParquet(s, schema, c, opt.Progress)
	}
	return nil, fmt.Errorf("data: option format: %q: want %q, %q, %q, %q, %q, %q, %q, %q or %q", format,
		CSV, TSV, Blanks, Lists, Sessions, Colons, UItem, JSONL, Parquet)
}

// cells is a table whose lines are cut at a separator.
type cells struct {
	lines
	layout
	schema schema
	format Format
	sep    []byte // nil: runs of blanks
	quotes bool   // cells may stand in quotes, and span lines when they do
	latin1 bool   // a line that is not UTF-8 is ISO 8859-1

	cut    [][]byte // the cells of the line last read
	start  int64    // number of the record's first line
	record []byte   // the record last read, when it is not one line as it stands
	plain  []byte   // its cells without quotes
}

// openCells reads the header, when there is one, and places the columns.
func openCells(t cells, schema schema, c choice) (table, error) {
	t.schema = schema
	record, err := t.read()
	if err == io.EOF {
		return nil, fmt.Errorf("data: %s: no lines", t.name)
	}
	if err != nil {
		return nil, err
	}
	if len(t.cut) < 2 {
		return nil, t.malformed(record, "at least 2 columns, "+t.between())
	}
	names := make([]string, len(t.cut))
	for i, cell := range t.cut {
		names[i] = string(cell)
	}
	l, isHeader, err := schema.fromNames(names, c)
	if !isHeader {
		l, err = schema.fromPositions(len(t.cut), schema.usual(t.cut), c)
		t.again = bytes.Clone(record)
		t.at--
	}
	if err != nil {
		return nil, fmt.Errorf("data: %s:%d: %w", t.name, t.start, err)
	}
	t.layout = l
	return &t, nil
}

// usual is the order of columns in a file without a header whose first line
// has these cells. Why look at the third? Half of the public logs have a
// rating there and the others a time; no log is from the first 100 seconds of
// 1970, and no rating is above 100.
func (s schema) usual(first [][]byte) []int {
	if s.isItems() {
		return []int{idColumn, titleColumn, tagsColumn, textColumn, authorColumn, publishedColumn, urlColumn, imageColumn}
	}
	if len(first) > 2 {
		if rating, ok := parseRating(first[2]); ok && rating <= 100 {
			return []int{userColumn, itemColumn, ratingColumn, timeColumn, kindColumn, weightColumn}
		}
	}
	return []int{userColumn, itemColumn, timeColumn, kindColumn, weightColumn}
}

func (s schema) isItems() bool { return s[0][0] == itemSchema[0][0] }

// between names the separator for errors.
func (t *cells) between() string {
	if t.sep == nil {
		return "between blanks"
	}
	return fmt.Sprintf("between %q", t.sep)
}

func (t *cells) next(row [][]byte) error {
	record, err := t.read()
	if err != nil {
		return err
	}
	if len(t.cut) != t.width {
		bad := t.malformed(record, fmt.Sprintf("%d columns, %s", t.width, t.between()))
		bad.Line = t.start
		return bad
	}
	for column, at := range t.cell {
		row[column] = nil
		if at >= 0 {
			row[column] = t.cut[at]
		}
	}
	return nil
}

func (t *cells) where(column int) (line int64, name string) { return t.start, t.names[column] }

func (t *cells) describe() string {
	return fmt.Sprintf("%s, %s", t.format, t.layout.describe(t.schema))
}

// read cuts the next record into t.cut and returns it. Empty lines are passed
// over.
func (t *cells) read() ([]byte, error) {
	line, err := t.lines.next()
	for err == nil && len(line) == 0 {
		line, err = t.lines.next()
	}
	if err != nil {
		return nil, err
	}
	t.start = t.at
	if t.latin1 && !utf8.Valid(line) {
		t.record = t.record[:0]
		for _, c := range line {
			t.record = utf8.AppendRune(t.record, rune(c))
		}
		line = t.record
	}
	if t.quotes && bytes.IndexByte(line, '"') >= 0 {
		return t.readQuoted(line)
	}
	t.cut = t.cut[:0]
	if t.sep == nil {
		for cell := range bytes.FieldsSeq(line) {
			t.cut = append(t.cut, cell)
			if len(t.cut) > maxColumns {
				break
			}
		}
	} else {
		rest, more := line, true
		for more && len(t.cut) <= maxColumns {
			var cell []byte
			cell, rest, more = bytes.Cut(rest, t.sep)
			t.cut = append(t.cut, cell)
		}
	}
	if len(t.cut) > maxColumns {
		return nil, t.malformed(line, "at most 1024 columns")
	}
	return line, nil
}

// What a record with misplaced quotes is told.
const (
	wantClosed = "the quote to be closed within 1048576 bytes"
	wantQuotes = "quotes only around a whole cell, and doubled within it"
)

// readQuoted cuts a record that begins with line, and that has quotes. A
// record goes on while the number of its quotes is odd (RFC 4180, section 2,
// rules 6 and 7). When it is malformed its first line is given up and the
// others are read again, so that a stray quote costs one line.
func (t *cells) readQuoted(line []byte) ([]byte, error) {
	first := len(line)
	if bytes.Count(line, []byte{'"'})%2 != 0 {
		t.record = append(t.record[:0], line...)
		line = t.record
		for open := true; open; {
			more, err := t.lines.next()
			if err == io.EOF || err == nil && len(line)+1+len(more) > maxLine {
				if err == nil {
					t.record = append(append(t.record, '\n'), more...)
				}
				return nil, t.giveUp(first, wantClosed)
			}
			if err != nil {
				return nil, err
			}
			t.record = append(append(t.record, '\n'), more...)
			line = t.record
			open = bytes.Count(more, []byte{'"'})%2 == 0
		}
	}
	t.cut = t.cut[:0]
	t.plain = append(t.plain[:0], line...)[:0]
	for rest, more := line, true; more; {
		var cell []byte
		var ok bool
		cell, rest, more, ok = t.cutQuoted(rest)
		if !ok {
			if len(line) == first {
				return nil, t.malformed(line, wantQuotes)
			}
			return nil, t.giveUp(first, wantQuotes)
		}
		t.cut = append(t.cut, cell)
		if len(t.cut) > maxColumns {
			return nil, t.malformed(line, "at most 1024 columns")
		}
	}
	return line, nil
}

// giveUp makes the error of a record whose first line is first bytes long, and
// puts its other lines back.
func (t *cells) giveUp(first int, want string) error {
	if len(t.record) > first {
		rest := bytes.Clone(t.record[first+1:])
		if t.again != nil {
			rest = append(append(rest, '\n'), t.again...)
		}
		t.again = rest
	}
	t.at = t.start
	return t.malformed(t.record[:first], want)
}

// cutQuoted cuts the first cell from rest. A quoted cell is copied to t.plain
// without its quotes; t.plain has room for the whole record.
func (t *cells) cutQuoted(rest []byte) (cell, after []byte, more, ok bool) {
	if len(rest) == 0 || rest[0] != '"' {
		cell, after, more = bytes.Cut(rest, t.sep)
		return cell, after, more, bytes.IndexByte(cell, '"') < 0
	}
	start := len(t.plain)
	rest = rest[1:]
	for {
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			return nil, nil, false, false
		}
		t.plain = append(t.plain, rest[:end]...)
		rest = rest[end+1:]
		if len(rest) == 0 || rest[0] != '"' {
			break
		}
		t.plain = append(t.plain, '"')
		rest = rest[1:]
	}
	cell = t.plain[start:len(t.plain):len(t.plain)]
	if len(rest) == 0 {
		return cell, nil, false, true
	}
	return cell, rest[1:], true, rest[0] == t.sep[0]
}

// lists is the table of a Lists file: every item of a line is a row.
type lists struct {
	lines
	user []byte // of the line last read
	rest []byte // of the line: items not yet given
}

func (t *lists) next(row [][]byte) error {
	for len(t.rest) == 0 {
		line, err := t.lines.next()
		if err != nil {
			return err
		}
		t.user, t.rest = cutBlank(line)
	}
	clear(row)
	row[userColumn] = t.user
	row[itemColumn], t.rest = cutBlank(t.rest)
	return nil
}

func (t *lists) where(column int) (line int64, name string) { return t.at, eventSchema[column][0] }

func (t *lists) describe() string {
	return string(Lists) + ", a user and the user's items in every line"
}

// sessions is the table of a Sessions file: every item of a line is a row, and
// the number of the line is the user.
type sessions struct {
	lines
	user []byte // of the line last read
	rest []byte // of the line: items not yet given
}

func (t *sessions) next(row [][]byte) error {
	for len(t.rest) == 0 {
		line, err := t.lines.next()
		if err != nil {
			return err
		}
		t.user = strconv.AppendInt(t.user[:0], t.at, 10)
		t.rest = bytes.Trim(line, " \t")
	}
	clear(row)
	row[userColumn] = t.user
	row[itemColumn], t.rest = cutBlank(t.rest)
	return nil
}

func (t *sessions) where(column int) (line int64, name string) { return t.at, eventSchema[column][0] }

func (t *sessions) describe() string {
	return string(Sessions) + ", the items of one session in every line, oldest first"
}

// cutBlank cuts the first word from b, and the blanks around it.
func cutBlank(b []byte) (word, rest []byte) {
	b = bytes.Trim(b, " \t")
	end := bytes.IndexAny(b, " \t")
	if end < 0 {
		return b, nil
	}
	return b[:end], bytes.TrimLeft(b[end:], " \t")
}

// uitem is the table of a UItem file.
type uitem struct {
	cells
	published, tags []byte
}

// The cells of a line of u.item before the genres, and those genres in order,
// from the README and u.genre of MovieLens 100K.
const (
	uitemID        = 0
	uitemTitle     = 1
	uitemPublished = 2 // 01-Jan-1995
	uitemURL       = 4
	uitemGenres    = 5
)

var uitemTags = [...]string{"", // "unknown" is no genre
	"Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
	"Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"}

func (t *uitem) next(row [][]byte) error {
	line, err := t.read()
	if err != nil {
		return err
	}
	if len(t.cut) != uitemGenres+len(uitemTags) {
		return t.malformed(line, fmt.Sprintf("%d columns, %s", uitemGenres+len(uitemTags), t.between()))
	}
	clear(row)
	row[idColumn] = t.cut[uitemID]
	row[titleColumn] = t.cut[uitemTitle]
	row[urlColumn] = t.cut[uitemURL]
	t.published = appendDate(t.published[:0], t.cut[uitemPublished])
	row[publishedColumn] = t.published
	t.tags = t.tags[:0]
	for i, tag := range uitemTags {
		if tag == "" || string(t.cut[uitemGenres+i]) != "1" {
			continue
		}
		if len(t.tags) > 0 {
			t.tags = append(t.tags, '|')
		}
		t.tags = append(t.tags, tag...)
	}
	row[tagsColumn] = t.tags
	return nil
}

func (t *uitem) where(column int) (line int64, name string) { return t.at, itemSchema[column][0] }

func (t *uitem) describe() string { return string(UItem) + ", the items of MovieLens 100K" }

// appendDate turns 1-Jan-1995 into 1995-01-01. Anything else is left as it is,
// for the parser of times to refuse.
func appendDate(dst, date []byte) []byte {
	t, err := time.Parse("2-Jan-2006", string(date))
	if err != nil {
		return append(dst, date...)
	}
	return t.AppendFormat(dst, time.DateOnly)
}
