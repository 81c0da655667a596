// Package audit establishes what a bundle and its module promise, instead of
// believing it: each check looks at the bytes themselves, prints what it found
// and says how to repeat it.
//
//	report, err := audit.Run(ctx, audit.Options{Bundle: bundle, Root: root, Now: now})
//	report.Text(os.Stdout)
//	os.Exit(report.Worst().ExitCode())
//
// The same inputs give the same report, byte for byte: there are no times in it
// but the one that was given. A check that could not be made is NOT-RUN, which
// is never PASS.
//
// Why does it not run the module through package host? That pools instances,
// replaces them and refuses what has expired. An audit wants the instance
// itself: its statuses, its memory, and what it says at another time.
//
// What it cannot see: whether the numbers of a model stand for what they say. A
// publisher can hide anything in them, and does so under a signature.
package audit
