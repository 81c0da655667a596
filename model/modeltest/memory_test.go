package modeltest

import "testing"

var kept []byte

func TestFrugal(t *testing.T) {
	doc := make([]byte, 1000)
	for _, c := range []struct {
		takes int
		ok    bool
	}{{0, true}, {64 << 10, true}, {80 << 10, false}, {1 << 20, false}} {
		if err := Frugal(doc, func() { kept = make([]byte, c.takes) }); (err == nil) != c.ok {
			t.Errorf("%d bytes for %d: %v", c.takes, len(doc), err)
		}
	}
}
