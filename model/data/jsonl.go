package data

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"
	"io"
)

// What a line of JSONL must be, as errors say it.
const (
	wantObject = "one JSON object"
	wantScalar = "a string or a number"
)

// jsonl is the table of a JSONL file. Names are matched like those of a
// header; null is as good as a name that is not there.
type jsonl struct {
	lines
	schema schema
	choice choice
	known  map[string]match // names met, at most maxColumns of them
	names  []string         // per column: the name it last had
	ranks  []int            // per column: the rank of the name in this line
	in     bytes.Buffer
	dec    *jsontext.Decoder
	text   []byte // the cells of the line last read
}

// match is what a name in an object means: a column of the schema, -1 when
// none, and how likely that is, see schema.named.
type match struct{ column, rank int }

func openJSONL(in lines, s schema, c choice) (table, error) {
	t := &jsonl{lines: in, schema: s, choice: c, known: make(map[string]match),
		names: make([]string, len(s)), ranks: make([]int, len(s))}
	for column := range s {
		if c[column].at > 0 {
			return nil, fmt.Errorf("data: option columns: position %d of %q: want a name for a file of format %q",
				c[column].at, s[column][0], JSONL)
		}
		t.names[column] = s[column][0]
		if c[column].name != "" {
			t.names[column] = c[column].name
		}
	}
	t.dec = jsontext.NewDecoder(&t.in)
	return t, nil
}

// match finds the column that name, a name in an object, stands for.
func (t *jsonl) match(name []byte) match {
	if m, ok := t.known[string(name)]; ok {
		return m
	}
	m := match{column: -1}
	if column, rank, ok := t.schema.named(string(name)); ok && t.choice[column] == (chosen{}) {
		m = match{column, rank}
	}
	for column := range t.choice {
		if t.choice[column].name == string(name) {
			m = match{column: column}
		}
	}
	if len(t.known) < maxColumns {
		t.known[string(name)] = m
	}
	return m
}

func (t *jsonl) next(row [][]byte) error {
	line, err := t.lines.next()
	for err == nil && len(bytes.TrimSpace(line)) == 0 {
		line, err = t.lines.next()
	}
	if err != nil {
		return err
	}
	clear(row)
	// Grown to the line, text never moves: no cell is longer than what it was
	// decoded from.
	t.text = append(t.text[:0], line...)[:0]
	t.in.Reset()
	t.in.Write(line)
	t.dec.Reset(&t.in)
	if start, err := t.dec.ReadToken(); err != nil || start.Kind() != jsontext.KindBeginObject {
		return t.malformed(line, wantObject)
	}
	for t.dec.PeekKind() != jsontext.KindEndObject {
		name, err := t.dec.ReadValue()
		if err != nil {
			return t.malformed(line, wantObject)
		}
		m := t.match(t.unquoted(name))
		if m.column < 0 || row[m.column] != nil && t.ranks[m.column] <= m.rank {
			if t.dec.SkipValue() != nil {
				return t.malformed(line, wantObject)
			}
			continue
		}
		cell, bad, err := t.cell(m.column == tagsColumn && t.schema.isItems())
		if err != nil {
			return t.malformed(line, wantObject)
		}
		if bad != nil {
			return &LineError{File: t.name, Line: t.at, What: t.names[m.column], Text: quotable(bad), Want: wantScalar}
		}
		row[m.column], t.ranks[m.column] = cell, m.rank
	}
	if _, err := t.dec.ReadToken(); err != nil {
		return t.malformed(line, wantObject)
	}
	if _, err := t.dec.ReadToken(); err != io.EOF {
		return t.malformed(line, wantObject)
	}
	return nil
}

// unquoted returns the text of a JSON string, which is valid until the next
// line is read.
func (t *jsonl) unquoted(value jsontext.Value) []byte {
	start := len(t.text)
	// The decoder has checked the string.
	t.text, _ = jsontext.AppendUnquote(t.text, value)
	return t.text[start:len(t.text):len(t.text)]
}

// cell reads a value and returns its text: a string's, a number's or, when
// list allows it, that of an array of strings with "|" between them. It is nil
// for null. Any other value is returned as bad.
func (t *jsonl) cell(list bool) (cell []byte, bad jsontext.Value, err error) {
	if list && t.dec.PeekKind() == jsontext.KindBeginArray {
		return t.listCell()
	}
	value, err := t.dec.ReadValue()
	if err != nil {
		return nil, nil, err
	}
	switch value.Kind() {
	case jsontext.KindString:
		return t.unquoted(value), nil, nil
	case jsontext.KindNumber:
		start := len(t.text)
		t.text = append(t.text, value...)
		return t.text[start:len(t.text):len(t.text)], nil, nil
	case jsontext.KindNull:
		return nil, nil, nil
	}
	return nil, value, nil
}

func (t *jsonl) listCell() (cell []byte, bad jsontext.Value, err error) {
	if _, err := t.dec.ReadToken(); err != nil {
		return nil, nil, err
	}
	start := len(t.text)
	for t.dec.PeekKind() != jsontext.KindEndArray {
		value, err := t.dec.ReadValue()
		if err != nil {
			return nil, nil, err
		}
		if value.Kind() != jsontext.KindString {
			return nil, value, nil
		}
		if len(t.text) > start {
			t.text = append(t.text, '|')
		}
		t.unquoted(value)
	}
	_, err = t.dec.ReadToken()
	return t.text[start:len(t.text):len(t.text)], nil, err
}

func (t *jsonl) where(column int) (line int64, name string) { return t.at, t.names[column] }

func (t *jsonl) describe() string { return string(JSONL) + ", columns by name" }
