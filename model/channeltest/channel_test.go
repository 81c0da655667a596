package channeltest

import (
	"bytes"
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
)

func TestWhatIsShrunkGrowsBack(t *testing.T) {
	m := NewMirror()
	files := m.Files
	files["a state"] = m.State
	files["a request"] = bundle.AppendFollow(nil, m.State, Name, bundle.Followed{Name: bundle.HeadName, File: m.Files[bundle.HeadName]}, Now)
	for name, file := range files {
		small := Shrink(file)
		if !bytes.Equal(Grow(small), file) {
			t.Errorf("%s does not come back", name)
		}
		t.Logf("%s: %d bytes of %d", name, len(small), len(file))
	}
	if got, want := Grow([]byte{mark, 200, mark, itself, mark}), []byte{mark, 200, mark, mark}; !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestEdits(t *testing.T) {
	doc := []byte{0x82, 0, 0xa1, 'x', 4, 0x91, 0x81, 9, 0xcc, 200}
	want := map[string][]byte{
		"0":      {0x81, 4, 0x91, 0x81, 9, 0xcc, 200},
		"4":      {0x81, 0, 0xa1, 'x'},
		"4.0.9":  {0x82, 0, 0xa1, 'x', 4, 0x91, 0x80},
		"63":     {0x83, 0, 0xa1, 'x', 4, 0x91, 0x81, 9, 0xcc, 200, 63, 0},
		"4.0.63": {0x82, 0, 0xa1, 'x', 4, 0x91, 0x82, 9, 0xcc, 200, 63, 0},
		"64":     {0x83, 0, 0xa1, 'x', 4, 0x91, 0x81, 9, 0xcc, 200, 64, 0},
		"4.0.64": {0x82, 0, 0xa1, 'x', 4, 0x91, 0x82, 9, 0xcc, 200, 64, 0},
	}
	edits := Edits(doc)
	for _, e := range edits {
		key := 0
		if len(e.Path) > 1 && e.Path != "4.0.9" {
			key = Unknown + int(e.Path[len(e.Path)-1]-'3')
		}
		if !bytes.Equal(e.Doc, want[e.Path]) || e.Key != key {
			t.Errorf("%s, key %d: got %x, want %x", e.Path, e.Key, e.Doc, want[e.Path])
		}
	}
	if len(edits) != len(want) {
		t.Errorf("%d edits, want %d", len(edits), len(want))
	}
	m := NewMirror()
	for _, file := range m.Files {
		if top, rest := readTree(file); len(rest) > 0 || !bytes.Equal(top.append(nil), file) {
			t.Errorf("%x comes back as %x", file[:50], top.append(nil)[:50])
		}
	}
}
