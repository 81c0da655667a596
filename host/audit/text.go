package audit

import (
	"bufio"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// Text writes the report for a terminal.
func (r *Report) Text(w io.Writer) error {
	b := bufio.NewWriter(w)
	writeFacts(b, "", r.Header.facts())
	for _, c := range r.Checks {
		fmt.Fprintf(b, "\n%-7s  %s  %s\n", c.Verdict, c.ID, c.Title)
		if c.Reason != "" {
			fmt.Fprintf(b, "%14swhy: %s\n", "", c.Reason)
		}
		writeFacts(b, fmt.Sprintf("%14s", ""), c.Evidence)
		fmt.Fprintf(b, "%14s$ %s\n", "", c.Command)
	}
	fmt.Fprintf(b, "\n%s\n", r.Summary)
	return b.Flush()
}

// maxNameColumn is how far names push values to the right.
const maxNameColumn = 24

// writeFacts writes names and values in two columns.
func writeFacts(w io.Writer, indent string, facts []Fact) {
	width := 0
	for _, f := range facts {
		if n := utf8.RuneCountInString(f.Name); n <= maxNameColumn {
			width = max(width, n)
		}
	}
	for _, f := range facts {
		fmt.Fprintf(w, "%s%-*s  %s\n", indent, width, f.Name, f.Value)
	}
}

// facts gives the header for people.
func (h Header) facts() []Fact {
	facts := []Fact{
		{"release", fmt.Sprintf("channel %q, version %d", h.Channel, h.Version)},
		{"bundle", "sha256 " + h.Bundle},
		{"manifest", "sha256 " + h.Manifest},
		{"root", "sha256 " + h.Root},
		{"module", "sha256 " + h.Module},
		{"time given", fmt.Sprintf("%s (%d)", utc(h.Time), h.Time)},
		{"tool", h.Tool + ", " + h.Toolchain},
	}
	if h.ToolHash != "" {
		facts = append(facts, Fact{"tool's file", "sha256 " + h.ToolHash})
	}
	return facts
}

// utc writes a time in Unix seconds for people.
func utc(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
