// Package score turns a bundle and a history into scores and reasons.
//
// Scores are integers: what the order of a slate depends on is the same on
// every engine. Where floats are needed, in solving for a person's factors and
// in pools, they are float32 with every product rounded before it is added.
package score
