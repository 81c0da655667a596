package data

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Report says what a step did with the rows it was given. Rows is Kept plus
// the rows of all Drops.
type Report struct {
	// Source says what a reader took the file for, so that a wrong guess is
	// seen, and in which format it read it. Clean leaves both empty.
	Source string
	Format Format

	Rows, Kept   int
	Users, Items int // in the rows that were kept; Users is 0 after ReadItems
	Drops        []Drop

	// Malformed holds the first few lines that Options.Lenient skipped.
	Malformed []*LineError
}

// Drop is one reason for dropping rows, and how many rows fell to it.
type Drop struct {
	Reason string
	Rows   int
}

// drop counts rows under reason. A reason that nothing fell to is not kept.
func (r *Report) drop(reason string, rows int) {
	if rows == 0 {
		return
	}
	for i := range r.Drops {
		if r.Drops[i].Reason == reason {
			r.Drops[i].Rows += rows
			return
		}
	}
	r.Drops = append(r.Drops, Drop{reason, rows})
}

// String gives the report as a few lines of text for a person, the last one
// without a line feed.
func (r Report) String() string {
	var b strings.Builder
	if r.Source != "" {
		fmt.Fprintf(&b, "%s\n", r.Source)
	}
	fmt.Fprintf(&b, "%s of %s rows kept: ", grouped(r.Kept), grouped(r.Rows))
	if r.Users > 0 {
		fmt.Fprintf(&b, "%s users, ", grouped(r.Users))
	}
	fmt.Fprintf(&b, "%s items", grouped(r.Items))
	for _, d := range r.Drops {
		fmt.Fprintf(&b, "\n%12s dropped: %s", grouped(d.Rows), d.Reason)
	}
	for _, e := range r.Malformed {
		fmt.Fprintf(&b, "\n             %v", e)
	}
	return b.String()
}

// grouped writes n with a comma between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// LineError says what is wrong with one line of a file.
type LineError struct {
	File string // as it was given to the reader
	Line int64  // counted from 1; in a Parquet file the row
	What string // the column's name in the file, or "line"
	Text string // what stands there, cut to 80 bytes
	Want string // what was expected
}

// Error gives the place, the text and what was expected of it.
func (e *LineError) Error() string {
	return fmt.Sprintf("data: %s:%d: %s %s: want %s", e.File, e.Line, e.What, strconv.Quote(e.Text), e.Want)
}

// maxQuote is how many bytes of an offending text an error repeats.
const maxQuote = 80

// quotable copies what an error may repeat of text. It cuts before a rune
// rather than through it.
func quotable(text []byte) string {
	if len(text) <= maxQuote {
		return string(text)
	}
	cut := maxQuote
	for i := 1; i < utf8.UTFMax; i++ {
		if utf8.RuneStart(text[cut]) {
			break
		}
		cut--
	}
	return string(text[:cut])
}
