package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nearside/nearside/model/core/bundle"
)

// maxListed is how many hits a report lists; the rest is counted.
const maxListed = 100

// identifiers (A23) reads everything in the bundle that is text, and what looks
// like text in the rest, for what names a person or a device. What a catalogue
// must have of that (ids, addresses of pictures) is allowed by pattern. Numbers
// say nothing of themselves: what a publisher hides in them is not found here.
func identifiers(_ context.Context, s *subject, f *finding) {
	if s.frameErr != nil || s.manifest.Sections == nil {
		f.notRun("the bundle cannot be read: %v", s.openErr)
		return
	}
	scan := scan{allowed: s.allowed, byKind: map[string]int{}, ids: map[string]bool{}}
	if err := s.scanTexts(&scan); err != nil {
		f.fail("%v", err)
	}
	s.scanRest(&scan)
	f.note("texts", "%d, %d bytes", scan.texts, scan.textBytes)
	f.note("the rest", "%d bytes, runs of letters only", scan.restBytes)
	for _, d := range detectors {
		f.note(d.kind, "%d", scan.byKind[d.kind])
	}
	for _, p := range s.opt.Allow {
		f.note("allowed pattern", "%s", p)
	}
	f.list("allowed", scan.fine)
	f.list("not allowed", scan.bad)
	if len(scan.bad) > 0 {
		f.fail("names that are not allowed: %d", len(scan.bad))
	}
}

// list notes the first of hits, and how many more there are.
func (f *finding) list(name string, hits []hit) {
	for i, h := range hits {
		if i == maxListed {
			f.note(name, "and %d more", len(hits)-i)
			return
		}
		f.note(name, "%s: %s %q", h.place, h.kind, h.text)
	}
}

// detector finds what looks like one kind of identifier.
type detector struct {
	kind string
	find func(text string) []string
}

var detectors = []detector{
	{"e-mail address", findMail},
	{"phone number", findPhone},
	{"IP address", findIP},
	{"UUID", findUUID},
	{"random-looking string", findRandom},
}

// hit is something found.
type hit struct{ place, kind, text string }

// scan collects hits.
type scan struct {
	allowed          []allowance
	texts, textBytes int
	restBytes        int
	byKind           map[string]int
	ids              map[string]bool // what was found in ids: a manifest repeats some
	fine, bad        []hit
}

// text looks through one text with all detectors. row is -1 where a place has
// one text.
func (c *scan) text(place string, row int, text string) {
	c.texts++
	c.textBytes += len(text)
	where := place
	if row >= 0 {
		where = fmt.Sprintf("%s, item %d", place, row)
	}
	for _, d := range detectors {
		for _, found := range d.find(text) {
			c.add(place, hit{where, d.kind, found})
		}
	}
}

func (c *scan) add(place string, h hit) {
	switch place {
	case bundle.KindIDs.String():
		c.ids[h.text] = true
	case "manifest":
		if c.ids[h.text] {
			return // the catalogue has it, and that has been judged
		}
	}
	c.byKind[h.kind]++
	ok := false
	for _, a := range c.allowed {
		ok = ok || a.allows(place, h.text)
	}
	if ok {
		c.fine = append(c.fine, h)
	} else {
		c.bad = append(c.bad, h)
	}
}

// allowance is a pattern for what may be found, in one place or in all.
type allowance struct {
	place   string // "": anywhere
	pattern *regexp.Regexp
}

func (a allowance) allows(place, text string) bool {
	return (a.place == "" || a.place == place) && a.pattern.MatchString(text)
}

// allowances reads patterns of the form [PLACE:]REGEXP; a place is the name of a
// section or manifest, and the expression must match all of what was found.
func allowances(patterns []string) (list []allowance, err error) {
	for _, p := range patterns {
		a := allowance{}
		expression := p
		if place, rest, ok := strings.Cut(p, ":"); ok && isPlace(place) {
			a.place, expression = place, rest
		}
		if a.pattern, err = regexp.Compile(`\A(?:` + expression + `)\z`); err != nil {
			return nil, &OptionError{"allow", p, "[PLACE:]PATTERN, a regular expression: " + err.Error()}
		}
		list = append(list, a)
	}
	return list, nil
}

// textSections are those that hold a text for each item.
var textSections = []bundle.Kind{bundle.KindIDs, bundle.KindTitles, bundle.KindAuthors, bundle.KindURLs, bundle.KindImages}

func isPlace(name string) bool {
	if name == "manifest" || name == bundle.KindTagNames.String() {
		return true
	}
	for _, k := range textSections {
		if name == k.String() {
			return true
		}
	}
	return false
}

// scanTexts looks through all that is text by its place.
func (s *subject) scanTexts(c *scan) error {
	n := s.manifest.Limits.Items
	for _, k := range textSections {
		body := s.section(k)
		if body == nil {
			continue
		}
		list, err := stringsIn(body, n)
		if err != nil {
			return fmt.Errorf("section %s: %w", k, err)
		}
		for i, text := range list {
			c.text(k.String(), i, text)
		}
	}
	if body := s.section(bundle.KindTagNames); len(body) >= 4 {
		list, err := stringsIn(body[4:], int(binary.LittleEndian.Uint32(body)))
		if err != nil {
			return fmt.Errorf("section %s: %w", bundle.KindTagNames, err)
		}
		for _, text := range list {
			c.text(bundle.KindTagNames.String(), -1, text)
		}
	}
	if manifest, err := readDocument(s.doc); err == nil {
		c.document("manifest", manifest)
	}
	return nil
}

// document looks through the strings of a document, and through documents that
// are values of it, such as the known requests.
func (c *scan) document(place string, v value) {
	switch v.kind {
	case kindString:
		c.text(place, -1, string(v.content))
	case kindBin:
		if inner, err := readDocument(v.content); err == nil && inner.kind == kindMap {
			c.document(place, inner)
		} else {
			c.rest(place, v.content)
		}
	}
	for _, field := range v.list {
		c.document(place, field)
	}
}

// stringsIn reads n strings: n+1 offsets, then the bytes.
func stringsIn(body []byte, n int) ([]string, error) {
	if n < 0 || len(body)/4 < n+1 {
		return nil, errors.New("its offsets are not there")
	}
	text := body[4*(n+1):]
	list := make([]string, n)
	for i := range list {
		from, to := binary.LittleEndian.Uint32(body[4*i:]), binary.LittleEndian.Uint32(body[4*i+4:])
		if from > to || int64(to) > int64(len(text)) {
			return nil, errors.New("its offsets are out of order")
		}
		list[i] = string(text[from:to])
	}
	return list, nil
}

// scanRest looks through the sections of numbers and the signatures.
func (s *subject) scanRest(c *scan) {
	all, _ := s.frame.at(5)
	for i, m := range s.manifest.Sections {
		if i < len(all.list) && !isPlace(m.Kind.String()) {
			c.rest(m.Kind.String(), all.list[i].content)
		}
	}
	c.rest("signatures", s.frame.bin(4))
}

// leastRun is how many printable bytes in a row are looked at among numbers.
const leastRun = 12

// rest looks for runs of printable bytes among numbers, and in them for what no
// numbers look like by chance: addresses with some length, and UUIDs.
func (c *scan) rest(place string, b []byte) {
	c.restBytes += len(b)
	from := 0
	for at := 0; at <= len(b); at++ {
		if at < len(b) && b[at] >= ' ' && b[at] <= '~' {
			continue
		}
		if run := string(b[from:at]); at-from >= leastRun {
			for _, found := range findMail(run) {
				name, domain, _ := strings.Cut(found, "@")
				if len(name) >= 4 && len(domain) >= 6 {
					c.add(place, hit{fmt.Sprintf("%s, byte %d", place, from), "e-mail address", found})
				}
			}
			for _, found := range findUUID(run) {
				c.add(place, hit{fmt.Sprintf("%s, byte %d", place, from), "UUID", found})
			}
		}
		from = at + 1
	}
}
