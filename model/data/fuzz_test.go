package data

import (
	"bufio"
	"bytes"
	"testing"
)

// fuzzEvents reads content as events and checks what every log and report
// must hold.
func fuzzEvents(t *testing.T, content []byte, format Format) {
	s := &source{name: "fuzz", base: "fuzz", r: bufio.NewReader(bytes.NewReader(content))}
	opt := Options{Format: format, Lenient: true}
	format, err := s.detect(eventSchema, format)
	if err != nil {
		return
	}
	table, err := openTable(s, format, eventSchema, opt)
	if err != nil {
		return
	}
	var b eventBuilder
	report, err := readRows("fuzz", table, make([][]byte, len(eventSchema)), opt, &b)
	if err != nil {
		return
	}
	l := b.finish()
	n := report.Kept
	for _, d := range report.Drops {
		n += d.Rows
	}
	if n != report.Rows || l.Len() != report.Kept {
		t.Errorf("report %+v of a log of %d rows", report, l.Len())
	}
	if len(l.Item) != l.Len() || l.Time != nil && len(l.Time) != l.Len() || l.Kind != nil && len(l.Kind) != l.Len() ||
		l.Weight != nil && len(l.Weight) != l.Len() {
		t.Errorf("columns of %d, %d, %d, %d, %d values", l.Len(), len(l.Item), len(l.Time), len(l.Kind), len(l.Weight))
	}
	for _, id := range append(ids(&l.Users), ids(&l.Items)...) {
		if !validID([]byte(id)) {
			t.Errorf("id %q", id)
		}
	}
	for e := range l.Len() {
		if l.Time != nil && (l.Time[e] < 0 || l.Time[e] > maxSeconds) {
			t.Errorf("time %d", l.Time[e])
		}
		if l.Weight != nil && !(l.Weight[e] > 0) {
			t.Errorf("weight %v", l.Weight[e])
		}
	}
	clean, _ := Clean(l, Cleaning{MinItemUsers: 2})
	if got := len(clean.Matrix().Col); got != clean.Len() {
		t.Errorf("%d pairs in a clean log of %d rows", got, clean.Len())
	}
}

func FuzzDelimited(f *testing.F) {
	for _, seed := range []string{
		"user,item,time,kind,weight\nu,i,964982703,view,1\n",
		"userId,movieId,rating,timestamp\r\n1,31,2.5,1260759144\r\n",
		"u,\"a \"\"b\"\"\nc\",2000-01-01\nv,\"open\nw,x,y\n",
		"u\ti\t5\t1000\n",
		"1::1193::5::978300760\n",
		"1 2 3 4 5\n2 3\n",
		"\ufeffu,i\n\x00,\xff\n",
		",,,,\n\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, format := range []Format{"", CSV, TSV, Blanks, Colons, Lists, Sessions} {
			fuzzEvents(t, content, format)
		}
	})
}

func FuzzJSONL(f *testing.F) {
	for _, seed := range []string{
		`{"user":"u","item":"i","time":964982703,"kind":"buy","weight":0.5}`,
		`{"userId":1,"movieId":2,"x":{"y":[1,null,true]}}` + "\n" + `{"user":"\u00e9\n","item":"\ud83d\ude00"}`,
		`{"user":null,"uid":"u","item":"i","time":"2000-01-01T00:00:00Z"}`,
		`{"user":"u","user":"v"}`,
		`[{}]`, `{`, `{"user":{"a":1}}`, "{}{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) { fuzzEvents(t, content, JSONL) })
}

func FuzzItems(f *testing.F) {
	for _, seed := range []string{
		"id,title,tags\n1,\"One, two\",a|b\n",
		"1::Mis\xe9rables::Drama\n",
		`{"id":"1","title":"One","tags":["a","b"]}`,
		"9|A|4-Feb-1971||u|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|1\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, format := range []Format{CSV, Colons, UItem, JSONL} {
			s := &source{name: "fuzz", base: "fuzz", r: bufio.NewReader(bytes.NewReader(content))}
			opt := Options{Format: format, Lenient: true}
			table, err := openTable(s, format, itemSchema, opt)
			if err != nil {
				continue
			}
			b := itemBuilder{seen: make(map[string]struct{})}
			if _, err := readRows("fuzz", table, make([][]byte, len(itemSchema)), opt, &b); err != nil {
				continue
			}
			for _, item := range b.items {
				if !validID([]byte(item.ID)) || item.Published < 0 {
					t.Errorf("item %+v", item)
				}
			}
		}
	})
}
