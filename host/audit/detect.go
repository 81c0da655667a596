package audit

import (
	"math"
	"net/netip"
	"regexp"
	"strings"
)

// between returns the matches of pattern that do not go on in either direction
// with what inside says is a part of such a thing.
func between(pattern *regexp.Regexp, text string, inside func(c byte) bool) (list []string) {
	for _, at := range pattern.FindAllStringIndex(text, -1) {
		if (at[0] == 0 || !inside(text[at[0]-1])) && (at[1] == len(text) || !inside(text[at[1]])) {
			list = append(list, text[at[0]:at[1]])
		}
	}
	return list
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLower(c byte) bool  { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func isLetter(c byte) bool { return isLower(c) || isUpper(c) }
func isWord(c byte) bool   { return isDigit(c) || isLetter(c) || c == '_' }

var mail = regexp.MustCompile(`[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}`)

func findMail(text string) []string {
	if !strings.Contains(text, "@") {
		return nil
	}
	return mail.FindAllString(text, -1)
}

// With a plus and a country in front, or as North America writes them. Digits
// alone are numbers of anything.
var (
	international = regexp.MustCompile(`\+[1-9][0-9 .()\-]{6,18}[0-9]`)
	american      = regexp.MustCompile(`(?:\([0-9]{3}\) ?|[0-9]{3}[.\- ])[0-9]{3}[.\- ][0-9]{4}`)
)

func findPhone(text string) (list []string) {
	if strings.Contains(text, "+") {
		for _, found := range between(international, text, isWord) {
			digits := 0
			for _, c := range []byte(found) {
				if isDigit(c) {
					digits++
				}
			}
			if digits >= 8 && digits <= 15 { // E.164
				list = append(list, found)
			}
		}
	}
	if strings.ContainsAny(text, "-. ") && strings.ContainsAny(text, "0123456789") {
		list = append(list, between(american, text, func(c byte) bool { return isWord(c) || c == '-' || c == '+' })...)
	}
	return list
}

var (
	dotted = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)+`)
	groups = regexp.MustCompile(`[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*[0-9A-Fa-f]`)
)

func findIP(text string) (list []string) {
	if strings.Contains(text, ".") {
		for _, found := range between(dotted, text, isWord) {
			if _, err := netip.ParseAddr(found); err == nil {
				list = append(list, found)
			}
		}
	}
	if strings.Count(text, ":") >= 2 {
		for _, found := range between(groups, text, func(c byte) bool { return isWord(c) || c == ':' }) {
			parts := 0
			for part := range strings.SplitSeq(found, ":") {
				if part != "" {
					parts++
				}
			}
			if _, err := netip.ParseAddr(found); err == nil && parts >= 3 { // "d::" is one, too, and half a name in C++
				list = append(list, found)
			}
		}
	}
	return list
}

var uuid = regexp.MustCompile(`[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`)

func findUUID(text string) []string {
	if strings.Count(text, "-") < 4 {
		return nil
	}
	return between(uuid, text, isWord)
}

// The bounds of findRandom.
const (
	leastRandom  = 20  // letters and digits in a row
	leastChanges = 3   // from letter to digit and back, or between cases
	leastEntropy = 3.0 // bits a character; English words of that length have less or no changes
)

// findRandom finds words of letters and digits that no language has: keys,
// hashes, tokens, pseudonyms.
func findRandom(text string) (list []string) {
	from := 0
	for at := 0; at <= len(text); at++ {
		if at < len(text) && (isLetter(text[at]) || isDigit(text[at])) {
			continue
		}
		if word := text[from:at]; len(word) >= leastRandom && changes(word) >= leastChanges && entropy(word) >= leastEntropy {
			list = append(list, word)
		}
		from = at + 1
	}
	return list
}

// changes counts how often letters and digits take turns, and twice as rarely
// counts upper case within a word: names such as McDonald have that.
func changes(word string) int {
	digits, cases := 0, 0
	for i := 1; i < len(word); i++ {
		switch a, b := word[i-1], word[i]; {
		case isDigit(a) != isDigit(b):
			digits++
		case isLower(a) && isUpper(b):
			cases++
		}
	}
	return digits + cases/2
}

// entropy is Shannon's, of the word's own letters, in bits a letter.
func entropy(word string) (bits float64) {
	var count [256]float64
	for i := range len(word) {
		count[word[i]]++
	}
	for _, n := range count {
		if n > 0 {
			bits -= n / float64(len(word)) * math.Log2(n/float64(len(word)))
		}
	}
	return bits
}
