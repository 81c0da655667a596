package data

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/nearside/nearside/model/core/profile"
)

// What the cells of a table must hold, as errors say it.
const (
	wantID     = "1 to 256 bytes of UTF-8 without control characters"
	wantText   = "UTF-8"
	wantTime   = "Unix seconds, RFC 3339 or YYYY-MM-DD"
	wantKind   = "view, click, like, buy or hide"
	wantWeight = "a finite number above 0"
	wantRating = "a finite number"
)

// maxID is the longest id in bytes, as in the module's ABI.
const maxID = 256

// validID says whether b can be the id of a user or an item.
func validID(b []byte) bool {
	if len(b) == 0 || len(b) > maxID || !utf8.Valid(b) {
		return false
	}
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

const (
	// The last second of the year 9999, the last one that RFC 3339 can write.
	maxSeconds = 253402300799
	// A whole number from here on counts milliseconds: as seconds it would lie
	// in the year 5138, as milliseconds in March 1973.
	minMilliseconds = 100_000_000_000
)

// parseTime reads a time as wantTime says, or in Unix milliseconds, as Unix
// seconds; only dates can be before 1970. Fractions of a second are cut off. Times
// without a zone are refused but for whole days, which begin at midnight UTC.
func parseTime(b []byte) (seconds int64, ok bool) {
	if seconds, ok = parseUnix(b); ok {
		return seconds, true
	}
	layout := time.RFC3339
	if len(b) == len(time.DateOnly) {
		layout = time.DateOnly
	}
	t, err := time.Parse(layout, string(b))
	return t.Unix(), err == nil
}

// parseUnix reads digits with an optional fraction.
func parseUnix(b []byte) (seconds int64, ok bool) {
	n, i := int64(0), 0
	for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
		n = 10*n + int64(b[i]-'0')
		if n > 1000*maxSeconds+999 {
			return 0, false
		}
	}
	if i == 0 {
		return 0, false
	}
	if i < len(b) {
		if b[i] != '.' || i+1 == len(b) {
			return 0, false
		}
		for _, c := range b[i+1:] {
			if c < '0' || c > '9' {
				return 0, false
			}
		}
	}
	if n >= minMilliseconds {
		n /= 1000
	}
	return n, true
}

// parseWeight reads a weight as wantWeight says.
func parseWeight(b []byte) (weight float32, ok bool) {
	w, err := strconv.ParseFloat(string(b), 32)
	if err != nil || !(w > 0) || math.IsInf(w, 0) {
		return 0, false
	}
	return float32(w), true
}

// parseRating reads a rating as wantRating says.
func parseRating(b []byte) (rating float64, ok bool) {
	r, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(r) || math.IsInf(r, 0) {
		return 0, false
	}
	return r, true
}

// parseKind reads one of the words of profile.ParseKind.
func parseKind(b []byte) (profile.Kind, bool) { return profile.ParseKind(string(b)) }
