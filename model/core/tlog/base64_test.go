package tlog

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// TestBase64 is the decoder against encoding/base64, which is strict but for
// newlines: all texts of up to 5 characters of a few, and all groups of 4 whose
// last two vary over all characters.
func TestBase64(t *testing.T) {
	check := func(text []byte) {
		want, err := base64.StdEncoding.Strict().DecodeString(string(text))
		accepted := err == nil && !bytes.ContainsAny(text, "\r\n")
		got, ok := appendDecoded([]byte("before"), text)
		if ok != accepted || ok && string(got) != "before"+string(want) {
			t.Fatalf("%q: got %q, %v; want %q, %v", text, got, ok, want, err)
		}
		if ok && string(appendEncoded([]byte("x"), want)) != "x"+string(text) {
			t.Fatalf("%q: encoded as %q", want, appendEncoded(nil, want))
		}
	}
	const some = "AQg9+/=-\n"
	var all func(text []byte, n int)
	all = func(text []byte, n int) {
		check(text)
		if n == 0 {
			return
		}
		for _, c := range []byte(some) {
			all(append(text, c), n-1)
		}
	}
	all(make([]byte, 0, 8), 5)
	for _, before := range []string{"", "AAAA", "////"} {
		for i := range 1 << 16 {
			check([]byte(before + "7x" + string([]byte{byte(i), byte(i >> 8)})))
			if i < 256 {
				check([]byte(before + string([]byte{byte(i)}) + "A=="))
			}
		}
	}
}
