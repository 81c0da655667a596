// Package profile is what a device remembers about its person: recent events
// with kinds, weights and times, and what each of them counts for today.
//
// Nothing in here is ever sent anywhere. The module receives the events with
// each request and keeps none of them.
package profile
