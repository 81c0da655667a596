// Package profile is what a device remembers about its person: recent events
// with kinds, weights and times, and what each of them counts for today.
//
// Nothing in here is ever sent anywhere. The module receives the events with
// each request; what a call leaves in memory no later answer depends on.
package profile
