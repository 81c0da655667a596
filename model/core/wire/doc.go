// Package wire reads and writes the canonical msgpack subset in which every
// nearside document is written: root, manifest, signatures, the bundle's frame,
// requests, answers and model files. SPEC.md in core/bundle is the text.
//
// The subset: unsigned and negative integers in their shortest form, bool,
// bin, str (valid UTF-8), array, and map with unsigned keys in strictly
// ascending order. No nil, no float, no extension types. Every document has
// exactly one encoding, so what decodes re-encodes to the same bytes.
//
// The [Decoder] is for untrusted bytes. It does not recurse, does not
// allocate beyond what it returns, and checks every count against both the
// caller's bound and the bytes that remain. The first error sticks: later
// calls return zero values, so a caller reads straight through and asks for
// the error once, with [Decoder.End].
//
// Why not a msgpack library here? Those at hand allocate what five bytes claim
// (dd ff ff ff ff), recurse without a bound, accept duplicate keys and trailing
// bytes, and would add about 300 KB to the module. The packer does write with
// one (vmihailenco/msgpack), and the tests hold the two against each other.
package wire
