// Package slate turns a request into the page that answers it: score, leave
// out what was seen, take the best k, or k that are good and unlike each other,
// and say why. It is the one door through
// which the guest, the native command and the tests go, and it reads and
// writes the request and answer documents of wasm/ABI.md.
package slate
