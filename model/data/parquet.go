package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetTable is the table of a Parquet file. It reads the columns it needs
// side by side and turns each value into the text that a CSV file would have.
type parquetTable struct {
	layout
	schema   schema
	name     string
	size     int64
	progress func(read, total int64)

	columns []*parquetColumn   // per column of the schema, nil when there is none
	groups  []parquet.RowGroup // not yet begun
	left    int64              // rows of the group that are not yet read
	at      int64              // rows read
	rows    int64              // rows in the file
	text    []byte             // the cells of the row last read
}

func openParquet(s *source, schema schema, c choice, progress func(read, total int64)) (_ table, err error) {
	defer recoverParquet(s.name, &err)
	file, l, err := openParquetFile(s, schema, c)
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", s.name, err)
	}
	t := &parquetTable{layout: l, schema: schema, name: s.name, size: s.size, progress: progress,
		columns: make([]*parquetColumn, len(schema)), groups: file.RowGroups(), rows: file.NumRows()}
	top := file.Root().Columns()
	for column, at := range l.cell {
		if at < 0 {
			continue
		}
		list := schema.isItems() && column == tagsColumn
		if t.columns[column], err = newParquetColumn(file, top[at], list); err != nil {
			return nil, fmt.Errorf("data: %s: %w", s.name, err)
		}
	}
	return t, nil
}

// openParquetFile opens s and finds the columns of schema.
func openParquetFile(s *source, schema schema, c choice) (*parquet.File, layout, error) {
	if s.packed {
		return nil, layout{}, errors.New("want Parquet that is not compressed as a whole")
	}
	if err := checkFooter(s); err != nil {
		return nil, layout{}, err
	}
	file, err := parquet.OpenFile(s.file, s.size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, layout{}, err
	}
	var names []string
	for _, column := range file.Root().Columns() {
		names = append(names, column.Name())
	}
	l, found, err := schema.fromNames(names, c)
	if !found {
		err = fmt.Errorf("no column for %q or %q in %q", schema[0][0], schema[1][0], names)
	}
	return file, l, err
}

// checkFooter sees that the footer's length, which the library allocates, is
// that of a part of the file. The file is "PAR1", data, footer, the footer's
// length in 4 bytes, "PAR1".
func checkFooter(s *source) error {
	const ends = 4 + 4 + 4
	if s.size < ends {
		return fmt.Errorf("%d bytes are too few for Parquet", s.size)
	}
	var tail [8]byte
	if _, err := s.file.ReadAt(tail[:], s.size-8); err != nil {
		return err
	}
	if string(tail[4:]) != string(parquetMagic) {
		return fmt.Errorf("ends with %q: want Parquet's %q", tail[4:], parquetMagic)
	}
	if n := int64(binary.LittleEndian.Uint32(tail[:4])); n > s.size-ends {
		return fmt.Errorf("a footer of %d bytes in a file of %d", n, s.size)
	}
	return nil
}

// recoverParquet turns a panic into an error. The library slices by lengths
// that a damaged file gives; see TestDamagedParquet.
func recoverParquet(name string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("data: %s: damaged Parquet: %v", name, p)
	}
}

func (t *parquetTable) next(row [][]byte) (err error) {
	defer recoverParquet(t.name, &err)
	for t.left == 0 {
		if len(t.groups) == 0 {
			return io.EOF
		}
		t.left = t.groups[0].NumRows()
		chunks := t.groups[0].ColumnChunks()
		t.groups = t.groups[1:]
		for _, c := range t.columns {
			if c == nil {
				continue
			}
			if err := c.close(); err != nil {
				return fmt.Errorf("data: %s:%d: %w", t.name, t.at, err)
			}
			c.pages = chunks[c.leaf].Pages()
		}
	}
	t.left--
	t.at++
	if t.progress != nil && (t.at%columnChunk == 0 || t.at == t.rows) {
		t.progress(int64(float64(t.size)*float64(t.at)/float64(t.rows)), t.size)
	}
	t.text = t.text[:0]
	for column, c := range t.columns {
		row[column] = nil
		if c == nil {
			continue
		}
		start := len(t.text)
		if t.text, err = c.appendCell(t.text); err != nil {
			return fmt.Errorf("data: %s:%d: %s: %w", t.name, t.at, t.names[column], err)
		}
		row[column] = t.text[start:len(t.text):len(t.text)]
	}
	for column, cell := range row {
		if len(cell) > maxLine {
			return &LineError{File: t.name, Line: t.at, What: t.names[column], Text: quotable(cell), Want: "at most 1048576 bytes"}
		}
	}
	return nil
}

func (t *parquetTable) where(column int) (line int64, name string) { return t.at, t.names[column] }

func (t *parquetTable) describe() string {
	return fmt.Sprintf("%s, %s", Parquet, t.layout.describe(t.schema))
}

// parquetColumn reads one column of the row groups, one after the other.
type parquetColumn struct {
	leaf     int  // index among the file's leaf columns
	list     bool // a row may have any number of values
	float    bool // values are float or double
	unsigned bool
	days     bool          // values count days since 1970-01-01
	unit     time.Duration // of a timestamp; 0 when it is none

	pages  parquet.Pages // of the row group being read, nil before the first
	page   parquet.Page  // being read, nil before the first
	values parquet.ValueReader
	buffer [256]parquet.Value
	ready  []parquet.Value // the part of buffer that is not yet used
}

// newParquetColumn checks that the column at top holds what can be read.
func newParquetColumn(file *parquet.File, top *parquet.Column, list bool) (*parquetColumn, error) {
	column := top
	for list && !column.Leaf() && len(column.Columns()) == 1 {
		column = column.Columns()[0]
	}
	bad := func(got fmt.Stringer) error {
		return fmt.Errorf("column %q is %s: want text, a number or a time", top.Name(), got)
	}
	if !column.Leaf() || column.MaxRepetitionLevel() > 1 || column.MaxRepetitionLevel() == 1 && !list {
		return nil, bad(column)
	}
	leaf, ok := file.Schema().Lookup(column.Path()...)
	if !ok {
		return nil, bad(column)
	}
	c := &parquetColumn{leaf: leaf.ColumnIndex, list: column.MaxRepetitionLevel() == 1}
	switch kind := column.Type().Kind(); kind {
	case parquet.ByteArray, parquet.Int32, parquet.Int64, parquet.Int96:
	case parquet.Float, parquet.Double:
		c.float = true
	default:
		return nil, bad(column.Type())
	}
	if logical := column.Type().LogicalType(); logical != nil {
		switch l := logical.Value.(type) {
		case *format.StringType, *format.EnumType, *format.JsonType:
		case *format.IntType:
			c.unsigned = !l.IsSigned
		case *format.DateType:
			c.days = true
		case *format.TimestampType:
			if l.Unit.Value == nil {
				return nil, bad(column.Type())
			}
			c.unit = l.Unit.Value.Duration()
		default:
			return nil, bad(column.Type())
		}
	}
	return c, nil
}

// appendCell appends the text of the next row. The values of a list have "|"
// between them.
func (c *parquetColumn) appendCell(dst []byte) ([]byte, error) {
	if err := c.fill(); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return dst, err
	}
	dst = c.appendText(dst, c.ready[0])
	c.ready = c.ready[1:]
	for c.list {
		if err := c.fill(); err == io.EOF {
			break
		} else if err != nil {
			return dst, err
		}
		if c.ready[0].RepetitionLevel() == 0 {
			break
		}
		if len(dst) <= maxLine { // what is longer is refused as it is
			dst = c.appendText(append(dst, '|'), c.ready[0])
		}
		c.ready = c.ready[1:]
	}
	return dst, nil
}

// fill makes ready hold a value, or returns io.EOF at the end of the row group.
func (c *parquetColumn) fill() error {
	for len(c.ready) == 0 {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return err
			}
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(c.buffer[:])
		c.ready = c.buffer[:n]
		if err == io.EOF && n == 0 {
			c.release()
		} else if err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

func (c *parquetColumn) release() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	c.page, c.values, c.ready = nil, nil, nil
}

func (c *parquetColumn) close() error {
	c.release()
	if c.pages == nil {
		return nil
	}
	err := c.pages.Close()
	c.pages = nil
	return err
}

// appendText appends what v would be in a CSV file, nothing for null. Times
// become Unix seconds; those that are marked as local are taken for UTC.
func (c *parquetColumn) appendText(dst []byte, v parquet.Value) []byte {
	if v.IsNull() {
		return dst
	}
	switch v.Kind() {
	case parquet.ByteArray:
		return append(dst, v.ByteArray()...)
	case parquet.Float:
		return strconv.AppendFloat(dst, float64(v.Float()), 'f', -1, 32)
	case parquet.Double:
		return strconv.AppendFloat(dst, v.Double(), 'f', -1, 64)
	case parquet.Int96:
		// Nanoseconds of the day in the first 8 bytes, the Julian day in the
		// last 4, as Hive and Spark write it; 1970-01-01 is day 2440588.
		i := v.Int96()
		nanos := int64(i[1])<<32 | int64(i[0])
		return strconv.AppendInt(dst, (int64(i[2])-2440588)*86400+nanos/1e9, 10)
	}
	n := int64(0)
	if v.Kind() == parquet.Int32 {
		n = int64(v.Int32())
		if c.unsigned {
			n = int64(v.Uint32())
		}
	} else {
		n = v.Int64()
		if c.unsigned {
			return strconv.AppendUint(dst, v.Uint64(), 10)
		}
	}
	switch {
	case c.days:
		n *= 86400
	case c.unit > 0 && n > 0:
		n /= int64(time.Second / c.unit)
	}
	return strconv.AppendInt(dst, n, 10)
}
