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
