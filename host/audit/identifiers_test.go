package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/data"
)

func TestDetectors(t *testing.T) {
	for _, c := range []struct {
		text string
		want string // kind and what is found, "" for nothing
	}{
		{"write to jane.doe+news@mail.example.co.uk today", "e-mail address jane.doe+news@mail.example.co.uk"},
		{"a @ b.com, user@localhost, @handle", ""},
		{"call +49 (0)30 1234567 now", "phone number +49 (0)30 1234567"},
		{"+14155550123", "phone number +14155550123"},
		{"(415) 555-0123", "phone number (415) 555-0123"},
		{"415.555.0123", "phone number 415.555.0123"},
		{"4+1999 2001, ISBN 978-3-16-148410-0, 1999-2001", ""},
		{"10,000 BC (2008); 1234567890", ""},
		{"from 192.168.0.17.", "IP address 192.168.0.17"},
		{"from 192.168.0.17, again", "IP address 192.168.0.17"},
		{"version 1.2.3.4.5, 300.1.1.1", ""},
		{"[2001:db8::ff00:42:8329]", "IP address 2001:db8::ff00:42:8329"},
		{"at 12:30:45, std::vector, a::b, Foo: A: B", ""},
		{"item 3f2504e0-4f89-11d3-9a0c-0305e82c3301!", "UUID 3f2504e0-4f89-11d3-9a0c-0305e82c3301"},
		{"3f2504e0-4f89-11d3-9a0c-0305e82c33012", ""},
		{"sha 3f786850e387550fdab836ed7e6dc881de23001b", "random-looking string 3f786850e387550fdab836ed7e6dc881de23001b"},
		{"/img/dGhpcyBpcyBhIHRlc3Q5x/1.jpg", "random-looking string dGhpcyBpcyBhIHRlc3Q5x"},
		{"the-lord-of-the-rings-the-fellowship-of-the-ring-2001", ""},
		{"Donaudampfschifffahrtsgesellschaftskapitaen2001", ""},
		{"ANTIDISESTABLISHMENTARIANISM and pneumonoultramicroscopicsilicovolcanoconiosis", ""},
		{"1111111111a1111111111a1111111111a", ""},
		{"", ""},
	} {
		var got []string
		for _, d := range detectors {
			for _, found := range d.find(c.text) {
				got = append(got, d.kind+" "+found)
			}
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestNobodyIsNamed(t *testing.T) {
	f := subjectOf(t, pooled.options(t)).want(t, "A23", Pass, "")
	if f.value("e-mail address") != "0" || f.value("texts") == "" {
		t.Errorf("got\n%s", f.text())
	}
}

const uuidOf = "3f2504e0-4f89-11d3-9a0c-0305e82c%04d"

func TestNamesAreFound(t *testing.T) {
	withIDs := world{algorithm: popular.algorithm, change: func(items []data.Item) {
		for i := range items {
			items[i].ID = fmt.Sprintf(uuidOf, i)
		}
	}}
	for _, c := range []struct {
		name  string
		world world
		allow []string
		want  Verdict
		words string
	}{
		{"a mail address in a title", world{algorithm: popular.algorithm, change: func(items []data.Item) { items[3].Title = "by jane.doe@example.org" }}, nil, Fail, "names that are not allowed: 1"},
		{"one that is allowed", world{algorithm: popular.algorithm, change: func(items []data.Item) { items[3].Author = "press@example.org" }}, []string{`authors:.*@example\.org`}, Pass, ""},
		{"allowed elsewhere", world{algorithm: popular.algorithm, change: func(items []data.Item) { items[3].Title = "press@example.org" }}, []string{`authors:.*@example\.org`}, Fail, "names that are not allowed: 1"},
		{"a part of it is allowed", world{algorithm: popular.algorithm, change: func(items []data.Item) { items[3].Title = "press@example.org" }}, []string{`titles:press`}, Fail, "names that are not allowed: 1"},
		{"a phone number as a tag", world{algorithm: popular.algorithm, change: func(items []data.Item) { items[3].Tags = []string{"+49 30 1234567"} }}, nil, Fail, "names that are not allowed: 1"},
		{"UUIDs as ids", withIDs, nil, Fail, "names that are not allowed: 40"},
		{"UUIDs as ids, allowed", withIDs, []string{"ids:[0-9a-f-]{36}"}, Pass, ""},
	} {
		opt := c.world.options(t)
		opt.Allow = c.allow
		s := subjectOf(t, opt)
		t.Run(c.name, func(t *testing.T) { s.want(t, "A23", c.want, c.words) })
	}
}

// TestNamesAmongNumbers: spelled out in a section that holds numbers.
func TestNamesAmongNumbers(t *testing.T) {
	opt := ials.options(t)
	f := forge(t, opt.Bundle)
	at := f.kindOf(bundle.KindRows)
	f.sections[at] = slices.Clone(f.sections[at])
	copy(f.sections[at][10:], "\x01jane.doe@example.org\x02")
	opt.Bundle = f.rehash().file()
	got := subjectOf(t, opt).want(t, "A23", Fail, "names that are not allowed: 1")
	if v := got.value("not allowed"); v != `rows, byte 11: e-mail address "jane.doe@example.org"` {
		t.Errorf("got %s", v)
	}
}

// TestNamesInAKnownRequest: of an item that the catalogue does not have.
func TestNamesInAKnownRequest(t *testing.T) {
	opt := popular.options(t)
	opt.Bundle = forge(t, opt.Bundle).change(func(m *value) {
		known, _ := m.at(11)
		request, err := readDocument(known.list[1].bin(0))
		if err != nil {
			t.Fatal(err)
		}
		history, _ := request.at(3)
		history.list[0].list[0] = textOf("jane.doe@example.org")
		known.list[1].set(0, binOf(encoded(t, request)))
	}).file()
	subjectOf(t, opt).want(t, "A23", Fail, "names that are not allowed: 1")
}

func TestNamesOfAFileThatIsNoBundle(t *testing.T) {
	opt := popular.options(t)
	opt.Bundle = []byte("jane.doe@example.org")
	subjectOf(t, opt).want(t, "A23", NotRun, "the bundle cannot be read")
}

func TestLongListsAreCutShort(t *testing.T) {
	var f finding
	f.list("not allowed", make([]hit, maxListed+5))
	if n := len(f.evidence); n != maxListed+1 || f.evidence[n-1].Value != "and 5 more" {
		t.Errorf("got %d facts, the last %v", n, f.evidence[n-1])
	}
}

func TestBadPatternsAreRefused(t *testing.T) {
	if _, err := allowances([]string{"ids:("}); err == nil {
		t.Error("got no error")
	}
	list, err := allowances([]string{"https://.*", "ids:x"})
	if err != nil || list[0].place != "" || list[1].place != "ids" {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestStringsIn(t *testing.T) {
	body := stringsOf("a", "", "bc")
	if got, err := stringsIn(body, 3); err != nil || !slices.Equal(got, []string{"a", "", "bc"}) {
		t.Errorf("got %q, %v", got, err)
	}
	for n, b := range map[string][]byte{"no offsets": body[:8], "beyond the end": body[:len(body)-1], "nothing": nil} {
		if _, err := stringsIn(b, 3); err == nil {
			t.Errorf("%s: got no error", n)
		}
	}
}
