// Package trust decides whose bytes a device believes: keys and their roles,
// signatures, the head of a channel, and the state that keeps a device from
// ever going back.
//
// SPEC.md of package bundle is the text. Documents are read by strict bounded
// readers, and only after their signatures hold. Time is an argument. A [State]
// is a value: what moves it forward returns another one, which the caller
// stores before it acts on it.
package trust
