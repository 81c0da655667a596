// Package bundle turns bytes into a checked bundle, or refuses them.
//
// SPEC.md in this folder is the format's text. [Open] verifies before it
// parses: a device decodes only the outer frame, a root it already trusts and
// the signatures before it knows that the manifest's bytes are the
// publisher's. Every length is checked before it allocates, and a bundle that
// Open returns needs no further checks: every index in it is in range.
//
// The write side is package pack.
package bundle
