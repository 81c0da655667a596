// Package tlog checks, with nothing but keys, that an entry is in a
// transparency log and that enough witnesses have seen the log that has it. It
// reads proofs as C2SP has them (tlog-proof, with a tlog-checkpoint under
// signed-note signatures and tlog-cosignatures):
//
//	c2sp.org/tlog-proof@v1
//	extra <base64>                     may be missing; no signature covers it
//	index <decimal>
//	<base64 of 32 bytes>               the audit path, from the entry up: 0 to 63 lines
//
//	<origin>                           the checkpoint; it is the log's name
//	<decimal>                          how many entries
//	<base64 of 32 bytes>               the head of their tree (RFC 6962, section 2.1)
//	<anything>                         extension lines, 0 or more
//
//	— <name> <base64 of key id and signature>     1 to 32 lines
//
// A Policy that accepts an entry has established that its log has signed a
// tree with the entry in it, and that a quorum of its witnesses has found that
// tree to go on from all they had seen of the log. Nobody can then have been
// given an entry that others cannot find there.
//
// Signatures by keys that the policy does not have are passed over. One by a
// key that it has, and that is wrong, refuses the proof, also where there are
// enough without it. What no accepted signature covers is not believed: the
// extra line, the lines of unknown keys, and extension lines where all keys are
// of ML-DSA-44, whose signatures leave them out.
//
// It refuses what a proof has no need of: other spellings of the same base64
// or number, carriage returns, bytes after the end, and more than the bounds
// below. It keeps nothing of what it was given.
package tlog
