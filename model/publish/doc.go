// Package publish puts up a channel: the folder of static files that devices
// follow (SPEC.md of package bundle, section 9).
//
// It looks at the channel as a device does before it changes anything, refuses
// what a device would refuse, puts up what a document names before the document,
// and tries the new head on devices of its own before anybody else sees it. So
// whenever it stops, and wherever, the store holds the channel as it was or as
// it is to be.
//
// Nothing that a store answers is believed without a signature: a publisher
// begins with a root that it trusts, or with the state in which its last run
// left off. One publisher at a time: two that put up heads side by side give two
// heads the same number, and devices that have seen one refuse the other.
package publish
